//! `docs/performance.svg` and `docs/performance-edge.svg`: CPU compared with nginx, as bars.

use crate::gateway::{NGINX, TIDEGATE};
use crate::results::Results;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 110.0;
const RIGHT: f64 = 120.0;
const BAR: f64 = 14.0;
const GROUP: f64 = 46.0;
const TOP: f64 = 40.0;

/// One bar.
struct Bar<'a> {
    work: &'a str,
    gateway: &'a str,
    /// Compared with nginx.
    times: f64,
    /// CPU milliseconds.
    cpu: f64,
}

/// The AI gateway's works; an empty picture where nothing is known.
pub(crate) fn load(results: &Results) -> String {
    let rows = results.load.iter().flat_map(|load| &load.rows);
    let bars = rows.filter_map(|row| {
        let times = row.times_nginx?;
        Some(Bar { work: &row.work, gateway: &row.gateway, times, cpu: row.cpu })
    });
    draw("CPU per request compared with nginx as a plain proxy", &bars.collect::<Vec<_>>())
}

/// The edge's works.
pub(crate) fn edge(results: &Results) -> String {
    let rows = results.edge.iter().flat_map(|edge| &edge.rows);
    let bars = rows.filter_map(|row| {
        let times = row.times_nginx?;
        Some(Bar { work: &row.work, gateway: &row.gateway, times, cpu: row.cpu })
    });
    draw("The edge: CPU per request, handshake or message compared with nginx", &bars.collect::<Vec<_>>())
}

fn draw(says: &str, bars: &[Bar<'_>]) -> String {
    let longest = bars.iter().map(|bar| bar.times).fold(1.0, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / longest;
    let mut works: Vec<&str> = bars.iter().map(|bar| bar.work).collect();
    works.dedup();
    let height = TOP + GROUP * works.len() as f64 + 10.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>{says}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"14\" fill=\"#222222\">{says} (less is better)</text>\n"
    );
    for (place, work) in works.iter().enumerate() {
        let y = TOP + GROUP * place as f64;
        text.push_str(&format!("<text x=\"10\" y=\"{}\" fill=\"#222222\">{work}</text>\n", y + BAR + 4.0));
        let mut line = y;
        for (gateway, color) in [(NGINX, "#9aa5b1"), (TIDEGATE, "#1f6f8b")] {
            let found = bars.iter().find(|bar| bar.work == *work && bar.gateway == gateway);
            if let Some(found) = found {
                text.push_str(&bar(found, line, scale, color));
                line += BAR + 3.0;
            }
        }
    }
    // A line where nginx ends, for all to be compared with.
    let one = LEFT + scale;
    text.push_str(&format!(
        "<line x1=\"{one:.1}\" y1=\"{:.1}\" x2=\"{one:.1}\" y2=\"{:.1}\" stroke=\"#555555\" stroke-dasharray=\"3 3\"/>\n</svg>\n",
        TOP - 6.0,
        height - 8.0
    ));
    text
}

fn bar(bar: &Bar<'_>, y: f64, scale: f64, color: &str) -> String {
    let wide = bar.times * scale;
    format!(
        "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{BAR}\" fill=\"{color}\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#222222\">{} {:.2} × ({:.0} µs)</text>\n",
        LEFT + wide + 4.0,
        y + BAR - 3.0,
        bar.gateway,
        bar.times,
        bar.cpu * 1000.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_results_it_is_still_a_picture() {
        for picture in [load(&Results::default()), edge(&Results::default())] {
            assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
        }
    }
}
