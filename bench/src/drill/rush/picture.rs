//! `docs/drill-rush.svg`: small pictures over time, the defences off on the left and on on the right.

use super::Night;
use crate::drill::meter::{Counted, WINDOW, Window};
use crate::sample::percentile;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 62.0;
const GAP: f64 = 26.0;
const PANEL: f64 = (WIDTH - LEFT - GAP - 14.0) / 2.0;
const HIGH: f64 = 120.0;
const TOP: f64 = 62.0;
const ROW: f64 = HIGH + 44.0;

/// One second of the picture is made of so many windows.
const STEP: usize = 4;

/// Readable on white and on black.
const STYLE: &str = "\
svg{--ink:#24292f;--soft:#6e7781;--grid:#d8dee4;--band:#f3e3d3;--a:#1f6f8b;--b:#c2571a;--c:#8250df}\
@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--soft:#9198a1;--grid:#30363d;--band:#3a2a1c;--a:#58b6d6;--b:#f0883e;--c:#bc8cff}}\
text{fill:var(--ink)}.soft{fill:var(--soft)}.grid{stroke:var(--grid);stroke-width:1}.band{fill:var(--band)}\
.line{fill:none;stroke-width:1.6;stroke-linejoin:round}.a{stroke:var(--a)}.b{stroke:var(--b)}.c{stroke:var(--c);stroke-dasharray:5 3}\
.ta{fill:var(--a)}.tb{fill:var(--b)}.tc{fill:var(--c)}";

/// A line: its name, its class, and a value per second where there is one.
struct Line {
    name: &'static str,
    class: &'static str,
    values: Vec<Option<f64>>,
}

/// A row of two panels with a common scale.
struct Row {
    title: &'static str,
    sides: [Vec<Line>; 2],
    /// Labelled values of the scale, the first at the bottom and the last at the top.
    marks: Vec<(f64, String)>,
    /// By equal factors instead of equal steps.
    factors: bool,
}

/// Draws it.
pub(super) fn svg(night: &Night) -> String {
    let rows = rows(night);
    let height = TOP + ROW * rows.len() as f64 + 6.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\" role=\"img\">\n<title>The rush, with the defences off and on</title>\n\
         <style>{STYLE}</style>\n"
    );
    for (side, name) in ["defences off", "defences on"].iter().enumerate() {
        text.push_str(&format!(
            "<text x=\"{:.1}\" y=\"20\" font-size=\"15\" font-weight=\"bold\">{name}</text>\n",
            left(side)
        ));
    }
    text.push_str(&format!(
        "<text class=\"soft\" x=\"{LEFT}\" y=\"37\">shaded: the provider has less than its full capacity; seconds along the \
         bottom</text>\n"
    ));
    for (place, row) in rows.iter().enumerate() {
        draw(&mut text, night, row, TOP + ROW * place as f64 + 12.0);
    }
    text.push_str("</svg>\n");
    text
}

fn left(side: usize) -> f64 {
    LEFT + side as f64 * (PANEL + GAP)
}

fn draw(text: &mut String, night: &Night, row: &Row, top: f64) {
    let end = night.scenario.end;
    let x = |side: usize, time: f64| left(side) + PANEL * time / end;
    let y = |value: f64| top + HIGH * (1.0 - height(row, value));
    for (side, lines) in row.sides.iter().enumerate() {
        let (from, to) = (x(side, night.scenario.decline[0]), x(side, night.scenario.decline[3]));
        text.push_str(&format!(
            "<rect class=\"band\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{HIGH}\"/>\n",
            to - from
        ));
        for (value, label) in &row.marks {
            let at = y(*value);
            text.push_str(&format!(
                "<line class=\"grid\" x1=\"{:.1}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>\n",
                left(side),
                left(side) + PANEL
            ));
            if side == 0 {
                text.push_str(&format!(
                    "<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                    LEFT - 5.0,
                    at + 3.5
                ));
            }
        }
        for step in 0..=6 {
            let time = end * f64::from(step) / 6.0;
            text.push_str(&format!(
                "<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{time:.0}</text>\n",
                x(side, time),
                top + HIGH + 14.0
            ));
        }
        let mut legend = format!("<tspan font-weight=\"bold\">{}</tspan>", row.title);
        for line in lines {
            legend.push_str(&format!(" <tspan class=\"t{}\" dx=\"8\">{}</tspan>", line.class, line.name));
            curve(text, line, |second| x(side, second), y);
        }
        text.push_str(&format!("<text x=\"{:.1}\" y=\"{:.1}\">{legend}</text>\n", left(side), top - 6.0));
    }
}

fn curve(text: &mut String, line: &Line, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) {
    let mut path = String::new();
    let mut down = false;
    for (place, value) in line.values.iter().enumerate() {
        let Some(value) = value else {
            down = false;
            continue;
        };
        let time = (place as f64 + 0.5) * STEP as f64 * WINDOW;
        path.push_str(&format!("{}{:.1} {:.1}", if down { 'L' } else { 'M' }, x(time), y(*value)));
        // A single second is a dot.
        if !down {
            path.push_str("h.5");
        }
        down = true;
    }
    text.push_str(&format!("<path class=\"line {}\" d=\"{path}\"/>\n", line.class));
}

