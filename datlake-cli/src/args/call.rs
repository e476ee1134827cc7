//! Arguments of `datlake call`.

use std::ffi::OsString;

use serde_json::Value;

/// Which creator is called, with what, and by which program.
#[derive(Debug, clap::Args)]
pub(crate) struct CallHow {
    /// The creator: its name, or the end of it
    #[arg(value_name = "CREATOR")]
    pub(crate) creator: String,
    /// A parameter as JSON, or a text as it is: min_len=3, corpus=corpora/alice.txt, jan=sales@main:raw/jan.csv
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = param)]
    pub(crate) params: Vec<(String, Value)>,
    /// The program, and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}

pub(super) fn param(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            Ok((name.to_owned(), value))
        }
        _ => Err(format!("`{text}` is no NAME=VALUE")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_json_or_a_text() {
        let read = |text: &str| param(text).unwrap();
        assert_eq!(read("n=3"), ("n".to_owned(), json!(3)));
        assert_eq!(read("n=\"3\""), ("n".to_owned(), json!("3")));
        assert_eq!(read("of=sales@main:a=b.csv"), ("of".to_owned(), json!("sales@main:a=b.csv")));
        assert_eq!(read("all=[1, null]"), ("all".to_owned(), json!([1, null])));
        assert_eq!(read("empty="), ("empty".to_owned(), json!("")));
        assert_eq!(param("n").unwrap_err(), "`n` is no NAME=VALUE");
    }
}
