//! Names that somebody may have meant.

/// Up to three names that somebody who typed `wanted` may have meant.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    const LOOK_AT: usize = 20_000;
    let last = |name: &str| name.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
    let wanted_last = last(wanted);
    let mut scored: Vec<(f64, &str)> = names
        .into_iter()
        .take(LOOK_AT)
        .map(|name| {
            let whole = strsim::jaro_winkler(wanted, name);
            let last = strsim::jaro_winkler(&wanted_last, &last(name));
            (whole.max(last * 0.98), name)
        })
        .filter(|(score, _)| *score > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, name)| format!("`{name}`")).collect()
}
