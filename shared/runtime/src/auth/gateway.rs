//! Callers that the platform's authorizer has established.

use serde_json::{Map, Value};

use super::caller::{Caller, refused};
use upload_grant::model::problem::Problem;

/// Where the name is: tokens and authorizers of one's own, then IAM.
const NAMES: [&str; 4] = ["sub", "userArn", "principalId", "callerId"];

/// The caller in the authorizer's context.
pub(super) fn caller(identity: Option<&Map<String, Value>>) -> Result<Caller, Problem> {
    let identity = identity.filter(|claims| !claims.is_empty());
    let identity = identity.ok_or_else(|| refused("the platform's authorizer has established nobody"))?;
    let text = |name: &&str| identity.get(*name)?.as_str().filter(|text| !text.is_empty());
    let name = NAMES.iter().find_map(text).map(str::to_owned);
    let claims = identity.iter().map(|(name, value)| (name.clone(), relisted(value))).collect();
    Ok(Caller { name, claims })
}

/// API Gateway writes the list `["a","b"]` as the text `[a b]`; here it becomes a list again.
fn relisted(value: &Value) -> Value {
    let inner = value.as_str().and_then(|text| text.strip_prefix('[')?.strip_suffix(']'));
    inner.map_or_else(|| value.clone(), |inner| inner.split_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use upload_grant::model::problem::Code;

    fn run(identity: &Value) -> Result<Caller, Problem> {
        caller(identity.as_object())
    }

    #[test]
    fn nobody_is_unauthenticated() {
        for nobody in [json!(null), json!({})] {
            assert_eq!(run(&nobody).unwrap_err().code, Code::Unauthenticated);
        }
    }

    #[test]
    fn the_subject_then_iam() {
        let arn = "arn:aws:iam::1:user/a";
        for (identity, name) in [
            (json!({"sub": "ann", "principalId": "p"}), Some("ann")),
            (json!({"userArn": arn, "callerId": "AIDA"}), Some(arn)),
            (json!({"principalId": "p"}), Some("p")),
            (json!({"userArn": null, "callerId": "AIDA"}), Some("AIDA")),
            (json!({"space": "s"}), None),
        ] {
            assert_eq!(run(&identity).unwrap().name.as_deref(), name, "{identity}");
        }
    }

    #[test]
    fn lists_are_lists_again() {
        let claims = run(&json!({"roles": "[a b]", "none": "[]", "plain": "a b"})).unwrap().claims;
        assert_eq!(Value::Object(claims), json!({"roles": ["a", "b"], "none": [], "plain": "a b"}));
    }
}
