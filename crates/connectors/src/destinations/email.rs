//! Mails to people, through an SMTP server.

mod address;
mod answers;
mod connections;
mod dkim;
mod mail;
mod smtp;
#[cfg(test)]
mod tests;
mod text;

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use activation::Failure;
use lettre::Address;
use serde_json::json;
use tokio::sync::Semaphore;

use self::address::read_address;
use self::answers::outage;
use self::connections::{Connections, Security};
use self::dkim::Signer;
use self::mail::{From, Mail, read_line};
use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Once, Prepared, Presets, RequestError,
    SendFuture, Sender,
};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "email",
    settings: include_str!("email/settings.json"),
    actions: Actions::Files(&[include_str!("email/actions/send_email.json")]),
    presets: Presets::File(include_str!("email/presets.json")),
    connect,
};

/// An SMTP server, and who sends through it.
struct Email {
    connections: Connections,
    from: From,
    /// The envelope sender.
    return_path: Address,
    signer: Option<Signer>,
}

/// A name of the DNS, in ASCII.
///
/// # Errors
/// If it is none.
fn read_name(setting: &str, text: &str) -> Result<String, SettingsError> {
    let refused = || SettingsError::new(setting, "should be a name, such as example.com");
    let name = idna::domain_to_ascii_strict(text).map_err(|_| refused())?;
    if name.is_empty() { Err(refused()) } else { Ok(name) }
}

fn read_signer(settings: &Settings, from: &Address) -> Result<Option<Signer>, SettingsError> {
    let selector = settings.text("dkim_selector");
    let key = settings.text("dkim_private_key");
    let domain = match settings.text("dkim_domain") {
        "" => from.domain().to_owned(),
        domain => read_name("dkim_domain", domain)?,
    };
    match (selector, key) {
        ("", "") => Ok(None),
        ("", _) => Err(SettingsError::new("dkim_selector", "is missing: it names the key")),
        (_, "") => Err(SettingsError::new("dkim_private_key", "is missing: it signs the mails")),
        (selector, key) => {
            let selector = read_name("dkim_selector", selector)?;
            let signer = Signer::new(&domain, &selector, key);
            signer.map(Some).map_err(|what| SettingsError::new("dkim_private_key", what))
        }
    }
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let host = settings.text("host");
    if host.contains(['/', '@', ' ', ':']) && host.parse::<std::net::Ipv6Addr>().is_err() {
        let what = "should be the name or address of a server, without a scheme, port or path";
        return Err(SettingsError::new("host", what));
    }
    let address = |setting: &str| match settings.text(setting) {
        "" => Ok(None),
        text => {
            let wrong = |what| SettingsError::new(setting, what);
            read_address(text).map(Some).map_err(wrong)
        }
    };
    let from = address("from")?.ok_or_else(|| SettingsError::new("from", "is missing"))?;
    let name = read_line("from_name", settings.text("from_name"))
        .map_err(|error| SettingsError::new(&error.field, error.what))?;
    let (user, password) = (settings.text("user"), settings.text("password"));
    let login = match (user, password) {
        ("", "") => None,
        ("", _) => return Err(SettingsError::new("user", "is missing: the login needs it")),
        (_, "") => return Err(SettingsError::new("password", "is missing: the login needs it")),
        (user, password) if user.contains('\0') || password.contains('\0') => {
            return Err(SettingsError::new("password", "has a NUL character, or the user has"));
        }
        (user, password) => Some((user.to_owned(), password.to_owned())),
    };
    let hello_name = match settings.text("hello_name") {
        "" => from.domain().to_owned(),
        name => read_name("hello_name", name)?,
    };
    Ok(Arc::new(Email {
        connections: Connections {
            outgoing: Arc::clone(outgoing),
            host: host.to_owned(),
            port: u16::try_from(settings.integer("port")).unwrap_or(u16::MAX),
            security: match settings.text("security") {
                "none" => Security::None,
                "starttls" => Security::StartTls,
                _ => Security::Tls,
            },
            login,
            hello_name,
            permits: Semaphore::new(settings.integer("connections")),
            idle: Mutex::default(),
        },
        return_path: address("return_path")?.unwrap_or_else(|| from.clone()),
        signer: read_signer(settings, &from)?,
        from: From {
            reply_to: address("reply_to")?,
            name: Some(name).filter(|name| !name.is_empty()),
            address: from,
        },
    }))
}

fn mail_of(prepared: &Prepared) -> Mail {
    serde_json::from_value(prepared.data.clone()).expect("prepared by the same sender")
}

impl Email {
    async fn send_one(&self, prepared: &Prepared) -> Result<(), Failure> {
        let mail = mail_of(prepared);
        let now = SystemTime::now();
        let Ok(since_1970) = now.duration_since(UNIX_EPOCH) else {
            let text = "the clock of this machine stands before 1970".to_owned();
            return Err(outage("clock", text));
        };
        let written = mail.write(&self.from, &prepared.delivery_id, now);
        let written = match &self.signer {
            Some(signer) => signer.sign(&written, since_1970.as_secs()),
            None => written,
        };
        self.connections.send(self.return_path.as_ref(), &mail.to, &written).await
    }
}

impl Sender for Email {
    fn batching(&self) -> Batching {
        Batching::SINGLE
    }

    fn once(&self) -> Once {
        Once::ForCampaigns
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let mail = Mail::read(&made)?;
        let data = serde_json::to_value(mail).expect("its fields are texts");
        Ok(Prepared::new(made.delivery_id, "", data))
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        let described = |prepared: &Arc<Prepared>| {
            let mail = mail_of(prepared);
            DescribedRequest {
                method: "MAIL".to_owned(),
                path: mail.to.clone(),
                headers: mail.headers(&self.from, &prepared.delivery_id).into_iter().collect(),
                body: match &mail.html {
                    Some(html) => json!({ "text": mail.text, "html": html }),
                    None => json!({ "text": mail.text }),
                },
            }
        };
        batch.iter().map(described).collect()
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(batch.len());
            for prepared in &batch {
                outcomes.push(self.send_one(prepared).await);
            }
            outcomes
        })
    }

    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async move { self.connections.check().await })
    }
}
