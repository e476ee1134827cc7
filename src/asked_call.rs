//! A program calls a creator that somebody asks for by name, with arguments as JSON.

use datlake_core::{CreatorName, Error, ErrorKind, Result};
use datlake_lake::Lake;
use datlake_lake::calling::{Answers, CallRequest, CreatorAnswer, SaidCall, end_here};
use datlake_store::wait;

use crate::call::remade::{ArgumentSource, NotMade, Replay, Replayed};
use crate::creators::Creator;

/// So many creators are named where none is meant.
const SHOWN: usize = 20;

/// Makes the call, says what came of it, and ends the process.
pub(crate) fn answer(request: CallRequest, answers: &Answers) -> Result<()> {
    end(wait(called(request)), answers)
}

/// As [`answer`], on the runtime that it is called on.
pub(crate) async fn answer_async(request: CallRequest, answers: &Answers) -> Result<()> {
    end(called(request).await, answers)
}

fn end(called: Result<CreatorAnswer>, answers: &Answers) -> Result<()> {
    // The answer is the last that is heard of it.
    end_here();
    let answer = called.unwrap_or_else(|error| CreatorAnswer::Failed {
        message: error.without_hint(),
        hint: error.hint().map(str::to_owned),
    });
    answers.say(&answer)?;
    std::process::exit(i32::from(matches!(answer, CreatorAnswer::Failed { .. })))
}

async fn called(CallRequest { creator, params }: CallRequest) -> Result<CreatorAnswer> {
    let (name, known) = meant(&creator)?;
    if let Some(other) = params.keys().find(|param| !known.params.contains(&param.as_str())) {
        let message = format!("the creator `{name}` has no parameter `{}`", shown(other));
        let hint = match known.params {
            [] => "it has none".to_owned(),
            params => format!("it has {}", params.join(", ")),
        };
        return Err(Error::new(ErrorKind::InvalidInput, message).with_hint(hint));
    }
    let replay = known.replay.map_err(|why| {
        let message = format!("the creator `{name}` cannot be called by its name: {why}");
        Error::new(ErrorKind::InvalidInput, message).with_hint("write a creator without that, which calls it")
    })?;
    let lake = Lake::current()?;
    let said = SaidCall::new(params);
    let given = ArgumentSource::Said(&said);
    let made = match replay {
        Replay::Blocking(make) => {
            let _current = lake.enter();
            make(given)
        }
        Replay::Async(make) => lake.scope(make(given)).await,
    };
    match made {
        Ok(Replayed::Called(called)) => Ok(CreatorAnswer::Called(called)),
        Ok(Replayed::Remade(_)) => Err(Error::new(ErrorKind::Context, format!("`{name}` was made to be compared"))),
        Err(NotMade::Impossible(why)) => {
            Err(Error::new(ErrorKind::InvalidInput, format!("the creator `{name}` was not called: {why}")))
        }
        Err(NotMade::Failed(why)) => {
            Ok(CreatorAnswer::Failed { message: format!("the creator `{name}` failed: {why}"), hint: None })
        }
    }
}

/// The creator of that name, or whose name ends so.
fn meant(text: &str) -> Result<(CreatorName, &'static Creator)> {
    let named = |creator: &'static Creator| Some(((creator.code)().creator_name().ok()?, creator));
    let mut all: Vec<_> = inventory::iter::<Creator>().filter_map(named).collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let is_end = |name: &str| {
        name.strip_suffix(text)
            .is_some_and(|before| before.is_empty() || before.ends_with("::") || before.ends_with('/'))
    };
    let whole = all.iter().find(|(name, _)| name.as_str() == text);
    let ends: Vec<_> = all.iter().filter(|(name, _)| is_end(name.as_str())).collect();
    let names = |some: &mut dyn Iterator<Item = &CreatorName>| {
        let names: Vec<&str> = some.take(SHOWN).map(CreatorName::as_str).collect();
        names.join(", ")
    };
    let refused = |message: String, hint: String| Err(Error::new(ErrorKind::InvalidInput, message).with_hint(hint));
    match (whole, &*ends) {
        (Some((name, creator)), _) | (None, [(name, creator)]) => Ok((name.clone(), creator)),
        (None, []) => {
            let hint = match all.len() {
                0 => "it has none at all".to_owned(),
                _ => format!("it has {}", names(&mut all.iter().map(|(name, _)| name))),
            };
            refused(format!("the program has no creator `{}`", shown(text)), hint)
        }
        (None, several) => {
            let hint = format!("write one of {}", names(&mut several.iter().map(|(name, _)| name)));
            refused(format!("the program has {} creators whose names end in `{}`", several.len(), shown(text)), hint)
        }
    }
}

/// What somebody said, as an error shows it.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
