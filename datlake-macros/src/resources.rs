//! `resources(…)`: what a body needs of its machine. No part of any key.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Lit, LitInt, Token};

use crate::errors::Errors;

/// What can be asked for, and how.
const KNOWN: [(&str, &str); 3] = [
    ("cpus", "expected a whole number, as in `cpus = 4`, or a constant"),
    ("gpus", "expected a whole number, as in `gpus = 1`, or a constant"),
    ("memory", "expected a size with its unit, as in `memory = \"16GiB\"`, or a constant number of bytes"),
];

/// What a body asks for, each as a constant expression of type `u64`; of the rest nothing.
#[derive(Default)]
pub(crate) struct Resources([Option<Expr>; 3]);

impl Resources {
    /// Reads the parts of `resources(…)`.
    pub(crate) fn of(parts: Vec<TokenStream>, errors: &mut Errors) -> Self {
        let mut resources = Self::default();
        for part in parts {
            let read = (|input: ParseStream<'_>| {
                let name = Ident::parse_any(input)?;
                Ok((name, input.parse::<TokenStream>()?))
            })
            .parse2(part);
            let Some((name, value)) = errors.take(read) else { continue };
            let Some(at) = KNOWN.iter().position(|(known, _)| name == known) else {
                errors.at(&name, format!("a body asks for `cpus`, `gpus` and `memory`: there is no `{name}`"));
                continue;
            };
            if resources.0[at].is_some() {
                errors.at(&name, format!("`{name}` is given twice"));
                continue;
            }
            resources.0[at] = Some(amount(at, &name, value, errors));
        }
        resources
    }

    /// The constant, where `p` is the module that generated code may use.
    pub(crate) fn expression(&self, p: &TokenStream) -> TokenStream {
        let [cpus, gpus, memory] =
            self.0.each_ref().map(|amount| amount.as_ref().map_or_else(|| quote!(0), Expr::to_token_stream));
        quote!(&const { #p::Resources { cpus: #cpus, gpus: #gpus, memory: #memory } })
    }
}

/// The amount that is assigned to `name`; where it is wrong, that is an error, and one is meant.
fn amount(at: usize, name: &Ident, value: TokenStream, errors: &mut Errors) -> Expr {
    let whole = quote!(#name #value);
    let one = || Expr::Lit(syn::ExprLit { attrs: Vec::new(), lit: Lit::Int(LitInt::new("1", Span::call_site())) });
    let (expected, is_memory) = (KNOWN[at].1, at == 2);
    let assigned = (|input: ParseStream<'_>| {
        input.parse::<Token![=]>()?;
        input.parse::<Expr>()
    })
    .parse2(value);
    let Ok(expression) = assigned else {
        errors.at(whole, expected);
        return one();
    };
    let read = match &expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) if !is_memory => number.base10_parse::<u64>().ok().filter(|_| is_plain(number.suffix())),
            Lit::Str(text) if is_memory => size(&text.value()),
            _ => None,
        },
        Expr::Unary(_) => None,
        _ => return expression,
    };
    match read {
        None => {
            errors.at(&expression, expected);
            one()
        }
        Some(0) => {
            errors.at(&expression, format!("0 asks for nothing: leave `{name}` out"));
            one()
        }
        Some(amount) => {
            let literal = LitInt::new(&format!("{amount}u64"), Span::call_site());
            Expr::Lit(syn::ExprLit { attrs: Vec::new(), lit: Lit::Int(literal) })
        }
    }
}

fn is_plain(suffix: &str) -> bool {
    suffix.is_empty() || suffix == "u64"
}

/// A number of bytes with its unit, by powers of 1024, as the configuration of a lake takes it.
fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit);
    let power = ["k", "m", "g", "t"].iter().position(|known| *known == unit)? + 1;
    number.parse::<u64>().ok()?.checked_mul(1 << (10 * power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [
            ("16GiB", Some(16 << 30)),
            ("500 MB", Some(500 << 20)),
            ("2t", Some(2 << 40)),
            ("16", None),
            ("16 B", None),
            ("", None),
            ("GiB", None),
            ("99999999999TiB", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }
}
