#![doc = include_str!("../README.md")]

mod doctor;
mod form_2016;
mod reply;
mod url_2021;

use serde_json::Value;
use upload_grant::model::grant::Grant;
use upload_grant::model::media::{Others, Types};
use upload_grant::model::problem::Problem;
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant::model::request::Mode;
use upload_grant_runtime::flow::{Cached, Context, Flow, Member, Spec, UploadContext, UploadRequest};
use upload_grant_runtime::platform::{Env, KeyRing};
use upload_grant_runtime::vendor::alibaba;
use upload_grant_runtime::vendor::bucket::Bucket;

use crate::form_2016::FormApi;
use crate::url_2021::UrlApi;

/// The flow: a client of one of the vendor's two APIs.
pub enum Workorder {
    /// `getOSSTempAuthor`, and the form it has fetched.
    Form2016(Cached<FormApi>),
    /// `GetAttachmentUploadUrl`, one call per file.
    Url2021(UrlApi),
}

impl Flow for Workorder {
    const SPEC: Spec = Spec {
        name: "alibaba-workorder",
        types: Types { listed: &[], others: Others::Taken { max_bytes: 2 * 1024 * 1024 } },
        modes: &[Mode::Form, Mode::Put, Mode::Relay],
        collect: &["etag", "x-oss-hash-crc64ecma"],
        vendor: &[Member::text("attachment", "Workorder: dir/name")],
        companion: true,
        ..Spec::DEFAULT
    };

    fn from_env(env: &mut Env) -> Self {
        let keys = alibaba::keys(env);
        let endpoint = env.endpoint("WORKORDER_ENDPOINT", "https://workorder.aliyuncs.com");
        let oss_endpoint = env.optional_endpoint("OSS_ENDPOINT");
        let signs_v3 = env.choice("WORKORDER_SIGNATURE", &["v1", "v3"]) == "v3";
        match env.choice("WORKORDER_API", &[form_2016::VERSION, url_2021::VERSION]) {
            url_2021::VERSION => Self::Url2021(UrlApi { keys, endpoint, oss_endpoint }),
            _ => Self::Form2016(Cached::new("form", FormApi { keys, endpoint, signs_v3, oss_endpoint })),
        }
    }

    fn keys(&self) -> Option<&KeyRing> {
        Some(match self {
            Self::Form2016(forms) => &forms.source().keys,
            Self::Url2021(api) => &api.keys,
        })
    }

    fn modes(&self) -> &'static [Mode] {
        match self {
            Self::Form2016(_) => &[Mode::Form, Mode::Relay],
            Self::Url2021(_) => &[Mode::Put, Mode::Relay],
        }
    }

    async fn grant(&self, cx: &Context, upload: &UploadRequest) -> Result<Grant, Problem> {
        match self {
            Self::Form2016(forms) => form_2016::grant(forms, cx, upload).await,
            Self::Url2021(api) => api.grant(cx, upload).await,
        }
    }

    fn handoff(&self, receipt: &Receipt, _: &UploadContext<'_>) -> Option<Handoff> {
        let attachment = receipt.vendor.get("attachment").cloned().unwrap_or(Value::Null);
        Some(match self {
            Self::Form2016(_) => Handoff::new(["Add", "QuestionReply"], [("attachments", attachment)])
                .needing(["content", "aliUid", "questionId", "questionContent"]),
            Self::Url2021(_) => Handoff::new(["CreateTicket", "ReplyTicket"], [("FileNameList", attachment)])
                .needing(["CategoryId", "Description", "Severity", "TicketId", "Content", "Encrypt"]),
        })
    }
}

/// The grant's object, and what the vendor's next call takes for it.
fn stored_in(mut grant: Grant, bucket: &Bucket) -> Grant {
    grant.object = Some(bucket.object(&grant.key));
    grant.vendor.insert("attachment".into(), grant.key.as_str().into());
    grant
}
