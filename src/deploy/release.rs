//! Takes the functions of a release through its stages together: none goes on before all are there, aliases
//! move one after the other, and if one function fails, those that have moved are sent back, newest first.
//! Never sends a request and never interprets a plan: that is done by the members, one thread for each.

use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::cancel::{CancelReason, CancelToken};
use crate::event_writer::EventWriter;
use crate::function::ReleaseAlias;
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{Event, Phase};

/// How many members send their aliases back at the same time after a signal, which leaves little time.
const BACK_AT_ONCE: usize = 8;

/// The position of a member that has left. It is behind all stages.
const LEFT: usize = usize::MAX;

/// A point that the members of a release reach together or one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its function is read. A rollback stops here, because its plan depends on what all aliases record. So
    /// does a deployment with an approved plan, because the secrets of all functions are masked in each plan.
    Read,
    /// Its function is read and planned.
    Planned,
    /// Its plan is written as an event.
    Shown,
    /// The new version of its function has passed.
    Prepared,
    /// Its aliases have the share of the traffic with this number.
    Shifted(usize),
    /// It has watched that share.
    Held(usize),
    /// Its aliases have moved.
    Moved,
    /// Its function is updated, if it has no alias. If all members are here, the release is final.
    Updated,
}

/// Why a member did not reach the end.
#[derive(Debug)]
pub(super) enum Ended {
    /// Another member failed, or the run is cancelled.
    Halted,
    /// It failed itself.
    Failed(Box<ErrorReport>),
}

impl From<ErrorReport> for Ended {
    fn from(report: ErrorReport) -> Self {
        Ended::Failed(Box::new(report))
    }
}

/// The release that several members, each on its own thread, go through.
pub(super) struct ReleaseRun<'a> {
    name: String,
    runtime: &'a Runtime,
    /// The writer of the run.
    events: Arc<EventWriter>,
    /// The cancel token of the run.
    run: CancelToken,
    /// The cancel token of the members.
    stop: CancelToken,
    /// True if the last member comes first.
    is_reversed: bool,
    state: watch::Sender<State>,
}

/// The state that all members see. Each decision is made while it is locked.
#[derive(Debug, Default)]
struct State {
    /// How far each member is: 0, or twice the number of the stage that it has reached at a gate, or one less
    /// while it waits there after its turn.
    at: Vec<usize>,
    /// What each member knows of its aliases, in their order.
    aliases: Vec<Vec<ReleaseAlias>>,
    /// The largest number of shares of traffic among the members.
    rounds: usize,
    /// The member that failed first.
    failed: Option<usize>,
    /// True if all members have been planned, or have failed before.
    is_planned: bool,
    /// True if a member failed before the release was final.
    is_halted: bool,
    /// True if the release is final: nothing is sent back any more.
    is_final: bool,
    /// The members that have shifted or moved an alias, or were about to, in this order.
    moved: Vec<usize>,
    /// The members of `moved` that have sent their aliases back.
    back: Vec<usize>,
    sends_back: bool,
}

impl State {
    fn number(&self, stage: Stage) -> usize {
        match stage {
            Stage::Read => 1,
            Stage::Planned => 2,
            Stage::Shown => 3,
            Stage::Prepared => 4,
            Stage::Shifted(round) => 5 + 2 * round,
            Stage::Held(round) => 6 + 2 * round,
            Stage::Moved => 5 + 2 * self.rounds,
            Stage::Updated => 6 + 2 * self.rounds,
        }
    }

    /// The position of a member that has passed its turn.
    fn turn(&self, stage: Stage) -> usize {
        2 * self.number(stage) - 1
    }

    /// The position of a member that has reached the gate.
    fn gate(&self, stage: Stage) -> usize {
        2 * self.number(stage)
    }

    fn all_at(&self, position: usize) -> bool {
        self.at.iter().all(|at| *at >= position)
    }

    /// How many members that moved after `member` have not sent their aliases back yet.
    fn newer(&self, member: usize) -> usize {
        let later = self.moved.iter().skip_while(|moved| **moved != member).skip(1);
        later.filter(|later| !self.back.contains(later) && self.at[**later] != LEFT).count()
    }
}

