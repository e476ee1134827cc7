//! Whether an item stands in an `impl` or a `trait`.
//!
//! A macro does not know, and the compiler would report items that the user never wrote. So the source is read: braces are
//! counted up to the item, past comments and literals, and the text before the innermost one shows what it opens. In doubt
//! the answer is no, and the compiler reports the mistake.

/// Whether the innermost braces around what begins on `line` (from 1), after `column` characters, are those of an `impl` or
/// a `trait`.
pub(crate) fn is_associated(source: &str, line: usize, column: usize) -> bool {
    let Some(begin) =
        line.checked_sub(1).and_then(|line| source.split_inclusive('\n').nth(line).map(|text| (line, text)))
    else {
        return false;
    };
    let before: usize = source.split_inclusive('\n').take(begin.0).map(str::len).sum();
    let within: usize = begin.1.chars().take(column).map(char::len_utf8).sum();
    let mut text = &source[..before + within];
    // What stands before each open brace, since the last item or statement ended.
    let mut open: Vec<Option<&str>> = Vec::new();
    let mut first_word = None;
    while let Some(next) = text.chars().next() {
        let mut length = next.len_utf8();
        match next {
            '{' => {
                open.push(first_word.take());
            }
            '}' => {
                open.pop();
                first_word = None;
            }
            ';' => first_word = None,
            '"' => length = quoted(text),
            '\'' => length = character(text),
            '/' if text.starts_with("//") => length = text.find('\n').unwrap_or(text.len()),
            '/' if text.starts_with("/*") => length = block_comment(text),
            '#' if text.starts_with("#[") || text.starts_with("#![") => length = attribute(text),
            c if c.is_alphanumeric() || c == '_' => {
                let word = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or(text);
                length = word.len();
                let rest = &text[length..];
                let hashes = rest.len() - rest.trim_start_matches('#').len();
                let raw = matches!(word, "r" | "br" | "cr") && rest[hashes..].starts_with('"');
                if raw {
                    length += raw_quoted(rest, hashes);
                } else if !matches!(word, "unsafe" | "pub" | "crate" | "default" | "auto" | "const")
                    && first_word.is_none()
                {
                    first_word = Some(word);
                }
            }
            _ => {}
        }
        text = &text[length.min(text.len())..];
    }
    matches!(open.last(), Some(Some("impl" | "trait")))
}

/// The length of a string, up to a quote that no backslash escapes.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            '\\' => escaped = !escaped,
            '"' if !escaped => return i + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

fn raw_quoted(text: &str, hashes: usize) -> usize {
    let end = format!("\"{}", "#".repeat(hashes));
    let begin = hashes + 1;
    text[begin..].find(&end).map_or(text.len(), |at| begin + at + end.len())
}

/// The length of a character literal, or of the quote of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            text[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(text.len(), |(i, _)| i + 3)
        }
        Some(_) => match chars.next() {
            Some((i, '\'')) => i + 1,
            _ => 1,
        },
        None => 1,
    }
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of an attribute. Brackets in its strings are rare and balanced.
fn attribute(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        match text.as_bytes()[at] {
            b'"' => {
                at += quoted(&text[at..]);
                continue;
            }
            b'[' => depth += 1,
            b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of `@` in the source.
    fn check(source: &str) -> bool {
        let at = source.find('@').unwrap();
        let line = source[..at].matches('\n').count() + 1;
        let column = source[..at].chars().rev().take_while(|c| *c != '\n').count();
        is_associated(&source.replace('@', ""), line, column)
    }

    #[test]
    fn functions_of_an_impl_or_a_trait_are_recognised() {
        assert!(check("struct A;\nimpl A {\n    @fn f() {}\n}\n"));
        assert!(check(
            "unsafe impl<T> B<'a> for A<T> where T: 'static { fn g() { { } } /// x {\n #[a(\"]\")] pub @fn f() {} }"
        ));
        assert!(check("pub(crate) trait A {\n @fn f() {}\n}"));
        assert!(check(
            "mod m { impl A { const C: char = '}'; const D: &str = r#\"}\"#; /* } /* } */ */ @fn f() {} } }"
        ));
        assert!(check(
            "const Q: char = '\\'';\nconst U: char = '\\u{7d}';\nimpl A { // }\n const é: &str = \"é}\\\"}\"; @fn f() {} }"
        ));
        assert!(!check("@fn f() {}"));
        assert!(!check("impl A {}\n@fn f() {}"));
        assert!(!check("impl A { fn g() { @fn f() {} } }"));
        assert!(!check("mod m {\n impl A { }\n @fn f() {} }"));
        assert!(!check("fn g(x: impl Copy) { @fn f() {} }"));
        assert!(!check("const S: &str = \"impl A {\";\n@fn f() {}"));
        assert!(!check("const S: &str = r\"impl A {\";\n@fn f() {}"));
        assert!(!check("macro_rules! m { () => { @fn f() {} } }"));
    }

    #[test]
    fn nothing_of_a_source_that_changed_meanwhile_panics() {
        for source in ["", "'", "\"", "/*", "#[", "r#\"", "impl A {", "'\\", "}}}", "é'é"] {
            for line in 0..3 {
                for column in 0..12 {
                    is_associated(source, line, column);
                }
            }
        }
    }
}
