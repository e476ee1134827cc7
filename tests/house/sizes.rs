//! Functions past a screen, and files past what one reads at a time.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::offence::Offence;
use crate::source::Files;

const FUNCTION: usize = 80;
const FILE: usize = 500;

pub(crate) fn functions(files: &Files) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (file, text) in sources(files) {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut functions = Functions::default();
        functions.visit_file(&parsed);
        for (name, line, lines) in functions.found.into_iter().filter(|(_, _, lines)| *lines > FUNCTION) {
            let says = format!("line {line}: {lines} lines, of at most {FUNCTION}");
            offences.push(Offence::new("function", &format!("{file} {name}"), says));
        }
    }
    offences
}

/// With the longest ten, whether they are too long or not.
pub(crate) fn lines(files: &Files) -> (Vec<Offence>, String) {
    let mut counted: Vec<_> = sources(files).map(|(file, text)| (text.lines().count(), file)).collect();
    counted.sort_unstable_by(|a, b| b.cmp(a));
    let long = counted.iter().filter(|(lines, _)| *lines > FILE);
    let long = long.map(|(lines, file)| Offence::new("file", file, format!("{lines} lines, of at most {FILE}")));
    let longest = counted.iter().take(10).map(|(lines, file)| format!("{lines:6} {file}\n")).collect();
    (long.collect(), longest)
}

fn sources(files: &Files) -> impl Iterator<Item = (&String, &String)> {
    files.iter().filter(|(path, _)| path.ends_with(".rs"))
}

#[derive(Default)]
struct Functions {
    found: Vec<(String, usize, usize)>,
}

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (start, end) = (signature.span().start().line, block.span().end().line);
        self.found.push((signature.ident.to_string(), start, end - start + 1));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.add(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
