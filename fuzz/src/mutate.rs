//! Mutations of a corpus by chance, for where there is no libFuzzer.

use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What takes longer is an error.
const SLOW: Duration = Duration::from_secs(20);
const LONGEST: usize = 1 << 14;

/// Runs every input of the corpus, and then others like them for `time`.
pub fn run(name: &str, target: fn(&[u8]), time: Duration, corpus: &[String]) -> ExitCode {
    let files = corpus.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let mut inputs: Vec<Vec<u8>> =
        files.map(|file| std::fs::read(file.expect("a file").path()).expect("a file")).collect();
    inputs.push(Vec::new());
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let mut chance = Chance(seed.unwrap_or_else(|| RandomState::new().hash_one(name)) | 1);
    println!("{name}: {} inputs, SEED={}", inputs.len(), chance.0);
    let current = Arc::<Mutex<(Vec<u8>, Option<Instant>)>>::default();
    watch(name.to_owned(), Arc::clone(&current));
    let (begun, mut count) = (Instant::now(), 0_usize);
    while count < inputs.len() || begun.elapsed() < time {
        let input = if count < inputs.len() { inputs[count].clone() } else { chance.mutated(&inputs) };
        *current.lock().unwrap_or_else(PoisonError::into_inner) = (input.clone(), Some(Instant::now()));
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            return fail(name, &input, "panics");
        }
        count += 1;
    }
    println!("{name}: {count} runs in {:?}", begun.elapsed());
    ExitCode::SUCCESS
}

/// Ends the process over an input that takes too long.
fn watch(name: String, current: Arc<Mutex<(Vec<u8>, Option<Instant>)>>) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let (input, since) = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if since.is_some_and(|since| since.elapsed() > SLOW) {
                fail(&name, &input, "takes too long");
                std::process::exit(1);
            }
        }
    });
}

fn fail(name: &str, input: &[u8], how: &str) -> ExitCode {
    let hash = datlake_core::Digest::of(input).to_string();
    let path = format!("crash-{name}-{}", &hash[..16]);
    std::fs::write(&path, input).expect("a file for the input");
    eprintln!("{name}: {path} {how}");
    ExitCode::FAILURE
}

/// Xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % end.max(1)
    }

    fn mutated(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut input = inputs[self.below(inputs.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(input.len() + 1);
            let end = (at + 1 + self.below(16)).min(input.len());
            match self.below(6) {
                0 if at < input.len() => input[at] ^= 1 << self.below(8),
                1 => input.insert(at, [0, 0xff, b'"', b'\n', b'%', b'{', b'<', b'/'][self.below(8)]),
                2 => drop(input.drain(at..end)),
                3 => input = input[..at].to_vec(),
                // A piece of itself, or of another.
                4 => drop(input.splice(at..at, input[at..end].to_vec())),
                _ => {
                    let other = &inputs[self.below(inputs.len())];
                    let from = self.below(other.len() + 1);
                    let to = (from + self.below(64)).min(other.len());
                    drop(input.splice(at..end, other[from..to].iter().copied()));
                }
            }
        }
        input.truncate(LONGEST);
        input
    }
}
