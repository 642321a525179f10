//! What people do with pages: wrong addresses, forms sent twice, links that are followed.

use std::collections::{BTreeSet, VecDeque};

use axum::http::StatusCode;
use domain::Role;

use super::office::{Office, Visitor};
use super::tables;

/// The values of an attribute on a page that are addresses of the console.
fn addresses(text: &str, attribute: &str) -> Vec<String> {
    let before = format!(" {attribute}=\"");
    let parts = text.split(&before).skip(1);
    let values = parts.filter_map(|part| part.split('"').next());
    let values = values.filter(|value| value.starts_with("/console"));
    values.map(|value| value.replace("&amp;", "&")).collect()
}

/// What tells an address from others: of pages that differ by values of parameters, one is enough.
fn key(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    let names: BTreeSet<&str> = names.collect();
    format!("{path} {names:?}")
}

/// What is wrong with the pages that a role comes to by links.
async fn walk(visitor: &Visitor<'_>, role: Role) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut seen = BTreeSet::new();
    let mut left = VecDeque::from([("/console".to_owned(), String::new())]);
    while let Some((address, from)) = left.pop_front() {
        if !seen.insert(key(&address)) {
            continue;
        }
        let answer = visitor.get(&address).await;
        let status = answer.status;
        if status.is_client_error() || status.is_server_error() {
            mistakes.push(format!("{role}: {from} links to {address}: {status}"));
        }
        let links = addresses(&answer.text, "href");
        let links = links.into_iter().filter(|link| !link.contains("/assets/"));
        let next = links.chain([answer.location]).filter(|next| next.starts_with("/console"));
        left.extend(next.map(|next| (next, address.clone())));
        for form in answer.text.split("<form").skip(1) {
            let form = form.split('>').next().unwrap_or_default();
            let method = if form.contains(" method=\"post\"") { "POST" } else { "GET" };
            let Some(action) = addresses(form, "action").pop() else { continue };
            let path = action.split('?').next().unwrap_or_default();
            let row = super::find_call(method, path);
            let row = row.unwrap_or_else(|| panic!("{address} sends a form to {path}"));
            let may = match row.requirement {
                web::access::Requirement::Right(right) => role.has(right),
                _ => true,
            };
            if !may {
                mistakes.push(format!("{role}: {address} has a form for {path}"));
            }
        }
    }
    assert!(seen.len() > 10, "{role} saw {seen:?}");
    mistakes
}

