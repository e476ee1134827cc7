//! What an argument is but for the files and the values in it that lineage leads to. Two calls whose arguments have the same rest, and
//! hold what came about alike, have the same arguments, also where all of it has changed.

use std::collections::HashMap;

use crate::Digest;
use crate::canonical::{Piece, each_wanted, is_file, write_len};
use crate::derived::DerivedHash;

/// What stands for a value in the place of its encoding: the calls that returned it.
#[derive(Default)]
pub(super) struct StandIn(Vec<u8>);

const FILE: &[u8] = &[0];

impl StandIn {
    /// For what `calls` returned, each the place of its edge among those of the argument, and for a part the way to it.
    pub(super) fn new<'a>(calls: impl ExactSizeIterator<Item = (usize, Option<&'a str>)>) -> Self {
        let mut bytes = Vec::new();
        // Never 0, which is a file.
        write_len(&mut bytes, calls.len());
        for (edge, way) in calls {
            write_len(&mut bytes, edge);
            bytes.push(u8::from(way.is_some()));
            if let Some(way) = way {
                write_len(&mut bytes, way.len());
                bytes.extend_from_slice(way.as_bytes());
            }
        }
        Self(bytes)
    }
}

/// The digest of the argument with the canonical encoding `argument` with something else in the place of its files and of the values
/// in `known`, by their encodings. `may_be_known` answers `true` for all of those, and for little else.
///
/// `BLAKE3-derive("datlake 2026-11-29 rest of an argument, format 1", (stretch ‖ stand-in)* ‖ stretch)`. A stretch is a part of the
/// encoding: its length and bytes. A stand-in of a file is `00`. That of a value is how many calls returned it, and of each the place
/// of its edge among those of the argument, and `00`, or for a part `01` and the way to it: length, UTF-8. Of what stands in
/// another, the outermost counts.
pub(super) fn rest(
    argument: &[u8],
    known: &HashMap<&[u8], StandIn>,
    may_be_known: impl Fn(&[u8]) -> bool,
) -> Option<Digest> {
    static CONTEXT: DerivedHash = DerivedHash::new("datlake 2026-11-29 rest of an argument, format 1");
    let mut cuts: Vec<(&[u8], usize, &[u8])> = Vec::new();
    let visit = |piece: Piece<'_, '_>| {
        let stand_in = match is_file(piece.bytes) {
            true => Some(FILE),
            false => known.get(piece.bytes).map(|stand_in| &*stand_in.0),
        };
        if let Some(stand_in) = stand_in {
            cuts.truncate(cuts.partition_point(|(_, start, _)| *start < piece.start));
            cuts.push((&argument[piece.start..][..piece.bytes.len()], piece.start, stand_in));
        }
    };
    each_wanted(argument, |bytes| is_file(bytes) || may_be_known(bytes), visit).ok()?;
    let mut stream = Vec::with_capacity(argument.len());
    let mut at = 0;
    let stretch = |stream: &mut Vec<u8>, bytes: &[u8]| {
        write_len(stream, bytes.len());
        stream.extend_from_slice(bytes);
    };
    for (cut, start, stand_in) in cuts {
        stretch(&mut stream, &argument[at..start]);
        stream.extend_from_slice(stand_in);
        at = start + cut.len();
    }
    stretch(&mut stream, &argument[at..]);
    Some(Digest::from_bytes(CONTEXT.hash(&stream)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::encode;

    /// The rest of `argument`, where calls returned `known`, in this order.
    fn of(argument: &impl serde::Serialize, known: &[(&[u8], Option<&str>)]) -> Digest {
        let whole = encode(argument).unwrap().bytes;
        let stand_ins =
            known.iter().enumerate().map(|(edge, (bytes, way))| (*bytes, StandIn::new([(edge, *way)].into_iter())));
        let stand_ins: HashMap<&[u8], StandIn> = stand_ins.collect();
        rest(&whole, &stand_ins, |_| true).unwrap()
    }

    #[test]
    fn what_stands_for_a_value_says_of_which_call_and_which_part() {
        let [a, b, c] = [0.123_456_7, 0.765_432_1, 0.555_555_5].map(|number: f64| encode(&number).unwrap().bytes);
        let list = |numbers: [f64; 3]| numbers;
        let one = of(&list([0.123_456_7, 0.765_432_1, 0.123_456_7]), &[(&a, None), (&b, None)]);
        assert_eq!(one, of(&list([0.765_432_1, 0.555_555_5, 0.765_432_1]), &[(&b, None), (&c, None)]));
        let others = [
            of(&list([0.123_456_7, 0.765_432_1, 0.765_432_1]), &[(&a, None), (&b, None)]),
            of(&list([0.123_456_7, 0.765_432_1, 0.123_456_7]), &[(&a, None), (&b, Some(".loss"))]),
            of(&list([0.123_456_7, 0.765_432_1, 0.123_456_7]), &[(&a, None), (&b, Some(".rate"))]),
            of(&list([0.123_456_7, 0.765_432_1, 0.123_456_7]), &[(&a, None)]),
            of(&list([0.123_456_7, 0.765_432_1, 0.123_456_7]), &[]),
            of(&[0.123_456_7, 0.765_432_1], &[(&a, None), (&b, None)]),
        ];
        for (n, other) in others.iter().enumerate() {
            assert!(*other != one && !others[..n].contains(other), "{n}");
        }
        // What stands in another goes with that.
        let pair = encode(&(0.123_456_7, 1)).unwrap().bytes;
        let within = of(&((0.123_456_7, 1), 2), &[(&pair, None), (&a, None)]);
        assert_eq!(within, of(&(0.765_432_1, 2), &[(&b, None)]));
    }

    /// Frozen, as what is hashed into it is.
    #[test]
    fn a_rest_is_made_as_documented() {
        let a = encode(&0.5).unwrap().bytes;
        let (whole, at) = (encode(&(0.5, 7)).unwrap().bytes, 1);
        assert_eq!(whole[at..][..a.len()], a);
        let stream =
            [&[1][..], &whole[..1], &[1, 0, 1, 5], b".rate", &[(whole.len() - 10) as u8], &whole[10..]].concat();
        let expected = blake3::derive_key("datlake 2026-11-29 rest of an argument, format 1", &stream);
        assert_eq!(of(&(0.5, 7), &[(&a, Some(".rate"))]), Digest::from_bytes(expected));
        assert_eq!(
            of(&(0.5, 7), &[(&a, Some(".rate"))]).to_string(),
            "86d69eaeccefe03265229ea86f933cd8333b89d49da87fe9ac73e737ae53734f"
        );
    }
}
