//! Which of several routes is taken.

use http::{HeaderMap, Method};
use proptest::prelude::*;
use regex::Regex;

use super::*;

mod measure;

fn host(text: &str) -> RouteRule {
    RouteRule { hosts: vec![text.parse().unwrap()], ..RouteRule::default() }
}

fn exact(path: &str) -> RouteRule {
    RouteRule { paths: vec![PathPattern::Exact(path.into())], ..RouteRule::default() }
}

fn prefix(path: &str) -> RouteRule {
    RouteRule { paths: vec![PathPattern::Prefix(path.into())], ..RouteRule::default() }
}

fn fits(pattern: &str) -> RouteRule {
    RouteRule { paths: vec![PathPattern::Regex(Regex::new(pattern).unwrap())], ..RouteRule::default() }
}

fn find(table: &RouteTable, host: &str, path: &str) -> Option<usize> {
    let headers = HeaderMap::new();
    let asking = Asking { host, path, method: &Method::GET, headers: &headers, query: "" };
    match table.find(asking) {
        Found::Route(route, _) => Some(route),
        _ => None,
    }
}

#[test]
fn the_most_specific_host_wins_and_gives_way_when_its_paths_do_not_fit() {
    let hosts = ["*.example.com", "a.example.com", "*.b.example.com"].map(host);
    let [any_example, a, below_b] = hosts;
    let a = RouteRule { paths: vec![PathPattern::Prefix("/a".into())], ..a };
    let table = RouteTable::new(vec![any_example, a, below_b, RouteRule::default()]).unwrap();
    assert_eq!(find(&table, "a.example.com", "/a/x"), Some(1));
    assert_eq!(find(&table, "a.example.com", "/else"), Some(0));
    assert_eq!(find(&table, "x.b.example.com", "/"), Some(2));
    assert_eq!(find(&table, "b.example.com", "/"), Some(0));
    assert_eq!(find(&table, "y.x.b.example.com", "/"), Some(2));
    assert_eq!(find(&table, "example.com", "/"), Some(3));
    assert_eq!(find(&table, "", "/"), Some(3));
}

#[test]
fn exact_paths_win_over_regexes_over_prefixes() {
    let rules = vec![prefix("/"), prefix("/api/v1"), fits("^/api/.*\\.json$"), exact("/api/v1/x.json")];
    let rules = [rules, vec![fits("^/api/v1"), prefix("/api")]].concat();
    let table = RouteTable::new(rules).unwrap();
    assert_eq!(find(&table, "h", "/api/v1/x.json"), Some(3));
    assert_eq!(find(&table, "h", "/api/v1/y.json"), Some(2));
    assert_eq!(find(&table, "h", "/api/v1/y"), Some(4));
    assert_eq!(find(&table, "h", "/api/v2"), Some(5));
    assert_eq!(find(&table, "h", "/apiary"), Some(0));
}

#[test]
fn prefixes_end_on_segment_borders() {
    let table = RouteTable::new(vec![prefix("/api"), prefix("/docs/"), prefix("/api/")]).unwrap();
    assert_eq!(find(&table, "h", "/api"), Some(0));
    assert_eq!(find(&table, "h", "/api/x"), Some(2));
    assert_eq!(find(&table, "h", "/apix"), None);
    assert_eq!(find(&table, "h", "/docs"), None);
    assert_eq!(find(&table, "h", "/docs/"), Some(1));
    assert_eq!(find(&table, "h", "/"), None);
}

#[test]
fn fault_12_a_route_s_path_is_spelled_as_requests_paths_are() {
    let table = RouteTable::new(vec![exact("/%61dmin//x/../y"), prefix("/m%3ax")]).unwrap();
    assert_eq!(find(&table, "h", "/admin/y"), Some(0));
    assert_eq!(find(&table, "h", "/m:x/1"), Some(1));
    assert!(RouteTable::new(vec![exact("/a%2")]).is_err());
}

