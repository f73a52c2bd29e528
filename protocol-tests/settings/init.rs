//! Tests `dpl-lambda init`: a plan of the stanza that it writes for a function has no difference, and the
//! stanza makes an equal function of another name. No secret is in the stanza.

use std::fs;
use std::path::Path;

use lambda_endpoint::Endpoint;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::row::{Of, Row};
use super::rows::table;
use super::{Trial, base, is_write, laid_over, stanza, together};
use crate::aws_state::{ALIASES, CONFIGURATION, VERSIONS, create_request};
use crate::fixture::{Fixture, each};
use crate::plugin::{PluginCommand, PluginOutput, job_env, variables};

/// What a run of `init` printed, and its exit status.
struct Document {
    stdout: String,
    stderr: String,
    status: Option<i32>,
}

/// The program in standalone use, in the environment of a job.
fn standalone(env: &Value, directory: &Path, arguments: &[&str]) -> PluginCommand {
    let plugin = PluginCommand::new(arguments).directory(directory);
    // Without this, a run without keys would wait for the metadata service of the machine.
    let plugin = plugin.env("AWS_EC2_METADATA_DISABLED", "true").env("GIT_CEILING_DIRECTORIES", "/");
    plugin.envs(variables(env))
}

fn init(env: &Value, directory: &Path, arguments: &[&str]) -> Document {
    let mut plugin = standalone(env, directory, &[&["init"][..], arguments].concat());
    let mut child = plugin.spawn();
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("the process ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Document { stdout: text(output.stdout), stderr: text(output.stderr), status: output.status.code() }
}

/// A stanza that `init` has written, and the environment of a job that sets its variables.
pub(crate) struct Written {
    pub(crate) text: String,
    env: Value,
    secrets: Vec<String>,
}

impl Written {
    /// Runs `init` with these arguments. `live` is the response to GetFunction: the values of the variables
    /// that the stanza lists.
    #[track_caller]
    pub(crate) fn of(env: &Value, directory: &Path, arguments: &[&str], live: &Value) -> Self {
        let Document { stdout: text, stderr, status } = init(env, directory, arguments);
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{text}");
        let (mut env, mut secrets) = (env.clone(), Vec::new());
        for line in text.lines().filter_map(|line| line.strip_prefix("#   FN_")) {
            let (name, purpose) = line.split_once(' ').expect("the variable has a purpose");
            let mut parts = purpose.split('`');
            let (secret, option) = (parts.nth(1).unwrap_or_default(), parts.nth(1).unwrap_or_default());
            let values = match option {
                "environment" => &live["Configuration"]["Environment"]["Variables"],
                _ => &live["Tags"],
            };
            let value = values[secret].as_str().unwrap_or_else(|| panic!("{line}: no value in {live:#}"));
            env[format!("FN_{name}")] = json!(value);
            secrets.push(value.to_owned());
        }
        secrets.iter().for_each(|secret| assert!(!text.contains(secret), "{secret} is in\n{text}"));
        Written { text, env, secrets }
    }

    /// The same stanza for another function.
    fn renamed(&self, name: &str) -> Self {
        let text = self.text.replace("  function_name: f\n", &format!("  function_name: {name}\n"));
        Written { text, env: self.env.clone(), secrets: self.secrets.clone() }
    }

    /// Runs a command with the stanza as `.travis.yml`.
    pub(crate) fn run(&self, command: &str, directory: &Path) -> PluginOutput {
        let file = TempDir::new().expect("a temporary directory");
        let path = file.path().join(".travis.yml");
        fs::write(&path, &self.text).expect("written");
        let path = path.to_str().expect("UTF-8");
        let plugin = standalone(&self.env, directory, &[command, "--travis-yml", path]);
        plugin.secrets(self.secrets.clone()).run_on(b"")
    }

    /// Checks that a plan of the stanza has no difference.
    #[track_caller]
    pub(crate) fn settled(&self, directory: &Path) {
        let planned = self.run("plan", directory);
        let found = (planned.outcome(), &planned.finished()["steps"]);
        assert_eq!(found, ("planned", &json!([])), "{}\n{}", self.text, planned.stdout);
    }
}

/// The members of a response that differ between two equal functions.
const OWN: [&str; 8] = [
    "CreationTime",
    "FunctionName",
    "FunctionUrl",
    "LastModified",
    "LastModifiedTime",
    "Location",
    "RevisionId",
    "ResponseMetadata",
];

fn without_own(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
            kept.map(|(name, member)| (name, without_own(member))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_own).collect(),
        other => other,
    }
}

