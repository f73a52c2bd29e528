//! Tests every setting of a function, one row for each: absent, equal, different and cleared, at creation and
//! at update. After each deployment a plan must be empty. Live values are read from the endpoint, never from
//! the plan.

pub(crate) mod init;
mod row;
mod rows;

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployments::build_directory;
use crate::fixture::each;
use crate::plugin::{PluginCommand, PluginOutput, agrees, job_env};
use row::{At, Of, Row};
use rows::table;

/// The members that every stanza of these tests has.
fn base(image: bool) -> Value {
    let mut base = json!({
        "provider": "lambda",
        "function_name": "f",
        "role": "arn:aws:iam::123456789012:role/run",
    });
    if image {
        base["image_uri"] = json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/app@sha256:aa11");
    } else {
        base["runtime"] = json!("python3.13");
        base["handler_name"] = json!("handler");
    }
    base
}

/// The rows that can be combined in one stanza, for a function with an image or with files.
fn together(image: bool) -> Vec<Row> {
    let other = if image { Of::Files } else { Of::Image };
    table().into_iter().filter(|row| row.joins && row.of != other).collect()
}

/// Merges `over` into `under`, recursively for objects in both.
fn laid_over(under: &Value, over: &Value) -> Value {
    let (Value::Object(below), Value::Object(above)) = (under, over) else {
        return over.clone();
    };
    let mut all = below.clone();
    for (key, value) in above {
        let both = laid_over(below.get(key).unwrap_or(&Value::Null), value);
        all.insert(key.clone(), both);
    }
    Value::Object(all)
}

/// `stanza` without the members in `keys`. An object that becomes empty is removed too.
fn without(stanza: &Value, keys: &Value) -> Value {
    let (Value::Object(all), Value::Object(keys)) = (stanza, keys) else {
        return Value::Null;
    };
    let mut rest = all.clone();
    for (key, inner) in keys {
        let kept = without(all.get(key).unwrap_or(&Value::Null), inner);
        if kept.as_object().is_some_and(|kept| !kept.is_empty()) {
            rest.insert(key.clone(), kept);
        } else {
            rest.remove(key);
        }
    }
    Value::Object(rest)
}

impl At {
    fn read(self, endpoint: &Endpoint) -> Value {
        let asked = |path: &str| endpoint.perform("GET", path, json!({})).unwrap_or_default();
        match self {
            At::Function => endpoint.function("f").unwrap_or_default(),
            At::CodeSigning => asked("/2020-06-30/functions/f/code-signing-config"),
            At::RuntimeManagement => asked("/2021-07-20/functions/f/runtime-management-config"),
            At::Recursion => asked("/2024-08-31/functions/f/recursion-config"),
            At::EventInvoke => asked("/2019-09-25/functions/f/event-invoke-config"),
            At::Scaling => {
                asked("/2025-11-30/functions/f/function-scaling-config?Qualifier=$LATEST.PUBLISHED")
            }
            At::Url => {
                let policy = asked("/2015-03-31/functions/f/policy");
                let policy = policy["Policy"].as_str().unwrap_or("{}");
                let policy: Value = serde_json::from_str(policy).expect("JSON");
                let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
                let actions: Vec<Value> =
                    statements.iter().map(|statement| statement["Action"].clone()).collect();
                laid_over(&asked("/2021-10-31/functions/f/url"), &json!({"Actions": actions}))
            }
        }
    }
}

/// A function at its own endpoint, the number of states tested, and the differences found.
struct Trial {
    name: String,
    endpoint: Endpoint,
    directory: TempDir,
    states: usize,
    differences: Vec<String>,
}

impl Trial {
    fn new(name: &str) -> Self {
        let endpoint = Endpoint::start(Settings::default()).expect("a free port");
        let directory = build_directory();
        for file in ["index.py", "app.py"] {
            std::fs::write(directory.path().join(file), "def handler(event, context): pass\n")
                .expect("writable");
        }
        Trial { name: name.to_owned(), endpoint, directory, states: 0, differences: Vec::new() }
    }

    /// Records a difference if `actual` does not contain everything in `expected`.
    fn expect(&mut self, state: &str, what: &str, expected: &Value, actual: &Value) {
        if !agrees(expected, actual) {
            self.differences
                .push(format!("{}, {state}: {what}: expected {expected}, got {actual}", self.name));
        }
    }

    fn run(&mut self, state: &str, command: &str, stanza: &Value) -> PluginOutput {
        let mut request = stanza.clone();
        request["env"] = job_env(&self.endpoint);
        let ended = PluginCommand::new(&[command]).directory(self.directory.path()).run(&request);
        let warning = ended.event("warning").cloned().unwrap_or_default();
        self.expect(state, "a warning", &json!(null), &warning);
        ended
    }

