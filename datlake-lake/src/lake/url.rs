//! URLs from which others download a file, without credentials of their own.

use std::time::{Duration, SystemTime};

use datlake_core::{Error, ErrorKind, Location, Result, Store, Subject, UidKind};
use datlake_store::{Wanted, wait};

use super::{Lake, refuse_in_body};
use crate::file::File;
use crate::report::SignedUrl;

impl Lake {
    /// A URL from which whoever has it downloads the file `uid` from the remote, under the file's own name, for as long as
    /// `expires`: with a browser or `curl`, and without credentials. `uid` may be [abbreviated](Lake::resolve).
    ///
    /// S3 and Google Cloud Storage let it be valid for seven days at most. Where it was signed by credentials that end
    /// earlier, it ends with them ([`SignedUrl::temporary`]). Removing the file does not take it back.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a remote; [`ErrorKind::Unsupported`] where the remote has no such URLs, as a directory;
    /// [`ErrorKind::NotFound`]; [`ErrorKind::InvalidInput`] for a tree, and for a time that a URL cannot have;
    /// [`ErrorKind::MissingBlob`] where the remote does not have the content; [`ErrorKind::Context`] in a body.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// let lake = datlake::Lake::builder().home("/tmp/lake").remote("s3://bucket/lake").open()?;
    /// let url = lake.url("reports/2026.pdf", Duration::from_secs(3600))?;
    /// println!("{} is at {} until {}", url.name, url.url, url.expires_at);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn url(&self, uid: &str, expires: Duration) -> Result<SignedUrl> {
        refuse_in_body("make a URL")?;
        let (Some(remote), Some(store)) = (self.local_view().remote(), &self.catalog().remote) else {
            return Err(self.no_remote("make a URL"));
        };
        let uid = self.resolve(uid)?;
        let file = self.file(uid.as_str())?;
        if file.is_tree() {
            let error = Error::new(ErrorKind::InvalidInput, format!("cannot make a URL of `{uid}`: it is a tree"));
            return Err(error.with_hint(format!("`{uid}//PATH` is a file in it")).about(Subject::Uid(uid)));
        }
        let name = file.name().rsplit('/').next().unwrap_or_default().to_owned();
        let at = Location::Blob(file.digest());
        // First whether there can be such a URL at all: a directory is not asked for content.
        let until = SystemTime::now() + expires.min(Duration::from_secs(1 << 33));
        let signed = wait(remote.sign(&at, &name, expires))?;
        self.send_by_itself(&file)?;
        wait(self.has_content(&**store, &file))?;
        Ok(SignedUrl {
            uid,
            name,
            digest: file.digest(),
            size: file.len(),
            url: signed.url,
            expires_at: humantime::format_rfc3339_seconds(until).to_string(),
            temporary: signed.temporary,
        })
    }

    /// Makes a file that rests in a pack a blob of its own at the remote, for a URL is of a whole object.
    fn send_by_itself(&self, file: &File) -> Result<()> {
        let digest = file.digest();
        let range = match file.uid() {
            // It may be a blob here, and rest in a pack there.
            Some(uid) if matches!(uid.kind(), UidKind::Committed { .. }) => {
                self.range_in_commit(uid, (digest, file.len()))?
            }
            _ => file.range(),
        };
        let Some(range) = range else { return Ok(()) };
        let wanted = Wanted { digest: &digest, size: file.len(), what: file, range: Some(range), progress: &|_| {} };
        wait(async {
            let packs = self.local_view().locations_there(&range).await?;
            if packs.iter().any(|pack| pack.find(&digest).is_some()) {
                self.local_view().send(wanted, true).await?;
            }
            Ok(())
        })
    }

    /// Whether the remote has the content of `file`, of that size.
    async fn has_content(&self, remote: &dyn Store, file: &File) -> Result<()> {
        let there = remote.size(&Location::Blob(file.digest())).await?;
        if there == Some(file.len()) {
            return Ok(());
        }
        let digest = file.digest();
        let wanted = Wanted { digest: &digest, size: file.len(), what: file, range: None, progress: &|_| {} };
        let (why, hint) = match (there, self.local_view().has(&wanted)?) {
            (Some(_), _) => ("has another size there", format!("`datlake repair {file}` heals it")),
            (None, true) => {
                ("is on this machine only", format!("`datlake push {file}` sends it, or else `datlake repair {file}`"))
            }
            (None, false) => ("is not there, nor here", format!("`datlake repair {file}` says what to do")),
        };
        let message = format!("cannot make a URL of `{file}` in {}: its content {why}", remote.describe());
        Err(Error::new(ErrorKind::MissingBlob, message).about(Subject::Digest(digest)).with_hint(hint))
    }
}
