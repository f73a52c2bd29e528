//! Tests approved plans: a deployment with `plan` in its request, or with `--plan`, does exactly that, or
//! fails before anything is changed and names what differs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use lambda_endpoint::{DeploymentGroup, Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::aws_state::{ALIASES, CONFIGURATION};
use crate::fixture::Fixture;
use crate::lists::listed;
use crate::plugin::{PluginCommand, PluginOutput};
use crate::release_fixture::{three_live, writes};
use crate::repository::committed_schema;
use crate::standalone::{collected, directory, standalone, two_stanzas, with_keys};

/// The approved plan that a runner makes of the last event of `plan`.
fn approved(fixture: &Fixture) -> Value {
    let planned = fixture.plugin(&["plan"]).run(&fixture.request);
    assert_eq!(planned.outcome(), "planned", "{}", planned.stdout);
    let finished = planned.finished();
    let functions = finished["functions"].as_array().cloned().unwrap_or_else(|| vec![finished.clone()]);
    json!({"dpl_lambda_plan": 1, "functions": functions})
}

/// Deploys the request with an approved plan, with an empty list of calls.
fn deploy(fixture: &Fixture, plan: &Value) -> PluginOutput {
    fixture.endpoint.forget_calls();
    fixture.run(&["deploy"], &json!({"plan": plan}))
}

/// A function with the alias `live` at version 2, and a stanza with other code and another setting.
fn changed() -> Fixture {
    let mut fixture = Fixture::live(json!({}));
    fixture.deployed("// 2\n");
    fixture.set(json!({"timeout": 20, "environment": {"TOKEN": "secret-token"}}));
    fixture.write("// 3\n");
    fixture
}

#[track_caller]
fn check_outdated(what: &str, fixture: &Fixture, ended: &PluginOutput, expected: &str) {
    assert_eq!((ended.outcome(), ended.code()), ("failed", "plan-outdated"), "{what}: {}", ended.stdout);
    assert!(ended.stdout.contains(expected), "{what}: expected {expected}\n{}", ended.stdout);
    assert!(ended.finished()["error"]["hint"].is_string(), "{what}: {}", ended.stdout);
    assert_eq!(fixture.changes(), [""; 0], "{what}");
}

#[test]
fn an_approved_plan_is_carried_out_once() {
    let fixture = changed();
    let plan = approved(&fixture);
    let basis = &plan["functions"][0]["basis"];
    assert_eq!((&basis["function_name"], &basis["account_id"]), (&json!("f"), &json!("123456789012")));
    assert_eq!(basis["aliases"][0]["version"], "2");
    assert!(basis["revision_id"].is_string() && basis["code_sha256"].is_string(), "{basis}");
    let ended = deploy(&fixture, &plan);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let planned = plan["functions"][0]["steps"].as_array().expect("a list").iter();
    let planned: Vec<_> = planned.filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(ended.steps(), planned);
    let again = deploy(&fixture, &plan);
    check_outdated("a second time", &fixture, &again, "the function was changed after the plan was made");
    // A plan without changes is one, too.
    assert_eq!(deploy(&fixture, &approved(&fixture)).outcome(), "unchanged");
}

#[test]
fn a_plan_of_a_new_function_is_carried_out_unless_it_exists_meanwhile() {
    let fixture = Fixture::new(json!({}));
    let plan = approved(&fixture);
    // The account is that of the role.
    assert_eq!(plan["functions"][0]["basis"]["account_id"], "123456789012");
    assert_eq!(deploy(&fixture, &plan).outcome(), "deployed");
    let again = deploy(&fixture, &plan);
    check_outdated("created", &fixture, &again, "the function exists, but it did not when the plan was made");
}

/// What happens between plan and deployment.
type Meanwhile = fn(&mut Fixture, &mut Value);

