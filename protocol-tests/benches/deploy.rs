//! Benchmark of deployments, compared with AWS's own command line and its waits: `cargo bench --bench
//! deploy`.
//!
//! The tests' endpoint, which is part of this process, needs 30 ms for a call and 1,500 ms for an update or a
//! creation. The plugin packages a directory and compares it with the current code. The peer, `aws`, uploads
//! an existing archive and waits with `aws lambda wait`: once with `function-updated`, as in AWS's guides,
//! which polls every 5 s, and once with its faster second version, which polls every second. The benchmark
//! runs five rounds, alternates the programs, and prints medians. Each run has a new endpoint.
//!
//! The bound is the shortest possible time of a program that waits for each update: the duration of the
//! updates, and 30 ms for each call that must follow another one. These calls are one read, each update, and
//! after each update the read that sees its end.
//!
//! Needs Python 3 and PyPI, which provides awscli. `BENCH_DEPLOY=both`, `code`, `unchanged` or `created`
//! selects one deployment. Fails if a run ends while its update is in progress, or if a target is missed.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark makes files, starts programs, times them and prints"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};

#[path = "peer.rs"]
mod peer;
#[path = "../tools.rs"]
mod tools;

const ROUNDS: usize = 5;
const LATENCY: Duration = Duration::from_millis(30);
const UPDATE: Duration = Duration::from_millis(1500);
const ROLE: &str = "arn:aws:iam::123456789012:role/run";
const PLUGIN: &str = env!("CARGO_BIN_EXE_dpl-lambda");

/// The largest accepted distance of the plugin from the bound.
enum Target {
    /// At most this multiple of the bound.
    Ratio(f64),
    /// At most this much above the bound.
    Above(Duration),
}

/// A deployment and its initial state.
struct Deployment {
    name: &'static str,
    title: &'static str,
    /// True if the function exists, with other code and another timeout than the deployed ones.
    over_another: bool,
    /// True if the same program has already made the same deployment.
    over_itself: bool,
    /// The `timeout` in the plugin's stanza.
    timeout: Option<u64>,
    /// The peer's commands, each without the leading `aws lambda`.
    peer: &'static [&'static str],
    /// The number of updates or creations to wait for.
    updates: u32,
    target: Target,
}

const UPDATE_CONFIGURATION: &str = "update-function-configuration --function-name f --timeout 11";
const UPDATE_CODE: &str = "update-function-code --function-name f --zip-file fileb://f.zip";
const WAIT_UPDATED: &str = "wait function-updated-v2 --function-name f";

const DEPLOYMENTS: [Deployment; 4] = [
    Deployment {
        name: "both",
        title: "configuration and code changed",
        over_another: true,
        over_itself: false,
        timeout: Some(11),
        peer: &[UPDATE_CONFIGURATION, WAIT_UPDATED, UPDATE_CODE, WAIT_UPDATED],
        updates: 2,
        target: Target::Ratio(1.12),
    },
    Deployment {
        name: "code",
        title: "code changed",
        over_another: true,
        over_itself: false,
        timeout: None,
        peer: &[UPDATE_CODE, WAIT_UPDATED],
        updates: 1,
        target: Target::Ratio(1.15),
    },
    Deployment {
        name: "unchanged",
        title: "nothing changed",
        over_another: true,
        over_itself: true,
        timeout: Some(11),
        // The peer does not compare, so it updates everything again.
        peer: &[UPDATE_CONFIGURATION, WAIT_UPDATED, UPDATE_CODE, WAIT_UPDATED],
        updates: 0,
        target: Target::Above(Duration::from_millis(25)),
    },
    Deployment {
        name: "created",
        title: "created",
        over_another: false,
        over_itself: false,
        timeout: Some(11),
        peer: &[
            "create-function --function-name f --role arn:aws:iam::123456789012:role/run --runtime nodejs22.x \
             --handler index.handler --timeout 11 --zip-file fileb://f.zip",
            "wait function-active-v2 --function-name f",
        ],
        updates: 1,
        target: Target::Ratio(1.15),
    },
];

/// The plugin must be at least this many times faster than the peer with AWS's usual waits. With the faster
/// waits this is impossible: the ratio of the peer's time to the bound is the upper limit.
const LEAD: f64 = 3.0;

fn main() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-deploy");
    fs::create_dir_all(scratch.join("f")).expect("created");
    fs::write(scratch.join("f/index.js"), "exports.handler = async () => 'hello'\n").expect("written");
    fs::write(scratch.join("f/noise.bin"), peer::noise(1_000_000, 1)).expect("written");
    let bench = Bench { aws: peer::aws(), scratch };
    bench.write_request(&json!({"function_name": "f", "zip": "f"}));
    bench.run(&mut bench.plugin(&["package", "--output", "f.zip"]));
    let wanted = std::env::var("BENCH_DEPLOY").unwrap_or_default();
    let picked = DEPLOYMENTS.iter().filter(|deployment| wanted.is_empty() || deployment.name == wanted);
    let missed: Vec<String> = picked.flat_map(|deployment| bench.compare(deployment)).collect();
    assert!(missed.is_empty(), "targets missed: {}", missed.join("; "));
}

/// The paths that the benchmark uses.
struct Bench {
    /// The peer's program.
    aws: PathBuf,
    scratch: PathBuf,
}

/// The measurements of one run.
#[derive(Clone, Copy)]
struct Run {
    wall: Duration,
    calls: usize,
    bytes: u64,
}

