//! Defines faults, parses them from JSON, and says what each does to a call. Never applies a fault:
//! `server.rs` cuts connections, `account.rs` ends states, and `script.rs` selects the calls.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::function::{Ending, Failure};
use crate::http::Answer;
use crate::route;

/// A fault and the calls that it applies to.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// AWS's name of the operation, such as `GetFunction`. `None`: every operation.
    pub operation: Option<String>,
    /// The number of matching calls that pass first.
    pub after: u32,
    /// The number of calls that the fault affects after that.
    pub times: u32,
    /// The effect on these calls.
    pub kind: FaultKind,
}

/// The effect of a fault on a call. If the fault replaces the answer, the call is not handled: no signature
/// is verified and no state changes.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// Answers with an error in AWS's format.
    Status {
        /// The HTTP status.
        status: u16,
        /// AWS's error code, such as `TooManyRequestsException`.
        code: String,
        /// AWS's message, such as `Rate Exceeded.`
        message: String,
        /// Seconds in the `Retry-After` header. `None`: no such header.
        retry_after: Option<u32>,
    },
    /// Handles the call, but answers with an error in AWS's format.
    StatusAfter {
        /// The HTTP status.
        status: u16,
        /// AWS's error code, such as `TooManyRequestsException`.
        code: String,
        /// AWS's message, such as `Rate Exceeded.`
        message: String,
    },
    /// Resets the connection after the head was read; the call is not handled.
    ResetBefore,
    /// Resets the connection in the middle of the upload; the call is not handled.
    ResetDuring {
        /// The number of bytes of the body to read first. A shorter body is read to its end.
        after_bytes: u64,
    },
    /// Handles the call, then resets the connection instead of answering, so that the caller cannot know the
    /// result.
    ResetAfter,
    /// Reads the request, sends nothing, then closes the connection; the call is not handled.
    Hang {
        /// The time before the connection is closed.
        for_: Duration,
    },
    /// Reads the request, and handles the call when the test lets it go. A test in Rust only.
    Hold,
    /// Handles the call and sends the body of its answer in small pieces.
    Slow {
        /// The time that sending the whole body takes.
        answer_over: Duration,
    },
    /// Answers with an HTML page, as load balancers and proxies do.
    Html {
        /// The HTTP status.
        status: u16,
    },
    /// Answers with an empty body.
    Empty {
        /// The HTTP status.
        status: u16,
    },
    /// Accepts UpdateFunctionCode or UpdateFunctionConfiguration; `LastUpdateStatus` becomes `Failed` later.
    /// Ignores other calls.
    UpdateFails {
        /// `LastUpdateStatusReasonCode`, such as `InvalidImage`.
        reason_code: String,
        /// `LastUpdateStatusReason`.
        reason: String,
    },
    /// Accepts CreateFunction; `State` becomes `Failed` later. Ignores other calls.
    CreateFails {
        /// `StateReasonCode`, such as `InvalidSubnet`.
        reason_code: String,
        /// `StateReason`.
        reason: String,
    },
    /// Accepts PublishVersion; the version's `State` becomes `Failed` later. Ignores other calls.
    PublishFails {
        /// `StateReasonCode`, such as `FunctionError`.
        reason_code: String,
        /// `StateReason`.
        reason: String,
    },
    /// Accepts PutProvisionedConcurrencyConfig; its status becomes `FAILED` later. Ignores other calls.
    ProvisionFails {
        /// `StatusReason`, such as `FUNCTION_ERROR_INIT_FAILURE`.
        reason: String,
    },
    /// Pretends that another client's update is in progress: answers 409 to calls that change the function,
    /// which are UpdateFunctionCode, UpdateFunctionConfiguration and PublishVersion, or the one operation
    /// that the fault names. `times` has no effect here.
    Busy {
        /// The duration, starting with the first call that it affects.
        for_: Duration,
    },
    /// Deletes the function just before the call is handled, as another client would. Ignores CreateFunction.
    DeleteFunction,
    /// Changes the function's description, and with it its RevisionId, just before the call is handled, as
    /// another client would. Ignores CreateFunction.
    TouchFunction,
}

/// The effect of a fault on a call that is still handled.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CallOutcome {
    /// A change that another client makes just before. `None`: no change.
    pub(crate) before: Option<ConcurrentChange>,
    /// How the state that the call starts will end.
    pub(crate) ending: Ending,
}

/// A change that another client makes to a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConcurrentChange {
    Update,
    Delete,
    Touch,
}

impl Fault {
    /// A fault of the first call of this operation.
    pub fn once(operation: &str, kind: FaultKind) -> Fault {
        Fault { operation: Some(operation.to_owned()), after: 0, times: 1, kind }
    }

