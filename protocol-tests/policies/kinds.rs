//! The kinds of deployments whose policies are tested: their stanzas, and the state that they find.

use lambda_endpoint::{Alarm, Fault, FaultKind};

use super::*;

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1";
const LAYER: &str = "arn:aws:lambda:us-east-1:123456789012:layer:tools:1";
const SIGNING: &str = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0";
const ACCESS_POINT: &str =
    "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0";

/// A kind of deployment: its stanza, and the stanza of an earlier deployment of the same function.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) stanza: Value,
    pub(super) before: Value,
    /// True if the stanza has everything that a creation needs.
    pub(super) creates: bool,
    /// True if the test ends with a rollback.
    pub(super) rolls_back: bool,
    /// Changes the function between the two deployments.
    pub(super) meanwhile: fn(&Fixture, &Kind),
    /// Part of the note that the program prints beside the policy, in addition to notes about KMS keys.
    pub(super) note: Option<&'static str>,
    /// Actions in the policy that this kind does not need, although similar kinds do.
    pub(super) spare: &'static [&'static str],
}

fn kind(name: &'static str, stanza: Value, before: Value) -> Kind {
    let rolls_back = stanza.get("alias").is_some();
    let with_timeout = |mut stanza: Value, seconds: u32| {
        stanza["timeout"] = json!(seconds);
        stanza
    };
    let (stanza, before) = (with_timeout(stanza, 20), with_timeout(before, 10));
    Kind { name, stanza, before, creates: true, rolls_back, meanwhile: |_, _| {}, note: None, spare: &[] }
}

/// A kind whose stanza has not everything that a creation needs.
fn update(name: &'static str, stanza: Value, before: Value) -> Kind {
    Kind { creates: false, ..kind(name, bare(stanza), before) }
}

/// The stanza with the function's ARN as name, and without role, runtime and handler.
fn bare(mut stanza: Value) -> Value {
    stanza["function_name"] = json!(FUNCTION);
    for key in ["role", "runtime", "handler_name"] {
        stanza[key] = Value::Null;
    }
    stanza
}

/// Adds a statement to the function's policy that has the name of our statement and a different content.
fn bend_statement(live: &Fixture, _: &Kind) {
    let bent = json!({"StatementId": "dpl-lambda-function-url", "Action": "lambda:InvokeFunctionUrl",
        "Principal": "210987654321", "FunctionUrlAuthType": "AWS_IAM"});
    live.endpoint.perform("POST", "/2015-03-31/functions/f/policy", bent).expect("AWS would add it");
}

/// The same as [`bend_statement`], for the policy of the alias.
fn bend_aliases_statement(live: &Fixture, _: &Kind) {
    let bent = json!({"StatementId": "dpl-lambda-function-url", "Action": "lambda:InvokeFunctionUrl",
        "Principal": "210987654321", "FunctionUrlAuthType": "AWS_IAM"});
    live.endpoint
        .perform("POST", "/2015-03-31/functions/f/policy?Qualifier=live", bent)
        .expect("AWS would add it");
}

/// Adds a function URL without alias, as from a deployment before the alias existed, and a statement with our
/// name.
fn open_latest(live: &Fixture, kind: &Kind) {
    let url = json!({"AuthType": "NONE"});
    live.endpoint.perform("POST", "/2021-10-31/functions/f/url", url).expect("AWS would create it");
    bend_statement(live, kind);
}

/// Makes the last update of the function fail.
fn fail_update(live: &Fixture, kind: &Kind) {
    let (reason_code, reason) = ("InvalidImage".to_owned(), "The image cannot be read.".to_owned());
    let kind_of_fault = FaultKind::UpdateFails { reason_code, reason };
    live.endpoint.fault(Fault::once("UpdateFunctionConfiguration", kind_of_fault));
    let mut stanza = kind.before.clone();
    stanza["timeout"] = json!(11);
    assert_eq!(live.run(&[], &stanza).outcome(), "failed", "{}: the earlier deployment", kind.name);
}

