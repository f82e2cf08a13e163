//! The one list of flows against what each function says of itself.

use upload_grant::model::params::{CONTRACT, Kind, Param, SetBy};
use upload_grant_runtime::flow::Flow;
use upload_grant_tests::FLOWS;

#[test]
fn the_list_is_what_the_functions_say() {
    let mut listed = FLOWS.iter();
    macro_rules! compared {
        ($($vendor:ident: $function:ty,)*) => {
            $(
                let (flow, spec) = (listed.next().unwrap(), <$function as Flow>::SPEC);
                assert_eq!(flow.name, spec.name);
                let params: Vec<&str> = spec.params.iter().map(|param| param.name).collect();
                assert_eq!(flow.params, params, "{}", spec.name);
                spec.params.iter().for_each(in_contract);
            )*
        };
    }
    upload_grant_sandbox::flows!(compared);
    assert!(listed.next().is_none());
}

/// Another flow, and a policy for several, are told the same of it.
fn in_contract(param: &Param) {
    let known = CONTRACT.iter().find(|known| known.name == param.name);
    let known =
        known.unwrap_or_else(|| panic!("add {} to CONTRACT in shared/src/model/params.rs", param.name));
    let kind = if let Kind::OneOf(_) = param.kind { Kind::Text } else { param.kind };
    let by_caller = param.set_by == SetBy::Caller;
    assert_eq!((known.alias, known.kind), (param.alias, kind), "{}", param.name);
    assert_eq!(known.set_by == SetBy::Caller, by_caller, "{}", param.name);
}
