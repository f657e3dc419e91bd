//! What is counted, for Prometheus. Routes, statuses and times; no ids, no names.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The counters of one route.
#[derive(Debug, Default)]
pub(crate) struct RouteMetrics {
    /// By the first digit of the status.
    statuses: [AtomicU64; 6],
    /// By the upper bound of the time; the last one has none.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

/// In milliseconds.
const BOUNDS: [u64; 10] = [1, 2, 5, 10, 20, 50, 100, 500, 1000, 5000];

impl RouteMetrics {
    pub(crate) fn note(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).min(5);
        if let Some(count) = self.statuses.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| milliseconds < *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }
}

/// Prints all counters: of each route with its method and its path.
pub(crate) fn print<'r>(
    routes: impl Iterator<Item = (&'static str, &'static str, &'r RouteMetrics)>,
) -> String {
    let mut requests = String::from(
        "# HELP unspoken_requests_total Requests, by route and class of status.\n\
         # TYPE unspoken_requests_total counter\n",
    );
    let mut times = String::from(
        "# HELP unspoken_request_seconds Time from a request to its answer.\n\
         # TYPE unspoken_request_seconds histogram\n",
    );
    for (method, path, metrics) in routes {
        let label = format!("method=\"{method}\",route=\"{path}\"");
        for (class, count) in metrics.statuses.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                let _ = writeln!(
                    requests,
                    "unspoken_requests_total{{{label},status=\"{class}xx\"}} {count}"
                );
            }
        }
        let mut sum = 0;
        let bounds = BOUNDS.iter().map(|bound| seconds(1000 * bound)).chain(["+Inf".to_owned()]);
        let mut lines = String::new();
        for (bound, count) in bounds.zip(&metrics.buckets) {
            sum += count.load(Ordering::Relaxed);
            let _ =
                writeln!(lines, "unspoken_request_seconds_bucket{{{label},le=\"{bound}\"}} {sum}");
        }
        if sum > 0 {
            let whole = seconds(metrics.microseconds.load(Ordering::Relaxed));
            times.push_str(&lines);
            let _ = writeln!(times, "unspoken_request_seconds_sum{{{label}}} {whole}");
            let _ = writeln!(times, "unspoken_request_seconds_count{{{label}}} {sum}");
        }
    }
    requests + &times
}

/// Microseconds as seconds, without rounding.
fn seconds(microseconds: u64) -> String {
    let text = format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[test]
fn what_was_counted_is_printed_as_prometheus_reads_it() {
    let metrics = RouteMetrics::default();
    metrics.note(200, Duration::from_micros(1500));
    metrics.note(403, Duration::from_secs(9));
    let text = print([("GET", "/v1/session", &metrics)].into_iter());
    let label = "method=\"GET\",route=\"/v1/session\"";
    for line in [
        format!("unspoken_requests_total{{{label},status=\"2xx\"}} 1"),
        format!("unspoken_requests_total{{{label},status=\"4xx\"}} 1"),
        format!("unspoken_request_seconds_bucket{{{label},le=\"0.001\"}} 0"),
        format!("unspoken_request_seconds_bucket{{{label},le=\"0.002\"}} 1"),
        format!("unspoken_request_seconds_bucket{{{label},le=\"+Inf\"}} 2"),
        format!("unspoken_request_seconds_sum{{{label}}} 9.0015"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}
