//! Deploys an AWS Lambda function for a CI runner: reads one JSON object from standard input and writes JSON
//! events to standard output.
//!
//! `docs/architecture.md` says which module does what. Each module uses only modules above it in the table
//! there. Only [`protocol`] is a stable interface, and the program calls [`process::main`]; the other modules
//! are private. A module with side effects says which, and needs an exception from `clippy.toml` for them.

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