#[test]
fn a_deployment_that_is_not_the_approved_one_fails_before_a_change_and_names_the_difference() {
    let cases: [(&str, Meanwhile, &str); 13] = [
        (
            "another client changes a setting that the stanza does not name",
            |fixture, _| drop(fixture.another_client("PUT", CONFIGURATION, json!({"MemorySize": 512}))),
            "the function was changed after the plan was made: its revision is `",
        ),
        (
            "another client changes the alias",
            |fixture, _| {
                let alias = format!("{ALIASES}/live");
                fixture.another_client("PUT", &alias, json!({"Description": "for the shop"}));
            },
            "the alias `live` was changed after the plan was made",
        ),
        (
            "another client moves the alias",
            |fixture, _| {
                fixture.another_client("PUT", &format!("{ALIASES}/live"), json!({"FunctionVersion": "1"}));
            },
            "the alias `live` points at version `1`; when the plan was made, it pointed at version `2`",
        ),
        (
            "the code changes",
            |fixture, _| fixture.write("// 4\n"),
            "the code to deploy is not that of the plan: its SHA-256 is `",
        ),
        (
            "the stanza changes",
            |fixture, _| fixture.set(json!({"timeout": 30})),
            "the step `update-function-configuration` is not that of the plan: `timeout` would change",
        ),
        (
            "the stanza has one secret more",
            |fixture, _| fixture.set(json!({"environment": {"TOKEN": "secret-token", "KEY": "secret-key"}})),
            "is not that of the plan: `environment.KEY` would change",
        ),
        (
            "the stanza needs another step",
            |fixture, _| fixture.set(json!({"function_tags": {"team": "secret-team"}})),
            "`tag-resource`; in the plan, they are `update-function-configuration`",
        ),
        (
            "the stanza is for another function",
            |fixture, _| fixture.set(json!({"function_name": "g"})),
            "the plan is for the function `f`, but the stanza is for `g`",
        ),
        (
            "the plan is for another account",
            |_, plan| plan["functions"][0]["basis"]["account_id"] = json!("210987654321"),
            "the plan is for a function in the AWS account `210987654321`, but this one is in `123456789012`",
        ),
        (
            "the plan is for another region",
            |_, plan| plan["functions"][0]["basis"]["region"] = json!("eu-west-1"),
            "the plan is for the region `eu-west-1`, but the region is `us-east-1`",
        ),
        (
            "the conditions are no longer met",
            |fixture, _| fixture.request["env"]["TRAVIS_BRANCH"] = json!("dev"),
            "its conditions are not met now: this branch is not permitted: dev",
        ),
        (
            "the conditions were not met",
            |_, plan| plan["functions"][0] = json!({"outcome": "skipped", "unmet": []}),
            "the conditions are met now, but the plan skips this function",
        ),
        (
            "another client deletes the function",
            |fixture, _| {
                fixture.another_client("DELETE", "/2015-03-31/functions/f", Value::Null);
            },
            "the function does not exist, but it did when the plan was made",
        ),
    ];
    let mut fixture = changed();
    let request = fixture.request.clone();
    for (what, meanwhile, expected) in cases {
        fixture.request = request.clone();
        fixture.write("// 3\n");
        let mut plan = approved(&fixture);
        meanwhile(&mut fixture, &mut plan);
        let ended = deploy(&fixture, &plan);
        check_outdated(what, &fixture, &ended, expected);
    }
}

#[test]
fn each_parameter_of_a_step_is_a_part_of_the_plan() {
    let url = |aliases: [&str; 2]| json!({"alias": aliases, "function_url": {"auth_type": "NONE"}});
    let layer =
        |description: &str| json!({"layers": {"name": "deps", "zip": "layer", "description": description}});
    let codedeploy = |config: &str| json!({"codedeploy": {"application": "shop", "deployment_group": "live", "config": config}});
    let (canary, at_once) =
        ("CodeDeployDefault.LambdaCanary10Percent5Minutes", "CodeDeployDefault.LambdaAllAtOnce");
    for (planned, code, now, expected) in [
        (url(["live", "next"]), "// 1\n", url(["next", "live"]), "`function_url.next.auth_type` would"),
        (layer("one"), "// 1\n", layer("two"), "`layers.deps.description` would change"),
        (
            json!({"s3_bucket": "packages"}),
            "// 2\n",
            json!({"s3_bucket": "other-packages"}),
            "`package` would change",
        ),
        (codedeploy(canary), "// 2\n", codedeploy(at_once), "`codedeploy.config` would change"),
    ] {
        let mut fixture = Fixture::live(planned);
        fixture.endpoint.set_deployment_group(DeploymentGroup::default());
        fs::create_dir(fixture.path("layer")).expect("made");
        fs::write(fixture.path("layer/a.js"), "1").expect("written");
        fixture.write(code);
        let plan = approved(&fixture);
        fixture.set(now);
        let ended = deploy(&fixture, &plan);
        check_outdated(expected, &fixture, &ended, expected);
    }
}

/// Deploys an approved plan, with a fault in the first call of this operation.
fn deploy_with(fixture: &Fixture, operation: &str, kind: FaultKind) -> PluginOutput {
    let plan = approved(fixture);
    fixture.endpoint.fault(Fault::once(operation, kind));
    deploy(fixture, &plan)
}

