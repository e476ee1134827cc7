//! The weather of two cities: from raw tables to a report with charts.
//!
//! Run it twice: the second time nothing executes. Edit a comment: still nothing. Edit `stats`: what depends on it runs, and
//! no more than that.
//!
//! ```text
//! cargo run --example weather
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use datlake::{CallId, Error, ErrorKind, Event, File, Lake, Result, Tree, file_creator};
use serde::{Deserialize, Serialize};
use stats::Summary;

// ---- 1. Parse and check

/// What passed the checks, one `date,value` on a line, and how many rows did not.
#[derive(Debug, Serialize, Deserialize)]
struct Checked {
    table: File,
    left_out: usize,
}

/// Reading comma-separated tables.
mod table {
    /// Dates and the numbers of another column, line by line; `None` for a line where either is missing or wrong.
    pub(crate) fn read<'a>(text: &'a str, column: &str) -> Option<impl Iterator<Item = Option<(&'a str, f64)>>> {
        let mut lines = text.lines();
        let head: Vec<&str> = lines.next()?.split(',').collect();
        let [date, value] = ["date", column].map(|name| head.iter().position(|field| *field == name));
        let (date, value) = (date?, value?);
        Some(lines.map(move |line| {
            let fields: Vec<&str> = line.split(',').collect();
            let number = fields.get(value)?.parse().ok().filter(|number: &f64| number.is_finite())?;
            Some((*fields.get(date).filter(|date| month(date).is_some())?, number))
        }))
    }

    /// The month of a date like `2010/01/31`, from 1.
    pub(crate) fn month(date: &str) -> Option<usize> {
        let mut parts = date.split('/');
        let (_year, month) = (parts.next()?.parse::<u16>().ok()?, parts.next()?.parse().ok()?);
        (1..=12).contains(&month).then_some(month)
    }
}

fn no_column(file: &File, name: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("`{file}` is no table with the columns `date` and `{name}`"))
}

/// Hourly temperatures in °C, from a table in °F whose columns may stand in any order.
#[file_creator]
async fn temperatures(raw: &File) -> Result<Checked> {
    let text = raw.read_to_string_async().await?;
    let (mut table, mut left_out) = (String::new(), 0);
    for row in table::read(&text, "temp").ok_or_else(|| no_column(raw, "temp"))? {
        match row.map(|(date, fahrenheit)| (date, (fahrenheit - 32.0) / 1.8)) {
            Some((date, celsius)) if celsius.abs() < 60.0 => table += &format!("{date},{celsius:.2}\n"),
            _ => left_out += 1,
        }
    }
    Ok(Checked { table: File::from_bytes_async("temperatures.csv", table).await?, left_out })
}

/// Daily rain in mm.
#[file_creator]
fn rainfall(raw: &File) -> Result<Checked> {
    use std::io::Write as _;

    let (mut table, mut left_out) = (File::create("rain.csv")?, 0);
    for row in table::read(&raw.read_to_string()?, "precipitation").ok_or_else(|| no_column(raw, "precipitation"))? {
        match row {
            Some((date, rain)) if rain >= 0.0 => writeln!(table, "{date},{rain}")?,
            _ => left_out += 1,
        }
    }
    Ok(Checked { table: table.finish()?, left_out })
}

// ---- 2. Statistics, month by month

/// What many numbers come to. Edit this, and see what runs again.
mod stats {
    use serde::{Deserialize, Serialize};

    /// A mean, and the bounds within which most numbers are.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(crate) struct Summary {
        pub(crate) mean: f64,
        pub(crate) low: f64,
        pub(crate) high: f64,
    }

    impl Summary {
        /// Leaves a tenth of the numbers outside the bounds on each side. Of no numbers there is none.
        pub(crate) fn of(mut numbers: Vec<f64>) -> Option<Self> {
            numbers.sort_by(f64::total_cmp);
            let last = numbers.len().checked_sub(1)?;
            let at = |part: f64| numbers[(last as f64 * part).round() as usize];
            Some(Self { mean: mean(&numbers), low: at(0.1), high: at(0.9) })
        }
    }

    fn mean(numbers: &[f64]) -> f64 {
        numbers.iter().sum::<f64>() / numbers.len() as f64
    }
}

