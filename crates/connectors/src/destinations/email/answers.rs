//! What the answers of an SMTP server mean for a mail.

use activation::{Failure, OUTCOME_UNKNOWN};

use super::smtp::{Broken, CLOSING, Reply, Step};

/// A failure that concerns all mails of the destination, and may pass.
pub(super) fn outage(reason: &str, text: String) -> Failure {
    Failure::Retry { reason: reason.to_owned(), text, after_ms: None, is_outage: true }
}

/// The failure of a connection that broke.
pub(super) fn broken(broken: &Broken) -> Failure {
    match broken {
        Broken::Lost(text) => outage("broken_connection", text.clone()),
        Broken::Timeout(step) => outage("timeout", format!("no answer in time to {step}")),
        Broken::Unreadable(text) => outage("unreadable_answer", text.clone()),
    }
}

/// The failure of a mail that was handed over whole, and got no answer.
pub(super) fn unknown(broken: &Broken) -> Failure {
    let text =
        format!("the mail was handed over, and whether the server took it is unknown ({broken})");
    Failure::Unknown { reason: OUTCOME_UNKNOWN.to_owned(), text, is_outage: true }
}

/// The failure of an answer that is no success.
pub(super) fn refused(step: Step, reply: &Reply) -> Failure {
    let text = |what: &str| match what {
        "" => format!("{step} was answered {reply}"),
        what => format!("{what}: {step} was answered {reply}"),
    };
    // To log in is missing or was refused, at whatever step it is said.
    if step == Step::Login || matches!(reply.code, 530 | 534 | 535 | 538) {
        return outage("login_refused", text("the server does not take the login"));
    }
    let smtp = format!("smtp_{}", reply.code);
    if reply.code < 500 {
        let is_of_server = reply.code == CLOSING || matches!(reply.enhanced, Some((_, 3, _)));
        let is_outage = is_of_server || !matches!(step, Step::Recipient | Step::Content);
        return Failure::Retry { reason: smtp, text: text(""), after_ms: None, is_outage };
    }
    let (reason, what) = match (step, reason_of(step, reply)) {
        (_, Some(("message_too_large", what))) => ("message_too_large", what),
        // All mails have this sender: others would fare no better.
        (Step::Sender, _) => {
            let what = "the server does not take mails of this sender";
            return outage("sender_refused", text(what));
        }
        (Step::Recipient | Step::Content, Some(known)) => known,
        (Step::Recipient | Step::Content, None) => (smtp.as_str(), ""),
        _ => return outage(&smtp, text("the server takes no mails from here")),
    };
    Failure::Permanent { reason: reason.to_owned(), text: text(what) }
}

/// The label of a refusal, and what it says, by the enhanced status (RFC 3463), else by the code.
fn reason_of(step: Step, reply: &Reply) -> Option<(&'static str, &'static str)> {
    let reason = match reply.enhanced {
        Some((_, 1, 2 | 10)) | Some((_, 4, 4)) => {
            ("domain_unknown", "the domain takes no mails, or is not there")
        }
        Some((_, 1, 1 | 6)) => ("mailbox_unknown", "the mailbox does not exist"),
        Some((_, 1, 3)) => ("address_invalid", "the server takes it for no address"),
        Some((_, 2, 1)) => ("mailbox_disabled", "the mailbox takes no mails"),
        Some((_, 2, 2)) => ("mailbox_full", "the mailbox is full"),
        Some((_, 2, 3)) | Some((_, 3, 4)) => ("message_too_large", "the mail is too large"),
        Some((_, 6, _)) => ("content_refused", "the server does not take this content"),
        Some((_, 7, _)) => ("refused_by_policy", "the server blocks it by its rules"),
        _ => match (step, reply.code) {
            (Step::Recipient, 550 | 551) => ("mailbox_unavailable", "the mailbox is not there"),
            (Step::Recipient, 552) => ("mailbox_full", "the mailbox is full"),
            (Step::Recipient, 501 | 553) => {
                ("address_invalid", "the server takes it for no address")
            }
            (Step::Sender | Step::Content, 552) => ("message_too_large", "the mail is too large"),
            _ => return None,
        },
    };
    Some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reasons;

    #[test]
    fn answers_mean_what_their_codes_say() {
        for (step, code, text, reason) in [
            (Step::Recipient, 550, "5.1.1 no such user", "mailbox_unknown"),
            (Step::Recipient, 550, "5.1.10 null MX", "domain_unknown"),
            (Step::Recipient, 550, "5.2.1 disabled", "mailbox_disabled"),
            (Step::Recipient, 552, "5.2.2 over quota", "mailbox_full"),
            (Step::Recipient, 550, "5.7.1 blocked", "refused_by_policy"),
            (Step::Recipient, 550, "no such user here", "mailbox_unavailable"),
            (Step::Recipient, 553, "syntax", "address_invalid"),
            (Step::Recipient, 571, "go away", "smtp_571"),
            (Step::Content, 552, "5.3.4 too big", "message_too_large"),
            (Step::Content, 552, "too big", "message_too_large"),
            (Step::Content, 554, "5.6.0 bad content", "content_refused"),
            (Step::Content, 554, "5.7.1 spam", "refused_by_policy"),
            (Step::Content, 554, "transaction failed", "smtp_554"),
            (Step::Sender, 552, "5.3.4 too big", "message_too_large"),
            (Step::Sender, 550, "5.7.1 not yours", "retry sender_refused"),
            (Step::Recipient, 450, "4.7.1 greylisted", "retry smtp_450"),
            (Step::Recipient, 452, "4.2.2 full", "retry smtp_452"),
            (Step::Content, 451, "4.3.0 later", "retry smtp_451"),
            (Step::Login, 535, "5.7.8 wrong", "retry login_refused"),
            (Step::Sender, 530, "5.7.0 log in first", "retry login_refused"),
            (Step::Greeting, 554, "no service", "retry smtp_554"),
            (Step::Greeting, 421, "busy", "retry smtp_421"),
        ] {
            let reply = Reply::new(code, vec![text.to_owned()]);
            assert_eq!(reasons(&[Err(refused(step, &reply))]), [reason], "{code} {text}");
        }
    }

    #[test]
    fn only_trouble_of_the_server_holds_up_all_mails() {
        let is_outage = |step, code, text: &str| {
            let failure = refused(step, &Reply::new(code, vec![text.to_owned()]));
            matches!(failure, Failure::Retry { is_outage: true, .. })
        };
        assert!(!is_outage(Step::Recipient, 450, "4.7.1 greylisted"));
        assert!(!is_outage(Step::Recipient, 452, "4.2.2 full"));
        assert!(is_outage(Step::Recipient, 421, "4.3.2 shutting down"));
        assert!(is_outage(Step::Content, 452, "4.3.1 out of space"));
        assert!(is_outage(Step::Sender, 451, "later"));
    }
}
