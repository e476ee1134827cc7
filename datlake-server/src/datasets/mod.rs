//! Content of the lake over HTTP: what is put at a path of a bucket is the file of the lake that is called `BUCKET/PATH`.

mod routes;

pub(crate) use routes::{content_of, routes};
