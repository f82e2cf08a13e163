//! `send FILE…`: a client of these functions for shells. Each file is asked for, uploaded as its grant says,
//! and completed; its receipt, or its problem, is one JSON line on standard output.

mod attempt;
mod batch;
mod file;
mod function;
mod grant;
mod options;
mod progress;
mod transfer;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value};
use tokio::signal::unix::{SignalKind, signal};

use self::batch::Work;
use self::function::Function;
use self::options::{Command, Options};
use self::progress::{Progress, say};
use crate::net::{client, extra_roots};
use crate::platform::Env;
use crate::platform::telemetry;
use upload_grant::model::problem::Problem;

/// Exit codes, as shells know them.
const SOME_FAILED: u8 = 1;
const USAGE: u8 = 2;
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

/// Runs `send` with what follows this word on the command line of `program`. The exit code is 0 if every file
/// went, 1 if one did not, 2 if the command line or environment is wrong, 130 on Ctrl-C.
pub fn run(program: &str, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    telemetry::tell_panics();
    let mut env = Env::of_process();
    let command = Command::parse(arguments, &mut env).and_then(|command| match command {
        Command::Help => Ok(None),
        Command::Send(options) => {
            let roots = extra_roots(&mut env);
            let client = client(roots.as_deref()).map_err(|problem| problem.detail)?;
            let function = Function::new(&options.to, &mut env, client);
            match env.faults() {
                [] => Ok(Some((options, function?))),
                [fault, ..] => Err(format!("{} {}", fault.name, fault.reason)),
            }
        }
    });
    let (options, function) = match command {
        Ok(Some(ready)) => ready,
        Ok(None) => return help(program),
        Err(wrong) => {
            say(&format!("{program} send: {wrong}"));
            say(&format!("Try: {program} send --help"));
            return USAGE.into();
        }
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        say("the runtime cannot be started");
        return ExitCode::FAILURE;
    };
    let code = runtime.block_on(async {
        tokio::select! {
            // First: no work begins before there is an ear for signals.
            biased;
            code = told_to_stop() => code,
            code = send_all(&options, &function) => code,
        }
    });
    // A read of standard input that is under way cannot be ended otherwise.
    runtime.shutdown_background();
    code.into()
}

async fn send_all(options: &Options, function: &Function) -> u8 {
    let progress = Progress::new(options.quiet);
    let progress = &progress;
    let send = async |Work { input, prepared }: Work<'_>| {
        let bar = progress.bar(&input.label());
        let prepared = match prepared {
            Some(prepared) => prepared,
            None => transfer::prepare(options, input, &bar).await,
        };
        let outcome = match prepared {
            Ok(prepared) => transfer::send(function, prepared, &bar).await,
            Err(problem) => Err(problem),
        };
        (input.label(), outcome)
    };
    let asked = stream::iter(batch::groups(&options.inputs))
        .then(|group| batch::ask(function, options, group, progress))
        .flat_map(stream::iter);
    // The next list is asked for when the last of this one is under way.
    let outcomes = asked.map(send).buffer_unordered(options.jobs);
    let mut outcomes = std::pin::pin!(outcomes);
    let mut code = 0;
    while let Some((file, outcome)) = outcomes.next().await {
        let is_failure = outcome.is_err();
        let told = progress.outcome(&file, &outcome, || print(&file, outcome_line(&outcome)));
        if told.is_err() {
            say("standard output is closed: nobody would see the receipts");
            return SOME_FAILED;
        }
        if is_failure {
            code = SOME_FAILED;
        }
    }
    code
}

fn outcome_line(outcome: &Result<Value, Problem>) -> Value {
    outcome.clone().unwrap_or_else(|problem| problem.to_value())
}

/// The receipt or problem as it is, with the file it is of.
fn print(file: &str, document: Value) -> std::io::Result<()> {
    let mut line = Map::from_iter([("file".to_owned(), Value::from(file))]);
    if let Value::Object(members) = document {
        line.extend(members);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", Value::Object(line))?;
    out.flush()
}

fn help(program: &str) -> ExitCode {
    let written =
        write!(std::io::stdout().lock(), "Usage: {program} send [OPTIONS] FILE...\n{}", options::HELP);
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Resolves with the exit code on Ctrl-C or SIGTERM.
async fn told_to_stop() -> u8 {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => TERMINATED,
        _ = tokio::signal::ctrl_c() => INTERRUPTED,
    }
}
