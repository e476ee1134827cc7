//! In which order calls that were found are listed.

use std::cmp::Ordering;

use datlake_core::Result;
use serde_json::Value;

use super::condition::{Part, ValuePath, order};
use crate::report::CallRow;

/// In which order calls are listed.
///
/// ```
/// use datlake::CallOrder;
///
/// // The longest first; by a parameter; by a field of what was returned.
/// for order in ["duration", "alpha", "value.score"] {
///     order.parse::<CallOrder>()?.descending();
/// }
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOrder {
    by: By,
    descending: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum By {
    Started,
    Duration,
    /// Of all that it made; of trees, their own lists.
    Size,
    /// The path below what it returned.
    Value(ValuePath),
    Param(ValuePath),
}

/// By what calls are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderBy<'a> {
    /// When the body started.
    Started,
    /// How long it took.
    Duration,
    /// The bytes of all that it made.
    Size,
    /// What is at this path in what it returned; all of that if it is empty.
    Value(&'a str),
    /// What is at this path, which begins with the name of a parameter.
    Param(&'a str),
}

impl std::str::FromStr for CallOrder {
    type Err = datlake_core::Error;

    /// `started`, `duration` or `size`; `value` or a field of it, as `value.score`; else a parameter or a field of it.
    fn from_str(text: &str) -> Result<Self> {
        let by = match (text, text.strip_prefix("value.")) {
            ("started", _) => By::Started,
            ("duration", _) => By::Duration,
            ("size", _) => By::Size,
            ("value", _) => By::Value(ValuePath::new("")),
            (_, Some(field)) => By::Value(ValuePath::new(field)),
            _ => By::Param(ValuePath::new(text)),
        };
        Ok(Self { by, descending: false })
    }
}

impl CallOrder {
    /// The other way round: the largest first. What has no such value stays last.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    pub(super) fn by(&self) -> OrderBy<'_> {
        match &self.by {
            By::Started => OrderBy::Started,
            By::Duration => OrderBy::Duration,
            By::Size => OrderBy::Size,
            By::Value(path) => OrderBy::Value(path.text()),
            By::Param(path) => OrderBy::Param(path.text()),
        }
    }

    pub(super) fn is_descending(&self) -> bool {
        self.descending
    }

    /// The latest first, where that is asked for or nothing else decides.
    pub(super) fn sort(order: Option<&Self>, calls: &mut [CallRow]) {
        let latest = Self { by: By::Started, descending: true };
        let by = |a: &CallRow, b: &CallRow| order.map_or(Ordering::Equal, |order| order.compare(a, b));
        calls.sort_by(|a, b| by(a, b).then_with(|| latest.compare(a, b)).then_with(|| a.key.cmp(&b.key)));
    }

    fn compare(&self, a: &CallRow, b: &CallRow) -> Ordering {
        let size = |call: &CallRow| call.outputs.iter().fold(0_u64, |sum, output| sum.saturating_add(output.size));
        let found = match &self.by {
            By::Started => a.started_at.cmp(&b.started_at),
            By::Duration => a.duration_ms.cmp(&b.duration_ms),
            By::Size => size(a).cmp(&size(b)),
            By::Value(path) => return self.values(value_at(path, a), value_at(path, b)),
            By::Param(path) => return self.values(param_at(path, a), param_at(path, b)),
        };
        if self.descending { found.reverse() } else { found }
    }

    fn values(&self, a: Option<&Value>, b: Option<&Value>) -> Ordering {
        // Values that cannot be compared stay apart, so that the order is one.
        let kind = |value: Option<&Value>| match value {
            Some(Value::Number(_)) => 0,
            Some(Value::String(_)) => 1,
            Some(_) => 2,
            None => 3,
        };
        let found = match (a, b) {
            (Some(a), Some(b)) if kind(Some(a)) == kind(Some(b)) => order(a, b).unwrap_or(Ordering::Equal),
            (a, b) => return kind(a).cmp(&kind(b)),
        };
        if self.descending { found.reverse() } else { found }
    }
}

fn value_at<'a>(path: &ValuePath, call: &'a CallRow) -> Option<&'a Value> {
    known(path.within(call.value.as_ref()?))
}

fn param_at<'a>(path: &ValuePath, call: &'a CallRow) -> Option<&'a Value> {
    known(path.below_name(&call.params.iter().find(|param| param.name == path.name() && !param.secret)?.value))
}

fn known(found: Part<'_>) -> Option<&Value> {
    match found {
        // Files are in the order of their names.
        Part::Value(value) => match value.get("$file") {
            Some(file) => file.get("uid").or_else(|| file.get("name")),
            None => Some(value),
        },
        Part::Nothing | Part::Large => None,
    }
}
