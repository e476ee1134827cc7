//! Testing a pipeline: each test has a lake of its own, which goes when the test ends.
//!
//! ```text
//! cargo test --example testing
//! ```

use datlake::{File, Lake, Result, file_creator};

fn is_whole(line: &str) -> bool {
    line.split(',').count() == 3 && !line.split(',').any(str::is_empty)
}

/// The lines that have all their fields.
#[file_creator]
fn clean(raw: &File) -> Result<File> {
    let text = raw.read_to_string()?;
    let lines: Vec<&str> = text.lines().filter(|line| is_whole(line)).collect();
    File::from_bytes("clean.csv", lines.join("\n"))
}

#[file_creator]
fn rows(table: &File) -> Result<usize> {
    Ok(table.read_to_string()?.lines().count())
}

fn main() -> Result<()> {
    let lake = Lake::current()?;
    let raw = lake.add_bytes("examples/testing.csv", "a,b,c\n1,2,\n1,2,3\n")?;
    println!("{} whole lines", rows(&clean(&raw)?)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use datlake::{Event, Status};

    use super::*;

    #[test]
    fn lines_with_holes_are_left_out() -> Result<()> {
        let lake = Lake::temp()?;
        let raw = lake.add_bytes("raw.csv", "a,b,c\n1,2,\n1,2,3\n")?;
        // A creator with a file as argument uses the lake of that file.
        assert_eq!(clean(&raw)?.read_to_string()?, "a,b,c\n1,2,3");
        Ok(())
    }

    #[test]
    fn the_same_bytes_stop_what_comes_after() -> Result<()> {
        let lake = Lake::temp()?;
        let ran = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&ran);
        lake.observe(move |event| {
            if let Event::Executed { .. } = event {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let one = lake.add_bytes("one.csv", "1,2,3\n4,5,\n")?;
        let two = lake.add_bytes("two.csv", "1,2,3\n,,\n")?;
        assert_eq!(rows(&clean(&one)?)?, 1);
        assert_eq!(ran.load(Ordering::Relaxed), 2);
        // Another file, of which the first step makes the same: the second is found.
        assert_eq!(rows(&clean(&two)?)?, 1);
        assert_eq!(ran.load(Ordering::Relaxed), 3);
        Ok(())
    }

    #[test]
    fn what_would_run_can_be_asked() -> Result<()> {
        let lake = Lake::temp()?;
        let raw = lake.add_bytes("raw.csv", "1,2,3\n")?;
        assert_eq!(clean::call(&raw).status()?, Status::Missing);
        clean(&raw)?;
        assert_eq!(clean::call(&raw).status()?, Status::Cached);
        Ok(())
    }
}