#[test]
fn a_function_that_changes_during_an_approved_deployment_ends_it() {
    let fixture = changed();
    let ended = deploy_with(&fixture, "UpdateFunctionCode", FaultKind::TouchFunction);
    assert_eq!((ended.outcome(), ended.code()), ("failed", "plan-outdated"), "{}", ended.stdout);
    assert_eq!(ended.finished()["changed"], json!(["update-function-configuration"]));
    assert_eq!(fixture.alias("live"), "2");
}

#[test]
fn a_response_that_is_lost_is_no_change_by_others() {
    let fixture = changed();
    let ended = deploy_with(&fixture, "UpdateFunctionConfiguration", FaultKind::ResetAfter);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(fixture.alias("live"), "3");
}

#[test]
fn a_release_is_one_plan_and_one_difference_stops_it() {
    let fixture = three_live(&json!({}));
    fixture.write("// 2\n");
    let plan = approved(&fixture);
    assert_eq!(plan["functions"].as_array().map(Vec::len), Some(3));
    let configuration = "/2015-03-31/functions/b/configuration";
    fixture.another_client("PUT", configuration, json!({"Timeout": 9}));
    let ended = deploy(&fixture, &plan);
    assert_eq!((ended.code(), ended.outcomes()), ("plan-outdated", vec!["stopped", "failed", "stopped"]));
    assert_eq!(writes(&fixture), [""; 0], "{}", ended.stdout);
    let ended = deploy(&fixture, &approved(&fixture));
    assert_eq!(ended.outcomes(), ["deployed"; 3], "{}", ended.stdout);
}

#[test]
fn a_release_is_compared_when_the_secrets_of_all_functions_are_known() {
    let fixture = three_live(&json!({"description": "new"}));
    let change = |name: &str, members: Value| {
        fixture.another_client("PUT", &format!("/2015-03-31/functions/{name}/configuration"), members);
    };
    change("a", json!({"Description": "reads orders-table-1"}));
    change("c", json!({"Environment": {"Variables": {"TABLE": "orders-table-1"}}}));
    let plan = approved(&fixture);
    assert!(plan.to_string().contains("reads [secure]"), "{plan}");
    // `a` could be planned before `c` is read.
    let slow = FaultKind::Slow { answer_over: Duration::from_millis(100) };
    fixture.endpoint.fault_function("c", Fault::once("GetFunction", slow));
    let ended = deploy(&fixture, &plan);
    assert_eq!(ended.outcomes(), ["deployed"; 3], "{}", ended.stdout);
}

#[test]
fn a_plan_that_cannot_be_read_is_refused_before_aws_is_called() {
    let fixture = changed();
    let plan = approved(&fixture);
    let item = &plan["functions"][0];
    for (given, code, expected) in [
        (json!(7), "bad-request", "`plan` is no plan; expected what"),
        (json!({"functions": [item]}), "bad-request", "`plan` is no plan; expected what"),
        (json!({"format_version": "1.2"}), "bad-request", "`plan` is no plan; expected what"),
        (json!({"dpl_lambda_plan": 2, "functions": []}), "bad-request", "its format is 2, and this version"),
        (json!({"dpl_lambda_plan": 1, "functions": []}), "bad-request", "`plan` has no functions"),
        (json!({"dpl_lambda_plan": 1, "functions": ["x"]}), "bad-request", "has an item 0 of `functions`"),
        (
            json!({"dpl_lambda_plan": 1, "functions": [item, item]}),
            "plan-outdated",
            "the plan is for 2 stanzas, but the request has 1 stanza",
        ),
    ] {
        let ended = deploy(&fixture, &given);
        assert_eq!((ended.code(), ended.status.code()), (code, Some(2)), "{given}: {}", ended.stdout);
        assert!(ended.stdout.contains(expected), "{expected}: {}", ended.stdout);
        assert_eq!(fixture.operations(), [""; 0]);
    }
    for command in ["plan", "check", "rollback"] {
        let ended = fixture.run(&[command], &json!({"plan": plan}));
        assert_eq!((ended.code(), ended.status.code()), ("bad-request", Some(2)), "{}", ended.stdout);
    }
}

