//! Several deployments of one function at the same time. The function must end in the state that one of them
//! asked for, and every run that reports `deployed` must be right. The tests accept any winner.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use lambda_endpoint::{Call, Endpoint, Invocation, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    ALIASES, AT_ONCE, CALL_TIMEOUT, UPDATE, VERSIONS, a_released_function, conclude, fixture, seed, story,
};
use crate::deployments::{build_directory, request};
use crate::fixture::{check_each, each};
use crate::plugin::{PluginCommand, PluginOutput};

/// One of several deployments of the same function.
struct Competitor {
    name: &'static str,
    timeout: u32,
    directory: TempDir,
    request: Value,
}

impl Competitor {
    fn new(name: &'static str, timeout: u32, endpoint: &Endpoint) -> Self {
        let directory = build_directory();
        // The names differ in length, and so do the packages. Their size identifies the calls of each.
        fs::write(directory.path().join("index.js"), format!("// {name}\n")).expect("written");
        let mut request = request(endpoint);
        (request["timeout"], request["environment"]) = (json!(timeout), json!({"STAGE": name}));
        Competitor { name, timeout, directory, request }
    }

    fn deploy(&self) -> (PluginOutput, Instant) {
        (PluginCommand::new(&[]).directory(self.directory.path()).run(&self.request), Instant::now())
    }

    /// True if settings and code of the function are those of this deployment.
    fn is_live(&self, live: &Value, ended: &PluginOutput) -> bool {
        let package = ended.event("packaged").expect("the event exists");
        live["Timeout"] == self.timeout
            && live["Environment"]["Variables"]["STAGE"] == self.name
            && live["CodeSha256"] == package["code_sha256"]
    }
}

/// The timing and the settings of two competing deployments.
struct Race {
    /// The delay of the second deployment.
    offset: Duration,
    /// If true, the first one's code is deployed already, so that its plan changes only the configuration.
    code_is_live: bool,
    /// If true, both tag the function first, which changes its RevisionId.
    with_tags: bool,
}

#[test]
#[ignore = "second tier: long"]
fn two_deployments_at_once_end_as_one_of_them_whole() {
    let races: Vec<Race> = (0..20)
        .map(|round| Race {
            offset: Duration::from_millis(round * 5),
            code_is_live: round % 4 == 1,
            with_tags: round % 4 == 2,
        })
        .collect();
    play_rounds("rounds", &races, AT_ONCE, Race::fight);
}

/// Plays each round, prints what it says of itself, and fails with those in which something is wrong.
#[track_caller]
fn play_rounds<T: Sync>(what: &str, rounds: &[T], at_once: usize, play: impl Fn(&T) -> String + Sync) {
    let mut wrong = Vec::new();
    for (round, result) in each(rounds, at_once, play).into_iter().enumerate() {
        match result {
            Ok(line) => println!("round {round}: {line}"),
            Err(words) => wrong.push(format!("round {round}: {words}")),
        }
    }
    conclude(what, rounds.len(), &wrong);
}

