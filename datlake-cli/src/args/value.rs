//! Values with units.

/// A number of bytes, as `500`, `20M` or `1GiB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    datlake::config::size(text).ok_or_else(|| "a size is a number of bytes, as 500, 20M or 1G".to_owned())
}

/// A time in seconds.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.001..=1e6).contains(seconds));
    seconds.ok_or_else(|| "a time is a number of seconds above zero".to_owned())
}