fn empty(table: &File, month: usize) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("`{table}` has nothing of month {month}"))
}

/// The temperatures of one month.
#[file_creator]
fn monthly_temperature(table: &File, month: usize) -> Result<Summary> {
    let text = table.read_to_string()?;
    let rows = text.lines().filter_map(|line| line.split_once(','));
    let of_month = rows.filter(|(date, _)| table::month(date) == Some(month));
    Summary::of(of_month.filter_map(|(_, celsius)| celsius.parse().ok()).collect()).ok_or_else(|| empty(table, month))
}

/// The rain of one month, over the years.
#[file_creator]
async fn monthly_rain(table: &File, month: usize) -> Result<Summary> {
    let text = table.read_to_string_async().await?;
    let mut years = std::collections::BTreeMap::<&str, f64>::new();
    for (date, rain) in text.lines().filter_map(|line| line.split_once(',')) {
        if table::month(date) == Some(month) {
            *years.entry(&date[..4]).or_default() += rain.parse().unwrap_or(0.0);
        }
    }
    Summary::of(years.into_values().collect()).ok_or_else(|| empty(table, month))
}

// ---- 3. Two cities compared

/// A name, and a year.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Year {
    name: String,
    months: Vec<Summary>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Comparison {
    /// In how many months the second is the warmer one.
    warmer: usize,
    /// Where the means are farthest apart: the month, from 0, and by how many degrees the second is warmer.
    widest: (usize, f64),
}

#[file_creator]
fn compare(first: &Year, second: &Year) -> Result<Comparison> {
    let gaps: Vec<f64> =
        second.months.iter().zip(&first.months).map(|(second, first)| second.mean - first.mean).collect();
    let widest = gaps.iter().copied().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap_or_default();
    Ok(Comparison { warmer: gaps.iter().filter(|gap| **gap > 0.0).count(), widest })
}

// ---- 4. Charts

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Line charts of a year, as SVG.
mod svg {
    use super::{MONTHS, Summary, Year};

    const COLOURS: [&str; 3] = ["#2563a8", "#d9622b", "#3c8d5a"];
    /// Where the plot begins and ends.
    const LEFT: f64 = 64.0;
    const RIGHT: f64 = 736.0;
    const TOP: f64 = 84.0;
    const BOTTOM: f64 = 376.0;

