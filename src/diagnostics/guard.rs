//! Turns a [`GuardError`] into the report that says why a guard ended a deployment.

use super::{report, sentence, shortened};
use crate::function::GuardError;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::secret::Redactor;

/// Reports a guard that fired, or that cannot watch what the stanza names.
pub(crate) fn from_guard(mut error: GuardError, redactor: &Redactor) -> ErrorReport {
    match &mut error {
        GuardError::NoAlarm { name: text, .. } | GuardError::OtherRegion { alarm: text, .. } => {
            *text = redactor.redact(text);
        }
        GuardError::AlarmFired { name, reason, .. } => {
            *name = redactor.redact(name);
            *reason = shortened(&sentence(reason, redactor));
        }
        GuardError::ErrorsExceeded { .. } => {}
    }
    let text = error.to_string();
    let fix = |version: &str| format!("find the cause in version {version}'s log, and deploy a fix");
    match error {
        GuardError::NoAlarm { .. } => report(Code::NotFound, text).at("/guard/alarms").hint(
            "check the name and the account, or create the alarm; `aws cloudwatch describe-alarms` lists the \
             existing ones",
        ),
        GuardError::OtherRegion { .. } => report(Code::WrongRegion, text)
            .at("/guard/alarms")
            .hint("use an alarm in the function's region; it can be a composite alarm"),
        GuardError::AlarmFired { version, .. } => {
            report(Code::AlarmFired, text).at("/guard/alarms").hint(fix(&version))
        }
        GuardError::ErrorsExceeded { counts, .. } => {
            report(Code::ErrorsExceeded, text).at("/guard/errors").hint(fix(&counts.new.version))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_an_alarm_is_masked_and_one_line() {
        let redactor = Redactor::new(["hunter2!"], &[]);
        let fired = |reason: &str| {
            let (name, version) = ("shop-5xx".to_owned(), "8".to_owned());
            let error = GuardError::AlarmFired { name, reason: reason.to_owned(), version, percent: 10 };
            from_guard(error, &redactor).message
        };
        let head = "CloudWatch alarm `shop-5xx` fired while version 8 got 10 % of the traffic";
        assert_eq!(fired("It\nis hunter2! above 5."), format!("{head}: It is [secure] above 5"));
        assert_eq!(fired(""), head);
    }
}
