//! Runs a command for a job, in phases: `judge`, `prepare` (in `package.rs`), `read`, `plan`, `apply`,
//! `finish`. Each phase has a file, takes values and returns values. `run` below calls the first phase, and
//! `deploy` the other five; `list.rs` calls `run` for each stanza of a list. The stanzas of a release go
//! through the phases together: `together.rs` calls the first two phases, and `member.rs` the others, on one
//! thread for each function. `init.rs` and `live_version.rs` read a live function, without these phases. This
//! file calls the other modules and writes events. It never interprets a value of the stanza itself.
#![expect(clippy::disallowed_methods, reason = "measures how long the run takes")]

mod apply;
mod approval;
mod aws;
mod context;
mod finish;
mod guard;
mod init;
mod inspect;
mod job;
mod judge;
mod layers;
mod list;
mod live_version;
mod member;
mod package;
mod plan;
mod read;
mod redaction;
mod release;
mod release_record;
mod rollback;
mod shared;
mod step;
mod together;
mod user_commands;
mod verify;
mod warn;

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Runtime;

pub(crate) use self::init::init;
pub(crate) use self::job::{Command, Job, Jobs};
pub(crate) use self::list::run_list;
pub(crate) use self::live_version::{KnownFunction, KnownVersion, VersionQuery, read_versions};

use self::apply::{Round, apply, dry_run};
use self::aws::{Aws, with_runtime};
use self::context::Context;
use self::finish::{Baseline, finish};
use self::guard::GuardWatch;
use self::judge::{Accepted, Judged, judge};
use self::package::{package_to, prepare};
use self::plan::{Planned, plan, plan_again};
use self::read::{read, read_again};
use self::redaction::Redaction;
use self::rollback::roll_back;
use self::shared::Shared;
use self::step::OutdatedStep;
use self::user_commands::{clean_up, restore_stash, run_commands};
use crate::cancel::CancelToken;
use crate::code_source::CodeSource;
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::function::DesiredFunction;
use crate::lambda;
use crate::options;
use crate::policy::{self, Policy};
use crate::protocol::environment::Environment;
use crate::protocol::error::{ErrorReport, Problem};
use crate::protocol::event::Finished;
use crate::protocol::json::Map;
use crate::protocol::stanza;
use crate::warnings;

/// How often the deployment is planned again after another caller has changed the function, before it fails.
const MAX_REPLANS: u32 = 10;

/// Runs `command` and writes events to `events`, until it ends or `stop` is set. Returns the outcome for the
/// `finished` event.
pub(crate) fn run(command: &Command, job: &Job, events: &Arc<EventWriter>, stop: &CancelToken) -> Finished {
    run_with(None, command, job, events, stop)
}

/// As [`run`], for one function of several that share `shared`.
fn run_with(
    shared: Option<&Shared>,
    command: &Command,
    job: &Job,
    events: &Arc<EventWriter>,
    stop: &CancelToken,
) -> Finished {
    let began = Instant::now();
    let finished = judge(command, job, events, stop).and_then(|judged| match judged {
        Judged::Skipped { unmet } if job.require_deploy => Err(diagnostics::from_required_skip(&unmet)),
        Judged::Skipped { unmet } => {
            approval::check_skipped(job, &unmet).map(|()| Finished::Skipped { unmet })
        }
        Judged::Accepted(accepted) => {
            let Accepted { stanza, secrets_of_job, redactor } = *accepted;
            let known_secrets = shared.map(|shared| shared.known_secrets.clone()).unwrap_or_default();
            let redaction = Redaction::new(job, &stanza, secrets_of_job, redactor, known_secrets);
            let (stanza, name, release) = (&stanza, &stanza.function_name, None);
            events.name_function(&redaction.variables.redact(name.as_str()));
            let context = Context { job, stanza, name, redaction, events, stop, shared, release, began };
            run_command(command, &context)
        }
    });
    finished.unwrap_or_else(|report| Finished::failed(report, events.changed()))
}

/// Warns about keys of the stanza, and checks what can be checked without a request.
fn check_stanza(command: &Command, context: &Context<'_>) -> Result<(), ErrorReport> {
    warn::about_version(context, command);
    warn::about_region(context);
    warn::about_named_runtime(context, command);
    // A rollback and a package need no guard.
    if command.evaluates_conditions()
        && let Ok(Some(region)) = lambda::named_region(context.stanza, &context.job.env)
    {
        guard::check_region(context, &region)?;
    }
    Ok(())
}

fn run_command(command: &Command, context: &Context<'_>) -> Result<Finished, ErrorReport> {
    let is_dry_run = context.stanza.dry_run == Some(true);
    check_stanza(command, context)?;
    match command {
        Command::Check => Ok(Finished::Checked {}),
        Command::Rollback => with_runtime(context.shared, |runtime| roll_back(context, runtime, is_dry_run)),
        Command::Deploy if !is_dry_run => clean_up_and_deploy(context),
        Command::Plan | Command::Deploy => {
            warn::about_cleanup(context);
            with_runtime(context.shared, |runtime| deploy(context, runtime, true))
        }
        Command::Package { output } => {
            warn::about_cleanup(context);
            package_to(context, output)
        }
    }
}

