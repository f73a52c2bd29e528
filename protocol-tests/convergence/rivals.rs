//! Several who deploy at once: the function ends as one of them has asked for, and whoever says `deployed` is right.
//! Never prescribes which of them wins.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use lambda_endpoint::{Call, Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{PATIENCE, Stand, UPDATE, conclude, each, seed, story};
use crate::deployments::{build_directory, request};
use crate::plugin::{Ended, Plugin};

/// One of two that deploy the same function.
struct Rival {
    name: &'static str,
    timeout: u32,
    directory: TempDir,
    request: Value,
}

impl Rival {
    fn new(name: &'static str, timeout: u32, endpoint: &Endpoint) -> Self {
        let directory = build_directory();
        // Names of different lengths, so that the packages are, too, and the endpoint's record tells them apart.
        fs::write(directory.path().join("index.js"), format!("// {name}\n")).expect("written");
        let mut request = request(endpoint);
        (request["timeout"], request["environment"]) = (json!(timeout), json!({"STAGE": name}));
        Rival { name, timeout, directory, request }
    }

    fn deploy(&self) -> (Ended, Instant) {
        (Plugin::new(&[]).directory(self.directory.path()).run(&self.request), Instant::now())
    }

    /// Whether all of the function is as this one has asked for.
    fn is_live(&self, live: &Value, ended: &Ended) -> bool {
        let package = ended.event("packaged").expect("told");
        live["Timeout"] == self.timeout
            && live["Environment"]["Variables"]["STAGE"] == self.name
            && live["CodeSha256"] == package["code_sha256"]
    }
}

/// How two deployments meet.
struct Duel {
    /// How much later the second begins.
    offset: Duration,
    /// Whether the first one's code is live already, so that it plans to change the configuration alone.
    code_is_live: bool,
    /// Whether both tag the function first, which changes its revision.
    with_tags: bool,
}

#[test]
fn two_deployments_at_once_end_as_one_of_them_whole() {
    let duels: Vec<Duel> = (0..20)
        .map(|round| Duel {
            offset: Duration::from_millis(round * 5),
            code_is_live: round % 4 == 1,
            with_tags: round % 4 == 2,
        })
        .collect();
    let mut wrong = Vec::new();
    for (round, result) in each(&duels, Duel::fight).into_iter().enumerate() {
        match result {
            Ok(line) => println!("round {round}: {line}"),
            Err(words) => wrong.push(format!("round {round}: {words}")),
        }
    }
    conclude("rounds", duels.len(), &wrong);
}

impl Duel {
    /// Out comes a line that tells how it went.
    fn fight(&self) -> String {
        let endpoint = Endpoint::start(Settings::default()).expect("a free port");
        seed(&endpoint, "f");
        let mut rivals = [Rival::new("one", 11, &endpoint), Rival::new("another", 22, &endpoint)];
        if self.code_is_live {
            let mut before = rivals[0].request.clone();
            (before["timeout"], before["environment"]) = (json!(3), json!({"STAGE": "old"}));
            let ended = Plugin::new(&[]).directory(rivals[0].directory.path()).run(&before);
            assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
            endpoint.forget_calls();
        }
        if self.with_tags {
            rivals.iter_mut().for_each(|rival| rival.request["function_tags"] = json!({"stage": rival.name}));
        }
        let before = endpoint.function("f").expect("there")["Configuration"]["CodeSha256"].clone();
        endpoint.set_update_duration(Duration::from_millis(60));
        let ended = thread::scope(|scope| {
            let first = scope.spawn(|| rivals[0].deploy());
            thread::sleep(self.offset);
            let second = rivals[1].deploy();
            [first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), second]
        });
        let (calls, live) = (endpoint.calls(), endpoint.function("f").expect("there")["Configuration"].clone());
        let told = self.told(&rivals, &ended);
        let story = format!("{told}: {}", story(&calls));

