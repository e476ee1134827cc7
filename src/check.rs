//! A program offers to make its recorded calls again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use datlake_core::{CallKey, CodeHash, CreatorName, Error, ErrorKind, Result};
use datlake_lake::checking::{CheckAnswer, CheckAnswers, CheckRequest, asked};
use datlake_lake::report::{CheckDifference, CheckOutcome, CheckedCall};
use datlake_lake::sync::lock;
use datlake_lake::{Lake, LakeBuilder, Mode, RecordedCall, provenance};
use datlake_store::{scoped_thread, wait};

use crate::call::remade::{NotMade, Remade, Replay};
use crate::creators::{Creator, newer};

/// The stack of a thread that makes calls again: that of a main thread.
const STACK: usize = 8 << 20;

/// Lets `datlake check` make calls of this program again: the first line of a `main`.
///
/// Started by anybody else, the program goes on at once. Started by `datlake check`, it makes the calls that it is asked for, from what
/// their records tell of the arguments, says what came out, and ends; nothing is stored. Without this line it is an error to check a
/// program. One whose asynchronous creators need a runtime calls [`start_async`] on it.
///
/// # Errors
/// [`ErrorKind::Config`] where the request cannot be read.
///
/// ```
/// use datlake::{Result, file_creator};
///
/// #[file_creator]
/// fn double(n: u32) -> Result<u32> {
///     Ok(2 * n)
/// }
///
/// fn main() -> Result<()> {
///     datlake::start()?;
/// #   let lake = datlake::Lake::temp()?;
/// #   let _current = lake.enter();
///     println!("{}", double(4)?);
///     Ok(())
/// }
/// ```
pub fn start() -> Result<()> {
    let Some((request, answers)) = asked()? else { return Ok(()) };
    let checker = Checker::new(&request, &answers)?;
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

/// As [`start`], for a program whose asynchronous creators need the runtime that it is called on. Calls are made one after another.
///
/// # Errors
/// As [`start`].
///
/// ```
/// use datlake::{Result, file_creator};
///
/// #[file_creator]
/// async fn double(n: u32) -> Result<u32> {
///     tokio::task::yield_now().await;
///     Ok(2 * n)
/// }
///
/// #[tokio::main]
/// async fn main() -> Result<()> {
///     datlake::start_async().await?;
/// #   let lake = datlake::Lake::temp()?;
///     // …
/// #   assert_eq!(lake.scope(double(4)).await?, 8);
///     Ok(())
/// }
/// ```
pub async fn start_async() -> Result<()> {
    let Some((request, answers)) = asked()? else { return Ok(()) };
    let checker = Checker::new(&request, &answers)?;
    for (creator, key) in &request.calls {
        checker.lake.scope(checker.check(creator, key)).await?;
    }
    checker.end()
}

struct Checker<'r> {
    lake: Lake,
    creators: HashMap<CreatorName, (&'static Creator, CodeHash)>,
    request: &'r CheckRequest,
    answers: &'r CheckAnswers,
}

impl<'r> Checker<'r> {
    fn new(request: &'r CheckRequest, answers: &'r CheckAnswers) -> Result<Self> {
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

    async fn remade(&self, known: Option<&(&'static Creator, CodeHash)>, recorded: &RecordedCall) -> Remade {
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
        match replay {
            Replay::Blocking(again) => again(recorded),
            Replay::Async(again) => again(recorded).await,
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
