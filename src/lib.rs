//! Deploys an AWS Lambda function for a CI runner: one JSON object in, JSON events out.
//!
//! ```text
//!  runner ── request JSON ─▶ protocol ─▶ conditions ── unmet ─▶ finished: skipped
//!                                            │ met
//!                                 function ◀─┴─▶ package ∥ lambda (read live)     (at the same time)
//!                                       └───▶ plan ◀───┘
//!                                              └─▶ lambda (apply each step, wait) ─▶ finished ─▶ exit status
//! ```
//!
//! The rooms in order; each may use only what stands before it. Only [`protocol`] is a contract: the other rooms are
//! public so that the program and its tests can reach them, and change with any release.
//!
//! | room | in | out |
//! |---|---|---|
//! | [`protocol`] | JSON | request, stanza, events, schemas: the contract |
//! | [`stop`] | a signal, a closed output | the wish to end, for whoever works or waits |
//! | [`journal`] | events | lines on standard output, and what has been done so far |
//! | [`bounded`] | a path | a whole file, or why there is none (effect: files) |
//! | [`child`] | a command | its output and its end (effect: processes) |
//! | [`git`] | a question | git's answer (effect: processes) |
//! | [`options`] | a stanza as written, the job | the stanza as dpl would understand it (effect: `~/.aws`, git) |
//! | [`conditions`] | `on` and the job's environment | Travis CI's verdict (effect: bash) |
//! | [`function`] | a stanza | the function wanted; the live function |
//! | [`code`] | a stanza, the archive's hash | what the function is to run, and how that reaches Lambda |
//! | [`package`] | the job's directory | the archive (effect: files) |
//! | [`plan`] | wanted, archive, live | steps; pure |
//! | [`policy`] | a stanza | the least IAM policy for it; pure |
//! | [`commands`] | `run`, `cleanup`, `verify.command` | what the user's commands said (effect: processes) |
//! | [`verification`] | what is expected, what was answered | whether a version has proved itself; pure |
//! | [`lambda`] | a step | AWS's answer (effect: AWS) |
//! | [`failure`] | each room's error | code, sentence, hint |
//! | [`warnings`] | what a run comes upon | the warning that tells it |
//! | [`deploy`] | a command and a job | an outcome: the pass, top to bottom |
//! | [`runner`] | a file with stanzas, a CI's own variables | a run of this program for each, and its picture for people (effect: files, git, processes) |
//! | [`process`] | arguments, standard input, signals | events on standard output, the exit status (effect: the process) |
//!
//! Where is …? A key of the stanza: `protocol/stanza.rs`, what editors show of it: `protocol/editor/`. A sentence of an event: `protocol/prose.rs`. A sentence of a
//! failure: `failure/`, of a warning: `warnings.rs`. What bash is told: `conditions/bash.rs`. The order of AWS's calls: `plan/`. The process
//! itself (arguments, standard input, signals, exit status): `process/`.

pub mod bounded;
pub mod child;
pub mod code;
pub mod commands;
pub mod conditions;
pub mod deploy;
pub mod failure;
pub mod function;
pub mod git;
pub mod journal;
pub mod lambda;
pub mod options;
pub mod package;
pub mod plan;
pub mod policy;
pub mod process;
pub mod protocol;
pub mod runner;
pub mod stop;
pub mod verification;
pub mod warnings;
