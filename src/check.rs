//! A program makes its recorded calls again, for `datlake check`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use datlake_core::{CallKey, CodeHash, CreatorName, Error, ErrorKind, Result};
use datlake_lake::checking::{Answers, CheckAnswer, CheckRequest};
use datlake_lake::report::{CheckDifference, CheckOutcome, CheckedCall};
use datlake_lake::sync::lock;
use datlake_lake::{Lake, LakeBuilder, MadeAgain, Mode, RecordedCall, provenance};
use datlake_store::{scoped_thread, wait};

use crate::call::remade::{ArgumentSource, NotMade, Replay, Replayed};
use crate::creators::{Creator, newer};

/// The stack of a thread that makes calls again: that of a main thread.
const STACK: usize = 8 << 20;

/// Makes the calls that are asked for, says what came out, and ends the process.
pub(crate) fn all(request: &CheckRequest, answers: &Answers) -> Result<()> {
    let checker = Checker::new(request, answers)?;
    let (next, failed) = (AtomicUsize::new(0), std::sync::Mutex::new(None));
    let work = || {
        let _current = checker.lake.enter();
        while let Some((creator, key)) = request.calls.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = wait(checker.check(creator, key)) {
                lock(&failed).get_or_insert(error);
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..request.at_once).map_while(|_| scoped_thread(scope, STACK, work).ok()).collect();
        work();
        drop(others);
    });
    match lock(&failed).take() {
        Some(error) => Err(error),
        None => checker.end(),
    }
}

/// As [`all`], one after another on the runtime that it is called on.
pub(crate) async fn all_async(request: &CheckRequest, answers: &Answers) -> Result<()> {
    let checker = Checker::new(request, answers)?;
    for (creator, key) in &request.calls {
        checker.lake.scope(checker.check(creator, key)).await?;
    }
    checker.end()
}

struct Checker<'r> {
    lake: Lake,
    creators: HashMap<CreatorName, (&'static Creator, CodeHash)>,
    request: &'r CheckRequest,
    answers: &'r Answers,
}

impl<'r> Checker<'r> {
    fn new(request: &'r CheckRequest, answers: &'r Answers) -> Result<Self> {
        if let Some(file) = newer() {
            let message =
                format!("`{file}` was written while the program was compiled: its keys do not tell what it runs");
            return Err(Error::new(ErrorKind::Context, message).with_hint("build it again"));
        }
        let lake = LakeBuilder::configured()?.mode(Mode::Check).open()?;
        let known = |creator: &'static Creator| {
            let code = (creator.code)();
            Some((code.creator_name().ok()?, (creator, code.hash())))
        };
        let creators = inventory::iter::<Creator>().filter_map(known).collect();
        Ok(Self { lake, creators, request, answers })
    }

    /// Everything was answered: the program has done what it was started for.
    fn end(&self) -> Result<()> {
        self.answers.say(&CheckAnswer::End)?;
        std::process::exit(0)
    }

    /// Makes a call again and says what came of it.
    async fn check(&self, creator: &CreatorName, key: &CallKey) -> Result<()> {
        let Some(recorded) = RecordedCall::find(&self.lake, creator, key)? else { return Ok(()) };
        let known = self.creators.get(creator);
        let changed = known
            .map(|(known, _)| provenance::environment((known.code)()).digest != recorded.lineage.environment.digest);
        let is_hit = known.is_some_and(|(_, code)| *code == recorded.lineage.code.hash);
        if self.request.changed && !(is_hit && changed == Some(true)) {
            return if is_hit { self.answers.say(&CheckAnswer::Unchanged(creator.clone(), *key)) } else { Ok(()) };
        }
        let began = Instant::now();
        let remade = self.remade(known, &recorded).await;
        let made = matches!(remade, Ok(_) | Err(NotMade::Failed(_)));
        let now_ms = made.then(|| u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let compared = match remade {
            Ok(made) => recorded.compare(&self.lake, &made).map_err(NotMade::from),
            Err(why) => Err(why),
        };
        let checked = Box::new(checked(&recorded, compared, changed, now_ms));
        self.answers.say(&CheckAnswer::Checked(checked))
    }

    async fn remade(
        &self,
        known: Option<&(&'static Creator, CodeHash)>,
        recorded: &RecordedCall,
    ) -> std::result::Result<Box<MadeAgain>, NotMade> {
        let impossible = |why: &str| Err(NotMade::Impossible(why.to_owned()));
        let Some((creator, code)) = known else { return impossible("the program has no creator of this name") };
        if *code != recorded.lineage.code.hash {
            return impossible("it was made by other code than the program has");
        }
        let replay = match creator.replay {
            Ok(replay) => replay,
            Err(why) => return impossible(why),
        };
        let lineage = &recorded.lineage;
        self.answers.say(&CheckAnswer::Begins(lineage.creator.clone(), lineage.key))?;
        let given = ArgumentSource::Recorded(recorded);
        let made = match replay {
            Replay::Blocking(again) => again(given),
            Replay::Async(again) => again(given).await,
        };
        match made? {
            Replayed::Remade(made) => Ok(made),
            Replayed::Called(_) => impossible("it was made, and not to be compared"),
        }
    }
}

fn checked(
    recorded: &RecordedCall,
    compared: std::result::Result<Vec<CheckDifference>, NotMade>,
    environment_changed: Option<bool>,
    now_ms: Option<u64>,
) -> CheckedCall {
    let lineage = &recorded.lineage;
    let (outcome, why, differences) = match compared {
        Ok(none) if none.is_empty() => (CheckOutcome::Same, None, none),
        Ok(differences) => (CheckOutcome::Different, None, differences),
        Err(NotMade::Failed(why)) => (CheckOutcome::Failed, Some(why), Vec::new()),
        Err(NotMade::Impossible(why)) => (CheckOutcome::NotMade, Some(why), Vec::new()),
    };
    CheckedCall::new(lineage, outcome, why, differences, environment_changed, now_ms)
}
