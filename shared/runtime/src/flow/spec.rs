//! A flow's facts, as data. Routes, policy, OpenAPI, doctor and tests read them, so that none of these knows a flow by
//! its name.

use serde_json::{Map, Value, json};
use upload_grant::model::media::{Others, Types};
use upload_grant::model::params::{Param, SetBy};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Mode;

use crate::auth::policy::MAX_USER_ID;
use crate::platform::Env;

/// The facts of one flow.
pub struct Spec {
    /// Name of the function: of the binary, in grants, receipts and logs.
    pub name: &'static str,
    /// The types the vendor takes, and how large.
    pub types: Types,
    /// The request parameters the flow has.
    pub params: &'static [Param],
    /// The modes on offer, the default first; settings may narrow them.
    pub modes: &'static [Mode],
    /// The modes besides relay whose receiver refuses more than `max_bytes` even of a file whose size was not said.
    pub bounded: &'static [Mode],
    /// The vendor's documented quota in calls per second, if it has one.
    pub quota: Option<f64>,
    /// What of the store's answer is worth sending to `/complete`.
    pub collect: &'static [&'static str],
    /// The members of `vendor` in grants and receipts, besides `request_id`.
    pub vendor: &'static [Member],
    /// Whether a grant needs the file's size and MD5: the vendor wants them when asked. Relay and jobs find out.
    pub needs_md5: bool,
    /// Whether a form of this flow is a store's, which Uppy's Companion route can hand out.
    pub companion: bool,
}

impl Spec {
    /// What most flows have in common.
    pub const DEFAULT: Self = Self {
        name: "",
        types: Types { listed: &[], others: Others::Refused },
        params: &[],
        modes: &[Mode::Relay],
        bounded: &[],
        quota: None,
        collect: &["etag"],
        vendor: &[],
        needs_md5: false,
        companion: false,
    };

    /// The parameters' defaults from the environment, else the flow's own; a fault for each that is required and
    /// neither there nor a policy's to supply.
    pub(crate) fn defaults(&self, env: &mut Env) -> Map<String, Value> {
        let mut defaults = Map::new();
        for param in self.params {
            let value = match param.env {
                Some(variable) if param.required => env.param(variable),
                Some(variable) => env.get(variable),
                None => None,
            };
            if let (SetBy::CallerIdentity, Some(variable), Some(user)) = (param.set_by, param.env, &value)
                && user.chars().count() > MAX_USER_ID
            {
                env.fault(variable, format!("is longer than {MAX_USER_ID} characters"));
            }
            let value = value.or_else(|| param.default.map(str::to_owned));
            defaults.extend(value.map(|value| (param.name.to_owned(), Value::String(value))));
        }
        defaults
    }

    /// Of a grant's `vendor`, what a receipt may say.
    pub(crate) fn for_receipts(&self, mut vendor: Map<String, Value>) -> Map<String, Value> {
        for member in self.vendor.iter().filter(|member| member.only_in == Some(Place::Grants)) {
            vendor.remove(member.name);
        }
        vendor
    }

    /// Checks that nothing required is missing, and that choices are among the choices.
    ///
    /// # Errors
    /// `config_missing`, naming the variable; `invalid_request` at the parameter.
    pub(crate) fn check_params(&self, params: &Map<String, Value>) -> Result<(), Problem> {
        for param in self.params {
            match params.get(param.name) {
                None if param.required => {
                    let detail = format!("{} is missing", param.env.unwrap_or(param.name));
                    return Err(Problem::new(Code::ConfigMissing, detail));
                }
                Some(value) if !param.kind.is_choice(value) => {
                    return Err(Problem::invalid(format!("/params/{}", param.name), param.kind.choices()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A member of `vendor`: what the vendor's next call wants back, or what the vendor said.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it is, for readers of the OpenAPI description.
    pub about: &'static str,
    /// Where it is, if not in both.
    pub only_in: Option<Place>,
    /// Whether it may be any JSON; else it is a text.
    pub any: bool,
}

/// Where a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In grants: a credential itself, which no receipt has.
    Grants,
    /// In receipts: what the upload came to.
    Receipts,
}

impl Member {
    /// A text.
    pub const fn text(name: &'static str, about: &'static str) -> Self {
        Self { name, about, only_in: None, any: false }
    }

    /// Any JSON.
    pub const fn any(name: &'static str, about: &'static str) -> Self {
        Self { any: true, ..Self::text(name, about) }
    }

    /// Not in the other.
    #[must_use]
    pub const fn only_in(mut self, place: Place) -> Self {
        self.only_in = Some(place);
        self
    }

    /// Its JSON schema.
    pub(crate) fn schema(&self) -> Value {
        let mut schema = json!({ "description": self.about });
        if !self.any {
            schema["type"] = "string".into();
        }
        schema
    }
}
