//! Calls that somebody asks for by the name of a creator, with arguments as JSON.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use datlake_core::lineage::Lineage;
use datlake_core::{CallKey, CreatorName, FailedCall};
use datlake_lake::report::CalledCall;
use futures_util::FutureExt as _;

use super::failure::{self, Describe};
use super::one::{AsyncCall, Call};
use super::remade::{NotMade, Remade, Replayed};
use super::shape::Shape;
use super::status::Status;

impl<R, S: Shape<R>, F: FnOnce() -> R> Call<R, S, F> {
    pub(super) fn said(self) -> Remade {
        let asked = self.asked();
        let skipped = asked.status::<S::Value>()? == Status::Cached;
        let attempt = self.attempt()?;
        let (call, describe) =
            (called(&attempt.site.target.identity.creator, attempt.site.target.identity.key), attempt.describe);
        let returned = std::panic::catch_unwind(AssertUnwindSafe(|| attempt.run(false)));
        came_to::<R, S>(returned, &call, describe)?;
        Ok(told(&call, skipped, asked.lineage::<S::Value>()?))
    }
}

impl<R, S: Shape<R>, F: Future<Output = R>> AsyncCall<R, S, F> {
    pub(super) async fn said(self) -> Remade {
        let asked = self.asked();
        let skipped = self.status_async().await? == Status::Cached;
        let attempt = self.attempt()?;
        let (call, describe) =
            (called(&attempt.site.target.identity.creator, attempt.site.target.identity.key), attempt.describe);
        let returned = AssertUnwindSafe(attempt.run_async(false)).catch_unwind().await;
        came_to::<R, S>(returned, &call, describe)?;
        let lineage = asked.offload(super::asked::Asked::lineage::<S::Value>).await?;
        Ok(told(&call, skipped, lineage))
    }
}

fn called(creator: &CreatorName, key: CallKey) -> FailedCall {
    FailedCall::new(creator.clone(), key, String::new(), String::new())
}

/// What a call failed with, if it did.
fn came_to<R, S: Shape<R>>(
    returned: std::thread::Result<R>,
    call: &FailedCall,
    describe: Describe<R>,
) -> Result<(), NotMade> {
    let why = match returned.map(S::split) {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(mut returned)) => describe(&mut returned, call).unwrap_or_else(|| "its error has no words".to_owned()),
        Err(panic) => failure::of_panic(&*panic),
    };
    Err(NotMade::Failed(why))
}

fn told(call: &FailedCall, skipped: bool, lineage: Option<Lineage>) -> Replayed {
    let told = CalledCall::new(call.creator.clone(), call.key, skipped);
    // A lake that is passed by keeps none.
    Replayed::Called(Box::new(match lineage {
        Some(lineage) => told.remembered(lineage),
        None => told,
    }))
}
