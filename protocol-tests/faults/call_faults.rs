//! The faults of a call, and the expected result of a deployment with each of them.

use std::time::Duration;

use lambda_endpoint::{Call, FaultKind};

/// Other AWS messages than "An update is in progress" (helix-deploy issue 83, serverless-application-model
/// issue 2356).
const CONCURRENT: &str = "The function could not be updated due to a concurrent update operation.";
const PENDING: &str = "The operation cannot be performed at this time. The function is currently in the following state: 'Pending'. StateReasonCode: 'Creating'";

/// A fault of a call, and the expected result.
pub(super) struct CallFault {
    pub(super) name: &'static str,
    /// The number of consecutive calls of the operation that it affects.
    pub(super) times: u32,
    pub(super) kind: FaultKind,
    /// True for the calls that it can affect.
    pub(super) affects: fn(&Call) -> bool,
    /// True if an affected call may still take effect.
    pub(super) takes_effect: bool,
    /// The accepted results.
    pub(super) expected: Expected,
}

/// The accepted results of a run with a fault.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    /// The deployment succeeds, as without the fault.
    Deployed,
    /// The deployment succeeds, or fails with this code.
    DeployedOr(&'static str),
    /// The deployment fails with this code.
    Failed(&'static str),
}

/// The accepted error codes, with their class and whether they are retryable.
pub(super) const CODES: [(&str, &str, bool); 11] = [
    ("access-denied", "auth", false),
    ("conflict", "transient", true),
    ("creation-failed", "config", false),
    ("credentials-expired", "auth", false),
    ("function-gone", "transient", true),
    ("provisioning-failed", "quota", false),
    ("timed-out", "transient", true),
    ("unexpected-answer", "transient", true),
    ("update-failed", "config", false),
    ("verification-failed", "package", false),
    ("version-failed", "config", false),
];

/// All faults.
pub(super) fn call_faults() -> Vec<CallFault> {
    use Expected::{Deployed, DeployedOr, Failed};
    let status = FaultKind::status;
    let unanswered = |name, times, kind, expected| {
        let (affects, takes_effect): (fn(&Call) -> bool, _) = (|_| true, false);
        CallFault { name, times, kind, affects, takes_effect, expected }
    };
    let handled = |name, kind, affects, expected| CallFault {
        name,
        times: 1,
        kind,
        affects,
        takes_effect: true,
        expected,
    };
    let (reason_code, reason) = ("InternalError".to_owned(), "Something broke.".to_owned());
    let update_fails = FaultKind::UpdateFails { reason_code: reason_code.clone(), reason: reason.clone() };
    let provision_fails = FaultKind::ProvisionFails { reason: reason.clone() };
    let publish_fails = FaultKind::PublishFails { reason_code: reason_code.clone(), reason: reason.clone() };
    let create_fails = FaultKind::CreateFails { reason_code, reason };
    let throttled_after = FaultKind::StatusAfter {
        status: 429,
        code: "TooManyRequestsException".to_owned(),
        message: "Rate Exceeded.".to_owned(),
    };
    let busy = FaultKind::Busy { for_: Duration::from_millis(300) };
    let conflict = "ResourceConflictException";
    let throttled = status(429, "TooManyRequestsException", "Rate Exceeded.");
    let expired =
        status(403, "ExpiredTokenException", "The security token included in the request is expired");
    vec![
        unanswered("throttled-twice", 2, throttled, Deployed),
        unanswered("500-twice", 2, status(500, "ServiceException", "An error occurred."), Deployed),
        unanswered("503-twice", 2, status(503, "ServiceUnavailableException", ""), Deployed),
        unanswered("html-503", 1, FaultKind::Html { status: 503 }, Deployed),
        unanswered("reset-before", 1, FaultKind::ResetBefore, Deployed),
        CallFault {
            affects: |call| call.body_bytes > 0,
            ..unanswered("reset-during", 1, FaultKind::ResetDuring { after_bytes: 20 }, Deployed)
        },
        CallFault { affects: may_conflict, ..unanswered("busy", 1, busy, Deployed) },
        CallFault {
            affects: may_conflict,
            ..unanswered("concurrent", 2, status(409, conflict, CONCURRENT), Deployed)
        },
        CallFault {
            affects: may_conflict,
            ..unanswered("pending", 2, status(409, conflict, PENDING), Deployed)
        },
        unanswered("hang", 1, FaultKind::hang(), DeployedOr("timed-out")),
        unanswered("html-200", 1, FaultKind::Html { status: 200 }, DeployedOr("unexpected-answer")),
        unanswered("empty-200", 1, FaultKind::Empty { status: 200 }, DeployedOr("unexpected-answer")),
        unanswered("access-denied", 1, FaultKind::denied(), Failed("access-denied")),
        unanswered("expired", 1, expired, Failed("credentials-expired")),
        handled("reset-after", FaultKind::ResetAfter, |_| true, Deployed),
        handled(
            "deleted",
            FaultKind::DeleteFunction,
            // A mapping outlives its function, so the wait for it ends as usual. CodeDeploy's calls name no
            // function.
            |call| !creates(call) && call.operation != "GetEventSourceMapping" && !is_for_codedeploy(call),
            Failed("function-gone"),
        ),
        handled("touched", FaultKind::TouchFunction, |call| !creates(call), DeployedOr("conflict")),
        handled("create-fails", create_fails, creates, Failed("creation-failed")),
        // The version exists anyway (terraform-provider-aws issue 29907).
        handled("throttled-after", throttled_after, publishes, Deployed),
        handled("publish-fails", publish_fails, publishes, Failed("version-failed")),
        // AWS accepts these calls and answers with success, but they never take effect.
        CallFault {
            takes_effect: false,
            ..handled("update-fails", update_fails, updates, Failed("update-failed"))
        },
        CallFault {
            takes_effect: false,
            ..handled("provision-fails", provision_fails, provisions, Failed("provisioning-failed"))
        },
    ]
}

pub(super) fn changes(call: &Call) -> bool {
    !call.is_read() && !invokes(call)
}

/// True if Lambda may refuse the call because of another client's change.
fn may_conflict(call: &Call) -> bool {
    changes(call) && !creates(call) && !is_for_codedeploy(call)
}

fn is_for_codedeploy(call: &Call) -> bool {
    call.path == "/"
}

pub(super) fn invokes(call: &Call) -> bool {
    call.operation == "Invoke"
}

fn provisions(call: &Call) -> bool {
    call.operation == "PutProvisionedConcurrencyConfig"
}

fn creates(call: &Call) -> bool {
    call.operation == "CreateFunction"
}

fn publishes(call: &Call) -> bool {
    call.operation == "PublishVersion"
}

fn updates(call: &Call) -> bool {
    ["UpdateFunctionCode", "UpdateFunctionConfiguration"].contains(&call.operation.as_str())
}
