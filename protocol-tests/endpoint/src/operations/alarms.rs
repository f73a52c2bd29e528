//! CloudWatch's alarms.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::alarm::Alarm;
use crate::constraints::Constraints;
use crate::document::strings;
use crate::moment;
use crate::refusal::Refusal;
use crate::settings::Settings;

impl Account {
    /// Without `AlarmTypes` AWS answers with metric alarms only. A name that no alarm has is no error.
    pub(crate) fn describe_alarms(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let body = arguments.body;
        let mut constraints = Constraints::default();
        constraints.count(&body["AlarmNames"], "alarmNames", 100);
        constraints.range(&body["MaxRecords"], "maxRecords", 1, 100)?;
        constraints.finish()?;
        let (names, types) = (strings(&body["AlarmNames"]), strings(&body["AlarmTypes"]));
        let types = if types.is_empty() { vec!["MetricAlarm"] } else { types };
        let is_asked = |alarm: &&mut Alarm| {
            (names.is_empty() || names.contains(&alarm.name.as_str())) && types.contains(&kind(alarm))
        };
        let weights = self.functions.values().flat_map(|function| function.aliases.values());
        let weights = weights.flat_map(|alias| alias.weights.values()).filter_map(Value::as_f64);
        let share = (weights.fold(0.0, f64::max) * 100.0).round();
        let Settings { region, account, .. } = &self.settings;
        let asked: Vec<&mut Alarm> = self.cloud_watch.alarms.values_mut().filter(is_asked).collect();
        // The default is a guess.
        let most = body["MaxRecords"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(50);
        let (start, next) = super::token(body, asked.len(), most)?;
        let mut answer = json!({});
        for kind in &types {
            answer[format!("{kind}s")] = json!([]);
        }
        if let Some(next) = next {
            answer["NextToken"] = json!(next);
        }
        let now = moment::seconds(arguments.now.wall);
        for alarm in asked.into_iter().skip(start).take(most) {
            let arn = format!("arn:aws:cloudwatch:{region}:{account}:alarm:{}", alarm.name);
            let list = answer[format!("{}s", kind(alarm))].as_array_mut();
            list.expect("each type has a list").push(alarm.read(&arn, share, now));
        }
        Ok(answer)
    }
}

/// The type of an alarm, as `AlarmTypes` has it.
fn kind(alarm: &Alarm) -> &'static str {
    if alarm.is_composite { "CompositeAlarm" } else { "MetricAlarm" }
}
