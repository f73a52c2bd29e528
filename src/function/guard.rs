//! Defines the guard that a stanza describes, and judges what CloudWatch reports: alarms and counted
//! invocations. Never reads anything itself.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::protocol::event::{AlarmState, ErrorCounts, GuardAlarm, GuardState, VersionCounts};
use crate::protocol::name::AlarmName;
use crate::protocol::structures::Guard;

/// What to watch while traffic shifts to a new version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DesiredGuard {
    /// The alarms that must not fire.
    pub alarms: Vec<AlarmName>,
    /// The share of invocations that may fail. `None`: invocations are not counted.
    pub errors: Option<ErrorThreshold>,
    /// How long to watch after the last shift of traffic.
    pub bake: Duration,
}

/// Default time to watch after the last shift of traffic.
const BAKE: Duration = Duration::from_secs(300);

impl DesiredGuard {
    pub(super) fn of(guard: &Guard) -> Self {
        DesiredGuard {
            alarms: guard.alarms.clone().unwrap_or_default(),
            errors: guard.errors.map(|tenths| ErrorThreshold { tenths }),
            bake: guard.bake.unwrap_or(BAKE),
        }
    }

    /// The alarms of the stanza as CloudWatch reports them, in the order of the stanza. An alarm that the
    /// stanza names by its ARN must have this ARN. One that it names by name and by ARN occurs once.
    pub(crate) fn find(&self, found: &[LiveAlarm], region: &str) -> Result<Vec<LiveAlarm>, GuardError> {
        let find = |wanted: &AlarmName| {
            let is_it = |alarm: &&LiveAlarm| match wanted.region() {
                Some(_) => alarm.arn == wanted.as_str(),
                None => alarm.name == wanted.name(),
            };
            let missing =
                || GuardError::NoAlarm { name: wanted.name().to_owned(), region: region.to_owned() };
            found.iter().find(is_it).cloned().ok_or_else(missing)
        };
        let mut alarms = Vec::new();
        for wanted in &self.alarms {
            let alarm = find(wanted)?;
            if !alarms.contains(&alarm) {
                alarms.push(alarm);
            }
        }
        Ok(alarms)
    }
}

/// Checks that each alarm is in the region of the function.
pub(crate) fn check_alarm_regions(alarms: &[AlarmName], region: &str) -> Result<(), GuardError> {
    let elsewhere = |alarm: &&AlarmName| alarm.region().is_some_and(|its| its != region);
    match alarms.iter().find(elsewhere) {
        Some(alarm) => {
            Err(GuardError::OtherRegion { alarm: alarm.as_str().to_owned(), region: region.to_owned() })
        }
        None => Ok(()),
    }
}

/// A CloudWatch alarm as AWS reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LiveAlarm {
    pub name: String,
    /// Its ARN. Empty: AWS does not return it.
    pub arn: String,
    pub state: AlarmState,
    /// Why it has this state, in AWS's words. Empty: AWS does not say.
    pub reason: String,
}

/// Counted invocations of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub invocations: u64,
    /// Number of those that failed.
    pub errors: u64,
}

impl Counts {
    /// The counts of `version` for events.
    pub(crate) fn of(self, version: String) -> VersionCounts {
        // The metric of errors may be newer than that of invocations.
        VersionCounts { version, invocations: self.invocations.max(self.errors), errors: self.errors }
    }
}

/// Whose invocations to count: those of a new version and of the versions that it replaces.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "cloudwatch"), expect(dead_code, reason = "only the client reads the fields"))]
pub(crate) struct CountedVersions<'a> {
    /// Name of the function, without the rest of an ARN.
    pub function: &'a str,
    /// The aliases that send traffic to the new version, each with the version that gets the rest.
    pub aliases: &'a BTreeMap<String, String>,
    pub version: &'a str,
    /// Invocations before this time do not count.
    pub since: SystemTime,
    /// Invocations after the minute of this time do not count.
    pub until: SystemTime,
}

/// The share of invocations that may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ErrorThreshold {
    /// The share, in tenths of a percent.
    pub tenths: u16,
}

impl ErrorThreshold {
    /// How many invocations are needed before a single failure is not more than the threshold.
    pub(crate) fn needed(self) -> u64 {
        1000_u64.div_ceil(u64::from(self.tenths.max(1)))
    }