impl Race {
    /// Runs the race and returns a line that describes it.
    fn fight(&self) -> String {
        let endpoint = Endpoint::start(Settings::default()).expect("a free port");
        seed(&endpoint, "f");
        let mut competitors =
            [Competitor::new("one", 11, &endpoint), Competitor::new("another", 22, &endpoint)];
        if self.code_is_live {
            let mut before = competitors[0].request.clone();
            (before["timeout"], before["environment"]) = (json!(3), json!({"STAGE": "old"}));
            let ended = PluginCommand::new(&[]).directory(competitors[0].directory.path()).run(&before);
            assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
            endpoint.forget_calls();
        }
        if self.with_tags {
            competitors.iter_mut().for_each(|competitor| {
                competitor.request["function_tags"] = json!({"stage": competitor.name})
            });
        }
        let before = endpoint.function("f").expect("it exists")["Configuration"]["CodeSha256"].clone();
        endpoint.set_update_duration(Duration::from_millis(60));
        let ended = compete(&competitors, self.offset);
        let (calls, live) =
            (endpoint.calls(), endpoint.function("f").expect("it exists")["Configuration"].clone());
        let reported = self.reported(&competitors, &ended);
        let story = format!("{reported}: {}", story(&calls));

        let sha256 =
            |ended: &PluginOutput| ended.event("packaged").expect("the event exists")["code_sha256"].clone();
        for (competitor, (ended, _)) in competitors.iter().zip(&ended) {
            assert!(ended.outcome() == "deployed" || ended.code() == "conflict", "{story}\n{}", ended.stdout);
            assert!(ended.elapsed < Duration::from_secs(60), "too long: {story}");
            let zip_bytes = &ended.event("packaged").expect("the event exists")["zip_bytes"];
            let is_its_own =
                |call: &&Call| call.operation == "UpdateFunctionCode" && *zip_bytes == call.code_bytes;
            let was_put = calls.iter().filter(is_its_own).any(|call| call.status == 200);
            let was_live = was_put || sha256(ended) == before;
            assert!(
                was_live || ended.outcome() != "deployed",
                "`{}` was never live: {story}",
                competitor.name
            );
        }
        let live_ones = (0..2).filter(|side| competitors[*side].is_live(&live, &ended[*side].0));
        let [is_live] = live_ones.collect::<Vec<_>>()[..] else {
            let owner = ended.iter().position(|(ended, _)| sha256(ended) == live["CodeSha256"]);
            let code = owner.map_or("neither", |side| competitors[side].name);
            panic!(
                "the function is a mix: timeout {}, {}, code of `{code}`; {story}",
                live["Timeout"], live["Environment"]
            );
        };
        let deployed = (0..2).filter(|side| ended[*side].0.outcome() == "deployed");
        if let Some(last) = deployed.max_by_key(|side| ended[*side].1) {
            let says_so = ended[last].0.events.iter().any(|event| event["code"] == "overtaken");
            assert!(last == is_live || says_so, "the last that says `deployed` is not live: {story}");
        }
        format!("{} is live; {reported}; {} calls", competitors[is_live].name, calls.len())
    }

    fn reported(&self, competitors: &[Competitor; 2], ended: &[(PluginOutput, Instant); 2]) -> String {
        let Race { offset, code_is_live, with_tags } = self;
        let sides = outcomes(competitors, ended);
        format!("offset {offset:?}, code is live {code_is_live}, with tags {with_tags}: {sides}")
    }
}

/// Runs both deployments; the second starts after `offset`.
fn compete(competitors: &[Competitor; 2], offset: Duration) -> [(PluginOutput, Instant); 2] {
    thread::scope(|scope| {
        let first = scope.spawn(|| competitors[0].deploy());
        thread::sleep(offset);
        let second = competitors[1].deploy();
        [first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), second]
    })
}

fn outcomes(competitors: &[Competitor; 2], ended: &[(PluginOutput, Instant); 2]) -> String {
    let side = |(competitor, (ended, _)): (&Competitor, &(PluginOutput, Instant))| {
        let said = if ended.code().is_empty() { ended.outcome() } else { ended.code() };
        let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
        let warnings: Vec<&str> = warnings.filter_map(|event| event["code"].as_str()).collect();
        format!("{} {said} in {:.0?}, warned {warnings:?}", competitor.name, ended.elapsed)
    };
    competitors.iter().zip(ended).map(side).collect::<Vec<_>>().join("; ")
}

/// The timing and the settings of two competing releases to one alias.
struct Meeting {
    /// The delay of the second release.
    offset: Duration,
    /// If true, both verify their version, which takes some time.
    verifies: bool,
    /// If true, both first send half of the traffic to their version.
    shifts: bool,
}

#[test]
#[ignore = "second tier: long"]
fn an_alias_that_two_release_to_at_once_ends_at_a_version_of_one_of_them() {
    let meetings: Vec<Meeting> = (0..16)
        .map(|round| Meeting {
            offset: Duration::from_millis(round * 15),
            verifies: round % 2 == 1,
            shifts: round % 4 == 3,
        })
        .collect();
    play_rounds("meetings", &meetings, AT_ONCE, Meeting::play);
}

