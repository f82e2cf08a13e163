//! The parameters of a flow: facts, which requests, policies and descriptions are held to.

use serde_json::{Map, Value, json};

use crate::model::problem::Problem;

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

/// What was sent, each parameter under its own name; names that are none of `params` as they are.
///
/// # Errors
/// `invalid_request` at a parameter whose value is not of its kind; at the alias of one that was sent under both its
/// names, and not alike.
pub fn by_name(params: &'static [Param], sent: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let mut sent = sent.clone();
    for param in params {
        if let Some((alias, value)) = param.alias.and_then(|alias| Some((alias, sent.remove(alias)?))) {
            if *sent.entry(param.name).or_insert_with(|| value.clone()) != value {
                let detail = format!("it is another name of {}, which says otherwise", param.name);
                return Err(Problem::invalid(format!("/params/{alias}"), detail));
            }
        }
        if sent.get(param.name).is_some_and(|value| !param.kind.fits(value)) {
            return Err(Problem::invalid(format!("/params/{}", param.name), param.kind.expected()));
        }
    }
    Ok(sent)
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

    /// That of `params` which is called `name`, or has it as its other name.
    pub fn find(params: &'static [Self], name: &str) -> Option<&'static Self> {
        params.iter().find(|param| param.name == name || param.alias == Some(name))
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
    pub fn schema(&self) -> Value {
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
    pub fn fits(self, value: &Value) -> bool {
        match self {
            Self::Bool => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Text | Self::OneOf(_) => value.as_str().is_some_and(is_plain),
        }
    }

    /// A token's claim as a value of this kind, if it is one. Gateways make texts of booleans; of numbers only whole
    /// ones become texts, as ids lose digits otherwise.
    pub fn of_claim(self, claim: &Value) -> Option<Value> {
        let value = match (self, claim) {
            (Self::Bool, Value::String(text)) => text.parse().ok().map(Value::Bool)?,
            (Self::Text | Self::OneOf(_), Value::Number(number)) if !number.is_f64() => {
                number.to_string().into()
            }
            _ => claim.clone(),
        };
        Some(value).filter(|value| self.fits(value))
    }

    /// Whether a value is among the choices; always, where there are none.
    pub fn is_choice(self, value: &Value) -> bool {
        match self {
            Self::OneOf(choices) => value.as_str().is_some_and(|text| choices.contains(&text)),
            _ => true,
        }
    }

    /// What is expected, for people.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Bool => "true or false is expected",
            Self::Object => "an object is expected",
            Self::Text | Self::OneOf(_) => "a string of 1 to 256 bytes is expected",
        }
    }

    /// Which choices there are, for people.
    pub fn choices(self) -> String {
        match self {
            Self::OneOf(choices) => format!("one of {} is expected", choices.join(", ")),
            _ => String::new(),
        }
    }
}

fn is_plain(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.chars().any(char::is_control)
}
