//! Arguments as they are typed.

mod add;
mod call;
mod check;
mod config;
mod find;
mod gc;
mod lineage;
mod repository;
mod run;
#[cfg(feature = "serve")]
mod schedule;
#[cfg(feature = "serve")]
mod server;
mod style;
mod value;
#[cfg(feature = "serve")]
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ColorChoice, Parser, Subcommand};

pub(crate) use add::AddHow;
pub(crate) use call::CallHow;
pub(crate) use check::CheckHow;
pub(crate) use config::{Config, Context};
pub(crate) use find::{FindHow, Shown};
pub(crate) use gc::GcHow;
pub(crate) use lineage::{GraphFormat, LineageHow, LineageReach};
pub(crate) use repository::{MergeHow, Prefer, Preference, PutHow, Ref, Repo, Versions};
pub(crate) use run::{EngineName, RunHow, Started, SuperviseHow};
#[cfg(feature = "serve")]
pub(crate) use schedule::ScheduleHow;
#[cfg(feature = "serve")]
pub(crate) use server::{Credential, GrantHow, Serve, ServerCommand, Ui, User};
pub(crate) use style::{command, parse};
use value::size;
#[cfg(feature = "serve")]
pub(crate) use worker::{Job, JobHow, Worker};

/// What is in a lake, where it comes from, in and out.
#[derive(Debug, Parser)]
#[command(name = "datlake", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0; 1 if what you asked for does not exist; 2 for a failure.\n\
    The lake is the one that programs use: see `datlake config show`.")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Colours on a terminal, everywhere or nowhere
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

