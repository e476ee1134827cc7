//! How much of a run a receiver of events knows.
//!
//! What is sent stands in the run's journal, and in the records that the run made: this says where it goes on.

use serde::{Deserialize, Serialize};

use crate::document::FORMAT;
use crate::{Error, ErrorKind, Result};

const KIND: &str = "delivery";

/// How much of a run a receiver knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The receiver, without what is secret in its URL.
    pub to: String,
    /// Bytes of the run's journal of which nothing more is to be sent.
    pub sent: u64,
    /// Events that the receiver took.
    pub events: u64,
    /// Events that it refused for what is in them. They are kept beside this.
    pub refused: u64,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Document<D> {
    datlake: String,
    format: u32,
    #[serde(flatten)]
    delivery: D,
}

impl Delivery {
    /// As it is kept.
    ///
    /// # Errors
    /// [`ErrorKind::Value`], which does not happen.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let document = Document { datlake: KIND.to_owned(), format: FORMAT, delivery: self };
        serde_json::to_vec(&document)
            .map_err(|e| Error::new(ErrorKind::Value, "cannot write how far a run was delivered").because(e))
    }

    /// What is kept at `place`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] where that is something else; [`ErrorKind::Format`] where a newer datlake wrote it.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self> {
        let corrupt = || {
            let message = format!("`{place}` is damaged: it does not say how far a run was delivered");
            Error::new(ErrorKind::Corrupt, message).with_hint("remove it: the run is not sent any more then")
        };
        let document: Document<serde_json::Value> = serde_json::from_slice(bytes).map_err(|e| corrupt().because(e))?;
        if document.format > FORMAT {
            let format = document.format;
            let message =
                format!("`{place}` was written by a newer datlake (format {format}; this one knows {FORMAT})");
            return Err(Error::new(ErrorKind::Format, message).with_hint("upgrade datlake"));
        }
        if document.datlake != KIND {
            return Err(corrupt());
        }
        serde_json::from_value(document.delivery).map_err(|e| corrupt().because(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        let delivery =
            Delivery { to: "https://***@example.org".to_owned(), sent: 7, events: 2, refused: 1, failure: None };
        let kept = delivery.to_bytes().unwrap();
        let text =
            r#"{"datlake":"delivery","format":1,"to":"https://***@example.org","sent":7,"events":2,"refused":1}"#;
        assert_eq!(String::from_utf8(kept.clone()).unwrap(), text);
        assert_eq!(Delivery::parse(&kept, "x").unwrap(), delivery);
        let kind = |text: &str| Delivery::parse(text.as_bytes(), "x").unwrap_err().kind();
        assert_eq!(kind(&text.replace("\"format\":1", "\"format\":99")), ErrorKind::Format);
        for damaged in ["", "{}", &text[..40], &text.replace("delivery\"", "run\""), &text.replace(":7", ":-7")] {
            assert_eq!(kind(damaged), ErrorKind::Corrupt, "{damaged}");
        }
    }
}
