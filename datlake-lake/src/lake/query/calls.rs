//! Calls as they are shown, and UIDs as they are typed.

use std::collections::BTreeSet;

use datlake_core::lineage::Lineage;
use datlake_core::record::Record;
use datlake_core::{CallKey, CreatorName, Error, ErrorKind, Result, Uid};
use datlake_store::wait;

use super::values::in_row;
use crate::lake::{Lake, nearest, no_call};
use crate::origin::Origin;
use crate::report::{CallEvent, CallRow, Outcome, OutputRow};

pub(super) type Calls = BTreeSet<(CreatorName, CallKey)>;

/// Who knows so many of the latest calls of a creator that is called so: too many may be named, in any order, and none too few.
pub(super) type LatestCalls<'a> = &'a mut dyn FnMut(&str, usize) -> Result<Vec<(CreatorName, CallKey)>>;

impl Lake {
    /// The UID that `text` means: itself, or, where it abbreviates the key of a call, `@creator/3f9a27/0`, the one it
    /// stands for. A file of a repository, `sales@main:raw/jan.csv`, stands for that of the commit which the reference leads to.
    ///
    /// # Errors
    /// As [`Reference::file`](crate::Reference::file), for a file of a repository; [`ErrorKind::InvalidInput`] for what is no UID, and for an abbreviation of several calls; [`ErrorKind::NotFound`]
    /// for one of none.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// assert_eq!(lake.resolve("greetings/en.txt")?.as_str(), "greetings/en.txt");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn resolve(&self, text: &str) -> Result<Uid> {
        let (head, member) = match text.split_once("//") {
            Some((head, member)) => (head, Some(member)),
            None => (text, None),
        };
        let Some((creator, short, index)) = abbreviated(head) else {
            return self.resolve_committed(text)?.map_or_else(|| text.parse(), Ok);
        };
        let creator = CreatorName::new(creator)?;
        let calls = wait(async {
            self.contact_remote().await?;
            self.catalog().calls_beginning(&creator, short).await
        })?;
        let (creator, key) = only(calls, creator.as_str(), short)?;
        let uid = Uid::output(&creator, &key, index);
        member.map_or(Ok(uid.clone()), |path| Uid::member(&uid, path))
    }

    /// The call that `text` means: the one that made the file of that UID, or `creator/3f9a27`, where both the name of the
    /// creator (to its end) and the key (to its beginning) may be abbreviated. `None` for a file that no call made.
    pub(super) fn call_meant(&self, text: &str) -> Result<Option<(CreatorName, CallKey)>> {
        let is_uid = text.starts_with('@') && (text.parse::<Uid>().is_ok() || abbreviated(text).is_some());
        if !is_uid && let Some((creator, short)) = call(text) {
            let is_file = !text.starts_with('@') && self.exists(text)?;
            if !is_file {
                return wait(self.call_called(creator, short)).map(Some);
            }
        }
        let uid = self.resolve(text)?;
        match self.file(uid.as_str())?.lineage()? {
            Origin::Added(_) => Ok(None),
            Origin::Call(lineage) => Ok(Some((lineage.creator, lineage.key))),
        }
    }

    /// The call that `@creator/3f9a27` names, where the key may be abbreviated; `None` for anything else, as the UID of a file. A
    /// call whose key is whole may have been removed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for an abbreviation of no call, [`ErrorKind::InvalidInput`] for one of several.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// assert_eq!(lake.resolve_call("greetings/en.txt")?, None);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn resolve_call(&self, text: &str) -> Result<Option<(CreatorName, CallKey)>> {
        if !text.starts_with('@') || text.contains("//") || text.parse::<Uid>().is_ok() || abbreviated(text).is_some() {
            return Ok(None);
        }
        let Some((creator, short)) = call(text) else { return Ok(None) };
        if let (Ok(creator), Ok(key)) = (CreatorName::new(creator), short.parse()) {
            return Ok(Some((creator, key)));
        }
        self.call_meant(text)
    }

    /// The record of the call that `@creator/3f9a27` names; `None` for the UID of a file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no such call.
    pub(in crate::lake) fn record_named(&self, text: &str) -> Result<Option<Record>> {
        let Some((creator, key)) = self.resolve_call(text)? else { return Ok(None) };
        wait(async {
            self.contact_remote().await?;
            self.catalog().record(&creator, &key).await?.ok_or_else(|| no_call(&creator, &key)).map(Some)
        })
    }

    /// What is remembered of a call.
    pub(in crate::lake) async fn lineage_of(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<Lineage>> {
        self.catalog().record(creator, key).await?.as_ref().map(Record::lineage).transpose()
    }

    /// The only call with a key that begins with `short`, of the creator that is called so in full, or else by the end of its name.
    async fn call_called(&self, creator: &str, short: &str) -> Result<(CreatorName, CallKey)> {
        self.contact_remote().await?;
        let mut calls = Calls::new();
        if let Ok(whole) = CreatorName::new(creator) {
            calls = self.catalog().calls_beginning(&whole, short).await?;
            if calls.is_empty() && self.catalog().has_calls(&whole).await? {
                return only(calls, creator, short);
            }
        }
        if calls.is_empty() {
            let gather = |name: CreatorName, key: CallKey| {
                if is_meant(&name, &key, creator, short) {
                    calls.insert((name, key));
                }
            };
            self.catalog().each_call(None, gather).await?;
        }
        only(calls, creator, short)
    }

    /// The calls whose creator is called so in full; where there is none, those whose creator's name ends in it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where no creator is called so; those of reaching the stores.
    pub(super) async fn calls_called(&self, wanted: &str) -> Result<Calls> {
        let whole = self.calls_of_whole(wanted).await?;
        if !whole.is_empty() {
            return Ok(whole);
        }
        let (mut meant, mut others) = (Calls::new(), BTreeSet::new());
        let sort = |creator: CreatorName, key| {
            if is_called(creator.as_str(), wanted) {
                meant.insert((creator, key));
            } else {
                others.insert(creator);
            }
        };
        self.catalog().each_call(None, sort).await?;
        if meant.is_empty() {
            return Err(self.no_creator(wanted, others.iter().map(CreatorName::as_str)));
        }
        Ok(meant)
    }

    /// The calls of the creator of this name, whole: of others nothing is listed.
    async fn calls_of_whole(&self, name: &str) -> Result<Calls> {
        match CreatorName::new(name) {
            Ok(creator) => self.catalog().calls(Some(&creator)).await,
            Err(_) => Ok(Calls::new()),
        }
    }

    /// The one of `creators` that is called so in full; where there is none, those whose names end in it.
    pub(super) fn creators_called(&self, creators: Vec<CreatorName>, wanted: &str) -> Result<Vec<CreatorName>> {
        if let Some(whole) = creators.iter().find(|creator| creator.as_str() == wanted) {
            return Ok(vec![whole.clone()]);
        }
        let (mut meant, others): (Vec<_>, Vec<_>) =
            creators.into_iter().partition(|creator| is_called(creator.as_str(), wanted));
        meant.sort();
        if meant.is_empty() {
            return Err(self.no_creator(wanted, others.iter().map(CreatorName::as_str)));
        }
        Ok(meant)
    }

    /// The only creator with calls that is called so in full, or else by the end of its name, and its calls.
    pub(super) async fn creator_meant(&self, wanted: &str) -> Result<(CreatorName, Vec<CallKey>)> {
        let meant = self.calls_called(wanted).await?;
        let creators = meant.iter().map(|(creator, _)| creator.clone()).collect::<BTreeSet<_>>();
        let creator = only_creator(creators.into_iter().collect(), wanted)?;
        Ok((creator, meant.into_iter().map(|(_, key)| key).collect()))
    }

    /// All calls of the only creator that is called so.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for no creator, [`ErrorKind::InvalidInput`] for several; those of reaching the stores.
    #[doc(hidden)]
    pub fn calls_of_creator(&self, wanted: &str) -> Result<Vec<(CreatorName, CallKey)>> {
        let (creator, keys) = wait(async {
            self.contact_remote().await?;
            self.creator_meant(wanted).await
        })?;
        Ok(keys.into_iter().map(|key| (creator.clone(), key)).collect())
    }

    pub(super) fn no_creator<'a>(&self, wanted: &str, others: impl IntoIterator<Item = &'a str>) -> Error {
        let shown: String = wanted.chars().take(80).flat_map(char::escape_debug).collect();
        let message = format!("the lake in `{}` has no call of a creator `{shown}`", self.home().display());
        let hint = match &*nearest(wanted, others) {
            [] => "`datlake calls` shows the calls".to_owned(),
            near => format!("the nearest creators are {}", near.join(", ")),
        };
        Error::new(ErrorKind::NotFound, message).with_hint(hint)
    }
}

