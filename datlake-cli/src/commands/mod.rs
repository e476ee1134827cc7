//! What each command does, and how its answer is shown. None prints.

mod add;
mod call;
mod calls;
mod check;
mod checkout;
mod code;
mod config;
mod content;
mod diff;
mod differences;
mod download;
mod explain;
mod find;
mod gc;
mod get;
mod health;
mod info;
mod init;
#[cfg(feature = "serve")]
mod jobs;
mod lake;
mod lineage;
mod log;
mod ls;
mod objects;
mod outbox;
mod prune;
mod repository;
mod rm;
mod run;
mod runs;
#[cfg(feature = "serve")]
mod schedules;
#[cfg(test)]
mod schemas;
#[cfg(feature = "serve")]
mod server;
mod shell;
mod sync;
mod table;
mod versions;
#[cfg(feature = "serve")]
mod worker;

use datlake::{Evict, Mirror, Verify};

use crate::answer::Answer;
use crate::args::{self, Command};
use crate::screen::Screen;

pub(crate) fn run(command: Command, json: bool, screen: &Screen) -> anyhow::Result<Box<dyn Answer>> {
    let lake = || lake::open(screen);
    Ok(match command {
        Command::Info { uid } => info::run(&lake()?, &uid)?,
        Command::Ls { prefix, long, recursive } => ls::shown(&lake()?, prefix.as_deref(), long, recursive || json)?,
        Command::Add { paths, uid, how } => Box::new(add::run(lake, &paths, &uid, &how)?),
        Command::Get { items, force, recursive, parents } => {
            Box::new(get::run(&lake()?, &items, get::How { force, recursive, parents })?)
        }
        Command::Cat { uids } => Box::new(content::cat(&lake()?, &uids, &mut screen.bytes())?),
        Command::Path { uids } => Box::new(content::paths(&lake()?, &uids)?),
        Command::Url { uid, expires } => Box::new(lake()?.url(&uid, expires)?),
        Command::Rm { uids, recursive, cascade, local, yes } => {
            rm::shown(&lake()?, &uids, rm::How { recursive, cascade, local, yes }, screen)?
        }
        Command::Log { uid, limit } => log::shown(&lake()?, &uid, limit)?,
        Command::Calls { creator, failed, since, limit, shown } => {
            Box::new(calls::run(&lake()?, creator.as_deref(), (failed, since, limit), shown)?)
        }
        Command::Find(how) => Box::new(find::run(&lake()?, *how)?),
        Command::Run(how) => run::run(&how, json, screen)?,
        Command::Supervise(how) => Box::new(crate::launch::supervise(&how.folder, &how.program)?),
        Command::Runs { started: Some(started), .. } => run::started(&lake()?, &started, json, screen)?,
        Command::Runs { run: Some(run), .. } => Box::new(lake()?.run(runs::id(&run))?),
        Command::Runs { run: None, limit, .. } => Box::new(runs::List(lake()?.runs(limit)?)),
        Command::Outbox { send: Some(args::Send::Send) } => Box::new(datlake_client::send(&lake()?)?),
        Command::Outbox { send: None } => Box::new(outbox::List(lake()?.outbox()?)),
        Command::Explain { call, closure: true, .. } => Box::new(lake()?.creator_code(&call)?),
        Command::Explain { call, source: true, .. } => Box::new(lake()?.explain_sources(&call)?),
        Command::Explain { call, .. } => Box::new(lake()?.explain(&call)?),
        Command::Call(how) => Box::new(call::run(how, screen)?),
        Command::Check(how) => Box::new(check::run(&lake()?, &how, screen)?),
        Command::Code { call } => Box::new(lake()?.call_code(&call)?),
        Command::Diff { was, now } => diff::shown(&lake()?, &was, now.as_deref())?,
        Command::Versions(command) => versions::run(&lake()?, command)?,
        Command::Lineage(how) => lineage::run(&lake()?, &how, json)?,
        Command::Init { home, remote } => Box::new(init::run(&home, remote.as_deref())?),
        Command::Config(command) => config::run(command, screen)?,
        Command::Status => Box::new(sync::status(&lake()?)?),
        Command::Push { which } => Box::new(lake()?.push(&texts(&which))?),
        Command::Pull { which } => Box::new(lake()?.pull(&texts(&which))?),
        Command::Mirror { url, which, dry_run, no_inputs, accept } => {
            let how = Mirror::to(url).dry_run(dry_run).inputs(!no_inputs).accept(accept);
            Box::new(lake()?.mirror(&how, &texts(&which))?)
        }
        Command::Verify { outside: Some(of), .. } => Box::new(repository::check_outside(&lake()?, &of)?),
        Command::Verify { which, local, remote, sample, .. } => {
            let mut how = Verify::default();
            (how.side, how.sample) = (lake::side(local, remote), sample);
            Box::new(lake()?.verify(how, &texts(&which))?)
        }
        Command::Repair { uid: Some(uid) } => Box::new(lake()?.repair(&uid)?),
        Command::Repair { uid: None } => Box::new(lake()?.clean()?),
        Command::Prune { superseded, older_than, keep, versions_older_than, keep_versions, dry_run, yes } => {
            let what =
                prune::PruneOptions { superseded, older_than, keep, versions_older_than, keep_versions, dry_run, yes };
            Box::new(prune::run(&lake()?, &what, screen)?)
        }
        Command::Evict { older_than, to } => {
            let what = older_than.map_or(Evict::To(to.unwrap_or(u64::MAX)), Evict::OlderThan);
            Box::new(lake()?.evict(what)?)
        }
        Command::Gc { how } => Box::new(lake()?.collect(gc::how(&how))?),
        Command::Repack => Box::new(lake()?.repack()?),
        #[cfg(feature = "serve")]
        Command::Server(command) => of_server(command, screen)?,
        Command::Completions { shell } => Box::new(shell::completions(shell, &mut screen.bytes())?),
        Command::Man { folder } => Box::new(shell::man(folder.as_deref(), &mut screen.bytes())?),
    })
}

/// What a server does, and what is done with one.
#[cfg(feature = "serve")]
fn of_server(command: args::ServerCommand, screen: &Screen) -> anyhow::Result<Box<dyn Answer>> {
    use args::ServerCommand;
    let lake = || lake::open(screen);
    Ok(match command {
        ServerCommand::Serve(how) => Box::new(server::serve(lake, &how, screen)?),
        ServerCommand::Ui(how) => Box::new(server::ui(&lake()?, &how, screen)?),
        ServerCommand::Worker(how) => Box::new(worker::run(how, screen)?),
        ServerCommand::Guard(how) => Box::new(worker::Ended(crate::worker::guard(how.grace, &how.program)?)),
        ServerCommand::Job(how) => jobs::run(&how, &mut screen.bytes())?,
        ServerCommand::User(command) => server::user(&lake()?, command)?,
        ServerCommand::Key(command) => server::key(&lake()?, command)?,
        ServerCommand::Token(command) => server::token(&lake()?, command)?,
        ServerCommand::Grant(command) => server::grant(&lake()?, command)?,
    })
}

fn texts(which: &[String]) -> Vec<&str> {
    which.iter().map(String::as_str).collect()
}
