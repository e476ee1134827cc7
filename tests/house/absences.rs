//! What parts of the workspace never name.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::offence::Offence;
use crate::source::{self, Files, Use};

/// Files whose paths start with one of `inside` and none of `except` use nothing that starts with one of `names`.
struct Absence {
    check: &'static str,
    inside: &'static [&'static str],
    except: &'static [&'static str],
    names: &'static [&'static str],
    only_patterns: bool,
    why: &'static str,
}

const LIBRARY: &[&str] =
    &["src/", "datlake-core/src/", "datlake-lake/src/", "datlake-macros/src/", "datlake-closure/src/"];
const ALL: &[&str] = &[
    "src/",
    "datlake-core/src/",
    "datlake-lake/src/",
    "datlake-store/src/",
    "datlake-macros/src/",
    "datlake-closure/src/",
    "datlake-client/src/",
    "datlake-index/src/",
    "datlake-server/src/",
    "datlake-cli/src/",
];

const ABSENCES: &[Absence] = &[
    Absence {
        check: "core-is-pure",
        inside: &["datlake-core/src/"],
        except: &[],
        names: &[
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "std::thread",
            "std::time::Instant::now",
            "std::time::SystemTime::now",
            "tokio",
        ],
        only_patterns: false,
        why: "the core has no file system, network, clock, thread or runtime: the store or the caller has it",
    },
    Absence {
        check: "lake-knows-no-call",
        inside: &["datlake-lake/src/"],
        except: &[],
        names: &["datlake", "datlake_macros", "inventory", "rayon", "rayon_core", "backtrace"],
        only_patterns: false,
        why: "a lake knows nothing of calls, macros, registered creators or pools",
    },
    Absence {
        check: "report-is-data",
        inside: &["src/report/", "datlake-lake/src/report/"],
        except: &[],
        names: &["crate::lake", "crate::handle", "crate::file", "crate::scope", "datlake_store"],
        only_patterns: false,
        why: "a report is data: questions and removals belong to the lake",
    },
    Absence {
        check: "homeless",
        inside: LIBRARY,
        except: &["datlake-lake/src/config/surroundings.rs"],
        names: &["etcetera", "std::env::home_dir"],
        only_patterns: false,
        why: "a home directory is looked for where nothing says where the lake is, in config/surroundings.rs",
    },
    Absence {
        check: "command-knows-the-library",
        inside: &["datlake-cli/src/"],
        except: &[],
        names: &["datlake_core", "datlake_lake", "datlake_store"],
        only_patterns: false,
        why: "what the command needs of a lake, `datlake` offers to everybody",
    },
    Absence {
        check: "server-alone",
        inside: ALL,
        except: &["datlake-server/src/"],
        names: &["aide", "axum", "hyper", "hyper_util", "sqlx", "tower", "tower_http"],
        only_patterns: false,
        why: "only the server names HTTP and SQL",
    },
    Absence {
        check: "client-alone",
        inside: ALL,
        except: &["datlake-client/src/", "datlake-cli/src/"],
        names: &["ureq"],
        only_patterns: false,
        why: "a pipeline sends to others over HTTP by datlake-client alone",
    },
    Absence {
        check: "index-alone",
        inside: ALL,
        except: &["datlake-index/src/"],
        names: &["rusqlite", "libsqlite3_sys"],
        only_patterns: false,
        why: "only the index has a database of its own on the machine, and no pipeline links it",
    },
    Absence {
        check: "services-know-the-library",
        inside: &["datlake-index/src/", "datlake-server/src/"],
        except: &[],
        names: &["datlake_core", "datlake_lake", "datlake_store", "object_store"],
        only_patterns: false,
        why: "what the index and the server need of a lake, `datlake` offers to everybody",
    },
    Absence {
        check: "kinds",
        inside: &["src/", "datlake-lake/src/", "datlake-store/src/", "datlake-cli/src/"],
        except: &[],
        names: &["datlake_core::Location::", "datlake_core::layout::Location::"],
        only_patterns: true,
        why: "only the core tells kinds of documents apart: a new kind must have one place",
    },
    Absence {
        check: "store-alone",
        inside: LIBRARY,
        except: &[],
        names: &["object_store", "tokio", "reqwest"],
        only_patterns: false,
        why: "only the store names clients of stores and the runtime",
    },
    Absence {
        check: "threads",
        inside: ALL,
        except: &["datlake-store/src/runtime.rs", "datlake-cli/src/"],
        names: &["tokio::runtime::Builder", "tokio::runtime::Runtime", "std::thread::spawn", "std::thread::Builder"],
        only_patterns: false,
        why: "runtimes, and threads that outlive a function, are made in datlake-store/src/runtime.rs",
    },
    Absence {
        check: "bridge",
        inside: ALL,
        except: &["datlake-store/src/runtime.rs"],
        names: &["pollster", "futures_util::future::block_on", "futures_executor", "tokio::runtime::Handle"],
        only_patterns: false,
        why: "blocking code waits for a future by `datlake_store::wait` alone",
    },
    Absence {
        check: "prints",
        inside: ALL,
        // Where configuration asks whether standard error is a terminal.
        except: &[
            "datlake-lake/src/console/",
            "datlake-lake/src/config/surroundings.rs",
            "datlake-server/src/logs.rs",
            "datlake-cli/src/",
        ],
        names: &[
            "println!",
            "print!",
            "eprintln!",
            "eprint!",
            "std::println!",
            "std::eprintln!",
            "std::io::stdout",
            "std::io::stderr",
        ],
        only_patterns: false,
        why: "the library prints nothing: datlake-lake/src/console does where it is attached",
    },
];

