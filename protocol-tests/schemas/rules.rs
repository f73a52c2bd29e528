//! Tests that the schema and the program accept the same combinations of keys.

use super::*;
use crate::plugin::PluginCommand;

const SIGNING: &str = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0";

#[test]
fn keys_go_together_in_the_schema_when_they_do_in_the_program() {
    let fitting = |key: &str| match key {
        "provider" => vec![json!("lambda")],
        "function_name" => vec![json!("f")],
        "package_type" => vec![json!("Image"), json!("zip")],
        "architectures" => vec![json!("arm64")],
        "alias" => vec![json!("live"), json!([])],
        "s3_bucket" => vec![json!("our-packages"), json!("")],
        "image_uri" => vec![json!(IMAGE), json!(null)],
        "code_signing_config_arn" => vec![json!(SIGNING), json!("")],
        "environment" | "environment_variables" | "function_tags" => vec![json!({"AB": "c"})],
        "traffic" => vec![json!([10, 100])],
        "guard" => vec![json!({"errors": "1%"})],
        "image_config"
        | "verify"
        | "logging_config"
        | "function_url"
        | "durable_config"
        | "tenancy_config"
        | "capacity_provider_config"
        | "scaling"
        | "event_invoke_config"
        | "runtime_management" => vec![json!({})],
        "publish_to" => vec![json!("latest_published")],
        "s3_object_storage_mode" => vec![json!("COPY"), json!("REFERENCE")],
        "codedeploy" => vec![json!({"application": "shop", "deployment_group": "live"})],
        "file_system_configs" | "subnet_ids" | "security_group_ids" | "layers" => vec![json!([])],
        "timeout" | "memory_size" | "ephemeral_storage" | "wait_timeout" | "traffic_interval"
        | "keep_versions" => {
            vec![json!(1024)]
        }
        "reserved_concurrency" | "provisioned_concurrency" | "version" => vec![json!(7), json!(null)],
        "publish"
        | "dot_match"
        | "merge_environment"
        | "ipv6_allowed_for_dual_stack"
        | "cleanup"
        | "allow_failure"
        | "dry_run"
        | "follow_alias"
        | "skip_cleanup" => vec![json!(true)],
        "strict" => vec![json!(false)],
        "tracing_mode" => vec![json!("Active")],
        "recursive_loop" => vec![json!("Allow")],
        "snap_start" => vec![json!("None")],
        "symlinks" => vec![json!("follow")],
        "function_tags_mode" => vec![json!("add")],
        "region" => vec![json!("us-east-1")],
        "role" | "dead_letter_arn" | "kms_key_arn" | "source_kms_key_arn" => vec![json!(ROLE)],
        _ => vec![json!("x"), json!(null)],
    };
    let (mut tried, mut refused) = (0, 0);
    let keys = keys();
    // Each pair once: the order of keys in a stanza does not matter.
    for (index, first) in keys.iter().enumerate() {
        for (one, two) in
            keys[index..].iter().flat_map(|second| fitting(first).into_iter().map(move |one| (one, second)))
        {
            for other in fitting(two) {
                let mut stanza = json!({"function_name": "f"});
                stanza[first] = one.clone();
                stanza[two] = other;
                // The job may provide the handler in `LAMBDA_HANDLER_NAME`.
                let asks_the_job = !stanza["module_name"].is_null() && stanza["handler_name"].is_null();
                let is_right = said(&stanza) == Said::Nothing;
                assert!(
                    is_right == STANZA.is_valid(&stanza) || asks_the_job,
                    "accepted by the program: {is_right}: {stanza}"
                );
                tried += 1;
                refused += u32::from(!is_right);
            }
        }
    }
    println!("{tried} pairs of keys, {refused} of them refused by both");
    assert!(tried > 5000 && refused > 500, "{tried} {refused}");
}

