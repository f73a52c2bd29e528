//! What the tests of a release of several functions share: its fixtures, and what the endpoint and the events
//! say of each function.

use std::fs;

use lambda_endpoint::{Call, Fault, FaultKind, Settings};
use serde_json::{Value, json};

use crate::fixture::{Fixture, alias_target, reported_change, step_of, wait_until};
use crate::lists::{count, listed};
use crate::plugin::PluginOutput;

/// The functions of [`six`], in the order of their stanzas.
pub(crate) const SIX: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Where the aliases of [`six`] point before its deployment, and after it. The function `c` has none, and `e`
/// does not change.
pub(crate) const SIX_OLD: [&str; 6] = ["1", "1", "", "1", "1", "1"];
pub(crate) const SIX_NEW: [&str; 6] = ["2", "2", "", "2", "1", "2"];

/// A fixture without functions, whose request is one release. Each stanza has an alias and `verify`, and
/// these members; null removes one.
pub(crate) fn release(settings: Settings, members: impl IntoIterator<Item = Value>) -> Fixture {
    let mut fixture = Fixture::of(settings, json!({"release": "shop", "alias": "live", "verify": {}}));
    fixture.request = listed(&fixture.request, members);
    fixture
}

/// A release of the functions `a`, `b` and `c`.
pub(crate) fn three() -> Fixture {
    release(Settings::default(), ["a", "b", "c"].map(|name| json!({"function_name": name})))
}

/// The same after its first deployment. `members` are added to each stanza afterwards.
pub(crate) fn three_live(members: &Value) -> Fixture {
    let mut fixture = three();
    fixture.deployed("// 1\n");
    (0..3).for_each(|stanza| fixture.set_in(stanza, members.clone()));
    fixture
}

/// A release of six functions, of which one does not change, after its first deployment. Two of them shift
/// traffic, and one has no alias. The next deployment of the fixture has new code.
pub(crate) fn six(settings: Settings) -> Fixture {
    let member = |name: &str| match name {
        "b" | "f" => json!({"function_name": name, "traffic": [50], "traffic_interval": 1}),
        "c" => json!({"function_name": name, "alias": null, "publish": true}),
        "e" => json!({"function_name": name, "zip": "old"}),
        _ => json!({"function_name": name}),
    };
    let fixture = release(settings, SIX.map(member));
    fs::create_dir(fixture.path("old")).expect("made");
    fs::write(fixture.path("old/index.js"), "// old\n").expect("written");
    fixture.deployed("// 1\n");
    fixture.write("// 2\n");
    fixture.endpoint.forget_calls();
    fixture
}

/// The target of each function's alias `live`, in the order of the stanzas. Empty without an alias.
pub(crate) fn aliases(fixture: &Fixture) -> Vec<String> {
    live_aliases(fixture, alias_target)
}

/// The description of each function's alias `live`, in the order of the stanzas. Empty without an alias.
pub(crate) fn descriptions(fixture: &Fixture) -> Vec<String> {
    live_aliases(fixture, |alias| alias["Description"].as_str().unwrap_or_default().to_owned())
}

fn live_aliases(fixture: &Fixture, shown: impl Fn(&Value) -> String) -> Vec<String> {
    let stanzas = fixture.request["stanzas"].as_array().expect("a list").iter();
    let of = |stanza: &Value| {
        let name = stanza["function_name"].as_str().expect("a string");
        let path = format!("/2015-03-31/functions/{name}/aliases/live");
        let alias = fixture.endpoint.perform("GET", &path, Value::Null);
        alias.map(|alias| shown(&alias)).unwrap_or_default()
    };
    stanzas.map(of).collect()
}

/// Starts a release of this code, and kills it when the second alias is about to move.
pub(crate) fn kill_half_live(fixture: &Fixture, code: &str) {
    fixture.endpoint.fault(Fault { after: 1, ..Fault::once("UpdateAlias", FaultKind::hang()) });
    let running = fixture.started(code, &[]);
    wait_until("the second alias", || count(fixture, "UpdateAlias") == 2);
    running.kill();
}

/// The name of the function in the path of a call.
pub(crate) fn function_of(call: &Call) -> &str {
    call.path.split('/').nth(3).unwrap_or_default()
}

/// True if AWS carried out the call, and it changed something.
pub(crate) fn is_effective(call: &Call) -> bool {
    let is_rehearsal = call.body["DryRun"] == true;
    !call.is_read() && !is_rehearsal && (200..300).contains(&call.status)
}

/// The calls that changed something, in order: `a UpdateFunctionCode`, `b UpdateAlias 1, 10 % to 2`.
pub(crate) fn writes(fixture: &Fixture) -> Vec<String> {
    let calls = fixture.endpoint.calls();
    let effective = calls.iter().filter(|call| is_effective(call) && call.operation != "Invoke");
    effective.map(|call| format!("{} {}", function_of(call), reported_change(call))).collect()
}

/// The moves of aliases in order: `a 1, 10 % to 2`, `a 2`.
pub(crate) fn moves(fixture: &Fixture) -> Vec<String> {
    let writes = writes(fixture).into_iter().filter(|write| write.contains("Alias "));
    writes.map(|write| write.replace("CreateAlias ", "").replace("UpdateAlias ", "")).collect()
}

/// The phases of the release, in order.
pub(crate) fn phases(ended: &PluginOutput) -> Vec<&str> {
    let phases = ended.events.iter().filter(|event| event["event"] == "phase");
    phases.filter_map(|event| event["phase"].as_str()).collect()
}

/// Checks that the event `finished` of a failed release agrees with the calls that AWS carried out: what is
/// `changed` for each function, and which aliases are `restored`. All aliases must be back.
pub(crate) fn check_functions(ended: &PluginOutput, effective: &[&Call]) -> Result<(), String> {
    for function in ended.functions() {
        let (name, outcome) = (&function["function_name"], &function["outcome"]);
        let own = || effective.iter().filter(move |call| *name == function_of(call));
        let lasting = own().filter(|call| !["Invoke", "UpdateAlias"].contains(&call.operation.as_str()));
        let changed: Vec<String> = lasting.map(|call| step_of(&call.operation)).collect();
        let has_moved = own().any(|call| call.operation == "UpdateAlias");
        let left = own().any(|call| call.operation == "CreateAlias");
        let live = |is_there: bool| if is_there { json!(["live"]) } else { json!([]) };
        let keys = match outcome.as_str() {
            Some("failed") => vec![("changed", json!(changed))],
            Some("stopped") => {
                vec![("changed", json!(changed)), ("restored", live(has_moved)), ("left", live(left))]
            }
            Some("skipped" | "unchanged") if own().next().is_none() => Vec::new(),
            _ => return Err(format!("the outcome of {name} is {outcome}")),
        };
        for (key, expected) in keys {
            // A list without items may be absent.
            let actual = function[key].as_array().cloned().unwrap_or_default();
            if json!(actual) != expected {
                return Err(format!("`{key}` of {name}, which is {outcome}, is {actual:?}, not {expected}"));
            }
        }
    }
    Ok(())
}
