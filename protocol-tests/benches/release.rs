//! Benchmark of a request for many functions, compared with AWS's own command line: `cargo bench --bench
//! release`.
//!
//! 1, 20 and 50 functions exist. Each gets the same new code, or has it already. The tests' endpoint, which
//! is part of this process, needs 30 ms for a call and 1,500 ms for an update. It has AWS's quotas: 15 calls
//! a second, and 100 of GetFunction. The plugin gets one request with all functions: a list, which it deploys
//! one after the other, and a release, which it deploys side by side; another release has an alias for each
//! function. The peer, `aws`, uploads an existing archive to each function and waits with
//! `function-updated-v2`, for one function after the other and for eight at a time. It does not compare, so
//! it is measured only with new code. The plugin runs three times, and its medians are printed. The peer runs
//! once, because that takes minutes. Each run has a new endpoint.
//!
//! The bound of a list, and of the peer, is the shortest possible time of a program that deploys one function
//! after the other and waits for each update: for each function the duration of its update and 30 ms for each
//! of three calls, which are a read, the update, and the read that sees its end. Without an update it is 30
//! ms for the read. The bound of a release is the time that AWS's quotas require for its calls, one update
//! and the same 30 ms.
//!
//! The peak of the memory is that of the kernel, `VmHWM`, for the largest process of a run.
//!
//! Needs Python 3 and PyPI, which provides awscli. `BENCH_RELEASE=1`, `20` or `50` selects the number of
//! functions. Fails if a target is missed, or if AWS throttles a call of the plugin.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark makes files, starts programs, waits and prints"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};

use measured::{Run, median};

#[path = "measured.rs"]
mod measured;
#[path = "peer.rs"]
mod peer;
#[path = "../tools.rs"]
mod tools;

const ROUNDS: usize = 3;
const COUNTS: [usize; 3] = [1, 20, 50];
const LATENCY: Duration = Duration::from_millis(30);
const UPDATE: Duration = Duration::from_millis(1500);
/// AWS's quotas: calls a second, those of GetFunction and GetPolicy apart, and those of GetFunction.
const CALLS: u32 = 15;
const GET_FUNCTION_CALLS: u32 = 100;
const ROLE: &str = "arn:aws:iam::123456789012:role/run";
const PLUGIN: &str = env!("CARGO_BIN_EXE_dpl-lambda");

/// The plugin's time is at most this multiple of the bound, with new code.
const CHANGED_RATIO: f64 = 1.2;

/// The same without new code.
const UNCHANGED_RATIO: f64 = 1.5;

/// The plugin needs at most this much memory, in MiB.
const PEAK: f64 = 60.0;

fn main() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-release");
    fs::create_dir_all(scratch.join("f")).expect("created");
    fs::write(scratch.join("f/index.js"), "exports.handler = async () => 'hello'\n").expect("written");
    fs::write(scratch.join("f/noise.bin"), peer::noise(100_000, 1)).expect("written");
    let bench = Bench { aws: peer::aws(), scratch };
    bench.write_request(&json!({"function_name": "f", "zip": "f"}));
    measured::run(&bench.scratch, &[PLUGIN, "package", "--output", "f.zip"], &[]);
    let wanted = std::env::var("BENCH_RELEASE").unwrap_or_default();
    let counts = COUNTS.into_iter().filter(|count| wanted.is_empty() || count.to_string() == wanted);
    let missed: Vec<String> = counts.flat_map(|count| bench.compare(count)).collect();
    assert!(missed.is_empty(), "targets missed: {}", missed.join("; "));
}

/// The paths that the benchmark uses.
struct Bench {
    /// The peer's program.
    aws: PathBuf,
    scratch: PathBuf,
}

/// The request for many functions.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// One function after the other.
    List,
    /// All functions together.
    Release,
    /// The same, with an alias for each function.
    WithAlias,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Form::List => "a list",
            Form::Release => "a release",
            Form::WithAlias => "... with aliases",
        }
    }
}

/// One run, and the calls that reached the endpoint.
struct Release {
    run: Run,
    calls: usize,
    /// The seconds that AWS's quotas require for these calls.
    quota: f64,
    throttled: usize,
    /// Number of functions that have the new code.
    updated: usize,
}

impl Bench {
    /// Measures the deployment of `count` functions with all programs, prints the results, and returns the
    /// missed targets.
    fn compare(&self, count: usize) -> Vec<String> {
        let mut missed = Vec::new();
        for (what, is_changed) in [("new code", true), ("nothing changed", false)] {
            let title = format!("{what}, functions: {count}");
            let each = if is_changed { UPDATE + 3 * LATENCY } else { LATENCY };
            let in_sequence = each.as_secs_f64() * count as f64;
            println!("{title}: the bound in sequence is {in_sequence:.3} s");
            for form in [Form::List, Form::Release, Form::WithAlias] {
                let ours: Vec<Release> =
                    (0..ROUNDS).map(|_| self.by_plugin(count, is_changed, form)).collect();
                let run = median(&ours.iter().map(|ours| ours.run).collect::<Vec<_>>());
                let throttled = ours.iter().map(|ours| ours.throttled).max().unwrap_or_default();
                let ours = Release { run, throttled, ..ours.into_iter().next().expect("at least one round") };
                let bound = if form == Form::List { in_sequence } else { ours.quota + each.as_secs_f64() };
                print(form.name(), &ours, bound);
                let most = if is_changed { CHANGED_RATIO } else { UNCHANGED_RATIO };
                let (ratio, peak) = (ours.run.wall / bound, mebibytes(&ours.run));
                let is_one_call = is_changed || form == Form::WithAlias || ours.calls == count;
                let targets = [
                    (ratio <= most, format!("{ratio:.2} x the bound, not {most}")),
                    (peak <= PEAK, format!("{peak:.1} MiB, not {PEAK}")),
                    (ours.throttled == 0, format!("{} calls throttled", ours.throttled)),
                    (ours.updated == count, format!("{} functions updated", ours.updated)),
                    (is_one_call, format!("{} calls", ours.calls)),
                ];
                let wrong = targets.into_iter().filter(|(is_met, _)| !is_met);
                missed.extend(wrong.map(|(_, wrong)| format!("{title}: {}: {wrong}", form.name())));
            }
            if is_changed {
                print("aws, in sequence", &self.by_aws(count, 1), in_sequence);
                print("aws, 8 at a time", &self.by_aws(count, 8), in_sequence);
            }
        }
        missed
    }

