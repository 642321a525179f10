//! What is known of a message that is handed over, before and after, and what becomes of one of
//! which nobody knows whether it was taken.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::{AfterCrash, DeliverySettings};
use engine::CampaignCounts;

use super::*;

/// Longer than a reader waits for what is under way when it ends.
const HANGS: Duration = Duration::from_millis(2_500);

impl Shop {
    fn counts(&self) -> CampaignCounts {
        self.engine().snapshot().campaigns.by_key()["hello"].counts.clone()
    }

    /// The number of messages of which the journal knows that they are being handed over.
    fn n_under_way(&self) -> usize {
        let snapshot = self.engine().snapshot();
        let added_at = snapshot.destinations.get("mail").unwrap().added_at;
        snapshot.campaigns.under_way(snapshot.store(), added_at).unwrap().len()
    }

    fn put_channel(&self, after_crash: Option<AfterCrash>) {
        let mut channel = webhook(&self.receiver, json!({}));
        channel.name = "mail".to_owned();
        channel.rules.sources = Some(vec!["campaign".to_owned()]);
        channel.delivery = DeliverySettings { after_crash, ..DeliverySettings::default() };
        put(self.engine(), &channel);
    }
}

/// The events of campaigns that a receiver got: event, person, reason.
fn told(receiver: &Receiver) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let event = |body: &Value| {
        (text(&body["event"]), text(&body["userId"]), text(&body["properties"]["reason"]))
    };
    let mut told: Vec<_> = receiver.received().iter().map(|one| event(&one.body)).collect();
    told.sort();
    told
}

#[test]
fn what_becomes_of_a_message_is_counted_and_told_once() {
    let mut shop = Shop::new();
    let others = Receiver::start();
    let mut destination = webhook(&others, json!({}));
    destination.rules.sources = Some(vec!["campaign".to_owned()]);
    put(shop.engine(), &destination);
    shop.receiver.answer(|body| if body["userId"] == "ben" { 422 } else { 200 });
    for user in ["ada", "ben"] {
        shop.identify(user, json!({ "email": "x@shop.example", "name": user }));
    }
    shop.put_campaign(&campaign(CampaignStart::At { at: Timestamp(0) })).unwrap();
    let expected = [("Notification Failed", "ben", "http_422"), ("Notification Sent", "ada", "")];
    let expected = expected
        .map(|(event, user, reason)| (event.to_owned(), user.to_owned(), reason.to_owned()));
    await_that("both are told of", || (told(&others) == expected).then_some(()));
    let failed = BTreeMap::from([("http_422".to_owned(), 1)]);
    let counted = |counts: &CampaignCounts| (counts.handed_over, counts.unknown);
    assert_eq!((counted(&shop.counts()), shop.counts().failed), ((1, 0), failed.clone()));
    assert_eq!(shop.n_under_way(), 0);
    {
        // It is an event of the person like every other.
        let snapshot = shop.engine().snapshot();
        let ada = snapshot.profiles.ids().user_by_id("ada").unwrap();
        let names = ["Notification Sent"];
        assert_eq!(snapshot.events_with_names(ada, &names, Timestamp(0)).unwrap().len(), 1);
    }
    // The channel gets no message of what became of its own.
    let n_requests = shop.receiver.received().len();
    assert_eq!(n_requests, 2);
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((counted(&shop.counts()), shop.counts().failed), ((1, 0), failed));
    assert_eq!(shop.receiver.received().len(), n_requests);
    assert_eq!(told(&others), expected);
}

/// Ends the engine while the receiver has a message and has not answered, and begins anew.
fn end_while_handing_over(after_crash: Option<AfterCrash>) -> Shop {
    let mut shop = Shop::new();
    shop.put_channel(after_crash);
    let has_hung = AtomicBool::new(false);
    shop.receiver.answer(move |_| {
        if !has_hung.swap(true, Ordering::SeqCst) {
            std::thread::sleep(HANGS);
        }
        200
    });
    shop.identify("ada", json!({ "email": "ada@shop.example", "name": "Ada" }));
    shop.put_campaign(&campaign(after("Signed Up", 0, None))).unwrap();
    shop.track("ada", "Signed Up", json!({}));
    await_that("it is handed over", || (shop.n_under_way() == 1).then_some(()));
    shop.restart();
    shop
}

#[test]
fn what_may_have_been_taken_is_given_up_where_it_goes_once_at_most() {
    let shop = end_while_handing_over(Some(AfterCrash::OnceAtMost));
    await_that("it is counted", || (shop.counts().unknown == 1).then_some(()));
    assert_eq!((shop.counts().sent, shop.counts().handed_over, shop.n_under_way()), (1, 0, 0));
    std::thread::sleep(HANGS);
    shop.await_received(&[("ada", "Hello Ada")]);
    let dead = shop.engine().dead_letters("mail", None, 10).unwrap();
    assert_eq!((dead.len(), dead[0].reason.as_str()), (1, "unknown_outcome"));
    assert!(dead[0].text.contains("it is not sent again"), "{}", dead[0].text);
    // Whoever knows that it did not arrive sends it again.
    let chosen = [(dead[0].offset, dead[0].mapping.clone())];
    shop.engine().retry_dead_letters("mail", &chosen, None).unwrap();
    await_that("it is taken", || (shop.counts().handed_over == 1).then_some(()));
    shop.await_received(&[("ada", "Hello Ada"), ("ada", "Hello Ada")]);
}

#[test]
fn what_may_have_been_taken_is_sent_again_where_it_goes_once_at_least() {
    let shop = end_while_handing_over(None);
    await_that("it is taken", || (shop.counts().handed_over == 1).then_some(()));
    shop.await_received(&[("ada", "Hello Ada"), ("ada", "Hello Ada")]);
    assert_eq!((shop.counts().unknown, shop.n_under_way()), (0, 0));
    let ids = shop.receiver.received().into_iter().map(|one| one.headers["webhook-id"].clone());
    let ids: std::collections::HashSet<_> = ids.collect();
    assert_eq!(ids.len(), 1, "the receiver knows it by its id");
}

#[test]
fn a_campaign_that_begins_with_what_comes_of_messages_needs_a_gap() {
    let shop = Shop::new();
    let begun = |gap_s| {
        let options = DeliveryOptions { gap_s, ..DeliveryOptions::default() };
        Campaign { options, ..campaign(after("Notification Sent", 0, None)) }
    };
    let error = shop.put_campaign(&begun(None)).unwrap_err();
    assert!(error.contains("set options.gap_s"), "{error}");
    shop.put_campaign(&begun(Some(3_600))).unwrap();
}
