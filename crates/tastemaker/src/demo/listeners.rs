//! Listeners with tastes, and the messages that their players send.
//!
//! A listener has one to three genres at heart and a favourite decade; an album draws them by how
//! much of these it has and by how well known it is. They come in visits, look at albums, play some
//! through and save a few. Everything follows from a seed.

use std::fmt::Write;

use domain::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::albums::Album;

/// How long the simulated history is, in days.
const HISTORY_DAYS: f64 = 60.0;
const MS_PER_DAY: f64 = 86_400_000.0;
/// The mean number of albums that a listener meets: with identify and saves about 50 messages each.
const ALBUMS_MEAN: f64 = 34.0;
/// The share of listeners whose first visit is before they sign in.
const ANONYMOUS_SHARE: f64 = 0.3;

const FIRST_NAMES: [&str; 40] = [
    "Amara", "Aiko", "Anders", "Beatriz", "Bilal", "Chiara", "Chinedu", "Daniel", "Dina", "Elif",
    "Emeka", "Farah", "Finn", "Grace", "Hana", "Ines", "Ivan", "Jonas", "Kavya", "Kofi", "Lena",
    "Luca", "Mai", "Marta", "Mateo", "Mina", "Nadia", "Noor", "Olu", "Pablo", "Priya", "Rosa",
    "Sami", "Sofia", "Tariq", "Thandi", "Uma", "Wei", "Yara", "Zoe",
];

/// The albums as the simulation sees them.
pub(crate) struct World<'a> {
    albums: &'a [Album],
    genres: Vec<&'a str>,
    /// For each album, how well known it is.
    fame: Vec<f64>,
    seed: u64,
    now: Timestamp,
}

impl<'a> World<'a> {
    pub(crate) fn new(albums: &'a [Album], seed: u64, now: Timestamp) -> Self {
        let mut genres: Vec<&str> = albums.iter().map(|album| album.genres[0].as_str()).collect();
        genres.sort_unstable();
        genres.dedup();
        let mut random = StdRng::seed_from_u64(seed);
        // A few albums are known to all, most to some.
        let fame = albums.iter().map(|_| random.random_range(0.1f64..1.0).powi(2) + 0.05).collect();
        Self { albums, genres, fame, seed, now }
    }

    /// Appends all messages of a listener to a JSON array that is being written, and returns how
    /// many there are.
    pub(crate) fn write_messages(&self, listener: u32, json: &mut String) -> u64 {
        let mut random = StdRng::seed_from_u64(
            self.seed ^ (u64::from(listener) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15),
        );
        let weights = self.draw_taste(&mut random);
        let total: f64 = weights.iter().sum();
        let n_albums = (ALBUMS_MEAN * random.random_range(0.3f64..1.7)) as u32;
        let n_visits = n_albums / 4 + 1;
        let signs_in_late = random.random_bool(ANONYMOUS_SHARE);
        let mut visits: Vec<f64> =
            (0..n_visits).map(|_| random.random_range(0.0..HISTORY_DAYS)).collect();
        visits.sort_unstable_by(|a, b| b.total_cmp(a));

        let mut player = Player { json, listener, n_messages: 0 };
        for (n, days_ago) in visits.into_iter().enumerate() {
            let is_anonymous = signs_in_late && n == 0;
            let mut at_ms = self.now.0 - (days_ago * MS_PER_DAY) as i64 - 4 * 3_600_000;
            if n == usize::from(signs_in_late) || (n == 0 && !signs_in_late) {
                player.identify(FIRST_NAMES[listener as usize % FIRST_NAMES.len()], at_ms);
            }
            for _ in 0..4 {
                let album = &self.albums[pick(&weights, total, &mut random)];
                at_ms += random.random_range(60_000..2_400_000);
                let is_played = random.random_bool(0.75);
                if !is_played || random.random_bool(0.25) {
                    player.send(
                        is_anonymous,
                        "Product Viewed",
                        "product_id",
                        &album.item_id,
                        at_ms - 20_000,
                    );
                }
                if is_played {
                    player.send(
                        is_anonymous,
                        "Video Playback Completed",
                        "content_asset_id",
                        &album.item_id,
                        at_ms,
                    );
                }
                if is_played && random.random_bool(0.15) {
                    player.send(
                        is_anonymous,
                        "Product Added to Wishlist",
                        "product_id",
                        &album.item_id,
                        at_ms + 5_000,
                    );
                }
            }
        }
        player.n_messages
    }

