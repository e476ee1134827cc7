//! Links by which somebody signs in on the page: each once, and not for long, unless the page is for one person alone. They are in the memory of the server that made them, hashed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datlake::Result;

use super::secret;

/// So long a link is good.
const GOOD: Duration = Duration::from_secs(15 * 60);

/// Links that nobody has used yet. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct SignInLinks(Arc<Mutex<Vec<SignInLink>>>);

struct SignInLink {
    hash: String,
    /// Whose it is; `None` is the root.
    account: Option<String>,
    /// As long as the server runs, and more than once, where there is none.
    until: Option<Instant>,
}

impl SignInLinks {
    /// A new link, for the account with this id or for the root: what nobody guesses of it.
    pub(crate) fn make(&self, account: Option<String>) -> Result<String> {
        self.keep(account, Some(Instant::now() + GOOD))
    }

    /// One for the root that is good as long as the server runs.
    pub(crate) fn make_lasting(&self) -> Result<String> {
        self.keep(None, None)
    }

    fn keep(&self, account: Option<String>, until: Option<Instant>) -> Result<String> {
        let link = secret::new_link()?;
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.push(SignInLink { hash: secret::hash(&link), account, until });
        Ok(link)
    }

    /// Whose link this is, which is used up by that; `None` where it is none, or not good any more.
    pub(crate) fn take(&self, link: &str) -> Option<Option<String>> {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.until.is_none_or(|until| until > Instant::now()));
        let at = links.iter().position(|known| secret::is_hash_of(&known.hash, link))?;
        match links[at].until {
            None => Some(links[at].account.clone()),
            Some(_) => Some(links.swap_remove(at).account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_once_and_not_for_long() {
        let links = SignInLinks::default();
        let link = links.make(Some("ada".to_owned())).unwrap();
        assert_eq!((links.take("dll_x_y"), links.take(&link)), (None, Some(Some("ada".to_owned()))));
        assert_eq!(links.take(&link), None);
        let late = links.make(None).unwrap();
        links.0.lock().unwrap()[0].until = Some(Instant::now());
        assert_eq!(links.take(&late), None);
        let lasting = links.make_lasting().unwrap();
        assert_eq!((links.take(&lasting), links.take(&lasting)), (Some(None), Some(None)));
    }
}
