//! Deploys one function of a release, or moves its aliases back, on a thread of its own. It goes through the
//! stages of the [`ReleaseRun`] with the other members. Never moves an alias out of its turn.

use std::io;

use tokio::runtime::Runtime;

use super::apply::{SentBack, apply_steps, dry_run, name_event_sources, send_back};
use super::aws::Aws;
use super::context::Context;
use super::finish::{Baseline, finish};
use super::guard::{self, GuardWatch};
use super::package::Prepared;
use super::plan::{self, Planned};
use super::read::read;
use super::release::{Ended, ReleaseRun, Stage};
use super::release_record::{aliases, take_over, warn_about_unfinished};
use super::rollback::{self, PlannedRollback};
use super::step::OutdatedStep;
use super::{carry_out, replan, warn};
use crate::code_source::CodeSource;
use crate::diagnostics;
use crate::function::{LastRelease, LiveFunction, ReleaseMark};
use crate::lambda::{DeployState, LambdaError, ShiftOutcome};
use crate::plan::{Phases, Step, Undone, phases};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::{Finished, StepName};
use crate::warnings;

/// A function of a release.
pub(super) struct Member<'a> {
    /// Its place among the members.
    pub(super) index: usize,
    pub(super) context: &'a Context<'a>,
    pub(super) release: &'a ReleaseRun<'a>,
    pub(super) runtime: &'a Runtime,
    /// True if the release is only planned.
    pub(super) only_plan: bool,
}

/// The aliases of a member after its release has failed.
#[derive(Default)]
struct Aliases {
    sent_back: Vec<SentBack>,
    /// Those that the release has created.
    created: Vec<String>,
}

impl<'a> Member<'a> {
    /// Takes the function through the release, to its end: deploys it with this code. `None`: moves its
    /// aliases back.
    pub(super) fn run(&self, code: Option<(CodeSource, Prepared)>) -> Finished {
        let finished = match code {
            Some((source, prepared)) => self.deploy(&source, prepared),
            None => self.roll_back(),
        };
        let finished = finished.unwrap_or_else(|ended| self.ended(ended, None));
        self.release.leave(self.index);
        finished
    }

    /// Ends the member whose thread the operating system refused.
    pub(super) fn refused(&self, source: &io::Error) -> Finished {
        self.release.fail(self.index);
        self.release.leave(self.index);
        Finished::failed(diagnostics::from_system(source), Vec::new())
    }

    fn deploy(&self, source: &CodeSource, prepared: Prepared) -> Result<Finished, Ended> {
        let Member { index, context, release, .. } = *self;
        let aws = Aws::connect(context, self.runtime)?;
        let input = read(&aws, source, prepared, self.only_plan)?;
        let mut guard = guard::prepare(&aws, &input)?;
        let before = Baseline::of(&input);
        if context.job.approved.is_some() {
            // The secrets of each function are masked in the plans of all.
            release.gate(index, Stage::Read)?;
        }
        let mut planned = plan::plan(&aws, input)?;
        if release.members() > 1 {
            warn::about_release(context, &planned.plan, planned.input.live());
        }
        release.gate(index, Stage::Planned)?;
        let event = release.in_turn(index, Stage::Shown, || Ok(planned.emit(&aws, self.only_plan)))?;
        if self.only_plan {
            dry_run(&aws, &planned)?;
            return Ok(Finished::Planned(event));
        }
        release.gate(index, Stage::Shown)?;
        let (phases, mut state) = loop {
            let phases = phases(&planned.plan.steps, context.has_alias());
            let mut state = planned.state(context);
            state.begin_release(planned.input.live());
            let steps = &planned.plan.steps[phases.prepare.clone()];
            match apply_steps(&aws, steps, planned.input.live(), &mut state, None)? {
                None => break (phases, state),
                Some(outdated) => planned = replan(&aws, planned, outdated)?,
            }
            if guard.is_none() {
                guard = guard::prepare(&aws, &planned.input)?;
            }
        };
        let (planned, phases) = match self.go_live(&aws, planned, phases, &mut state, guard.as_mut()) {
            Ok(live) => live,
            Err(ended) => return Ok(self.ended(ended, Some((&aws, &mut state)))),
        };
        state.end_release();
        context.events.record_shared_traffic(false);
        let live = planned.input.live();
        let after = &planned.plan.steps[phases.after.clone()];
        match apply_steps(&aws, after, live, &mut state, None) {
            Ok(None) => Ok(finish(&aws, planned, state, before, guard)?),
            // The function is live. What is left is done as for a function alone.
            Ok(Some(outdated)) => {
                let planned = replan(&aws, planned, outdated)?;
                Ok(carry_out(&aws, planned, before, guard)?)
            }
            Err(report) => Err(name_event_sources(&aws, &planned.plan, &state, report).into()),
        }
    }

