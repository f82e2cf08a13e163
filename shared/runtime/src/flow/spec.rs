//! What of a flow is fact and not code. Routes, policy, OpenAPI, doctor and tests read it, so that none of them
//! knows a flow by its name.

use serde_json::{Map, Value, json};
use upload_grant::model::media::{Others, Types};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Mode;

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
    /// Members of a grant's `vendor` that are credentials themselves: they stay in the grant, no receipt has them.
    pub private: &'static [&'static str],
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
        private: &[],
        needs_md5: false,
        companion: false,
    };

    /// The parameter of this name.
    pub fn param(&self, name: &str) -> Option<&'static Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// The parameters' names.
    pub(crate) fn param_names(&self) -> Vec<&'static str> {
        self.params.iter().map(|param| param.name).collect()
    }

    /// The parameters' defaults from the environment, else the flow's own; a fault for each that is required and neither there nor
    /// a policy's to supply.
    pub(crate) fn defaults(&self, env: &mut Env) -> Map<String, Value> {
        let mut defaults = Map::new();
        for param in self.params {
            let value = match param.env {
                Some(variable) if param.required => env.param(variable),
                Some(variable) => env.get(variable),
                None => None,
            };
            let value = value.or_else(|| param.default.map(str::to_owned));
            defaults.extend(value.map(|value| (param.name.to_owned(), Value::String(value))));
        }
        defaults
    }

    /// What was sent, each parameter under its own name.
    ///
    /// # Errors
    /// `invalid_request` at the alias of a parameter that was sent under both its names, and not alike.
    pub(crate) fn by_name(&self, sent: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
        let mut sent = sent.clone();
        for param in self.params {
            let Some(alias) = param.alias else { continue };
            let Some(value) = sent.remove(alias) else { continue };
            if *sent.entry(param.name).or_insert_with(|| value.clone()) != value {
                let detail = format!("it is another name of {}, which says otherwise", param.name);
                return Err(Problem::invalid(format!("/params/{alias}"), detail));
            }
        }
        Ok(sent)
    }

    /// Checks that what was sent for the flow's parameters is of their kind.
    ///
    /// # Errors
    /// `invalid_request` at the parameter.
    pub(crate) fn check_kinds(&self, sent: &Map<String, Value>) -> Result<(), Problem> {
        for (name, value) in sent {
            if let Some(param) = self.param(name).filter(|param| !param.kind.fits(value)) {
                return Err(Problem::invalid(format!("/params/{name}"), param.kind.expected()));
            }
        }
        Ok(())
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

/// One request parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Name in `params`.
    pub name: &'static str,
    /// Another name that callers may use for it: the vendor's own, in a newer API.
    pub alias: Option<&'static str>,
    /// What it is, for readers of the OpenAPI description.
    pub about: &'static str,
    /// What its values look like.
    pub kind: Kind,
    /// The variable of its default.
    pub env: Option<&'static str>,
    /// Its value where neither caller, policy nor environment have one.
    pub default: Option<&'static str>,
    /// Whether the flow cannot do without it.
    pub required: bool,
    /// Who sets it where no policy says otherwise.
    pub set_by: SetBy,
}

/// What a parameter's values look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1 to 256 bytes without control characters.
    Text,
    /// True or false.
    Bool,
    /// A JSON object.
    Object,
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

/// Who sets a parameter where no policy says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// The operator, by the environment.
    Operator,
    /// Any caller.
    Caller,
    /// It is who the caller is.
    CallerIdentity,
    /// It is the address the request came from.
    SourceAddress,
}

impl Param {
    /// A parameter that the operator sets.
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            alias: None,
            about,
            kind,
            env: None,
            default: None,
            required: false,
            set_by: SetBy::Operator,
        }
    }

    /// Also known by this name.
    #[must_use]
    pub const fn alias(mut self, name: &'static str) -> Self {
        self.alias = Some(name);
        self
    }

    /// With a default from this variable.
    #[must_use]
    pub const fn env(mut self, variable: &'static str) -> Self {
        self.env = Some(variable);
        self
    }

    /// With this value where the variable is not set.
    #[must_use]
    pub const fn or(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    /// The flow cannot do without.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Set by `who`.
    #[must_use]
    pub const fn set_by(mut self, who: SetBy) -> Self {
        self.set_by = who;
        self
    }

    /// Its JSON schema.
    pub(crate) fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text => json!({ "type": ["string", "null"], "minLength": 1, "maxLength": 256 }),
            Kind::Bool => json!({ "type": ["boolean", "null"] }),
            Kind::Object => json!({ "type": ["object", "null"] }),
            Kind::OneOf(choices) => {
                let choices: Vec<Value> =
                    choices.iter().map(|choice| json!(choice)).chain([Value::Null]).collect();
                json!({ "type": ["string", "null"], "enum": choices })
            }
        };
        schema["description"] = self.about.into();
        schema
    }
}

impl Kind {
    /// Whether a value is of this kind; for choices, any text is.
    pub(crate) fn fits(self, value: &Value) -> bool {
        match self {
            Self::Bool => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Text | Self::OneOf(_) => value.as_str().is_some_and(is_plain),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Bool => "true or false is expected",
            Self::Object => "an object is expected",
            Self::Text | Self::OneOf(_) => "a string of 1 to 256 bytes is expected",
        }
    }

    fn is_choice(self, value: &Value) -> bool {
        match self {
            Self::OneOf(choices) => value.as_str().is_some_and(|text| choices.contains(&text)),
            _ => true,
        }
    }

    fn choices(self) -> String {
        match self {
            Self::OneOf(choices) => format!("one of {} is expected", choices.join(", ")),
            _ => String::new(),
        }
    }
}

fn is_plain(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.chars().any(char::is_control)
}