impl Bench {
    /// Measures one deployment with all programs, prints the results, and returns the missed targets.
    fn compare(&self, deployment: &Deployment) -> Vec<String> {
        let (mut ours, mut theirs, mut quicker) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(self.by_plugin(deployment));
            theirs.push(self.by_aws(deployment, ""));
            quicker.push(self.by_aws(deployment, "-v2"));
        }
        let (ours, theirs, quicker) = (median(ours), median(theirs), median(quicker));
        let bound = UPDATE * deployment.updates + LATENCY * (1 + 2 * deployment.updates);
        let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
        println!(
            "{}: the bound is {:.3} s, {:.2} x aws's speed",
            deployment.title,
            bound.as_secs_f64(),
            ratio(theirs.wall, bound)
        );
        for (name, run) in [("dpl-lambda", ours), ("aws, waits", theirs), ("aws, -v2 waits", quicker)] {
            println!(
                "  {name:<14} {:>6.3} s, {:>2} calls, {:>8} bytes uploaded, {:>5.2} x the bound, {:>5.2} x aws's speed",
                run.wall.as_secs_f64(),
                run.calls,
                run.bytes,
                ratio(run.wall, bound),
                ratio(theirs.wall, run.wall),
            );
        }
        let name = deployment.name;
        let far = match deployment.target {
            Target::Ratio(most) if ratio(ours.wall, bound) > most => {
                Some(format!("{name} is {:.2} x the bound, not {most}", ratio(ours.wall, bound)))
            }
            Target::Above(most) if ours.wall > bound + most => {
                Some(format!("{name} is {:.1?} above the bound, not {most:?}", ours.wall - bound))
            }
            Target::Ratio(_) | Target::Above(_) => None,
        };
        let lead = ratio(theirs.wall, ours.wall);
        let slow = (lead < LEAD).then(|| format!("{name} is {lead:.2} x as fast as aws, not {LEAD}"));
        let chatty =
            (deployment.over_itself && ours.calls != 1).then(|| format!("{name} took {} calls", ours.calls));
        [far, slow, chatty].into_iter().flatten().collect()
    }

    fn by_plugin(&self, deployment: &Deployment) -> Run {
        let endpoint = endpoint(deployment);
        let mut request = json!({
            "function_name": "f", "role": ROLE, "runtime": "nodejs22.x", "handler_name": "handler", "zip": "f",
            "timeout": deployment.timeout, "env": {"TRAVIS_BRANCH": "master"},
        });
        for (name, value) in peer::env(&endpoint.url()) {
            request["env"][name] = json!(value);
        }
        self.write_request(&request);
        self.measure(deployment, &endpoint, &|| self.plugin(&[]))
    }

    /// `waits` is the suffix of the waiters' names.
    fn by_aws(&self, deployment: &Deployment, waits: &str) -> Run {
        let endpoint = endpoint(deployment);
        let line =
            |command: &&str| format!("{} lambda {}", self.aws.display(), command.replace("-v2", waits));
        let script = deployment.peer.iter().map(line).collect::<Vec<_>>().join(" && ");
        let command = || {
            let mut command = Command::new("sh");
            command.args(["-c", &script]).envs(peer::env(&endpoint.url()));
            command.env_remove("AWS_SESSION_TOKEN").env_remove("AWS_PROFILE").stdin(Stdio::null());
            command
        };
        self.measure(deployment, &endpoint, &command)
    }

    fn write_request(&self, request: &Value) {
        fs::write(self.scratch.join("request.json"), request.to_string()).expect("written");
    }

    /// The plugin, with the last written request as its standard input.
    fn plugin(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PLUGIN);
        let request = fs::File::open(self.scratch.join("request.json")).expect("written");
        command.args(arguments).stdin(request);
        command
    }

    fn measure(&self, deployment: &Deployment, endpoint: &Endpoint, command: &dyn Fn() -> Command) -> Run {
        if deployment.over_itself {
            endpoint.set_update_duration(Duration::ZERO);
            self.run(&mut command());
            endpoint.set_update_duration(UPDATE);
            endpoint.forget_calls();
        }
        let wall = self.run(&mut command());
        let live = endpoint.function("f").expect("deployed")["Configuration"].clone();
        assert_eq!(
            (&live["State"], &live["LastUpdateStatus"]),
            (&json!("Active"), &json!("Successful")),
            "{live}"
        );
        let calls = endpoint.calls();
        Run { wall, calls: calls.len(), bytes: calls.iter().map(|call| call.code_bytes).sum() }
    }

    /// Runs a command and returns its duration. Panics if it fails.
    fn run(&self, command: &mut Command) -> Duration {
        let began = Instant::now();
        let output = command.current_dir(&self.scratch).output().expect("the program starts");
        let wall = began.elapsed();
        assert!(output.status.success(), "{command:?}: {output:?}");
        wall
    }
}

/// Starts an endpoint with the initial state of the deployment.
fn endpoint(deployment: &Deployment) -> Endpoint {
    let settings = Settings {
        latency: LATENCY,
        update_duration: UPDATE,
        create_duration: UPDATE,
        ..Settings::default()
    };
    let endpoint = Endpoint::start(settings).expect("a free port");
    if deployment.over_another {
        endpoint
            .seed(json!({"FunctionName": "f", "Role": ROLE, "Runtime": "nodejs22.x", "Handler": "index.handler"}))
            .expect("AWS would create it");
    }
    endpoint
}

/// Returns the median of each measurement separately.
fn median(runs: Vec<Run>) -> Run {
    fn of<T: Ord + Copy>(runs: &[Run], value: fn(&Run) -> T) -> T {
        let mut values: Vec<T> = runs.iter().map(value).collect();
        values.sort_unstable();
        values[values.len() / 2]
    }
    Run {
        wall: of(&runs, |run| run.wall),
        calls: of(&runs, |run| run.calls),
        bytes: of(&runs, |run| run.bytes),
    }
}
