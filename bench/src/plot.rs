//! A curve as an SVG: both axes logarithmic, for costs and sizes span powers of ten.

use std::fmt::Write as _;

use crate::measure::Curve;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 70.0;
const BELOW: f64 = 50.0;
const ABOVE: f64 = 34.0;
const RIGHT: f64 = 130.0;
const COLOURS: [&str; 4] = ["#1f5fa8", "#c05020", "#3a8f3a", "#7a4fa0"];

pub(crate) fn svg(curve: &Curve) -> String {
    let points = || curve.series.iter().flat_map(|(_, points)| points);
    let (x, y) = (Axis::over(points().map(|point| point.0)), Axis::over(points().map(|point| point.1)));
    let at = |(px, py): (f64, f64)| {
        (LEFT + x.share(px) * (WIDTH - LEFT - RIGHT), HEIGHT - BELOW - y.share(py) * (HEIGHT - BELOW - ABOVE))
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"18\" font-size=\"14\">{}</text>\n",
        curve.title
    );
    for tick in x.ticks() {
        let (px, _) = at((tick, y.from()));
        let _ = writeln!(
            out,
            "<path d=\"M{px:.1} {ABOVE}V{:.1}\" stroke=\"#ddd\"/><text x=\"{px:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - BELOW,
            HEIGHT - BELOW + 16.0,
            label(tick)
        );
    }
    for tick in y.ticks() {
        let (_, py) = at((x.from(), tick));
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {py:.1}H{:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            py + 4.0,
            label(tick)
        );
    }
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{:.1}\">{} →, {} ↑</text>", HEIGHT - 12.0, curve.x, curve.y);
    for ((name, points), colour) in curve.series.iter().zip(COLOURS.iter().cycle()) {
        let line: Vec<String> = points.iter().map(|point| at(*point)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
        for point in points {
            let (px, py) = at(*point);
            let _ = writeln!(out, "<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        if let Some((px, py)) = points.last().map(|point| at(*point)) {
            let _ = writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>", px + 8.0, py + 4.0);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// From one power of ten to another.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.map(f64::log10).fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = (low.floor(), high.ceil());
        Self { low, high: if high > low { high } else { low + 1.0 } }
    }

    fn from(&self) -> f64 {
        10_f64.powf(self.low)
    }

    fn share(&self, value: f64) -> f64 {
        (value.log10() - self.low) / (self.high - self.low)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.low as i32..=self.high as i32).map(|power| 10_f64.powi(power))
    }
}

fn label(value: f64) -> String {
    match value {
        small if small < 1.0 => format!("{small}"),
        thousands if thousands >= 1e6 => format!("{:.0} M", thousands / 1e6),
        hundreds if hundreds >= 1e3 => format!("{:.0} k", hundreds / 1e3),
        other => format!("{other:.0}"),
    }
}
