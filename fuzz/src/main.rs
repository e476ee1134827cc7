//! `fuzz TARGET SECONDS CORPUS…`: inputs like those in the folders, until one goes wrong or the time is over.
//!
//! With the feature `libfuzzer` the arguments are libFuzzer's, and `DATLAKE_FUZZ` names the target. Without it nothing but a Rust
//! toolchain is needed, and nothing guides the mutations.
#![cfg_attr(feature = "libfuzzer", no_main)]

#[cfg(not(feature = "libfuzzer"))]
mod mutate;
mod targets;

#[cfg(feature = "libfuzzer")]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static TARGET: std::sync::OnceLock<targets::FuzzTarget> = std::sync::OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("DATLAKE_FUZZ").expect("DATLAKE_FUZZ names the target");
        targets::TARGETS.iter().find(|(known, _)| *known == name).expect("there is no such target").1
    })(bytes);
});

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["list"] {
        targets::TARGETS.iter().for_each(|(name, _)| println!("{name}"));
        return std::process::ExitCode::SUCCESS;
    }
    let [target, seconds, corpus @ ..] = &arguments[..] else { panic!("fuzz list | fuzz TARGET SECONDS CORPUS…") };
    let (name, run) = targets::TARGETS.iter().find(|(known, _)| known == target).expect("there is no such target");
    let time = std::time::Duration::from_secs(seconds.parse().expect("seconds"));
    mutate::run(name, *run, time, corpus)
}
