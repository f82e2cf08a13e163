//! The one list of flows against what each function says of itself.

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
            )*
        };
    }
    upload_grant_sandbox::flows!(compared);
    assert!(listed.next().is_none());
}
