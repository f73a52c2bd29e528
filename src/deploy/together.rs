//! Runs a command for the stanzas of a release together: judges and packages them one after the other, then
//! lets each function go through the release on a thread of its own. One stanza that cannot be judged,
//! packaged, read or planned stops the release before anything is changed.
#![expect(clippy::disallowed_methods, reason = "measures how long the run takes")]

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use tokio::runtime::Runtime;

use super::approval;
use super::check_stanza;
use super::context::Context;
use super::job::{Command, Job};
use super::judge::{Accepted, Judged, judge};
use super::member::Member;
use super::package::{Archives, Prepared};
use super::redaction::Redaction;
use super::release::{ReleaseRun, announce};
use super::shared::Shared;
use super::user_commands::{clean_up, restore_stash, run_commands};
use super::warn;
use crate::cancel::CancelToken;
use crate::code_source::CodeSource;
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::lambda::IdentityKey;
use crate::protocol::event::{Finished, Outcome, Phase};
use crate::protocol::name::FunctionName;

/// The stanzas of a release. There are at least two.
pub(super) struct Together<'a> {
    /// Name of the release, with secrets masked.
    pub(super) name: &'a str,
    pub(super) command: &'a Command,
    /// The stanzas in their order.
    pub(super) jobs: Vec<&'a Job>,
    /// The writer of each stanza.
    pub(super) writers: Vec<Arc<EventWriter>>,
    pub(super) shared: &'a Shared,
    /// The writer of the run.
    pub(super) events: &'a Arc<EventWriter>,
    pub(super) stop: &'a CancelToken,
    /// True if the release fails when all its stanzas are skipped.
    pub(super) require_deploy: bool,
}

/// Stack of the thread of a function, as the main thread has it: without optimization the SDK's calls need
/// more than 2 MiB. Only the part that is used takes memory.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// A stanza of the release that is deployed, with its place in the release.
type Accept<'a> = (usize, Context<'a>);

/// The code of a function. `None`: its aliases move back, so no code is needed.
type FunctionCode = Option<(CodeSource, Prepared)>;

