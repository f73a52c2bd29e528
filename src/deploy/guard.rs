//! Watches the guard of a deployment between two shifts of traffic, and writes what it finds as events.
//! Never sends the traffic back; a failure of the deployment does that.
#![expect(
    clippy::disallowed_methods,
    reason = "measures how long it watches, and since when invocations count"
)]

use std::time::{Duration, Instant, SystemTime};

use super::aws::Aws;
use super::context::Context;
use super::read::PlanInput;
use crate::diagnostics;
use crate::function::{
    CountedVersions, DesiredGuard, GuardError, LiveAlarm, check_alarm_regions, fired_alarm, reported_alarms,
};
use crate::lambda::DeployState;
use crate::plan::plan;
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{
    AlarmState, ErrorCounts, Event, GuardAlarm, GuardCheck, GuardState, GuardSummary,
};
use crate::protocol::name::Region;
use crate::warnings;

/// Time between two checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Time after which a check without news is written as an event.
const EVENT_INTERVAL: Duration = Duration::from_secs(30);

/// What a pause of the traffic waits for, in progress events.
pub(super) const NEXT_SHIFT: &str = "the next traffic shift";

/// The guard of a run.
pub(super) struct GuardWatch {
    guard: DesiredGuard,
    /// Names of the alarms that fired before the run.
    ignored: Vec<String>,
    /// When traffic began to shift. `None`: it has not yet.
    shifting_since: Option<SystemTime>,
    /// The new version's share of the traffic, in percent.
    percent: u8,
    /// The last check that was written, and when. `None`: none was.
    written: Option<(GuardCheck, Instant)>,
    watched: Duration,
}

/// Checks that the alarms of the stanza are in `region`.
pub(super) fn check_region(context: &Context<'_>, region: &Region) -> Result<(), ErrorReport> {
    let alarms = context.stanza.guard.as_ref().and_then(|guard| guard.alarms.as_deref()).unwrap_or_default();
    check_alarm_regions(alarms, region.as_str()).map_err(|error| failed(context, error))
}

/// Reads the state of the alarms before anything is changed, and warns about those that fire already. `None`:
/// the stanza has no guard, or the plan shifts no traffic.
pub(super) fn prepare(aws: &Aws<'_>, input: &PlanInput) -> Result<Option<GuardWatch>, ErrorReport> {
    let Some(guard) = input.desired.release.guard.clone() else { return Ok(None) };
    // If there is no plan, the run fails anyway.
    let plan = plan(&input.desired, &input.code, input.live());
    if !plan.is_ok_and(|plan| plan.shifts_traffic()) {
        return Ok(None);
    }
    let context = aws.context;
    check_region(context, &aws.identity.region)?;
    let fires = |alarm: &LiveAlarm| alarm.state == AlarmState::Alarm;
    let alarms = read_alarms(aws, &guard)?;
    let ignored: Vec<String> = alarms.into_iter().filter(fires).map(|alarm| alarm.name).collect();
    for name in &ignored {
        context.warn(&warnings::alarm_already_firing(name));
    }
    let (shifting_since, percent, written, watched) = (None, 0, None, Duration::ZERO);
    Ok(Some(GuardWatch { guard, ignored, shifting_since, percent, written, watched }))
}

impl GuardWatch {
    /// Records that the new version is about to get a share of the traffic.
    pub(super) fn shifts_to(&mut self, percent: u8) {
        self.percent = percent;
        self.shifting_since.get_or_insert_with(SystemTime::now);
    }

    /// Watches for `interval`.
    ///
    /// # Errors
    /// An alarm that fires, too many failed invocations, and a read that fails: a guard that sees nothing
    /// does not pass.
    pub(super) fn watch(
        &mut self,
        aws: &Aws<'_>,
        state: &DeployState<'_>,
        interval: Duration,
    ) -> Result<(), ErrorReport> {
        let began = Instant::now();
        loop {
            let left = interval.saturating_sub(began.elapsed());
            let (check, error) = self.check(aws, state, left)?;
            self.write(aws.context, &check, left.is_zero());
            if let Some(error) = error {
                return Err(failed(aws.context, error));
            }
            if left.is_zero() {
                self.watched += began.elapsed();
                self.warn_if_undecided(aws.context, &check);
                return Ok(());
            }
            let what = if self.percent == 100 { "the end of `guard.bake`" } else { NEXT_SHIFT };
            aws.call(aws.lambda.sleep(left.min(CHECK_INTERVAL), what))?;
        }
    }

