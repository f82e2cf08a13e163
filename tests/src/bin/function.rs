//! `function FLOW`: any of the five functions, for tests that need one in a process of its own.

use std::process::ExitCode;

use upload_grant::serve::run;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("alibaba-aicontent") => run::<alibaba_aicontent::Aicontent>(),
        Some("alibaba-chatapp") => run::<alibaba_chatapp::Chatapp>(),
        Some("alibaba-workorder") => run::<alibaba_workorder::Workorder>(),
        Some("huawei-aicc") => run::<huawei_aicc::Aicc>(),
        Some("tencent-lke") => run::<tencent_lke::Lke>(),
        _ => ExitCode::FAILURE,
    }
}
