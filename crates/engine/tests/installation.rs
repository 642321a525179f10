//! What belongs to the installation: accounts, invitations, sessions, API keys, and the audit.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;
use std::time::Duration;

use domain::{Grant, Right, Role, Timestamp, WorkspaceId};
use engine::installation::{
    Actor, AuditFilter, Change, Deed, DeedOutcome, INVITATION_AGE_MAX, InstallationError,
    InstallationState, PasswordHash, SESSION_AGE_MAX, SESSION_IDLE_MAX, SESSION_USE_INTERVAL,
    SESSIONS_PER_ACCOUNT_MAX, SecretHash, verify_password,
};
use engine::{DataFolder, DataFolderError};

const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";
const T0: Timestamp = Timestamp(1_790_000_000_000);

fn at(after: Duration) -> Timestamp {
    Timestamp(T0.0 + after.as_millis() as i64)
}

/// An installation whose changes are all made by one owner.
struct Installation {
    folder: tempfile::TempDir,
    data: Option<DataFolder>,
}

impl Installation {
    /// With the accounts of Ann, an owner, and Bob, an analyst.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = Some(DataFolder::open(folder.path()).unwrap());
        let installation = Self { folder, data };
        installation.add(ANN, Role::Owner);
        installation.add(BOB, Role::Analyst);
        installation
    }

    fn data(&self) -> &DataFolder {
        self.data.as_ref().unwrap()
    }

    fn try_change(&self, at: Timestamp, change: Change) -> Result<(), InstallationError> {
        self.data().installation().change(at, &Actor::CommandLine, change)
    }

    fn change(&self, at: Timestamp, change: Change) {
        self.try_change(at, change).unwrap();
    }

    fn look<T>(&self, look: impl FnOnce(&InstallationState) -> T) -> T {
        self.data().installation().look(look)
    }

    fn add(&self, email: &str, role: Role) {
        let password = password(&format!("the password of {email}"));
        let grant = Grant::everywhere(role);
        self.change(T0, Change::AddAccount { email: email.to_owned(), grant, password });
    }

    fn open_session(&self, email: &str, token: &str, at: Timestamp) {
        let token = SecretHash::of(token);
        self.change(at, Change::OpenSession { email: email.to_owned(), token });
    }

    /// Whose session a token is.
    fn whose(&self, token: &str, now: Timestamp) -> Option<String> {
        self.look(|state| {
            state.find_session(SecretHash::of(token), now).map(|(email, ..)| email.to_owned())
        })
    }

    /// As after the process was killed.
    fn reopen(&mut self) {
        let before = self.look(Clone::clone);
        // Nothing is written at the end that a killed process would not have written.
        drop(self.data.take());
        self.data = Some(DataFolder::open(self.folder.path()).unwrap());
        assert!(self.look(|state| *state == before));
    }
}

/// Hashing is slow on purpose.
fn password(text: &str) -> PasswordHash {
    PasswordHash::new(text).unwrap()
}

fn change_account(email: &str, role: Role, is_disabled: bool) -> Change {
    Change::ChangeAccount { email: email.to_owned(), grant: Grant::everywhere(role), is_disabled }
}

#[test]
fn a_folder_of_a_build_before_accounts_opens_and_its_tokens_are_keys_of_owners() {
    let folder = tempfile::tempdir().unwrap();
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/installation-positional.seg");
    fs_err::create_dir(folder.path().join("system")).unwrap();
    let segment = folder.path().join("system/00000000000000000000.seg");
    fs_err::copy(fixture, segment).unwrap();
    // Twice: what this build appends stands behind what the other one wrote.
    for _ in 0..2 {
        let data = DataFolder::open(folder.path()).unwrap();
        assert!(data.is_set_as_admin_token("admin"));
        let keys = data.installation().look(|state| state.api_keys.clone());
        let names: Vec<&str> = keys.keys().map(String::as_str).collect();
        assert_eq!(names, ["bootstrap", "ci"], "the third one was revoked");
        assert_eq!(keys["ci"].hash, SecretHash::of("5646288dc27b43d39d213ac61e8d7c9d"));
        assert!(keys.values().all(|key| key.grant == Grant::everywhere(Role::Owner)));
        let page = data.installation().audit(&AuditFilter::default(), None, 10).unwrap();
        assert!(page.records.iter().all(|record| record.by == Actor::BootstrapFile));
        data.set_admin_token("another").unwrap();
        data.set_admin_token("admin").unwrap();
    }
}

