//! What creators can return.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations, missing_copy_implementations)]
#![deny(single_use_lifetimes, unused_lifetimes, unused_qualifications, unused_results, elided_lifetimes_in_paths)]

use datlake::{File, file_creator};

#[derive(Debug)]
enum Mine {
    Lake(datlake::Error),
    Other,
}

impl From<datlake::Error> for Mine {
    fn from(error: datlake::Error) -> Self {
        Self::Lake(error)
    }
}

type Aliased<T> = Result<T, Mine>;

#[file_creator]
fn nothing() -> datlake::Result<()> {
    Ok(())
}

#[file_creator]
fn aliased(x: u8) -> Aliased<(u8, Vec<File>, Option<File>)> {
    if x == 0 { Err(Mine::Other) } else { Ok((x, vec![], None)) }
}

#[file_creator]
fn with_anyhow(x: u8) -> anyhow::Result<u8> {
    anyhow::ensure!(x > 0, "too small");
    Ok(x)
}

#[file_creator]
fn generic<T: serde::Serialize + serde::de::DeserializeOwned>(x: T) -> datlake::Result<Vec<T>> {
    Ok(vec![x])
}

#[derive(Debug)]
struct Foreign;

type ForeignResult<T> = Result<T, Foreign>;

#[file_creator(on_error = "panic")]
fn panicking(x: u8) -> u8 {
    x
}

#[file_creator(on_error = "panic")]
fn panicking_nothing(x: u8) {
    let _ = x;
}

#[file_creator(on_error = "panic")]
fn panicking_result(x: u8) -> ForeignResult<u8> {
    if x == 0 { Err(Foreign) } else { Ok(x) }
}

#[file_creator(on_error = "panic")]
fn panicking_generic<T: serde::Serialize + serde::de::DeserializeOwned>(x: Vec<T>) -> Vec<T> {
    x
}

#[file_creator(on_error = "panic")]
async fn panicking_asynchronous(x: u8) -> u8 {
    std::future::ready(x).await
}

fn main() {
    let _: [fn(u8) -> u8; 1] = [panicking];
    let _: fn(u8) -> ForeignResult<u8> = panicking_result;
    let _: fn(u8) -> Aliased<(u8, Vec<File>, Option<File>)> = aliased;
    let _ = (nothing::call(), with_anyhow::call(1), generic::call(1), panicking_nothing::call(1));
    let _ = (panicking_generic::call(vec![1]), panicking_asynchronous::call(1), panicking_nothing::calls([1]));
    if let Err(Mine::Lake(error)) = Aliased::<u8>::Err(Mine::Other) {
        drop(error);
    }
}