        let sha256 = |ended: &Ended| ended.event("packaged").expect("told")["code_sha256"].clone();
        for (rival, (ended, _)) in rivals.iter().zip(&ended) {
            assert!(ended.outcome() == "deployed" || ended.code() == "conflict", "{story}\n{}", ended.stdout);
            assert!(ended.elapsed < Duration::from_secs(60), "too long: {story}");
            let zip_bytes = &ended.event("packaged").expect("told")["zip_bytes"];
            let is_its_own = |call: &&Call| call.operation == "UpdateFunctionCode" && *zip_bytes == call.code_bytes;
            let was_put = calls.iter().filter(is_its_own).any(|call| call.status == 200);
            let was_live = was_put || sha256(ended) == before;
            assert!(was_live || ended.outcome() != "deployed", "`{}` was never live: {story}", rival.name);
        }
        let live_ones = (0..2).filter(|side| rivals[*side].is_live(&live, &ended[*side].0));
        let [is_live] = live_ones.collect::<Vec<_>>()[..] else {
            let owner = ended.iter().position(|(ended, _)| sha256(ended) == live["CodeSha256"]);
            let code = owner.map_or("nobody", |side| rivals[side].name);
            panic!("half and half: timeout {}, {}, code of `{code}`; {story}", live["Timeout"], live["Environment"]);
        };
        let deployed = (0..2).filter(|side| ended[*side].0.outcome() == "deployed");
        if let Some(last) = deployed.max_by_key(|side| ended[*side].1) {
            let says_so = ended[last].0.events.iter().any(|event| event["code"] == "overtaken");
            assert!(last == is_live || says_so, "the last that says `deployed` is not live: {story}");
        }
        format!("{} is live; {told}; {} calls", rivals[is_live].name, calls.len())
    }

    fn told(&self, rivals: &[Rival], ended: &[(Ended, Instant)]) -> String {
        let side = |(rival, (ended, _)): (&Rival, &(Ended, Instant))| {
            let said = if ended.code().is_empty() { ended.outcome() } else { ended.code() };
            let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
            let warnings: Vec<&str> = warnings.filter_map(|event| event["code"].as_str()).collect();
            format!("{} {said} in {:.0?}, warned {warnings:?}", rival.name, ended.elapsed)
        };
        let Duel { offset, code_is_live, with_tags } = self;
        let sides = rivals.iter().zip(ended).map(side).collect::<Vec<_>>().join("; ");
        format!("offset {offset:?}, code is live {code_is_live}, with tags {with_tags}: {sides}")
    }
}

