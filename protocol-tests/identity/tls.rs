//! Tests TLS against an endpoint whose certificate comes from a test authority.
//! The machine does not trust that authority; only `AWS_CA_BUNDLE` can.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::recorder::{Answer, Recorder};
use super::sources::{Home, Keys, ROLE, ROLE_KEYS, address_of, sts};
use super::{Scenario, extend, stanza};
use crate::emulators::Emulator;
use crate::fixture::check_each;
use crate::plugin::PluginOutput;
use crate::tools;

const PROTOCOL_TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests");

pub(super) const JOB: Keys = Keys::lasting("AKIAKEYSOFATLSJOB001");

/// A Python interpreter with the package `cryptography`, a dependency of moto.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    // Starting moto first ensures that only one thread creates the virtual environment of the emulators.
    drop(Emulator::moto());
    tools::python(&Path::new(PROTOCOL_TESTS).join("emulators/requirements.txt"), "emulators")
});

/// A process that terminates TLS in front of a server. It ends when this value is dropped.
pub(super) struct Front {
    child: Child,
    port: u16,
    files: TempDir,
}

impl Front {
    /// Starts it with a certificate for `localhost` and 127.0.0.1.
    fn before(upstream: SocketAddr) -> Self {
        Self::named(&["localhost"], upstream)
    }

    /// Starts it with a certificate for these host names and 127.0.0.1.
    pub(super) fn named(hosts: &[&str], upstream: SocketAddr) -> Self {
        let files = TempDir::new().expect("a temporary directory");
        let mut command = Command::new(&*PYTHON);
        command.arg(Path::new(PROTOCOL_TESTS).join("identity/tls_front.py"));
        command.arg(files.path()).arg(upstream.port().to_string()).args(hosts);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Python starts");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut port)
            .expect("a line with the port");
        Front { child, port: port.trim().parse().expect("a port"), files }
    }

    pub(super) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The file with the certificate of the test authority.
    pub(super) fn bundle(&self) -> PathBuf {
        self.files.path().join("authority.pem")
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.port)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        crate::emulators::end(&mut self.child);
    }
}

