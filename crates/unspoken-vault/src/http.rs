//! The interface over HTTP: routes, what they need, and what they answer.

mod answer;
mod asked;
mod handler;
pub(crate) mod openapi;
mod pipeline;
mod route;
mod router;

pub(crate) use answer::SealedItem;
pub(crate) use asked::Asked;
pub(crate) use pipeline::{App, Counters, router};
