//! A return type that changed since the record was written, and values that cannot be kept.

use datlake::{ErrorKind, File, Result, Status, file_creator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::support::{Machines, lake};

/// One creator with its return type before and after an edit. The key knows nothing of what a type is made of.
macro_rules! edition {
    ($edition:ident, $item:item, |$n:ident, $file:ident| $value:expr) => {
        mod $edition {
            use datlake::{File, Result, file_creator};
            use serde::{Deserialize, Serialize};

            #[derive(Serialize, Deserialize, Debug, PartialEq)]
            $item

            #[file_creator(name = "shapes/measured", version = 1)]
            pub(super) fn measured(at: &str) -> Result<Measure> {
                let ($n, $file) = (at.len() as i32, |name: &str| File::from_bytes(name, name));
                let _ = $file;
                Ok($value)
            }
        }
    };
}

edition!(
    first,
    pub(super) struct Measure {
        pub(super) low: i32,
        pub(super) high: i32,
    },
    |n, file| Measure { low: n, high: 100 + n }
);
edition!(
    swapped,
    pub(super) struct Measure {
        pub(super) high: i32,
        pub(super) low: i32,
    },
    |n, file| Measure { low: n, high: 100 + n }
);
edition!(
    renamed,
    pub(super) struct Measure {
        pub(super) low: i32,
        pub(super) top: i32,
    },
    |n, file| Measure { low: n, top: 100 + n }
);
edition!(
    widened,
    pub(super) struct Measure {
        pub(super) low: i64,
        pub(super) high: i64,
    },
    |n, file| Measure { low: n.into(), high: (100 + n).into() }
);
edition!(
    ordered,
    pub(super) enum Measure {
        Low(i32),
        High(i32),
    },
    |n, file| if n < 9 { Measure::Low(n) } else { Measure::High(n) }
);
edition!(
    reordered,
    pub(super) enum Measure {
        High(i32),
        Low(i32),
    },
    |n, file| if n < 9 { Measure::Low(n) } else { Measure::High(n) }
);
edition!(
    with_file,
    pub(super) struct Measure {
        pub(super) low: i32,
        pub(super) at: File,
    },
    |n, file| Measure { low: n, at: file("at.txt")? }
);
edition!(
    with_files,
    pub(super) struct Measure {
        pub(super) at: File,
        pub(super) to: File,
    },
    |_n, file| Measure { at: file("at.txt")?, to: file("to.txt")? }
);

#[test]
fn fields_that_were_swapped_are_noticed() {
    let lake = lake();
    assert_eq!(lake.ok("ran measured", || first::measured("x")), first::Measure { low: 1, high: 101 });
    let swapped = swapped::Measure { low: 1, high: 101 };
    // Decoded as it lies there, low would be high.
    assert_eq!(lake.ok("nothing", || swapped::measured::call("x").status()), Status::Missing);
    let why = lake.ok("nothing", || swapped::measured::call("x").explain()).to_string();
    assert!(why.contains("return type"), "{why}");
    assert_eq!(lake.ok("ran measured", || swapped::measured("x")), swapped);
    assert_eq!(lake.ok("hit measured", || swapped::measured("x")), swapped);
    // Both go on side by side, in this process and the next.
    assert_eq!(lake.ok("hit measured", || first::measured("x")), first::Measure { low: 1, high: 101 });
    let later = lake.reopened();
    assert_eq!(later.ok("hit measured", || swapped::measured("x")), swapped);
    later.ok("hit measured", || first::measured("x"));
    assert_eq!(later.ok("reproduced measured", || swapped::measured::call("x").force()), swapped);
}

#[test]
fn every_other_shape_is_noticed_too() {
    let lake = lake();
    lake.ok("ran measured", || first::measured("x"));
    lake.ok("ran measured", || renamed::measured("x"));
    lake.ok("ran measured", || ordered::measured("x"));
    assert_eq!(lake.ok("ran measured", || reordered::measured("x")), reordered::Measure::Low(1));
    assert_eq!(lake.ok("hit measured", || ordered::measured("x")), ordered::Measure::Low(1));
    let file = lake.ok("ran measured", || with_file::measured("x")).at;
    let files = lake.ok("ran measured", || with_files::measured("x"));
    assert_ne!(file.uid(), files.at.uid(), "each record has UIDs of its own");
    let later = lake.reopened();
    later.ok("hit measured ×5", || {
        first::measured("x")?;
        renamed::measured("x")?;
        reordered::measured("x")?;
        assert_eq!(with_file::measured("x")?.at.read()?, b"at.txt");
        assert_eq!(with_files::measured("x")?.to.read()?, b"to.txt");
        Ok::<_, datlake::Error>(())
    });
}

#[test]
fn a_wider_integer_is_the_same_value() {
    let lake = lake();
    lake.ok("ran measured", || first::measured("x"));
    // Read as it lies there it would be right; whether it is taken or made anew, it is never wrong.
    let widened = lake.reopened();
    let _current = widened.enter();
    assert_eq!(widened::measured("x").unwrap(), widened::Measure { low: 1, high: 101 });
}

#[test]
fn the_second_machine_has_the_edited_type() {
    let machines = Machines::new();
    machines.machine("a").ok("ran measured", || first::measured("x"));
    machines.machine("b").ok("ran measured", || swapped::measured("x"));
    machines.machine("a").ok("hit measured ×2", || first::measured("x").and(swapped::measured("x")));
    machines.machine("c").ok("hit measured", || swapped::measured("x"));
}

/// What is written is not what is read.
#[derive(Debug)]
struct Forgetful(u32);

impl Serialize for Forgetful {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<'de> Deserialize<'de> for Forgetful {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(|read| Self(read / 2))
    }
}

/// Does not serialize at all.
#[derive(Debug, Deserialize)]
struct Silent;

impl Serialize for Silent {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("says nothing"))
    }
}