impl Together<'_> {
    /// Runs the command to its end. Returns the result of each stanza.
    pub(super) fn run(&self) -> Vec<Finished> {
        let began = Instant::now();
        announce(self.events, self.name, Phase::Judge, self.jobs.len());
        // `None`: not known yet.
        let mut results: Vec<Option<Finished>> = vec![None; self.jobs.len()];
        let accepted = self.judge_all(&mut results);
        self.decide_about_failures(&results);
        let (mut stanzas, mut parts) = (Vec::new(), Vec::new());
        for (index, Accepted { stanza, secrets_of_job, redactor }) in accepted {
            stanzas.push(stanza);
            parts.push((index, secrets_of_job, redactor));
        }
        let stop = self.stop.child();
        let parts = stanzas.iter().zip(parts);
        let contexts: Vec<Accept<'_>> = parts
            .map(|(stanza, (index, secrets_of_job, redactor))| {
                let (job, events): (&Job, &Arc<EventWriter>) = (self.jobs[index], &self.writers[index]);
                let known_secrets = self.shared.known_secrets.clone();
                let redaction = Redaction::new(job, stanza, secrets_of_job, redactor, known_secrets);
                let name = &stanza.function_name;
                events.name_function(&redaction.variables.redact(name.as_str()));
                let (stop, shared, release) = (&stop, Some(self.shared), Some(self.name));
                (index, Context { job, stanza, name, redaction, events, stop, shared, release, began })
            })
            .collect();
        self.check_all(&contexts, &mut results);
        if *self.command == Command::Check {
            for (index, _) in &contexts {
                results[*index].get_or_insert(Finished::Checked {});
            }
        } else if !has_failed(&results) && !contexts.is_empty() {
            self.go(&contexts, &mut results);
        }
        let stopped = || Finished::stopped(Vec::new());
        results.into_iter().map(|finished| finished.unwrap_or_else(stopped)).collect()
    }

    /// Judges the stanzas, until the run is cancelled. Returns those that are valid and whose conditions are
    /// met.
    fn judge_all(&self, results: &mut [Option<Finished>]) -> Vec<(usize, Accepted)> {
        let mut accepted = Vec::new();
        let mut unmet_last = Vec::new();
        for (index, (job, events)) in self.jobs.iter().zip(&self.writers).enumerate() {
            let is_stopped = self.stop.check().map_err(diagnostics::from_stop);
            match is_stopped.and_then(|()| judge(self.command, job, events, self.stop)) {
                Ok(Judged::Accepted(stanza)) => accepted.push((index, *stanza)),
                Ok(Judged::Skipped { unmet }) => {
                    unmet_last.clone_from(&unmet);
                    results[index] = Some(match approval::check_skipped(job, &unmet) {
                        Ok(()) => Finished::Skipped { unmet },
                        Err(report) => Finished::failed(report, Vec::new()),
                    });
                }
                Err(report) => {
                    results[index] = Some(Finished::failed(report, Vec::new()));
                    if self.stop.reason().is_some() {
                        return Vec::new();
                    }
                }
            }
        }
        let all_skipped = accepted.is_empty() && !has_failed(results);
        if let Some(last) = results.last_mut().filter(|_| all_skipped && self.require_deploy) {
            *last = Some(Finished::failed(diagnostics::from_required_skip(&unmet_last), Vec::new()));
        }
        accepted
    }

    /// Allows a failure only if all stanzas that are not skipped allow it.
    fn decide_about_failures(&self, results: &[Option<Finished>]) {
        let is_skipped = |finished: &Option<Finished>| matches!(finished, Some(Finished::Skipped { .. }));
        let mut others = self.writers.iter().zip(results).filter(|(_, finished)| !is_skipped(finished));
        if !others.all(|(events, _)| events.allows_failure()) {
            self.writers.iter().for_each(|events| events.disallow_failure());
        }
    }

    /// Checks each stanza on its own, and that no function has two.
    fn check_all(&self, contexts: &[Accept<'_>], results: &mut [Option<Finished>]) {
        let mut known: Vec<(&FunctionName, IdentityKey)> = Vec::new();
        for (index, context) in contexts {
            let mut checked = check_stanza(self.command, context);
            let name = context.name;
            if let Ok(identity) = IdentityKey::of(context.stanza, &context.job.env) {
                if known.iter().any(|other| is_same(other.0, name) && other.1 == identity) {
                    let shown = context.redaction.variables.redact(name.as_str());
                    checked = Err(diagnostics::from_repeated_function(self.name, &shown));
                }
                known.push((name, identity));
            }
            if let Err(report) = checked {
                results[*index] = Some(Finished::failed(report, Vec::new()));
            }
        }
    }

    /// Plans, deploys or rolls back the functions, with what the stanzas want before and after that.
    fn go(&self, contexts: &[Accept<'_>], results: &mut [Option<Finished>]) {
        let is_dry_run = contexts.iter().any(|(_, context)| context.stanza.dry_run == Some(true));
        let only_plan = is_dry_run || *self.command == Command::Plan;
        let deploys = *self.command != Command::Rollback;
        if deploys && only_plan {
            contexts.iter().for_each(|(_, context)| warn::about_cleanup(context));
        }
        // Uncommitted files are stashed once, if a stanza wants that.
        let wants_cleanup = |context: &Context<'_>| context.stanza.cleanup == Some(true);
        let cleaned = contexts.iter().find(|(_, context)| deploys && !only_plan && wants_cleanup(context));
        let mut stash = None;
        if let Some((index, context)) = cleaned {
            match clean_up(context) {
                Ok(found) => stash = found.map(|found| (context, found)),
                Err(report) => {
                    results[*index] = Some(Finished::failed(report, Vec::new()));
                    return;
                }
            }
        }
        let codes = if deploys {
            self.package_all(contexts, results)
        } else {
            contexts.iter().map(|_| None).collect()
        };
        if !has_failed(results) {
            self.go_together(contexts, codes, only_plan, results);
        }
        if deploys && !only_plan && !has_failed(results) {
            run_all_commands(contexts, results);
        }
        if let Some((context, stash)) = stash {
            restore_stash(context, &stash);
        }
    }

    /// Packages the code of all functions, until the run is cancelled.
    fn package_all(&self, contexts: &[Accept<'_>], results: &mut [Option<Finished>]) -> Vec<FunctionCode> {
        announce(self.events, self.name, Phase::Package, contexts.len());
        let mut archives = Archives::default();
        let mut codes = Vec::new();
        for (index, context) in contexts {
            let source = CodeSource::of(context.stanza);
            match archives.prepare(context, &source) {
                Ok(prepared) => codes.push(Some((source, prepared))),
                Err(report) => {
                    results[*index] = Some(Finished::failed(report, Vec::new()));
                    if self.stop.reason().is_some() {
                        break;
                    }
                }
            }
        }
        codes
    }

    fn go_together(
        &self,
        contexts: &[Accept<'_>],
        codes: Vec<FunctionCode>,
        only_plan: bool,
        results: &mut [Option<Finished>],
    ) {
        announce(self.events, self.name, Phase::Read, contexts.len());
        let finished = match self.shared.runtime() {
            Ok(runtime) => self.run_members(runtime, contexts, codes, only_plan),
            // The others are stopped.
            Err(report) => vec![Finished::failed(report, Vec::new())],
        };
        for ((index, _), finished) in contexts.iter().zip(finished) {
            results[*index] = Some(finished);
        }
    }

    /// Runs each member on its own thread, and returns their results.
    fn run_members(
        &self,
        runtime: &Runtime,
        contexts: &[Accept<'_>],
        codes: Vec<FunctionCode>,
        only_plan: bool,
    ) -> Vec<Finished> {
        let Some((_, first)) = contexts.first() else { return Vec::new() };
        let is_reversed = *self.command == Command::Rollback;
        let tokens = (self.stop, first.stop);
        let release = ReleaseRun::new(self.name, contexts.len(), runtime, self.events, tokens, is_reversed);
        let release = &release;
        let places = contexts.iter().enumerate();
        let members: Vec<Member<'_>> = places
            .map(|(index, (_, context))| Member { index, context, release, runtime, only_plan })
            .collect();
        thread::scope(|scope| {
            let mut running = Vec::new();
            for (member, code) in members.iter().zip(codes) {
                let builder = thread::Builder::new().stack_size(STACK_BYTES);
                let started = builder.spawn_scoped(scope, move || member.run(code));
                running.push(started.map_err(|error| member.refused(&error)));
            }
            release.wait_for_all();
            let finished = running.into_iter().map(|running| match running {
                Ok(running) => running.join().expect("a panic ends the process"),
                Err(refused) => refused,
            });
            finished.collect()
        })
    }
}

/// True if two names mean one function, for callers in the same account.
fn is_same(one: &FunctionName, other: &FunctionName) -> bool {
    let is_short = |name: &FunctionName| name.as_str() == name.name();
    one.name() == other.name() && (one.as_str() == other.as_str() || is_short(one) || is_short(other))
}

/// Runs the commands of `run` of all stanzas, until one fails.
fn run_all_commands(contexts: &[Accept<'_>], results: &mut [Option<Finished>]) {
    for (index, context) in contexts {
        if let Err(report) = run_commands(context) {
            results[*index] = Some(Finished::failed(report, context.events.changed()));
            return;
        }
    }
}

fn has_failed(results: &[Option<Finished>]) -> bool {
    results.iter().flatten().any(|finished| finished.outcome() == Outcome::Failed)
}
