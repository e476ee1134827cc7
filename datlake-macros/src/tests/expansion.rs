//! What the attributes write.

use proc_macro2::TokenStream;

use super::{nowhere, tokens};

fn pretty(tokens: TokenStream) -> String {
    let file: syn::File = syn::parse2(tokens).unwrap();
    // The list of lints is long, and the same everywhere.
    let (mut out, mut skipping) = (String::new(), false);
    for line in prettyplease::unparse(&file).lines() {
        match line.trim() {
            "#[allow(" => (skipping, out) = (true, out + &line.replace("#[allow(", "#[allow(…)]\n")),
            ")]" if skipping => skipping = false,
            _ if skipping => {}
            _ => out = out + line + "\n",
        }
    }
    out
}

fn creator(options: &str, function: &str) -> String {
    pretty(crate::creator(tokens(options), tokens(function), nowhere))
}

fn tracked(item: &str) -> String {
    pretty(crate::tracked::expand(tokens(""), tokens(item), nowhere))
}

#[test]
fn a_synchronous_creator() {
    insta::assert_snapshot!(creator(
        "depends_on(count, mod stats), key(MODEL, total), on_change = \"keep\"",
        "
        /// Counts the words of a text.
        #[inline]
        #[expect(unused_variables)]
        #[cfg(feature = \"text\")]
        pub(crate) fn word_count<'a, T: Serialize, const N: usize>(
            corpus: &File,
            mut words: [&'a T; N],
            (total, _): (u32, u32),
            #[skip] log: &Log,
            #[secret] _token: &str,
            output_uid: &str,
        ) -> Result<File>
        where
            T: Copy,
        {
            if cfg!(unix) { words.sort() }
            corpus.count(include_str!(\"stop.txt\"))
        }",
    ));
}

#[test]
fn an_asynchronous_creator() {
    insta::assert_snapshot!(creator(
        "on_error = \"panic\", name = \"web/fetch\", info = fetching, crate = crate::lake",
        "pub async fn fetch(url: String) -> Page { get(url).await }",
    ));
}

#[test]
fn a_creator_with_mistakes() {
    insta::assert_snapshot!(creator(
        "",
        "pub fn report(#[skip] x: &mut u32, #[later] (a, b): (u8, u8)) -> Result<u32> { Ok(*x) }"
    ));
}

#[test]
fn a_tracked_function() {
    insta::assert_snapshot!(tracked("/// Doc.\npub async fn helper<T>(x: T) -> T { #![allow(unused)] x }"));
}

#[test]
fn a_tracked_module() {
    insta::assert_snapshot!(tracked(
        "pub mod stats {
            //! Doc.
            pub const fn constant() -> u32 { 1 }
            pub fn mean() -> f64 { fn nested() {} 0.0 }
            impl A { fn method(&self) { self.0 } }
            trait B { fn required(); fn provided() { 1; } }
            mod inner { pub fn deep() {} }
            #[datlake::file_creator] fn creator() -> Result<()> { Ok(()) }
        }",
    ));
}

#[test]
fn a_tracked_type() {
    insta::assert_snapshot!(tracked(
        "#[derive(Clone)] pub struct Pair<T: Copy = u8, const N: usize = 3>(T) where T: Eq;"
    ));
}
