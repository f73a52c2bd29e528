//! Deploys an AWS Lambda function for a CI runner: reads one JSON object from standard input and writes JSON
//! events to standard output.
//!
//! # Architecture
//!
//! ```text
//!  CI runner ── request JSON ─▶ protocol ─▶ conditions ── not met ─▶ finished: skipped
//!                                              │ met
//!                                   function ◀─┴─▶ package ∥ lambda (reads the live function)
//!                                         └───▶ plan ◀───┘
//!                                                └─▶ lambda (applies each step and waits) ─▶ finished ─▶ exit status
//! ```
//!
//! Each module uses only modules above it in this table. Only [`protocol`] is a stable interface. The other
//! modules are public so that the program and its tests can use them; they may change in any release. A
//! module with side effects says which, and needs an exception from `clippy.toml` for them.
//!
//! | module | purpose | side effects |
//! |---|---|---|
//! | [`protocol`] | request, stanza, events, and their JSON Schemas: the contract with the CI runner | |
//! | [`cancel`] | cancellation, by a signal or a closed standard output | |
//! | [`event_writer`] | writes events to standard output, and records what a run has changed | |
//! | [`bounded_read`] | reads a whole file, within limits of size and time | files |
//! | [`child`] | runs a command, and returns its output and exit status | processes |
//! | [`git`] | runs git queries in a directory | processes |
//! | [`options`] | resolves the options of a stanza as dpl does: branches, variables, `~/.aws` | `~/.aws`, git |
//! | [`conditions`] | evaluates `on` as Travis CI does | bash |
//! | [`function`] | the desired function, and the live one in the same form | |
//! | [`package`] | builds the archive, reproducibly | files |
//! | [`code_source`] | what code the function runs, and how it gets to Lambda | |
//! | [`plan`] | computes the steps from the desired function, the archive and the live function | |
//! | [`policy`] | the minimal IAM policy for a stanza | |
//! | [`commands`] | runs the user's commands: `run`, `cleanup`, `verify.command` | processes |
//! | [`verification`] | decides whether a version's answer meets the stanza's expectations | |
//! | [`lambda`] | makes the requests to AWS, and waits for their effect | AWS |
//! | [`diagnostics`] | turns each module's error into an error report: code, message, hint | |
//! | [`warnings`] | the messages of warnings | |
//! | [`deploy`] | runs a command from start to outcome | |
//! | [`standalone`] | the standalone mode: reads `.travis.yml`, detects the CI, runs this program once per stanza, prints text for people | files, git, processes |
//! | [`process`] | arguments, standard input and output, signals, exit status | the process |
//!
//! Keys of a stanza are defined in `protocol/stanza.rs`, and what editors show for them in
//! `protocol/editor/`. Messages are in `protocol/messages.rs` (events), `diagnostics/` (errors) and
//! `warnings.rs` (warnings). bash is started in `conditions/bash.rs` for conditions and in `commands.rs` for
//! `run` and `verify.command`. `plan/` decides the order of the calls to AWS.

pub mod bounded_read;
pub mod cancel;
pub mod child;
pub mod code_source;
pub mod commands;
pub mod conditions;
pub mod deploy;
pub mod diagnostics;
pub mod event_writer;
pub mod function;
pub mod git;
pub mod lambda;
pub mod options;
pub mod package;
pub mod plan;
pub mod policy;
pub mod process;
pub mod protocol;
pub mod standalone;
pub mod verification;
pub mod warnings;
