//! Traces for OpenTelemetry: when a request came, which route it took, and how long each part took.
//! No ids but the request's own, no names, no addresses, no values.
//!
//! They are told over OTLP as HTTP, from a thread of their own. Where nobody takes them they are lost,
//! and no request waits for that.

use std::time::Duration;

use axum::http::{HeaderMap, Response};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    FutureExt as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use ureq::Agent;

use crate::http::Plan;
use crate::outward;

/// Where requests are traced, if they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traces(Option<Told>);

#[derive(Clone, Debug)]
struct Told {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// One request's trace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Option<(SdkTracer, Context)>);

impl Traces {
    /// How long a collector may take to answer.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// Traces to the collector that the standard variables name (`OTEL_EXPORTER_OTLP_ENDPOINT` and
    /// those beside it).
    pub(crate) fn open() -> Result<Self, ExporterBuildError> {
        let agent = outward::agent(Self::PATIENCE);
        let exporter = SpanExporter::builder().with_http().with_http_client(Outward(agent));
        let resource = Resource::builder().with_service_name("unspoken-vault").build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter.build()?)
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("unspoken-vault");
        Ok(Self(Some(Told { provider, tracer })))
    }

    /// Begins a request's trace, as a part of the caller's where the caller names one.
    pub(crate) fn begin(&self, plan: &Plan, headers: &HeaderMap) -> Trace {
        let Some(Told { tracer, .. }) = &self.0 else { return Trace::default() };
        let parent = TraceContextPropagator::new()
            .extract_with_context(&Context::new(), &HeaderExtractor(headers));
        let method = plan.method.as_str();
        let span = tracer
            .span_builder(format!("{method} {}", plan.path))
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("http.request.method", method),
                KeyValue::new("http.route", plan.path),
            ])
            .start_with_context(tracer, &parent);
        Trace(Some((tracer.clone(), parent.with_span(span))))
    }

    /// Tells what is left to be told. Blocks.
    pub(crate) fn close(&self) {
        if let Some(Told { provider, .. }) = &self.0 {
            // Whoever takes no traces misses the last ones too.
            let _ = provider.shutdown_with_timeout(Self::PATIENCE);
        }
    }
}

impl Trace {
    /// Does a part of the request.
    pub(crate) async fn part<T>(&self, name: &'static str, work: impl Future<Output = T>) -> T {
        let Some((tracer, context)) = &self.0 else { return work.await };
        let span = tracer.span_builder(name).start_with_context(tracer, context);
        let context = context.with_span(span);
        let done = work.with_context(context.clone()).await;
        context.span().end();
        done
    }

    pub(crate) fn end(&self, status: u16, request: &str) {
        let Some((_, context)) = &self.0 else { return };
        let span = context.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        span.set_attribute(KeyValue::new("unspoken.request.id", request.to_owned()));
        if status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// The way to the collector.
#[derive(Debug)]
struct Outward(Agent);

#[async_trait::async_trait]
impl HttpClient for Outward {
    /// Blocks: it is called in a thread that does nothing else.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let sent = self.0.run(Request::from_parts(head, body.to_vec()))?;
        let (head, mut body) = sent.into_parts();
        let body = body.with_config().limit(64 * 1024).read_to_vec()?;
        Ok(Response::from_parts(head, body.into()))
    }
}
