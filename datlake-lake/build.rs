//! Tells the library which compiler and target it is built with: part of every record.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(rustc).arg("--version").output().ok().and_then(|out| String::from_utf8(out.stdout).ok());
    println!("cargo::rustc-env=DATLAKE_RUSTC={}", version.as_deref().map_or("unknown", str::trim));
    println!("cargo::rustc-env=DATLAKE_TARGET={}", std::env::var("TARGET").unwrap_or_default());
}
