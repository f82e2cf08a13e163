//! What a flow is, and what it is given to work with.

mod cache;
mod context;
mod spec;
mod upload;

pub use self::cache::{Account, Cached, Expires, Fetch};
pub use self::context::{Context, ContextData};
pub use self::spec::{Member, Place, Spec};
pub use self::upload::{PutTerms, UploadContext, UploadRequest};
pub use upload_grant::model::params::{Kind, Param, SetBy};

use tokio::time::Instant;
use upload_grant::model::grant::Grant;
use upload_grant::model::problem::Problem;
use upload_grant::model::receipt::{Document, Handoff, Receipt};
use upload_grant::model::request::Mode;

use crate::platform::{Env, KeyRing};
use crate::transfer::{self, Body, StoredObject};

/// A grant ends this many seconds before the vendor's credential behind it, so that an upload that begins at the last
/// moment still finds it good. A credential with no more left than this makes no grant.
pub const END_MARGIN_SECS: i64 = 30;

/// The state of a job's document.
#[derive(Debug)]
pub enum Finish {
    /// It can be used; `None` if the vendor makes no document of this upload.
    Done(Option<Document>),
    /// The vendor is still processing it.
    Pending(Document),
}

/// One vendor flow: how its API turns a checked request into a grant, and what to do with the upload.
pub trait Flow: Send + Sync + Sized + 'static {
    /// The flow's facts, as data.
    const SPEC: Spec;

    /// Reads the flow's settings; what is missing or wrong is recorded in `env`.
    fn from_env(env: &mut Env) -> Self;

    /// The vendor keys that the platform may rotate, if the flow uses such.
    fn keys(&self) -> Option<&KeyRing> {
        None
    }

    /// Whose quota and credentials these are: the vendor account's key id.
    fn account(&self) -> String {
        self.keys().map(|keys| keys.get().id.clone()).unwrap_or_default()
    }

    /// The modes on offer, the default first. Every flow has relay.
    fn modes(&self) -> &'static [Mode] {
        Self::SPEC.modes
    }

    /// Checks what only this flow knows of its parameters, in every mode and before anything is promised. That
    /// required ones are there and choices are among the choices is checked already.
    ///
    /// # Errors
    /// `invalid_request` at the parameter.
    fn check(&self, _: &UploadRequest) -> Result<(), Problem> {
        Ok(())
    }

    /// Makes the grant that `upload` describes, in any mode but relay.
    fn grant(
        &self,
        cx: &Context,
        upload: &UploadRequest,
    ) -> impl Future<Output = Result<Grant, Problem>> + Send;

    /// Uploads `body` for relay and queue. By default through the flow's own grant.
    fn upload(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        body: Body,
    ) -> impl Future<Output = Result<StoredObject, Problem>> + Send {
        async {
            let grant = self.grant(cx, upload).await?;
            transfer::send(cx.vendor.client(), &grant, upload.deadline, body).await
        }
    }

    /// Whether jobs go on from the upload to what the vendor makes of it.
    fn finishes(&self) -> bool {
        false
    }

    /// Takes the next step with a job's upload, where the flow [finishes](Flow::finishes) it. What the last step came to
    /// is in `receipt.document`; it is recorded before the next, so that no delivery takes a step twice.
    fn finish(
        &self,
        _: &Context,
        _: &Receipt,
        _: Instant,
    ) -> impl Future<Output = Result<Finish, Problem>> + Send {
        async { Ok(Finish::Done(None)) }
    }

    /// The vendor call that makes use of the upload.
    fn handoff(&self, receipt: &Receipt, context: &UploadContext<'_>) -> Option<Handoff>;
}