/// What somebody else does, each in a call that is over at once.
const STRANGERS: [(&str, &str); 2] = [
    ("/2015-03-31/functions/f/configuration", r#"{"Timeout": 99, "Environment": {"Variables": {"STAGE": "theirs"}}}"#),
    ("/2015-03-31/functions/f/code", r#"{"S3Bucket": "theirs", "S3Key": "f.zip"}"#),
];

#[test]
fn what_somebody_else_changes_behind_a_step_is_not_deployed_as_ours() {
    let steps = ["UpdateFunctionConfiguration", "UpdateFunctionCode"];
    let points: Vec<_> = steps.iter().flat_map(|step| STRANGERS.map(|stranger| (*step, stranger))).collect();
    let mut wrong = Vec::new();
    for (point, result) in points.iter().zip(each(&points, |(step, stranger)| meddle(step, *stranger))) {
        let (step, (target, _)) = point;
        wrong.extend(result.err().map(|words| format!("{target} behind {step}: {words}")));
    }
    conclude("changes", points.len(), &wrong);
}

/// Somebody else's change as soon as our own is live, and before we have looked.
fn meddle(step: &str, (target, body): (&str, &str)) {
    let stand = Stand::new(&UPDATE);
    let mut child = stand.start();
    let is_it = |call: &Call| call.operation == step && call.status == 200;
    let began = Instant::now();
    while !stand.endpoint.calls().iter().any(is_it) {
        assert!(began.elapsed() < PATIENCE && child.try_wait().expect("ours").is_none(), "{step} does not come");
        thread::sleep(Duration::from_millis(1));
    }
    stand.endpoint.set_update_duration(Duration::ZERO);
    // Refused while our own is in progress.
    while stand.endpoint.perform("PUT", target, body.parse().expect("JSON")).is_err() {
        assert!(began.elapsed() < PATIENCE, "their change is not taken");
        thread::sleep(Duration::from_millis(1));
    }
    let ended = Ended::of(child, began);
    ended.check(&[]);
    if ended.code() == "conflict" {
        return;
    }
    let story = story(&stand.endpoint.calls());
    assert_eq!(ended.outcome(), "deployed", "{story}\n{}", ended.stdout);
    let version = ended.finished()["version"].as_str().expect("published").to_owned();
    for name in ["f".to_owned(), format!("f:{version}")] {
        let live = stand.endpoint.function(&name).expect("there")["Configuration"].clone();
        let settings = (&live["Timeout"], &live["Environment"]["Variables"]["STAGE"]);
        assert_eq!(settings, (&json!(11), &json!("new")), "settings of {name}: {story}");
        assert_eq!(
            live["CodeSha256"],
            ended.event("packaged").expect("told")["code_sha256"],
            "code of {name}: {story}"
        );
    }
}

#[test]
fn a_variable_that_somebody_else_adds_before_our_update_survives_a_merge() {
    for tags in [None, Some(json!({"team": "b"}))] {
        let mut stand = Stand::new(&UPDATE);
        let variables = json!({"Environment": {"Variables": {"STAGE": "old", "THEIRS": "1"}}});
        let members = stand.request.as_object_mut().expect("an object");
        members.remove("function_url");
        members.insert("function_tags".to_owned(), tags.unwrap_or_default());
        members.insert("merge_environment".to_owned(), json!(true));
        let mut child = stand.start();
        assert!(stand.heard(0, &mut child), "ended before its update");
        stand.endpoint.set_update_duration(Duration::ZERO);
        stand.endpoint.perform("PUT", STRANGERS[0].0, variables).expect("AWS would take it");
        let ended = Ended::of(child, Instant::now());
        ended.check(&[]);
        let live = stand.endpoint.function("f").expect("there")["Configuration"]["Environment"].clone();
        let is_merged = live["Variables"] == json!({"STAGE": "new", "THEIRS": "1"});
        assert!(is_merged || ended.code() == "conflict", "{live}: {}", story(&stand.endpoint.calls()));
    }
}

#[test]
fn many_deployments_share_the_accounts_rate() {
    let settings = Settings { calls_per_second: Some(15), get_function_per_second: Some(100), ..Settings::default() };
    let (endpoint, directory) = (Endpoint::start(settings).expect("a free port"), build_directory());
    let names: Vec<String> = (0..20).map(|number| format!("f{number}")).collect();
    names.iter().skip(1).step_by(2).for_each(|name| seed(&endpoint, name));
    let began = Instant::now();
    let ended: Vec<Ended> = thread::scope(|scope| {
        let deploy = |name: &String| {
            let mut request = request(&endpoint);
            (request["function_name"], request["timeout"], request["publish"]) = (json!(name), json!(11), json!(true));
            Plugin::new(&[]).directory(directory.path()).run(&request)
        };
        let running: Vec<_> = names.iter().map(|name| scope.spawn(move || deploy(name))).collect();
        running.into_iter().map(|run| run.join().expect("no panic")).collect()
    });
    let (elapsed, calls) = (began.elapsed(), endpoint.calls());
    let throttled = calls.iter().filter(|call| call.status == 429).count();
    println!("{} deployments in {elapsed:.1?}: {} calls, {throttled} of them throttled", names.len(), calls.len());
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
