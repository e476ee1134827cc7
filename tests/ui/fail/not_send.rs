//! What the body of an asynchronous creator holds across an await goes with its task to other threads.
use std::rc::Rc;

#[datlake::file_creator]
async fn shared(n: u64) -> datlake::Result<u64> {
    let shared = Rc::new(n);
    std::future::ready(()).await;
    Ok(*shared)
}

#[datlake::file_creator]
async fn entered(n: u64) -> datlake::Result<u64> {
    let lake = datlake::Lake::temp()?;
    let _current = lake.enter();
    std::future::ready(()).await;
    Ok(n)
}

#[datlake::file_creator(local)]
async fn fine(n: u64) -> datlake::Result<u64> {
    let shared = Rc::new(n);
    std::future::ready(()).await;
    Ok(*shared)
}

fn main() {}
