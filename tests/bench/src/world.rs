//! What every part of the benchmark stands on: the binaries, the sandbox, and how thorough to be.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::runtime::Runtime;
use upload_grant_sandbox::{FLOWS, Sandbox};

/// The functions, by name.
pub fn flows() -> Vec<&'static str> {
    FLOWS.iter().map(|flow| flow.name).collect()
}

pub struct World {
    /// Runs the sandbox and the other servers, beside the measuring thread.
    pub runtime: Runtime,
    pub sandbox: Sandbox,
    /// `target`
    target: PathBuf,
    /// A few rounds, to see that everything runs.
    pub quick: bool,
}

impl World {
    pub fn new(quick: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let sandbox = runtime.block_on(Sandbox::start()).expect("a sandbox");
        let program = std::env::current_exe().expect("this program");
        let target = program.ancestors().nth(2).expect("target/PROFILE/bench").to_owned();
        std::fs::create_dir_all(target.join("bench")).expect("a folder to work in");
        Self { runtime, sandbox, target, quick }
    }

    /// `full` rounds, or few.
    pub fn rounds(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    /// A binary built for release: a function or a bare program.
    pub fn release(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// A program built with this one.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.target.join("peers").join(name)
    }

    /// A file to work with.
    pub fn file(&self, name: &str) -> PathBuf {
        self.target.join("bench").join(name)
    }

    /// The settings of a function against the sandbox, as a deployment would have them.
    pub fn settings(&self, flow: &str, extra: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut vars = self.sandbox.env(flow);
        let ours = [("GRANT_SECRET", "a-grant-secret-of-at-least-32-bytes!")];
        vars.extend(ours.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        vars
    }
}

/// How many processors there are.
pub fn processors() -> usize {
    let online = std::fs::read_to_string("/proc/cpuinfo").expect("Linux");
    online.lines().filter(|line| line.starts_with("processor")).count().max(1)
}

/// Keeps this thread, and all that it starts meanwhile, on these processors (`0`, `0-1`); without taskset it stays
/// where it is.
pub fn on<T>(place: &str, work: impl FnOnce() -> T) -> T {
    let thread = std::fs::read_link("/proc/thread-self").expect("Linux");
    let thread = thread.file_name().expect("a thread").to_owned();
    let go = |place: &str| {
        let _ = Command::new("taskset").args(["-cp", place]).arg(&thread).stdout(Stdio::null()).status();
    };
    go(place);
    let result = work();
    go(&format!("0-{}", processors() - 1));
    result
}

/// The same on one processor: two programs that take turns cost far more when each wakes the other across processors,
/// and which of them do is chance.
pub fn on_one_processor<T>(work: impl FnOnce() -> T) -> T {
    on("0", work)
}

/// Mebibytes of a file.
pub fn mib(path: &Path) -> f64 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).len() as f64
        / 1_048_576.0
}

/// A PEM file of so many root certificates.
pub fn bundle(world: &World, certificates: usize) -> PathBuf {
    let pem: String = (0..certificates)
        .map(|at| {
            let mut root = rcgen::CertificateParams::new(Vec::<String>::new()).expect("names");
            root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            root.distinguished_name.push(rcgen::DnType::CommonName, format!("Authority {at} of a bundle"));
            let key = rcgen::KeyPair::generate().expect("a key");
            root.self_signed(&key).expect("a root").pem()
        })
        .collect();
    let file = world.file("bundle.pem");
    std::fs::write(&file, pem).expect("a file");
    file
}

/// A test authority and what it vouched for: `localhost`.
pub struct Tls {
    /// The authority's certificate, as `SSL_CERT_FILE` wants it.
    pub authority: PathBuf,
    pub port: u16,
}

impl Tls {
    /// Serves TLS in front of a plain `http://HOST:PORT`.
    pub fn before(world: &World, plain: &str) -> Self {
        let params = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            rcgen::CertificateParams::new(names).expect("names")
        };
        let key = || rcgen::KeyPair::generate().expect("a key");
        let (mut root, root_key, leaf_key) = (params(&[]), key(), key());
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root_certificate = root.self_signed(&root_key).expect("a root");
        let issuer = rcgen::Issuer::new(root, root_key);
        let leaf = params(&["localhost"]).signed_by(&leaf_key, &issuer).expect("a certificate");
        let authority = world.file("authority.pem");
        std::fs::write(&authority, root_certificate.pem()).expect("a file");

        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("TLS versions")
                .with_no_client_auth()
                .with_single_cert(
                    vec![leaf.der().clone()],
                    leaf_key.serialize_der().try_into().expect("a key"),
                )
                .expect("a certificate");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let plain = plain.trim_start_matches("http://").to_owned();
        let listener =
            world.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        world.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, plain) = (acceptor.clone(), plain.clone());
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let mut server = tokio::net::TcpStream::connect(plain).await?;
                    tokio::io::copy_bidirectional(&mut stream, &mut server).await
                });
            }
        });
        Self { authority, port }
    }
}