#[test]
fn accounts_sessions_and_invitations_are_there_after_a_kill() {
    let mut installation = Installation::new();
    installation.open_session(ANN, "of-ann", T0);
    installation.open_session(BOB, "of-bob", T0);
    installation.change(T0, Change::EndSession { token: SecretHash::of("of-bob") });
    let grant =
        Grant { role: Role::Editor, workspaces: Some([WorkspaceId::new("shop").unwrap()].into()) };
    let token = SecretHash::of("secret");
    let invite =
        Change::Invite { email: "eve@example.com".to_owned(), grant: grant.clone(), token };
    installation.change(T0, invite);
    installation.reopen();
    assert_eq!(installation.whose("of-ann", T0).as_deref(), Some(ANN));
    assert_eq!(installation.whose("of-bob", T0), None, "it had ended");
    let accept = |token| Change::AcceptInvitation {
        email: "eve@example.com".to_owned(),
        token,
        password: password("a long enough password"),
    };
    let wrong = installation.try_change(T0, accept(SecretHash::of("guessed")));
    assert!(matches!(wrong, Err(InstallationError::NotInvited)));
    installation.change(T0, accept(token));
    let again = installation.try_change(T0, accept(token));
    assert!(matches!(again, Err(InstallationError::NotInvited)), "it is used once");
    installation.reopen();
    let eve = installation.look(|state| state.accounts["eve@example.com"].clone());
    assert_eq!((eve.grant, eve.is_disabled), (grant, false));
    assert!(verify_password("a long enough password", Some(&eve.password)));
    assert!(!verify_password("a long enough passwor", Some(&eve.password)));
    assert!(!verify_password("nobody", None), "not even with the password that is compared");
}

#[test]
fn sessions_end_after_their_time_and_with_what_changes_for_the_account() {
    let installation = Installation::new();
    let just_before = |after: Duration| at(after.checked_sub(Duration::from_millis(1)).unwrap());
    installation.open_session(BOB, "idle", T0);
    assert!(installation.whose("idle", just_before(SESSION_IDLE_MAX)).is_some());
    assert!(installation.whose("idle", at(SESSION_IDLE_MAX)).is_none());

    // Used all the time, it ends nevertheless.
    installation.open_session(BOB, "used", T0);
    let is_due = |now| {
        let token = SecretHash::of("used");
        installation.look(|state| state.find_session(token, now).unwrap().2.is_use_due(now))
    };
    let mut now = Duration::ZERO;
    while now < SESSION_AGE_MAX {
        assert!(installation.whose("used", at(now)).is_some());
        assert!(!is_due(at(now)), "it is written down once");
        now += SESSION_USE_INTERVAL * 24;
        if now < SESSION_AGE_MAX {
            assert!(is_due(at(now)));
            installation.change(at(now), Change::UseSession { token: SecretHash::of("used") });
        }
    }
    assert!(installation.whose("used", at(SESSION_AGE_MAX)).is_none());

    let new = password("another long password");
    let changes = [
        Change::SetPassword { email: BOB.to_owned(), password: new },
        change_account(BOB, Role::Support, false),
        Change::EndSessions { email: BOB.to_owned() },
        change_account(BOB, Role::Support, true),
    ];
    installation.open_session(ANN, "of-ann", T0);
    for change in changes {
        installation.open_session(BOB, "one", T0);
        installation.open_session(BOB, "two", T0);
        installation.change(T0, change);
        assert_eq!(installation.whose("one", T0).or(installation.whose("two", T0)), None);
    }
    assert!(installation.whose("of-ann", T0).is_some(), "those of others go on");
    let token = SecretHash::of("three");
    let open = Change::OpenSession { email: BOB.to_owned(), token };
    assert!(installation.try_change(T0, open).is_err(), "the account is disabled");
}

#[test]
fn an_account_has_so_many_sessions_and_the_one_used_longest_ago_makes_room() {
    let installation = Installation::new();
    for n in 0..SESSIONS_PER_ACCOUNT_MAX {
        installation.open_session(BOB, &n.to_string(), at(Duration::from_secs(n as u64)));
    }
    let later = at(Duration::from_secs(1_000));
    installation.change(later, Change::UseSession { token: SecretHash::of("0") });
    installation.open_session(BOB, "next", later);
    assert!(
        installation.whose("0", later).is_some() && installation.whose("next", later).is_some()
    );
    assert!(installation.whose("1", later).is_none());
}

