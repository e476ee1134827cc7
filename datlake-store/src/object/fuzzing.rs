//! Ways to what parses the answers of servers, and files of other programs.

use super::answer::{Expected, Flaw};
use super::failure::{Refusal, refused};
use super::{journal as journals, left_over, profile as profiles};

/// The answers of servers, whatever was asked.
pub fn answer(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for expected in [Expected::Anything, Expected::Document, Expected::Page, Expected::Batch] {
        if let Err(Flaw::Refused(refusal)) = expected.check(200, &text) {
            shown(&refusal);
        }
    }
    for status in [301, 400, 403, 404, 409, 503] {
        shown(&Refusal::read(status, None, &text));
    }
}

/// One line, whatever the server says.
fn shown(refusal: &Refusal) {
    let text = refused(refusal, "read", "x", "s3://bucket").to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// The lists of uploads and of their parts.
pub fn uploads(text: &str) {
    left_over::fuzz(text);
}

/// The files of the AWS command line.
pub fn profile(text: &str) {
    for name in ["default", "profile a", "a"] {
        let _ = profiles::section(text, name);
    }
}

/// The journal of an upload.
pub fn journal(bytes: &[u8]) {
    journals::fuzz(&String::from_utf8_lossy(bytes));
}