impl Meeting {
    /// Runs the race and returns a line that describes it.
    fn play(&self) -> String {
        let endpoint = Endpoint::start(Settings::default()).expect("a free port");
        a_released_function(&endpoint);
        let before = versions(&endpoint);
        let mut competitors =
            [Competitor::new("one", 11, &endpoint), Competitor::new("another", 22, &endpoint)];
        for Competitor { request, .. } in &mut competitors {
            request["alias"] = json!("live");
            if self.verifies {
                request["verify"] = json!({});
            }
            if self.shifts {
                (request["traffic"], request["traffic_interval"]) = (json!([50]), json!(1));
            }
        }
        let delay = Duration::from_millis(50);
        endpoint.answer_invocations(Invocation { delay, ..Invocation::default() });
        endpoint.set_update_duration(Duration::from_millis(60));
        let ended = compete(&competitors, self.offset);
        let calls = endpoint.calls();
        let Meeting { offset, verifies, shifts } = self;
        let reported = format!(
            "offset {offset:?}, verifies {verifies}, shifts {shifts}: {}",
            outcomes(&competitors, &ended)
        );
        let story = format!("{reported}: {}", story(&calls));

        let owner = |qualified: &str| {
            let live = endpoint.function(qualified).unwrap_or_else(|| panic!("no {qualified}: {story}"));
            let live = &live["Configuration"];
            let owners = (0..2).filter(|side| competitors[*side].is_live(live, &ended[*side].0));
            let [owner] = owners.collect::<Vec<_>>()[..] else {
                panic!("{qualified} is a mix: timeout {}, {}; {story}", live["Timeout"], live["Environment"]);
            };
            owner
        };
        // A version with a mix of both must never be published, even if no alias points at it.
        let made: Vec<String> =
            versions(&endpoint).into_iter().filter(|version| !before.contains(version)).collect();
        for version in &made {
            owner(&format!("f:{version}"));
        }
        let (latest, alias) = (owner("f"), endpoint.perform("GET", &format!("{ALIASES}/live"), Value::Null));
        let alias = alias.expect("it exists");
        let at = alias["FunctionVersion"].as_str().expect("a version").to_owned();
        assert_eq!(alias["RoutingConfig"], Value::Null, "its traffic is shared: {story}");
        let is_live = owner(&format!("f:{at}"));
        let mut released = Vec::new();
        for (side, (ended, _)) in ended.iter().enumerate() {
            assert!(ended.outcome() == "deployed" || ended.code() == "conflict", "{story}\n{}", ended.stdout);
            assert!(ended.elapsed < Duration::from_secs(60), "too long: {story}");
            if ended.outcome() == "deployed" {
                let version = ended.finished()["version"].as_str().expect("published").to_owned();
                assert_eq!(
                    owner(&format!("f:{version}")),
                    side,
                    "`{}` says {version}: {story}",
                    competitors[side].name
                );
                let was_there = calls.iter().any(|call| points_at(call, &version));
                assert!(
                    was_there,
                    "the alias was never at {version} of `{}`: {story}",
                    competitors[side].name
                );
                released.push(version);
            }
        }
        assert!(!released.is_empty(), "neither has deployed: {story}");
        assert!(released.contains(&at), "the alias is at {at}, which no run reports: {story}");
        // The run that moves the alias last has checked that `$LATEST` is its own, or has restored it.
        assert!(
            released.len() < 2 || is_live == latest,
            "`{}` is live, but not $LATEST: {story}",
            competitors[is_live].name
        );
        let (live, latest) = (competitors[is_live].name, competitors[latest].name);
        format!(
            "live is {live}, $LATEST {latest}, made {made:?}, live at {at}; {reported}; {} calls",
            calls.len()
        )
    }
}

/// As many as a monorepo's pipeline may deploy at the same time. The names differ in length, so that the
/// packages do too.
const CROWD: [&str; 10] =
    ["a", "bo", "cyd", "dora", "erika", "fabian", "gabriel", "hortense", "immanuela", "johannetta"];

#[test]
fn an_alias_that_ten_release_to_at_once_is_never_led_to_a_mixed_version() {
    crowds(2);
}

#[test]
#[ignore = "second tier: long"]
fn an_alias_that_ten_release_to_at_once_is_never_led_to_a_mixed_version_in_ten_rounds() {
    crowds(10);
}

fn crowds(rounds: usize) {
    let rounds: Vec<usize> = (0..rounds).collect();
    play_rounds("rounds of ten at once", &rounds, 1, |_| crowd());
}