    /// Parses `{"operation": "GetFunction", "after": 0, "times": 2, "status": 429, "code":
    /// "TooManyRequestsException", "message": "Rate Exceeded."}` (with `retry_after` in seconds), or another
    /// `kind`: `status-after`, `reset-before`, `reset-during` (`after_bytes`), `reset-after`, `hang`
    /// (`for_ms`), `slow` (`answer_over_ms`), `html` and `empty` (`status`), `update-fails`, `create-fails`
    /// and `publish-fails` (`reason_code`, `reason`), `provision-fails` (`reason`), `busy` (`for_ms`),
    /// `delete-function`, `touch-function`.
    ///
    /// Defaults: every operation, `after` 0, `times` 1. Fails on unknown keys and values.
    pub fn from_json(value: &Value) -> Result<Fault, String> {
        let mut fixture = Fixture::read("fault", value)?;
        let operation = fixture.text("operation")?;
        if let Some(name) = operation.as_ref().filter(|name| !route::is_operation(name)) {
            return Err(format!(
                "`operation` of fault is `{name}`; give one of AWS's, such as `GetFunction`"
            ));
        }
        let fault = Fault {
            operation,
            after: fixture.number("after")?.unwrap_or(0),
            times: fixture.number("times")?.unwrap_or(1),
            kind: FaultKind::read(&mut fixture)?,
        };
        fixture.finish()?;
        Ok(fault)
    }
}

impl FaultKind {
    /// Answers with this status, error code and message.
    pub fn status(status: u16, code: &str, message: &str) -> FaultKind {
        let (code, message) = (code.to_owned(), message.to_owned());
        FaultKind::Status { status, code, message, retry_after: None }
    }

    /// Answers that the caller may not do this.
    pub fn denied() -> FaultKind {
        FaultKind::status(403, "AccessDeniedException", "User is not authorized to perform this action")
    }

    /// Sends nothing for 30 s, which is longer than any test waits for one call.
    pub fn hang() -> FaultKind {
        FaultKind::Hang { for_: Duration::from_secs(30) }
    }

    fn read(fixture: &mut Fixture) -> Result<FaultKind, String> {
        let kind = fixture.text("kind")?.unwrap_or("status".to_owned());
        let needs = |key: &str| format!("a fault of kind `{kind}` needs `{key}`");
        match kind.as_str() {
            "status" => Ok(FaultKind::Status {
                status: fixture.number("status")?.ok_or_else(|| needs("status"))?,
                code: fixture.text("code")?.ok_or_else(|| needs("code"))?,
                message: fixture.text("message")?.unwrap_or_default(),
                retry_after: fixture.number("retry_after")?,
            }),
            "status-after" => Ok(FaultKind::StatusAfter {
                status: fixture.number("status")?.ok_or_else(|| needs("status"))?,
                code: fixture.text("code")?.ok_or_else(|| needs("code"))?,
                message: fixture.text("message")?.unwrap_or_default(),
            }),
            "reset-before" => Ok(FaultKind::ResetBefore),
            "reset-during" => {
                Ok(FaultKind::ResetDuring { after_bytes: fixture.number("after_bytes")?.unwrap_or(0) })
            }
            "reset-after" => Ok(FaultKind::ResetAfter),
            "hang" => Ok(FaultKind::Hang { for_: fixture.millis("for_ms")?.ok_or_else(|| needs("for_ms"))? }),
            "slow" => Ok(FaultKind::Slow {
                answer_over: fixture.millis("answer_over_ms")?.ok_or_else(|| needs("answer_over_ms"))?,
            }),
            "html" => {
                Ok(FaultKind::Html { status: fixture.number("status")?.ok_or_else(|| needs("status"))? })
            }
            "empty" => {
                Ok(FaultKind::Empty { status: fixture.number("status")?.ok_or_else(|| needs("status"))? })
            }
            "update-fails" => Ok(FaultKind::UpdateFails {
                reason_code: fixture.text("reason_code")?.ok_or_else(|| needs("reason_code"))?,
                reason: fixture.text("reason")?.unwrap_or_default(),
            }),
            "create-fails" => Ok(FaultKind::CreateFails {
                reason_code: fixture.text("reason_code")?.ok_or_else(|| needs("reason_code"))?,
                reason: fixture.text("reason")?.unwrap_or_default(),
            }),
            "publish-fails" => Ok(FaultKind::PublishFails {
                reason_code: fixture.text("reason_code")?.ok_or_else(|| needs("reason_code"))?,
                reason: fixture.text("reason")?.unwrap_or_default(),
            }),
            "provision-fails" => Ok(FaultKind::ProvisionFails {
                reason: fixture.text("reason")?.ok_or_else(|| needs("reason"))?,
            }),
            "busy" => Ok(FaultKind::Busy { for_: fixture.millis("for_ms")?.ok_or_else(|| needs("for_ms"))? }),
            "delete-function" => Ok(FaultKind::DeleteFunction),
            "touch-function" => Ok(FaultKind::TouchFunction),
            other => Err(format!("`kind` of fault is `{other}`; give one that `Fault::from_json` names")),
        }
    }

