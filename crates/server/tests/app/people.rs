//! People over the admin API.

use serde_json::json;

use super::TestApp;

#[tokio::test]
async fn an_alias_that_merges_nobody_is_told_with_both_ids() {
    let app = TestApp::new().await;
    app.batch(json!([
        { "type": "track", "userId": "ann", "event": "Seen" },
        { "type": "track", "userId": "bob", "anonymousId": "bobs-phone", "event": "Seen" },
        { "type": "alias", "userId": "ann", "previousId": "bobs-phone" },
    ]))
    .await;
    let rejections = app.admin("/api/workspaces/shop/rejections").await.body;
    let latest = &rejections["latest"][0];
    assert_eq!(latest["reason"], "identity_limit", "{rejections}");
    let detail = latest["detail"].as_str().unwrap();
    assert!(detail.contains("\"bobs-phone\"") && detail.contains("\"ann\""), "{detail}");
    let person = app.admin("/api/workspaces/shop/people/user_id:ann").await.body;
    assert!(person["merges"].as_array().is_none_or(Vec::is_empty), "{person}");
    // As that says: the user ids of both make them one.
    app.batch(json!([{ "type": "alias", "userId": "ann", "previousId": "bob" }])).await;
    let person = app.admin("/api/workspaces/shop/people/bobs-phone").await.body;
    assert_eq!((&person["id"], &person["merges"][0]["id"]), (&json!("ann"), &json!("bob")));
}

#[tokio::test]
async fn an_account_beyond_the_limit_of_a_person_is_told_with_its_group_id() {
    let app = TestApp::with_people().await;
    let group = |n: usize| {
        json!({ "type": "group", "userId": "cid", "groupId": format!("club-{n}"),
            "messageId": format!("c{n}"), "traits": { "seats": n } })
    };
    let clubs: Vec<_> = (0..=1_000).map(group).collect();
    for some in clubs.chunks(200) {
        app.batch(json!(some)).await;
    }
    let rejections = app.admin("/api/workspaces/shop/rejections").await.body;
    let latest = rejections["latest"].as_array().unwrap();
    assert_eq!(latest.len(), 1, "{rejections}");
    assert_eq!(latest[0]["reason"], "identity_limit");
    let detail = latest[0]["detail"].as_str().unwrap();
    assert!(detail.contains("1,000 accounts") && detail.contains("\"club-1000\""), "{detail}");
    // The page of what arrives has the same words, and the account has what the message says of it.
    let path = "/api/workspaces/shop/messages?outcome=applied_in_part";
    let arrived = app.admin(path).await.body;
    assert_eq!(arrived["entries"][0]["detail"], detail, "{arrived}");
    let account = app.account("group_id:club-1000", "traits").await;
    assert_eq!(account.body["traits"]["seats"], 1_000, "{}", account.body);
    // A further message of an account that the person belongs to is in no limit's way.
    let again = json!({ "type": "group", "userId": "cid", "groupId": "club-7", "traits": {} });
    app.batch(json!([again])).await;
    let rejections = app.admin("/api/workspaces/shop/rejections").await.body;
    assert_eq!(rejections["latest"].as_array().unwrap().len(), 1, "{rejections}");
}

#[tokio::test]
async fn people_are_found_by_the_beginning_of_an_id_or_trait_and_merged_ones_tell_of_it() {
    let app = TestApp::new().await;
    let messages = json!([
        { "type": "track", "userId": "ada/old", "event": "Looked around" },
        { "type": "identify", "userId": "Ada", "traits": { "email": "Ada@Example.com", "n": 1.50 } },
        { "type": "track", "userId": "Ada", "event": "Came back" },
        { "type": "alias", "userId": "Ada", "previousId": "ada/old" },
        { "type": "identify", "userId": "bob", "traits": { "email": "bob@example.com" } },
        { "type": "identify", "userId": "bob", "traits": { "email": "new@example.com" } },
    ]);
    app.batch(messages).await;
    let ids = async |text: &str| {
        let found = app.admin(&format!("/api/workspaces/shop/people?q={text}")).await.body;
        let people = found["people"].as_array().unwrap().clone();
        people.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (text, expected) in [
        ("ada", vec!["Ada"]),
        ("ADA%2Fo", vec!["Ada"]),
        ("ada@exam", vec!["Ada"]),
        ("new@", vec!["bob"]),
        ("bob@example", vec![]),
        ("", vec![]),
        ("zzz", vec![]),
    ] {
        assert_eq!(ids(text).await, expected, "{text:?}");
    }
    let recent = app.admin("/api/workspaces/shop/people").await.body;
    assert_eq!(recent["people"][0]["id"], "bob");

    let read = app.admin("/api/workspaces/shop/people/user_id:ada%2Fold").await.body;
    assert_eq!((&read["id"], &read["email"]), (&json!("Ada"), &json!("Ada@Example.com")));
    assert_eq!(read["identifiers"].as_array().unwrap().len(), 2);
    let merge = &read["merges"][0];
    assert_eq!((&merge["id"], &merge["by"]), (&json!("ada/old"), &json!("alias")));
    assert_eq!(
        read["events"],
        json!([
            { "event": "Came back", "count": 1 },
            { "event": "Looked around", "count": 1 },
        ])
    );
    let nobody = app.admin("/api/workspaces/shop/people/eve").await;
    assert_eq!(nobody.status, 404);

    let timeline = "/api/workspaces/shop/people/Ada/timeline";
    let (mut seen, mut next) = (Vec::new(), format!("{timeline}?limit=1"));
    loop {
        let page = app.admin(&next).await.body;
        seen.push(page["events"][0]["type"].as_str().unwrap().to_owned());
        let Some(older) = page["older"].as_str() else { break };
        next = format!("{timeline}?limit=1&older={older}");
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
    let some = app.admin(&format!("{timeline}?event=Came%20back")).await.body;
    assert_eq!(some["events"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_is_shown_with_its_traits_members_and_what_they_did() {
    let app = TestApp::with_people().await;
    let account = app.admin("/api/workspaces/shop/accounts/acme").await.body;
    assert_eq!((&account["id"], &account["name"]), (&json!("acme"), &json!("Acme")), "{account}");
    let traits = account["traits"].as_array().unwrap();
    let shown: Vec<_> = traits.iter().map(|one| (&one["key"], &one["value"])).collect();
    assert_eq!(shown, [(&json!("name"), &json!("Acme")), (&json!("seats"), &json!(12))]);
    let events = account["events"].as_array().unwrap();
    let signed_up = events.iter().filter(|event| event["event"] == "Signed Up");
    assert_eq!(signed_up.count(), 2, "of both members: {account}");

    let ids = |page: &serde_json::Value| -> Vec<String> {
        let members = page["members"].as_array().unwrap().iter();
        members.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let path = "/api/workspaces/shop/accounts/group_id:acme/members?limit=1";
    let first = app.admin(path).await.body;
    let second = app.admin(&format!("{path}&after={}", first["next"])).await.body;
    assert_eq!((ids(&first), ids(&second)), (vec!["ann".to_owned()], vec!["bob".to_owned()]));
    assert_eq!(second.get("next"), None, "{second}");
    let unknown = app.admin("/api/workspaces/shop/accounts/nowhere").await;
    assert_eq!((unknown.status.as_u16(), unknown.line().contains("nowhere")), (404, true));

    let found = app.admin("/api/workspaces/shop/search?q=ac").await.body;
    assert_eq!(found["accounts"], json!([{ "id": "acme", "name": "Acme" }]), "{found}");
    let none = app.admin("/api/workspaces/shop/search?q=cme").await.body;
    assert_eq!(none["accounts"], json!([]));
}
