//! Tests how the program gets its AWS identity and reaches AWS: sources of credentials, roles, requests to
//! AWS STS, TLS and proxies. No request leaves 127.0.0.1: a request to another host goes to a proxy that
//! refuses it, and the test fails.

mod profiles;
mod proxies;
pub(crate) mod recorder;
mod refusals;
mod renewals;
mod sessions;
mod silence;
pub(crate) mod sources;
mod table;
mod tls;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::deployments::build_directory;
use crate::plugin::{PluginCommand, PluginOutput};
use recorder::Recorder;

/// A build directory, and a proxy that records and refuses every request to a host other than 127.0.0.1.
struct Scenario {
    directory: TempDir,
    outside: Recorder,
}

impl Scenario {
    fn new() -> Self {
        Scenario { directory: build_directory(), outside: Recorder::from_nothing() }
    }

    /// The `env` of a job that uses this Lambda endpoint, without credentials.
    fn env(&self, lambda: &str) -> Map<String, Value> {
        sources::job_env(lambda, &self.outside)
    }

    /// Runs the program with these arguments, and checks that it made no request to another host.
    #[track_caller]
    fn run(&self, arguments: &[&str], request: &Value) -> PluginOutput {
        self.run_as(PluginCommand::new(arguments), request)
    }

    #[track_caller]
    fn run_as(&self, plugin: PluginCommand, request: &Value) -> PluginOutput {
        let ended = plugin.directory(self.directory.path()).run(request);
        assert_eq!(
            self.outside.lines(),
            [""; 0],
            "a request to another host than 127.0.0.1\n{}",
            ended.stdout
        );
        ended
    }
}

/// A stanza that creates the function `f`.
fn stanza(env: Map<String, Value>) -> Value {
    json!({
        "function_name": "f",
        "role": "arn:aws:iam::123456789012:role/run",
        "runtime": "nodejs22.x",
        "handler_name": "handler",
        "env": env,
    })
}

/// Adds the members of `more` to `object`, replacing existing ones.
fn extend(object: &mut Value, more: &Value) {
    let more = more.as_object().expect("an object").clone();
    object.as_object_mut().expect("an object").extend(more);
}
