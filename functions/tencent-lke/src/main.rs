//! The `tencent-lke` function.

fn main() -> std::process::ExitCode {
    upload_grant::serve::run::<tencent_lke::Lke>()
}