pub(super) fn kinds() -> Vec<Kind> {
    let role = "arn:aws:iam::123456789012:role/other";
    let image = |tag: &str| {
        let uri = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/app:{tag}");
        json!({"image_uri": uri, "runtime": null, "handler_name": null})
    };
    let network = json!({"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]});
    let url = |auth_type: &str| json!({"function_url": {"auth_type": auth_type}});
    let with_alias = |mut stanza: Value| {
        stanza["alias"] = json!("live");
        stanza
    };
    let provisioned = |stanza: Value| {
        let mut stanza = with_alias(stanza);
        stanza["provisioned_concurrency"] = json!(2);
        stanza
    };
    let object = |key: &str| json!({"s3_bucket": "builds", "s3_key": key});
    let managed = |invocations: u32| {
        let provider = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:ours";
        json!({
            "capacity_provider_arn": provider, "per_execution_environment_max_concurrency": invocations,
        })
    };
    vec![
        kind("settings and code", json!({}), json!({"role": role})),
        Kind { stanza: bare(json!({})), ..update("only code", json!({}), json!({})) },
        kind(
            "variables under a key",
            json!({"environment": {"A": "variable"}, "kms_key_arn": KEY}),
            json!({"environment": {"A": "before"}, "kms_key_arn": KEY}),
        ),
        kind("a package under a key", json!({"source_kms_key_arn": KEY}), json!({})),
        kind("layers", json!({"layers": [LAYER]}), json!({})),
        kind("layers by name", json!({"layers": ["tools", "more:1"]}), json!({})),
        kind(
            "a layer that the stanza builds",
            json!({"layers": [{"name": "deps", "zip": "index.js", "keep_versions": 1}]}),
            json!({"layers": [{"name": "deps", "zip": "index.js"}]}),
        ),
        kind("a network", network.clone(), json!({})),
        update(
            "one member of a network, with the others live",
            json!({"ipv6_allowed_for_dual_stack": true}),
            network.clone(),
        ),
        kind(
            "a file system",
            {
                let mut stanza = network;
                stanza["file_system_configs"] =
                    json!([{"arn": ACCESS_POINT, "local_mount_path": "/mnt/data"}]);
                stanza
            },
            json!({}),
        ),
        kind("tags", json!({"function_tags": {"team": "blue"}}), json!({"function_tags": {"team": "red"}})),
        kind(
            "tags, removing all others",
            json!({"function_tags": {"team": "blue"}, "function_tags_mode": "replace"}),
            json!({"function_tags": {"old": "one"}}),
        ),
        kind("code signing", json!({"code_signing_config_arn": SIGNING}), json!({})),
        kind(
            "no code signing",
            json!({"code_signing_config_arn": ""}),
            json!({"code_signing_config_arn": SIGNING}),
        ),
        kind("reserved concurrency", json!({"reserved_concurrency": 5}), json!({})),
        kind(
            "no reserved concurrency",
            json!({"reserved_concurrency": "none"}),
            json!({"reserved_concurrency": 5}),
        ),
        kind(
            "runtime management",
            json!({"runtime_management": {"update_runtime_on": "FunctionUpdate"}}),
            json!({}),
        ),
        kind("recursive loops", json!({"recursive_loop": "Allow"}), json!({})),
        kind(
            "asynchronous invocations",
            json!({"event_invoke_config": {"maximum_retry_attempts": 0}}),
            json!({}),
        ),
        kind(
            "asynchronous invocations as AWS treats them by default",
            json!({"event_invoke_config": {}}),
            json!({"event_invoke_config": {"maximum_retry_attempts": 0}}),
        ),
        Kind { meanwhile: bend_statement, ..kind("a public function URL", url("NONE"), url("AWS_IAM")) },
        kind("a function URL with IAM authentication", url("AWS_IAM"), url("NONE")),
        kind("no function URL", json!({"function_url": "none"}), url("NONE")),
        Kind {
            meanwhile: bend_aliases_statement,
            ..kind("a public function URL of an alias", with_alias(url("NONE")), provisioned(url("AWS_IAM")))
        },
        Kind {
            meanwhile: open_latest,
            ..kind(
                "no function URL of an alias",
                with_alias(json!({"function_url": "none"})),
                provisioned(url("NONE")),
            )
        },
        kind("a version", json!({"publish": true, "snap_start": "PublishedVersions"}), json!({})),
        kind(
            "a durable function under a key that keeps few versions",
            json!({
                "publish": true, "keep_versions": 1, "snap_start": "PublishedVersions",
                "durable_config": {"execution_timeout": 3600, "kms_key_arn": KEY},
            }),
            json!({"publish": true, "durable_config": {"execution_timeout": 60}}),
        ),
        kind(
            "Managed Instances",
            json!({
                "capacity_provider_config": managed(16), "verify": {},
                "scaling": {"max_execution_environments": 9},
            }),
            json!({"capacity_provider_config": managed(8)}),
        ),
        kind("a verified function", json!({"verify": {}}), json!({})),
        kind(
            "a verified version",
            json!({"publish": true, "verify": {}, "snap_start": "PublishedVersions"}),
            json!({}),
        ),
        kind("a function verified by a command", json!({"verify": {"command": "true"}}), json!({})),
        kind(
            "a function verified by a command and an invocation",
            json!({"verify": [{"command": "true"}, {"client_context": {}, "log": true}]}),
            json!({}),
        ),
        kind(
            "an alias whose provisioned concurrency the stanza does not name",
            json!({"alias": "live"}),
            json!({"alias": "live", "provisioned_concurrency": 2}),
        ),
        kind(
            "an alias with verification, traffic and provisioned concurrency",
            json!({"alias": "live", "verify": {}, "traffic": [50], "traffic_interval": 1, "provisioned_concurrency": 2}),
            json!({"alias": "live"}),
        ),
        kind(
            "asynchronous invocations of an alias with a description",
            with_alias(json!({
                "event_invoke_config": {"maximum_retry_attempts": 0}, "alias_description": "The live shop",
            })),
            provisioned(json!({})),
        ),
        Kind {
            // AWS offers no provisioned concurrency for SnapStart.
            spare: &["lambda:GetProvisionedConcurrencyConfig"],
            ..kind(
                "an alias that keeps few versions, with SnapStart",
                json!({"alias": "live", "keep_versions": 1, "snap_start": "PublishedVersions"}),
                json!({"alias": "live"}),
            )
        },
        Kind {
            meanwhile: |live, _| {
                let queue = "arn:aws:sqs:us-east-1:123456789012:orders";
                let mapping = json!({"EventSourceArn": queue, "FunctionName": "f"});
                live.endpoint
                    .perform("POST", "/2015-03-31/event-source-mappings", mapping)
                    .expect("AWS would create it");
            },
            ..kind(
                "an alias that an event source follows",
                json!({"alias": "live", "follow_alias": true}),
                json!({"alias": "live", "provisioned_concurrency": 2}),
            )
        },
        Kind {
            meanwhile: |live, _| live.endpoint.set_alarm(Alarm::named("shop-5xx")),
            ..kind(
                "an alias with a guard",
                json!({
                    "alias": "live", "provisioned_concurrency": 2, "guard": {"alarms": ["shop-5xx"], "bake": 1},
                }),
                json!({"alias": "live"}),
            )
        },
        Kind {
            // The rollback finds no deployment that it would have to stop.
            spare: &["codedeploy:StopDeployment"],
            ..kind(
                "an alias that CodeDeploy moves",
                json!({"alias": "live", "codedeploy": {
                    "application": "shop",
                    "deployment_group": "live",
                    "config": "CodeDeployDefault.LambdaAllAtOnce",
                }}),
                json!({"alias": "live", "provisioned_concurrency": 2}),
            )
        },
        kind(
            "an alias without provisioned concurrency",
            json!({"alias": "live", "provisioned_concurrency": "none"}),
            json!({"alias": "live", "provisioned_concurrency": 2}),
        ),
        kind("an image", image("2"), image("1")),
        Kind {
            meanwhile: fail_update,
            note: Some("the live image's repository is not known"),
            ..update(
                "the live image after an update that failed",
                json!({"package_type": "Image"}),
                image("1"),
            )
        },
        kind("an object in a bucket", object("2.zip"), object("1.zip")),
        kind(
            "a version of an object",
            json!({"s3_bucket": "builds", "s3_key": "1.zip", "s3_object_version": "v2"}),
            object("1.zip"),
        ),
    ]
}
