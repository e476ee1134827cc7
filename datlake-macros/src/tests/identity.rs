//! What changes the hash of source text, and what does not.

use proptest::prelude::*;

use super::{code, hex, tokens};
use crate::tokens::{hash, line, significant};

fn hash_of(source: &str) -> String {
    hex(&hash(&significant(tokens(source)), None))
}

fn function(source: &str) -> String {
    hex(&code(source, None).own)
}

/// These constants are the format. A change to one re-runs every creator of every user.
#[test]
fn golden_vectors() {
    for (source, expected) in [
        ("", "b5962b0bbf6e59c9c4d6798944362dc37c3173522cb7da35a982b8565449810a"),
        ("x + 1", "49477b0f3d1a763d6bbab7edc3542b18c435d5903a4e67138f8899720e67b1ab"),
        (
            "{ let a: Vec<Vec<u8>> = f::<T>(&&x, 'a', \"b\", 1_000)?; a[0] }",
            "4d6aa33f07a3fc1997cb3cc069706dcbd4bcc6cae07ce6ed62e4abef7dfbb881",
        ),
        (
            "pub(crate) r#type 'static #[inline] => ..= >>= $x",
            "252298f4dd0c87274df81eff5ff9bcf7d038a41455ea8e25db14bf11ef6674e4",
        ),
    ] {
        assert_eq!(hash_of(source), expected, "{source}");
    }
    let creator =
        "/// Doc.\n#[inline] pub fn f<T>(#[skip] a: T, b: &[u8]) -> Result<File> where T: Copy, { body(a, b) }";
    assert_eq!(function(creator), "1ab74093fb5e71cba9689e165a670c05139f82d7801575cda69a02dcbe7503ec");
    assert_eq!(hex(&code(creator, Some(2)).own), "00b90ab1d2d22f806ae43ae86897b15707bd9b050a2f3efaaec9630af36ee1c8");
}

