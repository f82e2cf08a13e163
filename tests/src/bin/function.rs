//! `function FLOW`: any of the five functions, for tests that need one in a process of its own.

use std::process::ExitCode;

use upload_grant_runtime::serve::run_with;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let flow = arguments.next().unwrap_or_default();
    match flow.to_str() {
        Some("alibaba-aicontent") => run_with::<alibaba_aicontent::Aicontent>(arguments),
        Some("alibaba-chatapp") => run_with::<alibaba_chatapp::Chatapp>(arguments),
        Some("alibaba-workorder") => run_with::<alibaba_workorder::Workorder>(arguments),
        Some("huawei-aicc") => run_with::<huawei_aicc::Aicc>(arguments),
        Some("tencent-lke") => run_with::<tencent_lke::Lke>(arguments),
        _ => ExitCode::FAILURE,
    }
}