    /// Shifts traffic, moves the aliases and updates a function without one, with the other members. Returns
    /// the plan whose steps took effect.
    fn go_live(
        &self,
        aws: &Aws<'_>,
        planned: Planned,
        phases: Phases,
        state: &mut DeployState<'a>,
        mut guard: Option<&mut GuardWatch>,
    ) -> Result<(Planned, Phases), Ended> {
        let Member { index, context, release, .. } = *self;
        let (steps, live) = (planned.plan.steps.as_slice(), planned.input.live());
        let moves = if context.has_alias() { &steps[phases.moves.clone()] } else { &steps[..0] };
        let known = aliases(context, live, moves);
        let (rounds, known) = release.prepared(index, phases.rounds.len(), known)?;
        let last = LastRelease::of(release.name(), &known);
        warn_about_unfinished(context, last.as_ref(), false);
        state.mark = Some(ReleaseMark::of(release.name(), last.as_ref(), &known));
        for round in 0..rounds {
            let own = phases.rounds.get(round);
            release.in_turn(index, Stage::Shifted(round), || {
                let Some(own) = own else { return Ok(()) };
                release.begin_move(index)?;
                self.apply(aws, &steps[own.shifts.clone()], live, state, guard.as_deref_mut())
            })?;
            if let Some(own) = own {
                self.apply(aws, &steps[own.hold.clone()], live, state, guard.as_deref_mut())?;
            }
            release.gate(index, Stage::Held(round))?;
        }
        self.move_aliases(aws, moves, live, last.as_ref(), state)?;
        let done =
            if context.has_alias() { (planned, phases) } else { self.update(aws, planned, phases, state)? };
        release.gate(index, Stage::Updated)?;
        Ok(done)
    }

    /// Updates a function without an alias. If a response was lost, so that our own request may have changed
    /// the function, plans the rest again.
    fn update(
        &self,
        aws: &Aws<'_>,
        mut planned: Planned,
        mut parts: Phases,
        state: &mut DeployState<'a>,
    ) -> Result<(Planned, Phases), Ended> {
        let mut start = parts.moves.start;
        loop {
            let steps = &planned.plan.steps[start..parts.moves.end];
            match apply_steps(aws, steps, planned.input.live(), state, None)? {
                None => return Ok((planned, parts)),
                Some(outdated) if outdated.may_be_ours => planned = replan(aws, planned, outdated)?,
                Some(outdated) => return Err(self.overtaken(outdated.error)),
            }
            parts = phases(&planned.plan.steps, false);
            // The rest of the plan can begin with an upload.
            start = 0;
            *state = planned.state(self.context);
            state.begin_release(planned.input.live());
        }
    }

    fn roll_back(&self) -> Result<Finished, Ended> {
        let Member { index, context, release, .. } = *self;
        let aws = Aws::connect(context, self.runtime)?;
        let input = rollback::read(&aws)?;
        let known = release.read(index, aliases(context, Some(&input.live), &[]))?;
        let last = LastRelease::of(release.name(), &known);
        warn_about_unfinished(context, last.as_ref(), true);
        let undone = Undone::of(last.clone(), known.iter().any(|alias| alias.is_shifting));
        let planned = PlannedRollback::of(&aws, input, &undone, self.only_plan)?;
        release.gate(index, Stage::Planned)?;
        let event = release.in_turn(index, Stage::Shown, || Ok(plan::emit(context, &planned.plan)))?;
        if self.only_plan {
            return Ok(Finished::Planned(event));
        }
        release.gate(index, Stage::Shown)?;
        let mut state = planned.state(context);
        state.begin_release(Some(&planned.live));
        if let Err(ended) = self.go_back(&aws, &planned, last.as_ref(), &mut state) {
            return Ok(self.ended(ended, Some((&aws, &mut state))));
        }
        state.end_release();
        context.events.record_shared_traffic(false);
        Ok(planned.finish(&aws, state))
    }

    /// Moves the aliases of a rollback, with the other members.
    fn go_back(
        &self,
        aws: &Aws<'_>,
        planned: &PlannedRollback,
        last: Option<&LastRelease>,
        state: &mut DeployState<'_>,
    ) -> Result<(), Ended> {
        self.release.prepared(self.index, 0, Vec::new())?;
        self.move_aliases(aws, &planned.plan.steps, Some(&planned.live), last, state)?;
        self.release.gate(self.index, Stage::Updated)
    }

