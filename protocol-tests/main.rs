//! Tests the program from outside: they start it, write JSON to it, and check its events and its exit status.
//!
//! `DPL_LAMBDA=/path/to/other` tests another implementation; `RUNNER=/path/to/a/runner` runs the runner cases
//! with that runner; `CASE=part-of-a-name` selects cases; `BLESS=1` rewrites `schema/` from the types;
//! `TRAVIS_IF=/path/to/rows` compares other results of Travis's `if`.
#![expect(clippy::disallowed_methods, reason = "tests start programs, write files and read the clock")]
#![expect(clippy::print_stdout, reason = "a test prints how much it has tested")]

mod action;
mod approved_plans;
mod case;
mod cases;
mod ci_examples;
mod commands;
mod constraints;
mod convergence;
mod deployments;
mod documents;
mod documents_are_true;
mod editors;
mod emulated_guard;
mod emulated_releases;
mod emulated_scenario;
mod emulated_settings;
mod emulated_together;
mod emulators;
mod examples;
mod faults;
mod fixture;
mod hostile;
mod identity;
mod interruptions;
mod invalid_input;
mod layers;
mod limits;
mod lists;
mod members;
mod modules;
mod node;
mod pace;
mod packages;
mod plugin;
mod policies;
mod pty;
mod public_cases;
mod public_files;
mod public_meanings;
mod public_sentences;
mod public_values;
mod pull_requests;
mod python;
mod readme;
mod refusals;
mod release;
mod release_fixture;
mod releases;
mod repository;
mod reproducible_zip;
mod runners;
mod schemas;
mod secret_leaks;
mod service_models;
mod session;
mod settings;
mod shell;
mod standalone;
mod stanzas;
mod terminal;
mod terminal_snapshots;
mod tools;
mod travis;
mod uploads;
mod waiting;
mod words;
mod workflows;
mod zip_interop;
