use std::sync::OnceLock;

use datlake::{Lake, Result, file_creator};

static HOOK: OnceLock<fn(u64) -> u64> = OnceLock::new();

fn put_there(n: u64) -> u64 {
    n * 2
}

#[file_creator]
fn hooked(n: u64) -> Result<u64> {
    let hook = HOOK.get().copied().unwrap_or(seen);
    Ok(std::thread::spawn(move || hook(n)).join().unwrap_or_default() + seen(n))
}

fn seen(n: u64) -> u64 {
    n + 1
}

fn outside() -> u64 {
    5
}

fn main() -> Result<()> {
    let _ = HOOK.set(put_there);
    let lake = Lake::temp()?;
    let _current = lake.enter();
    println!("{} {}", hooked(3)?, outside());
    Ok(())
}
