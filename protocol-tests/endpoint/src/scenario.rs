//! Test fixture: an account without sockets, with a clock that the test advances. Compiled only for the tests
//! of this crate.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::account::Account;
use crate::archive;
use crate::codedeploy::target;
use crate::document::Document;
use crate::fault::{CallOutcome, ConcurrentChange};
use crate::function::Failure;
use crate::http::{Answer, Body, Head};
use crate::iam::Policy;
use crate::moment::{self, Moment};
use crate::service::Service;
use crate::settings::Settings;
use crate::sigv4::{self, Scope};
use crate::uri;

pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/run";
pub(crate) const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

/// Returns a head that is signed at the time `at`, with the keys and the region of `signer`.
pub(crate) fn signed(method: &str, target: &str, body: &[u8], signer: &Settings, at: SystemTime) -> Head {
    signed_with(&[], method, target, body, signer, at)
}

/// Like [`signed`], with these headers.
fn signed_with(
    headers: &[(&str, &str)],
    method: &str,
    target: &str,
    body: &[u8],
    signer: &Settings,
    at: SystemTime,
) -> Head {
    use sha2::{Digest, Sha256};
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let timestamp = moment::basic(at);
    let mut head = Head {
        method: method.to_owned(),
        path: path.to_owned(),
        query: uri::query(query),
        headers: vec![
            ("host".to_owned(), "127.0.0.1".to_owned()),
            ("x-amz-date".to_owned(), timestamp.clone()),
        ],
    };
    head.headers.extend(headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
    let token = signer.session_token.iter();
    head.headers.extend(token.map(|token| ("x-amz-security-token".to_owned(), token.clone())));
    let names: Vec<&str> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let service = Service::of(&head).signing_name();
    let scope = Scope { date: &timestamp[..8], region: &signer.region, service };
    let canonical = sigv4::canonical_request(&head, &names, &hex::encode(Sha256::digest(body)));
    let signature = sigv4::signature(&signer.secret_access_key, &scope, &timestamp, &canonical);
    let Scope { date, region, service } = scope;
    let credential = format!("{}/{date}/{region}/{service}/aws4_request", signer.access_key_id);
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
    head.headers.push(("authorization".to_owned(), authorization));
    head
}

/// An account with a clock that only [`TestAccount::later`] advances.
pub(crate) struct TestAccount {
    account: Account,
    now: Moment,
    call_outcome: CallOutcome,
}

impl TestAccount {
    /// Creates an account in which creations and updates take this long.
    pub(crate) fn new(create_ms: u64, update_ms: u64) -> TestAccount {
        let settings = Settings {
            create_duration: Duration::from_millis(create_ms),
            update_duration: Duration::from_millis(update_ms),
            ..Settings::default()
        };
        TestAccount::of(settings)
    }

    pub(crate) fn of(settings: Settings) -> TestAccount {
        TestAccount {
            account: Account::new(settings),
            now: Moment::now(),
            call_outcome: CallOutcome::default(),
        }
    }

    /// Creates an account with the function `f`, in which nothing takes time.
    pub(crate) fn with_function() -> TestAccount {
        let mut scenario = TestAccount::new(0, 0);
        scenario.create();
        scenario
    }

    /// Creates an account with the function `f` and its versions 1 and 2.
    pub(crate) fn with_versions(settings: Settings) -> TestAccount {
        let mut scenario = TestAccount::of(settings);
        scenario.create();
        for code in ["2", "3"] {
            let body = json!({"ZipFile": zip_file(code), "Publish": true});
            scenario.done("PUT", "/2015-03-31/functions/f/code", body);
        }
        scenario
    }

    /// Creates `f`.
    pub(crate) fn create(&mut self) -> Value {
        self.done("POST", "/2015-03-31/functions", create_request())
    }

    pub(crate) fn later(&mut self, ms: u64) {
        self.now = self.now.after(Duration::from_millis(ms));
    }

    /// Makes the states that the next calls start end as `Failed`.
    pub(crate) fn fail(&mut self, reason_code: &str) {
        self.call_outcome.ending = Some(Failure {
            reason_code: reason_code.to_owned(),
            reason: "because the test wants it".to_owned(),
        });
    }

    /// Applies a change of another client before each of the next calls. `None`: no change.
    pub(crate) fn mutate(&mut self, concurrent_change: Option<ConcurrentChange>) {
        self.call_outcome.before = concurrent_change;
    }

    /// Restricts callers to what these statements allow.
    #[track_caller]
    pub(crate) fn enforce(&mut self, statements: Value) {
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        self.account.policy = Some(Policy::read(&document).unwrap());
    }

    /// Access to the state that no request can reach.
    pub(crate) fn account(&mut self) -> &mut Account {
        &mut self.account
    }

    /// Returns status, error code (empty on success) and body.
    pub(crate) fn ask(&mut self, method: &str, target: &str, body: Value) -> (u16, String, Value) {
        let answer = self.answer(method, target, &[], body);
        let kind = answer.headers.iter().find(|(name, _)| *name == "x-amzn-errortype");
        let code = kind.and_then(|(_, kind)| kind.split(':').next()).unwrap_or_default().to_owned();
        let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        (answer.status, code, body)
    }

    /// Returns the whole answer to a request with additional headers.
    pub(crate) fn answer(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let head = signed_with(headers, method, target, &bytes, &self.account.settings, self.now.wall);
        let body = Body { length: bytes.len() as u64, bytes };
        let invoked = target.contains("/invocations");
        let document = if invoked { Document::payload(&body.bytes) } else { Document::read(&body.bytes) };
        self.account.answer(&head, &body, &document, self.call_outcome.clone(), self.now)
    }

    /// Calls CodeDeploy. Returns status, error code (empty on success) and body.
    pub(crate) fn ask_codedeploy(&mut self, operation: &str, body: Value) -> (u16, String, Value) {
        let target = format!("{}{operation}", target::PREFIX);
        let answer = self.answer("POST", "/", &[(target::HEADER, &target)], body);
        let answer = Service::CodeDeploy.encoded(&Head::default(), answer);
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        (answer.status, body["__type"].as_str().unwrap_or_default().to_owned(), body)
    }

    /// Returns the body, and panics unless the call succeeds.
    #[track_caller]
    pub(crate) fn done(&mut self, method: &str, target: &str, body: Value) -> Value {
        let (status, code, body) = self.ask(method, target, body);
        assert!(status < 300, "{status} {code} {body}");
        body
    }

    /// Panics unless the call fails with exactly this message.
    #[track_caller]
    pub(crate) fn refused(
        &mut self,
        method: &str,
        target: &str,
        body: Value,
        status_and_code: (u16, &str),
        message: &str,
    ) {
        let (status, code, body) = self.ask(method, target, body);
        assert_eq!((status, code.as_str()), status_and_code, "{body}");
        let reported = body.get("message").unwrap_or(&body["Message"]);
        assert_eq!(reported, message);
    }

    /// The current configuration of `f`.
    #[track_caller]
    pub(crate) fn configuration(&mut self) -> Value {
        self.done("GET", "/2015-03-31/functions/f/configuration", Value::Null)
    }
}

/// A CreateFunction request for `f` that AWS would accept.
pub(crate) fn create_request() -> Value {
    json!({
        "Code": {"ZipFile": zip_file("1")},
        "FunctionName": "f",
        "Handler": "index.handler",
        "Role": ROLE,
        "Runtime": "nodejs22.x",
    })
}

/// A zip in base64 whose bytes depend on `contents`.
pub(crate) fn zip_file(contents: &str) -> Value {
    json!(base64_simd::STANDARD.encode_to_string(archive::tiny(contents.as_bytes())))
}
