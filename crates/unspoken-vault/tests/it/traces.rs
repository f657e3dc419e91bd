//! Traces tell a route and times, and nothing that somebody could use.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use unspoken_testkit::{Database, Vault, canary};

/// Takes what is told over OTLP, and keeps the bytes.
struct Collector {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || take(stream, &kept));
            }
        });
        Self { address, bodies }
    }

    fn variable(&self) -> String {
        format!("OTEL_EXPORTER_OTLP_ENDPOINT=http://{}", self.address)
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        let told = bodies.iter().map(|body| ExportTraceServiceRequest::decode(&**body).unwrap());
        told.flat_map(|told| told.resource_spans)
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
            .collect()
    }
}

/// Answers requests of one connection.
fn take(stream: TcpStream, kept: &Mutex<Vec<Vec<u8>>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(number) = lower.strip_prefix("content-length:") {
                length = number.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        kept.lock().unwrap().push(body);
        let _ = writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
}

fn attributes(span: &Span) -> HashMap<String, String> {
    let text = |value: &opentelemetry_proto::tonic::common::v1::AnyValue| {
        use opentelemetry_proto::tonic::common::v1::any_value::Value;
        match &value.value {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::IntValue(number)) => number.to_string(),
            other => format!("{other:?}"),
        }
    };
    let pair = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        (pair.key.clone(), pair.value.as_ref().map(text).unwrap_or_default())
    };
    span.attributes.iter().map(pair).collect()
}

#[test]
fn a_trace_tells_the_route_and_its_parts_and_no_value() {
    let collector = Collector::open();
    let mut vault = Vault::idle(Database::Sqlite);
    vault.start_through(&["env", &collector.variable()]);
    let ground = vault.ground();
    let value = canary("traced");
    ground.set("TRACED_NAME", &value);
    let agent = ground.agent().client;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let path = ground.secret("TRACED_NAME");
    let answer = agent.get_with(&path, ("traceparent", &parent)).ok();
    // Whoever makes one up is not believed, and harmed nobody.
    agent.get_with(&path, ("traceparent", "00-zz-\u{fc}-01")).ok();
    vault.stop();

    let spans = collector.spans();
    let route = "GET /v1/environments/{environment}/secrets/{name}";
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let reads: Vec<_> = spans.iter().filter(|span| span.name == route).collect();
    assert_eq!(reads.len(), 2);
    let read = reads.iter().find(|span| hex(&span.trace_id) == trace).expect("the caller's trace");
    assert_eq!(hex(&read.parent_span_id), "b7ad6b7169203331");
    let told = attributes(read);
    assert_eq!(told["http.response.status_code"], "200");
    assert_eq!(told["unspoken.request.id"], answer.request());
    let parts: Vec<_> = spans
        .iter()
        .filter(|span| span.parent_span_id == read.span_id)
        .map(|span| span.name.as_str())
        .collect();
    assert!(parts.contains(&"record") && parts.contains(&"open"), "{parts:?}");
    let bodies = collector.bodies.lock().unwrap().concat();
    let secrets =
        [&*value, agent.token(), ground.owner.token(), "TRACED_NAME", &ground.environment];
    for secret in secrets {
        assert!(memchr::memmem::find(&bodies, secret.as_bytes()).is_none(), "a trace says more");
    }
}

#[test]
fn a_collector_that_is_dead_or_hangs_keeps_nobody_waiting() {
    // It listens, and never accepts.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [hanging.local_addr().unwrap(), dead] {
        let mut vault = Vault::idle(Database::Sqlite);
        let variable = format!("OTEL_EXPORTER_OTLP_ENDPOINT=http://{address}");
        vault.start_through(&["env", "OTEL_BSP_SCHEDULE_DELAY=10", &variable]);
        let ground = vault.ground();
        let begun = Instant::now();
        for _ in 0..100 {
            ground.owner.get("/v1/session").ok();
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "requests wait for a collector");
        vault.stop();
    }
}
