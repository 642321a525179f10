//! Paths that a link names to be led to after something else.

use crate::ROOT;

/// The path if it is one of the console; its start otherwise. A link must not lead from here to a
/// page of others.
pub(crate) fn local_path(path: Option<&str>) -> &str {
    let is_own = |path: &&str| {
        let rest = path.strip_prefix(ROOT);
        let is_below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        is_below && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    path.filter(is_own).unwrap_or(ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_console_are_led_to() {
        for own in ["/console", "/console/shop/people?q=a%20b", "/console?x=1"] {
            assert_eq!(local_path(Some(own)), own);
        }
        for other in [
            "",
            "/",
            "//evil.example",
            "/consoles",
            "https://evil.example/console",
            "/console/\r\nset-cookie:a=b",
            "/console/..\\evil",
            "javascript:alert(1)",
        ] {
            assert_eq!(local_path(Some(other)), ROOT, "{other}");
        }
        assert_eq!(local_path(None), ROOT);
    }
}
