//! A crate of the user's own that the pipeline depends on.

mod inner {
    pub fn deep(n: u32) -> u32 {
        n + 80
    }

    pub fn unused(n: u32) -> u32 {
        n + 90
    }
}

pub fn helped(n: u32) -> u32 {
    inner::deep(n)
}

pub fn idle(n: u32) -> u32 {
    inner::unused(n)
}
