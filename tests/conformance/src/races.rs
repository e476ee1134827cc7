//! Of several creators of one object one wins, and nobody sees it in parts.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};

use datlake_core::{Created, Digest, Location, Result, Store};

use super::{Runner, assert_holds, kinds, noise, salt};

/// Threads race to create one object, half of them from bytes and half from files, while others read it.
pub(super) fn one_creator_wins(store: &dyn Store, run: Runner<'_>) {
    const CREATORS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..4 {
        let salt = salt();
        let different: Vec<_> = (0..CREATORS).map(|i| noise(&format!("{salt}{i}"), 50_000 + i)).collect();
        for at in kinds(&salt) {
            // Whoever creates content has that content: stores look at it.
            let (at, candidates) = match at {
                Location::Blob(_) => (Location::Blob(Digest::of(&different[0])), &vec![different[0].clone(); CREATORS]),
                at => (at, &different),
            };
            let barrier = Barrier::new(CREATORS + 1);
            let won = Mutex::new(Vec::new());
            let racing = AtomicUsize::new(CREATORS);
            std::thread::scope(|scope| {
                for (i, bytes) in candidates.iter().enumerate() {
                    let (at, barrier, won, folder, racing) = (&at, &barrier, &won, folder.path(), &racing);
                    scope.spawn(move || {
                        let _out = Out(racing);
                        let file = folder.join(i.to_string());
                        std::fs::write(&file, bytes).unwrap();
                        barrier.wait();
                        run(Box::pin(async move {
                            let created = create(store, at, bytes, (i % 2 == 1).then_some(&*file)).await.unwrap();
                            // Whoever lost finds the whole object at once.
                            let found = store.get(at).await.unwrap().expect("created, and not there");
                            assert!(candidates.contains(&found), "an object that no creator made");
                            if created == Created::New {
                                assert!(found == *bytes, "the winner finds another's bytes");
                                won.lock().unwrap().push(i);
                            }
                        }));
                    });
                }
                let (at, barrier, racing) = (&at, &barrier, &racing);
                scope.spawn(move || {
                    barrier.wait();
                    run(Box::pin(async move {
                        while racing.load(Ordering::Relaxed) > 0 {
                            let mut sink = Vec::new();
                            if store.fetch(at, super::WHOLE, &mut sink).await.unwrap().is_some() {
                                assert!(candidates.contains(&sink), "an object was seen in parts");
                            }
                        }
                    }));
                });
            });
            let won = won.into_inner().unwrap();
            assert_eq!(won.len(), 1, "{at:?} has {} creators", won.len());
            run(Box::pin(assert_holds(store, &at, &candidates[won[0]])));
        }
    }
}

/// A creator that has left the race, also by a panic.
struct Out<'a>(&'a AtomicUsize);

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn create(store: &dyn Store, at: &Location, bytes: &[u8], file: Option<&Path>) -> Result<Created> {
    match file {
        Some(file) => store.create_from(at, file).await,
        None => store.create(at, bytes).await,
    }
}
