//! What datlake sends to others over HTTP: events of OpenLineage, from an outbox that loses none.
//!
//! - [`openlineage`]: what a call, or a body that began or ended, is as an event.
//! - [`reporter`] sends what the bodies of this process do, while they run. The feature `openlineage` of `datlake` calls it.
//! - [`send`] sends what earlier processes could not.
//!
//! A receiver gets each event at least once, and those of a run in order. No pipeline fails for it, or waits longer than two
//! seconds at its end.

mod courier;
mod endpoint;
mod live;
pub mod openlineage;
mod outbox;

pub use live::reporter;
pub use outbox::send;

#[cfg(test)]
mod tests;