    pub(crate) fn chart(title: &str, subtitle: &str, years: &[Year]) -> String {
        let months = || years.iter().flat_map(|year| &year.months);
        let ticks = ticks(
            months().map(|month| month.low).fold(0.0, f64::min),
            months().map(|month| month.high).fold(0.0, f64::max),
        );
        let (lowest, highest) = (ticks[0], ticks[ticks.len() - 1]);
        let x = |month: usize| LEFT + (month as f64 + 0.5) * (RIGHT - LEFT) / MONTHS.len() as f64;
        let y = |value: f64| BOTTOM - (value - lowest) / (highest - lowest) * (BOTTOM - TOP);

        let mut out = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 760 420' width='760' height='420' \
             font-family='Helvetica, Arial, sans-serif' font-size='12' fill='#5d6773' role='img' aria-label='{title}'>\n\
             <rect width='760' height='420' fill='white'/>\n\
             <text x='24' y='34' font-size='19' font-weight='bold' fill='#1a1f26'>{title}</text>\n\
             <text x='24' y='56' font-size='13'>{subtitle}</text>\n"
        );
        for tick in ticks {
            let (y, colour) = (y(tick), if tick == 0.0 { "#98a2ae" } else { "#e4e8ec" });
            out += &format!("<path d='M{LEFT} {y:.1}H{RIGHT}' stroke='{colour}'/>");
            out += &format!("<text x='{:.1}' y='{:.1}' text-anchor='end'>{tick}</text>\n", LEFT - 10.0, y + 4.0);
        }
        for (at, month) in MONTHS.iter().enumerate() {
            out += &format!("<text x='{:.1}' y='{:.1}' text-anchor='middle'>{month}</text>\n", x(at), BOTTOM + 22.0);
        }
        let points = |year: &Year, value: fn(&Summary) -> f64| {
            let values = year.months.iter().map(value).enumerate();
            values.map(|(at, value)| format!("{:.1},{:.1}", x(at), y(value))).collect::<Vec<_>>()
        };
        let coloured: Vec<_> = years.iter().zip(COLOURS.iter().cycle()).collect();
        for (year, colour) in &coloured {
            let (mut band, lows) = (points(year, |month| month.high), points(year, |month| month.low));
            band.extend(lows.into_iter().rev());
            out += &format!("<polygon points='{}' fill='{colour}' fill-opacity='.14'/>\n", band.join(" "));
        }
        let mut legend = RIGHT;
        for (year, colour) in coloured.iter().rev() {
            let mean = points(year, |month| month.mean).join(" ");
            out += &format!("<polyline points='{mean}' fill='none' stroke='{colour}' stroke-width='2.5'/>\n");
            for (at, (name, month)) in MONTHS.iter().zip(&year.months).enumerate() {
                let hint = format!("<title>{}, {name}: {:.1}</title>", year.name, month.mean);
                let (x, y) = (x(at), y(month.mean));
                out += &format!("<circle cx='{x:.1}' cy='{y:.1}' r='3.5' fill='{colour}'>{hint}</circle>\n");
            }
            let look = format!("text-anchor='end' font-size='13' fill='{colour}'");
            out += &format!("<text x='{legend}' y='34' {look}>● {}</text>\n", year.name);
            legend -= 40.0 + 7.0 * year.name.len() as f64;
        }
        out + "</svg>\n"
    }

    /// Round numbers from at most `low` to at least `high`, at equal distances.
    fn ticks(low: f64, high: f64) -> Vec<f64> {
        let rough = ((high - low) / 6.0).max(f64::MIN_POSITIVE);
        let power = 10_f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let (first, last) = ((low / step).floor() as i32, ((high / step).ceil() as i32));
        (first..=last).map(|at| f64::from(at) * step).collect()
    }
}

/// One line and one band for each year.
#[file_creator]
fn chart(name: &str, title: &str, subtitle: &str, years: &[Year]) -> Result<File> {
    File::from_bytes(name, svg::chart(title, subtitle, years))
}

// ---- 5. A report, and all that belongs to it

/// Words, a table and the charts, in Markdown.
#[file_creator]
fn report(first: &Year, second: &Year, comparison: &Comparison, charts: &[File]) -> Result<File> {
    use std::io::Write as _;

    let (Comparison { warmer, widest: (month, gap) }, mut out) = (comparison, File::create("report.md")?);
    writeln!(out, "# {} and {}\n", first.name, second.name)?;
    write!(out, "{} is the warmer one in {warmer} of 12 months. ", second.name)?;
    writeln!(out, "They are farthest apart in {}: by {gap:+.1} °C.\n", MONTHS[*month])?;
    for chart in charts {
        writeln!(out, "![{0}]({0})\n", chart.name())?;
    }
    writeln!(out, "| mean in °C | {} | {} |\n|---|---:|---:|", first.name, second.name)?;
    for (month, (first, second)) in MONTHS.iter().zip(first.months.iter().zip(&second.months)) {
        writeln!(out, "| {month} | {:.1} | {:.1} |", first.mean, second.mean)?;
    }
    out.finish()
}

/// A line for each file by which those who know the key can tell that nobody else wrote it.
#[file_creator]
fn seal(files: &[&File], #[secret] key: &str) -> Result<File> {
    let key = blake3::derive_key("datlake example weather 2026-11-21 seal", key.as_bytes());
    let line = |file: &&File| Ok(format!("{}  {}\n", blake3::keyed_hash(&key, &file.read()?), file.name()));
    File::from_bytes("SEAL", files.iter().map(line).collect::<Result<String>>()?)
}

