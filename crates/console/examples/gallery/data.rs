//! Made-up albums and people, and numbers that follow from a seed.

use console::ui::chart::DayPoint;
use domain::{Day, Timestamp};

/// The time of all pages: noon of 2026-11-28.
pub(crate) const NOW: Timestamp = Timestamp(1_795_867_200_000);

/// An album of the made-up shop.
pub(crate) struct Album {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) artist: &'static str,
    pub(crate) genre: &'static str,
    pub(crate) price: f64,
    pub(crate) plays: u64,
}

const fn album(
    id: &'static str,
    title: &'static str,
    artist: &'static str,
    genre: &'static str,
    price: f64,
    plays: u64,
) -> Album {
    Album { id, title, artist, genre, price, plays }
}

pub(crate) const ALBUMS: [Album; 12] = [
    album("night-ferry", "Night Ferry", "Mara Lind", "folk", 14.9, 20_418),
    album("paper-lanterns", "Paper Lanterns", "The Quiet Coast", "indie", 12.5, 18_020),
    album("glasshouse", "Glasshouse", "Ode & Ash", "electronic", 16.0, 15_377),
    album("low-tide", "Low Tide", "Harbour Choir", "choral", 11.9, 9_801),
    album("copper-wire", "Copper Wire", "Tin Parade", "rock", 13.9, 9_266),
    album("slow-orbit", "Slow Orbit", "Juno Vale", "ambient", 9.9, 7_590),
    album("field-notes", "Field Notes", "Anselm Roe", "jazz", 18.0, 6_402),
    album("second-summer", "Second Summer", "Los Abedules", "latin", 12.9, 5_118),
    album("long-way-round", "The Long Way Round", "Hattie Crow", "country", 10.5, 4_077),
    album("static-bloom", "Static Bloom", "Kestrel", "electronic", 15.5, 2_310),
    album("northbound", "Northbound", "Ivo Brandt", "jazz", 17.5, 1_204),
    album("salt-and-cedar", "Salt & Cedar", "Wren Halloway", "folk", 13.0, 87),
];

impl Album {
    pub(crate) fn href(&self) -> String {
        format!("/console/music/catalog/{}", self.id)
    }

    pub(crate) fn picture(&self) -> String {
        format!("/console/-/pictures/{}.svg", self.id)
    }
}

/// Numbers from 0 to 1 that look random and are always the same.
pub(crate) fn noise(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    })
    .skip(4)
}

/// Days up to today of a measure around `middle`, that swings with the week and grows a little.
pub(crate) fn days(n_days: usize, middle: f64, seed: u64) -> Vec<DayPoint> {
    let today = Day::from_timestamp(NOW);
    let random = noise(seed).zip(noise(seed + 1));
    let value = |n: usize, random: f64| {
        let week = (n as f64 / 7.0 * std::f64::consts::TAU).sin();
        middle * (1.0 + 0.1 * week + 0.12 * (random - 0.5) + 0.15 * n as f64 / n_days as f64)
    };
    (0..n_days)
        .zip(random)
        .map(|(n, (now, before))| {
            let (now, before) = (value(n, now), value(n, before) * 0.93);
            let width = middle * 0.09;
            DayPoint {
                day: today.earlier((n_days - 1 - n) as u32),
                value: Some(now),
                interval: Some((now - width, now + width)),
                before: Some(before),
            }
        })
        .collect()
}

/// A time before now.
pub(crate) fn ago(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 - seconds * 1_000)
}

/// The cover of an album: shapes and colours that follow from its name.
pub(crate) fn cover(name: &str) -> String {
    let seed = name.bytes().fold(3_u64, |hash, byte| hash.wrapping_mul(131) + u64::from(byte));
    let random: Vec<f64> = noise(seed).take(6).collect();
    let hue = (random[0] * 360.0) as u32;
    let (ground, shape) = (
        format!("hsl({hue} 32% {}%)", 26 + (random[1] * 14.0) as u32),
        format!("hsl({} 62% 72%)", (hue + 40 + (random[2] * 120.0) as u32) % 360),
    );
    let (x, y, radius) =
        (20.0 + random[3] * 56.0, 20.0 + random[4] * 56.0, 16.0 + random[5] * 22.0);
    let drawing = if random[5] < 0.4 {
        format!("<circle cx=\"{x:.0}\" cy=\"{y:.0}\" r=\"{radius:.0}\"/>")
    } else if random[5] < 0.7 {
        format!("<path d=\"M0 96L{x:.0} {y:.0}L96 96z\"/>")
    } else {
        format!("<path d=\"M0 {y:.0}h96v{radius:.0}H0zM{x:.0} 0h8v96h-8z\"/>")
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 96 96\" width=\"96\" height=\"96\">\
         <rect width=\"96\" height=\"96\" fill=\"{ground}\"/><g fill=\"{shape}\">{drawing}</g></svg>"
    )
}
