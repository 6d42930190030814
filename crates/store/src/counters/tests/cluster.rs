//! Redis Cluster: all keys of a call are on one node.

use std::time::Duration;

use tidegate_policy::limit::{Amounts, Unit, Window};
use tidegate_testkit::servers::Redis;

use super::{LEASE, claim, limiter, look, minute, patient, rule, until};

#[tokio::test]
async fn a_cluster_s_node_takes_all_limits_of_a_request_in_one_call() {
    let server = Redis::start_with(&["--cluster-enabled", "yes", "--cluster-port", "0"]).await;
    let server = match server {
        Ok(server) => server,
        Err(_) => Redis::start_with(&["--cluster-enabled", "yes"]).await.expect("Redis starts"),
    };
    let mut look = look(&server).await;
    let mut slots = redis::cmd("CLUSTER");
    slots.arg("ADDSLOTSRANGE").arg(0).arg(16383);
    slots.query_async::<()>(&mut look).await.expect("slots");
    loop {
        let info: String = redis::cmd("CLUSTER").arg("INFO").query_async(&mut look).await.expect("info");
        if info.contains("cluster_state:ok") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let url = format!("redis+cluster://127.0.0.1:{}", server.port());
    let limiter = limiter(&url, patient()).await;
    let rules = [
        rule("requests", Unit::Requests, 2, minute()),
        rule("tokens", Unit::Tokens, 1000, Window::Bucket { per: Duration::from_secs(3600), burst: 1000 }),
        rule("open", Unit::Concurrent, 2, Window::Open),
    ];
    let claims = || rules.iter().map(|rule| claim(rule, 1)).collect::<Vec<_>>();
    let (first, reservation) = limiter.reserve(claims(), LEASE).await;
    assert_eq!(first.denial, None);
    reservation.expect("granted").settle(&Amounts { input: 300, output: 100, money: 0 });
    until("Redis has been told", || limiter.health().waiting == 0).await;
    let (second, _held) = limiter.reserve(claims(), LEASE).await;
    assert_eq!(second.standings.iter().map(|standing| standing.remaining).collect::<Vec<_>>(), [0, 599, 1]);
    let (third, _) = limiter.reserve(claims(), LEASE).await;
    assert_eq!(third.denial.map(|denial| denial.claim), Some(0));
    assert_eq!(limiter.health().fallback_decisions, 0);
}
