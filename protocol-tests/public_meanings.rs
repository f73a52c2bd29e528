//! What people write, from public bug reports and files of other tools: it is read as it was meant, or
//! refused with what to write instead. Also what people type at a shell.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use dpl_lambda::testing::options_document;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Fixture, object};
use crate::plugin::{PluginCommand, PluginOutput, program};
use crate::repository::committed_schema;
use crate::shell::PATH;

/// Checks a stanza of the function `f` with these members, on the branch `master`.
fn checked(members: Value) -> PluginOutput {
    let mut stanza = json!({"function_name": "f", "env": {"TRAVIS_BRANCH": "master", "PATH": &*PATH}});
    stanza.as_object_mut().expect("an object").extend(object(members));
    PluginCommand::new(&["check"]).run(&stanza)
}

/// The warnings of a run as `code at`.
fn warnings(ended: &PluginOutput) -> Vec<String> {
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    warnings.map(|warning| format!("{} {}", text(&warning["code"]), text(&warning["at"]))).collect()
}

/// The warning about a key, or the problem if the key is refused: the message and the hint.
#[track_caller]
fn reported_at(ended: &PluginOutput, at: &str) -> String {
    let error = &ended.finished()["error"];
    let problems = error["problems"].as_array().into_iter().flatten().chain([error]);
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
    let report = warnings.chain(problems).find(|report| report["at"] == at);
    let report = report.unwrap_or_else(|| panic!("{at}: {}", ended.stdout));
    format!("{} {}", report["message"], report["hint"])
}

/// The message of the warning about a key, which contains its hint.
#[track_caller]
fn warning_at<'a>(ended: &'a PluginOutput, at: &str) -> &'a str {
    let is_about = |event: &&Value| event["event"] == "warning" && event["at"] == at;
    let warning = ended.events.iter().find(is_about).unwrap_or_else(|| panic!("{at}: {}", ended.stdout));
    warning["message"].as_str().expect("a string")
}

fn error_message(ended: &PluginOutput) -> &str {
    ended.finished()["message"].as_str().expect("a string")
}

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("written");
    }
    directory
}

/// The program without a request, outside of git.
fn standalone(arguments: &[&str], directory: &Path, input: &str) -> PluginOutput {
    let plugin = PluginCommand::new(arguments).directory(directory).env("GIT_CEILING_DIRECTORIES", "/");
    plugin.run_on(input.as_bytes())
}

