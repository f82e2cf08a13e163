//! `upload-grant FLOW`: any of the functions, as the container image has them. `upload-grant send FILE…`: for those
//! who have a function's address and not the function.

use std::env::ArgsOs;
use std::io::Write as _;
use std::iter::Skip;
use std::process::ExitCode;

use upload_grant_runtime::cli::send;
use upload_grant_runtime::flow::Flow;
use upload_grant_runtime::serve::run_with;

/// A flow's name, and what runs it with the rest of the command line.
type Function = (&'static str, fn(Skip<ArgsOs>) -> ExitCode);

macro_rules! functions {
    ($($function:ty,)*) => {
        [$((<$function as Flow>::SPEC.name, run_with::<$function>)),*]
    };
}

const FUNCTIONS: [Function; 7] = functions![
    alibaba_aicontent::Aicontent,
    alibaba_bailian::Bailian,
    alibaba_chatapp::Chatapp,
    alibaba_dashscope::Dashscope,
    alibaba_workorder::Workorder,
    huawei_aicc::Aicc,
    tencent_lke::Lke,
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let word = arguments.next().unwrap_or_default();
    if word == "send" {
        return send::run("upload-grant", arguments);
    }
    if let Some((_, run)) = FUNCTIONS.iter().find(|(name, _)| word == *name) {
        return run(arguments);
    }
    // There is nowhere to complain about a closed standard output or error.
    if word == "--help" {
        let _ = std::io::stdout().write_all(usage().as_bytes());
        return ExitCode::SUCCESS;
    }
    let _ = std::io::stderr().write_all(usage().as_bytes());
    ExitCode::from(2)
}

fn usage() -> String {
    let names = FUNCTIONS.map(|(name, _)| name).join(", ");
    format!(
        "Usage: upload-grant send FILE...    upload files through a function (upload-grant send --help)\n       \
         upload-grant FLOW            serve, as the environment says (upload-grant FLOW --help)\n\n\
         Flows: {names}\n"
    )
}