/// Deploys to this URL with these additional variables of the job.
fn deploy(url: &str, variables: &Value) -> PluginOutput {
    let scenario = Scenario::new();
    let mut request = stanza(scenario.env(url));
    extend(&mut request, &json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret()}));
    extend(&mut request["env"], &json!({"NO_PROXY": "localhost,127.0.0.1"}));
    extend(&mut request["env"], variables);
    scenario.run(&[], &request)
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn an_authority_of_ones_own_is_trusted_by_aws_ca_bundle() {
    let endpoint = JOB.endpoint("us-east-1");
    let front = Front::before(address_of(&endpoint.url()));
    for (host, outcome) in [("localhost", "deployed"), ("127.0.0.1", "unchanged")] {
        let ended = deploy(&front.url(host), &json!({"AWS_CA_BUNDLE": front.bundle()}));
        assert_eq!(ended.outcome(), outcome, "{host}: {}", ended.stdout);
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_certificate_of_nobodys_or_for_another_name_is_a_failure_that_says_so() {
    let endpoint = JOB.endpoint("us-east-1");
    let (front, other) =
        (Front::before(address_of(&endpoint.url())), Front::before(address_of(&endpoint.url())));
    let proxy = Recorder::start({
        let to = front.address();
        move |_| Answer::Tunnel(to)
    });
    let (localhost, elsewhere) = (front.url("localhost"), "https://elsewhere.invalid".to_owned());
    let rows = [
        ("system certificates", &localhost, json!({}), "UnknownIssuer"),
        ("an empty path counts as unset", &localhost, json!({"AWS_CA_BUNDLE": ""}), "UnknownIssuer"),
        ("a different authority", &localhost, json!({"AWS_CA_BUNDLE": other.bundle()}), "UnknownIssuer"),
        (
            "a different host name",
            &elsewhere,
            json!({"AWS_CA_BUNDLE": front.bundle(), "HTTPS_PROXY": proxy.url()}),
            "not valid for name",
        ),
    ];
    // The runs are concurrent, because each of them retries for some time.
    let name = |(name, ..): &(&str, &String, Value, &str)| (*name).to_owned();
    check_each(&rows, rows.len(), name, |(_, address, env, cause)| {
        let ended = deploy(address, env);
        let end = (ended.code(), ended.status.code());
        assert_eq!(end, ("certificate-not-trusted", Some(1)), "{}", ended.finished());
        let causes = ended.finished()["error"]["caused_by"].to_string();
        assert!(causes.contains("certificate") && causes.contains(cause), "{}", ended.finished());
    });
    assert_eq!(endpoint.calls().len(), 0);
    println!("{} untrusted certificates", rows.len());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_bundle_is_taken_for_what_is_good_in_it_and_refused_where_nothing_is() {
    let endpoint = JOB.endpoint("us-east-1");
    let front = Front::before(address_of(&endpoint.url()));
    let good = fs::read_to_string(front.bundle()).expect("readable");
    let key = fs::read_to_string(front.files.path().join("front.pem")).expect("readable");
    let key = &key[..key.find("-----BEGIN CERTIFICATE-----").expect("the file has a key and a certificate")];
    let block = |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let home = Home::new("", "");
    let mut expected = "deployed";
    for (name, text, is_good) in [
        ("text around the certificate", format!("# an authority\n\n{good}\nand an end"), true),
        ("CRLF", good.replace('\n', "\r\n"), true),
        ("invalid DER before", block("Z2FyYmFnZQ==") + &good, true),
        ("invalid DER after", good.clone() + &block("Z2FyYmFnZQ=="), true),
        ("invalid base64 before", block("*** garbage ***") + &good, true),
        ("invalid base64 after", good.clone() + &block("*** garbage ***"), true),
        ("a key before", key.to_owned() + &good, true),
        ("the certificate twice", good.clone() + &good, true),
        ("an unterminated certificate after", good.clone() + "-----BEGIN CERTIFICATE-----\nZ2Fy\n", true),
        ("a byte that is not UTF-8", good.clone(), true),
        ("an empty file", String::new(), false),
        ("only text", "not a certificate".to_owned(), false),
        ("only invalid DER", block("Z2FyYmFnZQ=="), false),
        ("only a key", key.to_owned(), false),
    ] {
        let mut bytes = text.into_bytes();
        if name == "a byte that is not UTF-8" {
            bytes.splice(0..0, *b"\xe9\xff\n");
        }
        let path = home.file("bundle.pem", "");
        fs::write(&path, bytes).expect("writable");
        let ended = deploy(&front.url("localhost"), &json!({"AWS_CA_BUNDLE": path}));
        if is_good {
            assert_eq!(ended.outcome(), expected, "{name}: {}", ended.stdout);
            expected = "unchanged";
        } else {
            assert_eq!(
                (ended.code(), ended.status.code()),
                ("bad-ca-bundle", Some(2)),
                "{name}: {}",
                ended.stdout
            );
        }
    }
    let calls = endpoint.calls().len();
    for path in ["/nowhere/at/all.pem", "/"] {
        let ended = deploy(&front.url("localhost"), &json!({"AWS_CA_BUNDLE": path}));
        assert_eq!(
            (ended.code(), ended.status.code()),
            ("bad-ca-bundle", Some(2)),
            "{path}: {}",
            ended.stdout
        );
        let message = ended.finished()["error"]["message"].as_str().expect("a string");
        assert!(message.contains(path), "{message}");
    }
    assert_eq!(endpoint.calls().len(), calls, "no request to Lambda");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn sts_is_asked_behind_the_same_authority() {
    let (endpoint, sts) = (ROLE_KEYS.endpoint("us-east-1"), sts());
    let front = Front::before(sts.address());
    let scenario = Scenario::new();
    let mut request = stanza(scenario.env(&endpoint.url()));
    let more = json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret(), "role_to_assume": ROLE});
    extend(&mut request, &more);
    let variables = json!({
        "AWS_ENDPOINT_URL_STS": front.url("localhost"), "AWS_CA_BUNDLE": front.bundle(), "NO_PROXY": "localhost",
    });
    extend(&mut request["env"], &variables);
    let ended = scenario.run(&[], &request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(sts.lines(), ["POST /"]);
}
