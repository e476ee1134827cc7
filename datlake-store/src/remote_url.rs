//! What is shown of the URL of a remote that cannot be used.

use datlake_core::{Error, ErrorKind};

/// The remote at `url` cannot be used.
pub(crate) fn wrong(url: &str, why: &str) -> Error {
    // Never the URL itself: people put passwords there, and sometimes nothing else.
    let shown = match url.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme) => format!(" `{scheme}:…`"),
        _ => String::new(),
    };
    Error::new(ErrorKind::Config, format!("cannot use the remote{shown}: {why}"))
}

fn is_scheme(text: &str) -> bool {
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.len() <= 20 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(may_be)
}
