//! Files of messages, by command.

use super::process::Server;
use super::{run, write};

#[test]
fn messages_of_a_file_are_taken_as_if_a_source_had_sent_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(Server::start(&folder.join("data")));
    let views = "userId,sku,price,note\nann,lamp,19.9,x\n,lamp,1,y\nben,chair,cheap,\n";
    write(folder, "views.csv", views);
    let options = [
        "--data",
        "data",
        "--workspace",
        "shop",
        "--member=properties.product_id=sku",
        "--member=properties.price=price",
        "--type=properties.price=number",
        "--set=type=track",
        "--set=event=Product Viewed",
    ];
    let import = |file: &str, source: &str, more: &[&str]| {
        let arguments = [&["import", "messages", file, "--source", source], &options[..], more];
        run(folder, &arguments.concat())
    };
    insta::assert_snapshot!(
        [
            import("views.csv", "web", &["--dry-run"]),
            import("views.csv", "web", &[]),
            import("views.csv", "web", &["--json"]),
            import("views.csv", "nobody", &[]),
            import("views.txt", "web", &[]),
        ]
        .join("\n=====\n")
    );
}
