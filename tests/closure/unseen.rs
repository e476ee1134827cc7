use std::sync::OnceLock;

use datlake::{Result, file_creator};

static HOOK: OnceLock<fn(u64) -> u64> = OnceLock::new();

#[file_creator]
fn hooked(n: u64) -> Result<u64> {
    let more = std::env::var("UNSEEN").map_or(0, |text| text.len() as u64);
    Ok(HOOK.get().map_or(n, |hook| hook(n)) + more)
}

macro_rules! make {
    ($name:ident) => {
        #[file_creator]
        fn $name(n: u64) -> Result<u64> {
            Ok(n + 1)
        }
    };
}
make!(made);

#[file_creator(closure = "none")]
fn none(n: u64) -> Result<u64> {
    Ok(n)
}

fn main() {
    for info in [hooked::info(), made::info(), none::info(), unseen::open_info()] {
        let closure = info.closure();
        println!("{}: {} items", info.function, closure.items.len());
        closure.notes.iter().for_each(|(label, note)| println!("{}: {label}: {note}", info.function));
        closure.partial.iter().for_each(|why| println!("{}: partial: {why}", info.function));
    }
}
//- lib
use datlake::{Result, file_creator};

pub trait Model: serde::Serialize {
    fn rate(&self) -> u64;
}

#[file_creator]
pub fn open<M: Model>(m: M) -> Result<u64> {
    Ok(kit::help(m.rate()))
}

#[file_creator]
fn hidden<M: Model>(m: M) -> Result<u64> {
    Ok(m.rate())
}

pub fn open_info() -> datlake::CreatorInfo {
    let _ = hidden::info();
    open::info()
}