#[test]
fn an_invitation_expires_and_makes_no_owner_of_an_account_that_exists() {
    let installation = Installation::new();
    let invite = |email: &str, token: &str| Change::Invite {
        email: email.to_owned(),
        grant: Grant::everywhere(Role::Owner),
        token: SecretHash::of(token),
    };
    let accept = |email: &str, token: &str| Change::AcceptInvitation {
        email: email.to_owned(),
        token: SecretHash::of(token),
        password: password("chosen by the guest"),
    };
    installation.change(T0, invite("eve@example.com", "first"));
    let late = installation.try_change(at(INVITATION_AGE_MAX), accept("eve@example.com", "first"));
    assert!(matches!(late, Err(InstallationError::NotInvited)));
    installation.change(T0, invite("eve@example.com", "second"));
    let earlier = installation.try_change(T0, accept("eve@example.com", "first"));
    assert!(matches!(earlier, Err(InstallationError::NotInvited)), "it was replaced");
    let other = installation.try_change(T0, accept(BOB, "second"));
    assert!(matches!(other, Err(InstallationError::NotInvited)), "it is for somebody else");

    installation.open_session(BOB, "of-bob", T0);
    installation.change(T0, invite(BOB, "reset"));
    assert!(installation.whose("of-bob", T0).is_some());
    installation.change(T0, accept(BOB, "reset"));
    assert!(installation.whose("of-bob", T0).is_none(), "the password has changed");
    let bob = installation.look(|state| state.accounts[BOB].clone());
    assert_eq!(bob.grant.role, Role::Analyst);
    assert!(verify_password("chosen by the guest", Some(&bob.password)));

    installation.change(T0, invite(BOB, "left"));
    installation.change(T0, Change::RemoveAccount { email: BOB.to_owned() });
    let gone = installation.try_change(T0, accept(BOB, "left"));
    assert!(matches!(gone, Err(InstallationError::NotInvited)), "it went with the account");
}

#[test]
fn the_last_owner_stays() {
    let installation = Installation::new();
    let remove = |email: &str| Change::RemoveAccount { email: email.to_owned() };
    for change in [
        remove(ANN),
        change_account(ANN, Role::Editor, false),
        change_account(ANN, Role::Owner, true),
    ] {
        let refused = installation.try_change(T0, change);
        assert!(matches!(refused, Err(InstallationError::LastOwner { .. })));
    }
    installation.data().set_admin_token("admin").unwrap();
    installation.change(T0, change_account(ANN, Role::Owner, true));
    let key = || Change::RemoveApiKey { name: "bootstrap".to_owned() };
    let refused = installation.try_change(T0, key());
    assert!(matches!(refused, Err(InstallationError::LastOwner { .. })), "Ann is disabled");
    installation.change(T0, change_account(ANN, Role::Owner, false));
    installation.change(T0, key());
    installation.change(T0, remove(BOB));
}

#[test]
fn what_is_wrong_is_refused_before_it_is_written() {
    let installation = Installation::new();
    let end = installation.data().installation().audit(&AuditFilter::default(), None, 1).unwrap();
    let limited = |role, workspaces: &[&str]| {
        let ids = workspaces.iter().map(|id| WorkspaceId::new(*id).unwrap());
        Grant { role, workspaces: Some(ids.collect()) }
    };
    let hash = SecretHash::of("x");
    let key = |name: &str, grant| Change::AddApiKey { name: name.to_owned(), grant, hash };
    let invite =
        |email: &str, grant| Change::Invite { email: email.to_owned(), grant, token: hash };
    let all = || Grant::everywhere(Role::Editor);
    for change in [
        key("a b", all()),
        key("bootstrap", all()),
        key("ci", limited(Role::Editor, &[])),
        key("ci", limited(Role::Owner, &["shop"])),
        invite("nobody", all()),
        invite("a b@example.com", all()),
        invite("Eve@example.com", all()),
        change_account("eve@example.com", Role::Editor, false),
        Change::RemoveApiKey { name: "nope".to_owned() },
        Change::WithdrawInvitation { email: "eve@example.com".to_owned() },
    ] {
        let shown = format!("{change:?}");
        assert!(installation.try_change(T0, change).is_err(), "{shown}");
    }
    for wrong in ["short", &"x".repeat(2_000)] {
        assert!(PasswordHash::new(wrong).is_err());
    }
    let now = installation.data().installation().audit(&AuditFilter::default(), None, 1).unwrap();
    assert_eq!(now, end);
}

