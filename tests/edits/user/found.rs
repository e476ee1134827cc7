//! Steps whose code depends on what cannot be declared, or is easily forgotten.

use std::sync::LazyLock;

use datlake::{Result, file_creator};

pub struct Model {
    rate: u32,
}

impl Model {
    fn fit(n: u32) -> Self {
        Self { rate: n + 7 }
    }

    fn unused(&self) -> u32 {
        self.rate + 1
    }
}

#[file_creator]
pub fn method(n: u32) -> Result<u32> {
    Ok(Model::fit(n).rate)
}

trait Scale {
    fn scale(&self, n: u32) -> u32;
}

struct Doubled;
struct Halved;

impl Scale for Doubled {
    fn scale(&self, n: u32) -> u32 {
        n * 2
    }
}

impl Scale for Halved {
    fn scale(&self, n: u32) -> u32 {
        n / 2
    }
}

fn scaled(by: impl Scale, n: u32) -> u32 {
    by.scale(n)
}

#[file_creator]
pub fn implementation(n: u32) -> Result<u32> {
    Ok(scaled(Doubled, n))
}

#[file_creator]
pub fn other_implementation(n: u32) -> Result<u32> {
    Ok(scaled(Halved, n))
}

#[file_creator]
pub fn dynamic(n: u32) -> Result<u32> {
    let all: [Box<dyn Scale>; 2] = [Box::new(Doubled), Box::new(Halved)];
    Ok(all.iter().map(|one| one.scale(n)).sum())
}

macro_rules! plus {
    ($n:expr) => {
        $n + 9
    };
}

#[file_creator]
pub fn expanded(n: u32) -> Result<u32> {
    Ok(plus!(n))
}

const BASE: u32 = 40;
const TOP: u32 = BASE * 2;

#[file_creator]
pub fn constant(n: u32) -> Result<u32> {
    Ok(n + TOP)
}

static PRIMES: LazyLock<Vec<u32>> = LazyLock::new(primes);

fn primes() -> Vec<u32> {
    vec![2, 3, 5, 7]
}

#[file_creator]
pub fn lazy(at: usize) -> Result<u32> {
    Ok(PRIMES[at])
}

fn on_a_thread(n: u32) -> u32 {
    n + 60
}

#[file_creator]
pub fn threaded(n: u32) -> Result<u32> {
    Ok(std::thread::scope(|scope| scope.spawn(|| on_a_thread(n)).join().unwrap_or_default()))
}

struct Sum(u32);

impl std::ops::Add<u32> for Sum {
    type Output = u32;

    fn add(self, n: u32) -> u32 {
        self.0 + n + 1
    }
}

#[file_creator]
pub fn operator(n: u32) -> Result<u32> {
    Ok(Sum(n) + 1)
}

fn help(n: u32) -> u32 {
    n + 70
}

#[file_creator(closure = "none")]
pub fn alone(n: u32) -> Result<u32> {
    Ok(help(n))
}

#[file_creator]
pub fn shipped(n: u32) -> Result<u32> {
    Ok(kit::helped(n))
}

#[file_creator(closure = "own")]
pub fn shipped_own(n: u32) -> Result<u32> {
    Ok(kit::helped(n) + on_a_thread(n))
}

#[file_creator]
pub fn untouched(n: u32) -> Result<u32> {
    Ok(n + Model::fit(n).unused())
}