/// A directory with a `.travis.yml` of the functions `one` and `two`, in which one text is replaced once. The
/// whole directory is their code.
fn two_functions(text: &str, by: &str) -> (Endpoint, TempDir) {
    let file = two_stanzas().replace("zip: index.js", "zip: .").replacen(text, by, 1);
    (Endpoint::start(Settings::default()).expect("a free port"), directory(&file))
}

/// A line of a stanza in that file.
const RUNTIME: &str = "  runtime: nodejs22.x\n";

/// Runs a command for the stanzas of a directory. Returns stdout, stderr and exit status.
fn run(arguments: &[&str], directory: &Path, endpoint: &Endpoint) -> (String, String, Option<i32>) {
    let arguments = [arguments, &["--travis-yml", ".travis.yml"]].concat();
    collected(standalone(&arguments, directory, Some(endpoint)))
}

#[test]
fn a_plan_is_kept_in_a_file_and_deployed_from_it() {
    let members = "  environment: {TOKEN: secret-token}\n  layers: [{name: deps, zip: .}]\n";
    let (endpoint, directory) = two_functions(RUNTIME, &format!("{RUNTIME}{members}"));
    let (path, file) = (directory.path(), directory.path().join("plan.json"));
    let (stdout, stderr, status) = run(&["plan", "--out", "plan.json", "--exit-code"], path, &endpoint);
    assert_eq!(status, Some(3), "{stdout}{stderr}");
    assert!(stderr.contains("plan.json: the plan is written"), "{stderr}");
    let text = fs::read_to_string(&file).expect("the plan is there");
    let mode = fs::metadata(&file).expect("the plan is there").permissions().mode();
    assert!(mode & 0o777 == 0o600 && !text.contains("secret-token"), "{mode:o} {text}");
    let plan: Value = serde_json::from_str(&text).expect("a plan is JSON");
    let names = [0_usize, 1].map(|index| plan["functions"][index]["basis"]["function_name"].clone());
    assert_eq!(names, ["one", "two"]);
    assert!(jsonschema::draft7::is_valid(&committed_schema("plan.json"), &plan), "{plan}");

    // The plan file is in the directory that is packaged, but no part of the package or the layer.
    let (stdout, stderr, status) = run(&["deploy", "--plan", "plan.json"], path, &endpoint);
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    assert!(endpoint.function("one").is_some() && endpoint.function("two").is_some());
    let (stdout, stderr, status) = run(&["deploy", "--plan", "plan.json"], path, &endpoint);
    assert!(status == Some(1) && stdout.contains("\"plan-outdated\""), "{stdout}{stderr}");
    // A later plan replaces the file. Nothing differs any more.
    let (stdout, stderr, status) = run(&["plan", "--out", "plan.json", "--exit-code"], path, &endpoint);
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    assert_eq!(run(&["deploy", "--plan", "plan.json"], path, &endpoint).2, Some(0));
    // It is for both stanzas.
    let (stdout, _, status) = run(&["deploy", "--plan", "plan.json", "--only", "1"], path, &endpoint);
    assert!(status == Some(2) && stdout.contains("the plan is for 2 stanzas, but there is 1"), "{stdout}");
}

#[test]
fn functions_that_build_the_same_layer_have_a_plan_only_as_a_release() {
    let file = |more: &str| {
        let lines = format!("{RUNTIME}  layers: [{{name: deps, zip: .}}]\n{more}");
        two_stanzas().replace("zip: index.js", "zip: .").replace(RUNTIME, &lines)
    };
    let (alone, release) = (file(""), file("  release: shop\n"));
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let directory = directory(&alone);
    let path = directory.path();
    let why = "functions that are not of one release change versions of the layer `deps`";
    let (_, stderr, status) = run(&["plan", "--out", "plan.json"], path, &endpoint);
    assert!(status == Some(1) && stderr.contains(why), "{stderr}");
    assert!(!path.join("plan.json").exists());
    let write = |text: &str| fs::write(path.join(".travis.yml"), text).expect("written");
    write(&release);
    assert_eq!(run(&["plan", "--out", "plan.json"], path, &endpoint).2, Some(0));
    write(&alone);
    let (stdout, _, status) = run(&["deploy", "--plan", "plan.json"], path, &endpoint);
    assert!(status == Some(2) && stdout.contains("\"plan-outdated\"") && stdout.contains(why), "{stdout}");
    assert!(endpoint.function("one").is_none());
    write(&release);
    let (stdout, stderr, status) = run(&["deploy", "--plan", "plan.json"], path, &endpoint);
    assert_eq!(status, Some(0), "{stdout}{stderr}");

    // A runner's list of stanzas.
    let mut fixture = Fixture::new(json!({"layers": {"name": "deps", "zip": "layer"}}));
    fs::create_dir(fixture.path("layer")).expect("made");
    fs::write(fixture.path("layer/a.js"), "1").expect("written");
    fixture.request = listed(&fixture.request, ["a", "b"].map(|name| json!({"function_name": name})));
    let ended = deploy(&fixture, &approved(&fixture));
    check_outdated("a list", &fixture, &ended, why);
    assert_eq!(ended.outcomes(), ["failed", "stopped"]);
}