/// All that the endpoint returns about a function, except what only this function can have.
fn held(endpoint: &Endpoint, name: &str) -> Value {
    let asked = |path: &str| endpoint.perform("GET", path, json!({})).unwrap_or_default();
    let policy = asked(&format!("/2015-03-31/functions/{name}/policy"));
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap_or("{}")).expect("JSON");
    let all = without_own(json!({
        "function": endpoint.function(name),
        "code_signing": asked(&format!("/2020-06-30/functions/{name}/code-signing-config")),
        "url": asked(&format!("/2021-10-31/functions/{name}/url")),
        "policy": policy,
    }));
    let text = all.to_string().replace(&format!(":function:{name}\""), ":function:NAME\"");
    serde_json::from_str(&text.replace(&format!("\"/aws/lambda/{name}\""), "\"/aws/lambda/NAME\""))
        .expect("JSON")
}

/// Deploys a stanza, writes the stanza of the function, plans that, and deploys it to another function.
/// Returns the differences.
fn round_trip(name: &str, stanza: &Value) -> Vec<String> {
    let mut trial = Trial::new(name);
    let deployed = trial.run("created", "deploy", stanza);
    trial.expect("created", "the outcome", &json!("deployed"), &json!(deployed.outcome()));
    trial.endpoint.forget_calls();
    let live = trial.endpoint.function("f").unwrap_or_default();
    let env = job_env(&trial.endpoint);
    let written = Written::of(&env, trial.directory.path(), &["--function", "f"], &live);
    let calls = trial.endpoint.calls();
    let writes: Vec<&str> =
        calls.iter().map(|call| call.operation.as_str()).filter(|name| is_write(name)).collect();
    trial.expect("written", "writes of init", &json!([]), &json!(writes));

    let planned = written.run("plan", trial.directory.path());
    trial.expect("written", "the outcome of plan", &json!("planned"), &json!(planned.outcome()));
    trial.expect("written", "the steps", &json!([]), &planned.finished()["steps"]);
    trial.expect("written", "a warning", &json!(null), &json!(planned.event("warning")));

    let elsewhere = written.renamed("g").run("deploy", trial.directory.path());
    trial.expect("elsewhere", "the outcome", &json!("deployed"), &json!(elsewhere.outcome()));
    let (from, to) = (held(&trial.endpoint, "f"), held(&trial.endpoint, "g"));
    trial.expect("elsewhere", "the function", &from, &to);
    trial.expect("elsewhere", "nothing more", &to, &from);
    trial.differences
}

#[test]
fn a_plan_of_what_init_writes_has_no_difference_for_any_setting() {
    let alone = |row: &Row| {
        let beside = laid_over(&base(row.of == Of::Image), &row.needs);
        (row.name.to_owned(), laid_over(&beside, &row.b))
    };
    let mut functions: Vec<(String, Value)> = table().iter().map(alone).collect();
    for image in [false, true] {
        let rows = together(image);
        functions.push((format!("all at once, image: {image}"), stanza(image, &rows, |row| &row.a)));
        functions.push((format!("all at once, image: {image}"), stanza(image, &rows, |row| &row.b)));
    }
    let results = each(&functions, 4, |(name, stanza)| round_trip(name, stanza));
    let differences: Vec<String> = functions
        .iter()
        .zip(results)
        .flat_map(|((name, _), result)| result.unwrap_or_else(|panic| vec![format!("{name}: {panic}")]))
        .collect();
    println!("{} functions, {} differences", functions.len(), differences.len());
    assert!(functions.len() >= 20 && differences.is_empty(), "{}", differences.join("\n"));
}

/// A fixture with a function from this request of CreateFunction, whose code is the file `code.zip`.
fn seeded(members: &Value) -> Fixture {
    let fixture = Fixture::new(json!({}));
    fixture.endpoint.seed(laid_over(&create_request(), members)).expect("AWS would create it");
    fs::write(fixture.path("code.zip"), fixture.endpoint.code("f").expect("a zip")).expect("written");
    fixture
}

