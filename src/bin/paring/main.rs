//! The command line.

#![forbid(unsafe_code)]

mod advice;
mod classify;
mod common;
mod evaluate;
mod explain;
mod frontier;
mod inspect;
mod picture;
mod record_output;
mod train;
mod training;

use std::io;
use std::process::ExitCode;

use clap::Parser;

/// Small text classifiers: train them, pare them down to a budget, read what they learnt, label texts
///
/// Exit codes: 0 for success, 1 for failure, 2 for arguments that make no sense.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
The built-in model includes information from the O*NET 27.0 Database by the U.S. Department of Labor, Employment and \
Training Administration (USDOL/ETA), used under the CC BY 4.0 license and changed: summarised as scores of words. O*NET \
is a trademark of USDOL/ETA, which has not approved, endorsed or tested it."
)]
enum Command {
    Train(train::Train),
    Classify(classify::Classify),
    Evaluate(evaluate::Evaluate),
    Inspect(inspect::Inspect),
    Explain(explain::Explain),
    Frontier(frontier::Frontier),
}

fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(told) => return tell(&told),
    };
    let done = match command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Classify(arguments) => classify::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Frontier(arguments) => frontier::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<common::ReaderGone>() => ExitCode::SUCCESS,
        Err(error) => {
            common::tell(format_args!("{error}{}", advice::advice(&*error)));
            if common::is_usage(&*error) { 2.into() } else { 1.into() }
        }
    }
}

/// Prints help, the version, or what is wrong with the arguments.
fn tell(told: &clap::Error) -> ExitCode {
    let printed = told.print();
    if told.use_stderr() {
        return 2.into();
    }
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            common::tell(format_args!("standard output: {error}"));
            1.into()
        }
        _ => ExitCode::SUCCESS,
    }
}
