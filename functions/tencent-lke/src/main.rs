//! The `tencent-lke` function.

fn main() -> std::process::ExitCode {
    upload_grant_runtime::serve::run::<tencent_lke::Lke>()
}
