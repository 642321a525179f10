//! Audiences that ask for traits of accounts, against the plain evaluator.

use super::*;

const AUDIENCES: [(&str, &str); 6] = [
    ("pro", "account trait plan = \"pro\""),
    ("not_pro", "not account trait plan = \"pro\" and did \"Order\""),
    ("renews", "account trait ends within next 2 days"),
    ("other_plan", "account trait plan != \"free\" or account trait address.city exists"),
    ("active_pro", "in audience pro and did \"Order\" in the last 2 days"),
    ("named", "trait vip = true and account trait seats > 2"),
];

pub(super) fn new_fold() -> Fold {
    let mut fold = Fold::new();
    // Accounts are known by the rules of identity.
    let mut settings = fold.views.setup.config.settings();
    settings.identity = Some(domain::Identity::default());
    let change = ConfigChange::put_settings(&settings);
    let command = ConfigCommand { change, expected: Expected::Anything };
    fold.command(Command::Configure(Box::new(command)));
    fold
}

impl Fold {
    pub(super) fn group(&mut self, user: &str, account: &str, traits: &Value, late_hours: i64) {
        let body = json!({
            "type": "group",
            "messageId": format!("m{}", self.views.applied),
            "userId": user,
            "groupId": account,
            "traits": traits,
            "timestamp": Timestamp(self.now - late_hours * HOUR_MS).to_string(),
        });
        let arrival = Arrival { received_at: Timestamp(self.now), source: "web", peer_ip: None };
        let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
        self.apply(Entry::Message(Box::new(message.unwrap())));
    }

    pub(super) fn n_members(&self, key: &str) -> u64 {
        self.views.audiences.n_members(key).unwrap()
    }
}

#[derive(Debug, Clone)]
enum GroupStep {
    Group { user: u8, account: u8, plan: usize, seats: i64, ends_hours: i64, late_hours: i64 },
    Other(Timed),
}

fn group_step() -> impl Strategy<Value = GroupStep> {
    let group = (0..3_u8, 0..3_u8, 0..4_usize, 0..5_i64, -48..72_i64, -20..20_i64);
    prop_oneof![
        group.prop_map(|(user, account, plan, seats, ends_hours, late_hours)| {
            let late_hours = late_hours.max(0);
            GroupStep::Group { user, account, plan, seats, ends_hours, late_hours }
        }),
        step().prop_map(GroupStep::Other),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn membership_by_accounts_is_what_the_conditions_mean(
        steps in vec(group_step(), 1..30),
        n_before in 0..10_usize,
    ) {
        let mut fold = new_fold();
        for (n, step) in steps.into_iter().enumerate() {
            if n == n_before {
                fold.configure(&AUDIENCES);
                fold.now += 1_000;
                fold.apply(Entry::Tick { at: Timestamp(fold.now) });
            }
            match step {
                GroupStep::Other(timed) => fold.take(timed),
                GroupStep::Group { user, account, plan, seats, ends_hours, late_hours } => {
                    let plans = ["pro", "free", "team", "pro"];
                    let traits = json!({
                        "plan": plans[plan],
                        "seats": seats,
                        "ends": Timestamp(fold.now + ends_hours * HOUR_MS).to_string(),
                        "address": { "city": if plan == 2 { json!("Rome") } else { Value::Null } },
                    });
                    fold.group(&format!("u{user}"), &format!("a{account}"), &traits, late_hours);
                }
            }
            fold.check()?;
        }
    }
}

#[test]
fn all_members_of_an_account_follow_its_traits_in_steps() {
    let mut fold = new_fold();
    fold.configure(&AUDIENCES);
    for n in 0..1_300 {
        fold.group(&format!("p{n}"), "big", &json!({ "plan": "free" }), 0);
    }
    fold.group("lonely", "small", &json!({ "plan": "free" }), 0);
    assert_eq!(fold.n_members("pro"), 0);
    fold.group("p7", "big", &json!({ "plan": "pro" }), 0);
    let n_at_once = fold.n_members("pro");
    assert!((100..1_300).contains(&n_at_once), "{n_at_once}");
    // It changes once more while members are gone through.
    fold.group("p8", "big", &json!({ "plan": "free" }), 0);
    fold.group("p8", "big", &json!({ "plan": "pro" }), 0);
    for _ in 0..4 {
        fold.now += 1;
        fold.apply(Entry::Tick { at: Timestamp(fold.now) });
    }
    assert_eq!((fold.n_members("pro"), fold.views.timers.next_due()), (1_300, None));
    let members = fold.views.audiences.members(&fold.store, "pro", None, 2_000).unwrap();
    assert_eq!(members.len(), 1_300);
    // It changes with every message: who comes last is reached all the same.
    for n in 0..13 {
        fold.now += 1;
        let plan = if n % 2 == 0 { "pro" } else { "free" };
        fold.group("p8", "big", &json!({ "plan": plan }), 0);
    }
    let last = fold.views.profiles.ids().user_by_id("p1299").unwrap();
    let stays = fold.views.audiences.stays(&fold.store, "pro", last).unwrap();
    assert!(stays.len() > 1 || stays[0].left.is_some(), "{stays:?}");
    for _ in 0..8 {
        fold.now += 1;
        fold.apply(Entry::Tick { at: Timestamp(fold.now) });
    }
    assert_eq!((fold.n_members("pro"), fold.views.timers.next_due()), (1_300, None));
    // What nobody asks for concerns nobody.
    fold.group("p9", "big", &json!({ "color": "red" }), 0);
    assert_eq!(fold.views.timers.next_due(), None);
}

#[test]
fn whoever_joins_an_account_or_is_merged_into_a_member_has_its_traits() {
    let mut fold = new_fold();
    fold.configure(&AUDIENCES);
    fold.group("u0", "a0", &json!({ "plan": "pro" }), 0);
    let order = || Step::Track { late_hours: 0, name: "Order", total: 1, ends_hours: 0 };
    fold.take((1, Some(1), Some(1), order()));
    assert_eq!((fold.n_members("pro"), fold.n_members("not_pro")), (1, 1));
    // No trait of the account changes.
    fold.group("u1", "a0", &json!({ "plan": "pro" }), 0);
    assert_eq!((fold.n_members("pro"), fold.n_members("not_pro")), (2, 0));
    fold.take((1, Some(2), Some(2), order()));
    fold.command(Command::MergeUsers {
        target: "u2".to_owned(),
        source: "u0".to_owned(),
        cascade_create: false,
    });
    assert_eq!((fold.n_members("pro"), fold.n_members("not_pro")), (2, 0));
    fold.check().unwrap();
}