fn written(fixture: &Fixture, arguments: &[&str]) -> Written {
    let live = fixture.endpoint.function("f").expect("it exists");
    let arguments = [&["--function", "f"][..], arguments].concat();
    Written::of(&fixture.request["env"], fixture.directory.path(), &arguments, &live)
}

#[test]
fn texts_that_yaml_or_the_stanza_would_read_as_something_else_survive() {
    let fixture = seeded(&json!({
        "Description": "on: \"$HOME\" `id` ${X} \\$Y 'é' #1 - ~",
        "Environment": {"Variables": {
            "on": "secret-1 $HOME ${FN_F_ON} `id`",
            "NUMBER": "012", "FLOAT": "1e3", "YES": "yes", "NOTHING": "", "TILDE": "~", "DOLLAR": "$5",
            "LINES": "secret-2\nkey: value\n\t- \"x\"\n", "BACKSLASH": "secret-3 \\$HOME \\\\",
            "variables": "secret-4", "name": "on", "value": "off",
        }},
        "Tags": {"team a": "secret-5", "é:=+-@/": "~"},
    }));
    fs::rename(fixture.path("code.zip"), fixture.path("co$de.zip")).expect("renamed");
    let written = written(&fixture, &["--zip", "co$de.zip"]);
    written.settled(fixture.directory.path());
    assert!(!written.text.contains("left out,"), "{}", written.text);
}

#[test]
fn what_no_stanza_can_contain_is_left_out_and_noted() {
    let fixture = seeded(&json!({
        "Runtime": "provided.al2023", "Handler": "bootstrap", "Description": "costs 5 %{git_sha}", "Timeout": 9,
    }));
    let written = written(&fixture, &["--zip", "code.zip"]);
    for part in [
        "# Note: `handler_name` is left out, because a stanza cannot contain its live value.\n",
        "# Note: `description` is left out, because a stanza cannot contain its live value.\n",
        "  timeout: 9\n",
    ] {
        assert!(written.text.contains(part), "{part}\n{}", written.text);
    }
    written.settled(fixture.directory.path());
}

#[test]
fn with_an_alias_the_stanza_deploys_to_it() {
    let fixture = Fixture::new(json!({
        "alias": "live", "provisioned_concurrency": 2, "function_url": {"auth_type": "AWS_IAM"},
    }));
    fixture.deployed("// 1\n");
    let arguments = ["--alias", "live", "--zip", "index.js"];
    let aliased = written(&fixture, &arguments);
    for part in ["\n  alias: live\n", "\n  provisioned_concurrency: 2\n", "\n    auth_type: AWS_IAM\n"] {
        assert!(aliased.text.contains(part), "{part}\n{}", aliased.text);
    }
    aliased.settled(fixture.directory.path());

    fixture.another_client("PUT", CONFIGURATION, json!({"Timeout": 9}));
    let moved = written(&fixture, &arguments).text;
    assert!(moved.contains("  # it points at version 1, which has other settings"), "{moved}");
    let without = written(&fixture, &["--zip", "index.js"]);
    assert!(without.text.contains("# Note: the function has the alias `live`"), "{}", without.text);
    without.settled(fixture.directory.path());
}

#[test]
fn a_description_that_others_gave_an_alias_makes_no_difference() {
    let fixture = seeded(&json!({}));
    fixture.another_client("POST", VERSIONS, json!({}));
    let long = "x".repeat(200);
    for (name, text, part) in [
        ("plain", "$5, `a` %{b} (at 1)", "  alias_description: '\\$5, \\`a\\` %{b} (at 1)'\n"),
        ("spaces", "for the shop  ", "# Note: `alias_description` is left out, "),
        ("long", long.as_str(), "# Note: `alias_description` is left out, "),
    ] {
        let alias = json!({"Name": name, "FunctionVersion": "1", "Description": text});
        fixture.another_client("POST", ALIASES, alias);
        let written = written(&fixture, &["--alias", name, "--zip", "code.zip"]);
        assert!(written.text.contains(part), "{part}\n{}", written.text);
        written.settled(fixture.directory.path());
    }
}

