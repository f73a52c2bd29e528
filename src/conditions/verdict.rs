//! Defines the verdict on the conditions of a stanza, and why there can be none.

use super::bash::BashError;
use crate::protocol::event::{Condition, ConditionResult};
use crate::protocol::messages::dotted;

/// Conditions that bash evaluates can have at most this many bytes together: bash needs half a second for
/// 8 MiB, and the conditions of real stanzas have less than 1 KiB.
pub(super) const MAX_BASH_BYTES: usize = 1024 * 1024;

/// The decision that Travis CI would make.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// All groups of conditions that apply, in the order of Travis CI.
    pub checked: Vec<ConditionResult>,
    pub deploys: bool,
}

impl Verdict {
    /// Whether the build is a pull request. No other group has been evaluated then.
    pub(crate) fn is_pull_request(&self) -> bool {
        self.checked.iter().any(|checked| checked.condition == Condition::PullRequest && !checked.met)
    }
}

/// Why there is no verdict. The stanza must then not be deployed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConditionError {
    /// A value under `on` is still encrypted. `at`: the JSON pointer to it, as in the other variants.
    #[error("`{}` is still encrypted: its value is `{{\"secure\": …}}`", dotted(.at))]
    NotDecrypted { at: String },
    /// A value under `on` has a type that Travis CI cannot read. `kind`: the type with an article.
    #[error("`{}` is {kind}; expected {right}", dotted(.at))]
    BadShape { at: String, kind: &'static str, right: &'static str },
    /// bash cannot parse a condition, or stopped during its evaluation. `text`: what was passed to bash.
    #[error("bash cannot evaluate `[[ {text} ]]` of `{}`: {error_text}", dotted(.at))]
    BadCondition { at: String, text: String, error_text: String },
    /// The conditions are too long to be passed to bash. `at` is the longest one; `bytes` are those of all.
    #[error("the conditions under `on` have {bytes} bytes; expected at most {}", MAX_BASH_BYTES)]
    TooLong { at: String, bytes: usize },
    /// bash could not be run.
    #[error(transparent)]
    Bash(#[from] BashError),
}
