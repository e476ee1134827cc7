//! The truth about the verdicts: each program is compiled and run before and after each edit.

use std::path::{Path, PathBuf};
use std::process::Command;

use datlake_closure::Dependency;

use crate::support::{Case, Program, Verdict};

/// `CORPUS=name` runs one program's edits only.
#[test]
#[ignore = "compiles several hundred programs"]
fn verdicts_are_true() {
    let only = std::env::var("CORPUS").ok();
    let cases: Vec<Case> =
        crate::all().into_iter().filter(|case| only.as_ref().is_none_or(|only| only == case.name)).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (cases, next, wrong) = (&cases, &next, &wrong);
            scope.spawn(move || {
                let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("corpus-{worker}"));
                while let Some(case) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let found = differs(case, &folder);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn differs(case: &Case, folder: &Path) -> Vec<String> {
    let base = Program::of(case.base);
    let before = match run(&base, folder) {
        Ok(output) => output,
        Err(error) => return vec![format!("{}: {error}", case.name)],
    };
    let mut wrong = Vec::new();
    for edit in &case.edits {
        let name = format!("{}: {}", case.name, edit.what);
        let should = matches!(edit.verdict, Verdict::Changes | Verdict::Missed(_));
        match run(&base.edited(edit.old, edit.new), folder) {
            Ok(after) if (after != before) == should => {}
            Ok(after) => wrong.push(format!("{name}: {before} and then {after}, but {:?}", edit.verdict)),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    wrong
}

fn run(program: &Program, folder: &Path) -> Result<String, String> {
    let _ = std::fs::remove_dir_all(folder);
    for (path, code) in &program.files {
        let path = folder.join(below(path));
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let main = "\nfn main() { println!(\"{:?}\", creator(3)); }\n";
        let code = if path == folder.join("src/lib.rs") { format!("{code}{main}") } else { code.clone() };
        std::fs::write(path, code).expect("a file");
    }
    // Whatever a package depends on is compiled before it.
    let mut order: Vec<usize> = Vec::new();
    while order.len() < program.packages.len() {
        let before = order.len();
        for (at, package) in program.packages.iter().enumerate() {
            let ready = package.dependencies.values().all(|dependency| match dependency {
                Dependency::Path(at) => order.contains(at),
                _ => true,
            });
            if ready && !order.contains(&at) {
                order.push(at);
            }
        }
        assert!(order.len() > before, "a circle of packages");
    }
    for at in order {
        compile(program, at, folder)?;
    }
    let output = Command::new(folder.join("app")).output().map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

fn compile(program: &Program, at: usize, folder: &Path) -> Result<(), String> {
    let package = &program.packages[at];
    let mut rustc = Command::new("rustc");
    let year = package.edition.year().to_string();
    rustc.current_dir(folder).args(["--edition", &year, "-A", "warnings", "-L", "."]).arg(below(&package.root));
    rustc
        .args(["--cfg", "on", "--crate-name", &package.name])
        .env("CARGO_MANIFEST_DIR", folder.join(below(&package.directory)));
    match (at, package.proc_macro) {
        (0, _) => rustc.args(["--crate-type", "bin", "-o", "app"]),
        (_, true) => rustc.args(["--crate-type", "proc-macro", "--extern", "proc_macro"]),
        _ => rustc.args(["--crate-type", "rlib"]),
    };
    for (alias, dependency) in &package.dependencies {
        if let Dependency::Path(at) = dependency {
            let of = &program.packages[*at];
            let file = if of.proc_macro { format!("lib{}.so", of.name) } else { format!("lib{}.rlib", of.name) };
            rustc.arg("--extern").arg(format!("{alias}={file}"));
        }
    }
    if let Some(out) = &package.out_dir {
        rustc.env("OUT_DIR", folder.join(below(out)));
    }
    let output = rustc.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn below(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}
