//! Pipelines whose receiver is well, and whose receiver is not.

mod receiver;

mod faults;
mod live;

use std::sync::{Arc, Mutex};

use datlake::{Event, File, Lake, Result, file_creator};

use receiver::{FakeReceiver, Manner, said};

#[file_creator]
fn double(n: u32) -> Result<u32> {
    Ok(2 * n)
}

#[file_creator]
fn write(n: u32) -> Result<File> {
    let mut file = File::create("text.txt")?;
    std::io::Write::write_all(&mut file, n.to_string().as_bytes())
        .map_err(|e| datlake::Error::io("write", "text.txt", e))?;
    file.finish()
}

#[file_creator]
fn length(file: &File) -> Result<u64> {
    Ok(file.read_to_string()?.len() as u64)
}

#[file_creator]
fn fails(n: u32, #[secret] key: String) -> Result<u32> {
    let _ = (n, key);
    Err(datlake::Error::new(datlake::ErrorKind::InvalidInput, "nothing goes here"))
}

/// A folder for a home.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Put together, for the lake keeps the source of what runs here.
fn token() -> String {
    ["the", "bearer", "token"].join("-")
}

fn lake(home: &std::path::Path, port: u16) -> Lake {
    let builder = Lake::builder().home(home).email("ada@example.org");
    builder.openlineage(&format!("http://127.0.0.1:{port}"), Some(token())).unwrap().open().unwrap()
}

/// What happens on a thread of its own, at whose end it is as at that of a program.
fn program<T: Send>(what: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(what).join().unwrap())
}

/// Runs bodies as a program that ends: its warnings of events that are not sent.
fn unsent(home: &std::path::Path, port: u16, bodies: impl FnOnce() + Send) -> Vec<String> {
    let told = Arc::new(Mutex::new(Vec::new()));
    program(|| {
        let lake = lake(home, port);
        let seen = Arc::clone(&told);
        lake.observe(move |event| {
            if let Event::Unsent { to, why } = event {
                seen.lock().unwrap().push(format!("{to}: {why}"));
            }
        });
        let _current = lake.enter();
        bodies();
    });
    let mut told = told.lock().unwrap();
    std::mem::take(&mut *told)
}
