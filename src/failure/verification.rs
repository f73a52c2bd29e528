//! A version that did not prove itself in, the report that tells what production has seen of it out.

use std::time::Duration;

use super::{report, shortened};
use crate::lambda::Way;
use crate::protocol::error::{Code, ErrorReport};
use crate::verification::Unmet;

/// What production sees of a version that did not prove itself.
#[derive(Clone, Copy, Debug)]
pub enum Unproven<'a> {
    /// All of it: no alias stands between.
    Live {
        /// The version, or `$LATEST`.
        version: &'a str,
    },
    /// Nothing by way of the alias, which points elsewhere.
    Behind {
        /// The version.
        version: &'a str,
        /// The alias.
        alias: &'a str,
        /// Where it points.
        live: &'a str,
    },
    /// What goes by an alias that points at it already.
    Reached {
        /// The version.
        version: &'a str,
        /// The alias.
        alias: &'a str,
    },
    /// Nothing by way of an alias: there is none yet.
    Unreached {
        /// The version.
        version: &'a str,
    },
    /// A share of the traffic.
    Shifted {
        /// The version.
        version: &'a str,
    },
}

/// Why a version did not prove itself.
#[derive(Clone, Debug)]
pub enum Why {
    /// Its answer is not what was expected.
    Answer(Unmet),
    /// It did not answer in time.
    NoAnswer(Duration),
    /// The user's command failed.
    Command {
        /// How it ended, in words.
        how: String,
    },
    /// The user's command did not end in time.
    SlowCommand(Duration),
}

/// A version that did not prove itself. `log` is the end of its log, without secrets.
pub fn of_verification(
    unproven: &Unproven<'_>,
    why: Why,
    log: Vec<String>,
    redact: &dyn Fn(&str) -> String,
) -> ErrorReport {
    // A secret that is cut in two is not recognised.
    let shown = |text: &str| shortened(&redact(text));
    let why = match why {
        Why::Answer(Unmet::FunctionError { words }) => format!("it failed with {}", shown(&words)),
        Why::Answer(Unmet::LacksText { text, answer }) => {
            format!("its answer does not contain `{}`: {}", shown(&text), shown(&answer))
        }
        Why::Answer(Unmet::NotJson { answer }) => format!("its answer is no JSON: {}", shown(&answer)),
        Why::Answer(Unmet::OtherValue { at, want, got }) => {
            let place = if at.is_empty() { "its answer".to_owned() } else { format!("`{at}` of its answer") };
            match got {
                Some(got) => format!("{place} is {}, not {}", shown(&got), shown(&want)),
                None => format!("its answer has no `{at}`, which should be {}", shown(&want)),
            }
        }
        Why::NoAnswer(limit) => format!("it did not answer within {} s", limit.as_secs()),
        Why::Command { how } => format!("`verify.command` ended with {how}"),
        Why::SlowCommand(limit) => format!("`verify.command` did not end within {} s", limit.as_secs()),
    };
    let named = |version: &str| match version {
        "$LATEST" => "the function".to_owned(),
        number => format!("version {number}"),
    };
    let (version, hint) = match unproven {
        Unproven::Live { version } => (
            version,
            "deploy again what ran before, and name an `alias`, which moves only to what has passed".to_owned(),
        ),
        Unproven::Behind { version, alias, live } => (
            version,
            format!(
                "`{alias}` still points at {}, and its callers see nothing of it; fix the code and deploy again",
                named(live)
            ),
        ),
        Unproven::Reached { version, alias } => {
            (version, format!("`{alias}` points at it already, and stays there; no other alias was moved to it"))
        }
        Unproven::Unreached { version } => {
            (version, "none of the stanza's aliases points at it; fix the code and deploy again".to_owned())
        }
        Unproven::Shifted { version } => (version, "fix the code and deploy again".to_owned()),
    };
    let is_live = if matches!(unproven, Unproven::Live { .. }) { ", which is live," } else { "" };
    let mut report =
        report(Code::VerificationFailed, format!("{}{is_live} did not pass its check: {why}", named(version)))
            .at("/verify")
            .hint(hint);
    report.log = log;
    report
}

/// Adds what has become of traffic of `alias` that was on its way from `version` to `new`.
pub fn tell_way_back(report: &mut ErrorReport, alias: &str, version: &str, new: &str, ended: Result<Way, ErrorReport>) {
    let told = match ended {
        Ok(Way::Back) => format!("all traffic of `{alias}` is back at version {version}"),
        Ok(Way::Arrived) => format!("all traffic of `{alias}` goes to version {new}"),
        Err(failure) => {
            report.hint =
                Some(format!("`dpl-lambda rollback` with `version: {version}` sends all of it back to that version"));
            report.caused_by.push(failure.message);
            format!("`{alias}` may still share its traffic with version {new}, it could not be sent back")
        }
    };
    report.message = format!("{}; {told}", report.message);
}