#[tokio::test]
async fn nobody_is_led_to_a_page_that_they_may_not_open() {
    let office = Office::with_shop().await;
    let mut mistakes = Vec::new();
    for role in Role::ALL {
        mistakes.extend(walk(&office.visitor(role), role).await);
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[tokio::test]
async fn whatever_is_wrong_is_a_page_with_a_way_back() {
    let office = Office::with_shop().await;
    let owner = office.visitor(Role::Owner);
    for unknown in
        ["/console/shop/nothing", "/console/-/nothing", "/console/shop/", "/console/a/b/c"]
    {
        owner.get(unknown).await.says(404, "There is no page at this address");
    }
    owner.get("/console/nowhere").await.says(404, "no workspace");
    owner.get("/console/shop/catalog/items/none").await.says(404, "there is no item");
    // A form whose address is loaded again.
    let page = owner.get("/console/shop/settings/sources/web/rotate").await;
    page.says(405, "/console/shop/settings/sources/web\"");
    owner.post("/console/shop/exports", "what=items").await.says(422, "missing field");
    owner.post("/console/shop/catalog/import", "file=x").await.says(400, "The form was not");
    let support = office.visitor(Role::Support);
    support.get("/console/shop/models").await.says(403, "analyst");
}

#[tokio::test]
async fn a_parameter_that_a_page_does_not_take_is_named() {
    let office = Office::with_shop().await;
    let owner = office.visitor(Role::Owner);
    let mut n = 0;
    for call in tables().into_iter().flatten().filter(|call| call.method == "GET") {
        let path = call.path.replace("{workspace}", "shop").replace("{name}", "web");
        if path.contains('{') || path.ends_with("/stream") {
            continue;
        }
        if owner.get(&path).await.status != StatusCode::OK {
            continue;
        }
        n += 1;
        let answer = owner.get(&format!("{path}?no_such=1")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(answer.text.contains("no_such"), "{path}: {}", answer.text);
    }
    assert!(n > 20, "{n} pages were asked");
    for wrong in ["live?outcome=x", "scenarios?sort=x", "results?order=x", "models?notice=x"] {
        owner.get(&format!("/console/shop/{wrong}")).await.says(400, "Show the page without it");
    }
    owner.get("/console/shop/live?before=x").await.says(400, "Show the page without it");
}

#[tokio::test]
async fn whoever_is_signed_out_comes_back_to_the_form() {
    let office = Office::with_shop().await;
    let form = "/console/shop/settings/sources/web/rotate";
    let stranger = Visitor::stranger(&office);
    let to = "next=%2Fconsole%2Fshop%2Fsettings%2Fsources%2Fweb&notice=not_done";
    let location = stranger.post(form, "overlap_s=0").await.led("/console/-/sign-in").location;
    assert!(location.ends_with(to), "{location}");
    let sign_in = stranger.get(&location).await.text;
    assert!(sign_in.contains("the change was not made"), "{sign_in}");
}

#[tokio::test]
async fn a_secret_is_shown_once_and_loading_again_makes_no_second() {
    let office = Office::with_shop().await;
    let owner = office.visitor(Role::Owner);
    for (form, fields) in [
        ("/console/shop/settings/tokens", "name=server&kind=private"),
        ("/console/-/api-keys", "name=robot&role=editor&everywhere=true"),
        ("/console/-/accounts", "email=new%40example.com&role=editor&everywhere=true"),
        ("/console/shop/settings/sources/web/rotate", "overlap_s=0"),
    ] {
        let page = owner.post(form, fields).await.led("/console/-/shown-once/").location;
        owner.get(&page).await.says(200, "It is shown this once");
        owner.get(&page).await.says(410, "was shown already");
    }
}

#[tokio::test]
async fn a_form_that_is_sent_twice_does_its_work_once() {
    let office = Office::with_shop().await;
    let owner = office.visitor(Role::Owner);
    let items = "item_id,title\na,Lamp\nb,Chair\nc,Table\nd,Desk\n";
    let draft =
        owner.upload("items.csv", items).await.led("/console/shop/catalog/import/").location;
    let first = owner.post(&draft, "drop=price").await.led("/console/shop/jobs/").location;
    let second = owner.post(&draft, "drop=price").await.led("/console/shop/jobs/").location;
    assert_eq!(first, second);
    owner.ended(&first).await;
    assert_eq!(owner.post(&draft, "drop=price").await.led("/").location, first, "it is spent");
    assert_eq!(owner.get(&draft).await.led("/").location, first);
    let versions = owner.get("/console/shop/catalog/versions").await.text;
    assert!(!versions.contains("/versions/3/"), "{versions}");
}

#[tokio::test]
async fn a_refused_file_is_shown_with_its_rows_and_reasons() {
    let office = Office::with_shop().await;
    let owner = office.visitor(Role::Owner);
    let page = owner.upload("items.csv", "item_id,price\n,1\n,2\n").await;
    let page = page.says(422, "item_id is missing").text;
    assert!(page.contains("correct the file") && !page.contains("skip_invalid"), "{page}");
    owner.upload("items.csv", "").await.says(422, "the file is empty");
}

#[tokio::test]
async fn what_the_console_changes_is_told_in_plain_words() {
    let office = Office::with_shop().await;
    let owner = office.visitor(Role::Owner);
    owner.post("/console/shop/catalog/items/a/off", "").await.led("/console/shop/catalog/items/a");
    let live = owner.get("/console/shop/live").await.says(200, "an API or the console").text;
    assert!(live.contains("turn an item off"), "{live}");
    assert!(live.contains("<bdi>Lamp</bdi>"), "{live}");
}
