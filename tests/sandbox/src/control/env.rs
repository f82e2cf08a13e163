//! The settings that point a function at this sandbox.

use crate::flow::Flow;
use crate::world::World;

/// Vendor settings of a flow; empty for an unknown one.
pub(crate) fn of(world: &World, flow: &str) -> Vec<(String, String)> {
    let url = |service| world.url(service);
    let lines = Flow::named(flow).map(|flow| (flow.env)(&url)).unwrap_or_default();
    lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
