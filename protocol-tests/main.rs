//! Tests the program from outside: they start it, write JSON to it, and check its events and its exit status.
//!
//! `DPL_LAMBDA=/path/to/other` tests another implementation; `RUNNER=/path/to/a/runner` runs the runner cases with that
//! runner; `CASE=part-of-a-name` selects cases; `BLESS=1` rewrites `schema/` from the types.
#![expect(clippy::disallowed_methods, reason = "tests start programs, write files and read the clock")]
#![expect(clippy::print_stdout, reason = "a test prints how much it has tested")]

mod by_hand;
mod canaries;
mod case;
mod cases;
mod ci_examples;
mod commands;
mod constraints;
mod convergence;
mod corpus;
mod deployments;
mod documents;
mod editors;
mod emulated_releases;
mod emulated_settings;
mod emulators;
mod examples;
mod faults;
mod fixture;
mod hostile;
mod identity;
mod interruptions;
mod limits;
mod node;
mod pictures;
mod plugin;
mod policies;
mod pty;
mod pull_requests;
mod readers;
mod readme;
mod refusals;
mod release;
mod releases;
mod repository;
mod rubbish;
mod runners;
mod same_bytes;
mod schemas;
mod session;
mod settings;
mod stanzas;
mod supply;
mod terminal;
mod travis;
mod uploads;
mod venv;
mod waiting;
mod words;
mod workflows;
