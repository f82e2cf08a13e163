//! The functions against the sandbox: what a caller gets, and what the receivers make of it.

mod bailian;
mod batch;
mod caching;
mod complete;
mod dashscope;
mod enforced;
mod handoff;
mod input;
mod lke_apis;
mod modes;
mod next_call;
mod relay;
mod reuse;
mod routes;
mod startup;
mod types;
mod vendor_care;
mod vendor_errors;
mod vendor_faults;
mod vendor_replies;
