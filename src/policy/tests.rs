//! Tests of policies: a stanza, with the expected statements.

use super::*;
use crate::protocol::name::FunctionName;
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::123456789012:role/run";
const F: &str = "arn:aws:lambda:eu-west-1:123456789012:function:f";

#[track_caller]
fn policy(stanza: &Value, name: &str) -> Policy {
    let stanza = Stanza::of_json(stanza.clone());
    let name = FunctionName::parse(name).expect("a name");
    let region = stanza.region.clone().unwrap_or_else(|| Region::parse("eu-west-1").expect("a region"));
    let desired = DesiredFunction::of(&stanza, name, None);
    of(&stanza, &desired, &CodeSource::of(&stanza), &region)
}

/// The only statement with this `sid`.
#[track_caller]
fn statement(stanza: &Value, name: &str, sid: &str) -> Statement {
    let found = policy(stanza, name).document.statement;
    let mut named = found.iter().filter(|statement| statement.sid.as_deref() == Some(sid));
    let one = named.next().unwrap_or_else(|| panic!("no {sid} in {found:?}")).clone();
    assert_eq!(named.next(), None, "one {sid}");
    one
}

fn has(stanza: &Value, sid: &str) -> bool {
    policy(stanza, F).document.statement.iter().any(|statement| statement.sid.as_deref() == Some(sid))
}

#[test]
fn a_stanza_that_names_nothing_needs_two_actions_on_one_function() {
    let policy = policy(&json!({}), "arn:aws-cn:lambda:cn-north-1:123456789012:function:f");
    assert_eq!(
        json!(policy.document)["Statement"],
        json!([{"Sid": "Function", "Effect": "Allow", "Action": ["lambda:GetFunction", "lambda:UpdateFunctionCode"],
            "Resource": ["arn:aws-cn:lambda:cn-north-1:123456789012:function:f"]}])
    );
    let key = "the policy permits no KMS key of the live function `f`, which is not read; if it has one, name \
               it in `source_kms_key_arn`";
    assert_eq!(policy.notes, [key]);
}

#[test]
fn the_action_of_each_step_is_in_a_policy() {
    let sets = json!({
        "role": ROLE,
        "runtime": "nodejs22.x",
        "handler_name": "handler",
        "function_tags": {},
        "function_tags_mode": "replace",
        "code_signing_config_arn": "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-1",
        "reserved_concurrency": 1,
        "runtime_management": {"update_runtime_on": "FunctionUpdate"},
        "recursive_loop": "Allow",
        "event_invoke_config": {"maximum_retry_attempts": 0},
        "function_url": {"auth_type": "NONE"},
        "alias": "live",
        "follow_alias": true,
        "codedeploy": {"application": "shop", "deployment_group": "live"},
        "verify": {},
        "provisioned_concurrency": 1,
        "scaling": {"max_execution_environments": 9},
        "keep_versions": 1,
        "layers": [{"name": "deps", "zip": "layer", "keep_versions": 1}],
        "s3_bucket": "b",
    });
    let mut removes = sets.clone();
    removes["code_signing_config_arn"] = json!("");
    removes["event_invoke_config"] = json!({});
    for key in ["reserved_concurrency", "function_url", "provisioned_concurrency"] {
        removes[key] = json!("none");
    }
    let statements = [sets, removes].into_iter().flat_map(|stanza| policy(&stanza, F).document.statement);
    let granted: Vec<String> = statements.flat_map(|statement| statement.action).collect();
    for step in StepName::ALL {
        assert!(granted.iter().any(|action| action == step.iam_action()), "{step:?}");
    }
}

#[test]
fn what_is_not_known_is_a_star_and_said() {
    let found = policy(&json!({}), "f");
    assert_eq!(found.document.statement[0].resource, ["arn:*:lambda:eu-west-1:*:function:f"]);
    assert!(found.notes[0].contains("partition and account of `f` are not known"), "{:?}", found.notes);
    let stanza = json!({"role": ROLE});
    assert_eq!(statement(&stanza, "f", "Function").resource, [F]);
    let named = json!({"role": ROLE, "region": "us-east-2"});
    let found = statement(&named, "210987654321:function:f", "Function");
    assert_eq!(found.resource, ["arn:aws:lambda:us-east-2:210987654321:function:f"]);
}

