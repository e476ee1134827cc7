//! Running pairs of programs, and what came of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::any_result::AnyResult;

/// What a program says of itself when it is done.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    /// Resident memory at its highest, in bytes; 0 where it is not known.
    pub(crate) peak: u64,
}

/// One line of the table.
pub(crate) struct Line {
    pub(crate) row: String,
    pub(crate) what: String,
    pub(crate) bar: String,
    /// Ours and the floor, as they are shown.
    pub(crate) costs: Option<(String, String)>,
    /// Lowest, median and highest ratio of the pairs.
    pub(crate) ratio: Option<[f64; 3]>,
    /// Why there is none, or what else there is to say.
    pub(crate) note: String,
}

/// A curve of costs against sizes.
pub(crate) struct Curve {
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) series: Vec<(String, Vec<(f64, f64)>)>,
}

/// All that was measured so far.
pub(crate) struct Bench {
    pub(crate) lines: Vec<Line>,
    pub(crate) curves: Vec<Curve>,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) quick: bool,
    /// The machine's load before it began.
    pub(crate) load: String,
    row: String,
    /// Whether three pairs of the row are enough.
    few: bool,
}

impl Bench {
    pub(crate) fn new(quick: bool, load: String) -> AnyResult<Self> {
        // Beside the build: a temporary directory may be memory, where a sync costs nothing.
        let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target");
        std::fs::create_dir_all(&target)?;
        let dir = tempfile::Builder::new().prefix("bench").tempdir_in(target.canonicalize()?)?;
        Ok(Self { lines: Vec::new(), curves: Vec::new(), dir, quick, load, row: String::new(), few: false })
    }

    pub(crate) fn begin(&mut self, row: &str) {
        self.row = row.to_owned();
        self.few = false;
    }

    /// Three pairs of this row are enough: its peers take minutes.
    pub(crate) fn takes_minutes(&mut self) {
        self.few = true;
    }

    /// An empty folder for a row.
    pub(crate) fn folder(&self, name: &str) -> AnyResult<PathBuf> {
        let folder = self.dir.path().join(name);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => std::fs::create_dir_all(&folder)?,
        }
        Ok(folder)
    }

    /// `full`, or a tenth of it in a quick run.
    pub(crate) fn size(&self, full: u64) -> u64 {
        if self.quick { full / 10 } else { full }
    }

    /// How often a pair runs.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick || self.few { 3 } else { 7 }
    }

    pub(crate) fn left_out(&mut self, why: &str) {
        eprintln!("  left out: {why}");
        let (row, note) = (self.row.clone(), format!("not run: {why}"));
        self.lines.push(Line { row, what: String::new(), bar: String::new(), costs: None, ratio: None, note });
    }

    /// A figure that is compared with a bar of its own.
    pub(crate) fn figure(&mut self, what: &str, bar: &str, figure: String, note: &str) {
        eprintln!("  {what}: {figure} {note}");
        let costs = Some((figure, String::new()));
        let (row, what, bar, note) = (self.row.clone(), what.to_owned(), bar.to_owned(), note.to_owned());
        self.lines.push(Line { row, what, bar, costs, ratio: None, note });
    }

    /// Runs two programs in turn; what they cost is divided by `per` for what is shown.
    pub(crate) fn pairs(
        &mut self,
        what: &str,
        bar: &str,
        per: u64,
        mut ours: impl FnMut() -> AnyResult<Cost>,
        mut floor: impl FnMut() -> AnyResult<Cost>,
    ) -> AnyResult<(f64, f64)> {
        let (mut us, mut least, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.rounds() {
            // Whoever is first may find what the other left in the caches.
            let (ours, floor) = match round % 2 {
                0 => {
                    let ours = ours()?;
                    (ours, floor()?)
                }
                _ => {
                    let floor = floor()?;
                    (ours()?, floor)
                }
            };
            us.push(ours.seconds / per as f64);
            least.push(floor.seconds / per as f64);
            ratios.push(ours.seconds / floor.seconds);
        }
        Ok(self.line(what, bar, us, least, ratios))
    }

    /// Costs that were measured in pairs, ours first.
    pub(crate) fn compared(&mut self, what: &str, bar: &str, pairs: &[(f64, f64)]) {
        let (us, least) = pairs.iter().copied().unzip();
        self.line(what, bar, us, least, pairs.iter().map(|(us, least)| us / least).collect());
    }

    fn line(&mut self, what: &str, bar: &str, us: Vec<f64>, least: Vec<f64>, ratios: Vec<f64>) -> (f64, f64) {
        let [us, least, ratio] = [us, least, ratios].map(spread);
        let costs = Some((time(us[1]), time(least[1])));
        eprintln!("  {what}: {} against {}: {:.2}", time(us[1]), time(least[1]), ratio[1]);
        let (row, what, bar) = (self.row.clone(), what.to_owned(), bar.to_owned());
        self.lines.push(Line { row, what, bar, costs, ratio: Some(ratio), note: String::new() });
        (us[1], least[1])
    }
}

/// Lowest, median and highest.
fn spread(mut all: Vec<f64>) -> [f64; 3] {
    all.sort_by(f64::total_cmp);
    [all[0], all[all.len() / 2], all[all.len() - 1]]
}

/// Seconds, for people.
pub(crate) fn time(seconds: f64) -> String {
    match seconds {
        small if small < 1e-6 => format!("{:.0} ns", small * 1e9),
        small if small < 1e-3 => format!("{:.1} µs", small * 1e6),
        small if small < 1.0 => format!("{:.1} ms", small * 1e3),
        _ => format!("{seconds:.1} s"),
    }
}

/// One of our programs, in a process of its own: what it says that its work cost.
pub(crate) fn program(name: &str, args: &[&dyn AsArgument]) -> AnyResult<Cost> {
    program_with(name, args, &[])
}

/// The same with more variables in its environment.
pub(crate) fn program_with(name: &str, args: &[&dyn AsArgument], variables: &[(String, String)]) -> AnyResult<Cost> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["program", name]).args(args.iter().map(|arg| arg.as_argument())).env("DATLAKE_LOG", "off");
    command.envs(variables.iter().cloned());
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("`{name}` failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A whole process, from before it begins until it has ended.
pub(crate) fn process(command: &mut Command) -> AnyResult<Cost> {
    let begun = Instant::now();
    let output = command.output()?;
    let seconds = begun.elapsed().as_secs_f64();
    match output.status.success() {
        true => Ok(Cost { seconds, peak: 0 }),
        false => Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// What can be handed to a program.
pub(crate) trait AsArgument {
    fn as_argument(&self) -> String;
}

impl AsArgument for u64 {
    fn as_argument(&self) -> String {
        self.to_string()
    }
}

impl AsArgument for &str {
    fn as_argument(&self) -> String {
        (*self).to_owned()
    }
}

impl AsArgument for &Path {
    fn as_argument(&self) -> String {
        self.display().to_string()
    }
}

impl AsArgument for PathBuf {
    fn as_argument(&self) -> String {
        self.display().to_string()
    }
}