#[test]
fn a_package_that_lambda_reads_from_a_bucket_is_written_with_the_bucket() {
    let fixture = Fixture::new(json!({}));
    let mut function = create_request();
    function["Code"] =
        json!({"S3Bucket": "our-packages", "S3Key": "f.zip", "S3ObjectStorageMode": "REFERENCE"});
    fixture.endpoint.seed(function).expect("AWS would create it");
    let written = written(&fixture, &[]);
    for part in ["\n  s3_bucket: our-packages\n", "\n  s3_object_storage_mode: REFERENCE\n"] {
        assert!(written.text.contains(part), "{part}\n{}", written.text);
    }
    let checked = written.run("check", fixture.directory.path());
    assert_eq!(checked.outcome(), "checked", "{}\n{}", written.text, checked.stdout);
}

#[test]
fn the_scaling_is_written_without_permission_to_list_aliases() {
    let provider =
        json!({"CapacityProviderArn": "arn:aws:lambda:us-east-1:123456789012:capacity-provider:p"});
    let fixture = seeded(&json!({
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": provider},
    }));
    fixture.another_client("POST", VERSIONS, json!({"PublishTo": "LATEST_PUBLISHED"}));
    let target = "/2025-11-30/functions/f/function-scaling-config?Qualifier=$LATEST.PUBLISHED";
    let scaling = json!({"MinExecutionEnvironments": 3, "MaxExecutionEnvironments": 9});
    fixture.another_client("PUT", target, json!({"FunctionScalingConfig": scaling}));
    let actions = json!(["lambda:GetFunction", "lambda:GetFunctionScalingConfig"]);
    let resource = "arn:aws:lambda:us-east-1:123456789012:function:f*";
    fixture.endpoint.enforce(json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}],
    }));
    let written = written(&fixture, &[]).text;
    for part in ["# Note: AWS denied ListAliases; ", "\n    min_execution_environments: 3\n"] {
        assert!(written.contains(part), "{part}\n{written}");
    }
}

/// A policy that allows this action on a function.
fn allowing(action: &str, function: &str) -> Value {
    let resource = format!("arn:aws:lambda:us-east-1:123456789012:function:{function}");
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}],
    })
}

#[test]
fn what_aws_denies_is_noted_and_the_rest_is_written() {
    let fixture = seeded(&json!({"Timeout": 9, "Tags": {"team": "secret-1"}}));
    fixture.endpoint.enforce(allowing("lambda:GetFunction", "f"));
    let written = written(&fixture, &[]).text;
    for part in [
        "# Note: AWS denied GetFunctionCodeSigningConfig; ",
        "# Note: AWS denied GetFunctionUrlConfig; ",
        "# Note: AWS denied ListAliases; ",
        "# Note: `function_tags` is left out, ",
        "\n  timeout: 9\n",
    ] {
        assert!(written.contains(part), "{part}\n{written}");
    }
}

#[test]
fn init_fails_as_a_plan_does_and_prints_no_stanza() {
    let fixture = seeded(&json!({}));
    let refused = |env: &Value, function: &str| {
        let refused = init(env, fixture.directory.path(), &["--function", function]);
        let lines = refused.stderr.lines().count();
        assert_eq!((refused.status, refused.stdout.as_str(), lines), (Some(2), "", 1), "{}", refused.stderr);
        refused.stderr
    };
    let env = &fixture.request["env"];
    let missing = refused(env, "g");
    assert!(
        missing.contains("the function `g` does not exist in us-east-1; check the region and the account"),
        "{missing}"
    );
    let bad = refused(env, "a b");
    assert!(bad.contains("`function_name` is `a b`; expected a function name"), "{bad}");
    let mut anonymous = env.clone();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        anonymous.as_object_mut().expect("an object").remove(name);
    }
    let anonymous = refused(&anonymous, "f");
    assert!(anonymous.contains("no AWS credentials were found"), "{anonymous}");
    fixture.endpoint.enforce(allowing("lambda:GetFunction", "other"));
    let denied = refused(env, "f");
    assert!(denied.contains("lambda:GetFunction"), "{denied}");
}
