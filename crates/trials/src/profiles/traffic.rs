//! What simulated people send: message `n` is a pure function of `n` and the seed.

use domain::Timestamp;
use serde_json::json;

use crate::workspace::START;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// History lies in the days before the trial begins.
const HISTORY_DAYS: u64 = 45;
/// One message of so many is late, by up to [`LATE_MS_MAX`].
const LATE_ONE_OF: u64 = 20;
const LATE_MS_MAX: u64 = 3 * DAY_MS;
/// Each message of so many is sent once more.
pub(super) const REPEATED_ONE_OF: u64 = 100;
/// Names of events, as often as they are drawn.
pub(super) const EVENTS: [&str; 10] = [
    "Product Viewed",
    "Product Viewed",
    "Product Viewed",
    "Product Viewed",
    "Product Viewed",
    "Product Added",
    "Product Added",
    "Order Completed",
    "Song Played",
    "Song Played",
];
const COUNTRIES: [&str; 4] = ["DE", "FR", "AT", "CH"];

/// People and what they do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traffic {
    pub(super) people: u64,
    pub(super) items: u64,
    pub(super) per_second: u64,
    pub(super) seed: u64,
}

/// How properties are named.
#[derive(Debug, Clone, Copy)]
pub(super) enum PropertyNames {
    /// As the definitions ask for them.
    Asked,
    /// Otherwise: whether properties of messages before a definition count for it does not matter.
    Others,
}

/// One message.
pub(super) struct Sent {
    pub(super) person: u64,
    pub(super) json: String,
}

pub(super) fn user_id(person: u64) -> String {
    format!("p{person}")
}

impl Traffic {
    /// When the message `n` of the traffic is sent.
    pub(super) fn sent_at(&self, n: u64) -> Timestamp {
        Timestamp(START.0 + (n * 1_000 / self.per_second) as i64)
    }

    /// The message `n` of the traffic. The most active fifth of the people send 60 %.
    pub(super) fn message(&self, n: u64, names: PropertyNames) -> Sent {
        let mut random = Mixed(self.seed ^ (n << 8));
        let among = if random.below(2) == 0 { self.people } else { self.people / 5 };
        let person = random.below(among);
        let is_late = random.below(LATE_ONE_OF) == 0;
        let late_ms = if is_late { random.below(LATE_MS_MAX) } else { 0 };
        let at = Timestamp(self.sent_at(n).0 - late_ms as i64);
        let json = match random.below(20) {
            0 => self.identify(&format!("t{n}"), person, at),
            _ => self.track(&format!("t{n}"), person, at, names, &mut random),
        };
        Sent { person, json }
    }

    /// A view at an instant of a step through all people, each of whom comes once a round.
    pub(super) fn paced_view(&self, n: u64, at: Timestamp) -> Sent {
        let person = n % self.people;
        let mut random = Mixed(self.seed ^ (n << 8) ^ 0x5EED);
        let properties = self.properties(person, PropertyNames::Asked, &mut random);
        let json = json!({ "type": "track", "messageId": format!("v{n}"), "userId": user_id(person),
            "event": "Product Viewed", "timestamp": at.to_string(), "properties": properties });
        Sent { person, json: json.to_string() }
    }

    /// What somebody sent before the trial began, the first time who they are.
    pub(super) fn history(&self, person: u64, n: u64) -> Sent {
        let mut random = Mixed(self.seed ^ (person << 20) ^ (n << 4) ^ 0xA6E);
        let at = Timestamp(START.0 - 1 - random.below(HISTORY_DAYS * DAY_MS) as i64);
        let id = format!("h{person}-{n}");
        let json = match n {
            0 => self.identify(&id, person, at),
            _ => self.track(&id, person, at, PropertyNames::Others, &mut random),
        };
        Sent { person, json }
    }

    fn identify(&self, id: &str, person: u64, at: Timestamp) -> String {
        // Of two at one instant it does not matter which one counts.
        let mut random = Mixed(person ^ at.0 as u64);
        let traits = json!({
            "email": format!("p{person}@shop.example"),
            "country": COUNTRIES[random.below(4) as usize],
            "score": random.below(100),
        });
        json!({ "type": "identify", "messageId": id, "userId": user_id(person),
            "timestamp": at.to_string(), "traits": traits })
        .to_string()
    }

    fn track(
        &self,
        id: &str,
        person: u64,
        at: Timestamp,
        names: PropertyNames,
        random: &mut Mixed,
    ) -> String {
        let event = EVENTS[random.below(EVENTS.len() as u64) as usize];
        let properties = self.properties(person, names, random);
        json!({ "type": "track", "messageId": id, "userId": user_id(person), "event": event,
            "timestamp": at.to_string(), "properties": properties })
        .to_string()
    }

    /// People like one twentieth of the items each, and popular ones more.
    fn properties(
        &self,
        person: u64,
        names: PropertyNames,
        random: &mut Mixed,
    ) -> serde_json::Value {
        let share = random.below(1 << 16) as f64 / f64::from(1 << 16);
        let near_first = (share * share * self.items as f64) as u64;
        let item = match random.below(5) {
            0 => near_first,
            _ => (near_first / 20 * 20 + person % 20).min(self.items - 1),
        };
        let (brand, price, total) = match names {
            PropertyNames::Asked => ("brand", "price", "total"),
            PropertyNames::Others => ("label", "worth", "value"),
        };
        json!({ "product_id": format!("i{item}"), brand: format!("Brand {}", item % 40),
            price: 5 + item % 95, total: random.below(200), "currency": "EUR" })
    }
}

/// Numbers without a pattern (SplitMix64).
pub(super) struct Mixed(pub(super) u64);

impl Mixed {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (n ^ (n >> 31)) % bound
    }
}
