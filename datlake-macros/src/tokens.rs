//! The identity of source text: a hash of its tokens that changes when the code does, and not when its layout does.
//!
//! Ignored: whitespace, comments, doc comments, attributes that only set lint levels, trailing commas where they mean
//! nothing, and the invisible groups that `macro_rules!` leaves. Everything else counts, literally: `1_000` is not `1000`.
//!
//! The encoding is ours and explicit. `to_string()` of tokens is never hashed: its spacing is the compiler's to change.
//! Where this module cannot tell whether two texts are the same code, it says that they differ.

use proc_macro2::{Delimiter, Ident, Literal, Punct, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt as _};

/// What the hash is derived for. Changing anything about the encoding changes this, and the golden vectors.
const CONTEXT: &str = "datlake 2025-11-21 source tokens, format 1";

/// A token that counts.
#[derive(Clone)]
pub(crate) enum Tree {
    /// An identifier or keyword.
    Word(Ident),
    /// A literal.
    Literal(Literal),
    /// An operator as the compiler's lexer sees it: `&&` is one, `& &` are two.
    Operator(String, Vec<Punct>),
    /// What stands in parentheses, brackets or braces.
    Group(Delimiter, Vec<Tree>),
}

impl Tree {
    /// Whether this is the identifier or keyword `word`.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(ident) if ident == word)
    }

    /// Whether this is the operator `operator`.
    pub(crate) fn is(&self, operator: &str) -> bool {
        matches!(self, Self::Operator(text, _) if text == operator)
    }

    /// What stands between parentheses.
    pub(crate) fn parenthesized(&self) -> Option<&[Tree]> {
        self.group(Delimiter::Parenthesis)
    }

    /// What stands between brackets.
    pub(crate) fn bracketed(&self) -> Option<&[Tree]> {
        self.group(Delimiter::Bracket)
    }

    fn group(&self, wanted: Delimiter) -> Option<&[Tree]> {
        match self {
            Self::Group(delimiter, trees) if *delimiter == wanted => Some(trees),
            _ => None,
        }
    }
}

impl ToTokens for Tree {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Word(ident) => tokens.append(ident.clone()),
            Self::Literal(literal) => tokens.append(literal.clone()),
            Self::Operator(_, puncts) => tokens.append_all(puncts),
            Self::Group(delimiter, trees) => {
                let mut inner = TokenStream::new();
                inner.append_all(trees);
                tokens.append(proc_macro2::Group::new(*delimiter, inner));
            }
        }
    }
}

/// The tokens that count.
pub(crate) fn significant(tokens: TokenStream) -> Vec<Tree> {
    let mut flat = Vec::new();
    flatten(tokens, &mut flat);
    let trees = without_commas(without_attributes(glue(flat)));
    let mut out: Vec<Tree> = Vec::with_capacity(trees.len());
    for tree in trees {
        let tree = match tree {
            Tree::Group(delimiter, inner) => Tree::Group(delimiter, without_last_comma(&out, delimiter, inner)),
            other => other,
        };
        out.push(tree);
    }
    out
}

/// An item's tokens without its own visibility, its name replaced: what is left when its identity is taken away.
pub(crate) struct Anonymous {
    attributes: Vec<TokenTree>,
    item: Vec<TokenTree>,
}

impl Anonymous {
    /// Takes an item's tokens as they are in the source: parsing and printing would change them.
    pub(crate) fn new(item: TokenStream) -> Self {
        const BEFORE_A_NAME: [&str; 14] = [
            "async", "auto", "const", "default", "enum", "extern", "fn", "gen", "mod", "mut", "static", "struct",
            "union", "unsafe",
        ];
        let mut attributes = Vec::new();
        flatten(item, &mut attributes);
        let is =
            |token: Option<&TokenTree>, word: &str| matches!(token, Some(TokenTree::Ident(ident)) if ident == word);
        let mut begin = 0;
        while matches!(attributes.get(begin), Some(TokenTree::Punct(punct)) if punct.as_char() == '#') {
            begin += 2;
        }
        let mut item = attributes.split_off(begin.min(attributes.len()));
        if is(item.first(), "pub") {
            let restricted = matches!(item.get(1), Some(TokenTree::Group(_)));
            item.drain(..1 + usize::from(restricted));
        }
        let name = item.iter_mut().find_map(|token| match token {
            TokenTree::Ident(ident) if !BEFORE_A_NAME.iter().any(|word| ident == word) => Some(ident),
            _ => None,
        });
        if let Some(name) = name {
            *name = Ident::new("item", name.span());
        }
        Self { attributes, item }
    }

    /// All that counts.
    pub(crate) fn whole(self) -> Vec<Tree> {
        significant(self.attributes.into_iter().chain(self.item).collect())
    }

    /// What counts of a function before its body, and after its attributes.
    pub(crate) fn signature(mut self) -> Vec<Tree> {
        self.item.pop();
        significant(self.item.into_iter().collect())
    }
}

