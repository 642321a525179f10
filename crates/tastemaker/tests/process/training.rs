//! Training runs of a real server.

use std::time::Duration;

use serde_json::Value;

use crate::process::Server;

/// Starts a training run and waits until it has ended: the run.
pub(crate) fn train(server: &Server) -> Value {
    let url = format!("{}/api/workspaces/shop/training", server.base);
    let started =
        server.agent.post(url).header("authorization", "Bearer admin").send_empty().unwrap();
    assert_eq!(started.status(), 202);
    let url = format!("{}{}", server.base, started.headers()["location"].to_str().unwrap());
    loop {
        let mut answer =
            server.agent.get(&url).header("authorization", "Bearer admin").call().unwrap();
        let run: Value =
            serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        if run["state"] != "running" {
            return run;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
