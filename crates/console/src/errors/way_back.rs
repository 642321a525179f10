//! The way on from a page with an error, and the page of a form that was sent.

use axum::http::{HeaderMap, Uri, header};

use super::failure::Failure;
use crate::ROOT;
use crate::local_path::local_path;
use crate::page::Frame;
use crate::pages::find_call;

/// A link to a page that is there.
pub(super) struct WayBack {
    pub(super) label: &'static str,
    pub(super) href: String,
}

impl WayBack {
    /// To the start of the console.
    pub(super) fn start() -> Self {
        Self { label: "To the console", href: ROOT.to_owned() }
    }

    /// To the same page without parameters that do not fit; otherwise to the page that led here, or
    /// to the nearest one above.
    pub(super) fn of(frame: &Frame, headers: &HeaderMap, uri: &Uri, failure: &Failure) -> Self {
        if failure.is_of_parameter && uri.query().is_some() {
            return Self { label: "Show the page without it", href: uri.path().to_owned() };
        }
        let is_other = |page: &String| page.split('?').next() != Some(uri.path());
        if let Some(href) = page_before(headers).filter(is_other) {
            return Self { label: "Back to the page before", href };
        }
        let above = uri.path().rsplit_once('/').map_or(ROOT, |(above, _)| above);
        match nearest_page(above).filter(|href| frame.workspace.is_some() && frame.may_open(href)) {
            Some(href) => Self { label: "To the page above", href: href.to_owned() },
            None => Self::start(),
        }
    }
}

/// The page of a form that was sent to `path`: the one that the browser names, otherwise the
/// nearest one above.
pub(super) fn form_page(headers: &HeaderMap, path: &str) -> String {
    let before = page_before(headers);
    before.unwrap_or_else(|| nearest_page(path).unwrap_or(ROOT).to_owned())
}

/// The page of the console that led here, with its parameters.
fn page_before(headers: &HeaderMap) -> Option<String> {
    let referer: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let path = referer.path_and_query().filter(|_| {
        referer.authority().is_some_and(|authority| authority.as_str() == host)
            && find_call("GET", referer.path()).is_some()
    })?;
    Some(local_path(Some(path.as_str())).to_owned())
}

/// The nearest address at or above a path that has a page.
fn nearest_page(path: &str) -> Option<&str> {
    let mut path = path;
    while path.len() > ROOT.len() {
        if find_call("GET", path).is_some() {
            return Some(path);
        }
        path = path.rsplit_once('/')?.0;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(referer: &str) -> HeaderMap {
        let pairs = [(header::HOST, "shop.example:8080"), (header::REFERER, referer)];
        pairs.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect()
    }

    #[test]
    fn a_form_leads_to_its_page_and_never_to_another_site() {
        let path = "/console/shop/settings/sources/web/rotate";
        let own = "http://shop.example:8080/console/shop/live?source=a%20b";
        assert_eq!(form_page(&headers(own), path), "/console/shop/live?source=a%20b");
        for other in [
            "http://evil.example/console/shop/live",
            "http://shop.example:8080/elsewhere",
            "http://shop.example:8080/console/shop/no/such/page",
            "/console/shop",
        ] {
            let page = form_page(&headers(other), path);
            assert_eq!(page, "/console/shop/settings/sources/web", "{other}");
        }
        assert_eq!(form_page(&HeaderMap::new(), "/console/-/sign-out"), ROOT);
    }
}
