//! `function FLOW`: any of the functions, for tests that need one in a process of its own.

use std::process::ExitCode;

use upload_grant_runtime::flow::Flow;
use upload_grant_runtime::serve::run_with;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let flow = arguments.next().unwrap_or_default();
    macro_rules! run {
        ($($vendor:ident: $function:ty,)*) => {
            $(if flow == <$function as Flow>::SPEC.name {
                return run_with::<$function>(arguments);
            })*
        };
    }
    upload_grant_sandbox::flows!(run);
    ExitCode::FAILURE
}