    fn by_plugin(&self, count: usize, is_changed: bool, form: Form) -> Release {
        let endpoint = endpoint(count);
        if form == Form::WithAlias {
            add_aliases(&endpoint, count);
        }
        let stanza = |number: usize| {
            let mut stanza = json!({
                "function_name": format!("f{number}"), "role": ROLE, "runtime": "nodejs22.x",
                "handler_name": "handler", "zip": "f",
            });
            if form != Form::List {
                stanza["release"] = json!("all");
            }
            if form == Form::WithAlias {
                stanza["alias"] = json!("live");
            }
            stanza
        };
        let mut env = json!({"TRAVIS_BRANCH": "master"});
        for (name, value) in peer::env(&endpoint.url()) {
            env[name] = json!(value);
        }
        let stanzas: Vec<Value> = (0..count).map(stanza).collect();
        self.write_request(&json!({"env": env, "stanzas": stanzas}));
        if !is_changed {
            endpoint.set_update_duration(Duration::ZERO);
            measured::run(&self.scratch, &[PLUGIN], &[]);
            endpoint.set_update_duration(UPDATE);
            // AWS counts calls over time, so those of this preparation must not count.
            thread::sleep(Duration::from_secs(1));
            endpoint.forget_calls();
        }
        Release::of(&endpoint, count, measured::run(&self.scratch, &[PLUGIN], &[]))
    }

    /// `at_once` is the number of functions that are deployed at the same time.
    fn by_aws(&self, count: usize, at_once: usize) -> Release {
        let (endpoint, aws) = (endpoint(count), self.aws.display());
        let deploy = format!(
            "{aws} lambda update-function-code --function-name f% --zip-file fileb://f.zip && \
             {aws} lambda wait function-updated-v2 --function-name f%"
        );
        // A refused call is no failure of the benchmark: it prints how many functions were updated.
        let script = format!("seq 0 {} | xargs -P {at_once} -I % sh -c '{deploy}' || true", count - 1);
        let run = measured::run(&self.scratch, &["sh", "-c", &script], &peer::env(&endpoint.url()));
        Release::of(&endpoint, count, run)
    }

    fn write_request(&self, request: &Value) {
        fs::write(self.scratch.join("request.json"), request.to_string()).expect("written");
    }
}

impl Release {
    fn of(endpoint: &Endpoint, count: usize, run: Run) -> Self {
        let calls = endpoint.calls();
        let number = |operation: &str| calls.iter().filter(|call| call.operation == operation).count();
        let (reads, policies) = (number("GetFunction"), number("GetPolicy"));
        let others = calls.len() - reads - policies - number("Invoke");
        let per_second = |calls: usize, rate: u32| calls as f64 / f64::from(rate);
        let quota = per_second(others.max(policies), CALLS).max(per_second(reads, GET_FUNCTION_CALLS));
        let is_updated = |number: &usize| {
            let live = endpoint.function(&format!("f{number}")).expect("it exists");
            let configuration = &live["Configuration"];
            configuration["LastUpdateStatus"] == "Successful"
                && configuration["CodeSize"].as_u64().is_some_and(|bytes| bytes > 100_000)
        };
        Release {
            run,
            calls: calls.len(),
            quota,
            throttled: calls.iter().filter(|call| call.status == 429).count(),
            updated: (0..count).filter(is_updated).count(),
        }
    }
}

fn print(name: &str, release: &Release, bound: f64) {
    let Release { run, calls, throttled, updated, .. } = release;
    println!(
        "  {name:<16} {:>8.3} s, {:>5.2} x the bound, {:>7.3} s CPU, {:>6.1} MiB peak, {calls} calls, {throttled} throttled, \
         {updated} updated",
        run.wall,
        run.wall / bound,
        run.cpu,
        mebibytes(run),
    );
}

fn mebibytes(run: &Run) -> f64 {
    run.peak / 1048576.0
}

/// Starts an endpoint with the functions `f0`, `f1` and so on.
fn endpoint(count: usize) -> Endpoint {
    let settings = Settings {
        latency: LATENCY,
        update_duration: UPDATE,
        calls_per_second: Some(CALLS),
        get_function_per_second: Some(GET_FUNCTION_CALLS),
        ..Settings::default()
    };
    let endpoint = Endpoint::start(settings).expect("a free port");
    for number in 0..count {
        let name = format!("f{number}");
        endpoint
            .seed(json!({"FunctionName": name, "Role": ROLE, "Runtime": "nodejs22.x", "Handler": "index.handler"}))
            .expect("AWS would create it");
    }
    endpoint
}

/// Publishes the first version of each function, and points the alias `live` at it.
fn add_aliases(endpoint: &Endpoint, count: usize) {
    for number in 0..count {
        let alias = json!({"Name": "live", "FunctionVersion": "1"});
        for (list, body) in [("versions", json!({})), ("aliases", alias)] {
            let path = format!("/2015-03-31/functions/f{number}/{list}");
            endpoint.perform("POST", &path, body).expect("AWS would create it");
        }
    }
}
