//! `datlake serve`, and the accounts of the server.

use std::io::{IsTerminal as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use datlake::{Error, ErrorKind, Lake};
use datlake_server::{
    AccessRole, Account, AccountKind, Accounts, Grant, KeyPair, LogFormat, NewKeyPair, NewToken, Server, ServerSettings,
};
use serde::Serialize;
use ureq::Agent;

use crate::answer::{Answer, Page};
use crate::args::{Credential, GrantHow, Serve, Ui, User};
use crate::failure::refused;
use crate::interrupt;
use crate::screen::Screen;
use crate::text::escape;

/// The account that a server makes which has none.
const FIRST: &str = "admin";

/// A server that says nothing for so long is not well.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was done to an account.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Done {
    done: String,
}

impl Done {
    pub(super) fn of(done: String) -> Self {
        Self { done }
    }
}

/// What was made, whose secret nobody sees again.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Made<T>(T);

/// Serves the lake that `open` opens, or asks the server that does.
pub(super) fn serve(open: impl Fn() -> anyhow::Result<Lake>, how: &Serve, screen: &Screen) -> anyhow::Result<()> {
    if how.check {
        return check(how.listen);
    }
    let lake = &open()?;
    datlake_server::log_to_standard_error(LogFormat::from_environment()?)?;
    let mut settings = ServerSettings::of(lake).with_environment()?;
    settings.listen = how.listen;
    settings.import_from = how.import_from.clone();
    settings.keep_events = how.keep_events.map(|days| Duration::from_secs(u64::from(days) * 24 * 3600));
    runtime()?.block_on(async {
        let server = Server::bind(lake, &settings).await?;
        if settings.root.key_pair.is_none() && settings.root.token.is_none() {
            first_account(server.accounts(), screen).await?;
        }
        screen.say(&format!("datlake: serves at http://{}; /docs has what it can be asked", server.address()));
        say_link(&server, screen).await?;
        until_signal(server).await;
        anyhow::Ok(())
    })
}

/// Answers until a signal comes.
async fn until_signal(server: Server) {
    let (end, ended) = tokio::sync::oneshot::channel();
    // Where nobody waits any more, it has ended.
    interrupt::serving(move || {
        let _ = end.send(());
    });
    server.run(async move { drop(ended.await) }).await;
}

/// The page, for whoever asks, without accounts: what it needs besides the lake is gone with it.
pub(super) fn ui(lake: &Lake, how: &Ui, screen: &Screen) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a folder for the page")?;
    let mut settings = ServerSettings::alone(lake, folder.path())?;
    settings.listen = how.listen;
    runtime()?.block_on(async {
        let server = Server::bind(lake, &settings).await?;
        let address = server.sign_in_link().await?.context("the page has no address")?;
        let mut out = screen.bytes();
        let _ = writeln!(out, "{address}").and_then(|()| out.flush());
        if !how.no_browser && std::io::stdout().is_terminal() {
            open_browser(&address);
        }
        until_signal(server).await;
        anyhow::Ok(())
    })
}

/// Where there is a browser: whoever has none follows the address.
fn open_browser(address: &str) {
    let opens = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = std::process::Command::new(opens);
    let quiet = std::process::Stdio::null;
    let _ = command.arg(address).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
}

/// Asks the server that listens at `listen` whether it is well; it is an error where it is not.
fn check(listen: SocketAddr) -> anyhow::Result<()> {
    let here = match listen {
        // Who listens everywhere listens here too.
        SocketAddr::V4(all) if all.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, all.port()).into(),
        SocketAddr::V6(all) if all.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, all.port()).into(),
        one => one,
    };
    let error = |why: &str| Error::new(ErrorKind::Unavailable, format!("the server at {here} is not well: {why}"));
    let config = Agent::config_builder().http_status_as_error(false).proxy(None).timeout_global(Some(PATIENCE));
    let asked = Agent::from(config.build()).get(format!("http://{here}/health")).call();
    let mut response = asked.map_err(|e| error(&e.to_string()))?;
    if response.status().is_success() {
        return Ok(());
    }
    let text = response.body_mut().with_config().limit(64 << 10).read_to_string().unwrap_or_default();
    let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let said = problem["message"].as_str().map(|message| escape(message).into_owned());
    Err(error(&said.unwrap_or_else(|| response.status().to_string())).into())
}

/// Says the address at which an administrator signs in. It is a secret, if not for long: it goes to standard output, since what is on standard
/// error is a log, which others keep and read.
async fn say_link(server: &Server, screen: &Screen) -> anyhow::Result<()> {
    let Some(link) = server.sign_in_link().await? else { return Ok(()) };
    let mut out = screen.bytes();
    // Whoever began it may not want to know.
    let _ = writeln!(out, "sign in, once and within 15 minutes: {link}").and_then(|()| out.flush());
    Ok(())
}