impl CallRow {
    /// A call that left `record`.
    pub(super) fn of(record: &Record, lineage: Lineage) -> Self {
        let value = in_row(record, &lineage);
        Self {
            creator: lineage.creator,
            key: lineage.key,
            remembered: true,
            started_at: Some(lineage.started_at),
            duration_ms: Some(lineage.duration_ms),
            originator: Some(lineage.person.email),
            host: Some(lineage.host),
            run: Some(lineage.run),
            code_hash: Some(lineage.code.hash),
            params: lineage.params,
            outputs: lineage.outputs.into_iter().map(OutputRow::from).collect(),
            value,
            history: Vec::new(),
        }
    }

    /// A call that only runs tell of.
    pub(super) fn forgotten(creator: &CreatorName, key: &CallKey) -> Self {
        Self {
            creator: creator.clone(),
            key: *key,
            remembered: false,
            started_at: None,
            duration_ms: None,
            originator: None,
            host: None,
            run: None,
            code_hash: None,
            params: Vec::new(),
            outputs: Vec::new(),
            value: None,
            history: Vec::new(),
        }
    }

    /// What became of it on this machine.
    pub(super) fn add_history(&mut self, mut history: Vec<CallEvent>) {
        history.sort_by(|a, b| b.at.cmp(&a.at));
        // That its body ran is what the record says.
        history.retain(|event| {
            event.outcome != Outcome::Executed || !self.remembered || Some(&event.run) != self.run.as_ref()
        });
        if !self.remembered {
            self.params =
                history.iter().find_map(|event| Some(event.failure.as_ref()?.params.clone())).unwrap_or_default();
        }
        self.history = history;
    }
}