/// Deploys, with `cleanup` before and the user's commands after it. Restores the files that `cleanup` stashed
/// in any case.
fn clean_up_and_deploy(context: &Context<'_>) -> Result<Finished, ErrorReport> {
    let stash = clean_up(context)?;
    let deployed = with_runtime(context.shared, |runtime| deploy(context, runtime, false));
    let finished = deployed.and_then(|finished| run_commands(context).map(|()| finished));
    if let Some(stash) = stash {
        restore_stash(context, &stash);
    }
    finished
}

/// Plans and applies a deployment; with `only_plan` only plans it.
fn deploy(context: &Context<'_>, runtime: &Runtime, only_plan: bool) -> Result<Finished, ErrorReport> {
    let source = CodeSource::of(context.stanza);
    let prepared = prepare(context, &source)?;
    let aws = Aws::connect(context, runtime)?;
    let input = read(&aws, &source, prepared, only_plan)?;
    let guard = guard::prepare(&aws, &input)?;
    let before = Baseline::of(&input);
    let planned = plan(&aws, input)?;
    let event = planned.emit(&aws, only_plan);
    if only_plan {
        dry_run(&aws, &planned)?;
        return Ok(Finished::Planned(event));
    }
    carry_out(&aws, planned, before, guard)
}

/// Applies a plan, and plans again whenever another caller has changed the function.
fn carry_out(
    aws: &Aws<'_>,
    mut planned: Planned,
    before: Baseline,
    mut guard: Option<GuardWatch>,
) -> Result<Finished, ErrorReport> {
    loop {
        let state = planned.state(aws.context);
        match apply(aws, &planned.plan, planned.input.live(), state, guard.as_mut())? {
            Round::Done(state) => return finish(aws, planned, *state, before, guard),
            Round::Replan(outdated) => planned = replan(aws, planned, *outdated)?,
        }
        if guard.is_none() {
            guard = guard::prepare(aws, &planned.input)?;
        }
    }
}

/// Reads the function again after another caller has changed it, and plans the rest.
fn replan(aws: &Aws<'_>, planned: Planned, outdated: OutdatedStep) -> Result<Planned, ErrorReport> {
    let Planned { input, plan, replans } = planned;
    if (aws.context.is_for_one_state() && !outdated.may_be_ours) || replans == MAX_REPLANS {
        aws.context.release.iter().for_each(|name| aws.context.warn(&warnings::release_overtaken(name)));
        return Err(approval::outdated(aws.context, outdated.error));
    }
    aws.call(aws.lambda.back_off_with_jitter(replans))?;
    let input = read_again(aws, input, &outdated)?;
    plan_again(aws.context, input, &plan, outdated, replans + 1)
}

/// Computes the minimal IAM policy for a stanza. It evaluates no conditions and sends no requests. The region
/// is that of a deployment from this environment.
///
/// # Errors
/// All problems of the stanza, or an invalid region.
pub(crate) fn policy(stanza: &Map, env: &Environment) -> Result<Policy, ErrorReport> {
    let resolved = options::without_git(stanza, env);
    let read = stanza::read(&resolved.stanza);
    let redactor = read.options().redactor(stanza, env.secrets());
    let mut problems: Vec<Problem> = read.problems().iter().chain(&resolved.problems).cloned().collect();
    // No event shows the warnings, such as that about a map without an entry for this branch.
    for problem in &mut problems {
        let about = resolved.warnings.iter().find(|warning| warning.at.is_some() && warning.at == problem.at);
        if let Some(warning) = about {
            problem.message = format!("{}; {}", warning.message, problem.message);
        }
    }
    let read = match read.stanza {
        Ok(stanza) if problems.is_empty() => stanza,
        _ => return Err(diagnostics::from_problems(problems, &redactor)),
    };
    let name = read.function_name.clone();
    let failed = |error| diagnostics::from_lambda(error, &redactor);
    let named = lambda::named_region(&read, env).map_err(failed)?;
    let region = match &named {
        Some(region) => region.clone(),
        None => {
            let reading = lambda::default_region(&read, env);
            with_runtime(None, |runtime| runtime.block_on(reading).map_err(failed))?
        }
    };
    let mut policy =
        policy::of(&read, &DesiredFunction::of(&read, name, None), &CodeSource::of(&read), &region);
    policy.notes.extend(resolved.warnings.iter().map(|warning| redactor.warning(warning).message));
    if named.is_none() {
        policy.notes.push(policy::default_region(&region));
    }
    Ok(policy)
}