/// The folder that one would send to somebody.
#[file_creator]
fn publish(files: &[&File]) -> Result<Tree> {
    let mut tree = Tree::create("weather-report")?;
    for file in files {
        tree.add(file.name(), file)?;
    }
    tree.finish()
}

// ---- All of it

#[tokio::main]
async fn main() -> Result<()> {
    let lake = Lake::current()?;
    let tally = Tally::of(&lake);

    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let raw = |name: &str| lake.add_path(&format!("weather/{name}"), format!("{data}/{name}"));
    let (seattle, san_francisco) = (raw("seattle-temps.csv")?, raw("sf-temps.csv")?);
    let (seattle, san_francisco) = tokio::try_join!(temperatures(&seattle), temperatures(&san_francisco))?;
    let rain = rainfall(&raw("seattle-weather.csv")?)?;

    let year = |name: &str, table: &File| -> Result<Year> {
        let months = monthly_temperature::calls((1..=12).map(|month| (table, month))).run()?;
        Ok(Year { name: name.to_owned(), months })
    };
    let first = year("Seattle", &seattle.table)?;
    let second = year("San Francisco", &san_francisco.table)?;
    let rain = monthly_rain::calls((1..=12).map(|month| (&rain.table, month))).run().await?;
    let rain = Year { name: "Seattle".to_owned(), months: rain };

    let comparison = compare(&first, &second)?;
    let subtitle = "°C in 2010, month by month: mean, and where four hours of five lie";
    let temperature = chart("temperature.svg", "Temperature", subtitle, &[first.clone(), second.clone()])?;
    let subtitle = "mm in 2012–2015, month by month: mean, driest and wettest";
    let rain = chart("rain.svg", "Rain in Seattle", subtitle, &[rain])?;
    let charts = [temperature, rain];
    let report = report(&first, &second, &comparison, &charts)?;
    let files: Vec<&File> = charts.iter().chain([&report]).collect();
    let key = std::env::var("WEATHER_KEY").unwrap_or_else(|_| "not very secret".to_owned());
    let seal = seal(&files, &key)?;
    let folder = publish(&[&files[..], &[&seal]].concat())?;

    tally.print(&lake)?;
    println!("made     {}", folder.names()?.join(", "));
    if let Some(uid) = folder.uid() {
        println!("\ncargo run -qp datlake-cli -- get {uid} weather-report");
    }
    Ok(())
}

/// What became of the calls.
#[derive(Clone, Default)]
struct Tally(Arc<Mutex<Vec<(CallId, bool)>>>);

impl Tally {
    fn of(lake: &Lake) -> Self {
        let tally = Self::default();
        let seen = Arc::clone(&tally.0);
        lake.observe(move |event| {
            let call = match event {
                Event::Executed { call, .. } => (call.clone(), true),
                Event::Hit(call) => (call.clone(), false),
                _ => return,
            };
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        });
        tally
    }

    fn print(&self, lake: &Lake) -> Result<()> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (ran, skipped): (Vec<_>, Vec<_>) = calls.iter().partition(|(_, ran)| *ran);
        let saved: u64 = lake
            .history(None)?
            .calls
            .iter()
            .filter(|call| skipped.iter().any(|(skipped, _)| skipped.key == call.key))
            .filter_map(|call| call.duration_ms)
            .sum();
        println!("ran      {}", in_words(&ran));
        println!("skipped  {}", in_words(&skipped));
        println!("saved    {saved} ms");
        Ok(())
    }
}

/// Calls by function, in the order in which they came.
fn in_words(calls: &[&(CallId, bool)]) -> String {
    let mut functions: Vec<(&str, usize)> = Vec::new();
    for (call, _) in calls {
        match functions.iter_mut().find(|(name, _)| *name == call.function()) {
            Some((_, count)) => *count += 1,
            None => functions.push((call.function(), 1)),
        }
    }
    let words: Vec<String> = functions
        .iter()
        .map(|(name, count)| if *count == 1 { (*name).to_owned() } else { format!("{name} ×{count}") })
        .collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}
