//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lexopt::prelude::{Long, Short, Value as Positional, ValueExt};
use serde_json::{Map, Value};

use crate::platform::{Env, check_endpoint};
use upload_grant::model::request::Mode;

/// What `--help` prints below the usage line.
pub(super) const HELP: &str = "
Asks a function for a grant for each FILE, uploads the file as the grant says, and prints its
receipt as one JSON line. A file that fails prints its problem instead. FILE - is standard input.

  --to URL      the function; else GRANT_URL, else http://127.0.0.1:9000
  --mode MODE   form, put or relay; else the function's choice
  --type TYPE   content type; else by the file's name
  --name NAME   name to send one FILE under; standard input needs it
  --param K=V   a parameter of the flow; may be repeated
  --jobs N      files at the same time, 1 to 64; else 4
  --quiet       show no progress
  --help        show this

Credentials come from the environment: GRANT_TOKEN (sent as bearer token) or GRANT_API_KEY, or
the files that GRANT_TOKEN_FILE and GRANT_API_KEY_FILE name.

Exit status: 0 all files went, 1 some did not, 2 wrong usage, 130 interrupted.
";

const DEFAULT_URL: &str = "http://127.0.0.1:9000";
const DEFAULT_JOBS: usize = 4;
const MOST_JOBS: usize = 64;

/// What is wanted.
pub(super) enum Command {
    Help,
    Send(Options),
}

/// What to send, where to and how.
pub(super) struct Options {
    /// Address of the function, without trailing slash.
    pub to: String,
    pub mode: Option<Mode>,
    pub content_type: Option<String>,
    pub params: Map<String, Value>,
    /// Files at the same time.
    pub jobs: usize,
    pub quiet: bool,
    pub inputs: Vec<Input>,
}

/// One FILE.
pub(super) struct Input {
    /// None is standard input.
    pub path: Option<PathBuf>,
    /// Name to send it under, instead of its own.
    pub name: Option<String>,
}

impl Input {
    /// The file as it was given.
    pub fn label(&self) -> String {
        self.path.as_deref().map_or_else(|| "-".to_owned(), |path| path.to_string_lossy().into_owned())
    }
}

impl Command {
    /// Reads the command line, and `GRANT_URL`.
    ///
    /// # Errors
    /// A sentence about what is wrong.
    pub fn parse(arguments: impl Iterator<Item = OsString>, env: &mut Env) -> Result<Self, String> {
        let mut options = Options {
            to: String::new(),
            mode: None,
            content_type: None,
            params: Map::new(),
            jobs: DEFAULT_JOBS,
            quiet: false,
            inputs: Vec::new(),
        };
        let mut to = None;
        let mut name = None;
        let mut paths = Vec::new();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next().map_err(text)? {
            match argument {
                Long("help") | Short('h') => return Ok(Self::Help),
                Long("to") => to = Some(value(&mut parser)?),
                Long("mode") => options.mode = Some(mode(&value(&mut parser)?)?),
                Long("type") => options.content_type = Some(value(&mut parser)?),
                Long("name") => name = Some(value(&mut parser)?),
                Long("param") => options.params.extend([param(&value(&mut parser)?)?]),
                Long("jobs") => options.jobs = jobs(&value(&mut parser)?)?,
                Long("quiet") | Short('q') => options.quiet = true,
                Positional(path) => paths.push(path),
                other => return Err(text(other.unexpected())),
            }
        }
        options.to = address(to, env)?;
        options.inputs = inputs(paths, name.as_deref())?;
        Ok(Self::Send(options))
    }
}

fn address(to: Option<String>, env: &mut Env) -> Result<String, String> {
    let (name, url) = match (to, env.get("GRANT_URL")) {
        (Some(to), _) => ("--to", to),
        (None, Some(url)) => ("GRANT_URL", url),
        (None, None) => ("", DEFAULT_URL.to_owned()),
    };
    check_endpoint(&url).map_err(|reason| format!("{name} {reason}"))?;
    // Whoever pastes the address of the route means the function.
    let url = url.trim_end_matches('/');
    Ok(url.strip_suffix("/grants").unwrap_or(url).to_owned())
}

fn inputs(paths: Vec<OsString>, name: Option<&str>) -> Result<Vec<Input>, String> {
    let is_stdin = |path: &OsString| path == "-";
    if paths.is_empty() {
        return Err("no FILE is given".to_owned());
    }
    if paths.len() > 1 && name.is_some() {
        return Err("--name is for one FILE".to_owned());
    }
    if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err("standard input can be sent once".to_owned());
    }
    if paths.iter().any(is_stdin) && name.is_none() {
        return Err("standard input needs --name, and to be the only FILE".to_owned());
    }
    let input = |path: OsString| Input {
        path: (!is_stdin(&path)).then(|| Path::new(&path).to_owned()),
        name: name.map(str::to_owned),
    };
    Ok(paths.into_iter().map(input).collect())
}

fn mode(text: &str) -> Result<Mode, String> {
    let modes = [Mode::Form, Mode::Put, Mode::Relay];
    let found = modes.into_iter().find(|mode| mode.as_str() == text);
    found.ok_or_else(|| "--mode is none of form, put, relay".to_owned())
}

fn jobs(text: &str) -> Result<usize, String> {
    let jobs = text.parse().ok().filter(|jobs| (1..=MOST_JOBS).contains(jobs));
    jobs.ok_or_else(|| format!("--jobs is not a number from 1 to {MOST_JOBS}"))
}

/// `name=value`: `true` and `false` are booleans, an object is JSON, everything else is text.
fn param(text: &str) -> Result<(String, Value), String> {
    let wrong = || "--param is not NAME=VALUE, or its value is no JSON object".to_owned();
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
    let value = match value {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        object if object.starts_with('{') => serde_json::from_str(object).map_err(|_| wrong())?,
        text => text.into(),
    };
    Ok((name.to_owned(), value))
}

fn value(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().and_then(ValueExt::string).map_err(text)
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn text(error: lexopt::Error) -> String {
    error.to_string()
}