#[test]
fn a_plan_file_is_complete_or_not_written_and_replaces_nothing_else() {
    let (endpoint, directory) = two_functions("", "");
    let path = directory.path();
    let before = fs::read_to_string(path.join(".travis.yml")).expect("readable");
    let (stdout, _, status) = run(&["plan", "--out", ".travis.yml"], path, &endpoint);
    assert!(status == Some(2) && stdout.contains("this is no plan, so it is not overwritten"), "{stdout}");
    assert_eq!(fs::read_to_string(path.join(".travis.yml")).expect("readable"), before);
    assert_eq!(endpoint.calls().len(), 0);
    for (text, code, expected) in [
        ("{\"dpl_lambda_plan\": 1, \"functions\": [", "bad-json", "the plan is incomplete"),
        ("{\"dpl_lambda_plan\": 9, \"functions\": []}", "bad-arguments", "its format is 9"),
        ("function_name: f\n", "bad-arguments", "plan.json: the file is no plan"),
    ] {
        fs::write(path.join("plan.json"), text).expect("written");
        let (stdout, _, status) = run(&["deploy", "--plan", "plan.json"], path, &endpoint);
        assert!(status == Some(2) && stdout.contains(expected), "{text}: {stdout}");
        assert!(stdout.contains(&format!("\"code\":\"{code}\"")), "{text}: {stdout}");
    }
    // The first function cannot be created without a runtime.
    for line in ["", "  allow_failure: true\n"] {
        let (endpoint, directory) = two_functions(RUNTIME, line);
        let (stdout, stderr, status) = run(&["plan", "--out", "plan.json"], directory.path(), &endpoint);
        assert_eq!(status, Some(1), "{line}: {stdout}{stderr}");
        assert!(!directory.path().join("plan.json").exists(), "{line}");
    }
    let without_file = standalone(&["plan", "--out", "plan.json"], path, Some(&endpoint)).run_on(b"{}");
    assert_eq!((without_file.code(), without_file.status.code()), ("bad-arguments", Some(2)));
}

#[test]
fn a_plan_as_markdown_is_a_table_for_each_function() {
    let (endpoint, directory) =
        two_functions(RUNTIME, &format!("{RUNTIME}  description: a|b `c` @octocat\n"));
    let (stdout, stderr, status) = run(&["plan", "--format", "markdown"], directory.path(), &endpoint);
    assert_eq!((stderr.as_str(), status), ("", Some(0)), "{stdout}");
    for expected in [
        "### <code>one</code>\n\n**planned:** 1 step, ",
        "| Step | Change | From | To |\n|---|---|---|---|\n",
        "| <code>create-function</code> | <code>description</code> |  | <code>a&#124;b &#96;c&#96; &#64;octocat</code> |\n",
        "### <code>two</code>\n",
    ] {
        assert!(stdout.contains(expected), "{expected}: {stdout}");
    }
    if Path::new("/dev/full").exists() {
        // The plan has changes, but cannot be read.
        let arguments = ["plan", "--travis-yml", ".travis.yml", "--exit-code", "--format", "markdown"];
        let lost = PluginCommand::limited("exec >/dev/full", &arguments);
        assert_eq!(collected(with_keys(lost, directory.path(), Some(&endpoint))).2, Some(1));
    }
    let (stdout, stderr, status) = run(&["deploy", "--format", "markdown"], directory.path(), &endpoint);
    assert_eq!((stderr.as_str(), status), ("", Some(0)), "{stdout}");
    assert!(stdout.contains("**deployed:** <code>deployed one in "), "{stdout}");
    // An error is also where the job's log shows it.
    let (stdout, stderr, status) =
        run(&["plan", "--only", "1", "--format", "markdown", "--require-deploy"], Path::new("/"), &endpoint);
    assert_eq!((stdout.as_str(), status), ("", Some(2)), "{stderr}");
    assert!(stderr.contains(".travis.yml: file not found"), "{stderr}");
}
