//! What whoever runs a server asks of it: whether its parts are well, what it was started with, and who changed what.

mod routes;

pub(crate) use routes::routes;