/// The only one of `creators`, which `wanted` is to mean.
pub(super) fn only_creator(creators: Vec<CreatorName>, wanted: &str) -> Result<CreatorName> {
    match &*creators {
        [creator] => Ok(creator.clone()),
        [creator, other, ..] => {
            let message = format!("`{wanted}` is several creators, as `{creator}` and `{other}`");
            Err(Error::new(ErrorKind::InvalidInput, message).with_hint("write more of the name"))
        }
        [] => {
            let error = Error::new(ErrorKind::NotFound, format!("there is no call of a creator `{wanted}`"));
            Err(error.with_hint("`datlake calls` shows the calls"))
        }
    }
}

/// Whether a creator's name is `wanted`, or ends in it.
pub(super) fn is_called(creator: &str, wanted: &str) -> bool {
    let before = creator.strip_suffix(wanted);
    before.is_some_and(|before| before.is_empty() || (!wanted.is_empty() && before.ends_with(['/', ':'])))
}

fn is_meant(name: &CreatorName, key: &CallKey, creator: &str, short: &str) -> bool {
    is_called(name.as_str(), creator) && key.to_string().starts_with(short)
}

/// The only one of `calls` that is of a creator called `creator`, to the end of its name, with a key that begins with `short`.
fn only(calls: Calls, creator: &str, short: &str) -> Result<(CreatorName, CallKey)> {
    let mut calls = calls.into_iter().filter(|(name, key)| is_meant(name, key, creator, short));
    match (calls.next(), calls.next()) {
        (Some(call), None) => Ok(call),
        (None, _) => {
            let message = format!("no call of `{creator}` has a key that starts with `{short}`");
            Err(Error::new(ErrorKind::NotFound, message).with_hint("`datlake calls` shows the calls"))
        }
        (Some(one), Some(other)) => {
            let shown = |(creator, key): &(CreatorName, CallKey)| format!("{creator}/{}", key.short());
            let message = format!(
                "`{short}` is the beginning of several calls of `{creator}`, such as {} and {}",
                shown(&one),
                shown(&other)
            );
            Err(Error::new(ErrorKind::InvalidInput, message).with_hint("write more of it"))
        }
    }
}

/// Whether `text` is the name of a call, which may be abbreviated.
pub(super) fn is_call(text: &str) -> bool {
    call(text).is_some()
}

/// The parts of `creator/3f9a27`.
fn call(text: &str) -> Option<(&str, &str)> {
    let (creator, short) = text.strip_prefix('@').unwrap_or(text).rsplit_once('/')?;
    let hex = !short.is_empty() && short.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    hex.then_some((creator, short))
}

/// The parts of `@creator/3f9a27/0`, where the key is not whole.
fn abbreviated(text: &str) -> Option<(&str, &str, u32)> {
    let (rest, index) = text.strip_prefix('@')?.rsplit_once('/')?;
    let (creator, short) = rest.rsplit_once('/')?;
    let hex = !short.is_empty() && short.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (hex && short.len() < 64).then_some((creator, short, index.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creator_is_found_by_the_end_of_its_name() {
        for wanted in ["shop/shop::report", "shop::report", "report"] {
            assert!(is_called("shop/shop::report", wanted), "{wanted}");
        }
        for other in ["", "port", "shop", "shop/shop::report::x"] {
            assert!(!is_called("shop/shop::report", other), "{other}");
        }
    }

    #[test]
    fn only_a_shortened_key_is_an_abbreviation() {
        assert_eq!(abbreviated("@shop/shop::report/3f9a/0"), Some(("shop/shop::report", "3f9a", 0)));
        let whole = format!("@shop/shop::report/{}/0", "3f".repeat(32));
        for other in ["shop/3f9a/0", "@shop/report/3F9a/0", "@shop/report//0", "@shop/report/3f9a/x", &whole] {
            assert_eq!(abbreviated(other), None, "{other}");
        }
    }
}