/// Runs ten deployments at the same time, each with its own code and settings. Returns a line that describes
/// the run.
fn crowd() -> String {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    a_released_function(&endpoint);
    let mut competitors: Vec<Competitor> =
        CROWD.iter().zip(11..).map(|(name, timeout)| Competitor::new(name, timeout, &endpoint)).collect();
    competitors.iter_mut().for_each(|competitor| competitor.request["alias"] = json!("live"));
    endpoint.set_update_duration(Duration::from_millis(60));
    let ended: Vec<(PluginOutput, Instant)> = at_once(&competitors, Competitor::deploy);
    let calls = endpoint.calls();
    let story = || story(&calls);
    let owner = |version: &str| {
        let live = endpoint.function(&format!("f:{version}")).expect("the version exists");
        let live = &live["Configuration"];
        let owners = (0..competitors.len()).filter(|side| competitors[*side].is_live(live, &ended[*side].0));
        let [owner] = owners.collect::<Vec<_>>()[..] else {
            panic!(
                "version {version} is a mix: timeout {}, {}; {}",
                live["Timeout"],
                live["Environment"],
                story()
            );
        };
        owner
    };
    let is_move = |call: &&Call| call.operation == "UpdateAlias" && call.status == 200;
    let led_to: Vec<&str> =
        calls.iter().filter(is_move).filter_map(|call| call.body["FunctionVersion"].as_str()).collect();
    for version in &led_to {
        owner(version);
    }
    let mut deployed = 0;
    for (side, (ended, _)) in ended.iter().enumerate() {
        assert!(ended.outcome() == "deployed" || ended.code() == "conflict", "{}\n{}", ended.stdout, story());
        if ended.outcome() == "deployed" {
            let version = ended.finished()["version"].as_str().expect("published").to_owned();
            assert_eq!(owner(&version), side, "`{}` says {version}: {}", competitors[side].name, story());
            deployed += 1;
        }
    }
    assert!(deployed > 0, "no run has deployed: {}", story());
    format!("{deployed} deployed, the alias was led to {led_to:?}, {} calls", calls.len())
}

/// Applies `act` to all items at the same time.
fn at_once<T: Sync, R: Send>(items: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let results = each(items, items.len(), act).into_iter();
    results.map(|result| result.unwrap_or_else(|panic| panic!("{panic}"))).collect()
}

/// True if the call sent all traffic of an alias to this version.
fn points_at(call: &Call, version: &str) -> bool {
    let weights = &call.body["RoutingConfig"]["AdditionalVersionWeights"];
    let shares = weights.as_object().is_some_and(|weights| !weights.is_empty());
    call.operation == "UpdateAlias"
        && call.status == 200
        && call.body["FunctionVersion"] == version
        && !shares
}

fn versions(endpoint: &Endpoint) -> Vec<String> {
    let listed = endpoint.perform("GET", VERSIONS, Value::Null).expect("it exists");
    let versions = listed["Versions"].as_array().expect("a list").iter();
    versions.filter_map(|version| version["Version"].as_str().map(str::to_owned)).collect()
}