#[file_creator]
fn forgetful(n: u32) -> Result<Forgetful> {
    Ok(Forgetful(n))
}

#[file_creator]
fn silent() -> Result<(File, Silent)> {
    Ok((File::from_bytes("file.txt", "file")?, Silent))
}

#[test]
fn a_value_that_does_not_survive_is_an_error_and_nothing_is_kept() {
    let lake = lake();
    let says = ["Forgetful", "does not survive"];
    for _ in 0..2 {
        lake.fails("failed forgetful", ErrorKind::Value, &says, || forgetful(7));
    }
    lake.ok("ran forgetful", || forgetful(0));
    lake.fails("failed silent", ErrorKind::Value, &["says nothing"], silent);
    assert_eq!(lake.visible(), (1, 0));
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Cached {
    value: u32,
    #[serde(skip)]
    hint: Option<u32>,
}

#[file_creator]
fn hinted() -> Result<Cached> {
    Ok(Cached { value: 1, hint: Some(2) })
}

#[test]
fn the_first_call_gives_what_every_later_one_will() {
    let lake = lake();
    let first = lake.ok("ran hinted", hinted);
    assert_eq!(first, Cached { value: 1, hint: None });
    assert_eq!(lake.ok("hit hinted", hinted), first);
}

/// What `serde` does in disguise, and one codec or another cannot keep.
#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Odd {
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, Untagged>,
    tagged: Tagged,
    nested: Option<Option<u8>>,
    floats: Vec<f64>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    File(File),
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
#[serde(tag = "kind")]
enum Tagged {
    Point { x: u8, y: u8 },
    Empty,
}

#[file_creator]
fn odd(odd: &Odd) -> Result<(Odd, File)> {
    Ok((odd.clone(), File::from_bytes("new.txt", "new")?))
}

#[test]
fn values_that_need_another_codec_come_back_whole() {
    let lake = lake();
    let file = lake.add_bytes("file.txt", "file").unwrap();
    let given = Odd {
        rest: [("n", Untagged::Number(-1)), ("t", Untagged::Text("t".to_owned())), ("f", Untagged::File(file))]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        tagged: Tagged::Point { x: 1, y: 2 },
        nested: None,
        floats: vec![0.1, -0.0, f64::MAX],
    };
    let (back, new) = lake.ok("ran odd", || odd(&given));
    assert_eq!(back, given);
    assert_eq!(lake.ok("hit odd", || odd(&given)), (back, new.clone()));
    assert_eq!(new.read().unwrap(), b"new");
    assert_eq!(new.uid().unwrap().as_str().rsplit('/').next(), Some("1"), "the file it passed on comes first");
    lake.ok("ran odd", || odd(&Odd { tagged: Tagged::Empty, ..given.clone() }));
}
