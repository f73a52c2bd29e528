//! Who acts, and by which way: sources of credentials, roles, what AWS STS is asked, TLS and proxies.
//! Nothing leaves 127.0.0.1: whatever would meets a proxy that lets nobody through, and then the test fails.

mod proxies;
pub(crate) mod recorder;
mod refusals;
mod renewals;
mod silence;
pub(crate) mod sources;
mod table;
mod tls;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::deployments::build_directory;
use crate::plugin::{Ended, Plugin};
use recorder::Recorder;

/// A build directory, and what stands where the machine ends.
struct Stand {
    directory: TempDir,
    outside: Recorder,
}

impl Stand {
    fn new() -> Self {
        Stand { directory: build_directory(), outside: Recorder::of_nothing() }
    }

    /// The `env` of a job at that Lambda, without any identity.
    fn env(&self, lambda: &str) -> Map<String, Value> {
        sources::job_env(lambda, &self.outside)
    }

    /// Runs the program, by itself or with a command, and checks that nobody wanted to leave the machine.
    #[track_caller]
    fn run(&self, arguments: &[&str], request: &Value) -> Ended {
        self.run_as(Plugin::new(arguments), request)
    }

    #[track_caller]
    fn run_as(&self, plugin: Plugin, request: &Value) -> Ended {
        let ended = plugin.directory(self.directory.path()).run(request);
        assert_eq!(self.outside.lines(), [""; 0], "asked beyond 127.0.0.1\n{}", ended.stdout);
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

/// Adds the members of `more`.
fn extend(object: &mut Value, more: &Value) {
    let more = more.as_object().expect("an object").clone();
    object.as_object_mut().expect("an object").extend(more);
}