#[test]
fn an_account_that_is_none_is_not_known() {
    let found = policy(&json!({"region": "eu-west-1"}), "arn:aws:lambda:*:1*:function:f");
    assert!(found.notes[0].starts_with("the region and account of `f` are not known"), "{:?}", found.notes);
    for role in ["arn:aws:iam::$ACCOUNT:role/run", "arn:aws:iam::1*:role/run"] {
        let found = policy(&json!({"role": role}), "f");
        assert_eq!(found.document.statement[0].resource, ["arn:aws:lambda:eu-west-1:*:function:f"]);
        assert!(found.notes[0].starts_with("the account of `f` is not known"), "{:?}", found.notes);
    }
}

#[test]
fn live_keys_that_the_stanza_is_silent_about_are_said_once() {
    let notes = |stanza: &Value| policy(stanza, F).notes;
    let publishes = json!({"publish": true});
    assert_eq!(notes(&publishes).len(), 1);
    assert!(
        notes(&publishes)[0].ends_with("`kms_key_arn` or `source_kms_key_arn`"),
        "{:?}",
        notes(&publishes)
    );
    let named = json!({"publish": true, "kms_key_arn": "", "source_kms_key_arn": ""});
    assert_eq!(notes(&named), Vec::<String>::new());
}

#[test]
fn a_role_is_passed_to_lambda_alone() {
    let stanza = json!({"role": ROLE});
    assert_eq!(statement(&stanza, "f", "PassRole"), Statement::pass_role(ROLE).named("PassRole"));
}

#[test]
fn a_role_that_is_no_arn_never_becomes_every_role() {
    for (role, resource) in
        [("*", "${*}"), ("arn:aws:iam::$ACCOUNT:role/run", "arn:aws:iam::${$}ACCOUNT:role/run")]
    {
        let stanza = json!({"role": role});
        assert_eq!(statement(&stanza, F, "PassRole").resource, [resource]);
        assert!(policy(&stanza, F).notes.iter().any(|note| note.contains("IAM will refuse it")), "{role}");
    }
}

#[test]
fn what_is_no_arn_becomes_a_star_and_is_said() {
    let stanza = json!({
        "kms_key_arn": "alias/x",
        "source_kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:alias/x",
        "layers": ["two words", "tools:newest"],
        "code_signing_config_arn": "*",
    });
    for sid in ["VariablesKey", "PackageKey", "Layers", "CodeSigning"] {
        assert_eq!(statement(&stanza, F, sid).resource, ["*"], "{sid}");
    }
    let notes = policy(&stanza, F).notes;
    for key in ["`kms_key_arn`", "`source_kms_key_arn`", "`layers`", "`code_signing_config_arn`"] {
        assert_eq!(notes.iter().filter(|note| note.starts_with(key)).count(), 1, "{key}: {notes:?}");
    }
}

#[test]
fn no_value_of_a_stanza_is_for_more_than_itself() {
    let stanza = json!({
        "role": "arn:aws:iam::123456789012:role/*",
        "layers": ["arn:aws:lambda:eu-west-1:123456789012:layer:?:1"],
        "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/*",
        "s3_bucket": "b*",
        "s3_prefix": "*/${aws:username}",
    });
    let resource = |stanza: &Value, sid| statement(stanza, F, sid).resource;
    assert_eq!(resource(&stanza, "PassRole"), ["arn:aws:iam::123456789012:role/${*}"]);
    assert_eq!(resource(&stanza, "Layers"), ["arn:aws:lambda:eu-west-1:123456789012:layer:${?}:1"]);
    assert_eq!(resource(&stanza, "VariablesKey"), ["arn:aws:kms:eu-west-1:123456789012:key/${*}"]);
    assert_eq!(resource(&stanza, "Package"), ["arn:aws:s3:::b${*}/${*}/${$}{aws:username}/f/*"]);
    let object = json!({"s3_bucket": "b*", "s3_key": "*.zip"});
    assert_eq!(resource(&object, "Package"), ["arn:aws:s3:::b${*}/${*}.zip"]);
    let image = json!({"image_uri": "1*.dkr.ecr.*.amazonaws.com/*:7"});
    assert_eq!(resource(&image, "Image"), ["arn:aws:ecr:*:*:repository/${*}"]);
    assert!(policy(&image, F).notes[0].starts_with("`image_uri`"), "a note says that the host is not ECR's");
}

