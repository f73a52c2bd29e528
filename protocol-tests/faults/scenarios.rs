//! The deployments for fault injection: the initial state and the stanza of each. Never adds a fault.

use std::time::Duration;

use lambda_endpoint::{DeploymentGroup, Endpoint, Invocation, Settings};
use serde_json::{Value, json};

use crate::aws_state::{ALIASES, EVENT_INVOKE, EVENT_SOURCES, PROVISIONED, create_request, perform, publish};
use crate::deployments::request;
use crate::fixture::change;

/// A deployment.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Creates the initial state.
    pub(super) before: fn(&Endpoint),
    /// The keys of the stanza other than the function's name, role, runtime and handler.
    pub(super) stanza: fn() -> Value,
}

pub(super) const SCENARIOS: [Scenario; 8] = [
    Scenario { name: "creation", before: nothing, stanza: creation },
    Scenario { name: "update", before: closed_function, stanza: update },
    Scenario { name: "code", before: small_function, stanza: code },
    Scenario { name: "removal", before: open_function, stanza: removal },
    Scenario { name: "release", before: released_function, stanza: release },
    Scenario { name: "first release", before: previewed_function, stanza: first_release },
    Scenario { name: "follow", before: queued_function, stanza: follow },
    Scenario { name: "codedeploy", before: aliased_function, stanza: codedeploy },
];

pub(super) fn nothing(_: &Endpoint) {}

fn creation() -> Value {
    json!({
        "function_tags": {"team": "secret-of-the-team"},
        "publish": true,
        "reserved_concurrency": 5,
        "runtime_management": {"update_runtime_on": "FunctionUpdate"},
        "recursive_loop": "Allow",
        "event_invoke_config": {"maximum_retry_attempts": 0},
        "function_url": {"auth_type": "NONE"},
    })
}

fn small_function(endpoint: &Endpoint) {
    endpoint.seed(create_request()).expect("a valid function");
}

fn code() -> Value {
    json!({"publish": true})
}

/// Creates a function with code signing, reserved concurrency, a URL and these tags.
fn configured(endpoint: &Endpoint, auth_type: &str, tags: Value) {
    let mut function = create_request();
    (function["CodeSigningConfigArn"], function["Tags"]) = (signing(0), tags);
    endpoint.seed(function).expect("a valid function");
    let reserved = json!({"ReservedConcurrentExecutions": 3});
    perform(endpoint, "PUT", "/2017-10-31/functions/f/concurrency", reserved);
    perform(endpoint, "POST", "/2021-10-31/functions/f/url", json!({"AuthType": auth_type}));
}

fn closed_function(endpoint: &Endpoint) {
    configured(endpoint, "AWS_IAM", json!({"team": "secret-of-others", "goes": "secret-that-goes"}));
}

fn update() -> Value {
    let mut stanza = creation();
    let more = json!({
        "description": "ours",
        "timeout": 9,
        "environment": {"KEY": "secret-of-the-function"},
        "function_tags_mode": "replace",
        "code_signing_config_arn": signing(1),
    });
    change(&mut stanza, more);
    stanza
}

fn open_function(endpoint: &Endpoint) {
    configured(endpoint, "NONE", json!({}));
    perform(endpoint, "PUT", EVENT_INVOKE, json!({"MaximumRetryAttempts": 0}));
    let url = json!({
        "StatementId": "dpl-lambda-function-url",
        "Action": "lambda:InvokeFunctionUrl",
        "Principal": "*",
        "FunctionUrlAuthType": "NONE",
    });
    let invoke = json!({
        "StatementId": "dpl-lambda-function-url-invoke",
        "Action": "lambda:InvokeFunction",
        "Principal": "*",
        "InvokedViaFunctionUrl": true,
    });
    for permission in [url, invoke] {
        perform(endpoint, "POST", "/2015-03-31/functions/f/policy", permission);
    }
}

