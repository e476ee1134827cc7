//! Routes with their rights, from which the OpenAPI document is made.

use aide::axum::ApiRouter;
use aide::axum::routing as documented;
use aide::openapi::OpenApi;
use aide::operation::{OperationHandler, OperationInput, OperationOutput};
use aide::transform::TransformOperation;
use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;

use super::right::{Guard, Right, guard};
use crate::app::App;

/// Routes with their rights. There is no way to add one without a right.
pub(crate) struct Routes {
    app: App,
    router: ApiRouter<App>,
}

/// One method each.
macro_rules! methods {
    ($($name:ident $documented:ident)*) => {
        $(
            pub(crate) fn $name<H, I, O, T>(mut self, path: &str, right: Right, what: &str, handler: H) -> Self
            where
                H: Handler<T, App> + OperationHandler<I, O>,
                I: OperationInput,
                O: OperationOutput,
                T: 'static,
            {
                let guard_state = Guard { app: self.app.clone(), right };
                let method = documented::$documented(handler, |operation| describe(operation, right, what));
                self.router = self.router.api_route(path, method.route_layer(from_fn_with_state(guard_state, guard)));
                self
            }
        )*
    };
}

impl Routes {
    pub(crate) fn new(app: &App) -> Self {
        Self { app: app.clone(), router: ApiRouter::new() }
    }

    methods! {
        get get_with
        head head_with
        post post_with
        put put_with
        delete delete_with
    }

    /// Those of `other` as well, behind `path`.
    pub(crate) fn nest(mut self, path: &str, other: Self) -> Self {
        self.router = self.router.nest(path, other.router);
        self
    }

    /// The router, and the document.
    pub(crate) fn finish(self) -> (Router, OpenApi) {
        let mut document = OpenApi::default();
        let router = self.router.with_state(self.app).finish_api_with(&mut document, |document| {
            let document = document.title("datlake").version(env!("CARGO_PKG_VERSION"));
            let document = document.description("Repositories of a lake, as clients of lakeFS speak to them.");
            document.security_scheme("basic", scheme("basic")).security_scheme("token", scheme("bearer"))
        });
        // A parameter that takes the rest of a path is one like others there.
        if let Some(paths) = &mut document.paths {
            paths.paths = std::mem::take(&mut paths.paths)
                .into_iter()
                .map(|(path, item)| (path.replace("{*", "{"), item))
                .collect();
        }
        (router, document)
    }
}

fn scheme(scheme: &str) -> aide::openapi::SecurityScheme {
    aide::openapi::SecurityScheme::Http {
        scheme: scheme.to_owned(),
        bearer_format: None,
        description: None,
        extensions: Default::default(),
    }
}

fn describe<'t>(operation: TransformOperation<'t>, right: Right, what: &str) -> TransformOperation<'t> {
    let mut operation = operation.summary(what);
    operation.inner_mut().extensions.insert("x-datlake-right".to_owned(), right.word().into());
    operation.inner_mut().extensions.insert("x-datlake-right-on".to_owned(), right.on().into());
    match right {
        Right::Open => operation,
        _ => operation.security_requirement("basic").security_requirement("token"),
    }
}
