//! Servers as their operators start, reload and misunderstand them.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to say or do something.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that writes its log to a file.
struct Server {
    process: Child,
    log: PathBuf,
}

impl Server {
    fn start(folder: &Path, command: &mut Command) -> Self {
        let log = folder.join("log");
        let file = fs_err::File::create(&log).unwrap();
        let process = command
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::from(file.into_parts().0))
            .spawn();
        Self { process: process.unwrap(), log }
    }

    /// The log, once it says something.
    fn wait_for(&mut self, text: &str) -> String {
        let started = Instant::now();
        loop {
            let log = fs_err::read_to_string(&self.log).unwrap();
            if log.contains(text) {
                return log;
            }
            let ended = self.process.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < PATIENCE,
                "{text:?} is not in the log:\n{log}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Where http or https is served, as the log says.
    fn base(&mut self, is_https: bool) -> String {
        let scheme = if is_https { "https://" } else { "http://" };
        let log = self.wait_for(&format!("serving url={scheme}"));
        let (_, rest) = log.split_once(&format!("serving url={scheme}")).unwrap();
        format!("{scheme}{}", rest.split_once(' ').unwrap().0)
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn tastemaker(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tastemaker"));
    command.args(arguments);
    command
}

/// What a command that fails says.
fn error_of(folder: &Path, arguments: &[&str]) -> String {
    let output = tastemaker(arguments).current_dir(folder).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The status of a request, made as any client would.
fn status(arguments: &[&str]) -> String {
    let mut curl = Command::new("curl");
    let output =
        curl.args(["-s", "-k", "-o", "/dev/null", "-w", "%{http_code}"]).args(arguments).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

fn workspace(id: &str, write_key: &str) -> String {
    format!(
        "[[workspace]]\nid = \"{id}\"\n[[workspace.source]]\nname = \"web\"\nwrite_key = \"{write_key}\"\n"
    )
}

#[test]
fn http_and_https_are_served_at_once_and_contradictions_name_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs_err::write(folder.join("bootstrap.toml"), workspace("shop", "key")).unwrap();
    let serve =
        ["serve", "--data", "data", "--bootstrap", "bootstrap.toml", "--listen", "127.0.0.1:0"];
    let both = [&serve[..], &["--listen-tls", "127.0.0.1:0", "--tls-self-signed"]].concat();
    let mut server = Server::start(folder, &mut tastemaker(&both));
    for is_https in [false, true] {
        let url = format!("{}/healthz", server.base(is_https));
        assert_eq!(status(&[&url]), "200", "{url}");
    }
    server.signal("-TERM");
    assert!(server.process.wait().unwrap().success());
    // As ever, a certificate without an address of its own is for --listen.
    let mut server =
        Server::start(folder, &mut tastemaker(&[&serve[..], &["--tls-self-signed"]].concat()));
    let url = format!("{}/healthz", server.base(true));
    assert_eq!(status(&[&url]), "200", "{url}");
    assert!(!fs_err::read_to_string(&server.log).unwrap().contains("http://"));
    drop(server);

    let without = error_of(folder, &["serve", "--data", "data", "--listen-tls", "127.0.0.1:0"]);
    assert!(
        without.contains("needs a certificate: give --tls-cert FILE and --tls-key FILE"),
        "{without}"
    );
    fs_err::write(folder.join("same.toml"), "listen = \"8090\"\nlisten_tls = \":8090\"\n").unwrap();
    let same = error_of(
        folder,
        &["serve", "--data", "data", "--config", "same.toml", "--tls-self-signed"],
    );
    assert!(same.contains("give --listen-tls (listen_tls in the settings) another port"), "{same}");
}

#[test]
fn a_hangup_reloads_what_can_change_and_a_broken_file_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &str| fs_err::write(folder.join(name), text).unwrap();
    write("bootstrap.toml", &workspace("shop", "first"));
    write("settings.toml", "");
    let mut serve = tastemaker(&["serve", "--data", "data", "--bootstrap", "bootstrap.toml"]);
    serve.args(["--config", "settings.toml", "--listen", "127.0.0.1:0"]);
    let mut server = Server::start(folder, &mut serve);
    let url = format!("{}/v1/track", server.base(false));
    let send = |key: &str| {
        status(&["-u", &format!("{key}:"), &url, "-d", r#"{"userId":"ann","event":"Seen"}"#])
    };
    assert_eq!((send("first"), send("second")), ("200".to_owned(), "401".to_owned()));

    write("bootstrap.toml", &(workspace("shop", "second") + &workspace("other", "third")));
    write(
        "settings.toml",
        "[log]\nfilter = \"debug\"\n[limits]\npublic_burst = 1\n[training]\nenabled = false\n",
    );
    server.signal("-HUP");
    let log = server.wait_for("were read anew");
    assert_eq!((send("first"), send("second")), ("401".to_owned(), "200".to_owned()));
    assert_eq!(send("third"), "200", "a workspace that is new in the file is made: {log}");
    assert!(log.contains(r#"takes effect with a restart only key="limits""#), "{log}");

    for (name, text) in
        [("bootstrap.toml", "[[workspace]"), ("settings.toml", "[log]\nfilter = \"a=b=c\"\n")]
    {
        let right = fs_err::read_to_string(folder.join(name)).unwrap();
        let n_before = server.wait_for("").matches("nothing was reloaded").count();
        write(name, text);
        server.signal("-HUP");
        let started = Instant::now();
        while server.wait_for("").matches("nothing was reloaded").count() == n_before {
            assert!(started.elapsed() < PATIENCE, "{name}: {}", server.wait_for(""));
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!((send("first"), send("second")), ("401".to_owned(), "200".to_owned()), "{name}");
        write(name, &right);
    }
    let taken =
        workspace("shop", "second") + &workspace("other", "third") + &workspace("more", "third");
    let n_before = server.wait_for("").matches("nothing was reloaded").count();
    write("bootstrap.toml", &taken);
    server.signal("-HUP");
    let started = Instant::now();
    while server.wait_for("").matches("nothing was reloaded").count() == n_before {
        assert!(started.elapsed() < PATIENCE, "{}", server.wait_for(""));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!folder.join("data/workspaces/more").exists(), "what is refused makes nothing");
    assert_eq!(send("third"), "200");
}

#[test]
fn a_dry_run_says_what_a_bootstrap_file_would_change_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |text: &str| fs_err::write(folder.join("bootstrap.toml"), text).unwrap();
    let plan = |more: &[&str]| {
        let serve = ["serve", "--data", "data", "--bootstrap", "bootstrap.toml", "--dry-run"];
        let mut command = tastemaker(&[&serve[..], more].concat());
        let output = command.current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    write(&format!("admin_token = \"a\"\n{}", workspace("shop", "first")));
    let first = "sets the admin_token\nshop: makes the workspace\nshop: sets source \"web\"\n";
    assert_eq!(plan(&[]), first);
    assert!(!folder.join("data").exists());

    let serve =
        ["serve", "--data", "data", "--bootstrap", "bootstrap.toml", "--listen", "127.0.0.1:0"];
    let mut server = Server::start(folder, &mut tastemaker(&serve));
    server.base(false);
    server.signal("-TERM");
    assert!(server.process.wait().unwrap().success());
    assert_eq!(plan(&[]), "The file changes nothing.\n");

    let app = "[[workspace]]\nid = \"shop\"\n[[workspace.source]]\nname = \"app\"\nwrite_key = \"second\"\n";
    write(&(app.to_owned() + &workspace("other", "third")));
    let added =
        "shop: sets source \"app\"\nother: makes the workspace\nother: sets source \"web\"\n";
    assert_eq!((plan(&[]), plan(&[])), (added.to_owned(), added.to_owned()));
    let pruned = plan(&["--prune"]);
    assert!(
        pruned.starts_with("shop: removes source \"web\"\nshop: sets source \"app\"\n"),
        "{pruned}"
    );
    assert!(!folder.join("data/workspaces/other").exists());
    write(&(workspace("shop", "same") + &workspace("other", "same")));
    let refused = error_of(folder, &[&serve[..5], &["--dry-run"]].concat());
    assert!(refused.contains("give each its own"), "{refused}");
}

/// Puts a certificate of its own and its key into two files, which look as old as they were before.
fn renew_certificate(certificate: &Path, key: &Path) {
    let written_at = |path: &Path| fs_err::metadata(path).and_then(|file| file.modified()).ok();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    for (path, text) in [(certificate, made.cert.pem()), (key, made.signing_key.serialize_pem())] {
        let before = written_at(path);
        fs_err::write(path, text).unwrap();
        if let Some(before) = before {
            fs_err::OpenOptions::new()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(before)
                .unwrap();
        }
    }
}

#[test]
fn a_hangup_reads_the_certificate_anew_and_one_that_does_not_fit_its_key_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs_err::write(folder.join("bootstrap.toml"), workspace("shop", "key")).unwrap();
    let [certificate, key, first] =
        ["cert.pem", "key.pem", "first.pem"].map(|name| folder.join(name));
    renew_certificate(&certificate, &key);
    fs_err::copy(&certificate, &first).unwrap();
    let mut serve = tastemaker(&["serve", "--data", "data", "--bootstrap", "bootstrap.toml"]);
    serve.args(["--listen", "127.0.0.1:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    let mut server = Server::start(folder, &mut serve);
    let url = format!("{}/healthz", server.base(true));
    let is_shown = |certificate: &Path| {
        let arguments = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"];
        let mut curl = Command::new("curl");
        let output = curl.args(arguments).arg(certificate).arg(&url).output().unwrap();
        output.stdout == b"200"
    };
    assert!(is_shown(&first));

    // The times of the files are as before, so that nothing but the signal makes the server look.
    renew_certificate(&certificate, &key);
    server.signal("-HUP");
    server.wait_for("were read anew");
    assert!(is_shown(&certificate) && !is_shown(&first));

    let second = folder.join("second.pem");
    fs_err::copy(&certificate, &second).unwrap();
    renew_certificate(&certificate, &folder.join("of-another"));
    server.signal("-HUP");
    let log = server.wait_for("nothing was reloaded");
    assert!(log.contains("do not go together"), "{log}");
    assert!(is_shown(&second));
}

#[test]
fn a_server_without_workspaces_says_what_to_do_in_commands_that_work_when_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let said = error_of(folder, &["serve", "--data", "my data"]);
    assert!(said.contains("there is no workspace in my data"), "{said}");
    assert!(!folder.join("my data").exists(), "what failed leaves nothing behind");
    let commands: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    let [make, serve] = commands[..] else { panic!("{said}") };
    assert!(Command::new("sh").args(["-c", make]).current_dir(folder).status().unwrap().success());
    let pasted = format!("exec {serve} --listen 127.0.0.1:0");
    let mut server = Server::start(folder, Command::new("sh").args(["-c", &pasted]));
    let url = format!("{}/v1/track", server.base(false));
    let sent =
        status(&["-u", "change-me-write:", &url, "-d", r#"{"userId":"ann","event":"Seen"}"#]);
    assert_eq!(sent, "200");
    drop(server);
    // Where the file is there it is not written over.
    let said = error_of(folder, &["serve", "--data", "elsewhere"]);
    assert!(!said.contains("printf") && said.contains("--bootstrap bootstrap.toml"), "{said}");
}

#[test]
fn commands_that_have_nothing_or_little_to_learn_from_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &str| fs_err::write(folder.join(name), text).unwrap();
    write("none.csv", "user_id,item_id\n");
    write("items.csv", "item_id,title\na,One\nb,Two\n");
    let rows: String =
        (0..12).map(|n| format!("u{},{}\n", n % 4, ["a", "b", "c"][n % 3])).collect();
    write("few.csv", &format!("user_id,item_id\n{rows}"));
    let offline = |interactions: &str, users: &str| {
        let files = ["--interactions", interactions, "--users", users, "--out", "lists.csv"];
        tastemaker(&[&["offline"][..], &files].concat()).current_dir(folder).output().unwrap()
    };
    let stderr = |output: std::process::Output| String::from_utf8(output.stderr).unwrap();
    let nothing = stderr(offline("none.csv", "few.csv"));
    assert_eq!(nothing, "error: none.csv has no interactions: there is nothing to learn from\n");
    assert_eq!(
        stderr(offline("few.csv", "none.csv")),
        "error: none.csv names no user to recommend to\n"
    );

    let place = ["--data", "data", "--workspace", "shop"];
    let say = |arguments: &[&str]| {
        let output =
            tastemaker(&[arguments, &place].concat()).current_dir(folder).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    say(&["import", "catalog", "items.csv"]);
    for command in ["train", "evaluate"] {
        let said = say(&[command]);
        assert!(
            said.starts_with("error: the workspace has no interactions to learn from"),
            "{said}"
        );
    }
    let little = "there are 12 interactions; a first model needs at least 100";
    say(&["import", "interactions", "few.csv"]);
    for command in [&["models"][..], &["evaluate"], &["recommend", "--user", "nobody"]] {
        let said = say(command);
        assert!(said.contains(little), "{command:?}: {said}");
    }
    assert!(String::from_utf8(offline("few.csv", "few.csv").stdout).unwrap().contains(little));
    for command in [&["train"][..], &["models"], &["recommend", "--user", "nobody"]] {
        let said = say(command);
        assert!(!said.contains("refused"), "{command:?}: {said}");
    }
}

#[test]
fn tail_shows_what_arrives_and_comes_back_after_a_restart_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let bootstrap = format!("admin_token = \"admin\"\n{}", workspace("shop", "key"));
    fs_err::write(folder.path().join("b.toml"), bootstrap).unwrap();
    let listen = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string()
    };
    let start = || {
        let serve = ["serve", "--data", "data", "--bootstrap", "b.toml", "--listen", &listen];
        let mut server = Server::start(folder.path(), &mut tastemaker(&serve));
        let base = server.base(false);
        (server, base)
    };
    let (mut server, base) = start();
    let send = |body: &str| {
        let url = format!("{base}/v1/track");
        assert_eq!(status(&["-u", "key:", "-d", body, &url]), "200");
    };
    let good = r#"{"userId":"ann","event":"Product Viewed","messageId":"m1","properties":{"product_id":"lamp"}}"#;
    send(good);
    let tail = |more: &[&str]| {
        let mut command = tastemaker(&["tail", "--url", &base, "--workspace", "shop"]);
        command.args(more).env("TASTEMAKER_KEY", "admin").current_dir(folder.path());
        command
    };
    let printed = |more: &[&str]| {
        let output = tail(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let before = printed(&["--no-follow"]);
    assert!(before.contains("accepted") && before.contains("by ann: viewed lamp"), "{before}");
    assert!(!before.contains('\u{1b}'), "colours are for terminals");
    let json = printed(&["--no-follow", "--json", "--user", "ann"]);
    let entry: serde_json::Value = serde_json::from_str(json.trim()).unwrap();
    assert_eq!(entry["message_id"], "m1");

    let out = folder.path().join("out");
    let file = fs_err::File::create(&out).unwrap();
    let following = tail(&["--last", "0"])
        .stdout(Stdio::from(file.into_parts().0))
        .stderr(Stdio::null())
        .spawn();
    let mut following = Server { process: following.unwrap(), log: out.clone() };
    // Sent again until it is seen: nobody knows when the stream is open.
    let wait_for = |following: &mut Server, text: &str, body: &str| {
        let started = Instant::now();
        loop {
            send(body);
            let shown = fs_err::read_to_string(&out).unwrap();
            if shown.contains(text) {
                return shown;
            }
            let ended = following.process.try_wait().unwrap();
            assert!(ended.is_none() && started.elapsed() < PATIENCE, "{text:?}:\n{shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait_for(&mut following, "duplicate", good);
    let stopping = Instant::now();
    server.signal("-TERM");
    server.process.wait().unwrap();
    assert!(stopping.elapsed() < Duration::from_secs(8), "a stream does not hold up the stop");
    let (_server, _) = start();
    let wrong = r#"{"event":"Product Viewed"}"#;
    let shown = wait_for(&mut following, "rejected", wrong);
    assert!(shown.contains("one of userId and anonymousId is required"), "{shown}");
    // Not -INT: whoever runs tests in the background may have it ignored.
    following.signal("-TERM");
    following.process.wait().unwrap();

    let error = |key: &str, id: &str| {
        let mut command = tastemaker(&["tail", "--url", &base, "--workspace", id, "--no-follow"]);
        let output = command.env("TASTEMAKER_KEY", key).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(error("wrong", "shop").contains("no API key"), "{}", error("wrong", "shop"));
    assert!(error("admin", "shpo").contains("there are: shop"), "{}", error("admin", "shpo"));
    assert!(error("", "shop").contains("TASTEMAKER_KEY"));
}
