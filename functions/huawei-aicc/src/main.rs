//! The `huawei-aicc` function.

fn main() -> std::process::ExitCode {
    upload_grant::serve::run::<huawei_aicc::Aicc>()
}
