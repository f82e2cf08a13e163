//! What every request of a function shares.

use std::ops::Deref;
use std::sync::Arc;

use crate::platform::Settings;
use crate::state::SharedCache;
use crate::transfer::Buffers;
use crate::vendor::Vendor;

/// A handle on what every request of a function shares, as cheap to clone as `reqwest::Client`.
#[derive(Clone)]
pub struct Context(Arc<ContextData>);

/// What is behind a [`Context`].
pub struct ContextData {
    /// The `GRANT_*` settings.
    pub settings: Settings,
    /// The flow's control plane.
    pub vendor: Vendor,
    /// Memory for uploads that cannot be streamed.
    pub buffers: Buffers,
    /// Whether work may go on after the answer: not on Lambda, which freezes in between.
    pub(crate) background: bool,
    /// The credentials that all instances share.
    pub(crate) shared_cache: Option<SharedCache>,
}

impl Context {
    pub(crate) fn new(data: ContextData) -> Self {
        Self(Arc::new(data))
    }
}

impl Deref for Context {
    type Target = ContextData;

    fn deref(&self) -> &ContextData {
        &self.0
    }
}