    /// Returns the answer that replaces the handling of the call. `None`: the call is handled, or never
    /// answered.
    pub(crate) fn answer(&self) -> Option<Answer> {
        match self {
            FaultKind::Status { status, code, message, retry_after } => {
                let kind = if *status < 500 { "User" } else { "Service" };
                let body = json!({"Type": kind, "message": message});
                let mut answer = Answer::error(*status, code, &body);
                let header = retry_after.map(|seconds| ("retry-after", seconds.to_string()));
                answer.headers.extend(header);
                Some(answer)
            }
            FaultKind::Html { status } => {
                let page = format!(
                    "<html>\n<head><title>{status}</title></head>\n<body><h1>{status}</h1></body>\n</html>\n"
                );
                Some(not_awss(Answer::new(*status, "text/html", page.into_bytes())))
            }
            FaultKind::Empty { status } => Some(not_awss(Answer::json(*status, &Value::Null))),
            FaultKind::StatusAfter { .. }
            | FaultKind::ResetBefore
            | FaultKind::ResetDuring { .. }
            | FaultKind::ResetAfter
            | FaultKind::Hang { .. }
            | FaultKind::Hold
            | FaultKind::Slow { .. }
            | FaultKind::UpdateFails { .. }
            | FaultKind::CreateFails { .. }
            | FaultKind::PublishFails { .. }
            | FaultKind::ProvisionFails { .. }
            | FaultKind::Busy { .. }
            | FaultKind::DeleteFunction
            | FaultKind::TouchFunction => None,
        }
    }

    /// Returns the answer that replaces the one of the handled call. `None`: the call's own answer is sent.
    pub(crate) fn answer_after(&self) -> Option<Answer> {
        let FaultKind::StatusAfter { status, code, message } = self else { return None };
        Some(Answer::error(*status, code, &json!({"Type": "User", "message": message})))
    }

    /// Returns the effect on a call that is handled.
    pub(crate) fn call_outcome(&self) -> CallOutcome {
        let ends = |reason_code: &str, reason: &str| {
            let failure = Failure { reason_code: reason_code.to_owned(), reason: reason.to_owned() };
            CallOutcome { before: None, ending: Some(failure) }
        };
        let mutates = |concurrent_change| CallOutcome { before: Some(concurrent_change), ending: None };
        match self {
            FaultKind::UpdateFails { reason_code, reason }
            | FaultKind::CreateFails { reason_code, reason }
            | FaultKind::PublishFails { reason_code, reason } => ends(reason_code, reason),
            FaultKind::ProvisionFails { reason } => ends("", reason),
            FaultKind::Busy { .. } => mutates(ConcurrentChange::Update),
            FaultKind::DeleteFunction => mutates(ConcurrentChange::Delete),
            FaultKind::TouchFunction => mutates(ConcurrentChange::Touch),
            FaultKind::Status { .. }
            | FaultKind::StatusAfter { .. }
            | FaultKind::ResetBefore
            | FaultKind::ResetDuring { .. }
            | FaultKind::ResetAfter
            | FaultKind::Hang { .. }
            | FaultKind::Hold
            | FaultKind::Slow { .. }
            | FaultKind::Html { .. }
            | FaultKind::Empty { .. } => CallOutcome::default(),
        }
    }

    /// True if the fault can affect a call of this operation. `named`: the fault itself names the operation.
    pub(crate) fn concerns(&self, operation: &str, named: bool) -> bool {
        let updates = ["UpdateFunctionCode", "UpdateFunctionConfiguration"].contains(&operation);
        match self {
            FaultKind::UpdateFails { .. } => updates,
            FaultKind::CreateFails { .. } => operation == "CreateFunction",
            FaultKind::PublishFails { .. } => operation == "PublishVersion",
            FaultKind::ProvisionFails { .. } => operation == "PutProvisionedConcurrencyConfig",
            FaultKind::Busy { .. } => named || updates || operation == "PublishVersion",
            FaultKind::DeleteFunction | FaultKind::TouchFunction => operation != "CreateFunction",
            FaultKind::Status { .. }
            | FaultKind::StatusAfter { .. }
            | FaultKind::ResetBefore
            | FaultKind::ResetDuring { .. }
            | FaultKind::ResetAfter
            | FaultKind::Hang { .. }
            | FaultKind::Hold
            | FaultKind::Slow { .. }
            | FaultKind::Html { .. }
            | FaultKind::Empty { .. } => true,
        }
    }
}

/// Removes AWS's request id, which an answer of a load balancer or proxy does not have.
fn not_awss(mut answer: Answer) -> Answer {
    answer.headers.retain(|(name, _)| *name != "x-amzn-requestid");
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(fault: &Value, because: &str) {
        assert_eq!(Fault::from_json(fault).unwrap_err(), because);
    }

    #[test]
    fn a_misspelt_fault_is_refused() {
        refused(
            &json!({"operation": "GetFunktion", "kind": "reset-after"}),
            "`operation` of fault is `GetFunktion`; give one of AWS's, such as `GetFunction`",
        );
        refused(&json!({"kind": "reset-after", "after_byte": 1}), "fault has no key `after_byte`");
        refused(&json!({"kind": "hang"}), "a fault of kind `hang` needs `for_ms`");
        refused(&json!({"kind": "busy"}), "a fault of kind `busy` needs `for_ms`");
        refused(&json!({"kind": "provision-fails"}), "a fault of kind `provision-fails` needs `reason`");
    }
}
