//! A library whose step says what its code is.
//!
//! ```
//! CRATE::check();
//! ```

mod steps;

pub use steps::step;

/// Compares with what another build had.
pub fn check() {
    assert_eq!(step::info().code_hash.to_string(), std::env::var("EXPECTED").unwrap());
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_same_in_tests() {
        super::check();
    }
}
