//! Arguments of `datlake config`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Tries what works with the remote, and how quickly it answers
    ///
    /// It creates an empty object there and removes it again; it does not create a folder. The exit status is 2 if the lake cannot be
    /// read and written.
    ///
    /// This machine remembers which lake each remote is. If that lake is gone for good, or replaced on purpose, use --accept.
    #[command(after_help = "Example: datlake config check")]
    Check {
        /// Accept the lake that is there now as the remote
        #[arg(long)]
        accept: bool,
    },
    /// Shows every setting, and where its value comes from
    ///
    /// The environment takes precedence over the nearest datlake.toml in the working directory or above it, which takes precedence
    /// over the user's config.toml. Secrets in URLs are not shown.
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
        /// The new value
        value: String,
        /// In the nearest datlake.toml, or a new one in the working directory
        #[arg(long)]
        project: bool,
    },
    /// Removes a setting
    #[command(after_help = "Example: datlake config unset remote\n\
        `datlake config unset context` leaves the context in use.")]
    Unset {
        /// home, remote, unsafe_remote, email, cache_limit, keep_code or context
        key: String,
        /// From the nearest datlake.toml
        #[arg(long)]
        project: bool,
    },
    /// Named sets of settings, to switch between lakes
    #[command(subcommand, visible_alias = "contexts")]
    Context(Context),
    /// Asks for home, remote and email, and checks them
    ///
    /// Nothing is changed before all are answered. An empty answer keeps a setting, `none` removes it. Answers may come from a pipe,
    /// one on each line.
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
