//! Starts the endpoint and gives tests access to its state. Never outlives its [`Endpoint`]: dropping the
//! value closes the listener and all connections.
#![expect(clippy::disallowed_methods, reason = "the listener and its threads are here")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use crate::account::Arguments;
use crate::alarm::Alarm;
use crate::archive;
use crate::codedeploy::group::DeploymentGroup;
use crate::document::Document;
use crate::fault::Fault;
use crate::function::Phase;
use crate::iam::Policy;
use crate::invocation::Invocation;
use crate::metrics::Metrics;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::route;
use crate::server::{Call, Shared};
use crate::settings::Settings;
use crate::uri;

/// A Lambda control plane that listens on its own port of 127.0.0.1 until it is dropped.
pub struct Endpoint {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Starts listening. Fails if no port can be bound.
    pub fn start(settings: Settings) -> io::Result<Endpoint> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(settings));
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Endpoint { address, shared, accepting: Some(accepting) })
    }

    /// The endpoint URL for an SDK: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every call so far, in the order of the answers. Includes the calls whose connection a fault cut.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls().clone()
    }

    /// The number of calls of this operation, such as `GetFunction`.
    pub fn count(&self, operation: &str) -> usize {
        self.shared.calls().iter().filter(|call| call.operation == operation).count()
    }

    /// Clears the list of calls. Functions and faults stay.
    pub fn forget_calls(&self) {
        self.shared.calls().clear();
    }

    /// A function as GetFunction answers it now: `Configuration`, `Code`, `Tags`, `Concurrency`. Includes its
    /// variables even if they are hidden from callers. `name` is `f`, `f:1` or an ARN. `None`: the function
    /// does not exist. Records no call.
    pub fn function(&self, name: &str) -> Option<Value> {
        let none = json!({});
        let arguments = arguments(name, &none, None);
        self.shared.account().get_function(&arguments).ok()
    }

    /// The zip of a function or of a version (`f:1`). `None`: the function does not exist, or its code comes
    /// from S3 or is an image.
    pub fn code(&self, name: &str) -> Option<Vec<u8>> {
        let mut account = self.shared.account();
        let name = account.name(name).ok()?;
        let function = account.function(&name, Moment::now()).ok()?;
        let version = function.version(name.qualifier.as_deref()).ok()?;
        version.code.zip.as_ref().map(|zip| zip.to_vec())
    }

    /// Creates a function that is already Active, from the body of a CreateFunction request. Without `Code`
    /// it gets a tiny zip. Fails with AWS's message if AWS would reject the request.
    pub fn seed(&self, create_request: Value) -> Result<(), String> {
        let mut document = Document::from_value(create_request);
        if document.json["Code"].is_null() && document.json.is_object() {
            document.json["Code"] = json!({});
            document.code = Some(Arc::from(archive::tiny(b"export const handler = async () => 'seeded'\n")));
        }
        let arguments = arguments("", &document.json, Some(&document));
        let created = self.shared.account().create(&arguments, Duration::ZERO);
        created.map(drop).map_err(|refusal: Refusal| refusal.wire().2)
    }

    /// Runs an operation directly and returns AWS's answer, to prepare the state before a test:
    /// `perform("PUT", "/2017-10-31/functions/f/concurrency", …)`, or for CodeDeploy `perform("POST",
    /// "CodeDeploy_20141006.ListDeployments", …)`. Checks no signature, applies no fault and
    /// no quota, and records no call. Fails with AWS's message.
    pub fn perform(&self, method: &str, target: &str, body: Value) -> Result<Value, String> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let words = |refusal: Refusal| refusal.wire().2;
        let route = route::route(method, path).ok_or_else(|| words(Refusal::UnknownOperation))?;
        let document = Document::from_value(body);
        let query = uri::query(query);
        let arguments = Arguments {
            item: &route.item,
            query: &query,
            ..arguments(&route.subject, &document.json, Some(&document))
        };
        let answer = self.shared.account().perform(&route, &arguments).map_err(words)?;
        Ok(serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    /// Hides a function's variables from callers, as AWS does if they may not decrypt them, or shows them
    /// again. Fails if the function does not exist.
    pub fn hide_environment(&self, name: &str, hidden: bool) -> Result<(), String> {
        let mut account = self.shared.account();
        let function = account.name(name).and_then(|name| account.function(&name, Moment::now()));
        let function = function.map_err(|refusal| refusal.wire().2)?;
        function.hides_environment = Some(hidden);
        Ok(())
    }

    /// Sets the durable executions of a version (`f:1`): one for each status, such as `RUNNING`. Fails if the
    /// version does not exist.
    pub fn set_executions(&self, name: &str, statuses: &[&str]) -> Result<(), String> {
        let words = |refusal: Refusal| refusal.wire().2;
        let mut account = self.shared.account();
        let name = account.name(name).map_err(words)?;
        let function = account.function(&name, Moment::now()).map_err(words)?;
        let version = function.version(name.qualifier.as_deref()).map_err(words)?.name();
        let statuses = statuses.iter().map(|&status| status.to_owned()).collect();
        function.executions.insert(version, statuses);
        Ok(())
    }

    /// Makes a function or a version (`f:1`) idle: it is `Inactive` until a call wakes it, which takes
    /// `wakes_in`. Fails if it does not exist.
    pub fn idle(&self, name: &str, wakes_in: Duration) -> Result<(), String> {
        self.set_phase(name, Phase::Idle { wakes_in })
    }

    /// Puts a function or a version into a fixed state, such as `Deleting`, until another state is set.
    /// `Active` restores normal behaviour. Fails if it does not exist.
    pub fn set_state(&self, name: &str, state: &str) -> Result<(), String> {
        let reported = Phase::Fixed { state: state.to_owned() };
        self.set_phase(name, if state == "Active" { Phase::Active } else { reported })
    }

    fn set_phase(&self, name: &str, phase: Phase) -> Result<(), String> {
        let words = |refusal: Refusal| refusal.wire().2;
        let mut account = self.shared.account();
        let name = account.name(name).map_err(words)?;
        let function = account.function(&name, Moment::now()).map_err(words)?;
        function.version_mut(name.qualifier.as_deref()).map_err(words)?.phase = phase;
        Ok(())
    }

    /// Restricts callers to what this identity policy allows, evaluated as IAM does. Before the first call
    /// everything is allowed. AWS's messages name the caller `user/ci`. The policy does not apply to the
    /// other methods of this type.
    ///
    /// Panics if the document is malformed or uses a feature that the endpoint does not support, because it
    /// would then allow or deny silently.
    ///
    /// ```
    /// # let endpoint = lambda_endpoint::Endpoint::start(lambda_endpoint::Settings::default())?;
    /// endpoint.enforce(serde_json::json!({
    ///     "Version": "2012-10-17",
    ///     "Statement": [{"Effect": "Allow", "Action": "lambda:Get*", "Resource": "arn:aws:lambda:*:*:function:f"}],
    /// }));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn enforce(&self, policy: Value) {
        match Policy::read(&policy) {
            Ok(policy) => self.shared.account().policy = Some(policy),
            Err(problem) => panic!("{problem}"),
        }
    }

    /// Removes the policy, so that callers may do everything again.
    pub fn permit_everything(&self) {
        self.shared.account().policy = None;
    }

    /// Sets the answer of matching invocations. If several answers match, the last one added applies.
    pub fn answer_invocations(&self, invocation: Invocation) {
        self.shared.account().invocations.add(invocation);
    }

    /// Adds a deployment group of CodeDeploy, or replaces the one of the same name. Also applies to
    /// deployments that are in progress.
    pub fn set_deployment_group(&self, group: DeploymentGroup) {
        let mut account = self.shared.account();
        let groups = &mut account.deployment_groups;
        groups.retain(|other| (&other.application, &other.name) != (&group.application, &group.name));
        groups.push(group);
    }

    /// Sets a CloudWatch alarm. Replaces the one of the same name.
    pub fn set_alarm(&self, alarm: Alarm) {
        self.shared.account().cloud_watch.set_alarm(alarm);
    }

    /// Sets the CloudWatch metrics of a version. Replaces those set before.
    pub fn set_metrics(&self, metrics: Metrics) {
        self.shared.account().cloud_watch.set_metrics(metrics);
    }

    /// Adds a fault. Faults apply in the order in which they were added, one per call.
    pub fn fault(&self, fault: Fault) {
        self.shared.script().add(fault, None);
    }

    /// Adds a fault that counts and affects only calls whose path names this function.
    pub fn fault_function(&self, function: &str, fault: Fault) {
        self.shared.script().add(fault, Some(function));
    }

    /// The number of calls that faults of the kind [`FaultKind::Hold`](crate::FaultKind::Hold) hold now.
    pub fn held_calls(&self) -> u32 {
        self.shared.held()
    }

    /// Lets all calls go that faults of the kind [`FaultKind::Hold`](crate::FaultKind::Hold) hold.
    pub fn let_go(&self) {
        self.shared.let_go();
    }

    /// Changes how long an update takes. Applies from the next update on.
    pub fn set_update_duration(&self, duration: Duration) {
        self.shared.account().settings.update_duration = duration;
    }

    /// Changes how long CodeDeploy leaves traffic at a share. Applies from the next deployment on.
    pub fn set_shift_duration(&self, duration: Duration) {
        self.shared.account().settings.shift_duration = duration;
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shared.close();
        // The connection wakes the accepting thread, which then sees the closing flag. If it fails, the
        // listener is already gone.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_closing() {
            return;
        }
        // An error here is a connection that broke before it was accepted, or too many open files, which is
        // temporary.
        let Ok(stream) = stream else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let shared = Arc::clone(shared);
        thread::spawn(move || shared.serve(stream));
    }
}

/// Builds the arguments of a call that the test makes directly, without a request.
fn arguments<'a>(subject: &'a str, body: &'a Value, document: Option<&'a Document>) -> Arguments<'a> {
    Arguments {
        subject,
        item: "",
        query: &[],
        headers: &[],
        body,
        code: document.and_then(|document| document.code.as_ref()),
        now: Moment::now(),
        ending: None,
        trusted: true,
    }
}