#[test]
fn a_list_of_names_and_values_is_a_list_of_variables_and_tags() {
    let fixture = Fixture::new(json!({
        "environment": [{"name": "STAGE", "value": "production"}],
        "function_tags": [{"Key": "team", "Value": "payments"}],
    }));
    let ended = fixture.plugin(&[]).run(&fixture.request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let expected = ["lenient-value /environment", "lenient-value /function_tags"];
    assert_eq!(warnings(&ended), expected, "{}", ended.stdout);
    let live = fixture.endpoint.function("f").expect("it exists");
    assert_eq!(live["Configuration"]["Environment"]["Variables"], json!({"STAGE": "production"}));
    assert_eq!(live["Tags"], json!({"team": "payments"}));
}

#[test]
fn names_and_values_in_a_form_that_is_not_known_are_no_variables() {
    for entry in [json!({"name": "TOKEN", "valueFrom": "secret"}), json!({"Key": "a", "Value": "b", "X": 1})]
    {
        let ended = checked(json!({"function_tags": [entry]}));
        let at = ended.finished()["error"]["at"].as_str();
        assert_eq!((ended.code(), at), ("bad-value", Some("/function_tags/0")), "{}", ended.stdout);
    }
    let ended = checked(json!({"environment": {"name": "STAGE", "value": "production"}}));
    assert_eq!(warnings(&ended), ["lenient-value /environment"], "{}", ended.stdout);
    assert_eq!(warnings(&checked(json!({"environment": {"NAME": "a", "VALUE": "b"}}))), [""; 0]);
}

#[test]
fn a_number_in_another_unit_is_answered_with_what_is_meant() {
    for (members, hint) in [
        (json!({"timeout": "5m"}), "write 300, or 5 if seconds are meant"),
        (json!({"timeout": "30s"}), "write 30"),
        (json!({"memory_size": "1 GB"}), "write 1024, or 1 if MB are meant"),
        (json!({"memory_size": "512MB"}), "write 512"),
    ] {
        let ended = checked(members.clone());
        let warning = ended.event("warning").expect("a warning");
        assert_eq!(
            (&warning["code"], &warning["hint"]),
            (&json!("lenient-value"), &json!(hint)),
            "{members}"
        );
    }
}

#[test]
fn a_list_that_is_partly_of_names_and_values_is_refused() {
    let ended = checked(json!({"environment": [{"name": "STAGE", "value": "production"}, "AA=b"]}));
    assert_eq!(
        (ended.code(), ended.finished()["error"]["at"].as_str()),
        ("bad-value", Some("/environment/0"))
    );
}

#[test]
fn variables_in_the_form_of_aws_are_valid_in_the_schema() {
    let validator = jsonschema::draft7::new(&committed_schema("stanza.json")).expect("a valid schema");
    for (environment, is_valid) in [
        (json!({"variables": {"STAGE": "production"}}), true),
        (json!({"Variables": {"STAGE": {"secure": "x"}}}), true),
        (json!({"variables": "x"}), true),
        (json!([{"name": "STAGE", "value": "production"}]), true),
        (json!({"variables": {"STAGE": ["x"]}}), false),
        (json!({"variables": {"STAGE": "x"}, "OTHER": "y"}), false),
        (json!({"STAGE": {"OTHER": "x"}}), false),
    ] {
        let stanza = json!({"function_name": "f", "environment": environment});
        assert_eq!(validator.is_valid(&stanza), is_valid, "{stanza}");
        // The program refuses an encrypted value, which the schema is for.
        if !stanza.to_string().contains("secure") {
            assert_eq!(checked(stanza.clone()).outcome() == "checked", is_valid, "{stanza}");
        }
    }
}

#[test]
fn spaces_around_the_equals_sign_are_no_part_of_a_value() {
    let fixture = Fixture::new(json!({"environment": ["BB = 1", "CC=2"]}));
    let ended = fixture.plugin(&[]).run(&fixture.request);
    assert_eq!(warnings(&ended), ["lenient-value /environment/0"], "{}", ended.stdout);
    let live = fixture.endpoint.function("f").expect("it exists");
    assert_eq!(live["Configuration"]["Environment"]["Variables"], json!({"BB": "1", "CC": "2"}));
}

#[test]
fn a_key_whose_variable_is_not_set_is_not_sent() {
    let text = "provider: lambda\nfunction_name: f\nrole: arn:aws:iam::123456789012:role/lambda-run\n\
                runtime: nodejs22.x\nhandler_name: handler\nzip: index.js\naccess_key_id: $KEY_OF_QA\n\
                secret_access_key: $SECRET_OF_QA\non: {all_branches: true}\n";
    let directory = directory(&[("stanza.yml", text), ("index.js", "exports.handler = async () => 1\n")]);
    let ended = standalone(&["plan", "--stanza", "stanza.yml"], directory.path(), "");
    assert_eq!((ended.code(), ended.status.code()), ("no-credentials", Some(2)), "{}", ended.stdout);
    assert_eq!(ended.finished()["error"]["at"], "/access_key_id");
    assert!(error_message(&ended).contains("`KEY_OF_QA`, which is not set"), "{}", ended.stdout);
    // No credentials are needed here.
    let ended = standalone(&["check", "--stanza", "stanza.yml"], directory.path(), "");
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    let fixture = Fixture::new(json!({}));
    for (members, at) in [
        (json!({"access_key_id": "id", "secret_access_key": "$SECRET_OF_QA"}), "/secret_access_key"),
        (
            json!({"access_key_id": "id", "secret_access_key": "s", "session_token": "${TOKEN_OF_QA}"}),
            "/session_token",
        ),
        (json!({"access_key_id": "id", "secret_access_key": "${{ secrets.KEY }}"}), "/secret_access_key"),
    ] {
        let ended = fixture.run(&["plan"], &members);
        assert_eq!((ended.code(), ended.finished()["error"]["at"].as_str()), ("no-credentials", Some(at)));
    }
    assert_eq!(fixture.operations(), Vec::<String>::new());
}

#[test]
fn a_role_a_region_or_a_name_whose_variable_is_not_set_is_refused_before_the_first_call() {
    let fixture = Fixture::new(json!({}));
    for (key, command) in [
        ("role", "deploy"),
        ("role_to_assume", "rollback"),
        ("region", "check"),
        ("function_name", "plan"),
        ("s3_bucket", "plan"),
    ] {
        let ended = fixture.run(&[command], &json!({key: "$NAME_OF_QA", "alias": "live"}));
        assert_eq!((ended.code(), ended.status.code()), ("bad-value", Some(2)), "{key}: {}", ended.stdout);
        assert!(error_message(&ended).contains("`$NAME_OF_QA`"), "{key}: {}", ended.stdout);
        assert!(error_message(&ended).contains("not set"), "{key}: {}", ended.stdout);
    }
    assert_eq!(fixture.operations(), Vec::<String>::new());
    // A check calls nobody, and the variable may be one of the job.
    assert_eq!(warnings(&checked(json!({"role": "$NAME_OF_QA"})))[0], "unset-variable /role");
}

#[test]
fn an_empty_key_is_refused() {
    for key in ["access_key_id", "secret_access_key", "session_token"] {
        let mut keys = json!({"access_key_id": "id", "secret_access_key": "s"});
        keys[key] = json!("");
        let ended = checked(keys);
        assert_eq!((ended.code(), ended.status.code()), ("bad-value", Some(2)), "{}", ended.stdout);
        assert!(error_message(&ended).contains(&format!("`{key}` is empty")), "{}", ended.stdout);
    }
}

#[test]
fn conditions_in_a_wrong_place_are_no_conditions() {
    let stanza = "deploy:\n  provider: lambda\n  function_name: f\n  zip: out\n";
    let inside = format!(
        "{stanza}  access_key_id: AKIAIOSFODNN7EXAMPLE\n  secret_access_key:\n    secure: abcd\n    \
         on:\n      tags: true\n"
    );
    let beside = format!("{stanza}on:\n  tags: true\n");
    let directory = directory(&[(".travis.yml", inside.as_str()), ("b.yml", beside.as_str())]);
    let check = |file: &str, branch: &str| {
        let plugin = PluginCommand::new(&["check", "--travis-yml", file]).directory(directory.path());
        plugin.env("GIT_CEILING_DIRECTORIES", "/").env("TRAVIS_BRANCH", branch).run_on(b"")
    };
    for (branch, outcome) in [("master", "checked"), ("secure", "skipped"), ("on", "skipped")] {
        let ended = check(".travis.yml", branch);
        assert_eq!(ended.outcome(), outcome, "{}", ended.stdout);
        assert_eq!(warnings(&ended), ["unknown-key /secret_access_key/on"], "{}", ended.stdout);
        let message = warning_at(&ended, "/secret_access_key/on");
        assert!(message.contains("`on` is inside `secret_access_key`, so it is no condition"), "{message}");
    }
    let ended = check("b.yml", "master");
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    let note = "b.yml: line 5: `on` is beside `deploy`, where Travis CI ignores it";
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
    // The encrypted key itself is still needed where AWS is called.
    let plan = PluginCommand::new(&["plan", "--travis-yml", ".travis.yml"]).directory(directory.path());
    let ended = plan.env("GIT_CEILING_DIRECTORIES", "/").env("TRAVIS_BRANCH", "master").run_on(b"");
    assert_eq!(ended.code(), "not-decrypted", "{}", ended.stdout);
}

#[test]
fn strict_refuses_what_is_no_condition() {
    for (members, at) in [
        (json!({"on": {"branch": "master", "os": "linux"}}), "/on/os"),
        (json!({"on": {"branch": "master", "tag": true}}), "/on/tag"),
        (json!({"branch": "master"}), "/branch"),
    ] {
        let mut strict = members.clone();
        strict["strict"] = json!(true);
        let ended = checked(strict);
        assert_eq!((ended.code(), ended.finished()["error"]["at"].as_str()), ("unknown-key", Some(at)));
        assert_eq!(checked(members).outcome(), "checked");
    }
}

#[test]
fn a_map_of_branches_in_a_list_is_read_for_the_branch_or_refused() {
    let subnets = json!([{"master": "subnet-1", "dev": "subnet-2"}]);
    let ended = checked(json!({"subnet_ids": subnets, "security_group_ids": ["sg-1"]}));
    assert_eq!((ended.outcome(), warnings(&ended)), ("checked", vec!["deprecated /subnet_ids".to_owned()]));
    for members in [
        json!({"subnet_ids": [{"dev": "subnet-2"}]}),
        json!({"environment": [{"master": "STAGE=prod", "dev": "STAGE=test"}]}),
        json!({"environment": {"master": ["STAGE=prod"], "dev": ["STAGE=test"]}}),
    ] {
        assert_eq!(checked(members.clone()).code(), "bad-value", "{members}");
    }
}

/// What a mistaken key is answered with, after the key.
const ADVICE: [(&str, &str); 36] = [
    ("tags", "belongs under `on`"),
    ("branch", "belongs under `on`"),
    ("branches", "belongs under `on`"),
    ("condition", "belongs under `on`"),
    ("all_branches", "belongs under `on`"),
    ("repo", "belongs under `on`"),
    ("node_js", "belongs under `on`"),
    ("vpc_config", "`subnet_ids` and `security_group_ids`"),
    ("function", "`function_name`"),
    ("name", "`function_name`"),
    ("role_name", "`role`"),
    ("source", "`zip`"),
    ("file", "`zip`"),
    ("path", "`zip`"),
    ("local_dir", "`zip`"),
    ("code", "`zip`"),
    ("s3_object_key", "`s3_key`"),
    ("qualifier", "`alias`"),
    ("env_vars", "`environment`"),
    ("concurrency", "`reserved_concurrency`"),
    ("before_deploy", "belongs beside `deploy`, not in it"),
    ("after_deploy", "belongs beside `deploy`, not in it"),
    ("script", "belongs beside `deploy`, not in it"),
    ("memory", "`memory_size`"),
    ("handler", "`handler_name`"),
    ("CodeUri", "`zip`"),
    ("AutoPublishAlias", "`alias`"),
    ("code-artifacts-dir", "`zip`"),
    ("function-description", "`description`"),
    ("zip-file", "`zip`"),
    ("secret_key", "`secret_access_key`"),
    ("subnets", "`subnet_ids`"),
    ("memorySize", "`memory_size`"),
    ("reservedConcurrency", "`reserved_concurrency`"),
    ("aws_region", "`region`"),
    ("imeout", "`timeout`"),
];

#[test]
fn a_mistaken_key_is_answered_with_what_is_meant() {
    let keys = ADVICE.iter().map(|(key, _)| ((*key).to_owned(), json!("x"))).collect();
    let ended = checked(Value::Object(keys));
    for (key, advice) in ADVICE {
        let report = reported_at(&ended, &format!("/{key}"));
        assert!(report.contains(advice), "{report}");
    }
}

#[test]
fn a_name_of_aws_is_refused_with_the_name_of_the_option() {
    for (name, option) in [
        ("FunctionName", "function_name"),
        ("MemorySize", "memory_size"),
        ("memorySize", "memory_size"),
        ("Environment", "environment"),
        ("Tags", "function_tags"),
        ("KMSKeyArn", "kms_key_arn"),
        ("kms_key", "kms_key_arn"),
        ("TracingConfig", "tracing_mode"),
        ("tracing_config", "tracing_mode"),
        ("VpcConfig", "subnet_ids` and `security_group_ids"),
        ("DurableConfig", "durable_config"),
        ("TenancyConfig", "tenancy_config"),
        ("CapacityProviderConfig", "capacity_provider_config"),
        ("LambdaManagedInstancesCapacityProviderConfig", "capacity_provider_config"),
        ("PublishTo", "publish_to"),
        ("FunctionScalingConfig", "scaling"),
        ("S3ObjectStorageMode", "s3_object_storage_mode"),
    ] {
        let ended = checked(json!({name: "x"}));
        let error = &ended.finished()["error"];
        assert_eq!((&error["code"], &error["class"]), (&json!("unknown-key"), &json!("config")), "{name}");
        assert_eq!(error["message"], format!("AWS's `{name}` is `{option}` in a stanza"));
        assert_eq!(error["hint"], format!("write `{option}`"));
    }
    for (option, name, member) in [
        ("logging_config", "LogGroup", "log_group"),
        ("durable_config", "ExecutionTimeout", "execution_timeout"),
        ("tenancy_config", "TenantIsolationMode", "tenant_isolation_mode"),
        ("capacity_provider_config", "CapacityProviderArn", "capacity_provider_arn"),
        ("scaling", "MinExecutionEnvironments", "min_execution_environments"),
        ("function_url", "AuthType", "auth_type"),
        ("function_url", "authType", "auth_type"),
    ] {
        let ended = checked(json!({option: {name: "x"}}));
        let error = &ended.finished()["error"];
        assert_eq!(error["at"], format!("/{option}/{name}"), "{}", ended.stdout);
        assert_eq!(error["message"], format!("AWS's `{name}` in `{option}` is `{member}`"));
    }
}

/// `MemorySize` as `memory_size`.
fn in_snake_case(field: &str) -> String {
    let mut snake = String::new();
    for (index, c) in field.chars().enumerate() {
        if c.is_ascii_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Each name of a field of AWS, or of a part of it, with the options that have it. From the page of options,
/// which is generated from the tables of options and settings.
fn fields_of_aws() -> BTreeMap<String, BTreeSet<String>> {
    // In a stanza they mean the name, the role or the ARN of the function itself.
    const OTHER: [&str; 3] = ["Arn", "Name", "RoleArn"];
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut option = String::new();
    for line in options_document().lines() {
        if let Some(name) = line.strip_prefix("### ") {
            option = name.to_owned();
        }
        let field = line.strip_prefix("- AWS field: `").and_then(|rest| rest.split('`').next());
        let member = line.strip_prefix("| `").and_then(|row| row.split(" | ").nth(2));
        let of_member = member.and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
        let of_member = of_member.filter(|cell| cell.starts_with(|c: char| c.is_ascii_uppercase()));
        for part in field.or(of_member).into_iter().flat_map(|field| field.split('.')) {
            if !OTHER.contains(&part) {
                fields.entry(part.to_owned()).or_default().insert(option.clone());
            }
        }
    }
    fields
}

#[test]
fn every_field_of_aws_is_answered_with_an_option() {
    let schema = committed_schema("stanza.json");
    let is_option = |name: &str| schema["properties"].get(name).is_some();
    let fields = fields_of_aws();
    assert!(fields.len() > 50, "{fields:?}");
    let value = |field: &str| if field == "Tags" { json!({"team": "x"}) } else { json!("x") };
    let words = fields
        .keys()
        .flat_map(|field| [(field.clone(), value(field)), (in_snake_case(field), value(field))].into_iter());
    let unknown: BTreeMap<String, Value> = words.filter(|(word, _)| !is_option(word)).collect();
    let ended = checked(json!(unknown));
    for (field, options) in &fields {
        for word in [field.clone(), in_snake_case(field)].iter().filter(|word| !is_option(word)) {
            let message = reported_at(&ended, &format!("/{word}"));
            let is_named = |option: &String| message.contains(&format!("`{option}"));
            assert!(options.iter().any(is_named), "{word} means one of {options:?}: {message}");
        }
    }
}

#[test]
fn a_function_name_with_something_else_is_answered_with_the_right_one() {
    for (name, right) in [
        ("123456789012:f", "write `123456789012:function:f`"),
        ("function:f", "write `f`"),
        ("f:PROD", "to move an alias, write `alias: PROD`"),
        ("f:$LATEST", "leave out `:$LATEST`"),
        ("f:12", "leave out `:12`: a deployment changes `$LATEST`, not a version"),
    ] {
        let ended = checked(json!({"function_name": name}));
        assert_eq!(ended.code(), "bad-value");
        assert!(error_message(&ended).contains(right), "{}", ended.stdout);
    }
}

#[test]
fn a_wrapped_stanza_is_refused_before_its_conditions_are_evaluated() {
    for (request, at) in [
        (json!({"deploy": {"provider": "lambda", "function_name": "f"}}), Some("/deploy")),
        (json!({"stanza": {"function_name": "f"}, "env": {"TRAVIS_PULL_REQUEST": "7"}}), Some("/stanza")),
        (json!({"language": "node_js", "deploy": {"provider": "lambda"}}), None),
    ] {
        let ended = PluginCommand::new(&["deploy"]).run(&request);
        assert_eq!((ended.code(), ended.status.code()), ("bad-request", Some(2)), "{}", ended.stdout);
        assert_eq!(ended.finished()["error"]["at"].as_str(), at, "{}", ended.stdout);
    }
    let template = "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\n\
                    Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      \
                    Role: !Sub arn:${A}\n";
    let files = [
        (
            ".travis.yml",
            "language: node_js\ndeploy:\n  provider: lambda\n  function_name: f\n",
            "--travis-yml",
        ),
        ("twice.yml", "script: a\nscript: b\ndeploy:\n  provider: lambda\n", "--travis-yml"),
        ("deploy.json", r#"{"deploy": {"provider": "lambda"}}"#, "--travis-yml"),
        ("template.yaml", template, "CloudFormation"),
        ("template.json", r#"{"Resources": {"F": {"Type": "AWS::Lambda::Function"}}}"#, "CloudFormation"),
        (
            "serverless.yml",
            "service: s\nprovider: {name: aws}\nfunctions: {f: {handler: a.b}}\n",
            "Serverless",
        ),
        ("function.json", r#"{"FunctionName": "f", "Runtime": "nodejs22.x"}"#, "`function_name`"),
    ];
    let directory = directory(&files.map(|(name, text, _)| (name, text)));
    for (name, _, reported) in files {
        let ended = standalone(&["check", "--stanza", name], directory.path(), "");
        assert_eq!(
            (ended.code(), ended.status.code()),
            ("bad-arguments", Some(2)),
            "{name}: {}",
            ended.stdout
        );
        assert!(ended.stderr.contains(reported), "{name}: {}", ended.stderr);
    }
}

#[test]
fn yaml_on_standard_input_is_read_only_where_that_is_asked_for() {
    let directory = directory(&[]);
    let stanza = "# a stanza\nfunction_name: f\non:\n  all_branches: true\n";
    let ended = standalone(&["check"], directory.path(), stanza);
    assert_eq!((ended.code(), ended.status.code()), ("bad-json", Some(2)));
    assert!(error_message(&ended).contains("`--stanza -`"), "{}", ended.stdout);
    let ended = standalone(&["check", "--stanza", "-"], directory.path(), stanza);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    let ended = standalone(&["check", "--stanza", "-"], directory.path(), "");
    assert!(ended.stderr.contains("standard input: the file is empty"), "{}", ended.stderr);
    let whole = format!("deploy:\n  provider: lambda\n  {}", stanza.trim_start_matches("# a stanza\n"));
    let whole = whole.replace("\non:", "\n  on:").replace("\n  all", "\n    all");
    let ended = standalone(&["check", "--travis-yml", "-"], directory.path(), &whole);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
}

#[test]
fn a_file_that_cannot_be_used_is_answered_with_what_to_do() {
    let stanza = "function_name: f\non: {all_branches: true}\n";
    let files = [
        ("comment.json", "{\n  // the function\n  \"function_name\": \"f\"\n}", "JSON has none"),
        ("comma.json", "{\"function_name\": \"f\",}", "remove the comma"),
        ("empty.json", "\n", "the file is empty"),
        ("tab.yml", "function_name: f\non:\n\tbranch: main\n", "instead of tabs"),
        ("percent.yml", "function_name: f\ndescription: %{commit}\n", "quote a value that begins with `%`"),
        ("colon.yml", "function_name: f\ndescription: a: b\n", "quote a value that contains `: `"),
        ("quote.yml", "function_name: 'f\nzip: out\n", "close the quote that begins here"),
        ("list.yml", "- function_name: f\n- g\n", "stanza 2 is a string; expected a map"),
        ("equals.yml", "function_name=f\nzip=out\n", "lines such as `function_name: hello`"),
        ("package.json", r#"{"name": "x", "version": "1.0.0", "scripts": {}}"#, "is a `package.json`"),
        ("ci.yml", "on: push\njobs: {x: {runs-on: ubuntu, steps: []}}\n", "a workflow of GitHub Actions"),
        ("gitlab.yml", "stages: [x]\ndeploy: {stage: x, script: make}\n", "a `.gitlab-ci.yml`"),
    ];
    let directory = directory(&files.map(|(name, text, _)| (name, text)));
    let refused = |arguments: &[&str], reported: &str| {
        let ended = standalone(arguments, directory.path(), "");
        assert_eq!((ended.outcome(), ended.status.code()), ("failed", Some(2)), "{arguments:?}");
        assert!(ended.stderr.contains(reported), "{arguments:?}: {}", ended.stderr);
    };
    for (name, _, reported) in files {
        refused(&["check", "--stanza", name], reported);
    }
    for (name, reported) in [
        ("list.yml", "use --stanza if it is a list of stanzas"),
        ("package.json", "is a `package.json`; expected a `.travis.yml`"),
        ("ci.yml", "is a workflow of GitHub Actions; expected a `.travis.yml`"),
        ("gitlab.yml", "is a `.gitlab-ci.yml`; expected a `.travis.yml`"),
    ] {
        refused(&["check", "--travis-yml", name], reported);
    }
    for (path, reported) in [
        (".", "this is a directory; expected a file"),
        ("~/lambda.yml", "write `$HOME` instead of `~`"),
        ("https://example.org/lambda.yml", "download the file"),
    ] {
        refused(&["check", "--stanza", path], reported);
    }
    // Of several documents only the first one is read, which is said.
    let several = format!("{stanza}---\nfunction_name: g\n");
    let ended = standalone(&["check", "--stanza", "-"], directory.path(), &several);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    let note = "line 3: a second document begins here; only the first one is read";
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
}

#[test]
fn a_request_that_is_no_json_is_answered_with_what_to_do() {
    for (request, reported) in [
        ("", "the request is empty; expected one JSON object"),
        ("", "`--stanza FILE` and `--travis-yml FILE` read a file instead"),
        ("{function_name: f}", "put each key in double quotes"),
        ("{'function_name': 'f'}", "put each key in double quotes"),
        (r#"{"function_name": "f",}"#, "remove the comma before the closing bracket"),
        (r#"{"function_name": "f"} {}"#, "remove what follows the first JSON value"),
    ] {
        let ended = PluginCommand::new(&["check"]).run_on(request.as_bytes());
        assert_eq!((ended.code(), ended.status.code()), ("bad-json", Some(2)), "{request}");
        assert!(error_message(&ended).contains(reported), "{request}: {}", ended.stdout);
    }
}

/// A command line with a mistake, and a part of the line on standard error.
type Mistake = (&'static [&'static str], &'static str);

const MISTAKES: [Mistake; 60] = [
    (&["deplay"], "did you mean `deploy`?"),
    (&["paln"], "did you mean `plan`?"),
    (&["chek"], "did you mean `check`?"),
    (&["rolback"], "did you mean `rollback`?"),
    (&["explian", "bad-json"], "did you mean `explain`?"),
    (&["help"], "run `dpl-lambda --help`"),
    (&["version"], "run `dpl-lambda --version`"),
    (&["apply"], "run `dpl-lambda deploy`"),
    (&["diff"], "run `dpl-lambda plan`"),
    (&["validate", "lambda.yml"], "run `dpl-lambda check`"),
    (&["undo"], "run `dpl-lambda rollback`"),
    (&["build"], "run `dpl-lambda package --output FILE`"),
    (&["lambda.yml"], "write `--stanza lambda.yml`"),
    (&[".travis.yml"], "write `--travis-yml .travis.yml`"),
    (&["deploy", "lambda.yml"], "write `--stanza lambda.yml`"),
    (&["plan", ".travis.yml"], "write `--travis-yml .travis.yml`"),
    (&["policy", "lambda.json"], "write `--stanza lambda.json`"),
    (&["deploy", "hello"], "use `--only NAME`"),
    (&["--dry-run"], "use the command `plan`"),
    (&["deploy", "--dry-run"], "use the command `plan`"),
    (&["deploy", "-n"], "use the command `plan`"),
    (&["deploy", "--stanzas", "lambda.yml"], "did you mean `--stanza`?"),
    (&["deploy", "--travis", ".travis.yml"], "did you mean `--travis-yml`?"),
    (&["deploy", "--file", "lambda.yml"], "use `--stanza FILE`"),
    (&["deploy", "-f", "lambda.yml"], "use `--stanza FILE`"),
    (&["deploy", "--region", "eu-west-1"], "write `region` in the stanza"),
    (&["deploy", "--function-name", "f"], "write `function_name` in the stanza"),
    (&["deploy", "--zip-file", "f.zip"], "write `zip` in the stanza"),
    (&["deploy", "--memory-size=512"], "write `memory_size` in the stanza"),
    (&["rollback", "--version", "7"], "write `version` in the stanza"),
    (&["plan", "--json"], "use `--format json`"),
    (&["deploy", "--verbose"], "set DPL_LAMBDA_LOG=debug"),
    (&["deploy", "--force"], "no command asks for a confirmation"),
    (&["deploy", "--branch", "main"], "set TRAVIS_BRANCH"),
    (&["deploy", "--only", "hello"], "add the file, such as --travis-yml .travis.yml"),
    (&["plan", "--out", "plan.json"], "add the file, such as --travis-yml .travis.yml"),
    (&["deploy", "--plan", "plan.json"], "add the file, such as --travis-yml .travis.yml"),
    (&["deploy", "--exit-code"], "use the command `plan` with `--exit-code`"),
    (&["package"], "--output <FILE>"),
    (&["deploy", "--format", "yaml"], "[possible values: json, text, markdown]"),
    (&["schema", "stanzas"], "[possible values: stanza, request, event, travis-yml, plan]"),
    (&["explain", "acces-denied"], "did you mean `access-denied`?"),
    (&["explain", "zebra"], "`dpl-lambda explain` lists all codes"),
    (&["explain", "bad-value", "bad-json"], "explain one code at a time"),
    (&["-stanza", "lambda.yml"], "did you mean `--stanza`?"),
    (&["-version"], "run `dpl-lambda --version`"),
    (&["check", "-"], "write `--stanza -`"),
    (&["-"], "write `--stanza -`"),
    (&["deploy", "plan"], "give one command only: `deploy` or `plan`"),
    (&["rollback", "3"], "write `version: 3` in the stanza"),
    (&["rollback", "--to", "3"], "write `version` in the stanza"),
    (&["package", "-o", "function.zip"], "use `--output FILE`"),
    (&["delete"], "no command deletes a function"),
    (&["lambda", "--function_name", "f"], "run `dpl-lambda deploy --stanza FILE`"),
    (&["deploy", "--wait"], "a deployment waits until the function is ready"),
    (&["plan", "--travis-yml", "--only", "f"], "such as `--travis-yml .travis.yml`"),
    (&["check", "--stanza"], "such as `--stanza lambda.yml`"),
    (&["policy", "--stanza", "a.yml", "--stanza", "b.yml"], "as a list into one file"),
    (&["schema"], "run `dpl-lambda schema --help`"),
    (&["check", "--stanza", "lambda.yml"], "lambda.yml: file not found"),
];

#[test]
fn a_mistake_at_a_shell_is_answered_with_the_right_command() {
    let directory = directory(&[]);
    for (arguments, right) in MISTAKES {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(directory.path()).env_clear().env("PATH", &*PATH);
        let output = command.stdin(Stdio::null()).output().expect("the program runs");
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
        assert!(stderr.contains(right), "{arguments:?}: {stderr}");
        // Programs read the same in the last event. A command for a document writes none.
        if let Some(last) = stdout.lines().last() {
            let event: Value = serde_json::from_str(last).expect("JSON");
            let report = format!("{}; {}", event["error"]["message"], event["error"]["hint"]);
            assert!(report.replace('"', "").contains(right), "{arguments:?}: {report}");
        }
    }
}

#[test]
fn explain_alone_lists_the_codes_with_what_they_mean() {
    let output = Command::new(program()).arg("explain").stdin(Stdio::null()).output().expect("it runs");
    let listed = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{listed}");
    for (code, title) in [
        ("access-denied", "The caller lacks a permission"),
        ("bad-json", "Standard input is not JSON"),
        ("unset-variable", "A variable in a value is not set, so the value is left unchanged"),
    ] {
        let is_listed = |line: &str| line.trim().starts_with(code) && line.ends_with(title);
        assert!(listed.lines().any(is_listed), "{code}: {listed}");
    }
}