    /// Deploys, and checks that a plan afterwards is empty.
    fn deploy(&mut self, state: &str, stanza: &Value) {
        self.states += 1;
        let ended = self.run(state, "deploy", stanza);
        self.expect(state, "the outcome", &json!("deployed"), &json!(ended.outcome()));
        if ended.outcome() == "failed" {
            self.differences.push(format!("{}, {state}: {}", self.name, ended.finished()["error"]));
        }
        self.settled(state, stanza);
    }

    /// Plans, and checks that only reads and dry runs of UpdateFunctionCode reach the endpoint.
    fn plan(&mut self, state: &str, stanza: &Value) -> PluginOutput {
        self.endpoint.forget_calls();
        let ended = self.run(state, "plan", stanza);
        self.expect(state, "the outcome of plan", &json!("planned"), &json!(ended.outcome()));
        let calls = self.endpoint.calls();
        let writes = calls.iter().filter(|call| call.body["DryRun"] != json!(true));
        let writes: Vec<&str> =
            writes.map(|call| call.operation.as_str()).filter(|name| is_write(name)).collect();
        self.expect(state, "writes of plan", &json!([]), &json!(writes));
        self.expect(state, "plan makes a request to the endpoint", &json!(true), &json!(!calls.is_empty()));
        ended
    }

    fn settled(&mut self, state: &str, stanza: &Value) {
        let ended = self.plan(state, stanza);
        self.expect(state, "steps of a plan after it", &json!([]), &ended.finished()["steps"]);
    }

    fn unchanged(&mut self, state: &str, stanza: &Value) {
        let ended = self.run(state, "deploy", stanza);
        self.expect(state, "deploy again", &json!("unchanged"), &json!(ended.outcome()));
    }

    fn live(&mut self, state: &str, row: &Row, expected: &Value) {
        let all = row.at.read(&self.endpoint);
        let actual = all.pointer(row.pointer).cloned().unwrap_or_default();
        self.expect(state, &format!("the live value of {}", row.name), expected, &actual);
    }
}

fn is_write(operation: &str) -> bool {
    !operation.starts_with("Get") && !operation.starts_with("List")
}

/// The changes of a plan: field, from, to.
fn changes(ended: &PluginOutput) -> Vec<Value> {
    let steps = ended.finished()["steps"].as_array().cloned().unwrap_or_default();
    let all = steps.iter().flat_map(|step| step["changes"].as_array().cloned().unwrap_or_default());
    all.map(|change| json!([change["field"], change["from"], change["to"]])).collect()
}

/// The names of a plan's steps.
fn steps(ended: &PluginOutput) -> Vec<Value> {
    let steps = ended.finished()["steps"].as_array().cloned().unwrap_or_default();
    steps.iter().map(|step| step["step"].clone()).collect()
}

/// Tests one row in all states. Returns the number of states and the differences.
fn try_row(row: &Row) -> (usize, Vec<String>) {
    let mut trial = Trial::new(row.name);
    let beside = laid_over(&base(row.of == Of::Image), &row.needs);
    let with = |keys: &Value| laid_over(&beside, keys);

    trial.deploy("created with A", &with(&row.a));
    trial.live("created with A", row, &row.live_a);
    trial.unchanged("created with A", &with(&row.a));

    if can_be_silent(row) {
        trial.states += 1;
        trial.settled("not in the stanza", &without(&beside, &row.a));
        trial.live("not in the stanza", row, &row.live_a);
    }

    let planned = trial.plan("changed to B", &with(&row.b));
    trial.expect("changed to B", "the plan's changes", &row.reported, &json!(changes(&planned)));
    trial.live("planned to be B", row, &row.live_a);
    trial.deploy("changed to B", &with(&row.b));
    trial.live("changed to B", row, &row.live_b);

    let Some(clearing) = &row.clearing else { return (trial.states, trial.differences) };
    trial.deploy("cleared", &with(clearing));
    trial.live("cleared", row, &row.live_cleared);
    trial.unchanged("cleared", &with(clearing));

    let mut fresh = Trial::new(row.name);
    fresh.deploy("created cleared", &with(clearing));
    fresh.live("created cleared", row, row.live_never.as_ref().unwrap_or(&row.live_cleared));
    fresh.unchanged("created cleared", &with(clearing));
    let mut differences = trial.differences;
    differences.extend(fresh.differences);
    (trial.states + fresh.states, differences)
}

/// False for the image: without `image_uri` the stanza means a package of files, which a function with an
/// image cannot have.
fn can_be_silent(row: &Row) -> bool {
    row.name != "image_uri"
}

/// A stanza with all rows, each with the value that `of` selects.
fn stanza(image: bool, rows: &[Row], of: fn(&Row) -> &Value) -> Value {
    let needed = rows.iter().fold(base(image), |stanza, row| laid_over(&stanza, &row.needs));
    rows.iter().fold(needed, |stanza, row| laid_over(&stanza, of(row)))
}