/// Makes an account that may do everything where there is none, and says its key pair once.
async fn first_account(accounts: &Accounts, screen: &Screen) -> anyhow::Result<()> {
    if !accounts.list().await?.is_empty() {
        return Ok(());
    }
    match accounts.create(FIRST, AccountKind::Person).await {
        // Another server that began with us makes it.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        created => created?,
    }
    accounts.grant(FIRST, AccessRole::Admin, &"*".parse()?).await?;
    let pair = accounts.create_key_pair(FIRST, None).await?;
    screen.say(&format!(
        "datlake: made the account `{FIRST}`, which may do everything. Nobody sees its secret again:\n\
         access key id      {}\nsecret access key  {}",
        pair.access_key_id, pair.secret_access_key
    ));
    Ok(())
}

pub(super) fn user(lake: &Lake, command: User) -> anyhow::Result<Box<dyn Answer>> {
    with_accounts(lake, async |accounts| {
        Ok(match command {
            User::Create { name, machine } => {
                let kind = if machine { AccountKind::Machine } else { AccountKind::Person };
                accounts.create(&name, kind).await?;
                done(format!("created the account {name}: `datlake grant add` says what it may"))
            }
            User::List => Box::new(accounts.list().await?),
            User::Rm { name, yes } => {
                if !yes {
                    let error = refused(format!("the account `{name}` would be deleted with its credentials"));
                    bail!(error.with_hint("--yes deletes it"));
                }
                accounts.delete(&name).await?;
                done(format!("deleted the account {name}"))
            }
        })
    })
}

pub(super) fn key(lake: &Lake, command: Credential) -> anyhow::Result<Box<dyn Answer>> {
    with_accounts(lake, async |accounts| {
        Ok(match command {
            Credential::Create { name, expires } => {
                Box::new(Made(accounts.create_key_pair(&name, seconds(expires)).await?)) as Box<dyn Answer>
            }
            Credential::List => Box::new(accounts.key_pairs().await?),
            Credential::Revoke { id } => {
                accounts.revoke_key_pair(&id).await?;
                done(format!("revoked {id}"))
            }
        })
    })
}

pub(super) fn token(lake: &Lake, command: Credential) -> anyhow::Result<Box<dyn Answer>> {
    with_accounts(lake, async |accounts| {
        Ok(match command {
            Credential::Create { name, expires } => {
                Box::new(Made(accounts.create_token(&name, seconds(expires)).await?)) as Box<dyn Answer>
            }
            Credential::List => Box::new(accounts.tokens().await?),
            Credential::Revoke { id } => {
                accounts.revoke_token(&id).await?;
                done(format!("revoked {id}"))
            }
        })
    })
}

pub(super) fn grant(lake: &Lake, command: GrantHow) -> anyhow::Result<Box<dyn Answer>> {
    with_accounts(lake, async |accounts| match command {
        GrantHow::Add(grant) => {
            accounts.grant(&grant.name, grant.role, &grant.pattern).await?;
            Ok(done(format!("{} is {} on {}", grant.name, grant.role, grant.pattern)))
        }
        GrantHow::Rm(grant) => {
            accounts.revoke_grant(&grant.name, grant.role, &grant.pattern).await?;
            Ok(done(format!("{} is no longer {} on {}", grant.name, grant.role, grant.pattern)))
        }
    })
}

fn done(done: String) -> Box<dyn Answer> {
    Box::new(Done { done })
}

fn seconds(expires: Option<std::time::Duration>) -> Option<i64> {
    expires.map(|expires| i64::try_from(expires.as_secs()).unwrap_or(i64::MAX))
}

fn with_accounts(
    lake: &Lake,
    work: impl AsyncFnOnce(&Accounts) -> anyhow::Result<Box<dyn Answer>>,
) -> anyhow::Result<Box<dyn Answer>> {
    let settings = ServerSettings::of(lake).with_environment()?;
    runtime()?.block_on(async {
        let accounts = Accounts::open(&settings).await?;
        let done = work(&accounts).await;
        accounts.close().await;
        done
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

impl Answer for Done {
    fn text(&self, _: &Page) -> String {
        format!("{}\n", escape(&self.done))
    }
}

impl Answer for Made<NewKeyPair> {
    fn text(&self, _: &Page) -> String {
        let Self(pair) = self;
        format!("access key id      {}\nsecret access key  {}\n", pair.access_key_id, pair.secret_access_key)
    }
}

impl Answer for Made<NewToken> {
    fn text(&self, _: &Page) -> String {
        format!("{}\n", self.0.token)
    }
}

impl Answer for Vec<Account> {
    fn text(&self, page: &Page) -> String {
        page.lines(self.iter().map(|account| {
            let grants: Vec<String> =
                account.grants.iter().map(|Grant { role, pattern }| format!("{role} on {pattern}")).collect();
            let grants = if grants.is_empty() { "nothing".to_owned() } else { grants.join(", ") };
            format!("{}  {}\n", escape(&account.name), escape(&grants))
        }))
    }
}

impl Answer for Vec<KeyPair> {
    fn text(&self, page: &Page) -> String {
        page.lines(self.iter().map(|pair| {
            let state = match (pair.revoked_at, pair.expires_at) {
                (Some(_), _) => "revoked".to_owned(),
                (None, Some(at)) => format!("until {}", time_of(at)),
                (None, None) => "good".to_owned(),
            };
            format!("{}  {}  {state}\n", pair.id, escape(&pair.account))
        }))
    }
}

fn time_of(seconds: i64) -> String {
    let since = std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since).to_string()
}