/// The hash of `trees`; of a creator with `version = N` they are its signature.
pub(crate) fn hash(trees: &[Tree], version: Option<u64>) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(1024);
    match version {
        None => bytes.push(b'b'),
        Some(version) => {
            bytes.push(b'v');
            bytes.extend_from_slice(&version.to_le_bytes());
        }
    }
    encode(trees, &mut bytes);
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&bytes);
    *hasher.finalize().as_bytes()
}

fn encode(trees: &[Tree], out: &mut Vec<u8>) {
    number(trees.len(), out);
    for tree in trees {
        match tree {
            Tree::Word(ident) => text(b'w', &ident.to_string(), out),
            Tree::Literal(literal) => text(b'l', &literal.to_string(), out),
            Tree::Operator(operator, _) => text(b'o', operator, out),
            Tree::Group(delimiter, inner) => {
                out.push(match delimiter {
                    Delimiter::Parenthesis => b'(',
                    Delimiter::Bracket => b'[',
                    Delimiter::Brace => b'{',
                    Delimiter::None => b' ',
                });
                encode(inner, out);
            }
        }
    }
}

fn text(tag: u8, text: &str, out: &mut Vec<u8>) {
    out.push(tag);
    number(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn number(number: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(number as u64).to_le_bytes());
}

/// The tokens as one line, for people and as a label in keys: it depends on the significant tokens alone.
pub(crate) fn line(trees: &[Tree]) -> String {
    let mut out = String::new();
    for (i, tree) in trees.iter().enumerate() {
        if i > 0 && spaced(&trees[i - 1], tree) {
            out.push(' ');
        }
        match tree {
            Tree::Word(ident) => out.push_str(&ident.to_string()),
            Tree::Literal(literal) => out.push_str(&literal.to_string()),
            Tree::Operator(operator, _) => out.push_str(operator),
            Tree::Group(delimiter, inner) => {
                let (open, close) = match delimiter {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{ ", " }"),
                    Delimiter::None => ("", ""),
                };
                out.push_str(open);
                out.push_str(&line(inner));
                out.push_str(close);
            }
        }
    }
    out
}

/// Spaces are left out only where the lexer would find the same tokens without them.
fn spaced(before: &Tree, after: &Tree) -> bool {
    let tight = |tree: &Tree| tree.is("::") || tree.is(".");
    match (before, after) {
        (before, after) if tight(before) || tight(after) => false,
        (_, after) if after.is(",") || after.is(";") || after.is("?") => false,
        (Tree::Word(_), after) if after.is("!") => false,
        (Tree::Operator(operator, _), Tree::Word(_) | Tree::Literal(_) | Tree::Group(..)) if operator == "&" => false,
        (before, Tree::Group(Delimiter::Parenthesis | Delimiter::Bracket, _)) => {
            !(matches!(before, Tree::Word(_)) || before.is("!") || before.is("#"))
        }
        (before, Tree::Word(_)) if before.is("'") => false,
        _ => true,
    }
}

fn flatten(tokens: TokenStream, out: &mut Vec<TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => flatten(group.stream(), out),
            token => out.push(token),
        }
    }
}

/// Joins punctuation into operators as the compiler's lexer does, so that `a&&-b` and `a && -b` are the same.
fn glue(tokens: Vec<TokenTree>) -> Vec<Tree> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut run: Vec<Punct> = Vec::new();
    for token in tokens {
        let token = match token {
            TokenTree::Punct(punct) => {
                let ends = punct.spacing() == Spacing::Alone;
                run.push(punct);
                if ends {
                    split_run(&mut run, &mut out);
                }
                continue;
            }
            token => token,
        };
        split_run(&mut run, &mut out);
        out.push(match token {
            TokenTree::Ident(ident) => Tree::Word(ident),
            TokenTree::Literal(literal) => Tree::Literal(literal),
            TokenTree::Group(group) => Tree::Group(group.delimiter(), significant(group.stream())),
            TokenTree::Punct(_) => continue,
        });
    }
    split_run(&mut run, &mut out);
    out
}

fn split_run(run: &mut Vec<Punct>, out: &mut Vec<Tree>) {
    const OPERATORS: [&str; 26] = [
        "<<=", ">>=", "...", "..=", "::", "->", "=>", "<-", "==", "!=", "<=", ">=", "&&", "||", "<<", ">>", "+=", "-=",
        "*=", "/=", "%=", "^=", "&=", "|=", "..", "$",
    ];
    let mut rest: &[Punct] = run;
    while !rest.is_empty() {
        let ahead: String = rest.iter().take(3).map(Punct::as_char).collect();
        let len = OPERATORS.iter().find(|operator| ahead.starts_with(**operator)).map_or(1, |operator| operator.len());
        let (operator, after) = rest.split_at(len);
        let text = operator.iter().map(Punct::as_char).collect();
        let mut puncts = operator.to_vec();
        // What is emitted again stands alone, whatever followed it here.
        if let Some(last) = puncts.last_mut()
            && last.as_char() != '\''
        {
            let span = last.span();
            *last = Punct::new(last.as_char(), Spacing::Alone);
            last.set_span(span);
        }
        out.push(Tree::Operator(text, puncts));
        rest = after;
    }
    run.clear();
}

