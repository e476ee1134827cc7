//! Steps whose text stays what it is, while a name in it comes to mean another thing.

use datlake::{Result, file_creator};

mod pair {
    use datlake::tracked;

    #[tracked]
    pub fn double(n: u32) -> u32 {
        n * 2
    }

    #[tracked]
    pub fn triple(n: u32) -> u32 {
        n * 3
    }
}

use pair::{double as a, triple as b};

#[file_creator(depends_on(a, b))]
pub fn aliased(n: u32) -> Result<(u32, u32)> {
    Ok((a(n), b(n)))
}

mod left {
    use datlake::tracked;

    #[tracked]
    const STEP: u32 = 1;

    #[tracked(depends_on(STEP))]
    pub fn pick(n: u32) -> u32 {
        n + STEP
    }
}

mod right {
    use datlake::tracked;

    #[tracked]
    const STEP: u32 = 2;

    #[tracked(depends_on(STEP))]
    pub fn pick(n: u32) -> u32 {
        n + STEP
    }
}

use left::pick;

#[file_creator(depends_on(pick))]
pub fn imported(n: u32) -> Result<u32> {
    Ok(pick(n))
}

#[file_creator]
pub fn argument(count: u32) -> Result<u32> {
    Ok(count)
}
