//! `cargo xtask`: what this project does to itself, from setup to demo.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a person watches these programs")]

use std::process::ExitCode;

mod api;
mod bench;
mod canary;
mod command;
mod demo;
mod dist;
mod fuzz;
mod long;
mod pages;
mod sdk;
mod setup;
mod sizes;
mod task;
mod test;
mod vault_help;
mod word;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match task::perform(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