/// What is done with the outbox.
#[derive(Debug, Subcommand)]
pub(crate) enum Send {
    /// Sends what waits
    Send,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows how a file came to be (inputs, the call that made it, outputs), or what a call returned
    #[command(after_help = "Example: datlake info @shop/shop::report/22e76bf50690/0\n\
        What a call returned: datlake info @shop/shop::total/22e76b\n\
        The key of a call may be abbreviated.")]
    Info {
        /// The file; the call, as @CREATOR/KEY; or the run, as run:ID
        #[arg(value_name = "UID|@CALL|RUN")]
        uid: String,
    },
    /// Lists the files that have names, and the folders they are in
    ///
    /// Each is `here`, on this machine; `remote`, to be downloaded when it is read; `part`, a tree of which some files are
    /// here; `lists`, a large tree whose files `datlake info` counts; `elsewhere`, at a remote that is not configured now; or `missing`. --json lists every file, also those in folders.
    #[command(after_help = "Example: datlake ls -l corpora\n\
        In a tree: datlake ls holidays/2026//\n\
        In a repository: datlake ls sales@main:raw/")]
    Ls {
        /// Only that file, or what is in that folder; what is in a tree, as TREE//PATH, or in a repository, as REPO@REF:PREFIX
        prefix: Option<String>,
        /// With date, person and digest
        #[arg(short, long)]
        long: bool,
        /// Also what is in the folders
        #[arg(short, long)]
        recursive: bool,
    },
    /// Adds files, folders, what is at a URL, or standard input
    ///
    /// Adding the same bytes again does nothing; other bytes need --replace. A UID that ends in a slash is a folder: each file goes into it under its own name.
    #[command(after_help = "Example: datlake add -r photos holidays/2026\n\
        `datlake add -r --each photos holidays` adds every file by itself: photos/cats/tom.jpg as holidays/cats/tom.jpg.")]
    Add {
        /// Files, folders (with -r), an http or https URL, or - for standard input
        #[arg(required = true)]
        paths: Vec<OsString>,
        /// What it is called in the lake; ending in a slash, the folder it goes into
        uid: String,
        #[command(flatten)]
        how: AddHow,
    },
    /// Copies files, trees and folders out of the lake
    ///
    /// Each appears whole or not at all.
    #[command(after_help = "Example: datlake get corpora/alice.txt /tmp")]
    #[command(override_usage = "datlake get [OPTIONS] <UID>... [DEST]")]
    Get {
        /// Files, trees, calls as @CREATOR/KEY (their values, in JSON) and, with -r, folders; behind them where to (without that: here). Into a folder that is there they go
        /// under their own names
        #[arg(required = true, value_name = "UID")]
        items: Vec<String>,
        /// Replace a file that is there; of a tree or folder, each file that is there
        #[arg(short, long)]
        force: bool,
        /// All files with names in the folder UID
        #[arg(short, long)]
        recursive: bool,
        /// Make the folders that DEST is in
        #[arg(short, long)]
        parents: bool,
    },
    /// Writes the content of files, or the values of calls in JSON, to standard output
    #[command(after_help = "Example: datlake cat corpora/alice.txt | wc -w\n\
        What a call returned: datlake cat @shop/shop::total/22e76b")]
    Cat {
        /// The files, also of repositories, as REPO@REF:PATH, and calls as @CREATOR/KEY
        #[arg(required = true, value_name = "UID|@CALL")]
        uids: Vec<String>,
    },
    /// Shows where the content of files is on this machine
    ///
    /// Content that is not here is downloaded. A path ends in the file's own name, is read-only, and leads to the content as long as
    /// that is here: until it is evicted or collected.
    #[command(after_help = "Example: wc -w \"$(datlake path corpora/alice.txt)\"")]
    Path {
        /// The files
        #[arg(required = true)]
        uids: Vec<String>,
    },
    /// Makes a URL from which others download a file, without credentials of their own
    ///
    /// The URL downloads the file from the remote, under its own name, until it expires. S3 and Google Cloud Storage allow 7 days at
    /// most; a URL that temporary credentials signed ends with them. Anybody with the URL can download the file.
    #[command(after_help = "Example: datlake url reports/2026.pdf --expires 2d")]
    Url {
        /// The file; of a tree a file in it, as UID//PATH
        uid: String,
        /// For how long, as 15min, 1h or 7d
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
        expires: std::time::Duration,
    },
    /// Removes files
    ///
    /// Removing an output of a call removes the call and everything it returned: it would run again. A file from which something
    /// was made is not removed without --cascade. Content stays until it is collected.
    #[command(after_help = "Example: datlake rm corpora/alice.txt\n\
        All in a folder: datlake rm -r corpora\n\
        A call, with what it made: datlake rm @word_count/3f9a27")]
    Rm {
        /// The files, or folders of names (with -r); or files of a branch, as REPO@BRANCH:PATH
        #[arg(required = true)]
        uids: Vec<String>,
        /// Remove all names in these folders
        #[arg(short, long)]
        recursive: bool,
        /// Remove what was made from them too, directly or not
        #[arg(long)]
        cascade: bool,
        /// Remove only this machine's copies: the remote keeps them
        #[arg(long, conflicts_with = "cascade")]
        local: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Shows what a name has led to, the latest first: when, by whom, by which call; or the commits of a repository
    ///
    /// UID@{1} is what it led to before it was last replaced, wherever a file is asked for.
    #[command(after_help = "Example: datlake log reports/2026.md\n\
        What it was before: datlake cat reports/2026.md@{1}\n\
        Commits: datlake log sales@main\n\
        Those that changed a file, or a folder: datlake log sales@main:raw/jan.csv")]
    Log {
        /// The file or tree; or REPO@REF, or REPO@REF:PATH
        uid: String,
        /// How many versions or commits to list at most
        #[arg(short = 'n', long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Shows calls: when they ran, by whom, for how long, what they made, and what happened to them later
    ///
    /// What happened later comes from the runs of this machine that are still kept.
    #[command(after_help = "Example: datlake calls word_count\n\
        What failed since yesterday: datlake calls --failed --since 1d")]
    Calls {
        /// Only those of this creator: its name, or the end of it
        creator: Option<String>,
        /// Only those that failed and are not in the lake, with their errors
        #[arg(long)]
        failed: bool,
        /// Only what happened so long ago or later, as 30d or 12h
        #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
        since: Option<std::time::Duration>,
        /// How many to list at most
        #[arg(short = 'n', long, value_name = "N")]
        limit: Option<usize>,
        #[command(flatten)]
        shown: Shown,
    },
    /// Finds calls: by parameters, person, time, code, what they made, what they were made from
    ///
    /// All that is asked for must hold. It finds what the lake remembers; `datlake calls` also lists what failed.
    #[command(
        after_help = "The best of an experiment: datlake find train -p 'alpha>=0.1' --sort value.score --reverse -n 5 --table\n\
        Where a picture comes from: datlake find --file plot.png\n\
        What is wrong if a file is: datlake find --made-from corpora/alice.txt\n\
        What took long last week: datlake find --since 7d --longer-than 1h"
    )]
    Find(Box<FindHow>),
    /// Starts a program N times, whose processes share its calls, and follows them
    ///
    /// Each line that a process writes is shown with the process's number. On a terminal, lines below show what each does. Ctrl-C ends the
    /// processes. The exit status is 0 where one process has succeeded and none failed: every process gets every result.
    #[command(after_help = "Example: datlake run -n 4 -- ./target/release/pipeline --rate 0.1\n\
        In the background: datlake run -n 4 --detach -- ./pipeline, and later datlake runs attach\n\
        On Slurm: datlake run --on slurm -n 32 --cpus 4 --sbatch=--time=60 -- ./pipeline")]
    Run(Box<RunHow>),
    /// Supervises the processes of a run
    #[command(hide = true)]
    Supervise(SuperviseHow),
    /// Shows what the programs on this machine did, the latest first, or one such run with its calls
    ///
    /// A run is a process that made calls. The latest thousand are kept.
    #[command(after_help = "Example: datlake runs --limit 3\n\
        A run may be abbreviated: datlake runs 019aa5d8c0f17abc\n\
        What differs between two: datlake diff run:019aa5d8c0f17abc run:019aa6")]
    #[command(args_conflicts_with_subcommands = true)]
    Runs {
        #[command(subcommand)]
        started: Option<Started>,
        /// The run
        run: Option<String>,
        /// How many to list
        #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Shows what a receiver of OpenLineage events has not got yet, or sends it
    ///
    /// What bodies do is sent to DATLAKE_OPENLINEAGE_URL while they run, by programs with the feature `openlineage` of datlake. What they
    /// could not send waits here.
    #[command(after_help = "Example: datlake outbox send")]
    Outbox {
        #[command(subcommand)]
        send: Option<Send>,
    },
    /// Shows why a call ran: what differs between it and the nearest earlier call of its creator
    ///
    /// Also whether that creator ran with other code since. The command knows only what the lake has recorded; if the code of a
    /// program has changed and it has not run yet, `f::call(…).explain()` says so in Rust.
    #[command(after_help = "Example: datlake explain reports/2026.md\n\
        A call as `datlake calls` shows it: datlake explain word_count/22e76bf50690\n\
        With what was edited: datlake explain --source reports/2026.md\n\
        What a creator's results depend on: datlake explain --closure word_count")]
    Explain {
        /// A call, as CREATOR/KEY, or a file that it made; the creator may be abbreviated to its end, the key to its beginning
        #[arg(value_name = "CALL|UID|CREATOR")]
        call: String,
        /// Shows how much code the results of a creator depend on, and what brings most of it in
        #[arg(long, conflicts_with = "source")]
        closure: bool,
        /// Shows the sources of the items that changed, as they were and as they are
        #[arg(short, long)]
        source: bool,
    },
    /// Shows the code that a call ran: the function, and what it was found to depend on, as they were then
    ///
    /// Of code that was in no commit the lake keeps the source files. Others are looked for in the working directory and in git.
    #[command(after_help = "Example: datlake code reports/2026.md\n\
        A call as `datlake calls` shows it: datlake code word_count/22e76bf50690")]
    Code {
        /// A call, as CREATOR/KEY, or a file that it made; the creator may be abbreviated to its end, the key to its beginning
        #[arg(value_name = "CALL|UID")]
        call: String,
    },
    /// Calls a creator of a program by its name, with arguments as JSON
    ///
    /// It is the call that the same arguments in Rust make: found where it was made before. Texts are names of files where a parameter is one. The
    /// program offers this by a line: its `main` begins with `datlake::start()?;`. Jobs of a server call creators the same way.
    #[command(
        after_help = "Example: datlake call word_count -p corpus=corpora/alice.txt -p min_len=3 -- ./target/release/pipeline\n\
        A secret is the name of a variable: datlake call fetch -p 'key={\"$env\": \"API_KEY\"}' -- ./target/release/pipeline"
    )]
    Call(CallHow),
    /// Makes recorded calls again by their own program, and compares what comes out with what the lake holds
    ///
    /// It finds functions that are not deterministic, that depend on what their keys do not know of, and results that were tampered with.
    /// Calls that such a call makes are found as ever; nothing is stored. The program offers this by a line: its `main` begins with
    /// `datlake::start()?;`. The exit status is 1 where something came out otherwise or failed.
    #[command(after_help = "Example: datlake check reports/2026.md -- ./target/release/pipeline\n\
        After an upgrade of the compiler or of crates: datlake check --changed -- ./target/release/pipeline\n\
        All calls of a creator, four at a time: datlake check train -j 4 -- ./target/release/pipeline")]
    Check(CheckHow),
    /// Shows what differs between how two files or values were made; or between two runs, or two states of a repository
    ///
    /// Parameters, inputs, code with its source, compiler and crates; and the same of the calls upstream that made what differs.
    #[command(after_help = "Example: datlake diff reports/2026.md@{1} reports/2026.md\n\
        Two runs: datlake diff run:019aa5d8c0f17abc run:019aa6\n\
        What is uncommitted at a branch: datlake diff sales@main\n\
        What a branch has otherwise: datlake diff sales@main dev")]
    Diff {
        /// A call, as CREATOR/KEY, or a file that it made; or run:ID; or REPO@REF, or REPO@REF:PREFIX
        #[arg(value_name = "CALL|UID|RUN|REPO@REF")]
        was: String,
        /// Another; of a repository another branch, tag or commit, or nothing for what is uncommitted
        #[arg(value_name = "CALL|UID|RUN|REF")]
        now: Option<String>,
    },
    /// Shows everything upstream of a file or a call (what it was made from) and downstream (what was made from it)
    ///
    /// As trees, or as a graph for other tools and as a picture.
    #[command(after_help = "Example: datlake lineage reports/2026.md\n\
        What would have to be made again: datlake lineage --down corpora/alice.txt\n\
        A picture: datlake lineage reports/2026.md -o lineage.svg\n\
        A picture of the whole for a README: datlake lineage --pipeline -o pipeline.svg")]
    Lineage(Box<LineageHow>),
    #[command(flatten)]
    Versions(Versions),
    /// Shows where the lake is, and what is on this machine only
    #[command(after_help = "Example: datlake status --json")]
    Status,
    /// Sends to the remote what is on this machine only
    ///
    /// Each file is sent with what it was made from. An interrupted push resumes.
    #[command(after_help = "Example: datlake push results")]
    Push {
        /// Only these files, or what is in these folders
        which: Vec<String>,
    },
    /// Downloads what the remote has, before it is needed
    ///
    /// Each file comes with the documents of the calls that made it: they are then hits, also offline.
    #[command(after_help = "Example: datlake pull corpora/alice.txt results")]
    Pull {
        /// Only these files, or what is in these folders
        which: Vec<String>,
    },
    /// Copies the lake, or a part of it, to another store
    ///
    /// Each file is copied with what it was made from, so that its lineage resolves there. What is there already is not sent again;
    /// what differs there is not replaced, and the exit status is 2. What is on this machine only is not copied: push it first.
    #[command(after_help = "Example: datlake mirror s3://archive/lake results @shop/shop::report\n\
        Credentials for the other store alone: DATLAKE_MIRROR_AWS_ACCESS_KEY_ID and so on.")]
    Mirror {
        /// Where to: s3://bucket/folder, gs://bucket/folder, az://container/folder or file:///folder
        url: String,
        /// Only these files, what is in these folders, these calls (@CREATOR/KEY), or all of a creator (@CREATOR)
        which: Vec<String>,
        /// Say what would be copied, and copy nothing
        #[arg(long)]
        dry_run: bool,
        /// Leave out what was not asked for itself: what files were made from
        #[arg(long)]
        no_inputs: bool,
        /// Take whatever lake is there now, where another was before, or where it is gone
        #[arg(long)]
        accept: bool,
    },
    /// Checks the integrity of the lake: documents, what they refer to, and content
    ///
    /// The exit status is 1 if something is wrong.
    #[command(after_help = "Example: datlake verify --local --sample 100 results")]
    Verify {
        /// Only these files, or what is in these folders
        which: Vec<String>,
        /// Only this machine's store
        #[arg(long, conflicts_with = "remote")]
        local: bool,
        /// Only the remote
        #[arg(long)]
        remote: bool,
        /// Read only so many pieces of content on each side; only check that the others exist
        #[arg(long, value_name = "N")]
        sample: Option<usize>,
        /// Read every byte, as without --sample
        #[arg(long, conflicts_with = "sample")]
        all: bool,
        /// Instead: whether the files of this commit that lie outside of the lake are still what was imported
        #[arg(long, value_name = "REPO@REF[:PREFIX]", conflicts_with_all = ["which", "local", "remote", "sample", "all"])]
        outside: Option<String>,
    },
    /// Restores a file from an intact copy, or says which call to make again; or removes leftovers
    ///
    /// Without a file it removes, at the remote, claims of calls whose holders died, and on S3 uploads that were never completed,
    /// after a day without a heartbeat.
    #[command(after_help = "Example: datlake repair corpora/alice.txt")]
    Repair {
        /// The file or tree, or a call as `@creator/3f9a27`
        uid: Option<String>,
    },
    /// Removes calls that are no longer needed
    ///
    /// Calls with named outputs stay, unpushed calls, and everything that calls that stay were made from. It first shows what it
    /// would remove.
    #[command(after_help = "Example: datlake prune --superseded --older-than 30d\n\
        What names led to before, too: datlake prune --superseded --keep-versions 5 --versions-older-than 30d")]
    #[command(group(clap::ArgGroup::new("which").required(true).multiple(true)))]
    Prune {
        /// Calls that the same creator has since made again from the same arguments
        #[arg(long, group = "which")]
        superseded: bool,
        /// Only what started so long ago, as 30d or 12h
        #[arg(long, group = "which", value_name = "AGE", value_parser = humantime::parse_duration)]
        older_than: Option<std::time::Duration>,
        /// Keep so many of the latest of each creator and arguments (1 with --superseded)
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
        /// Earlier versions of names that were replaced so long ago, as 30d or 12h
        #[arg(long, group = "which", value_name = "AGE", value_parser = humantime::parse_duration)]
        versions_older_than: Option<std::time::Duration>,
        /// Earlier versions of names, but for so many of the latest of each, with the one that it leads to
        #[arg(long, group = "which", value_name = "N")]
        keep_versions: Option<usize>,
        /// Say what would be removed, and remove nothing
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Removes content from this machine that the remote has
    ///
    /// The least recently used goes first. It is downloaded again when it is read; programs that have it open are not disturbed.
    #[command(after_help = "Example: datlake evict --to 20GB")]
    #[command(group(clap::ArgGroup::new("what").required(true)))]
    Evict {
        /// Content that has not been used for so long, as 30d or 12h
        #[arg(long, group = "what", value_name = "AGE", value_parser = humantime::parse_duration)]
        older_than: Option<std::time::Duration>,
        /// Until at most so many bytes are left, as 20GB or 500MiB
        #[arg(long, group = "what", value_name = "SIZE", value_parser = size)]
        to: Option<u64>,
    },
    /// Collects garbage: content that nothing refers to, as after rm or prune
    ///
    /// On this machine it is removed at once. At the remote others may be about to refer to what they found there: content is first
    /// condemned, and removed by the next `datlake gc` at least two hours later. Run it once a day.
    #[command(after_help = "Example: datlake gc --dry-run")]
    Gc {
        #[command(flatten)]
        how: GcHow,
    },
    /// Writes packs of small files anew that are used in part
    ///
    /// Small files of added folders rest together in packs. What edits leave unused in them stays until the pack is written anew, here
    /// and at the remote, and `datlake gc` removes the old one. `datlake status` shows how much is unused.
    #[command(after_help = "Example: datlake repack && datlake gc")]
    Repack,
    /// Makes a lake of its own for the project in this folder
    ///
    /// Writes a datlake.toml, which every program and command uses that is started here or below. Names of files in it do not meet
    /// those of other projects.
    #[command(after_help = "Example: datlake init --remote s3://team/tumor")]
    Init {
        /// The lake's folder on this machine
        #[arg(long, default_value = ".datlake")]
        home: String,
        /// The URL of the store shared with others
        #[arg(long)]
        remote: Option<String>,
    },
    /// Shows and changes the configuration
    #[command(subcommand)]
    Config(Config),
    #[cfg(feature = "serve")]
    #[command(flatten)]
    Server(ServerCommand),
    /// Writes what a shell needs to complete commands
    #[command(after_help = "Example: datlake completions bash > ~/.local/share/bash-completion/completions/datlake")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Writes the manual page, or all of them into a folder
    #[command(after_help = "Example: datlake man ~/.local/share/man/man1")]
    Man {
        /// A folder, for a page of each command
        folder: Option<PathBuf>,
    },
}
