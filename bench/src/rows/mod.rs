//! The rows of the table, one file each.

mod add;
mod cold;
mod far;
mod find;
mod first;
mod growth;
mod hit;
mod large;
mod peers;
mod same;
mod sent;
pub(crate) mod serving;
mod share;
mod tasks;
mod tree;
mod versions;

use crate::any_result::AnyResult;
use crate::measure::Bench;

type Row = fn(&mut Bench) -> AnyResult<()>;

/// All rows, in the order of the table.
pub(crate) const ALL: &[(&str, Row)] = &[
    ("hit", hit::run),
    ("same", same::run),
    ("first", first::run),
    ("peers", peers::run),
    ("cold", cold::run),
    ("tasks", tasks::run),
    ("growth", growth::run),
    ("find", find::run),
    ("sent", sent::run),
    ("large", large::run),
    ("add", add::run),
    ("tree", tree::run),
    ("committed", tree::run_committed),
    ("versions", versions::run),
    ("serving", serving::run),
    ("far", far::run),
    ("share", share::run),
];
