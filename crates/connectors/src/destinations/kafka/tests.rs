//! Against a real broker where the variable `KAFKA_JARS` names a folder with its program
//! (`tests/kafka/pom.xml`), and against one that is not there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mapping::Mappings;
use tempfile::TempDir;

use super::*;
use crate::kind;
use crate::testing::{self, reasons};

/// How long a broker may take to start.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// A broker of its own on this machine.
struct Broker {
    process: Child,
    jars: PathBuf,
    folder: TempDir,
    port: u16,
    /// Where one has to sign in.
    closed_port: u16,
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn java(jars: &Path) -> Command {
    let mut command = Command::new("java");
    command.arg("-Xmx256m").arg("-cp").arg(format!("{}/*", jars.display()));
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

impl Broker {
    fn start() -> Option<Self> {
        let Some(jars) = std::env::var_os("KAFKA_JARS").map(PathBuf::from) else {
            eprintln!("skipped: KAFKA_JARS names no folder with a broker (tests/kafka/pom.xml)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let free = [free(), free(), free()];
        let [port, closed_port, controller_port] =
            free.map(|listener| listener.local_addr().unwrap().port());
        let config = folder.path().join("server.properties");
        let data = folder.path().join("data");
        fs_err::write(
            &config,
            format!(
                "process.roles=broker,controller\nnode.id=1\n\
                 controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
                 listeners=OPEN://127.0.0.1:{port},CLOSED://127.0.0.1:{closed_port},CONTROLLER://127.0.0.1:{controller_port}\n\
                 controller.listener.names=CONTROLLER\ninter.broker.listener.name=OPEN\n\
                 listener.security.protocol.map=OPEN:PLAINTEXT,CONTROLLER:PLAINTEXT,CLOSED:SASL_PLAINTEXT\n\
                 sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
                 listener.name.closed.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_shop=\"secret\";\n\
                 listener.name.closed.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
                 listener.name.closed.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
                 log.dirs={}\nnum.partitions=3\noffsets.topic.replication.factor=1\n",
                data.display()
            ),
        )
        .unwrap();
        let formatted = java(&jars)
            .args(["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg"])
            .args(["--add-scram", "SCRAM-SHA-256=[name=shop,password=secret]"])
            .args(["--add-scram", "SCRAM-SHA-512=[name=shop,password=secret]"])
            .arg("-c")
            .arg(&config)
            .status()
            .unwrap();
        assert!(formatted.success(), "the broker's folder was not made");
        let mut command = java(&jars);
        command.stdout(Stdio::null()).arg("kafka.Kafka").arg(&config);
        let process = command.spawn().unwrap();
        Some(Self { process, jars, folder, port, closed_port })
    }

    async fn wait(&self) {
        let sender = connect(json!({ "brokers": format!("127.0.0.1:{}", self.port) }));
        let until = Instant::now() + START_TIME_MAX;
        while Arc::clone(&sender).check().await.is_err() {
            assert!(Instant::now() < until, "the broker does not answer");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What the broker's own program prints of the records of a topic.
    fn dump(&self, topic: &str) -> String {
        let mut text = String::new();
        for partition in 0..3 {
            let file = format!("data/{topic}-{partition}/00000000000000000000.log");
            let output = java(&self.jars)
                .args(["kafka.tools.DumpLogSegments", "--print-data-log", "--files"])
                .arg(self.folder.path().join(file))
                .output()
                .unwrap();
            text += &String::from_utf8(output.stdout).unwrap();
        }
        text
    }
}

fn connect(mut settings: Value) -> Arc<dyn Sender> {
    settings["encryption"] = "none".into();
    testing::connect("kafka", settings)
}

fn track(id: &str, user: &str) -> Value {
    json!({"type": "track", "messageId": id, "userId": user, "event": "E"})
}

fn prepare(sender: &dyn Sender, topic: &str, messages: &[Value]) -> Vec<Arc<Prepared>> {
    let mapping = json!([{"name": "M", "trigger": "event = \"E\"", "action": "append",
        "use_defaults": true, "fields": {"topic": topic}}]);
    let actions = kind("kafka").unwrap().actions;
    let mappings = Mappings::from_json_for(actions, &mapping.to_string()).unwrap();
    let made = testing::prepare(sender, &mappings, messages);
    made.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_broker_has_the_records_and_finds_them_valid() {
    let Some(broker) = Broker::start() else { return };
    broker.wait().await;
    let brokers = format!("127.0.0.1:{}", broker.port);
    let messages = [track("m-1", "u-1"), track("m-2", "u-2"), track("m-3", "u-1")];

    let sender = connect(json!({ "brokers": brokers }));
    let batch = prepare(&*sender, "absent", &messages);
    assert_eq!(reasons(&sender.send(batch).await), ["retry kafka_3"; 3]);

    let sender = connect(json!({"brokers": brokers, "create_topics": true}));
    let batch = prepare(&*sender, "events", &messages);
    let until = Instant::now() + START_TIME_MAX;
    while Arc::clone(&sender).send(batch.clone()).await.iter().any(Result::is_err) {
        assert!(Instant::now() < until, "the topic is not created");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let dumped = broker.dump("events");
    assert_eq!(dumped.matches("isvalid: true").count(), dumped.matches("baseOffset: ").count());
    for part in ["key: u-1", "key: u-2", "\"messageId\":\"m-3\"", "headerKeys: [delivery-id]"] {
        assert!(dumped.contains(part), "{part} is not in\n{dumped}");
    }

    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let check = async |password: &str| {
            let brokers = format!("127.0.0.1:{}", broker.closed_port);
            let settings = json!({"brokers": brokers, "mechanism": mechanism, "user": "shop",
                "password": password});
            reasons(&[connect(settings).check().await])
        };
        assert_eq!(check("secret").await, [""], "{mechanism}");
        assert_eq!(check("wrong").await, ["sign_in"], "{mechanism}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_tried_again_or_refused() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let sender = connect(json!({ "brokers": format!("127.0.0.1:{port}") }));
    let batch = prepare(&*sender, "t", &[track("m-1", "u-1")]);
    assert_eq!(reasons(&sender.send(batch).await), ["retry no_connection"]);
    let sender = connect(json!({"brokers": "10.0.0.1:9092"}));
    assert_eq!(reasons(&[sender.check().await]), ["refused_address"]);
}

#[tokio::test]
async fn answers_that_are_none_do_no_harm() {
    use tokio::io::AsyncWriteExt;
    for garbage in [&b"\0\0\0\x06\0\0\0\x01\xff\xff"[..], b"\x7f\xff\xff\xff", b"HTTP/1.1 400"] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(garbage).await.unwrap();
            tokio::time::sleep(Duration::from_secs(30)).await;
        });
        let sender = connect(json!({ "brokers": format!("127.0.0.1:{port}") }));
        assert_eq!(reasons(&[sender.check().await]), ["unknown unreadable_answer"]);
    }
}

#[test]
fn errors_that_pass_are_tried_again() {
    for (error, reason) in [(0, ""), (6, "retry kafka_6"), (10, "kafka_10"), (29, "kafka_29")] {
        assert_eq!(reasons(&[read_error(error)]), [reason]);
    }
}