pub(crate) fn check(files: &Files) -> Vec<Offence> {
    let uses: Vec<Use> = source::packages(files).iter().flat_map(source::Package::uses).collect();
    ABSENCES.iter().flat_map(|absence| absence.offences(&uses)).collect()
}

impl Absence {
    fn offences(&self, uses: &[Use]) -> Vec<Offence> {
        let starts = |file: &str, with: &[&str]| with.iter().any(|start| file.starts_with(start));
        let here = uses.iter().filter(|used| starts(&used.file, self.inside) && !starts(&used.file, self.except));
        let mut files = BTreeSet::new();
        here.filter(|used| {
            (used.in_pattern || !self.only_patterns) && self.names.iter().any(|name| is_of(&used.text(), name))
        })
        .filter(|used| files.insert(used.file.clone()))
        .map(|used| {
            Offence::new(self.check, &used.file, format!("line {} uses {}: {}", used.line, used.text(), self.why))
        })
        .collect()
    }
}

/// The checks of this file.
pub(crate) fn names() -> Vec<&'static str> {
    ABSENCES.iter().map(|absence| absence.check).chain(["paths", "direction"]).collect()
}

/// Whether a path is `name`, or inside of it.
fn is_of(path: &str, name: &str) -> bool {
    path.strip_prefix(name).is_some_and(|rest| name.ends_with("::") || rest.is_empty() || rest.starts_with("::"))
}

/// The folders of a lake, whose paths one module spells.
const FOLDERS: [&str; 7] = ["blobs/", "calls/", "claims/", "files/", "removed/", "runs/", "uses/"];

/// That module.
const SPELL: &str = "datlake-core/src/layout";

/// Literals that spell the path of an object.
pub(crate) fn spelled_paths(files: &Files) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (file, text) in files {
        let library = ALL.iter().any(|start| file.starts_with(start));
        if !library || !file.ends_with(".rs") || file.starts_with(SPELL) || file.ends_with("tests.rs") {
            continue;
        }
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut literals = Literals::default();
        literals.visit_file(&parsed);
        let spelled = |text: &&(usize, String)| FOLDERS.iter().any(|folder| text.1.starts_with(folder));
        if let Some((line, text)) = literals.found.iter().find(spelled) {
            let why = "only datlake-core/src/layout.rs spells the paths of objects";
            offences.push(Offence::new("paths", file, format!("line {line} has {text:?}: {why}")));
        }
    }
    offences
}

#[derive(Default)]
struct Literals {
    found: Vec<(usize, String)>,
}

impl Literals {
    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    let line = literal.span().start().line;
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        self.found.push((line, text.value()));
                    }
                }
                _ => (),
            }
        }
    }
}

impl<'ast> Visit<'ast> for Literals {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &*item.attrs,
            syn::Item::Fn(item) => &*item.attrs,
            _ => &[],
        };
        if !source::of_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.found.push((literal.span().start().line, literal.value()));
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.tokens(called.tokens.clone());
    }
}

/// Which packages of the workspace each may depend on.
const DIRECTION: &[(&str, &[&str])] = &[
    ("datlake-core", &[]),
    ("datlake-closure", &[]),
    ("datlake-macros", &["datlake-closure"]),
    ("datlake-store", &["datlake-core"]),
    ("datlake-lake", &["datlake-core", "datlake-store"]),
    ("datlake-client", &["datlake-core", "datlake-lake", "datlake-store"]),
    ("datlake", &["datlake-client", "datlake-core", "datlake-lake", "datlake-macros", "datlake-store"]),
    ("datlake-server", &["datlake", "datlake-index"]),
    ("datlake-index", &["datlake"]),
    ("datlake-cli", &["datlake", "datlake-client", "datlake-index", "datlake-server"]),
    ("datlake-bench", &["datlake"]),
    ("datlake-fuzz", &["datlake-closure", "datlake-core", "datlake-lake", "datlake-store"]),
];

pub(crate) fn direction(files: &Files) -> Vec<Offence> {
    let mut offences = Vec::new();
    for package in source::packages(files) {
        let Some((_, allowed)) = DIRECTION.iter().find(|(name, _)| *name == package.name) else {
            let says = "is a package whose place among the others is not said in tests/house/absences.rs";
            offences.push(Offence::new("direction", &package.name, says));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|name| name.starts_with("datlake")) {
            if !allowed.contains(&dependency.as_str()) {
                let says = format!("it may depend on {allowed:?} of the workspace alone");
                offences.push(Offence::new("direction", &format!("{} → {dependency}", package.name), says));
            }
        }
    }
    offences
}
