//! As much of TOML as Cargo.toml and Cargo.lock need: dotted keys to scalars.
//!
//! What is no TOML is passed over: cargo has read the same file before us.

use std::collections::BTreeMap;

/// Values by their full keys: `dependencies.serde.version`, `package.0.name` in an array of tables or an array.
pub(crate) type Table = BTreeMap<String, String>;

/// Inline tables and arrays that nest deeper are passed over.
const DEPTH: usize = 32;

pub(crate) fn parse(text: &str) -> Table {
    let mut reader = Reader { text, at: 0, found: Table::new() };
    let mut section = String::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    while reader.skip_blank(true) {
        if !reader.eat('[') {
            let key = join(&section, &reader.key());
            if reader.eat('=') {
                reader.value(&key, 0);
            }
            reader.line();
            continue;
        }
        let many = reader.eat('[');
        section = reader.key();
        if many {
            let count = counts.entry(section.clone()).or_default();
            section = join(&section, &count.to_string());
            *count += 1;
        }
        reader.found.entry(section.clone()).or_default();
        reader.line();
    }
    reader.found
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    found: Table,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_blank(false);
        let found = self.peek() == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    /// Past blanks, and lines and comments if asked; false at the end.
    fn skip_blank(&mut self, lines: bool) -> bool {
        while let Some(next) = self.peek() {
            match next {
                '#' if lines => self.line(),
                '\n' if !lines => return true,
                next if next.is_whitespace() || next == '\u{feff}' => self.at += next.len_utf8(),
                _ => return true,
            }
        }
        false
    }

    fn line(&mut self) {
        self.at = self.text[self.at..].find('\n').map_or(self.text.len(), |end| self.at + end + 1);
    }

    /// A dotted key, without quotes.
    fn key(&mut self) -> String {
        let mut key = String::new();
        loop {
            self.skip_blank(false);
            match self.peek() {
                Some('"' | '\'') => key += &self.string(),
                Some('.') => {
                    key.push('.');
                    self.at += 1;
                }
                Some(next) if next.is_alphanumeric() || matches!(next, '_' | '-') => {
                    key.push(next);
                    self.at += next.len_utf8();
                }
                _ => return key,
            }
        }
    }

    fn value(&mut self, key: &str, depth: usize) {
        self.skip_blank(true);
        match self.peek() {
            Some('"' | '\'') => {
                let value = self.string();
                self.found.insert(key.to_owned(), value);
            }
            Some('{') if depth < DEPTH => {
                self.at += 1;
                self.found.entry(key.to_owned()).or_default();
                self.entries('}', |reader, _| {
                    let name = reader.key();
                    if reader.eat('=') {
                        reader.value(&join(key, &name), depth + 1);
                    }
                });
            }
            Some('[') if depth < DEPTH => {
                self.at += 1;
                self.entries(']', |reader, count| reader.value(&join(key, &count.to_string()), depth + 1));
            }
            _ => {
                let rest = &self.text[self.at..];
                let end = rest.find([',', '}', ']', '\n', '#']).unwrap_or(rest.len());
                self.found.insert(key.to_owned(), rest[..end].trim().to_owned());
                self.at += end;
            }
        }
    }

    /// Entries between commas, up to the bracket.
    fn entries(&mut self, close: char, mut each: impl FnMut(&mut Self, usize)) {
        let mut count = 0;
        while self.skip_blank(true) {
            let before = self.at;
            if self.eat(close) {
                return;
            }
            if !self.eat(',') {
                each(self, count);
                count += 1;
            }
            // What is no entry is passed over.
            if self.at == before {
                self.at += self.peek().map_or(0, char::len_utf8);
            }
        }
    }

    fn string(&mut self) -> String {
        let rest = &self.text[self.at..];
        let quote = &rest[..1];
        let long = quote.repeat(3);
        let quote = if rest.starts_with(&long) { long.as_str() } else { quote };
        let mut out = String::new();
        let mut chars = rest[quote.len()..].char_indices();
        while let Some((at, next)) = chars.next() {
            if rest[quote.len() + at..].starts_with(quote) {
                self.at += quote.len() + at + quote.len();
                return out;
            }
            match next {
                '\\' if quote.starts_with('"') => out.extend(chars.next().map(|(_, escaped)| escaped)),
                next => out.push(next),
            }
        }
        self.at = self.text.len();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_cargo_writes() {
        let text = "# comment\n[package]\nname = \"app\" # here\nedition.workspace = true\n\n[dependencies]\n\
            kit = { package = \"helper\", path = \"../helper\", features = [\"a\", # one\n \"b\"] }\n\
            serde = \"1\"\n\"quoted-name\".version = '2'\n[target.'cfg(unix)'.dependencies.nix]\nversion = \"1\"\n[[bin]]\nname = \"one\"\n[[bin]]\nname = \"two\"\n";
        let found = parse(text);
        for (key, value) in [
            ("package.name", "app"),
            ("package.edition.workspace", "true"),
            ("dependencies.kit.package", "helper"),
            ("dependencies.kit.features.1", "b"),
            ("dependencies.serde", "1"),
            ("dependencies.quoted-name.version", "2"),
            ("target.cfg(unix).dependencies.nix.version", "1"),
            ("bin.1.name", "two"),
        ] {
            assert_eq!(found.get(key).map(String::as_str), Some(value), "{key}");
        }
    }

    #[test]
    fn survives_what_is_no_toml() {
        for text in ["[", "a = [", "a = {", "a = \"", "= 1", "a = [[[[", "\u{feff}[x]\na=1", "a = {b = [}", "é = 'ö"]
        {
            parse(text);
        }
        parse(&format!("a = {}", "[".repeat(100_000)));
        parse(&format!("a = {}", "{a=".repeat(100_000)));
    }
}
