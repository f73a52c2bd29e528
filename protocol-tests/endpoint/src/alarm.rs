//! Defines a CloudWatch alarm, and reads it from JSON. Never evaluates a metric: a test says when the alarm
//! fires.

use serde_json::{Value, json};

use crate::fixture::Fixture;

/// A CloudWatch alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// The name, unique among metric alarms and composite alarms.
    pub name: String,
    /// True for an alarm about other alarms.
    pub is_composite: bool,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// `StateReason`.
    pub reason: String,
    /// True if the alarm notifies others.
    pub actions_enabled: bool,
    /// When the state becomes `ALARM`. `None`: never.
    pub fires: Option<Fires>,
}

/// When an alarm goes to the state `ALARM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fires {
    /// After this number of DescribeAlarms calls has shown the alarm.
    AfterReads(u32),
    /// While an alias sends at least this share of its traffic, in percent, to its additional version.
    AtPercent(u32),
}

impl Alarm {
    /// A metric alarm in the state `OK` that never fires.
    pub fn named(name: &str) -> Alarm {
        Alarm {
            name: name.to_owned(),
            is_composite: false,
            state: "OK".to_owned(),
            reason: "Threshold Crossed: 1 datapoint [12.0] was greater than the threshold (5.0).".to_owned(),
            actions_enabled: true,
            fires: None,
        }
    }

    /// A metric alarm in the state `OK` that fires at some time.
    pub fn firing(name: &str, fires: Fires) -> Alarm {
        Alarm { fires: Some(fires), ..Alarm::named(name) }
    }

    /// Parses `{"name": "shop-5xx", "composite": true, "state": "OK", "reason": "…", "actions_enabled":
    /// false, "fires_after_reads": 2}`, or with `fires_at_percent`. Absent members have the value of
    /// [`Alarm::named`]. Fails on unknown members and without a name.
    pub fn from_json(value: &Value) -> Result<Alarm, String> {
        let mut fixture = Fixture::read("alarm", value)?;
        let name = fixture.text("name")?.ok_or("an alarm needs `name`")?;
        let default = Alarm::named(&name);
        let after = fixture.number("fires_after_reads")?.map(Fires::AfterReads);
        let alarm = Alarm {
            name,
            is_composite: fixture.flag("composite")?.unwrap_or(default.is_composite),
            state: fixture.text("state")?.unwrap_or(default.state),
            reason: fixture.text("reason")?.unwrap_or(default.reason),
            actions_enabled: fixture.flag("actions_enabled")?.unwrap_or(default.actions_enabled),
            fires: fixture.number("fires_at_percent")?.map(Fires::AtPercent).or(after),
        };
        fixture.finish()?;
        Ok(alarm)
    }

    /// Returns MetricAlarm or CompositeAlarm, and counts the read. `share` is the largest share, in percent,
    /// that an alias sends to its additional version.
    pub(crate) fn read(&mut self, arn: &str, share: f64, now: f64) -> Value {
        let fires = match &mut self.fires {
            None => false,
            Some(Fires::AtPercent(percent)) => share >= f64::from(*percent),
            Some(Fires::AfterReads(0)) => true,
            Some(Fires::AfterReads(left)) => {
                *left -= 1;
                false
            }
        };
        let mut answer = json!({
            "AlarmName": self.name,
            "AlarmArn": arn,
            "ActionsEnabled": self.actions_enabled,
            "StateValue": if fires { "ALARM" } else { self.state.as_str() },
            "StateReason": self.reason,
            "StateUpdatedTimestamp": now,
        });
        if self.is_composite {
            answer["AlarmRule"] = json!("ALARM(\"another\")");
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_alarm_is_refused() {
        let refused = |alarm: Value| Alarm::from_json(&alarm).unwrap_err();
        assert_eq!(refused(json!({})), "an alarm needs `name`");
        assert_eq!(refused(json!({"name": "a", "stat": "OK"})), "alarm has no key `stat`");
    }

    #[test]
    fn an_alarm_fires_after_reads_or_at_a_share() {
        let states = |alarm: Value, shares: &[f64]| -> Vec<String> {
            let mut alarm = Alarm::from_json(&alarm).unwrap();
            let states = shares.iter().map(|share| alarm.read("arn", *share, 0.0)["StateValue"].take());
            states.map(|state| state.as_str().unwrap().to_owned()).collect()
        };
        let after = json!({"name": "a", "fires_after_reads": 1});
        assert_eq!(states(after, &[0.0, 0.0, 0.0]), ["OK", "ALARM", "ALARM"]);
        let at = json!({"name": "a", "fires_at_percent": 10});
        assert_eq!(states(at, &[0.0, 10.0, 50.0, 0.0]), ["OK", "ALARM", "ALARM", "OK"]);
    }
}
