use super::*;
use crate::configuration::documented::{keys_known, keys_listed};
use crate::configuration::parse;

#[test]
fn the_commented_file_holds_the_defaults() {
    assert_eq!(parse::<Settings>(include_str!("../settings.toml")).unwrap(), Settings::default());
    assert_eq!(parse::<Settings>("").unwrap(), Settings::default());
}

#[test]
fn what_cannot_change_while_a_server_runs_is_named_and_stays() {
    let in_force = Settings::default();
    let text = "listen = \"8090\"\n[log]\nfilter = \"debug\"\nformat = \"json\"\n[limits]\npublic_burst = 1\n\
                [training]\nenabled = false\n[shutdown]\ndeadline_s = 1\n[checks]\nenabled = false\n\
                [sources]\nanalytics_js = \"/srv/library\"\n[retention]\narchive = { bucket = \"b\" }";
    let asked: Settings = parse(text).unwrap();
    assert_eq!(
        in_force.waiting_for_restart(&asked),
        ["listen", "log.format", "sources", "limits", "checks", "retention"]
    );
    let reloaded = in_force.with_reloadable_from(asked.clone());
    assert_eq!(reloaded.waiting_for_restart(&in_force), Vec::<&str>::new());
    assert_eq!((&reloaded.training, &reloaded.shutdown), (&asked.training, &asked.shutdown));
    assert_eq!(reloaded.log, Log { filter: "debug".to_owned(), ..in_force.log });
}

#[test]
fn proxies_are_addresses_and_networks() {
    let proxies = |text: &str| {
        let settings = parse::<Settings>(&format!("[limits]\ntrusted_proxies = [{text}]"));
        settings.map(|settings| settings.limits.trusted_proxies).map_err(|error| error.to_string())
    };
    let networks =
        ["10.0.0.9/32", "10.1.0.0/16", "fd00::/8", "::1/128"].map(|text| text.parse().unwrap());
    assert_eq!(proxies(r#""10.0.0.9", "10.1.0.0/16", "fd00::/8", "::1""#).unwrap(), networks);
    let error = proxies(r#""10.0.0.9", "proxy.local""#).unwrap_err();
    assert!(error.contains(r#""proxy.local" is neither an address nor a network"#), "{error}");
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    let error = |text| parse::<Settings>(text).unwrap_err().to_string();
    insta::assert_snapshot!(error("[trainig]\nenabled = true"));
    insta::assert_snapshot!(error("[limits]\nrequest_max = 3"));
    insta::assert_snapshot!(error("listen = 8080"));
    insta::assert_snapshot!(error("listen = "));
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let error = |text: &str| parse::<Settings>(text).unwrap().validate().unwrap_err().to_string();
    let burst = "limits.public_burst is 0, it must be above 0";
    assert_eq!(error("[limits]\npublic_burst = 0"), burst);
    let deadline = "shutdown.deadline_s is 100000, it must be at most 3600";
    assert_eq!(error("[shutdown]\ndeadline_s = 100000"), deadline);
    assert_eq!(error("[training]\nnew_share = 0.0"), "training.new_share is 0, it must be above 0");
    let margin = "training.refusal_margin is NaN, it must be from 0 to 1";
    assert_eq!(error("[training]\nrefusal_margin = nan"), margin);
    for listen_tls in ["127.0.0.1:8080", ":8080"] {
        let told = error(&format!("listen_tls = {listen_tls:?}"));
        assert!(told.contains("give --listen-tls") && told.contains("another port"), "{told}");
    }
    let intervals =
        "training.interval_min_s is 100, it must be at most training.interval_max_s, which is 1";
    assert_eq!(error("[training]\ninterval_min_s = 100\ninterval_max_s = 1"), intervals);
    let catalog = error("[limits]\nunfinished_bytes_max = 1000");
    assert!(catalog.starts_with(
        "limits.catalog_bytes_max is 268435456, it must be at most limits.unfinished_bytes_max"
    ));
}

#[test]
fn the_how_to_page_lists_every_key_and_no_other() {
    let page = include_str!("../../../../docs/settings.md");
    let sections =
        ["log", "sources", "limits", "training", "checks", "destinations", "retention", "shutdown"];
    let mut top = keys_listed(page, "Top level");
    top.extend(sections.map(str::to_owned));
    assert_eq!(top, keys_known::<Settings>("unknown = 1"));
    for section in sections {
        let known = keys_known::<Settings>(&format!("[{section}]\nunknown = 1"));
        assert_eq!(keys_listed(page, section), known, "{section}");
    }
}
