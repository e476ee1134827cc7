//! A pipeline whose every step is the subject of one edit.
//!
//! Says what happened to each step, and what it returned.

mod chain;
mod code;
mod embedded;
mod found;
mod here;
mod holes;
mod names;
mod neutral;
mod shapes;
mod there;

use std::fmt::Debug;

use datlake::{ErrorKind, Event, Lake, Result};

fn main() -> Result<()> {
    let [home, remote] = [1, 2].map(|nth| std::env::args().nth(nth).expect("the home and the remote of a lake"));
    let lake = Lake::builder().home(home).remote(remote).email("ada@example.org").open()?;
    lake.observe(|event| match event {
        Event::Hit(call) => println!("skipped {}", call.function()),
        Event::Executed { call, .. } => println!("ran {}", call.function()),
        Event::Failed { call, .. } => println!("failed {}", call.function()),
        Event::Newer { file } => println!("newer {file}"),
        Event::Started(_) | Event::Calls { .. } | Event::Downloading { .. } | Event::NewRemote { .. } => {}
        Event::Downloaded { file, .. } => println!("downloaded {file}"),
        other => println!("unexpected {other:?}"),
    });
    let _current = lake.enter();

    told("documented", neutral::documented(10));
    told("commented", neutral::commented(10));
    told("formatted", neutral::formatted(&[1, 2]));
    told("allowed", neutral::allowed(10));
    told("listing", neutral::listing(1, 2));
    told("ordered", neutral::ordered(10));
    told("shown", neutral::shown(10));
    told("enclosing", neutral::enclosing(10));

    told("body", code::body(10));
    told("helped", code::helped(10));
    told("helped_deeply", code::helped_deeply(10));
    told("limited", code::limited(10));
    told("looked_up", code::looked_up(1));
    told("sized", code::sized());
    told("mean", code::mean(&[1.0, 3.0]));
    told("nested", code::nested(10));
    told("nesting", code::nesting(10));
    told("pinned", code::pinned(10));
    told("released", code::released(10));

    told("aliased", names::aliased(10));
    told("imported", names::imported(10));
    told("argument", names::argument(10));
    told("moved", here::moved(10));
    told("moved_by_name", here::moved_by_name(10));

    told("range", shapes::range(10));
    told("season", shapes::season(100));
    told("tracked_range", shapes::tracked_range(10));

    told("included", embedded::included());
    told("included_below", embedded::included_below());
    told("region", embedded::region());
    told("scale", embedded::scale());
    told("gated", embedded::gated());
    told("gated_value", embedded::gated_value());
    told("gated_helper", embedded::gated_helper());

    found_by_itself();
    told("declared", holes::declared(10));
    told("declared_below", holes::declared_below(10));

    let raw = match lake.file("raw.txt") {
        Err(error) if error.kind() == ErrorKind::NotFound => lake.add_bytes("raw.txt", "one two three")?,
        found => found?,
    };
    let (lines, capitals) = (chain::lines(&raw)?, chain::capitals(&raw)?);
    let (count, first) = (chain::count(&lines)?, chain::first(&capitals)?);
    let report = chain::report(&count, &first)?;
    told("lines", Ok(lines.len()));
    told("capitals", Ok(capitals.len()));
    told("count", Ok(count.len()));
    told("first", Ok(first.len()));
    told("report", Ok(report.read_to_string()?));
    Ok(())
}

fn found_by_itself() {
    told("method", found::method(10));
    told("implementation", found::implementation(10));
    told("other_implementation", found::other_implementation(10));
    told("dynamic", found::dynamic(10));
    told("expanded", found::expanded(10));
    told("constant", found::constant(10));
    told("lazy", found::lazy(1));
    told("threaded", found::threaded(10));
    told("operator", found::operator(10));
    told("alone", found::alone(10));
    told("shipped", found::shipped(10));
    told("shipped_own", found::shipped_own(10));
    told("untouched", found::untouched(10));
}

fn told<T: Debug>(step: &str, returned: Result<T>) {
    match returned {
        Ok(value) => println!("{step} = {value:?}"),
        Err(error) => println!("{step} = {:?}: {error}", error.kind()),
    }
}
