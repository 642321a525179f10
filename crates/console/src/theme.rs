//! Light or dark. A cookie that the theme switch writes remembers a choice, so that the server
//! renders it and no script has to run before the first paint.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

/// The name of the cookie; `theme.js` writes it.
pub const COOKIE: &str = "tastemaker-theme";

/// The theme of a page. Extracted from the cookie of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the system has it, without a cookie.
    #[default]
    System,
    /// Light, whatever the system has.
    Light,
    /// Dark, whatever the system has.
    Dark,
}

impl Theme {
    /// Every theme, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The value of the cookie and of the attribute `data-theme`.
    pub fn value(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme that the cookies of a request choose.
    pub fn of(headers: &HeaderMap) -> Self {
        let cookies = headers.get_all(header::COOKIE).into_iter();
        let texts = cookies.filter_map(|value| value.to_str().ok());
        texts.filter_map(Self::from_cookies).next().unwrap_or_default()
    }

    fn from_cookies(cookies: &str) -> Option<Self> {
        let values = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let value = values.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value).next()?;
        Self::ALL.into_iter().find(|theme| theme.value() == value)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Theme {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_chooses_and_anything_else_is_the_system() {
        assert_eq!(Theme::from_cookies("a=b; tastemaker-theme=dark"), Some(Theme::Dark));
        assert_eq!(Theme::from_cookies("tastemaker-theme=light"), Some(Theme::Light));
        assert_eq!(Theme::from_cookies("tastemaker-theme=\"><script>"), None);
        assert!(include_str!("../assets/scripts/theme.js").contains(&format!("`{COOKIE}=")));
        assert_eq!(Theme::from_cookies("xtastemaker-theme=dark"), None);
    }
}