#[test]
fn the_encoding_is_what_the_documentation_says() {
    let mut bytes = vec![b'b'];
    let number = |n: u64, bytes: &mut Vec<u8>| bytes.extend_from_slice(&n.to_le_bytes());
    number(3, &mut bytes);
    for (tag, text) in [(b'w', "f"), (b'o', "&&")] {
        bytes.push(tag);
        number(text.len() as u64, &mut bytes);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.push(b'(');
    number(1, &mut bytes);
    bytes.push(b'l');
    number(2, &mut bytes);
    bytes.extend_from_slice(b"42");
    let expected = blake3::derive_key("datlake 2025-11-21 source tokens, format 1", &bytes);
    assert_eq!(hash_of("f && (42)"), hex(&expected));
}

/// The same constant stands in `tests/code.rs`, where the compiler reads the same text.
#[test]
fn the_compiler_gives_the_same_tokens() {
    let source = include_str!("../../tests/code.rs");
    let (_, from) = source.split_once("#[inline]").unwrap();
    let (sample, _) = from.split_once("macro_rules!").unwrap();
    assert_eq!(
        function(&format!("#[inline]{sample}")),
        "90050e0fe4c620c0ff77960bf393ed4029f006279242f37a71ebf6b1a0d86d6d"
    );
}

#[test]
fn layout_does_not_count() {
    for (one, other) in [
        ("f(a,b)", "f (\n  a, // first\n  b, /* second */\n)"),
        ("x+1", "x + 1"),
        ("a&&-b", "a && -b"),
        ("a&& !b", "a && !b"),
        ("x=-1", "x = -1"),
        ("&'a str", "& 'a str"),
        ("0..=-1", "0 ..= -1"),
        ("/// doc\nfn f() {}", "fn f() {}"),
        ("/** doc */ fn f() { //! inner\n }", "fn f() {}"),
        ("#[doc = \"a\"] #[doc(hidden)] struct A;", "struct A;"),
        ("#[allow(dead_code)] #[warn(x)] #[deny(y)] #[forbid(z)] #[expect(w, reason = \"v\")] fn f() {}", "fn f() {}"),
        ("{ #![allow(unused)] x }", "{ x }"),
        ("#[derive(A)] #[allow(x)] struct B { #[allow(y)] c: u8 }", "#[derive(A)] struct B { c: u8 }"),
    ] {
        assert_eq!(hash_of(one), hash_of(other), "{one}\n{other}");
    }
}

#[test]
fn trailing_commas_that_mean_nothing_do_not_count() {
    for (one, other) in [
        ("f(a, b,)", "f(a, b)"),
        ("f(a,)", "f(a)"),
        ("x.f(a,)", "x.f(a)"),
        ("f::<T>(a,)", "f::<T>(a)"),
        ("f::<A<B>>(a,)", "f::<A<B>>(a)"),
        ("f(a)(b,)", "f(a)(b)"),
        ("v[0](b,)", "v[0](b)"),
        ("Self(a,)", "Self(a)"),
        ("fn f(a: A,) {}", "fn f(a: A) {}"),
        ("fn f<T,>(a: A,) {}", "fn f<T>(a: A) {}"),
        ("let g: fn(A,) -> B;", "let g: fn(A) -> B;"),
        ("Box<dyn Fn(A,) -> B>", "Box<dyn Fn(A) -> B>"),
        ("struct A(B,);", "struct A(B);"),
        ("struct A<T>(B<T>,);", "struct A<T>(B<T>);"),
        ("[a, b,]", "[a, b]"),
        ("(a, b,)", "(a, b)"),
        ("vec![a,]", "vec![a]"),
        ("println!(\"{}\", a,)", "println!(\"{}\", a)"),
        ("A { a, b, }", "A { a, b }"),
        ("match x { a => 1, _ => 2, }", "match x { a => 1, _ => 2 }"),
        ("use a::{b, c,};", "use a::{b, c};"),
        ("Vec<A,>", "Vec<A>"),
        ("f::<A, B,>()", "f::<A, B>()"),
        ("fn f<T>() where T: A, {}", "fn f<T>() where T: A {}"),
        ("fn f<T>() where T: A, { g(a, { b }) }", "fn f<T>() where T: A { g(a, { b }) }"),
        ("struct A<T>(T) where T: B,;", "struct A<T>(T) where T: B;"),
    ] {
        assert_eq!(hash_of(one), hash_of(other), "{one}\n{other}");
    }
}

#[test]
fn everything_else_counts() {
    for (one, other) in [
        ("a && b", "a & &b"),
        ("a || b", "a | | b"),
        ("a << b", "a < < b"),
        ("a == b", "a = = b"),
        ("a..b", "a. .b"),
        ("x + 1", "x - 1"),
        ("x + 1", "x + 2"),
        ("1_000", "1000"),
        ("1", "1u8"),
        ("\"a\"", "\"a \""),
        ("\"a\"", "b\"a\""),
        ("'a'", "'b'"),
        ("\"a b\"", "\"a\" \"b\""),
        ("ab", "a b"),
        ("r#fn", "fn"),
        ("(x,)", "(x)"),
        ("return (x,)", "return (x)"),
        ("let (x,) = y;", "let (x) = y;"),
        ("a > (x,)", "a > (x)"),
        ("a < b && c > (x,)", "a < b && c > (x)"),
        ("-> (A,)", "-> (A)"),
        ("=> (a,)", "=> (a)"),
        ("for (a,) in b {}", "for (a) in b {}"),
        ("x as (A,)", "x as (A)"),
        ("break 'a (x,)", "break 'a (x)"),
        ("if a {} (x,)", "if a {} (x)"),
        ("#[a] (x,)", "#[a] (x)"),
        ("(A<B, C>,)", "(A<B, C>)"),
        ("(|a, b| c,)", "(|a, b| c)"),
        ("f((x,))", "f((x))"),
        ("{ a }", "( a )"),
        ("[a]", "(a)"),
        ("f()", "f ; ()"),
        ("{ {} }", "{} {}"),
        ("#[inline] fn f() {}", "fn f() {}"),
        ("#[cfg(unix)] x", "#[cfg(windows)] x"),
        ("#[cfg_attr(unix, doc = \"a\")] x", "x"),
        ("#[allow::it] x", "x"),
        ("# [allow] [x]", "[allow] [x]"),
        ("a, {b}", "a {b}"),
        ("x;", "x"),
    ] {
        assert_ne!(hash_of(one), hash_of(other), "{one}\n{other}");
    }
}

#[test]
fn a_functions_own_name_and_visibility_do_not_count() {
    let base = function("fn f(a: u32) -> R { a }");
    for same in
        ["pub fn f(a: u32) -> R { a }", "pub(crate) fn g(a: u32) -> R { a }", "#[allow(x)] fn h(a: u32,) -> R { a }"]
    {
        assert_eq!(function(same), base, "{same}");
    }
    for different in [
        "async fn f(a: u32) -> R { a }",
        "fn f(b: u32) -> R { a }",
        "fn f(a: u64) -> R { a }",
        "fn f(mut a: u32) -> R { a }",
        "fn f(#[skip] a: u32) -> R { a }",
        "fn f(a: u32) -> S { a }",
        "fn f<T>(a: u32) -> R { a }",
        "fn f(a: u32) -> R where u8: Copy { a }",
        "fn f(a: u32) -> R { pub fn g() {} a }",
        "#[inline] fn f(a: u32) -> R { a }",
    ] {
        assert_ne!(function(different), base, "{different}");
    }
    assert_ne!(function("fn f() { pub fn g() {} }"), function("fn f() { fn g() {} }"), "only its own visibility");
}

#[test]
fn a_version_replaces_the_body_and_the_attributes() {
    let versioned = |source: &str, version| code(source, Some(version)).own;
    let base = versioned("fn f(a: u32) -> R { a }", 1);
    assert_eq!(versioned("#[inline] pub fn g(a: u32) -> R { entirely(different) }", 1), base);
    assert_ne!(versioned("fn f(a: u32) -> R { a }", 2), base);
    assert_ne!(versioned("fn f(a: u64) -> R { a }", 1), base);
    assert_ne!(code("fn f(a: u32) -> R { a }", None).own, base);
}

#[test]
fn invisible_groups_do_not_count() {
    use proc_macro2::{Delimiter, Group, TokenTree};
    let group = TokenTree::Group(Group::new(Delimiter::None, tokens("a, b")));
    let inside = tokens("f").into_iter().chain([TokenTree::Group(Group::new(Delimiter::Parenthesis, group.into()))]);
    assert_eq!(hex(&hash(&significant(inside.collect()), None)), hash_of("f(a, b)"));
}

#[test]
fn a_line_shows_tokens_and_depends_on_nothing_else() {
    for (source, expected) in [
        ("std :: env :: var( \"A\", )", "std::env::var(\"A\")"),
        ("all(unix,not(feature=\"x\"))", "all(unix, not(feature = \"x\"))"),
        ("cfg!( unix ) && a+1 == b [ 0 ]", "cfg!(unix) && a + 1 == b[0]"),
        ("& x . y", "&x.y"),
        ("f::<T>(x)?", "f::< T > (x)?"),
        ("{a;b}", "{ a; b }"),
    ] {
        assert_eq!(line(&significant(tokens(source))), expected);
    }
}

proptest! {
    /// Hashed again after it was written out, code is the same code.
    #[test]
    fn written_out_tokens_have_the_same_hash(words in proptest::collection::vec(
        prop::sample::select(vec!["a", "b", "let", "1", "'c'", "\"s\"", "'l", "+", "-", "&", "&&", "<", ">", ">>=", "::", "..", "=", ";", "!", "#", "(a)", "(a,)", "[b,]", "{ c, }"]),
        0..20,
    )) {
        let source = words.join(" ");
        let trees = significant(tokens(&source));
        let written: proc_macro2::TokenStream = quote::quote!(#(#trees)*);
        prop_assert_eq!(hash(&significant(written), None), hash(&trees, None));
    }

    /// Where tokens differ, so do hashes; checked against the tokens themselves.
    #[test]
    fn different_words_have_different_hashes(
        one in proptest::collection::vec(prop::sample::select(vec!["a", "b", "+", "(", "1"]), 0..6),
        other in proptest::collection::vec(prop::sample::select(vec!["a", "b", "+", "(", "1"]), 0..6),
    ) {
        let source = |words: &[&str]| {
            let mut text = String::new();
            let mut open = 0;
            for word in words { text.push_str(word); text.push(' '); open += usize::from(*word == "("); }
            text + &")".repeat(open)
        };
        prop_assert_eq!(hash_of(&source(&one)) == hash_of(&source(&other)), one == other);
    }
}