/// Tests all rows in one stanza, in the same states.
fn try_all_at_once(image: bool) -> (usize, Vec<String>) {
    let rows = together(image);
    let mut trial = Trial::new(if image { "all at once, an image" } else { "all at once" });
    let a = stanza(image, &rows, |row| &row.a);
    trial.deploy("created with A", &a);
    rows.iter().for_each(|row| trial.live("created with A", row, &row.live_a));
    trial.unchanged("created with A", &a);

    let silent = rows.iter().filter(|row| can_be_silent(row));
    let silent = silent.fold(base(image), |stanza, row| without(&stanza, &row.a));
    trial.states += 1;
    trial.settled("not in the stanza", &silent);
    let b = stanza(image, &rows, |row| &row.b);
    trial.deploy("changed to B", &b);
    rows.iter().for_each(|row| trial.live("changed to B", row, &row.live_b));
    trial.unchanged("changed to B", &b);

    let cleared = stanza(image, &rows, |row| row.clearing.as_ref().unwrap_or(&row.b));
    trial.deploy("cleared", &cleared);
    for row in &rows {
        let live = if row.clearing.is_some() { &row.live_cleared } else { &row.live_b };
        trial.live("cleared", row, live);
    }
    trial.unchanged("cleared", &cleared);
    (trial.states, trial.differences)
}

#[test]
fn every_setting_is_created_kept_changed_cleared_and_settled() {
    let table = table();
    // Several at once, because the runs mostly wait for their endpoint.
    let results = table.iter().zip(each(&table, 4, try_row));
    let tried = |(row, result): (&Row, Result<_, String>)| {
        result.unwrap_or_else(|panic| (0, vec![format!("{}: {panic}", row.name)]))
    };
    let mut results: Vec<(usize, Vec<String>)> = results.map(tried).collect();
    results.extend([false, true].map(try_all_at_once));
    let states: usize = results.iter().map(|(states, _)| states).sum();
    let differences: Vec<String> = results.into_iter().flat_map(|(_, differences)| differences).collect();
    println!(
        "{} settings, alone and together, in {states} states: {} differences",
        table.len(),
        differences.len()
    );
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_plan_names_every_setting_that_differs_and_only_reads() {
    let all = [
        "put-function-code-signing-config",
        "update-function-configuration",
        "update-function-code",
        "put-runtime-management-config",
        "untag-resource",
        "tag-resource",
        "put-function-concurrency",
        "put-function-recursion-config",
        "put-function-event-invoke-config",
        "update-function-url-config",
        "remove-permission",
        "remove-permission",
    ];
    let not_for_images = ["put-function-code-signing-config", "put-runtime-management-config"];
    for image in [false, true] {
        let expected = all.into_iter().filter(|step| !image || !not_for_images.contains(step));
        let (expected, rows) = (json!(expected.collect::<Vec<_>>()), together(image));
        let mut trial = Trial::new("a plan of everything");
        trial.deploy("created with A", &stanza(image, &rows, |row| &row.a));
        let planned = trial.plan("planned to be B", &stanza(image, &rows, |row| &row.b));
        trial.expect("planned to be B", "steps", &expected, &json!(steps(&planned)));
        let reported = changes(&planned);
        let wanted: Vec<Value> =
            rows.iter().flat_map(|row| row.reported.as_array().cloned().unwrap_or_default()).collect();
        let missing: Vec<&Value> = wanted.iter().filter(|change| !reported.contains(change)).collect();
        let extra: Vec<&Value> = reported.iter().filter(|change| !wanted.contains(change)).collect();
        trial.expect("planned to be B", "missing changes", &json!([]), &json!(missing));
        trial.expect("planned to be B", "unexpected changes", &json!([]), &json!(extra));
        rows.iter().for_each(|row| trial.live("planned to be B", row, &row.live_a));
        println!("{}", planned.event("planned").expect("the event exists"));
        assert!(trial.differences.is_empty(), "{}", trial.differences.join("\n"));
    }
}

#[test]
fn a_revision_that_is_live_is_named_to_aws_in_the_first_change() {
    let mut trial = Trial::new("revision_id");
    trial.deploy("created", &base(false));
    let live = trial.endpoint.function("f").unwrap_or_default();
    let revision = live["Configuration"]["RevisionId"].clone();
    let wanted = json!({"revision_id": revision, "timeout": 9, "architectures": "arm64"});
    trial.endpoint.forget_calls();
    let ended = trial.run("changed", "deploy", &laid_over(&base(false), &wanted));
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let calls = trial.endpoint.calls();
    let named = calls.iter().filter(|call| is_write(&call.operation));
    let named: Vec<(&str, &Value)> =
        named.map(|call| (call.operation.as_str(), &call.body["RevisionId"])).collect();
    let [("UpdateFunctionConfiguration", first), ("UpdateFunctionCode", second)] = named.as_slice() else {
        panic!("expected two changes: {named:?}")
    };
    assert_eq!(**first, revision);
    // The first change creates a new revision, which the second change must name.
    assert!(second.is_string() && **second != revision, "{second}");
}
