//! Tracked functions on threads that a body starts without taking along where it stands.

use datlake::{Event, Result, file_creator, here, tracked};

use crate::support::lake;

#[tracked]
fn helper() -> u32 {
    1
}

#[file_creator(closure = "none")]
fn forgets(n: u32) -> Result<u32> {
    Ok(n + std::thread::spawn(helper).join().unwrap())
}

#[file_creator(depends_on(helper))]
fn declares(n: u32) -> Result<u32> {
    Ok(n + std::thread::spawn(helper).join().unwrap())
}

#[file_creator(closure = "none")]
fn takes_it_along(n: u32) -> Result<u32> {
    let here = here();
    Ok(n + std::thread::spawn(move || here.run(helper)).join().unwrap())
}

#[test]
fn a_thread_that_knows_no_body_is_told_about_once() {
    let lake = lake();
    let _current = lake.enter();
    assert_eq!(forgets(1).unwrap() + forgets(2).unwrap(), 5);
    let strays = |events: Vec<Event>| -> Vec<(String, String)> {
        let only = events.into_iter().filter_map(|event| match event {
            Event::Stray { item, creator } => Some((item, creator.to_string())),
            _ => None,
        });
        // Other tests run in the same process, and their bodies are reported as well.
        only.filter(|(item, _)| item.ends_with("stray::helper")).collect()
    };
    let told = strays(lake.events());
    assert_eq!(told, [("behaviour::stray::helper".to_owned(), "datlake-tests/behaviour::stray::forgets".to_owned())]);
    declares(1).unwrap();
    assert_eq!(strays(lake.events()), []);
    // Where the thread knows the body, it is an error.
    let error = takes_it_along(1).unwrap_err();
    assert!(error.to_string().contains("depends_on(helper)"), "{error}");
}