/// From 0 at the bottom to 1 at the top.
fn height(row: &Row, value: f64) -> f64 {
    let (least, most) =
        (row.marks.first().map_or(0.0, |mark| mark.0), row.marks.last().map_or(1.0, |mark| mark.0));
    let part = if row.factors {
        (value.max(least) / least).ln() / (most / least).ln()
    } else {
        (value - least) / (most - least)
    };
    part.clamp(0.0, 1.0)
}

fn rows(night: &Night) -> Vec<Row> {
    let sides = |lines: &dyn Fn(&[Second]) -> Vec<Line>| {
        [&night.off, &night.on].map(|counted| lines(&seconds(counted)))
    };
    let capacity = |seconds: &[Second]| -> Vec<Option<f64>> {
        let time = |place: usize| (place as f64 + 0.5) * STEP as f64 * WINDOW;
        (0..seconds.len()).map(|place| Some(night.scenario.capacity(time(place)))).collect()
    };
    let rate = night.scenario.base_rate * night.scenario.times;
    let answers = sides(&|seconds| {
        vec![
            line("good answers", "a", seconds, |second| Some(second.per_second(second.all.good.len()))),
            line("requests", "b", seconds, |second| Some(second.per_second(second.all.asked as usize))),
            Line { name: "what the provider can give", class: "c", values: capacity(seconds) },
        ]
    });
    let latency = sides(&|seconds| {
        vec![
            line("p50", "a", seconds, |second| second.latency(0.5)),
            line("p99", "b", seconds, |second| second.latency(0.99)),
        ]
    });
    let refusals = sides(&|seconds| {
        vec![
            line("refused", "a", seconds, |second| Some(second.per_second(second.all.refused.len()))),
            line("left or failed", "b", seconds, |second| {
                Some(second.per_second((second.all.left + second.all.failed) as usize))
            }),
        ]
    });
    let memory = sides(&|seconds| vec![line("resident", "a", seconds, |second| Some(second.all.mib))]);
    let factors = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0].map(|mark| (mark, format!("{mark}"))).to_vec();
    vec![
        Row { title: "Latency of good answers, s", sides: latency, marks: factors, factors: true },
        Row {
            title: "Answers per second",
            marks: steps(most(&answers).clamp(rate, 4.0 * rate)),
            sides: answers,
            factors: false,
        },
        Row {
            title: "No answer, per second",
            marks: steps(most(&refusals)),
            sides: refusals,
            factors: false,
        },
        Row {
            title: "Memory of the gateway, MiB",
            marks: steps(most(&memory)),
            sides: memory,
            factors: false,
        },
    ]
}

fn line(
    name: &'static str,
    class: &'static str,
    seconds: &[Second],
    value: impl Fn(&Second) -> Option<f64>,
) -> Line {
    Line { name, class, values: seconds.iter().map(value).collect() }
}

fn most(sides: &[Vec<Line>; 2]) -> f64 {
    let values = sides.iter().flatten().flat_map(|line| line.values.iter().flatten().copied());
    values.fold(1.0, f64::max)
}

/// Some round values from 0 to beyond `most`.
fn steps(most: f64) -> Vec<(f64, String)> {
    let tens = 10_f64.powf((most / 4.0).log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * tens).into_iter().find(|step| step * 4.0 >= most);
    let step = step.unwrap_or(tens * 10.0);
    (0..=4).map(|place| step * f64::from(place)).map(|value| (value, format!("{value}"))).collect()
}

/// Some windows together.
struct Second {
    all: Window,
    good: Vec<f64>,
}

impl Second {
    fn per_second(&self, count: usize) -> f64 {
        count as f64 / (STEP as f64 * WINDOW)
    }

    fn latency(&self, share: f64) -> Option<f64> {
        (!self.good.is_empty()).then(|| percentile(&mut self.good.clone(), share))
    }
}

fn seconds(counted: &Counted) -> Vec<Second> {
    let add = |windows: &[Window]| {
        let mut all = Window::default();
        for window in windows {
            all.asked += window.asked;
            all.good.extend(&window.good);
            all.refused.extend(&window.refused);
            all.left += window.left;
            all.failed += window.failed;
            all.mib = all.mib.max(window.mib);
        }
        Second { good: all.good.clone(), all }
    };
    counted.windows.chunks(STEP).map(add).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_reach_the_top() {
        for (most, top) in [(9.0, 10.0), (17.0, 20.0), (100.0, 100.0), (341.0, 400.0), (1.0, 1.0)] {
            let steps = steps(most);
            assert_eq!(steps.len(), 5);
            assert!((steps[4].0 - top).abs() < 1e-9, "{most}: {}", steps[4].0);
        }
    }
}
