//! The `huawei-aicc` function.

fn main() -> std::process::ExitCode {
    upload_grant_runtime::serve::run::<huawei_aicc::Aicc>()
}
