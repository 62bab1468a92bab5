//! The command line.

#![forbid(unsafe_code)]

mod classify;
mod record_output;

use clap::Parser;

/// Small text classifiers
#[derive(Debug, Parser)]
#[command(version)]
enum Command {
    Classify(classify::Classify),
}

fn main() -> std::process::ExitCode {
    let Command::Classify(arguments) = Command::parse();
    match classify::run(arguments) {
        Ok(()) => 0.into(),
        Err(error) => {
            eprintln!("paring: {error}");
            if classify::is_usage(&*error) { 2.into() } else { 1.into() }
        }
    }
}
