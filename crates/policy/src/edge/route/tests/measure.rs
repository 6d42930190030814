//! What a look-up costs, by number of routes: `cargo test --release -p tidegate-policy -- --ignored --nocapture look_ups`.

use std::hint::black_box;
use std::time::Instant;

use http::{HeaderMap, Method};

use super::super::{Asking, PathPattern, RouteRule, RouteTable};

const ROUNDS: u32 = 300_000;

fn table(routes: usize) -> RouteTable {
    let rule = |number: usize| RouteRule {
        hosts: vec![format!("h{}.example.com", number % 10).parse().unwrap()],
        paths: vec![PathPattern::Prefix(format!("/api/v1/service{number}"))],
        ..RouteRule::default()
    };
    RouteTable::new((0..routes).map(rule).collect()).unwrap()
}

fn nanoseconds(routes: usize) -> f64 {
    let (table, headers) = (table(routes), HeaderMap::new());
    let asking =
        |path| Asking { host: "h7.example.com", path, method: &Method::GET, headers: &headers, query: "" };
    let began = Instant::now();
    for _ in 0..ROUNDS {
        black_box(table.find(black_box(asking("/api/v1/service7/items/4711"))));
    }
    began.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
}

#[test]
#[ignore = "measures time"]
fn look_ups() {
    for routes in [10, 1_000, 10_000] {
        let best = (0..5).map(|_| nanoseconds(routes)).fold(f64::INFINITY, f64::min);
        println!("{routes:>6} routes: {best:.0} ns a look-up");
    }
}
