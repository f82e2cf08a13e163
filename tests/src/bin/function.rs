//! `function FLOW`: any of the five functions, for tests that need one in a process of its own.

use std::process::ExitCode;

use upload_grant::serve::start;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("alibaba-aicontent") => start::<alibaba_aicontent::Aicontent>(),
        Some("alibaba-chatapp") => start::<alibaba_chatapp::Chatapp>(),
        Some("alibaba-workorder") => start::<alibaba_workorder::Workorder>(),
        Some("huawei-aicc") => start::<huawei_aicc::Aicc>(),
        Some("tencent-lke") => start::<tencent_lke::Lke>(),
        _ => ExitCode::FAILURE,
    }
}
