//! Distances and regions on the globe; places are pairs of latitude and longitude in degrees.

use std::cmp::Ordering;

use crate::value::Value;

/// The mean radius of the Earth (IUGG), in metres.
const EARTH_RADIUS_METRES: f64 = 6_371_008.8;

/// A part of the globe.
#[derive(Debug, Clone)]
pub enum Region {
    /// The inside of a polygon of places; its sides are straight on a map of degrees.
    Polygon(Vec<[f64; 2]>),
    /// All places within a distance of a place.
    Circle {
        /// The place.
        centre: [f64; 2],
        /// The distance.
        radius_metres: f64,
    },
}

impl Region {
    /// Makes a polygon of an array of at least three places.
    pub(crate) fn polygon_from(corners: &Value) -> Option<Self> {
        let corners: Vec<_> = corners.elements()?.iter().map(to_place).collect::<Option<_>>()?;
        (corners.len() >= 3).then_some(Self::Polygon(corners))
    }

    /// Whether the place is inside.
    pub fn contains(&self, place: [f64; 2]) -> bool {
        match self {
            Self::Circle { centre, radius_metres } => {
                earth_distance(*centre, place) <= *radius_metres
            }
            // A ray from the place to the east crosses the sides an odd number of times when it
            // starts inside.
            Self::Polygon(corners) => {
                let previous = corners.iter().cycle().skip(corners.len() - 1);
                let crossed =
                    corners.iter().zip(previous).filter(|&(&[lat1, lon1], &[lat2, lon2])| {
                        (lat1 > place[0]) != (lat2 > place[0])
                            && place[1] < (lon2 - lon1) * (place[0] - lat1) / (lat2 - lat1) + lon1
                    });
                crossed.count() % 2 == 1
            }
        }
    }

    fn coordinates(&self) -> Vec<f64> {
        match self {
            Self::Polygon(corners) => corners.iter().flatten().copied().collect(),
            // Three numbers are no polygon, so that a circle equals circles only.
            Self::Circle { centre, radius_metres } => vec![centre[0], centre[1], *radius_metres],
        }
    }

    pub(crate) fn cmp(&self, other: &Self) -> Ordering {
        let (left, right) = (self.coordinates(), other.coordinates());
        let pairs = left.iter().zip(&right).map(|(left, right)| left.total_cmp(right));
        pairs.fold(left.len().cmp(&right.len()), Ordering::then)
    }
}

/// Reads a place from an array of its latitude and longitude.
pub(crate) fn to_place(value: &Value) -> Option<[f64; 2]> {
    match value {
        Value::Array(pair) => match &**pair {
            [latitude, longitude] => {
                Some([latitude.number()?.as_f64(), longitude.number()?.as_f64()])
            }
            _ => None,
        },
        _ => None,
    }
}

/// The distance along the surface in metres, by the haversine formula.
pub(crate) fn earth_distance(from: [f64; 2], to: [f64; 2]) -> f64 {
    let half_sine = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let parallels = from[0].to_radians().cos() * to[0].to_radians().cos();
    let haversine = half_sine(from[0], to[0]) + parallels * half_sine(from[1], to[1]);
    2.0 * EARTH_RADIUS_METRES * haversine.min(1.0).sqrt().asin()
}
