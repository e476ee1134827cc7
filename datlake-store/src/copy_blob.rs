//! Copies a blob from a lake to another store, through this machine, in bounded memory.

use std::sync::Arc;

use datlake_core::{Error, ErrorKind, Location, Result, Store, WHOLE};

use crate::dir::Seal;
use crate::hashing::{Expecting, Hashing};
use crate::local_view::{LocalView, Wanted};
use crate::options::RemoteOptions;
use crate::remote::{self, Remote};

/// What variables begin with that are for the other store alone.
const OTHER: &str = "DATLAKE_MIRROR_";
/// What the providers' own variables begin with.
const PROVIDERS: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

impl LocalView {
    /// Another store than the lake's remote, to copy to. `DATLAKE_MIRROR_AWS_ENDPOINT_URL` is for it what `AWS_ENDPOINT_URL` is
    /// for the remote, and so on; of a provider that has any such variable, none of the others counts. With `accept` it may be
    /// another lake than before.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a URL of an unknown kind, for the lake's own home, and for a folder in that or in its remote.
    pub fn open_other(&self, url: &str, accept: bool) -> Result<Arc<dyn Store>> {
        let memory = Some(self.home().join("remotes"));
        let RemoteOptions { variables, unsafe_creates, .. } = self.remote_options();
        let (variables, unsafe_creates) = (others(variables.as_deref()), *unsafe_creates);
        let how = RemoteOptions { memory, variables, unsafe_creates, mirror: true, ..RemoteOptions::default() };
        let other = remote::open(url, how)?;
        if other.same_place(self.home()) {
            let message = format!("`{}` is the lake's own home", self.home().display());
            return Err(Error::new(ErrorKind::Config, message).with_hint("choose another folder"));
        }
        // What is there is cleared away, listed and counted as the lake's own.
        for of_the_lake in [Some(self.home()), self.remote().and_then(Remote::folder)].into_iter().flatten() {
            if other.is_below(of_the_lake) {
                let message = format!("cannot mirror into `{}`, where the lake is", of_the_lake.display());
                return Err(Error::new(ErrorKind::Config, message).with_hint("choose another folder"));
            }
        }
        if accept {
            other.forget()?;
        }
        Ok(self.wrapped(other.into_store()))
    }

    /// Sends content of the lake to `target`: from here where it is here, else from the remote, without keeping it.
    ///
    /// # Errors
    /// [`ErrorKind::MissingBlob`] if no store has it, [`ErrorKind::Corrupt`] where it is not what it was; those of the stores.
    pub async fn copy_blob(&self, target: &dyn Store, wanted: Wanted<'_>) -> Result<()> {
        let _permit = self.transfer().await?;
        let at = Location::Blob(*wanted.digest);
        let remote = self.catalog().remote.as_ref();
        let mut damaged = None;
        if self.dir().inspect(wanted.digest, wanted.size)? == Seal::Intact {
            match target.create_from(&at, &self.place_of(wanted.digest)).await {
                // A seal says that nobody wrote to it, and not that the disk kept it. The remote may have it as it was.
                Err(error) if error.kind() == ErrorKind::Corrupt && remote.is_some() => damaged = Some(error),
                sent => return sent.map(drop),
            }
        }
        let source = remote.unwrap_or(&self.catalog().local);
        let path = self.scratch()?.file()?;
        let fetched = async {
            let file = std::fs::File::create_new(&path).map_err(|e| Error::io("write", path.display(), e))?;
            let mut sink = Expecting::new(Hashing::new(file), wanted.size);
            let fetched = source.fetch(&at, WHOLE, &mut sink).await;
            let wrong = |kind, how: &str| {
                let message =
                    format!("the content of `{}` ({}) {how} {}", wanted.what, wanted.digest, source.describe());
                Err(wanted.error(kind, message))
            };
            if sink.exceeded {
                return wrong(ErrorKind::Corrupt, "is damaged in");
            }
            match fetched? {
                None if damaged.is_some() => damaged.map_or(Ok(()), Err),
                None => wrong(ErrorKind::MissingBlob, "is missing from"),
                Some(_) if sink.hash.digest() != *wanted.digest || sink.hash.size() != wanted.size => {
                    wrong(ErrorKind::Corrupt, "is damaged in")
                }
                Some(_) => target.create_from(&at, &path).await.map(drop),
            }
        };
        let done = fetched.await;
        let _ = std::fs::remove_file(&path);
        done
    }
}

/// The variables for the other store; `None` where they are those of the environment.
fn others(variables: Option<&[(String, String)]>) -> Option<Vec<(String, String)>> {
    let all: Vec<(String, String)> = match variables {
        Some(variables) => variables.to_vec(),
        None => std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?))).collect(),
    };
    let own: Vec<_> = all.iter().filter_map(|(name, value)| Some((name.strip_prefix(OTHER)?, value))).collect();
    if own.is_empty() {
        return variables.map(<[_]>::to_vec);
    }
    let provider = |name: &str| PROVIDERS.into_iter().find(|provider| name.starts_with(provider));
    let replaced = |name: &str| provider(name).is_some_and(|of| own.iter().any(|(own, _)| own.starts_with(of)));
    let kept =
        all.iter().filter(|(name, value)| !value.is_empty() && !name.starts_with(OTHER) && !replaced(name)).cloned();
    let own = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone()));
    Some(kept.chain(own).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_one_store_are_not_shown_to_another() {
        let pairs = |of: &[(&str, &str)]| -> Vec<(String, String)> {
            of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let plain =
            pairs(&[("AWS_ACCESS_KEY_ID", "one"), ("AWS_SESSION_TOKEN", "hunter2"), ("AZURE_X", "x"), ("HOME", "/")]);
        assert_eq!(others(Some(&plain)), Some(plain.clone()));
        let both = [plain, pairs(&[("DATLAKE_MIRROR_AWS_ACCESS_KEY_ID", "two")])].concat();
        assert_eq!(others(Some(&both)), Some(pairs(&[("AZURE_X", "x"), ("HOME", "/"), ("AWS_ACCESS_KEY_ID", "two")])));
    }
}
