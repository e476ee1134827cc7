//! The function that makes a call whose arguments are read: from its record, or from what somebody says.

use proc_macro2::TokenStream;
use quote::quote;
use syn::visit::{self, Visit};
use syn::visit_mut::VisitMut;
use syn::{Lifetime, Type};

use crate::signature::{Creator, Param, Role};

/// Why the calls of a creator cannot be made again from their records, whatever the types of the parameters can do.
pub(crate) fn why_not(model: &Creator) -> Option<String> {
    if !model.turbofish().is_empty() {
        return Some("it is generic".to_owned());
    }
    model.params.iter().find_map(|param| match param.role {
        Role::Skip => Some(format!("`{}` is not kept: it is marked `#[skip]`", param.key_name)),
        Role::Plain | Role::ByName | Role::Secret if is_static(&param.ty) => {
            Some(format!("`{}` lives as long as the program: its type says `'static`", param.key_name))
        }
        Role::Plain | Role::ByName | Role::Secret => None,
    })
}

/// The function: each argument is read as its type can. What stands behind a reference is read into a box, which slices and texts have as well.
pub(crate) fn function(model: &Creator, p: &TokenStream) -> Option<TokenStream> {
    if why_not(model).is_some() {
        return None;
    }
    let read = model.params.iter().map(|Param { key_name, ident, ty, role, .. }| {
        let mut ty = ty.clone();
        Inferred.visit_type_mut(&mut ty);
        let given = match &ty {
            Type::Reference(reference) => {
                let behind = &reference.elem;
                quote!(::std::boxed::Box<#behind>)
            }
            ty => quote!(#ty),
        };
        let kind = if matches!(role, Role::Secret) { quote!(secret) } else { quote!(plain) };
        quote!(let #ident = (&&#p::ReadArgument::<#given>::new()).read(__given.#kind(#key_name))?;)
    });
    let arguments = model.params.iter().map(|Param { ident, ty, .. }| match ty {
        Type::Reference(_) => quote!(&*#ident),
        _ => quote!(#ident),
    });
    let arguments_read = quote! {
        #[allow(unused_imports)]
        use #p::{ArgumentRead as _, ArgumentUnread as _};
        #(#read)*
    };
    let again = quote!(Self::call(#(#arguments),*).given(__given));
    Some(if model.function.signature.asyncness.is_some() {
        quote! {
            #[doc(hidden)]
            fn __again<'__r>(
                __given: #p::ArgumentSource<'__r>
            ) -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = #p::Remade> + '__r>> {
                ::std::boxed::Box::pin(async move { #arguments_read #again.await })
            }
        }
    } else {
        quote! {
            #[doc(hidden)]
            fn __again(__given: #p::ArgumentSource<'_>) -> #p::Remade { #arguments_read #again }
        }
    })
}

/// Leaves lifetimes to the compiler.
struct Inferred;

impl VisitMut for Inferred {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        *lifetime = Lifetime::new("'_", lifetime.span());
    }

    // Theirs are their own.
    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    fn visit_bound_lifetimes_mut(&mut self, _: &mut syn::BoundLifetimes) {}
    fn visit_expr_mut(&mut self, _: &mut syn::Expr) {}
}

/// Whether a type says that something in it lives as long as the program.
fn is_static(ty: &Type) -> bool {
    struct Static(bool);
    impl<'ast> Visit<'ast> for Static {
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            self.0 |= lifetime.ident == "static";
            visit::visit_lifetime(self, lifetime);
        }
    }
    let mut found = Static(false);
    found.visit_type(ty);
    found.0
}
