//! Telling events apart: what a runtime hands over is a request, messages, or nothing to do.
//!
//! Everything is read from plain JSON; `shared/deploy` and `tests/events` show each shape.

mod http_answer;
mod http_event;
mod json_text;
mod lazy_json;
mod mangled;
mod messages;

pub use http_answer::{HttpAnswer, Shape};
pub(crate) use http_event::declared_length;
pub use http_event::{HttpEvent, read as read_http};
pub(crate) use lazy_json::{Elements, Members, plain};
pub use mangled::Mangled;
pub(crate) use mangled::length_differs;
pub use messages::{Delivery, Event, MOST_MESSAGES, Message, Report, classify};
pub(crate) use messages::{
    batch_item_failures, binary_cloud_event, cloud_event, decoded, document, foreign_source, is_event_bridge,
    is_job, nothing, seen, source_of, unknown, unwrapped,
};
