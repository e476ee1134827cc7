//! Links by which somebody signs in on the page: each once, and not for long. They are in the memory of the server that made them, hashed.

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
    until: Instant,
}

impl SignInLinks {
    /// A new link, for the account with this id or for the root: what nobody guesses of it.
    pub(crate) fn make(&self, account: Option<String>) -> Result<String> {
        let link = secret::new_link()?;
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.push(SignInLink { hash: secret::hash(&link), account, until: Instant::now() + GOOD });
        Ok(link)
    }

    /// Whose link this is, which is used up by that; `None` where it is none, or not good any more.
    pub(crate) fn take(&self, link: &str) -> Option<Option<String>> {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.until > Instant::now());
        let at = links.iter().position(|known| secret::is_hash_of(&known.hash, link))?;
        Some(links.swap_remove(at).account)
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
        links.0.lock().unwrap()[0].until = Instant::now();
        assert_eq!(links.take(&late), None);
    }
}