    /// What the guard has watched. `None`: nothing, because no traffic shifted.
    pub(super) fn summary(self) -> Option<GuardSummary> {
        let (GuardCheck { state, alarms, errors, .. }, _) = self.written?;
        let (ignored, alarms): (Vec<_>, Vec<_>) = alarms.into_iter().partition(|alarm| alarm.ignored);
        let names = |alarms: Vec<GuardAlarm>| alarms.into_iter().map(|alarm| alarm.name).collect();
        Some(GuardSummary {
            state,
            alarms: names(alarms),
            ignored: names(ignored),
            errors,
            watched_seconds: self.watched.as_secs(),
        })
    }

    /// Reads the alarms and counts the invocations. Returns the check for events, and why the guard fires.
    fn check(
        &self,
        aws: &Aws<'_>,
        state: &DeployState<'_>,
        left: Duration,
    ) -> Result<(GuardCheck, Option<GuardError>), ErrorReport> {
        let alarms = read_alarms(aws, &self.guard)?;
        let counted = match self.guard.errors {
            Some(threshold) => Some((threshold, self.count(aws, state)?)),
            None => None,
        };
        let judged = counted.as_ref().map(|(threshold, counts)| threshold.judge(counts));
        let (version, percent) = (state.version().to_owned(), self.percent);
        let error = match (fired_alarm(&alarms, &self.ignored), &counted) {
            (Some(alarm), _) => {
                let (name, reason) = (alarm.name.clone(), alarm.reason.clone());
                Some(GuardError::AlarmFired { name, reason, version, percent })
            }
            (None, Some((threshold, counts))) if judged == Some(GuardState::Fired) => {
                let (threshold, counts) = (*threshold, counts.clone());
                Some(GuardError::ErrorsExceeded { counts, threshold, percent })
            }
            (None, _) => None,
        };
        let mut alarms = reported_alarms(&alarms, &self.ignored);
        for alarm in &mut alarms {
            alarm.name = aws.context.redaction.variables.redact(&alarm.name);
        }
        let state = if error.is_some() { GuardState::Fired } else { judged.unwrap_or(GuardState::Passed) };
        let errors = counted.map(|(_, counts)| counts);
        // Rounded up, so that 0 means the end.
        let remaining_seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Ok((GuardCheck { state, percent, alarms, errors, remaining_seconds }, error))
    }

    fn count(&self, aws: &Aws<'_>, state: &DeployState<'_>) -> Result<ErrorCounts, ErrorReport> {
        let until = SystemTime::now();
        let counted = CountedVersions {
            function: state.name.name(),
            aliases: &state.shifted,
            version: state.version(),
            since: self.shifting_since.unwrap_or(until),
            until,
        };
        let [new, previous] = aws.call(aws.lambda.count_invocations(counted))?;
        let mut replaced: Vec<&str> = state.shifted.values().map(String::as_str).collect();
        replaced.sort_unstable();
        replaced.dedup();
        let redaction = &aws.context.redaction;
        Ok(ErrorCounts {
            new: new.of(redaction.version(state.version().to_owned())),
            previous: previous.of(redaction.version(replaced.join(", "))),
        })
    }

    /// Writes a check as an event, if it has news, if the last event is 30 s old, or at the end of a wait.
    fn write(&mut self, context: &Context<'_>, check: &GuardCheck, is_last: bool) {
        let news = |check: &GuardCheck| (check.state, check.percent, check.alarms.clone());
        let is_written = self.written.as_ref().is_some_and(|(written, at)| {
            news(written) == news(check) && at.elapsed() < EVENT_INTERVAL && !is_last
        });
        if !is_written {
            context.events.emit(Event::GuardChecked(check.clone()));
            self.written = Some((check.clone(), Instant::now()));
        }
    }

    /// Warns at the end of the last wait if too few invocations were counted.
    fn warn_if_undecided(&self, context: &Context<'_>, check: &GuardCheck) {
        if let (100, GuardState::Undecided) = (self.percent, check.state)
            && let (Some(counts), Some(threshold)) = (&check.errors, self.guard.errors)
        {
            context.warn(&warnings::guard_undecided(&counts.new, threshold));
        }
    }
}

/// Reads the alarms of the guard, in the order of the stanza.
fn read_alarms(aws: &Aws<'_>, guard: &DesiredGuard) -> Result<Vec<LiveAlarm>, ErrorReport> {
    if guard.alarms.is_empty() {
        return Ok(Vec::new());
    }
    let found = aws.call(aws.lambda.read_alarms(&guard.alarms))?;
    let alarms = guard.find(&found, aws.identity.region.as_str());
    alarms.map_err(|error| failed(aws.context, error))
}

fn failed(context: &Context<'_>, error: GuardError) -> ErrorReport {
    diagnostics::from_guard(error, &context.redactor())
}
