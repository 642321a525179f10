//! `tastemaker vapid-keys`: a key pair for web push.

use anyhow::{Context, Result};
use connectors::VapidKeyPair;

/// Prints a new key pair, as settings of a destination.
pub(crate) fn run() -> Result<()> {
    let pair = VapidKeyPair::generate().context("the system gives no random numbers")?;
    println!("vapid_public_key   {}", pair.public_key);
    println!("vapid_private_key  {}", pair.private_key);
    Ok(())
}