#[test]
fn each_rule_of_the_judge_is_one_of_the_schema() {
    for (wrong, right) in [
        (json!({"provider": "s3"}), json!({"provider": "Lambda"})),
        (json!({"s3_prefix": "p"}), json!({"s3_prefix": "p", "s3_bucket": "our-packages"})),
        (json!({"s3_key": "k", "s3_bucket": ""}), json!({"s3_key": "k", "s3_bucket": "our-packages"})),
        (
            json!({"s3_object_version": "v"}),
            json!({"s3_object_version": "v", "s3_key": "k", "s3_bucket": "our-packages"}),
        ),
        (
            json!({"s3_object_storage_mode": "REFERENCE"}),
            json!({"s3_object_storage_mode": "REFERENCE", "s3_bucket": "our-packages"}),
        ),
        (
            json!({"s3_object_storage_mode": "REFERENCE", "s3_bucket": ""}),
            json!({"s3_object_storage_mode": "COPY", "s3_bucket": ""}),
        ),
        (
            json!({"s3_key": "k", "s3_bucket": "our-packages", "zip": "d"}),
            json!({"s3_bucket": "our-packages", "zip": "d"}),
        ),
        (
            json!({"s3_key": "k", "s3_bucket": "our-packages", "s3_prefix": "p"}),
            json!({"s3_key": "k", "s3_bucket": "our-packages", "s3_prefix": null}),
        ),
        (json!({"image_config": {}}), json!({"image_config": {}, "package_type": "image"})),
        (json!({"image_config": {}, "package_type": "Zip"}), json!({"image_config": {}, "image_uri": IMAGE})),
        (json!({"image_uri": IMAGE, "runtime": "nodejs22.x"}), json!({"image_uri": IMAGE})),
        (
            json!({"package_type": "Image", "handler_name": "h"}),
            json!({"package_type": "Zip", "handler_name": "h"}),
        ),
        (json!({"image_uri": IMAGE, "layers": []}), json!({"image_uri": IMAGE, "layers": null})),
        (
            json!({"image_uri": IMAGE, "package_type": "zip"}),
            json!({"image_uri": IMAGE, "package_type": "Image"}),
        ),
        (
            json!({"image_uri": IMAGE, "code_signing_config_arn": SIGNING}),
            json!({"image_uri": IMAGE, "code_signing_config_arn": ""}),
        ),
        (json!({"alias": "7"}), json!({"alias": "v7"})),
        (json!({"alias": "a".repeat(129)}), json!({"alias": "a".repeat(128)})),
        (json!({"traffic": [50, 100]}), json!({"traffic": [50, 100], "alias": "live"})),
        (json!({"traffic": [50, 100], "alias": []}), json!({"traffic": [50, 100], "alias": ["live"]})),
        (json!({"traffic": [0], "alias": "live"}), json!({"traffic": [1], "alias": "live"})),
        (json!({"guard": {"errors": 1}}), json!({"guard": {"errors": 1}, "alias": "live"})),
        (json!({"guard": {}, "alias": "live"}), json!({"guard": {"alarms": "a"}, "alias": "live"})),
        (json!({"provisioned_concurrency": 5}), json!({"provisioned_concurrency": 5, "alias": "live"})),
        (
            json!({"publish_to": "latest_published", "alias": "live"}),
            json!({"publish_to": "latest_published", "publish": true}),
        ),
        (json!({"alias_description": "x"}), json!({"alias_description": "x", "alias": "live"})),
        (
            json!({"alias_description": "x".repeat(129), "alias": "live"}),
            json!({"alias_description": "x".repeat(128), "alias": "live"}),
        ),
        (
            json!({"runtime_management": {"update_runtime_on": "Manual"}}),
            json!({"runtime_management": {"runtime_version_arn": RUNTIME_VERSION}}),
        ),
        (
            json!({"runtime_management": {"update_runtime_on": "Auto", "runtime_version_arn": "arn:r"}}),
            json!({"runtime_management": {"update_runtime_on": "Auto", "runtime_version_arn": null}}),
        ),
        (
            json!({"image_uri": IMAGE, "runtime_management": {}}),
            json!({"image_uri": IMAGE, "recursive_loop": "Allow"}),
        ),
        (json!({"follow_alias": true}), json!({"follow_alias": true, "alias": "live"})),
        (
            json!({"codedeploy": {"application": "a", "deployment_group": "g"}}),
            json!({"codedeploy": {"application": "a", "deployment_group": "g"}, "alias": "live"}),
        ),
        (
            json!({"codedeploy": {"application": "a"}, "alias": "live"}),
            json!({"codedeploy": {"application": "a", "deployment_group": "g"}, "alias": "live"}),
        ),
        (
            json!({"alias": "live", "traffic": 9, "codedeploy": {"application": "a", "deployment_group": "g"}}),
            json!({"alias": "live", "codedeploy": {"application": "a", "deployment_group": "g"}}),
        ),
        (
            json!({"traffic_interval": 5, "alias": "live"}),
            json!({"traffic_interval": 5, "traffic": 9, "alias": "live"}),
        ),
        (json!({"keep_versions": 0}), json!({"keep_versions": 1})),
        (json!({"version": "live"}), json!({"version": 7})),
        (json!({"profile": "p", "access_key_id": "k"}), json!({"profile": "p"})),
        (json!({"profile": "p", "secret_access_key": "k"}), json!({"secret_access_key": "k"})),
        (json!({"external_id": "e"}), json!({"external_id": "e", "role_to_assume": "r"})),
        (
            json!({"web_identity_token_env": "T"}),
            json!({"web_identity_token_env": "T", "role_to_assume": "r"}),
        ),
        (
            json!({"web_identity_token_env": "T", "role_to_assume": "r", "profile": "p"}),
            json!({"role_to_assume": "r", "profile": "p"}),
        ),
        (
            json!({"web_identity_token_env": "T", "role_to_assume": "r", "access_key_id": "k"}),
            json!({"role_to_assume": "r", "access_key_id": "k"}),
        ),
        (
            json!({"web_identity_token_env": "T", "role_to_assume": "r", "external_id": "e"}),
            json!({"role_to_assume": "r", "external_id": "e"}),
        ),
    ] {
        for (mut stanza, is_right) in [(wrong, false), (right, true)] {
            stanza["function_name"] = json!("f");
            let ended = PluginCommand::new(&["check"]).run(&with_an_empty_job(&stanza));
            assert_eq!(ended.outcome() == "checked", is_right, "{stanza}\n{}", ended.stdout);
            assert_eq!(STANZA.is_valid(&stanza), is_right, "{stanza}");
        }
    }
}

fn with_an_empty_job(stanza: &Value) -> Value {
    let mut request = stanza.clone();
    request["env"] = json!({"TRAVIS_BRANCH": "master"});
    request
}