impl<'a> ReleaseRun<'a> {
    /// A release of so many members. `stop` is the cancel token of the members, a child of `run`. With
    /// `is_reversed` the last member comes first.
    pub(super) fn new(
        name: &str,
        members: usize,
        runtime: &'a Runtime,
        events: &Arc<EventWriter>,
        (run, stop): (&CancelToken, &CancelToken),
        is_reversed: bool,
    ) -> Self {
        let state = State { at: vec![0; members], aliases: vec![Vec::new(); members], ..State::default() };
        ReleaseRun {
            name: name.to_owned(),
            runtime,
            events: events.clone(),
            run: run.clone(),
            stop: stop.clone(),
            is_reversed,
            state: watch::Sender::new(state),
        }
    }

    /// Its name, with secrets masked.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn members(&self) -> usize {
        self.state.borrow().at.len()
    }

    /// Waits until all members are at `stage`, and writes the phase that begins there.
    pub(super) fn gate(&self, member: usize, stage: Stage) -> Result<(), Ended> {
        self.state.send_modify(|state| {
            let position = state.gate(stage);
            state.at[member] = position;
            self.settle(state);
            if !state.all_at(position) || self.is_halted(state) {
                return;
            }
            state.is_final |= stage == Stage::Updated;
            let begins = match stage {
                Stage::Planned => Some(Phase::Plan),
                Stage::Shown => Some(Phase::Prepare),
                Stage::Prepared => Some(Phase::GoLive),
                Stage::Updated => Some(Phase::CleanUp),
                Stage::Read | Stage::Shifted(_) | Stage::Held(_) | Stage::Moved => None,
            };
            // While the state is locked, so that no event of the phase comes before.
            begins.into_iter().for_each(|phase| self.announce(phase, state));
        });
        self.wait(|state| state.all_at(state.gate(stage)))
    }

    /// As [`ReleaseRun::gate`] for [`Stage::Read`], with the aliases of this member. Returns those of all
    /// members, in their order.
    pub(super) fn read(&self, member: usize, aliases: Vec<ReleaseAlias>) -> Result<Vec<ReleaseAlias>, Ended> {
        self.share(member, Stage::Read, aliases)
    }

    /// As [`ReleaseRun::gate`] for [`Stage::Prepared`], with the number of shares of traffic and the aliases
    /// of this member. Returns the largest number, and the aliases of all members, in their order.
    pub(super) fn prepared(
        &self,
        member: usize,
        rounds: usize,
        aliases: Vec<ReleaseAlias>,
    ) -> Result<(usize, Vec<ReleaseAlias>), Ended> {
        self.state.send_modify(|state| state.rounds = state.rounds.max(rounds));
        let aliases = self.share(member, Stage::Prepared, aliases)?;
        Ok((self.state.borrow().rounds, aliases))
    }

    fn share(
        &self,
        member: usize,
        stage: Stage,
        aliases: Vec<ReleaseAlias>,
    ) -> Result<Vec<ReleaseAlias>, Ended> {
        self.state.send_modify(|state| state.aliases[member] = aliases);
        self.gate(member, stage)?;
        Ok(self.state.borrow().aliases.concat())
    }

    /// Does `work` when all members are at the stage before, and those that come first have done theirs.
    ///
    /// # Errors
    /// [`Ended::Halted`], and the error of `work`.
    pub(super) fn in_turn<T>(
        &self,
        member: usize,
        stage: Stage,
        work: impl FnOnce() -> Result<T, Ended>,
    ) -> Result<T, Ended> {
        let comes_first = |other: usize| if self.is_reversed { other > member } else { other < member };
        self.wait(|state| {
            let turn = state.turn(stage);
            let mut positions = state.at.iter().enumerate();
            positions.all(|(other, at)| *at >= turn - 1 && (*at >= turn || !comes_first(other)))
        })?;
        let done = work()?;
        self.state.send_modify(|state| state.at[member] = state.turn(stage));
        Ok(done)
    }

    /// Records that a member is about to shift or move an alias. Called in its turn.
    ///
    /// # Errors
    /// [`Ended::Halted`]: it must not.
    pub(super) fn begin_move(&self, member: usize) -> Result<(), Ended> {
        let mut begun = Ok(());
        self.state.send_modify(|state| {
            if self.is_halted(state) {
                begun = Err(Ended::Halted);
            } else if !state.moved.contains(&member) {
                state.moved.push(member);
            }
        });
        begun
    }

    /// Records that a member failed. The others stop, unless the release is final; before all are planned,
    /// they go on until then, so that all problems are shown. Returns true for the first one.
    pub(super) fn fail(&self, member: usize) -> bool {
        let mut is_first = false;
        self.state.send_modify(|state| {
            is_first = state.failed.is_none();
            state.failed.get_or_insert(member);
            if state.is_planned && !state.is_final {
                self.halt(state);
            }
        });
        is_first
    }

    /// Does `work`, which sends the aliases of `member` back, when those that moved later are back. After a
    /// signal up to eight members do this at once. The argument of `work`: how many do it one after the
    /// other. `None`: no alias of the member has moved.
    ///
    /// Each member that has begun a move and failed or was halted must call this.
    pub(super) fn turn_back<T>(&self, member: usize, work: impl FnOnce(usize) -> T) -> Option<T> {
        let mut one_after_another = 0;
        self.state.send_modify(|state| {
            if !state.moved.contains(&member) || state.is_final {
                return;
            }
            one_after_another = state.moved.len().div_ceil(BACK_AT_ONCE);
            if !state.sends_back {
                state.sends_back = true;
                self.announce(Phase::SendBack, state);
            }
        });
        if one_after_another == 0 {
            return None;
        }
        let (mut calm, mut hurried) = (self.state.subscribe(), self.state.subscribe());
        self.runtime.block_on(async {
            let signalled = async {
                self.run.cancelled().await;
                let _ = hurried.wait_for(|state| state.newer(member) < BACK_AT_ONCE).await;
            };
            tokio::select! {
                biased;
                _ = calm.wait_for(|state| state.newer(member) == 0) => {}
                () = signalled => {}
            }
        });
        let done = work(one_after_another);
        self.state.send_modify(|state| state.back.push(member));
        Some(done)
    }

    /// Records that a member does nothing more. Each member must call this at its end.
    pub(super) fn leave(&self, member: usize) {
        self.state.send_modify(|state| {
            state.at[member] = LEFT;
            self.settle(state);
        });
    }

    /// Waits until all members have left. The thread that waits here also serves the connections of the
    /// members.
    pub(super) fn wait_for_all(&self) {
        let mut receiver = self.state.subscribe();
        self.runtime.block_on(async {
            let _ = receiver.wait_for(|state| state.all_at(LEFT)).await;
        });
    }

    pub(super) fn stop_reason(&self) -> CancelReason {
        self.stop.reason().unwrap_or(CancelReason::Stopped)
    }

    /// Halts the release if all members have been planned or have failed, and one has failed.
    fn settle(&self, state: &mut State) {
        if !state.is_planned && state.all_at(state.gate(Stage::Planned)) {
            state.is_planned = true;
            if state.failed.is_some() {
                self.halt(state);
            }
        }
    }

    fn halt(&self, state: &mut State) {
        state.is_halted = true;
        self.stop.cancel(CancelReason::Stopped);
    }

    fn is_halted(&self, state: &State) -> bool {
        state.is_halted || self.stop.reason().is_some()
    }

    /// Waits until the state is as `is_passed` wants it.
    fn wait(&self, is_passed: impl Fn(&State) -> bool) -> Result<(), Ended> {
        let mut receiver = self.state.subscribe();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                _ = receiver.wait_for(|state| state.is_halted || is_passed(state)) => {}
                _ = self.stop.cancelled() => {}
            }
        });
        let state = self.state.borrow();
        // Once the release is final, a signal changes nothing for the members that have not noticed it yet.
        let is_open = is_passed(&state) && (state.is_final || !self.is_halted(&state));
        if is_open { Ok(()) } else { Err(Ended::Halted) }
    }

    fn announce(&self, phase: Phase, state: &State) {
        announce(&self.events, &self.name, phase, state.at.len());
    }
}

/// Writes that a release begins with a phase.
pub(super) fn announce(events: &EventWriter, release: &str, phase: Phase, functions: usize) {
    let functions = u32::try_from(functions).unwrap_or(u32::MAX);
    events.emit(Event::Phase { phase, release: release.to_owned(), functions });
}

#[cfg(test)]
mod tests;