/// Changes by another client, each in one call that is complete at once.
const STRANGERS: [(&str, &str); 2] = [
    (
        "/2015-03-31/functions/f/configuration",
        r#"{"Timeout": 99, "Environment": {"Variables": {"STAGE": "theirs"}}}"#,
    ),
    ("/2015-03-31/functions/f/code", r#"{"S3Bucket": "theirs", "S3Key": "f.zip"}"#),
];

#[test]
fn what_another_client_changes_behind_a_step_is_not_deployed_as_ours() {
    let steps = ["UpdateFunctionConfiguration", "UpdateFunctionCode"];
    let points: Vec<_> = steps.iter().flat_map(|step| STRANGERS.map(|stranger| (*step, stranger))).collect();
    let name = |(step, (target, _)): &(&str, (&str, &str))| format!("{target} behind {step}");
    check_each(&points, AT_ONCE, name, |(step, stranger)| mutate(step, *stranger));
}

/// Applies another client's change after our step took effect, and before the program checks it.
fn mutate(step: &str, (target, body): (&str, &str)) {
    let fixture = fixture(&UPDATE);
    let mut child = fixture.start();
    let is_it = |call: &Call| call.operation == step && call.status == 200;
    let began = Instant::now();
    while !fixture.endpoint.calls().iter().any(is_it) {
        assert!(
            began.elapsed() < CALL_TIMEOUT
                && child.try_wait().expect("the child can be waited for").is_none(),
            "{step} was not called"
        );
        thread::sleep(Duration::from_millis(1));
    }
    fixture.endpoint.set_update_duration(Duration::ZERO);
    // AWS rejects the change while our own is in progress.
    while fixture.endpoint.perform("PUT", target, body.parse().expect("JSON")).is_err() {
        assert!(began.elapsed() < CALL_TIMEOUT, "the other client's change was not accepted");
        thread::sleep(Duration::from_millis(1));
    }
    let ended = PluginOutput::of(child, began);
    ended.check(&[]);
    if ended.code() == "conflict" {
        return;
    }
    let story = story(&fixture.endpoint.calls());
    assert_eq!(ended.outcome(), "deployed", "{story}\n{}", ended.stdout);
    let version = ended.finished()["version"].as_str().expect("published").to_owned();
    for name in ["f".to_owned(), format!("f:{version}")] {
        let live = fixture.endpoint.function(&name).expect("it exists")["Configuration"].clone();
        let settings = (&live["Timeout"], &live["Environment"]["Variables"]["STAGE"]);
        assert_eq!(settings, (&json!(11), &json!("new")), "settings of {name}: {story}");
        assert_eq!(
            live["CodeSha256"],
            ended.event("packaged").expect("the event exists")["code_sha256"],
            "code of {name}: {story}"
        );
    }
}

#[test]
fn a_variable_that_another_client_adds_before_our_update_survives_a_merge() {
    for tags in [None, Some(json!({"team": "b"}))] {
        let mut fixture = fixture(&UPDATE);
        let variables = json!({"Environment": {"Variables": {"STAGE": "old", "THEIRS": "1"}}});
        let members = fixture.request.as_object_mut().expect("an object");
        members.remove("function_url");
        members.insert("function_tags".to_owned(), tags.unwrap_or_default());
        members.insert("merge_environment".to_owned(), json!(true));
        let mut child = fixture.start();
        assert!(fixture.wait_for_call_number(0, &mut child), "ended before its update");
        fixture.endpoint.set_update_duration(Duration::ZERO);
        fixture.endpoint.perform("PUT", STRANGERS[0].0, variables).expect("AWS would take it");
        let ended = PluginOutput::ended(child);
        let live = fixture.endpoint.function("f").expect("it exists")["Configuration"]["Environment"].clone();
        let is_merged = live["Variables"] == json!({"STAGE": "new", "THEIRS": "1"});
        assert!(is_merged || ended.code() == "conflict", "{live}: {}", story(&fixture.endpoint.calls()));
    }
}

#[test]
#[ignore = "second tier: long"]
fn many_deployments_share_the_accounts_rate() {
    let settings =
        Settings { calls_per_second: Some(15), get_function_per_second: Some(100), ..Settings::default() };
    let (endpoint, directory) = (Endpoint::start(settings).expect("a free port"), build_directory());
    let names: Vec<String> = (0..20).map(|number| format!("f{number}")).collect();
    names.iter().skip(1).step_by(2).for_each(|name| seed(&endpoint, name));
    let began = Instant::now();
    let ended = at_once(&names, |name| {
        let mut request = request(&endpoint);
        (request["function_name"], request["timeout"], request["publish"]) =
            (json!(name), json!(11), json!(true));
        PluginCommand::new(&[]).directory(directory.path()).run(&request)
    });
    let (elapsed, calls) = (began.elapsed(), endpoint.calls());
    let throttled = calls.iter().filter(|call| call.status == 429).count();
    println!(
        "{} deployments in {elapsed:.1?}: {} calls, {throttled} of them throttled",
        names.len(),
        calls.len()
    );
    let mut wrong = Vec::new();
    for (name, ended) in names.iter().zip(&ended) {
        let live = endpoint.function(&format!("{name}:1")).unwrap_or_default()["Configuration"].clone();
        let is_live = live["Timeout"] == 11 && live["CodeSha256"] == ended.finished()["code_sha256"];
        if ended.outcome() != "deployed" || !is_live {
            wrong.push(format!("{name}: {}", ended.finished()));
        }
    }
    conclude("deployments", names.len(), &wrong);
    assert!(elapsed < Duration::from_secs(60), "{elapsed:?}");
}
