//! Answers, held against the function's own OpenAPI description.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::{Answer, Function};

/// The description a function serves.
pub struct Schemas(pub Value);

impl Schemas {
    /// Reads `/openapi.json` of `function`.
    ///
    /// # Panics
    /// If it serves none.
    pub async fn of(function: &Function) -> Self {
        Self(Answer::of(function.get("/openapi.json")).await.ok())
    }

    /// The validator of `name`.
    ///
    /// # Panics
    /// If there is no such schema, or it is none.
    fn validator(&self, name: &str) -> Validator {
        let schemas = &self.0["components"]["schemas"];
        assert!(schemas[name].is_object(), "no schema {name}");
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/components/schemas/{name}"),
            "components": { "schemas": schemas },
        });
        jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
    }

    /// What is wrong with `value` as a `name`; nothing if it is one.
    pub fn errors(&self, name: &str, value: &Value) -> Vec<String> {
        let validator = self.validator(name);
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// Checks that `value` is a `name`.
    ///
    /// # Panics
    /// If it is not.
    pub fn check(&self, name: &str, value: &Value) {
        let errors = self.errors(name, value);
        assert!(errors.is_empty(), "not a {name}: {errors:#?}\n{value:#}");
    }

    /// Checks that `value` is a `name`, and would be none with a member more, or a required one less, in it or
    /// in the described objects inside.
    ///
    /// # Panics
    /// If it is not.
    pub fn check_strictly(&self, name: &str, value: &Value) {
        self.check(name, value);
        let schema = &self.0["components"]["schemas"][name];
        let validator = self.validator(name);
        let mut more = value.clone();
        more["surprise"] = json!(1);
        assert!(!validator.is_valid(&more), "{name} takes any member");
        for required in schema["required"].as_array().into_iter().flatten() {
            let mut less = value.clone();
            less.as_object_mut().expect("an object").remove(required.as_str().expect("a name"));
            assert!(!validator.is_valid(&less), "{name} does without {required}");
        }
        for (member, inner) in value.as_object().into_iter().flatten() {
            let reference = schema["properties"][member]["$ref"].as_str().unwrap_or_default();
            if let (Some(inner_name), true) = (reference.rsplit('/').next(), inner.is_object())
                && !inner_name.is_empty()
            {
                self.check_strictly(inner_name, inner);
            }
        }
    }
}