    /// How much each album draws one listener.
    fn draw_taste(&self, random: &mut StdRng) -> Vec<f64> {
        let n_hearts = random.random_range(1..=3);
        let hearts: Vec<(&str, f64)> = (0..n_hearts)
            .map(|_| {
                (
                    self.genres[random.random_range(0..self.genres.len())],
                    random.random_range(0.5..1.5),
                )
            })
            .collect();
        let decade = f64::from(random.random_range(1_955..2_025));
        let openness = random.random_range(0.005..0.03);
        self.albums
            .iter()
            .zip(&self.fame)
            .map(|(album, fame)| {
                let love: f64 = hearts
                    .iter()
                    .filter_map(|(genre, love)| {
                        let place = album.genres.iter().position(|own| own == genre)?;
                        Some(love / (place as f64 + 1.0))
                    })
                    .sum();
                let years = (f64::from(album.year) - decade) / 18.0;
                fame * (openness + love * (0.15 + (-years * years).exp()))
            })
            .collect()
    }
}

fn pick(weights: &[f64], total: f64, random: &mut StdRng) -> usize {
    let mut left = random.random_range(0.0..total);
    weights
        .iter()
        .position(|weight| {
            left -= weight;
            left < 0.0
        })
        .unwrap_or(weights.len() - 1)
}

/// The id that a listener is known by.
pub(crate) fn user_id(listener: u32) -> String {
    format!("listener-{listener:05}")
}

/// Writes messages as a player would send them.
struct Player<'a> {
    json: &'a mut String,
    listener: u32,
    n_messages: u64,
}

impl Player<'_> {
    fn identify(&mut self, first_name: &str, at_ms: i64) {
        let traits = format!(r#""traits":{{"first_name":"{first_name}","plan":"free"}}"#);
        let both = format!(
            r#""userId":"{}","anonymousId":"device-{:05}""#,
            user_id(self.listener),
            self.listener
        );
        self.write("identify", &both, at_ms, &traits);
    }

    fn send(&mut self, is_anonymous: bool, event: &str, field: &str, item_id: &str, at_ms: i64) {
        let id = match is_anonymous {
            true => format!(r#""anonymousId":"device-{:05}""#, self.listener),
            false => format!(r#""userId":"{}""#, user_id(self.listener)),
        };
        let rest = format!(r#""event":"{event}","properties":{{"{field}":"{item_id}"}}"#);
        self.write("track", &id, at_ms, &rest);
    }

    fn write(&mut self, type_: &str, ids: &str, at_ms: i64, rest: &str) {
        let comma = if self.json.ends_with('[') { "" } else { "," };
        let (listener, n) = (self.listener, self.n_messages);
        write!(
            self.json,
            r#"{comma}{{"type":"{type_}","messageId":"demo-{listener}-{n}",{ids},"timestamp":"{}",{rest}}}"#,
            Timestamp(at_ms)
        )
        .expect("a string takes everything");
        self.n_messages += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::albums::albums;

    #[test]
    fn a_listener_is_the_same_each_time_and_all_messages_are_good() {
        let albums = albums().unwrap();
        let world = World::new(&albums, 7, Timestamp(1_700_000_000_000));
        let (mut first, mut second) = ("[".to_owned(), "[".to_owned());
        let n: u64 = (0..50).map(|listener| world.write_messages(listener, &mut first)).sum();
        (0..50).for_each(|listener| _ = world.write_messages(listener, &mut second));
        assert_eq!(first, second);
        first.push(']');
        let messages: Vec<&serde_json::value::RawValue> = serde_json::from_str(&first).unwrap();
        assert_eq!(messages.len() as u64, n);
        let arrival = domain::Arrival {
            received_at: Timestamp(1_700_000_000_000),
            source: "demo",
            peer_ip: None,
        };
        for message in messages {
            domain::check_message(message.get(), None, &domain::Envelope::default(), &arrival)
                .unwrap();
        }
        assert!((40..60).contains(&(n / 50)), "{n} messages of 50 listeners");
    }
}
