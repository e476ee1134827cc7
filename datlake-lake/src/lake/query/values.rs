//! What calls returned, shown without their programs.

use datlake_core::lineage::Lineage;
use datlake_core::record::{Record, ValueBytes};
use datlake_core::{Error, ErrorKind, Result, value_shape};
use datlake_store::wait;
use serde_json::{Value, json};

use crate::lake::{Lake, refuse_in_body};
use crate::report::{CallInfo, CreatedBy, Place, ReturnValue};

/// The largest stored value that is part of an answer about something else.
const SHOWN: u64 = 1 << 20;
/// The largest that is shown with many others.
const SHOWN_IN_ROWS: usize = 4 << 10;

impl Lake {
    /// What there is to know of the call `@creator/3f9a27`, whose key may be abbreviated, and what it returned. A value above
    /// 1 MiB is left out: [`returned`](Lake::returned) has it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no such call; [`ErrorKind::InvalidInput`] for what names none, and for an abbreviation
    /// of several; [`ErrorKind::Context`] in a body; those of reading the stores.
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn halve(n: u32) -> Result<f64> {
    ///     Ok(f64::from(n) / 2.0)
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// halve(5)?;
    /// let call = &lake.history(Some("halve"))?.calls[0];
    /// let info = lake.call_info(&format!("@{}/{}", call.creator, call.key))?;
    /// assert_eq!(info.value.json, Some(2.5.into()));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn call_info(&self, call: &str) -> Result<CallInfo> {
        refuse_in_body("look at a call")?;
        let record = self.record_of(call)?;
        let lineage = record.lineage()?;
        let value = wait(self.return_value(&record, &lineage))?;
        // Information about it is complete without.
        let extent = wait(self.extent(&lineage)).unwrap_or_default();
        let place = Place { home: self.home().display().to_string(), remote: self.remote() };
        Ok(CallInfo {
            value,
            created_at: lineage.started_at.clone(),
            originator: lineage.person.email.clone(),
            originator_source: lineage.person.source,
            datlake_version: lineage.datlake_version.clone(),
            lake: place,
            call: CreatedBy { extent, ..CreatedBy::from(lineage) },
        })
    }

    /// What the call `@creator/3f9a27` returned, in JSON, however large it is. It may be downloaded.
    ///
    /// # Errors
    /// As [`call_info`](Lake::call_info); [`ErrorKind::Value`] where it cannot be shown; [`ErrorKind::MissingBlob`] where it is lost.
    ///
    /// ```
    /// # use datlake::{ErrorKind, Lake};
    /// let lake = Lake::temp()?;
    /// assert_eq!(lake.returned("@shop/shop::total/3f9a").unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn returned(&self, call: &str) -> Result<Value> {
        refuse_in_body("look at a call")?;
        let record = self.record_of(call)?;
        let stored = wait(self.catalog().value(&record)).map_err(|error| self.located(error))?;
        value_shape::to_json(&stored, record.lineage()?.code.returns.as_ref())
    }

    fn record_of(&self, call: &str) -> Result<Record> {
        self.record_named(call)?.ok_or_else(|| {
            let message = format!("`{call}` is not the address of a call, which is `@creator/key`");
            Error::new(ErrorKind::InvalidInput, message).with_hint("`datlake calls` shows the calls")
        })
    }

    async fn return_value(&self, record: &Record, lineage: &Lineage) -> Result<ReturnValue> {
        let size = match &record.value {
            ValueBytes::Inline(bytes) => bytes.len() as u64,
            ValueBytes::Blob(digest) => self.size_of(digest).await?.unwrap_or(0),
        };
        let shown = match size {
            ..=SHOWN => self.catalog().value(record).await,
            _ => Err(Error::new(ErrorKind::Value, "it is large: `datlake cat` and `get` write all of it")),
        };
        let shown = shown.and_then(|stored| value_shape::to_json(&stored, lineage.code.returns.as_ref()));
        let (json, not_shown) = match shown {
            Ok(value) => (Some(value), None),
            // Whatever happened to the value, the rest is known.
            Err(error) => (None, Some(self.located(error).to_string())),
        };
        Ok(ReturnValue { digest: record.value_digest, size, json, not_shown })
    }
}

/// For who tells others of calls.
#[doc(hidden)]
impl Lake {
    /// Whether a call returned anything but files. Of a value that is large, kept apart or not readable that is taken for granted.
    pub fn returned_more_than_files(&self, call: &str) -> bool {
        let read = || -> Result<bool> {
            let record = self.record_of(call)?;
            Ok(in_row(&record, &record.lineage()?).is_none_or(|value| has_more_than_files(&value)))
        };
        read().unwrap_or(true)
    }
}

fn has_more_than_files(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(values) => values.iter().any(has_more_than_files),
        Value::Object(members) => {
            !members.contains_key("$file")
                && (members.contains_key("$large") || members.values().any(has_more_than_files))
        }
        _ => true,
    }
}

/// What a call returned, among many others: nothing is downloaded for that.
pub(super) fn in_row(record: &Record, lineage: &Lineage) -> Option<Value> {
    match &record.value {
        ValueBytes::Inline(bytes) if bytes.len() <= SHOWN_IN_ROWS => {
            value_shape::to_json(bytes, lineage.code.returns.as_ref()).ok()
        }
        ValueBytes::Inline(bytes) => Some(json!({ "$large": { "bytes": bytes.len() } })),
        ValueBytes::Blob(_) => Some(json!({ "$large": {} })),
    }
}
