//! Faults during a release of six functions: two shift traffic, one does not change, and one has no alias.
//! Each fault affects one call for one function. After the run, all aliases are where they were, or all are
//! at the new versions, and the event `finished` says so for each function. The next run ends at the new
//! versions.
//!
//! `FAULT=part-of-a-name` selects combinations: `FAULT="b / UpdateAlias#1"`.

use std::time::Duration;

use lambda_endpoint::{Call, Fault, FaultKind, Settings};
use serde_json::json;

use super::{THREADS, play_each, reported};
use crate::fixture::Fixture;
use crate::plugin::PluginOutput;
use crate::release_fixture::{
    SIX, SIX_NEW, SIX_OLD, aliases, check_functions, function_of, is_effective, six,
};

/// The calls that a fault affects: the first read, the update of the code, the publication, the check, and
/// the shift and the move of an alias.
const STRUCK: [&str; 5] = ["GetFunction", "UpdateFunctionCode", "PublishVersion", "Invoke", "UpdateAlias"];

/// What happens to a call. AWS carries out none of these.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Refused,
    BrokenAnswer,
    Hang,
}

/// A fault at one call for one function.
struct Combination {
    function: String,
    operation: String,
    /// The number of earlier calls of the operation for the function.
    nth: usize,
    trouble: Trouble,
}

fn fixture() -> Fixture {
    let update_duration = Duration::from_millis(50);
    six(Settings { update_duration, ..Settings::default() })
}

/// All combinations for the calls of a run without faults.
fn combinations() -> Vec<Combination> {
    let fixture = fixture();
    let ended = fixture.deploy_again();
    assert_eq!((ended.outcome(), aliases(&fixture)), ("deployed", SIX_NEW.map(str::to_owned).to_vec()));
    let (calls, mut combinations) = (fixture.endpoint.calls(), Vec::new());
    for (place, call) in calls.iter().enumerate() {
        let is_same = |other: &&Call| other.operation == call.operation && other.path == call.path;
        let nth = calls[..place].iter().filter(is_same).count();
        let is_poll = call.operation == "GetFunction" && nth > 0;
        if STRUCK.contains(&call.operation.as_str()) && !is_poll {
            combinations.extend([Trouble::Refused, Trouble::BrokenAnswer, Trouble::Hang].map(|trouble| {
                let (function, operation) = (function_of(call).to_owned(), call.operation.clone());
                Combination { function, operation, nth, trouble }
            }));
        }
    }
    combinations
}

impl Combination {
    fn name(&self) -> String {
        let Combination { function, operation, nth, trouble } = self;
        format!("{function} / {operation}#{nth} / {trouble:?}")
    }

    fn kind(&self) -> FaultKind {
        match self.trouble {
            Trouble::Refused => FaultKind::denied(),
            Trouble::BrokenAnswer => FaultKind::Html { status: 200 },
            Trouble::Hang => FaultKind::hang(),
        }
    }

    fn code(&self) -> &'static str {
        match self.trouble {
            Trouble::Refused => "access-denied",
            Trouble::BrokenAnswer => "unexpected-answer",
            Trouble::Hang if self.operation == "Invoke" => "verification-failed",
            Trouble::Hang => "timed-out",
        }
    }

    /// True for a call of the function and the operation of the fault.
    fn concerns(&self, call: &Call) -> bool {
        call.operation == self.operation && function_of(call) == self.function
    }

    /// Runs the release with the fault, and twice without it. The error says what is wrong.
    fn play(&self) -> Result<(), String> {
        let mut fixture = fixture();
        let after = u32::try_from(self.nth).expect("few calls");
        let fault = Fault { after, ..Fault::once(&self.operation, self.kind()) };
        fixture.endpoint.fault_function(&self.function, fault);
        let undisturbed = fixture.request.clone();
        let stanza = SIX.iter().position(|name| *name == self.function).expect("one of the six");
        if self.trouble == Trouble::Hang {
            fixture.set_in(stanza, json!({"wait_timeout": 2, "verify": {"timeout": 2}}));
        }
        let ended = fixture.deploy_again();
        self.check(&fixture, &ended, stanza)
            .map_err(|wrong| format!("ended {}: {wrong}", reported(&ended)))?;
        fixture.request = undisturbed;
        for outcome in ["deployed", "unchanged"] {
            // After a fault that did no harm, nothing is left to do.
            let expected = if ended.outcome() == "deployed" { "unchanged" } else { outcome };
            let again = fixture.deploy_again();
            if again.outcome() != expected || aliases(&fixture) != SIX_NEW {
                let aliases = aliases(&fixture);
                return Err(format!("again, instead of {expected}: {}, {aliases:?}", reported(&again)));
            }
        }
        Ok(())
    }

    /// Checks the aliases and the event `finished` of the run with the fault.
    fn check(&self, fixture: &Fixture, ended: &PluginOutput, stanza: usize) -> Result<(), String> {
        let (calls, aliases) = (fixture.endpoint.calls(), aliases(fixture));
        if calls.iter().filter(|call| self.concerns(call)).count() <= self.nth {
            return Err("the fault never applied".to_owned());
        }
        // A repetition may have healed the fault.
        if ended.outcome() == "deployed" && self.trouble != Trouble::Refused {
            let is_deployed = |outcome: &&str| ["deployed", "unchanged"].contains(outcome);
            let is_whole = aliases == SIX_NEW && ended.outcomes().iter().all(is_deployed);
            return if is_whole { Ok(()) } else { Err(format!("{aliases:?}, {:?}", ended.outcomes())) };
        }
        if ended.code() != self.code() || ended.finished()["stanza"] != stanza {
            return Err(format!("not {} for stanza {stanza}, but {}", self.code(), ended.finished()));
        }
        if aliases != SIX_OLD {
            return Err(format!("the aliases are at {aliases:?}"));
        }
        let failed: Vec<usize> =
            (0..SIX.len()).filter(|index| ended.functions()[*index]["outcome"] == "failed").collect();
        if failed != [stanza] {
            return Err(format!("stanzas {failed:?} failed"));
        }
        // The endpoint records a broken answer with status 200.
        let affected = calls.iter().enumerate().filter(|(_, call)| self.concerns(call)).nth(self.nth);
        let affected = affected.map(|(place, _)| place);
        let handled = calls.iter().enumerate().filter(|(place, _)| Some(*place) != affected);
        let effective: Vec<&Call> = handled.map(|(_, call)| call).filter(|call| is_effective(call)).collect();
        check_functions(ended, &effective)
    }
}

#[test]
#[ignore = "second tier: long"]
fn a_release_with_a_fault_ends_with_all_aliases_or_none() {
    play_each(combinations(), THREADS, Combination::name, Combination::play);
}
