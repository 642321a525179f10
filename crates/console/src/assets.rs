//! The files that pages load. All are embedded in the program and served below a path that carries
//! a hash of all of them: a browser keeps them for a year, and a new build has new paths. Modules
//! and stylesheets refer to each other by relative names, since they share the path.

use std::io::Write;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::COMMON;

/// How much of the hash stands in a path, in bytes.
const HASH_BYTES: usize = 8;
/// A response to a hashed path never changes: one year, in seconds.
const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The one stylesheet, from one file per topic. The first names the layers, so the order of the
/// others does not matter.
const STYLESHEET: &str = concat!(
    include_str!("../assets/styles/layers.css"),
    include_str!("../assets/styles/tokens.css"),
    include_str!("../assets/styles/base.css"),
    include_str!("../assets/styles/shell.css"),
    include_str!("../assets/styles/menus.css"),
    include_str!("../assets/styles/layout.css"),
    include_str!("../assets/styles/controls.css"),
    include_str!("../assets/styles/tables.css"),
    include_str!("../assets/styles/notes.css"),
    include_str!("../assets/styles/numbers.css"),
    include_str!("../assets/styles/charts.css"),
    include_str!("../assets/styles/lists.css"),
    include_str!("../assets/styles/code.css"),
    include_str!("../assets/styles/catalog.css"),
    include_str!("../assets/styles/campaigns.css"),
    include_str!("../assets/styles/print.css"),
);

/// Name, media type and content of each file.
const FILES: [(&str, &str, &str); 14] = [
    ("console.css", CSS, STYLESHEET),
    ("favicon.svg", SVG, include_str!("../assets/favicon.svg")),
    ("main.js", JAVASCRIPT, include_str!("../assets/scripts/main.js")),
    ("complete.js", JAVASCRIPT, include_str!("../assets/scripts/complete.js")),
    ("copy.js", JAVASCRIPT, include_str!("../assets/scripts/copy.js")),
    ("drop.js", JAVASCRIPT, include_str!("../assets/scripts/drop.js")),
    ("fragment.js", JAVASCRIPT, include_str!("../assets/scripts/fragment.js")),
    ("invitation.js", JAVASCRIPT, include_str!("../assets/scripts/invitation.js")),
    ("live.js", JAVASCRIPT, include_str!("../assets/scripts/live.js")),
    ("preview.js", JAVASCRIPT, include_str!("../assets/scripts/preview.js")),
    ("shortcuts.js", JAVASCRIPT, include_str!("../assets/scripts/shortcuts.js")),
    ("slider.js", JAVASCRIPT, include_str!("../assets/scripts/slider.js")),
    ("sort.js", JAVASCRIPT, include_str!("../assets/scripts/sort.js")),
    ("theme.js", JAVASCRIPT, include_str!("../assets/scripts/theme.js")),
];

struct Assets {
    /// Hexadecimal, of all names and contents.
    hash: String,
    /// The contents, compressed by gzip, in the order of [`FILES`].
    compressed: Vec<Vec<u8>>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut hasher = Sha256::new();
    for (name, _, content) in FILES {
        for part in [name, content] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    let hash = hasher.finalize()[..HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
    Assets { hash, compressed: FILES.iter().map(|(_, _, content)| compress(content)).collect() }
});

/// The path of a file of `assets/`, with the hash of the contents.
pub fn path(name: &str) -> String {
    debug_assert!(position(name).is_some(), "no asset {name:?}");
    format!("{COMMON}/assets/{}/{name}", ASSETS.hash)
}

/// The names of the modules that `main.js` imports, so that a page can load them at once.
pub(crate) fn modules() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, ..)| *name).filter(|name| name.ends_with(".js") && *name != "main.js")
}

/// Serves the files. An unknown hash is not found: it is of another build.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route(&format!("{COMMON}/assets/{{hash}}/{{name}}"), get(serve))
}

async fn serve(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(n) = position(&name).filter(|_| hash == ASSETS.hash) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (_, media_type, content) = FILES[n];
    let common = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, CACHE_CONTROL),
        (header::VARY, "accept-encoding"),
    ];
    if accepts_gzip(&headers) {
        let body = ASSETS.compressed[n].as_slice();
        (common, [(header::CONTENT_ENCODING, "gzip")], body).into_response()
    } else {
        (common, content).into_response()
    }
}

fn position(name: &str) -> Option<usize> {
    FILES.iter().position(|(own, ..)| *own == name)
}

/// Whether gzip is listed and not refused with a quality of zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let codings = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    codings
        .filter_map(|coding| {
            let (name, quality) = coding.split_once(';').unwrap_or((coding, "q=1"));
            let quality = quality.trim().strip_prefix("q=")?.parse::<f32>().ok()?;
            (name.trim().eq_ignore_ascii_case("gzip")).then_some(quality > 0.0)
        })
        .next()
        .unwrap_or(false)
}

fn compress(content: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content.as_bytes()).expect("a vector takes all bytes");
    encoder.finish().expect("a vector takes all bytes")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let names = |folder: &std::path::Path| -> Vec<String> {
            let entries = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
            entries.map(|name| name.into_string().unwrap()).collect()
        };
        for script in names(&folder.join("scripts")) {
            assert!(position(&script).is_some(), "{script} is not in FILES");
            let main = FILES[position("main.js").unwrap()].2;
            assert!(script == "main.js" || main.contains(&format!("./{script}")), "{script}");
        }
        for style in names(&folder.join("styles")) {
            let text = fs_err::read_to_string(folder.join("styles").join(&style)).unwrap();
            assert!(STYLESHEET.contains(&text), "{style} is not in STYLESHEET");
        }
    }

    #[test]
    fn the_compressed_form_is_the_content() {
        for (n, (name, _, content)) in FILES.iter().enumerate() {
            let mut text = String::new();
            let bytes = ASSETS.compressed[n].as_slice();
            flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
            assert_eq!(text, *content, "{name}");
        }
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let accepts = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            accepts_gzip(&headers)
        };
        assert!(accepts("gzip, deflate, br") && accepts("br;q=1.0, GZIP;q=0.5"));
        assert!(!accepts("br") && !accepts("gzip;q=0") && !accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn scripts_stay_small_and_neither_styles_nor_scripts_load_from_elsewhere() {
        for (name, media_type, content) in FILES {
            let n_lines = content.lines().count();
            assert!(media_type != JAVASCRIPT || n_lines < 150, "{name} has {n_lines} lines");
            let without_namespace = content.replace("http://www.w3.org/2000/svg", "");
            assert!(!without_namespace.contains("://"), "{name} names another host");
        }
    }
}