#[test]
fn a_role_has_the_rights_of_those_below_it_and_a_grant_its_workspaces() {
    let rights = [
        Right::SeePeople,
        Right::ChangeSubscriptions,
        Right::ReadWorkspace,
        Right::ChangeWorkspace,
        Right::Administer,
    ];
    let n_rights = Role::ALL.map(|role| rights.iter().filter(|right| role.has(**right)).count());
    assert_eq!(n_rights, [2, 3, 4, 5]);
    let shop = [WorkspaceId::new("shop").unwrap()].into();
    let grant = Grant { role: Role::Editor, workspaces: Some(shop) };
    assert!(grant.covers("shop") && !grant.covers("news") && !grant.covers("sho"));
    assert!(Grant::everywhere(Role::Support).covers("news"));
}

#[test]
fn the_audit_is_paged_from_the_latest_to_the_first_and_filtered() {
    let installation = Installation::new();
    let shop = WorkspaceId::new("shop").unwrap();
    let bob = Actor::Account { email: BOB.to_owned() };
    // More than are read at a time.
    for n in 0..600 {
        let deed = Deed {
            action: if n % 100 == 0 { "source.create" } else { "scenario.put" }.to_owned(),
            resource: Some(n.to_string()),
            workspace: Some(shop.clone()),
            outcome: DeedOutcome::Done,
        };
        installation.data().installation().note(at(Duration::from_secs(n)), &bob, deed).unwrap();
    }
    installation.open_session(ANN, "of-ann", T0);
    installation.change(T0, Change::UseSession { token: SecretHash::of("of-ann") });
    let page = |filter: &AuditFilter, before, limit| {
        installation.data().installation().audit(filter, before, limit).unwrap()
    };
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let next = page(&AuditFilter::default(), before, 7);
        all.extend(next.records);
        match next.before {
            Some(place) => before = Some(place),
            None => break,
        }
    }
    assert_eq!(all.len(), 603, "two accounts, and a session whose use is no deed");
    assert!(all.is_sorted_by(|a, b| a.place > b.place));
    assert_eq!(all[0].deed.action, "session.create");
    assert_eq!(all.last().unwrap().deed.resource.as_deref(), Some(ANN));

    let count = |filter: AuditFilter| page(&filter, None, 500).records.len();
    let who = |who: &str| AuditFilter { who: Some(who.to_owned()), ..AuditFilter::default() };
    let what = |what: &str| AuditFilter { what: Some(what.to_owned()), ..AuditFilter::default() };
    assert_eq!((count(who(BOB)), count(who("command_line")), count(who("nobody"))), (500, 3, 0));
    assert_eq!(
        (count(what("source.create")), count(what("source")), count(what("sour"))),
        (6, 6, 0)
    );
    let of_shop = AuditFilter { workspace: Some(shop), ..what("source") };
    assert_eq!(count(of_shop), 6);
    let between = AuditFilter {
        from: Some(at(Duration::from_secs(10))),
        until: Some(at(Duration::from_secs(20))),
        ..AuditFilter::default()
    };
    assert_eq!(count(between), 10);
}

#[test]
fn an_entry_of_a_later_build_is_refused_with_its_version() {
    use journal::Journal;
    let folder = tempfile::tempdir().unwrap();
    drop(DataFolder::open(folder.path()).unwrap());
    let disk = journal::RealDisk::open(folder.path().join("system")).unwrap();
    let options = journal::JournalOptions {
        name: "_system".to_owned(),
        ..journal::JournalOptions::default()
    };
    let journal = journal::FileJournal::open_with(std::sync::Arc::new(disk), options).unwrap();
    journal.append(&[&[7, 1, 2, 3]]).unwrap();
    drop(journal);
    match DataFolder::open(folder.path()) {
        Err(DataFolderError::Installation(InstallationError::Entry(what))) => {
            assert!(what.contains("version 7"), "{what}");
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}