#[test]
fn a_layer_is_for_as_much_as_its_entry_needs() {
    let of_account = |name: &str| format!("arn:aws:lambda:eu-west-1:123456789012:layer:{name}");
    let stanza = json!({"layers": ["tools", "more:7", {"name": "deps", "zip": "layer"}]});
    let used = ["tools:*", "more:7", "deps:*"].map(of_account);
    assert_eq!(statement(&stanza, F, "Layers").resource, used);
    assert_eq!(statement(&stanza, F, "Layers").action, ["lambda:GetLayerVersion"]);
    assert_eq!(statement(&stanza, F, "LatestLayers").resource, [of_account("tools")]);
    let built = statement(&stanza, F, "BuiltLayers");
    assert_eq!(built.action, ["lambda:ListLayerVersions", "lambda:PublishLayerVersion"]);
    assert_eq!(built.resource, [of_account("deps")]);
    assert!(!has(&stanza, "OldLayers"));
    let stanza = json!({"layers": {"name": "deps", "zip": "layer", "keep_versions": 1}});
    assert_eq!(statement(&stanza, F, "OldLayers").resource, [of_account("deps:*")]);
    assert!(!has(&stanza, "LatestLayers"));
    let other = "arn:aws:lambda:eu-west-1:210987654321:layer:tools";
    let stanza = json!({"layers": format!("{other}:latest")});
    assert_eq!(statement(&stanza, F, "LatestLayers").resource, [other]);
}

#[test]
fn versions_are_deleted_and_called_but_never_the_function_deleted() {
    let stanza = json!({"alias": "live", "keep_versions": 3, "verify": {}, "provisioned_concurrency": 2});
    let versions = statement(&stanza, F, "Versions");
    let called = ["lambda:GetFunction", "lambda:InvokeFunction"];
    let deleted = ["lambda:DeleteFunction", "lambda:GetPolicy", "lambda:GetProvisionedConcurrencyConfig"];
    assert_eq!(versions.action, [&called[..], &deleted].concat());
    assert_eq!(versions.resource, [format!("{F}:*")]);
    assert!(has(&stanza, "EventSourceList") && !has(&stanza, "OptionalList"));
    assert!(has(&json!({"publish": true, "keep_versions": 3}), "EventSourceList"));
    let aliases = statement(&stanza, F, "Aliases");
    assert_eq!((aliases.action.len(), aliases.resource), (2, vec![format!("{F}:live")]));
    assert!(!statement(&stanza, F, "Function").action.contains(&"lambda:DeleteFunction".to_owned()));
    assert!(!has(&stanza, "Latest"), "verification invokes the version, not `$LATEST`");
}

