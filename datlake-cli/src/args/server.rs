//! Arguments of the server, and of what administers its accounts.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Subcommand};
use datlake_server::{AccessRole, Pattern};

use super::worker::{Guard, JobHow, Worker};

/// What a server does, and what is done with one.
#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Serves the repositories of the lake over HTTP, to every client of lakeFS
    ///
    /// Accounts and what they may are in SQLite in the lake's home, or in PostgreSQL (DATABASE_URL). Without any account it makes one,
    /// `admin`, and says its key pair once. A signal ends it after the requests that are under way.
    #[command(after_help = "Example: datlake serve --listen 0.0.0.0:8000\n\
        Credentials of machines that administer it: DATLAKE_ROOT_ACCESS_KEY_ID, DATLAKE_ROOT_SECRET_ACCESS_KEY, DATLAKE_ROOT_TOKEN.\n\
        What seals secrets: DATLAKE_SECRET_KEY. Each of these, and DATABASE_URL, may be in a file that NAME_FILE names.\n\
        What is logged: LOG_LEVEL, LOG_FORMAT=json.")]
    Serve(Serve),
    /// Opens a page that shows the lake, for whoever asks: without accounts, on this machine, to read
    #[command(after_help = "Example: datlake ui")]
    Ui(Ui),
    /// Claims runs that a server has queued, and runs their commands
    ///
    /// Which programs run here is what schedules say: whoever may set one runs code as the user of this process, with DATLAKE_API_KEY. --jobs and --allow
    /// say what is taken. A signal ends it, and what it runs; what it was running is tried again as its schedule says.
    #[command(
        after_help = "Example: datlake worker --server https://lake.example.org --slots 4 --jobs 'daily_*' --allow python3\n\
        Its key: DATLAKE_API_KEY, of an account that is a writer on these jobs."
    )]
    Worker(Worker),
    /// Runs a command as long as its standard input is open
    #[command(hide = true)]
    Guard(Guard),
    /// Shows jobs of a server and their runs and logs; queues, cancels and pauses
    ///
    /// The key is in DATLAKE_API_KEY.
    Job(JobHow),
    /// Creates, lists and deletes accounts of the server
    #[command(subcommand)]
    User(User),
    /// Makes, lists and revokes key pairs, for clients of lakeFS and of S3
    #[command(subcommand)]
    Key(Credential),
    /// Makes, lists and revokes tokens, which are sent as `Authorization: Bearer`
    #[command(subcommand)]
    Token(Credential),
    /// Says who may do what on the server: `datlake user list` shows it
    #[command(subcommand)]
    Grant(GrantHow),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where it listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    pub(crate) listen: SocketAddr,
    /// What may be imported into branches: `lake://exports/` are files of the lake that are called so, `file:///srv/data` is a folder
    #[arg(long, value_name = "PREFIX")]
    pub(crate) import_from: Vec<String>,
    /// Forget events that are older than so many days; without it they are kept
    #[arg(long, value_name = "DAYS")]
    pub(crate) keep_events: Option<u32>,
    /// Ask the server that listens there whether it is well, in place of serving: for health checks of containers
    #[arg(long, conflicts_with = "import_from")]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Ui {
    /// Where it listens, on this machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Print the address alone, and open no browser
    #[arg(long)]
    pub(crate) no_browser: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Creates an account, which may nothing yet
    #[command(after_help = "Example: datlake user create ada@example.org")]
    Create {
        /// Its name, which stands in commits
        name: String,
        /// It is a program
        #[arg(long)]
        machine: bool,
    },
    /// Lists accounts, and what they may
    #[command(after_help = "Example: datlake user list")]
    List,
    /// Deletes an account with its credentials
    #[command(after_help = "Example: datlake user rm ada@example.org --yes")]
    Rm {
        /// The account
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Credential {
    /// Makes one, and shows it: nobody sees its secret again
    #[command(after_help = "Example: datlake token create ada@example.org --expires 90d")]
    Create {
        /// The account
        name: String,
        /// For how long it is good, as 12h or 90d
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        expires: Option<Duration>,
    },
    /// Lists all, without their secrets
    #[command(after_help = "Example: datlake token list")]
    List,
    /// Ends one now
    #[command(after_help = "Example: datlake token revoke 7QXWMZ4HKT2N9RBC")]
    Revoke {
        /// Its id
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum GrantHow {
    /// Grants an account a role
    ///
    /// Each role may do what those before it may: a reader reads, a writer puts, commits and merges, an operator creates and deletes
    /// repositories and deletes tags, an admin says who may do what.
    #[command(after_help = "Example: datlake grant add ada@example.org writer 'repo:sales/dev-*'\n\
        Everything: datlake grant add ada@example.org admin '*'")]
    Add(Granted),
    /// Takes a grant back
    #[command(after_help = "Example: datlake grant rm ada@example.org writer 'repo:sales/dev-*'")]
    Rm(Granted),
}

#[derive(Debug, Args)]
pub(crate) struct Granted {
    /// The account
    pub(crate) name: String,
    /// reader, writer, operator or admin
    pub(crate) role: AccessRole,
    /// What it is for: `*`, `repo:NAME`, `repo:NAME/BRANCH`, with `*` for any text
    pub(crate) pattern: Pattern,
}
