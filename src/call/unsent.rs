//! The warning of a program that cannot send events, where somebody is to receive them.

use std::sync::Once;

use datlake_lake::{Event, Lake, Receiver, Reporter};

struct Unsent {
    to: String,
    once: Once,
}

pub(super) fn reporter(_: &Lake, receiver: &Receiver) -> Box<dyn Reporter> {
    Box::new(Unsent { to: receiver.shown(), once: Once::new() })
}

impl Reporter for Unsent {
    fn noted(&self, lake: &Lake) {
        self.once.call_once(|| {
            let why = "this program is built without the feature `openlineage` of datlake".to_owned();
            lake.emit(&Event::Unsent { to: self.to.clone(), why });
        });
    }

    fn end(&self) {}
}
