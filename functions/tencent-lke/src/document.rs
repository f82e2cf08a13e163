//! `SaveDoc` and `DescribeDoc`: the upload becomes a document of the knowledge base.
//!
//! <https://www.tencentcloud.com/document/product/1254/70432>

use serde_json::{Value, json};
use tokio::time::Instant;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::{Document, Handoff, Receipt};
use upload_grant_runtime::flow::{Context, Finish};
use upload_grant_runtime::platform::Env;
use upload_grant_runtime::vendor::{Refusal, RefusalKind, Reply, request_id};

use crate::Lke;
use crate::answer;
use crate::api::{Action, Api, Gateway};

/// `Status` of a document that can be used, and of one that never will be. All others are in progress.
const USABLE: [i64; 3] = [3, 10, 12];
const FAILED: [i64; 10] = [4, 5, 6, 8, 14, 16, 18, 19, 20, 21];

/// The endpoint of the document calls, if jobs go on to them.
pub(crate) fn endpoint(env: &mut Env, gateway: &Gateway) -> Option<String> {
    let same_site = Api::Lke20231130.endpoint_at(&gateway.endpoint);
    let endpoint = env.endpoint("LKE_DOC_ENDPOINT", &same_site);
    (env.choice("LKE_FINISH", &["none", "savedoc"]) == "savedoc").then_some(endpoint)
}

impl Lke {
    /// The next step: `SaveDoc` where there is no document yet, else `DescribeDoc` for its status.
    pub(crate) async fn step(
        &self,
        cx: &Context,
        receipt: &Receipt,
        deadline: Instant,
    ) -> Result<Finish, Problem> {
        let Some(save) = receipt.handoff.as_ref().filter(|handoff| handoff.actions == ["SaveDoc"]) else {
            return Ok(Finish::Done(None)); // a chat's file
        };
        let application = save.params.get("BotBizId").ok_or_else(|| {
            Problem::new(Code::ConfigMissing, "LKE_FINISH is savedoc, and bot_biz_id is no application")
        })?;
        let Some(document) = &receipt.document else {
            let id = self.call(cx, "SaveDoc", &body(save), deadline, saved).await?;
            return Ok(Finish::Pending(Document { id, status: Value::Null }));
        };
        let look = json!({ "BotBizId": application, "DocBizId": document.id });
        let status = self.call(cx, "DescribeDoc", &look, deadline, status).await?;
        if FAILED.contains(&status) {
            let detail = format!("the vendor could not make a document of the file (status {status})");
            return Err(Problem::new(Code::VendorRejected, detail));
        }
        let document = Document { id: document.id.clone(), status: status.into() };
        let usable = USABLE.contains(&status);
        Ok(if usable { Finish::Done(Some(document)) } else { Finish::Pending(document) })
    }

    async fn call<T>(
        &self,
        cx: &Context,
        name: &'static str,
        body: &Value,
        deadline: Instant,
        read: impl Fn(&Reply) -> Result<T, Refusal>,
    ) -> Result<T, Problem> {
        let endpoint = self.documents.as_deref().unwrap_or(&self.gateway.endpoint);
        let action = Action { endpoint, api: Api::Lke20231130, name };
        self.gateway.call(cx, &action, body, deadline, read).await
    }
}

/// The hand-off, in the types that the gateway insists on. The same bytes again yield the
/// document that is there, so a retry after a lost response makes no second one.
fn body(save: &Handoff) -> Value {
    let mut body = Value::Object(save.params.clone());
    body["Opt"] = 2.into();
    body["DuplicateFileHandles"] = json!([{ "CheckType": 1, "HandleType": 2 }]);
    body
}

fn saved(reply: &Reply) -> Result<String, Refusal> {
    let response = answer::response(reply)?;
    let text = |name: &str| response.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = if text("ErrorMsg").is_some() { RefusalKind::Rejected } else { RefusalKind::BadResponse };
    request_id(text("DocBizId")).ok_or_else(|| Refusal::new(kind, reply, None, text("RequestId")))
}

fn status(reply: &Reply) -> Result<i64, Refusal> {
    let response = answer::response(reply)?;
    let asked = response.get("RequestId").and_then(Value::as_str);
    let status = response.get("Status").and_then(Value::as_i64);
    status.ok_or_else(|| Refusal::new(RefusalKind::BadResponse, reply, None, asked))
}
