//! Deploys an AWS Lambda function for a CI runner: reads one JSON object from standard input and writes JSON
//! events to standard output.
//!
//! # Architecture
//!
//! ```text
//!  phase     uses
//!  judge     protocol, options, conditions ── not met ─▶ finished: skipped
//!    │ met
//!  prepare   package (selects files)
//!  read      package ∥ lambda (reads the live function)
//!  plan ◀─┐  function, plan
//!  apply ─┘  lambda (applies each step and waits); plans again if the function has changed meanwhile
//!  finish ──▶ finished ─▶ exit status
//! ```
//!
//! `process` reads the request of the CI runner. `deploy/mod.rs` calls the phases in this order, and each one
//! has a file beside it. The functions of a release go through them together: `deploy/together.rs`.
//!
//! Each module uses only modules above it in this table. Only [`protocol`] is a stable interface, and the
//! program calls [`process::main`]; the other modules are private. A module with side effects says which, and
//! needs an exception from `clippy.toml` for them.
//!
//! | module | purpose | side effects |
//! |---|---|---|
//! | [`protocol`] | request, stanza, events, and their JSON Schemas: the contract with the CI runner | |
//! | `cancel` | cancellation, by a signal or a closed standard output | |
//! | `event_writer` | writes events to standard output, and records what a run has changed | |
//! | `bounded_read` | reads a whole file, within limits of size and time | files |
//! | `child` | runs a command, and returns its output and exit status | processes |
//! | `git` | runs git queries in a directory | processes |
//! | `options` | resolves the options of a stanza as dpl does: branches, variables, `~/.aws` | `~/.aws`, git |
//! | `conditions` | evaluates `on` as Travis CI does | bash |
//! | `travis_if` | evaluates the condition language of Travis CI's `if` | |
//! | `function` | the desired function, and the live one in the same form | |
//! | `package` | builds the archive, reproducibly | files |
//! | `code_source` | what code the function runs, and how it gets to Lambda | |
//! | `plan` | computes the steps from the desired function, the archive and the live function | |
//! | `policy` | the minimal IAM policy for a stanza | |
//! | `commands` | runs the user's commands: `run`, `cleanup`, `verify.command` | processes |
//! | `verification` | decides whether a version's answer meets the stanza's expectations | |
//! | `lambda` | makes the requests to AWS, and waits for their effect | AWS |
//! | `diagnostics` | turns each module's error into an error report: adds code, pointer, hint | |
//! | `warnings` | the messages of warnings | |
//! | `deploy` | runs a command from start to outcome | |
//! | `standalone` | the standalone mode: reads `.travis.yml`, detects the CI, runs this program once per stanza or release, prints text for people | files, git, processes |
//! | [`process`] | arguments, standard input and output, signals, exit status | the process |
//!
//! Keys of a stanza are defined in `protocol/stanza/options.rs` and `protocol/structures.rs`. Messages are in
//! `protocol/messages.rs` (events), the error types and `diagnostics/` (errors), and `warnings.rs` with
//! `warnings/` (warnings). bash is started in `conditions/bash.rs` for conditions and in `commands.rs` for `run`
//! and `verify.command`. `plan/` decides the order of the calls to AWS.

mod bounded_read;
mod cancel;
mod child;
mod code_source;
mod commands;
mod conditions;
mod deploy;
mod diagnostics;
mod event_writer;
mod function;
mod git;
mod lambda;
mod options;
mod package;
mod plan;
mod policy;
pub mod process;
pub mod protocol;
mod standalone;
mod travis_if;
mod verification;
mod warnings;

/// What the tests in `protocol-tests/` need of the other modules. No part of the interface.
#[doc(hidden)]
pub mod testing {
    pub use crate::diagnostics::catalogue::document as errors_document;
    pub use crate::function::option_reference::document as options_document;
    pub use crate::standalone::ChildLine;
    pub use crate::standalone::ci::{Ci, MAPPED_VARS};
    pub use crate::standalone::terminal::{HumanReporter, TerminalCapabilities, size_of};
    pub use crate::standalone::yaml::parse as parse_yaml;
    pub use crate::travis_if::{Facts, Variable, Verdict, evaluate as evaluate_travis_if};
}

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "../protocol-tests/fuzz/bodies.rs"]
pub mod fuzz;
