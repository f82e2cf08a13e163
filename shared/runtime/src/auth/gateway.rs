//! Callers that the platform's authorizer has established.

use serde_json::{Map, Value};

use super::caller::{Caller, refused};
use upload_grant::model::problem::Problem;

/// Where the name is in what IAM and authorizers of one's own say.
const NAMES: [&str; 3] = ["userArn", "principalId", "callerId"];

/// The caller in the authorizer's context.
pub(super) fn caller(identity: Option<Map<String, Value>>) -> Result<Caller, Problem> {
    let identity = identity.filter(|claims| !claims.is_empty());
    let mut claims = identity.ok_or_else(|| refused("the platform's authorizer has established nobody"))?;
    // In a token nothing but `sub` names anybody, whatever its other claims are called.
    let is_token = ["sub", "iss"].iter().any(|name| claims.get(*name).is_some_and(|value| !value.is_null()));
    claims.values_mut().for_each(relist);
    Ok(Caller::vouched(claims, if is_token { &["sub"] } else { &NAMES }))
}

/// API Gateway writes the list `["a","b"]` as the text `[a b]`; a list of one word becomes one again. Of several
/// words nobody can tell whether they are the groups "my" and "admin" or the one group "my admin": such a list
/// is taken as empty, and matches nothing.
fn relist(value: &mut Value) {
    let inner = value.as_str().and_then(|text| text.strip_prefix('[')?.strip_suffix(']'));
    let Some(inner) = inner else { return };
    let word = Some(inner).filter(|inner| !inner.is_empty() && !inner.contains(char::is_whitespace));
    *value = word.into_iter().collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use upload_grant::model::problem::Code;

    fn run(identity: &Value) -> Result<Caller, Problem> {
        caller(identity.as_object().cloned())
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
            (json!({"sub": 1234}), Some("1234")),
            (json!({"sub": 1.5, "principalId": "p"}), None),
            (json!({"sub": {}, "userArn": arn}), None),
            (json!({"sub": null, "principalId": 7}), Some("7")),
            (json!({"iss": "https://idp.example", "principalId": "p"}), None),
        ] {
            assert_eq!(run(&identity).unwrap().name.as_deref(), name, "{identity}");
        }
    }

    #[test]
    fn lists_are_lists_again_where_that_is_certain() {
        let told = json!({"one": "[a]", "many": "[my admin]", "none": "[]", "plain": "a b", "null": null});
        let claims = run(&told).unwrap().claims;
        assert_eq!(Value::Object(claims), json!({"one": ["a"], "many": [], "none": [], "plain": "a b"}));
    }
}
