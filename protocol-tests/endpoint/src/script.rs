//! Holds the pending faults and selects the fault for each call. Never carries out a fault.

use std::time::Instant;

use crate::fault::{Fault, FaultKind};

/// All pending faults, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Script {
    faults: Vec<Waiting>,
}

struct Waiting {
    fault: Fault,
    /// The function whose calls it affects. `None`: every call.
    function: Option<String>,
    /// The end of a fault that has a duration. `None`: it did not apply to any call yet, or it counts calls
    /// instead.
    over: Option<Instant>,
}

impl Script {
    pub(crate) fn add(&mut self, fault: Fault, function: Option<&str>) {
        self.faults.push(Waiting { fault, function: function.map(str::to_owned), over: None });
    }

    /// Returns the first fault that matches this call and is due. One fault per call, so that two faults of
    /// one kind affect two calls. `function` is the name in the call's path.
    pub(crate) fn fault_for(&mut self, operation: &str, function: &str, now: Instant) -> Option<FaultKind> {
        self.faults.iter_mut().find_map(|waiting| {
            waiting.applies_to(operation, function, now).then(|| waiting.fault.kind.clone())
        })
    }
}

impl Waiting {
    fn applies_to(&mut self, operation: &str, function: &str, now: Instant) -> bool {
        let fault = &mut self.fault;
        let matches = fault.operation.as_deref().is_none_or(|name| name == operation)
            && self.function.as_deref().is_none_or(|name| name == function);
        if !matches || !fault.kind.concerns(operation, fault.operation.is_some()) {
            return false;
        }
        let lasts = match fault.kind {
            FaultKind::Busy { for_ } => Some(for_),
            _ => None,
        };
        let spent =
            if lasts.is_some() { self.over.is_some_and(|over| over <= now) } else { fault.times == 0 };
        if spent {
            return false;
        }
        if fault.after > 0 {
            fault.after -= 1;
            return false;
        }
        match lasts {
            Some(lasts) => self.over = self.over.or(Some(now + lasts)),
            None => fault.times -= 1,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::moment::Moment;

    #[track_caller]
    fn check(faults: &[Value], calls: &[&str], struck: &[u16]) {
        let mut script = Script::default();
        for fault in faults {
            script.add(Fault::from_json(fault).unwrap(), None);
        }
        let now = Moment::now().instant;
        let status = |call: &&str| {
            script.fault_for(call, "f", now).and_then(|it| it.answer()).map_or(0, |it| it.status)
        };
        assert_eq!(calls.iter().map(status).collect::<Vec<_>>(), struck);
    }

    #[test]
    fn a_fault_lets_calls_pass_strikes_and_is_spent() {
        let fault = json!({"operation": "GetFunction", "after": 1, "times": 2, "status": 429, "code": "TooManyRequestsException"});
        let calls = ["GetFunction", "DeleteFunction", "GetFunction", "GetFunction", "GetFunction"];
        check(&[fault], &calls, &[0, 0, 429, 429, 0]);
    }

    #[test]
    fn two_faults_strike_two_calls() {
        let (html, empty) = (json!({"kind": "html", "status": 503}), json!({"kind": "empty", "status": 500}));
        check(&[html, empty], &["GetFunction", "GetAlias", "GetAlias"], &[503, 500, 0]);
    }

    #[test]
    fn a_failing_update_waits_for_an_update() {
        let mut script = Script::default();
        let fault = json!({"kind": "update-fails", "reason_code": "InvalidImage"});
        script.add(Fault::from_json(&fault).unwrap(), None);
        let now = Moment::now().instant;
        assert_eq!(script.fault_for("GetFunction", "f", now), None);
        assert!(script.fault_for("UpdateFunctionCode", "f", now).is_some());
    }

    #[test]
    fn a_fault_of_one_function_counts_and_affects_only_its_calls() {
        let mut script = Script::default();
        let fault = json!({"operation": "UpdateAlias", "after": 1, "kind": "reset-before"});
        script.add(Fault::from_json(&fault).unwrap(), Some("b"));
        let now = Moment::now().instant;
        let struck = ["a", "b", "a", "b", "b"]
            .map(|function| script.fault_for("UpdateAlias", function, now).is_some());
        assert_eq!(struck, [false, false, false, true, false]);
    }

    /// Checks which calls the fault affects. Each call has its time in milliseconds after the start.
    #[track_caller]
    fn busy(fault: &Value, calls: &[(&str, u64)], struck: &[bool]) {
        let mut script = Script::default();
        script.add(Fault::from_json(fault).unwrap(), None);
        let start = Moment::now().instant;
        let mut applies_to = |(operation, ms): &(&str, u64)| {
            script.fault_for(operation, "f", start + Duration::from_millis(*ms)).is_some()
        };
        assert_eq!(calls.iter().map(&mut applies_to).collect::<Vec<_>>(), struck);
    }

    #[test]
    fn a_function_is_busy_from_the_first_change_on_for_its_time() {
        let calls = [
            ("GetFunction", 0),
            ("UpdateFunctionCode", 50),
            ("PublishVersion", 149),
            ("UpdateFunctionCode", 150),
        ];
        busy(&json!({"kind": "busy", "for_ms": 100}), &calls, &[false, true, true, false]);
        let calls =
            [("UpdateFunctionCode", 0), ("TagResource", 0), ("TagResource", 99), ("TagResource", 198)];
        let named = json!({"kind": "busy", "for_ms": 100, "operation": "TagResource", "after": 1});
        busy(&named, &calls, &[false, false, true, true]);
    }
}