fn removal() -> Value {
    json!({
        "code_signing_config_arn": "",
        "reserved_concurrency": "none",
        "event_invoke_config": {},
        "function_url": "none",
        "timeout": 9,
    })
}

/// An alias that was moved back to the first of four versions, with provisioned concurrency of 1.
fn released_function(endpoint: &Endpoint) {
    versions(endpoint, 4);
    answer_only(endpoint, &["1", "5"]);
    perform(endpoint, "POST", ALIASES, json!({"Name": "live", "FunctionVersion": "1"}));
    perform(endpoint, "PUT", PROVISIONED, json!({"ProvisionedConcurrentExecutions": 1}));
}

/// The version, the provisioned concurrency, the asynchronous invocations and the number of versions all
/// change.
fn release() -> Value {
    json!({
        "alias": "live",
        "verify": {},
        "provisioned_concurrency": 2,
        "event_invoke_config": {"maximum_retry_attempts": 0},
        "keep_versions": 2,
    })
}

/// Only one of two aliases exists.
fn previewed_function(endpoint: &Endpoint) {
    aliased(endpoint, "preview");
}

/// Creates a function with an alias at version 1.
fn aliased(endpoint: &Endpoint, alias: &str) {
    versions(endpoint, 1);
    answer_only(endpoint, &["1", "2"]);
    perform(endpoint, "POST", ALIASES, json!({"Name": alias, "FunctionVersion": "1"}));
}

fn first_release() -> Value {
    json!({"alias": ["live", "preview"], "alias_description": "The shop", "verify": {}})
}

fn aliased_function(endpoint: &Endpoint) {
    aliased(endpoint, "live");
}

fn codedeploy() -> Value {
    json!({"alias": "live", "verify": {}, "codedeploy": {"application": "shop", "deployment_group": "live"}})
}

/// An alias at version 1, and a queue that calls the function itself.
fn queued_function(endpoint: &Endpoint) {
    aliased_function(endpoint);
    let queue = "arn:aws:sqs:us-east-1:123456789012:orders";
    perform(endpoint, "POST", EVENT_SOURCES, json!({"EventSourceArn": queue, "FunctionName": "f"}));
}

fn follow() -> Value {
    json!({"alias": "live", "verify": {}, "follow_alias": true})
}

/// Creates the function with `count` published versions, each with another timeout.
pub(super) fn versions(endpoint: &Endpoint, count: u32) {
    endpoint.seed(create_request()).expect("a valid function");
    // The preparation takes no time; later updates do.
    endpoint.set_update_duration(Duration::ZERO);
    publish(endpoint, 1..=count);
    endpoint.set_update_duration(DURATION);
}

/// Makes all versions fail except these: the one that is to be released, and the first version of a
/// re-created function.
fn answer_only(endpoint: &Endpoint, versions: &[&str]) {
    let function_error = Some("Unhandled".to_owned());
    endpoint.answer_invocations(Invocation { function_error, ..Invocation::default() });
    for version in versions {
        endpoint
            .answer_invocations(Invocation { version: Some((*version).to_owned()), ..Invocation::default() });
    }
}

fn signing(number: u32) -> Value {
    json!(format!("arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef{number}"))
}

impl Scenario {
    pub(super) fn request(&self, endpoint: &Endpoint) -> Value {
        let mut request = request(endpoint);
        change(&mut request, (self.stanza)());
        request
    }
}

/// The duration of everything that takes time at AWS.
const DURATION: Duration = Duration::from_millis(50);

pub(super) fn endpoint() -> Endpoint {
    let (create_duration, update_duration, provision_duration) = (DURATION, DURATION, DURATION);
    let settings = Settings {
        create_duration,
        update_duration,
        provision_duration,
        shift_duration: 8 * DURATION,
        deployment_groups: vec![DeploymentGroup::default()],
        ..Settings::default()
    };
    Endpoint::start(settings).expect("a free port")
}