#[test]
fn what_only_warnings_need_has_statements_of_its_own() {
    let stanza = json!({"alias": "live"});
    let optional = statement(&stanza, F, "Optional");
    assert_eq!(optional.action, ["lambda:GetFunctionUrlConfig", "lambda:GetPolicy"]);
    assert_eq!(optional.resource, [F]);
    let list = statement(&stanza, F, "OptionalList");
    assert_eq!(
        (list.action, list.resource),
        (vec!["lambda:ListEventSourceMappings".to_owned()], vec!["*".to_owned()])
    );
    assert!(policy(&stanza, F).notes.iter().any(|note| note.contains("`Optional`")));
    let with_url = json!({"alias": "live", "function_url": {"auth_type": "AWS_IAM"}});
    assert_eq!(statement(&with_url, F, "Optional").action, ["lambda:GetPolicy"]);
    let follows = json!({"alias": "live", "follow_alias": true});
    assert!(!has(&follows, "OptionalList") && has(&follows, "EventSourceList"));
    let moves = statement(&follows, F, "EventSources");
    assert_eq!(moves.action, ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"]);
    assert_eq!(moves.resource, ["arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:*"]);
    let called = json!({"ArnLike": {"lambda:FunctionArn": [F, format!("{F}:live")]}});
    assert_eq!(moves.condition, Some(called));
    assert!(!has(&json!({"publish": true}), "OptionalList"), "without an alias nothing can go around it");
}

#[test]
fn a_guard_reads_only_what_it_watches() {
    for (guard, actions) in [
        (json!({"alarms": "a"}), &["cloudwatch:DescribeAlarms"][..]),
        (json!({"errors": "1%"}), &["cloudwatch:GetMetricData"]),
        (json!({"alarms": "a", "errors": 1}), &["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"]),
    ] {
        let found = statement(&json!({"alias": "live", "guard": guard}), F, "Guard");
        assert_eq!(found.action, actions);
        assert_eq!(found.resource, ["*"]);
    }
    assert!(!has(&json!({"alias": "live"}), "Guard"));
}

#[test]
fn codedeploy_is_allowed_for_one_deployment_group() {
    let arn = |resource: &str| vec![format!("arn:aws:codedeploy:eu-west-1:123456789012:{resource}")];
    let mut stanza =
        json!({"alias": "live", "codedeploy": {"application": "shop", "deployment_group": "li*"}});
    let deployments = statement(&stanza, F, "Deployments");
    assert_eq!(deployments.resource, arn("deploymentgroup:shop/li${*}"));
    assert!(deployments.action.contains(&"codedeploy:StopDeployment".to_owned()));
    assert_eq!(statement(&stanza, F, "Revisions").resource, arn("application:shop"));
    assert_eq!(statement(&stanza, F, "DeploymentConfig").resource, arn("deploymentconfig:*"));
    stanza["codedeploy"]["config"] = json!("Ours.Canary");
    assert_eq!(statement(&stanza, F, "DeploymentConfig").resource, arn("deploymentconfig:Ours.Canary"));
    assert!(!has(&json!({"alias": "live"}), "Deployments"));
}

#[test]
fn where_no_version_is_published_none_is_called() {
    let stanza = json!({"verify": {}});
    assert_eq!(statement(&stanza, F, "Latest").resource, [format!("{F}:$LATEST")]);
    assert!(!has(&stanza, "Versions"));
}

#[test]
fn the_function_is_opened_to_everybody_or_to_nobody() {
    let url = |auth_type: Option<&str>| json!({"function_url": {"auth_type": auth_type, "invoke_mode": "BUFFERED"}});
    let statement = statement(&url(Some("NONE")), F, "Everybody");
    assert_eq!(statement.action, ["lambda:AddPermission"]);
    assert_eq!(statement.condition, Some(json!({"StringEquals": {"lambda:Principal": "*"}})));
    // Without an auth type the access stays as it is.
    let closed = json!({"function_url": "none"});
    for closed in [url(Some("AWS_IAM")), url(None), closed] {
        assert!(!has(&closed, "Everybody"));
    }
}

#[test]
fn ec2_is_asked_where_subnets_are_sent() {
    let ipv6 = json!({"ipv6_allowed_for_dual_stack": false});
    assert!(has(&ipv6, "Network"), "the live subnets are sent, too");
    assert!(has(&json!({"subnet_ids": ["subnet-1"]}), "Network"));
    let no_subnets = json!({"ipv6_allowed_for_dual_stack": false, "subnet_ids": []});
    assert!(!has(&no_subnets, "Network"), "no subnets are left");
    assert!(!has(&json!({}), "Network"));
}

#[test]
fn an_image_names_its_repository() {
    let stanza = json!({
        "image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app@sha256:ab",
        "role": ROLE,
    });
    let image = statement(&stanza, "f", "Image");
    assert_eq!(image.resource, ["arn:aws:ecr:eu-west-1:123456789012:repository/team/app"]);
}

#[test]
fn the_live_image_may_be_in_any_repository_of_the_region_but_is_never_created() {
    let stanza = json!({"package_type": "Image", "role": ROLE});
    assert_eq!(statement(&stanza, F, "Image").resource, ["arn:aws:ecr:eu-west-1:*:repository/*"]);
    assert_eq!(
        policy(&stanza, F).notes,
        ["the live image's repository is not known, so the policy has `*` instead"]
    );
    assert!(!statement(&stanza, F, "Function").action.contains(&"lambda:CreateFunction".to_owned()));
}

#[test]
fn policies_for_several_stanzas_become_one_without_duplicates() {
    let document = |stanza: &Value, name: &str| policy(stanza, name).document;
    let (plain, with_url) =
        (json!({"role": ROLE}), json!({"role": ROLE, "function_url": {"auth_type": "NONE"}}));
    let one = document(&plain, "a");
    assert_eq!(merged(vec![one.clone()]), one, "a single policy stays as it is");
    assert_eq!(merged(vec![one.clone(), one.clone()]), one);
    let two = merged(vec![one.clone(), document(&plain, "b")]).statement;
    let sids: Vec<_> = two.iter().filter_map(|statement| statement.sid.as_deref()).collect();
    assert_eq!(sids, ["Function", "PassRole"]);
    let of = |name: &str| format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}");
    assert_eq!(two[0].resource, [of("a"), of("b")]);
    assert_eq!(two[1].resource, [ROLE]);
    // Other actions on another function do not become permissions on both.
    let three = merged(vec![one, document(&with_url, "c")]).statement;
    let named = |sid: &str| three.iter().find(|statement| statement.sid.as_deref() == Some(sid)).expect("it");
    assert_eq!(
        (&named("Function").resource[..], &named("Function2").resource[..]),
        (&[of("a")][..], &[of("c")][..])
    );
    assert!(!named("Function").action.iter().any(|action| action.contains("Url")));
    // The same function with other settings.
    let both = merged(vec![document(&plain, "a"), document(&with_url, "a")]).statement;
    let functions =
        both.iter().filter(|statement| statement.resource == [of("a")] && statement.condition.is_none());
    assert_eq!(functions.count(), 1, "{both:?}");
}