    /// Moves the aliases in turn, and waits until those of all members have moved. `last`: the release before
    /// this one.
    fn move_aliases(
        &self,
        aws: &Aws<'_>,
        moves: &[Step],
        live: Option<&LiveFunction>,
        last: Option<&LastRelease>,
        state: &mut DeployState<'_>,
    ) -> Result<(), Ended> {
        let Member { index, context, release, .. } = *self;
        release.in_turn(index, Stage::Moved, || {
            match take_over(aws, last, live, moves, state) {
                Ok(()) => {}
                Err(error @ LambdaError::Outdated(_)) => return Err(self.overtaken(error)),
                Err(error) => return Err(context.failed(error).into()),
            }
            if moves.is_empty() {
                return Ok(());
            }
            release.begin_move(index)?;
            self.apply(aws, moves, live, state, None)
        })?;
        release.gate(index, Stage::Moved)
    }

    /// Applies steps that go live. If another caller has changed the function, the release fails: a new plan
    /// would have to be verified again.
    fn apply(
        &self,
        aws: &Aws<'_>,
        steps: &[Step],
        live: Option<&LiveFunction>,
        state: &mut DeployState<'_>,
        guard: Option<&mut GuardWatch>,
    ) -> Result<(), Ended> {
        match apply_steps(aws, steps, live, state, guard)? {
            None => Ok(()),
            Some(OutdatedStep { error, .. }) => Err(self.overtaken(error)),
        }
    }

    /// The end of a member whose function another caller has changed while the release goes live.
    fn overtaken(&self, error: LambdaError) -> Ended {
        let context = self.context;
        context.release.iter().for_each(|name| context.warn(&warnings::release_overtaken(name)));
        if context.has_alias() {
            diagnostics::from_moved_alias(error, &context.redactor()).into()
        } else {
            context.failed(error).into()
        }
    }

    /// Ends the member after a failure of its own or of another one. Sends its aliases back, if `live` has
    /// the state of the function and some of them have moved.
    fn ended(&self, ended: Ended, live: Option<(&Aws<'_>, &mut DeployState<'_>)>) -> Finished {
        let Member { index, context, release, .. } = *self;
        let is_first = release.fail(index);
        let mut version = String::new();
        let mut aliases = Aliases::default();
        if let Some((aws, state)) = live {
            version = state.version().to_owned();
            aliases.created = state.created_aliases();
            let number = state.shifted.len();
            let sent_back = release.turn_back(index, |others| send_back(aws, state, number * others));
            aliases.sent_back = sent_back.unwrap_or_default();
        }
        let report = match ended {
            Ended::Failed(report) => *report,
            Ended::Halted => diagnostics::from_stop(release.stop_reason()),
        };
        let is_cancelled = matches!(report.code, Code::Cancelled | Code::OutputClosed);
        if is_cancelled && !is_first {
            return self.stopped(aliases);
        }
        Finished::failed(self.report(report, aliases, &version), context.events.changed())
    }

    /// The result of a member that did not fail itself.
    fn stopped(&self, aliases: Aliases) -> Finished {
        let (mut restored, mut left) = (Vec::new(), Vec::new());
        for SentBack { alias, ended, .. } in aliases.sent_back {
            let list = if ended == Ok(ShiftOutcome::Restored) { &mut restored } else { &mut left };
            list.push(self.shown(&alias));
        }
        if left.is_empty() && !restored.is_empty() {
            self.context.events.retract_change(StepName::UpdateAlias);
        }
        left.extend(aliases.created.iter().map(|alias| self.shown(alias)));
        Finished::Stopped { changed: self.context.events.changed(), restored, left }
    }

    /// Adds to a report where the aliases point now. `version` is that of the release.
    fn report(&self, mut report: ErrorReport, aliases: Aliases, version: &str) -> ErrorReport {
        let Aliases { sent_back, created } = aliases;
        let is_restored = |sent: &SentBack| sent.ended == Ok(ShiftOutcome::Restored);
        if !sent_back.is_empty() && sent_back.iter().all(is_restored) {
            self.context.events.retract_change(StepName::UpdateAlias);
        }
        for SentBack { alias, version: before, ended } in sent_back {
            diagnostics::report_traffic(&mut report, &self.shown(&alias), &before, version, ended);
        }
        for alias in created {
            let alias = self.shown(&alias);
            report.message = format!("{}; `{alias}` was created and stays", report.message);
        }
        report
    }

    fn shown(&self, alias: &str) -> String {
        self.context.redaction.variables.redact(alias)
    }
}
