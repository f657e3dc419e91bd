//! The interface over HTTP: routes, what they need, and what they answer.

mod answer;
mod asked;
mod browser;
mod handler;
pub(crate) mod openapi;
mod page;
mod pipeline;
mod proxies;
mod route;
mod router;
mod visitor;

pub(crate) use answer::SealedItem;
pub(crate) use asked::Asked;
pub(crate) use browser::Front;
pub(crate) use handler::read_forms;
pub(crate) use pipeline::{App, Counters, router};
pub(crate) use proxies::Proxies;
pub(crate) use route::Plan;
