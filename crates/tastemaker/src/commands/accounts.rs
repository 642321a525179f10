//! `tastemaker accounts`: the accounts of people, in the data folder of a server that is stopped.
//! While it runs, its API does the same.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::Subcommand;
use domain::{Grant, Role, WorkspaceId};
use engine::DataFolder;
use engine::installation::{
    Actor, Change, InstallationJournal, PasswordHash, SecretHash, make_secret, normalize_email,
};
use serde_json::json;

use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Add an account, with a password that is typed in; without a terminal, print an invitation
    Add(AddArgs),
    /// List the accounts
    List(Folder),
    /// Choose another password; without a terminal, print an invitation to do so
    ResetPassword(ResetArgs),
}

#[derive(clap::Args)]
struct AddArgs {
    #[command(flatten)]
    folder: Folder,
    /// The e-mail address of the person
    #[arg(value_name = "EMAIL")]
    email: String,
    /// What the person may do: owner, editor, analyst or support
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// Only in this workspace; may be given several times
    #[arg(long = "workspace", value_name = "ID")]
    workspaces: Vec<WorkspaceId>,
    /// Print an invitation, also on a terminal
    #[arg(long)]
    invite: bool,
}

#[derive(clap::Args)]
struct ResetArgs {
    #[command(flatten)]
    folder: Folder,
    /// The e-mail address of the person
    #[arg(value_name = "EMAIL")]
    email: String,
    /// Print an invitation, also on a terminal
    #[arg(long)]
    invite: bool,
}

#[derive(clap::Args)]
struct Folder {
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

impl Folder {
    fn open(&self) -> Result<DataFolder> {
        if !self.data.is_dir() {
            let data = self.data.display();
            bail!("there is no data folder {data}: `tastemaker serve` makes one");
        }
        Ok(DataFolder::open(&self.data)?)
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Add(args) => add(args),
        Command::List(folder) => list(folder),
        Command::ResetPassword(args) => reset_password(args),
    }
}

fn add(args: &AddArgs) -> Result<()> {
    let email = normalize_email(&args.email).map_err(|what| anyhow!(what))?;
    let workspaces = args.workspaces.iter().cloned().collect();
    let workspaces = (!args.workspaces.is_empty()).then_some(workspaces);
    let grant = Grant { role: args.role, workspaces };
    let data = args.folder.open()?;
    let known = data.workspaces()?;
    if let Some(unknown) = args.workspaces.iter().find(|id| !known.contains(id)) {
        let known: Vec<&str> = known.iter().map(WorkspaceId::as_str).collect();
        bail!("there is no workspace {unknown}; there are: {}", known.join(", "));
    }
    let installation = data.installation();
    if installation.look(|state| state.accounts.contains_key(&email)) {
        bail!(
            "account {email} exists already: `tastemaker accounts reset-password` chooses another password"
        );
    }
    if args.invite || !is_on_terminal(&args.folder) {
        return invite(installation, email, grant, &args.folder);
    }
    let password = ask_for_password()?;
    change(installation, Change::AddAccount { email: email.clone(), grant, password })?;
    println!("Added {email} as {}.", args.role);
    Ok(())
}

fn reset_password(args: &ResetArgs) -> Result<()> {
    let email = normalize_email(&args.email).map_err(|what| anyhow!(what))?;
    let data = args.folder.open()?;
    let installation = data.installation();
    let account = installation.look(|state| state.accounts.get(&email).cloned());
    let Some(account) = account else {
        bail!("there is no account {email}: `tastemaker accounts list` lists them");
    };
    if args.invite || !is_on_terminal(&args.folder) {
        return invite(installation, email, account.grant, &args.folder);
    }
    let password = ask_for_password()?;
    change(installation, Change::SetPassword { email: email.clone(), password })?;
    println!("{email} has another password, and is signed out everywhere.");
    Ok(())
}

fn list(folder: &Folder) -> Result<()> {
    let data = folder.open()?;
    let accounts = data.installation().look(|state| state.accounts.clone());
    if folder.json {
        let accounts = accounts.iter().map(|(email, account)| {
            json!({
                "email": email,
                "role": account.grant.role,
                "workspaces": account.grant.workspaces,
                "disabled": account.is_disabled,
                "created_at": account.created_at.to_string(),
            })
        });
        let told = json!({ "accounts": accounts.collect::<Vec<_>>() });
        println!("{}", serde_json::to_string_pretty(&told)?);
        return Ok(());
    }
    if accounts.is_empty() {
        println!("There are no accounts: `tastemaker accounts add` adds one.");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = accounts
        .iter()
        .map(|(email, account)| {
            let named =
                account.grant.workspaces.as_ref().map(|named| {
                    named.iter().map(WorkspaceId::as_str).collect::<Vec<_>>().join(", ")
                });
            let state = if account.is_disabled { "disabled" } else { "" };
            vec![
                email.clone(),
                account.grant.role.to_string(),
                named.unwrap_or_else(|| "all".to_owned()),
                account.created_at.to_string(),
                state.to_owned(),
            ]
        })
        .collect();
    println!("{}", terminal::table(&["account", "role", "workspaces", "made at", ""], &rows));
    Ok(())
}

/// Prints an invitation, which the person accepts over the API.
fn invite(
    installation: &InstallationJournal,
    email: String,
    grant: Grant,
    folder: &Folder,
) -> Result<()> {
    let secret = make_secret()?;
    let (role, token) = (grant.role, SecretHash::of(&secret));
    change(installation, Change::Invite { email: email.clone(), grant, token })?;
    let found = installation.look(|state| {
        state.invitations.get(&email).map(|invitation| invitation.expires_at().to_string())
    });
    let expires_at = found.unwrap_or_default();
    if folder.json {
        let told =
            json!({ "email": email, "role": role, "token": secret, "expires_at": expires_at });
        println!("{}", serde_json::to_string_pretty(&told)?);
        return Ok(());
    }
    println!("{email} is invited as {role}, until {expires_at}. The invitation is shown once:");
    println!("{secret}");
    println!("To accept it, once the server runs, choose a password:");
    let body = json!({ "token": secret, "password": "..." });
    println!("curl http://ADDRESS/api/invitations/accept -d '{body}'");
    Ok(())
}

fn change(installation: &InstallationJournal, change: Change) -> Result<()> {
    Ok(installation.change(engine::now(), &Actor::CommandLine, change)?)
}

fn is_on_terminal(folder: &Folder) -> bool {
    !folder.json && std::io::stdin().is_terminal()
}

/// Asks twice, and shows nothing of what is typed.
fn ask_for_password() -> Result<PasswordHash> {
    let password = rpassword::prompt_password("Password: ")?;
    if password != rpassword::prompt_password("The same again: ")? {
        bail!("these are two passwords");
    }
    PasswordHash::new(&password).map_err(|what| anyhow!(what))
}
