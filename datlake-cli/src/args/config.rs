//! Arguments of `datlake config`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Tries what works with the remote, and how quickly it answers
    ///
    /// An empty object is created there and removed again; a folder that does not exist yet is not made. The exit status is 2
    /// where a lake cannot be read and written.
    ///
    /// This machine remembers which lake each remote is. Where it is gone for good, or another on purpose, --accept forgets
    /// that.
    #[command(after_help = "Example: datlake config check")]
    Check {
        /// Takes what is there for the remote from now on
        #[arg(long)]
        accept: bool,
    },
    /// Shows every setting, and where its value was taken from
    ///
    /// The environment wins over the nearest datlake.toml in the working directory or above it, that over the user's
    /// config.toml. What is secret in a URL is not shown.
    #[command(after_help = "Example: datlake config show --json")]
    Show,
    /// Sets home, remote, email or cache_limit
    ///
    /// In the user's config.toml: in the context in use, or outside of any. Comments and order stay. A remote's credentials
    /// are no setting: they come from the store's own environment variables or profile files.
    #[command(after_help = "Example: datlake config set remote file:///mnt/shared/lake")]
    Set {
        /// home, remote, email or cache_limit
        key: String,
        /// What it is from now on
        value: String,
        /// In the nearest datlake.toml, or a new one in the working directory
        #[arg(long)]
        project: bool,
    },
    /// Takes a setting away
    #[command(after_help = "Example: datlake config unset remote\n\
        `datlake config unset context` leaves the context in use.")]
    Unset {
        /// home, remote, unsafe_remote, email, cache_limit or context
        key: String,
        /// From the nearest datlake.toml
        #[arg(long)]
        project: bool,
    },
    /// Settings under a name, to change from one lake to another
    #[command(subcommand, visible_alias = "contexts")]
    Context(Context),
    /// Asks for home, remote and email, and checks them
    ///
    /// Nothing is changed before all are answered. An empty answer leaves a setting as it is, `none` takes it away. Answers
    /// may come from a pipe, one on each line.
    #[command(after_help = "Example: datlake config setup")]
    Setup,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Context {
    /// Makes a context
    #[command(after_help = "Example: datlake config context create team --remote file:///mnt/shared/lake")]
    Create {
        /// What it is called
        name: String,
        /// The lake's folder on this machine
        #[arg(long)]
        home: Option<String>,
        /// The URL of the store shared with others
        #[arg(long)]
        remote: Option<String>,
        /// The person in the lineage
        #[arg(long)]
        email: Option<String>,
    },
    /// Uses a context from now on
    #[command(after_help = "Example: datlake config context use team")]
    Use {
        /// The context
        name: String,
    },
    /// Lists the contexts
    #[command(after_help = "Example: datlake config context list")]
    List,
    /// Deletes a context: its settings, not its lake
    #[command(after_help = "Example: datlake config context delete team")]
    Delete {
        /// The context
        name: String,
    },
}
