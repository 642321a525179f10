//! Addresses of mails.

use lettre::Address;

/// The longest address, in bytes (RFC 5321, 4.5.3.1.3).
const ADDRESS_BYTES_MAX: usize = 254;
/// The longest part before the @, in bytes (RFC 5321, 4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;

/// An address as it is sent, its domain in ASCII (IDNA).
///
/// # Errors
/// What is wrong with it, behind the name of the field or setting.
pub(super) fn read_address(text: &str) -> Result<Address, String> {
    let Some((local, domain)) = text.trim().rsplit_once('@') else {
        return Err("should be an e-mail address, such as jane@example.com".to_owned());
    };
    if !local.is_ascii() {
        return Err("has other letters than ASCII before the @, which few servers take".to_owned());
    }
    // Quoted spaces and the like are legal, used by nobody, and a way into the commands of SMTP.
    if local.bytes().any(|byte| byte.is_ascii_control() || b" \"<>\\".contains(&byte)) {
        return Err("has a character before the @ that no address should have".to_owned());
    }
    let domain = idna::domain_to_ascii_strict(domain)
        .map_err(|_| "has a domain that cannot be one".to_owned())?;
    if local.len() > LOCAL_BYTES_MAX || local.len() + 1 + domain.len() > ADDRESS_BYTES_MAX {
        return Err(format!(
            "is too long: an address has up to {ADDRESS_BYTES_MAX} bytes, {LOCAL_BYTES_MAX} of \
             them before the @"
        ));
    }
    Address::new(local, domain).map_err(|_| "is no e-mail address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_of_any_language_are_sent_in_ascii() {
        let read = |text: &str| read_address(text).map(|address| address.to_string());
        for (text, ascii) in [
            ("jane@example.com", "jane@example.com"),
            (" o'neil+tag@EXAMPLE.com ", "o'neil+tag@example.com"),
            ("jane@bücher.example", "jane@xn--bcher-kva.example"),
            ("jane@例え.テスト", "jane@xn--r8jz45g.xn--zckzah"),
        ] {
            assert_eq!(read(text).unwrap_or_default(), ascii, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "jane",
            "@example.com",
            "jane@",
            "jane@exa mple.com",
            "jane@example.com\r\nBcc: all@example.com",
            "jane\r\n@example.com",
            "\"jane doe\"@example.com",
            "jane>@example.com",
            "jane@example.com>",
            "jane@[127.0.0.1]",
            "jörg@example.com",
            "a@b@example.com",
            "jane@-example.com",
            &long,
        ] {
            assert!(read_address(text).is_err(), "{text:?}");
        }
    }
}