/// Leaves out doc comments and attributes that only set lint levels.
fn without_attributes(trees: Vec<Tree>) -> Vec<Tree> {
    let mut out = Vec::with_capacity(trees.len());
    let mut trees = trees.into_iter().peekable();
    while let Some(tree) = trees.next() {
        if !tree.is("#") {
            out.push(tree);
            continue;
        }
        let bang = trees.next_if(|next| next.is("!"));
        if trees.next_if(says_nothing).is_none() {
            out.push(tree);
            out.extend(bang);
        }
    }
    out
}

fn says_nothing(tree: &Tree) -> bool {
    const SILENT: [&str; 6] = ["doc", "allow", "warn", "deny", "forbid", "expect"];
    match tree.bracketed() {
        Some([Tree::Word(name), rest @ ..]) => {
            let shape = matches!(rest, [] | [Tree::Group(Delimiter::Parenthesis, _)])
                || rest.first().is_some_and(|t| t.is("="));
            shape && SILENT.iter().any(|silent| name == silent)
        }
        _ => false,
    }
}

/// Leaves out the trailing commas that no bracket ends: before a `>`, and at the end of a `where` clause.
fn without_commas(trees: Vec<Tree>) -> Vec<Tree> {
    let mut out = Vec::with_capacity(trees.len());
    let mut in_where = false;
    let mut trees = trees.into_iter().peekable();
    while let Some(tree) = trees.next() {
        in_where = match &tree {
            Tree::Word(word) if word == "where" => true,
            Tree::Group(Delimiter::Brace, _) => false,
            other => in_where && !other.is(";"),
        };
        let idle = tree.is(",")
            && match trees.peek() {
                Some(next) if next.is(">") || next.is(">>") => true,
                Some(Tree::Group(Delimiter::Brace, _)) => in_where,
                Some(next) => in_where && next.is(";"),
                None => in_where,
            };
        if !idle {
            out.push(tree);
        }
    }
    out
}

fn without_last_comma(before: &[Tree], delimiter: Delimiter, mut inner: Vec<Tree>) -> Vec<Tree> {
    let ends_in_comma = inner.last().is_some_and(|last| last.is(","));
    if ends_in_comma && (delimiter != Delimiter::Parenthesis || is_call(before) || has_two_elements(&inner)) {
        inner.pop();
    }
    inner
}

/// Whether parentheses after `before` hold arguments, parameters or fields, and not a tuple: `f(x,)` is `f(x)`, but `(x,)`
/// is not `(x)`.
fn is_call(before: &[Tree]) -> bool {
    match before {
        [.., quote, Tree::Word(_)] if quote.is("'") => false,
        [.., Tree::Word(word)] => !begins_expression(&word.to_string()),
        [.., bang] if bang.is("!") => true,
        [.., close] if close.is(">") || close.is(">>") => closes_generics(before),
        [.., hash, Tree::Group(Delimiter::Bracket, _)] if hash.is("#") => false,
        [.., Tree::Group(Delimiter::Parenthesis | Delimiter::Bracket, _)] => true,
        _ => false,
    }
}

/// Keywords that a tuple may follow.
fn begins_expression(word: &str) -> bool {
    matches!(
        word,
        "as" | "async"
            | "await"
            | "become"
            | "box"
            | "break"
            | "const"
            | "do"
            | "dyn"
            | "else"
            | "for"
            | "gen"
            | "if"
            | "impl"
            | "in"
            | "let"
            | "loop"
            | "match"
            | "move"
            | "mut"
            | "raw"
            | "ref"
            | "return"
            | "static"
            | "try"
            | "type"
            | "unsafe"
            | "where"
            | "while"
            | "yield"
    )
}

/// Whether the `>` or `>>` that `before` ends in closes a `<`: `f::<T>(x,)` is a call, `a > (x,)` compares with a tuple.
fn closes_generics(before: &[Tree]) -> bool {
    let mut depth = 0_usize;
    for tree in before.iter().rev() {
        match tree {
            Tree::Operator(operator, _) => match operator.as_str() {
                ">" => depth += 1,
                ">>" => depth += 2,
                "<" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return true;
                    }
                }
                "&&" | "||" | ";" => return false,
                _ => {}
            },
            Tree::Group(Delimiter::Brace, _) => return false,
            _ => {}
        }
    }
    false
}

/// Whether a tuple has more than one element for sure: `(A<B, C>,)` and `(|a, b| c,)` have one.
fn has_two_elements(inner: &[Tree]) -> bool {
    let has = |operator: &str| inner.iter().any(|tree| tree.is(operator));
    !has("<") && !has("|") && inner.iter().filter(|tree| tree.is(",")).count() > 1
}