    /// Judges the errors of the new version. They fire if they exceed the threshold, and their share is
    /// larger than that of the previous version. Below the needed number of invocations the threshold applies
    /// to that number, so that a single failure does not fire.
    pub(crate) fn judge(self, counts: &ErrorCounts) -> GuardState {
        let (new, previous) = (&counts.new, &counts.previous);
        let wide = u128::from;
        let base = wide(new.invocations.max(self.needed()));
        let exceeds = wide(new.errors) * 1000 > wide(self.tenths.into()) * base;
        let (new_rate, previous_rate) = (
            wide(new.errors) * wide(previous.invocations.max(1)),
            wide(previous.errors) * wide(new.invocations),
        );
        if exceeds && new_rate > previous_rate {
            GuardState::Fired
        } else if new.invocations < self.needed() {
            GuardState::Undecided
        } else {
            GuardState::Passed
        }
    }

    /// The threshold as text, such as `1` or `2.5`.
    pub(crate) fn text(self) -> String {
        tenths_text(self.tenths.into())
    }
}

/// The alarms for events. Those in `ignored` fired before the deployment.
pub(crate) fn reported_alarms(alarms: &[LiveAlarm], ignored: &[String]) -> Vec<GuardAlarm> {
    let report = |alarm: &LiveAlarm| GuardAlarm {
        name: alarm.name.clone(),
        state: alarm.state,
        ignored: ignored.contains(&alarm.name),
    };
    alarms.iter().map(report).collect()
}

/// The first alarm that fires and is not ignored.
pub(crate) fn fired_alarm<'a>(alarms: &'a [LiveAlarm], ignored: &[String]) -> Option<&'a LiveAlarm> {
    alarms.iter().find(|alarm| alarm.state == AlarmState::Alarm && !ignored.contains(&alarm.name))
}

/// The share of failed invocations in percent, rounded to a tenth: `3.5`.
fn rate(counts: &VersionCounts) -> String {
    let (errors, invocations) = (u128::from(counts.errors), u128::from(counts.invocations.max(1)));
    tenths_text((errors * 1000 + invocations / 2) / invocations)
}

fn tenths_text(tenths: u128) -> String {
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        tenth => format!("{}.{tenth}", tenths / 10),
    }
}

/// Why a guard ends a deployment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GuardError {
    #[error("CloudWatch alarm `{name}` does not exist in {region}")]
    NoAlarm { name: String, region: String },
    #[error("CloudWatch alarm `{alarm}` is not in the region `{region}` of the function")]
    OtherRegion {
        /// ARN of the alarm.
        alarm: String,
        region: String,
    },
    #[error(
        "CloudWatch alarm `{name}` fired while version {version} got {percent} % of the traffic{}",
        after_colon(.reason)
    )]
    AlarmFired {
        name: String,
        /// Why it fired, in AWS's words. Empty: AWS does not say.
        reason: String,
        version: String,
        percent: u8,
    },
    /// Too many invocations of the new version failed.
    #[error("{}", exceeded(.counts, .threshold, .percent))]
    ErrorsExceeded { counts: ErrorCounts, threshold: ErrorThreshold, percent: u8 },
}