#[test]
fn conditions_decide_between_routes_of_one_path() {
    let condition = |name: &'static str, test| Condition { name: http::HeaderName::from_static(name), test };
    let plain = prefix("/x");
    let posts = RouteRule { methods: vec![Method::POST], ..prefix("/x") };
    let beta = RouteRule { headers: vec![condition("x-beta", Test::Is("1".into()))], ..prefix("/x") };
    let debug = Condition { name: "debug".to_owned(), test: Test::Present };
    let asked = RouteRule { query: vec![debug], ..prefix("/x") };
    let table = RouteTable::new(vec![plain, asked, beta, posts]).unwrap();
    let mut headers = HeaderMap::new();
    let ask = |method: &Method, headers: &HeaderMap, query: &str| match table.find(Asking {
        host: "h",
        path: "/x",
        method,
        headers,
        query,
    }) {
        Found::Route(route, _) => route,
        other => panic!("{other:?}"),
    };
    assert_eq!(ask(&Method::GET, &headers, ""), 0);
    assert_eq!(ask(&Method::GET, &headers, "debug=1"), 1);
    headers.append("x-beta", "0".parse().unwrap());
    assert_eq!(ask(&Method::GET, &headers, ""), 0);
    headers.append("x-beta", "1".parse().unwrap());
    assert_eq!(ask(&Method::GET, &headers, "debug"), 2);
    assert_eq!(ask(&Method::POST, &headers, "debug"), 3);
}

#[test]
fn a_wrong_method_is_told_apart_from_a_wrong_path() {
    let posts = RouteRule { methods: vec![Method::POST, Method::PUT], ..exact("/x") };
    let table = RouteTable::new(vec![posts]).unwrap();
    let headers = HeaderMap::new();
    let asking = Asking { host: "h", path: "/x", method: &Method::GET, headers: &headers, query: "" };
    assert_eq!(table.find(asking), Found::OtherMethods(vec![Method::POST, Method::PUT]));
    assert_eq!(table.find(Asking { path: "/y", ..asking }), Found::Nothing);
    let told = table.candidates(asking);
    assert_eq!(told.len(), 1);
    assert!(told[0].2.as_ref().is_some_and(|why| why.contains("GET")), "{told:?}");
}

/// The order as the documentation has it, without any index.
fn by_hand(paths: &[(u8, String)], path: &str) -> Option<usize> {
    let mut fitting: Vec<(u8, usize, usize)> = Vec::new();
    for (index, (kind, written)) in paths.iter().enumerate() {
        let bare = written.strip_suffix('/').unwrap_or(written);
        match kind {
            0 if written == path => fitting.push((0, 0, index)),
            1 if path.contains(written.as_str()) => fitting.push((1, 0, index)),
            2 if written == path || path.starts_with(&format!("{bare}/")) => {
                fitting.push((2, usize::MAX - written.len(), index));
            }
            _ => {}
        }
    }
    fitting.into_iter().min().map(|(_, _, index)| index)
}

proptest! {
    #[test]
    fn the_index_finds_what_a_search_by_hand_finds(
        paths in proptest::collection::vec((0u8..3, "(/[ab]{1,2}){1,3}/?"), 0..12),
        asked in "(/[ab]{1,2}){1,4}/?",
    ) {
        let rules = paths.iter().map(|(kind, path)| match kind {
            0 => exact(path),
            1 => fits(path),
            _ => prefix(path),
        });
        let table = RouteTable::new(rules.collect()).unwrap();
        prop_assert_eq!(find(&table, "h", &asked), by_hand(&paths, &asked));
        let headers = HeaderMap::new();
        let asking = Asking { host: "h", path: &asked, method: &Method::GET, headers: &headers, query: "" };
        let first = table.candidates(asking).first().map(|(route, ..)| *route);
        prop_assert_eq!(first, find(&table, "h", &asked));
    }
}
