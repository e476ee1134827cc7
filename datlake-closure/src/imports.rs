//! What an item brings in from elsewhere: imports in its body, files, strings that are read as code.

use std::collections::BTreeSet;

use crate::index::Kind;
use crate::locals::Locals;
use crate::mentioned::Embedded;
use crate::mentions::Walker;
use crate::resolve::Resolved;
use crate::symbol::{self, Set, Sym};
use crate::text::Text;
use crate::{macros, normal, uses};

impl Walker<'_> {
    pub(crate) fn macro_call(&mut self, path: &[Sym], next: usize) {
        let open = if path[0] == symbol::MACRO_RULES { next + 2 } else { next + 1 };
        let last = path.last().copied().unwrap_or(symbol::UNDERSCORE);
        let close = self.text.mate(open);
        self.macros.push((close, !macros::is_std(&self.scanner.index, last)));
        let inside = (open + 1, close);
        match last {
            symbol::INCLUDE | symbol::INCLUDE_STR | symbol::INCLUDE_BYTES => self.embed(last, inside),
            // In the path of a file that is embedded it counts by that file's content.
            symbol::ENV | symbol::OPTION_ENV if !self.embeds(next) => {
                self.out.variables.extend(self.text.string(open + 1).map(str::to_owned));
            }
            symbol::CFG => self.condition(inside.0, inside.1),
            symbol::LINE | symbol::COLUMN | symbol::FILE => {
                self.out.notes.insert("asks where the code stands, which does not count".to_owned());
            }
            _ => {}
        }
    }

    /// Whether a token is in the path of a file that is embedded and was found.
    fn embeds(&self, at: usize) -> bool {
        let around = self.macros.iter().map(|(close, _)| (self.text.mate(*close), *close));
        around.filter(|(open, _)| *open < at).any(|(open, close)| {
            self.text.is_any(open.wrapping_sub(2), &[symbol::INCLUDE, symbol::INCLUDE_STR, symbol::INCLUDE_BYTES])
                && self.scanner.index.embedded_path(self.file, self.text, open + 1, close).is_some()
        })
    }

    fn embed(&mut self, how: Sym, (from, to): (usize, usize)) {
        let index = &self.scanner.index;
        let mut written = String::new();
        normal::write(self.text, from, to, &mut written);
        let label = format!("{}!({written})", index.name(how));
        let Some(path) = index.embedded_path(self.file, self.text, from, to).filter(|_| !written.contains('$')) else {
            self.out.notes.insert(format!("{label}: the file's path is not written there"));
            return;
        };
        let mut bytes = self.scanner.read(&path);
        if how == symbol::INCLUDE
            && let Some(code) = bytes.as_deref().filter(|_| self.depth < 3)
        {
            let code = String::from_utf8_lossy(code).into_owned();
            bytes = Some(self.inside(&code, false).into_bytes().into());
        }
        self.out.embedded.insert(Embedded { label, path, bytes });
    }

    /// Imports in a body are names of the block, and what they lead to counts.
    pub(crate) fn imports(&mut self, at: usize, to: usize) -> usize {
        let end = self.text.past_semicolon(at, to);
        let mut found = Vec::new();
        uses::imports(self.text, at + 1, end.saturating_sub(1), &mut |path, alias| {
            if alias != uses::Alias::Glob {
                found.push((path, alias));
            }
        });
        let of_macro = self.kind == Kind::Macro || self.is_loose();
        for (path, alias) in found {
            let module =
                if path[0] == symbol::DOLLAR_CRATE { self.scanner.index[self.home].root } else { self.module() };
            let Resolved { found: targets, aside, .. } =
                self.scanner.resolver.import(&self.scanner.index, module, &path);
            self.out.aside(&aside);
            if let uses::Alias::Named(name) = alias
                && of_macro
            {
                self.imported.entry(name).or_default().push(path.clone());
            }
            if !targets.is_empty() {
                self.out.edges.entry(path).or_default().extend(targets);
            }
        }
        end
    }

    /// Reads a string as code; gives its normal form.
    pub(crate) fn inside(&mut self, content: &str, attribute: bool) -> String {
        let text = Text::new(content, false, &mut self.scanner.index.symbols());
        let mut walker = Walker {
            scanner: self.scanner,
            text: &text,
            file: self.file,
            kind: Kind::Call,
            this: self.this.clone(),
            home: self.home,
            modules: vec![(self.module(), usize::MAX)],
            locals: Locals::default(),
            generics: Vec::new(),
            variants: Set::default(),
            macros: Vec::new(),
            imported: self.imported.clone(),
            attribute: if attribute { usize::MAX } else { 0 },
            function: None,
            depth: self.depth + 1,
            scoped: BTreeSet::new(),
            out: self.out,
        };
        walker.walk(0, text.len());
        let scoped = walker.scoped;
        self.scoped.extend(scoped);
        let mut normal = String::new();
        normal::write(&text, 0, text.len(), &mut normal);
        normal
    }
}