fn after_colon(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

fn exceeded(counts: &ErrorCounts, threshold: &ErrorThreshold, percent: &u8) -> String {
    let ErrorCounts { new, previous } = counts;
    let beside = match previous.invocations {
        0 => format!("version {} had no invocations", previous.version),
        _ => format!("version {} failed {} %", previous.version, rate(previous)),
    };
    format!(
        "version {} failed {} of {} invocations ({} %; `errors` allows {} %) while it got {percent} % of the \
         traffic; {beside}",
        new.version,
        new.errors,
        new.invocations,
        rate(new),
        threshold.text()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(new: (u64, u64), previous: (u64, u64)) -> ErrorCounts {
        let of = |(errors, invocations), version: &str| Counts { invocations, errors }.of(version.to_owned());
        ErrorCounts { new: of(new, "8"), previous: of(previous, "7") }
    }

    #[test]
    fn errors_fire_beyond_the_threshold_and_the_previous_version() {
        use GuardState::{Fired, Passed, Undecided};
        // Each pair: failed invocations, all invocations.
        for (tenths, new, previous, expected) in [
            (10, (0, 100), (0, 0), Passed),
            (10, (1, 100), (0, 0), Passed),
            (10, (2, 100), (0, 0), Fired),
            (10, (0, 99), (0, 1000), Undecided),
            (10, (0, 0), (0, 0), Undecided),
            // Below the needed number of invocations a single failure is not enough.
            (10, (1, 1), (0, 0), Undecided),
            (10, (2, 2), (0, 0), Fired),
            (10, (12, 340), (3, 3000), Fired),
            // The previous version is as bad, or worse.
            (10, (20, 1000), (20, 1000), Passed),
            (10, (20, 1000), (21, 1000), Passed),
            (10, (20, 1000), (19, 1000), Fired),
            (10, (2, 2), (5, 5), Undecided),
            // The metric of errors is newer than that of invocations.
            (10, (3, 0), (0, 0), Fired),
            (500, (1, 2), (0, 0), Passed),
            (500, (2, 3), (0, 0), Fired),
            (1, (1, 1000), (0, 0), Passed),
            (1, (2, 1000), (0, 0), Fired),
            (999, (1, 1), (0, 0), Undecided),
            (10, (u64::MAX, u64::MAX), (0, u64::MAX), Fired),
        ] {
            let judged = ErrorThreshold { tenths }.judge(&counts(new, previous));
            assert_eq!(judged, expected, "{tenths} {new:?} {previous:?}");
        }
    }

    #[test]
    fn a_threshold_needs_enough_invocations_for_one_failure() {
        for (tenths, needed, text) in
            [(10, 100, "1"), (25, 40, "2.5"), (30, 34, "3"), (1, 1000, "0.1"), (999, 2, "99.9")]
        {
            let threshold = ErrorThreshold { tenths };
            assert_eq!((threshold.needed(), threshold.text().as_str()), (needed, text));
        }
    }

    fn alarm(name: &str, state: AlarmState) -> LiveAlarm {
        let arn = format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}");
        LiveAlarm { name: name.to_owned(), arn, state, reason: String::new() }
    }

    #[test]
    fn an_alarm_fires_unless_it_did_before() {
        use AlarmState::{Alarm, InsufficientData, Ok as Quiet};
        for (first, second, ignored, expected) in [
            (Quiet, Quiet, &[][..], None),
            (InsufficientData, Quiet, &[], None),
            (Quiet, Alarm, &[], Some("b")),
            (Alarm, Alarm, &["a"], Some("b")),
            (Alarm, Quiet, &["a"], None),
        ] {
            let alarms = [alarm("a", first), alarm("b", second)];
            let ignored: Vec<String> = ignored.iter().map(|name: &&str| (*name).to_owned()).collect();
            assert_eq!(fired_alarm(&alarms, &ignored).map(|alarm| alarm.name.as_str()), expected);
            assert_eq!(reported_alarms(&alarms, &ignored)[0].ignored, ignored.contains(&"a".to_owned()));
        }
    }

    #[test]
    fn each_alarm_of_the_stanza_is_found_in_its_region() {
        let guard = |names: &[&str]| DesiredGuard {
            alarms: names.iter().map(|name| AlarmName::parse(name).expect(name)).collect(),
            errors: None,
            bake: BAKE,
        };
        let live = [alarm("b", AlarmState::Ok), alarm("a", AlarmState::Ok)];
        let (arn, other) = (live[1].arn.as_str(), live[1].arn.replace("12:", "99:"));
        for (names, expected) in [
            (&["a", "b"][..], Ok(&["a", "b"][..])),
            (&[arn][..], Ok(&["a"][..])),
            (&["a", "b", arn][..], Ok(&["a", "b"][..])),
            (&["a", "c"][..], Err("c")),
            (&[other.as_str()][..], Err("a")),
        ] {
            let found = guard(names).find(&live, "eu-west-1");
            let names = found.map(|found| found.into_iter().map(|alarm| alarm.name).collect::<Vec<_>>());
            let region = "eu-west-1".to_owned();
            match expected {
                Ok(expected) => assert_eq!(names.expect("all exist"), expected),
                Err(name) => assert_eq!(names, Err(GuardError::NoAlarm { name: name.to_owned(), region })),
            }
        }
        let alarms = guard(&["a", arn]).alarms;
        assert_eq!(check_alarm_regions(&alarms, "eu-west-1"), Ok(()));
        assert!(check_alarm_regions(&alarms, "us-east-1").is_err());
    }

    #[test]
    fn an_error_says_what_was_counted() {
        let threshold = ErrorThreshold { tenths: 10 };
        let text = |counts| GuardError::ErrorsExceeded { counts, threshold, percent: 10 }.to_string();
        let head = "version 8 failed 12 of 340 invocations (3.5 %; `errors` allows 1 %) while it got 10 % of \
            the traffic";
        assert_eq!(text(counts((12, 340), (3, 3000))), format!("{head}; version 7 failed 0.1 %"));
        assert_eq!(text(counts((12, 340), (0, 0))), format!("{head}; version 7 had no invocations"));
    }
}
