//! The call that sends a message again, for a shell.

use domain::MessageType;

/// The call for curl. The write key is left to the environment: it is a secret.
pub(super) fn curl(base_url: &str, type_: Option<MessageType>, message: &str) -> String {
    let (path, body) = match type_ {
        Some(type_) => (type_.word(), message.to_owned()),
        // Only in a batch does the type stand in the message itself.
        None => ("batch", format!(r#"{{"batch":[{message}]}}"#)),
    };
    format!(
        "curl --request POST {} \\\n  --user \"$WRITE_KEY:\" \\\n  \
         --header 'content-type: application/json' \\\n  --data-raw {}",
        quote(&format!("{base_url}/v1/{path}")),
        quote(&body)
    )
}

/// A text as one word of a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_passes_the_message_on_as_it_is_and_runs_nothing_in_it() {
        let hostile = r#"{"event":"it's $(touch x) `id` \\ \" ; rm -rf / \n","userId":"@u"}"#;
        let call = curl("http://localhost:8080", Some(MessageType::Track), hostile);
        let shell = call.replacen("curl", "printf '%s\\n'", 1);
        let output = Command::new("sh").args(["-c", &shell]).env("WRITE_KEY", "k1").output();
        let shown = String::from_utf8(output.unwrap().stdout).unwrap();
        let words: Vec<&str> = shown.lines().collect();
        assert_eq!(words[2..5], ["http://localhost:8080/v1/track", "--user", "k1:"]);
        assert_eq!(words[words.len() - 1], hostile);
    }
}
