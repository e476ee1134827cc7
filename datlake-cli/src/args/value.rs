//! Values with units.

use datlake::report::Given;

/// A number of bytes, as `500`, `20M` or `1GiB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    datlake::config::size(text).ok_or_else(|| "a size is a number of bytes, as 500, 20M or 1G".to_owned())
}

/// What a process is given, as `cpus=4,gpus=1,memory=16GiB`.
pub(super) fn resources(text: &str) -> Result<Given, String> {
    datlake::config::resources(text).map_err(|_| "it may be as cpus=4,gpus=1,memory=16GiB".to_owned())
}

/// A time in seconds.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.001..=1e6).contains(seconds));
    seconds.ok_or_else(|| "a time is a number of seconds above zero".to_owned())
}

/// A resource as it is given: a name, `=` and how much.
pub(super) fn resource(given: &str) -> Result<(String, f64), String> {
    let (name, amount) = given.split_once('=').ok_or("it is NAME=AMOUNT, as tpu=1")?;
    let amount = amount.parse().ok().filter(|amount: &f64| amount.is_finite() && *amount > 0.0);
    let is_own = ["CPU", "GPU", "memory", ""].contains(&name);
    match amount {
        Some(amount) if !is_own => Ok((name.to_owned(), amount)),
        Some(_) => Err("--cpus, --gpus and --memory say that".to_owned()),
        None => Err("the amount is a number above 0".to_owned()),
    }
}
