//! Patterns that a function's documentation can keep showing, because the argument can be put together again from the names
//! they bind.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Expr, Member, Pat, PatIdent, Path, Token, Type, parse_quote};

/// The pattern without `mut`, and the expression that gives the argument back; `None` where the pattern loses something or
/// might bind by reference.
pub(crate) fn rebuilt(pattern: &Pat, ty: &Type) -> Option<(Pat, TokenStream)> {
    match (pattern, ty) {
        // Whatever else the pattern does with the whole, the name is the whole.
        (Pat::Ident(PatIdent { ident, .. }), _) => Some((parse_quote!(#ident), quote!(#ident))),
        (Pat::Paren(pattern), ty) => rebuilt(&pattern.pat, ty),
        (pattern, Type::Paren(ty)) => rebuilt(pattern, &ty.elem),
        (pattern, Type::Group(ty)) => rebuilt(pattern, &ty.elem),
        (Pat::Tuple(pattern), Type::Tuple(ty)) if pattern.elems.len() == ty.elems.len() => {
            let (patterns, values) = each(pattern.elems.iter().zip(&ty.elems))?;
            Some((parse_quote!((#(#patterns,)*)), quote!((#(#values,)*))))
        }
        (Pat::Slice(pattern), Type::Array(ty)) => {
            let (patterns, values) = each(pattern.elems.iter().map(|element| (element, &*ty.elem)))?;
            Some((parse_quote!([#(#patterns),*]), quote!([#(#values),*])))
        }
        (Pat::TupleStruct(pattern), Type::Path(ty)) if pattern.qself.is_none() && same(&pattern.path, &ty.path) => {
            let names = pattern.elems.iter().map(name).collect::<Option<Vec<_>>>()?;
            let path = &pattern.path;
            Some((parse_quote!(#path(#(#names),*)), quote!(#path(#(#names),*))))
        }
        (Pat::Struct(pattern), Type::Path(ty))
            if pattern.qself.is_none() && pattern.rest.is_none() && same(&pattern.path, &ty.path) =>
        {
            let mut fields = Punctuated::<TokenStream, Token![,]>::new();
            for field in &pattern.fields {
                let name = name(&field.pat)?;
                let member = &field.member;
                fields.push(match member {
                    Member::Named(member) if member == name => quote!(#name),
                    _ => quote!(#member: #name),
                });
            }
            let path = &pattern.path;
            Some((parse_quote!(#path { #fields }), quote!(#path { #fields })))
        }
        _ => None,
    }
}

fn each<'a>(parts: impl Iterator<Item = (&'a Pat, &'a Type)>) -> Option<(Vec<Pat>, Vec<TokenStream>)> {
    let parts = parts.map(|(pattern, ty)| match pattern {
        Pat::Ident(_) => name(pattern).and_then(|_| rebuilt(pattern, ty)),
        pattern => rebuilt(pattern, ty),
    });
    Some(parts.collect::<Option<Vec<_>>>()?.into_iter().unzip())
}

/// The name of a binding by value.
fn name(pattern: &Pat) -> Option<&proc_macro2::Ident> {
    match pattern {
        Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) => Some(ident),
        _ => None,
    }
}

/// Whether pattern and type name the same thing, so that the argument is no reference to it.
fn same(pattern: &Path, ty: &Path) -> bool {
    match (pattern.segments.last(), ty.segments.last()) {
        (Some(pattern), Some(ty)) => pattern.ident == ty.ident,
        _ => false,
    }
}

/// What binds the names of `pattern` to the parts of the argument called `argument`, for expressions that only look.
pub(crate) fn borrowed(pattern: &Pat, argument: &proc_macro2::Ident) -> TokenStream {
    use syn::visit_mut::{self, VisitMut};
    struct Plain;
    impl VisitMut for Plain {
        fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
            (pattern.by_ref, pattern.mutability) = (None, None);
            visit_mut::visit_pat_ident_mut(self, pattern);
        }
    }
    let by_value = matches!(pattern, Pat::Reference(_));
    let mut pattern = pattern.clone();
    Plain.visit_pat_mut(&mut pattern);
    let argument: Expr = if by_value { parse_quote!(#argument) } else { parse_quote!(&#argument) };
    quote!(let #pattern = #argument;)
}
