//! Why a person does not get a message, in the words of reports, whatever the provider's code.

/// Why a person does not get a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The person has said STOP.
    OptedOut,
    /// No phone, or none that takes such messages, has the number.
    InvalidNumber,
    /// The phone is off, or cannot be reached.
    NotReachable,
    /// A carrier or the provider keeps the message back for what it says or where it goes.
    Blocked,
    /// The person has not written in the last 24 hours, and the message is no template.
    NeedsTemplate,
    /// Too much at once: another attempt may succeed.
    TooMany,
    /// Anything else at the provider.
    ProviderError,
}

impl Reason {
    /// The word in outcomes and reports.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::InvalidNumber => "invalid_number",
            Self::NotReachable => "not_reachable",
            Self::Blocked => "blocked",
            Self::NeedsTemplate => "needs_template",
            Self::TooMany => "too_many",
            Self::ProviderError => "provider_error",
        }
    }

    /// By an error code of Twilio, of an answer or a receipt; none for codes about the request.
    pub(super) fn of_twilio(code: u64) -> Option<Self> {
        Some(match code {
            21610 => Self::OptedOut,
            21211 | 21217 | 21614 | 30005 | 63003 | 63024 => Self::InvalidNumber,
            21214 | 21612 | 30003 | 30006 => Self::NotReachable,
            21408 | 30004 | 30007 => Self::Blocked,
            63016 => Self::NeedsTemplate,
            14107 | 20429 | 21611 | 30001 | 63018 => Self::TooMany,
            30002 | 30008 => Self::ProviderError,
            _ => return None,
        })
    }

    /// By an error code of Meta's WhatsApp Cloud API; none for codes about the request.
    pub(super) fn of_whatsapp(code: u64) -> Option<Self> {
        Some(match code {
            131_050 => Self::OptedOut,
            131_026 | 131_049 => Self::NotReachable,
            131_031 | 368 => Self::Blocked,
            131_047 => Self::NeedsTemplate,
            4 | 80_007 | 130_429 | 131_048 | 131_056 => Self::TooMany,
            131_000 | 131_016 => Self::ProviderError,
            _ => return None,
        })
    }
}
