//! An endpoint behind TLS, with a certificate that an authority of the tests has given.
//! Never trusted by the machine: only `AWS_CA_BUNDLE` makes it so.

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
use super::{Stand, extend, stanza};
use crate::emulators::Emulator;
use crate::plugin::Ended;
use crate::venv;

const PROTOCOL_TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests");

pub(super) const JOB: Keys = Keys::lasting("AKIAKEYSOFATLSJOB001");

/// A Python with `cryptography`, which moto brings.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    // The emulators' environment is made by whoever needs one first, and not by two at once.
    drop(Emulator::moto());
    venv::python(&Path::new(PROTOCOL_TESTS).join("emulators/requirements.txt"), "emulators")
});

/// Ends TLS before a server, and ends with us.
pub(super) struct Front {
    child: Child,
    port: u16,
    files: TempDir,
}

impl Front {
    /// With a certificate for `localhost` and 127.0.0.1.
    fn before(upstream: SocketAddr) -> Self {
        Self::named(&["localhost"], upstream)
    }

    /// With a certificate for these names and 127.0.0.1.
    pub(super) fn named(hosts: &[&str], upstream: SocketAddr) -> Self {
        let files = TempDir::new().expect("a temporary directory");
        let mut command = Command::new(&*PYTHON);
        command.arg(Path::new(PROTOCOL_TESTS).join("identity/tls_front.py"));
        command.arg(files.path()).arg(upstream.port().to_string()).args(hosts);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Python starts");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut port).expect("it tells its port");
        Front { child, port: port.trim().parse().expect("a port"), files }
    }

    pub(super) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The certificate that makes it trusted.
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

/// A deployment to that URL with these variables.
fn deploy(url: &str, variables: &Value) -> Ended {
    let stand = Stand::new();
    let mut request = stanza(stand.env(url));
    extend(&mut request, &json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret()}));
    extend(&mut request["env"], &json!({"NO_PROXY": "localhost,127.0.0.1"}));
    extend(&mut request["env"], variables);
    stand.run(&[], &request)
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
    let (front, other) = (Front::before(address_of(&endpoint.url())), Front::before(address_of(&endpoint.url())));
    let proxy = Recorder::start({
        let to = front.address();
        move |_| Answer::Tunnel(to)
    });
    let (localhost, elsewhere) = (front.url("localhost"), "https://elsewhere.invalid".to_owned());
    let rows = [
        ("the system's", &localhost, json!({}), "UnknownIssuer"),
        ("an empty name is none", &localhost, json!({"AWS_CA_BUNDLE": ""}), "UnknownIssuer"),
        ("another one's", &localhost, json!({"AWS_CA_BUNDLE": other.bundle()}), "UnknownIssuer"),
        (
            "another name",
            &elsewhere,
            json!({"AWS_CA_BUNDLE": front.bundle(), "HTTPS_PROXY": proxy.url()}),
            "not valid for name",
        ),
    ];
    // Each of them tries again for some time.
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = rows.iter().map(|row| (row, scope.spawn(|| deploy(row.1, &row.2)))).collect();
        let judge = |ended: &Ended, cause: &str| {
            let causes = ended.finished()["error"]["caused_by"].to_string();
            (ended.code(), ended.status.code()) == ("certificate-not-trusted", Some(1))
                && causes.contains("certificate")
                && causes.contains(cause)
        };
        let ended = runs.into_iter().map(|(row, run)| (row, run.join().expect("no thread panicked")));
        let wrong = ended.filter(|(row, ended)| !judge(ended, row.3));
        wrong.map(|(row, ended)| format!("{}: {}", row.0, ended.finished())).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(endpoint.calls().len(), 0);
    println!("{} certificates that are not trusted", rows.len());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_bundle_is_taken_for_what_is_good_in_it_and_refused_where_nothing_is() {
    let endpoint = JOB.endpoint("us-east-1");
    let front = Front::before(address_of(&endpoint.url()));
    let good = fs::read_to_string(front.bundle()).expect("readable");
    let key = fs::read_to_string(front.files.path().join("front.pem")).expect("readable");
    let key = &key[..key.find("-----BEGIN CERTIFICATE-----").expect("both are in it")];
    let block = |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let home = Home::new("", "");
    let mut expected = "deployed";
    for (name, text, is_good) in [
        ("words around", format!("# an authority\n\n{good}\nand an end"), true),
        ("CRLF", good.replace('\n', "\r\n"), true),
        ("no DER before", block("Z2FyYmFnZQ==") + &good, true),
        ("no DER behind", good.clone() + &block("Z2FyYmFnZQ=="), true),
        ("no base64 before", block("*** garbage ***") + &good, true),
        ("no base64 behind", good.clone() + &block("*** garbage ***"), true),
        ("a key before", key.to_owned() + &good, true),
        ("twice", good.clone() + &good, true),
        ("no end behind", good.clone() + "-----BEGIN CERTIFICATE-----\nZ2Fy\n", true),
        ("a byte that is no UTF-8", good.clone(), true),
        ("nothing", String::new(), false),
        ("words", "not a certificate".to_owned(), false),
        ("no DER", block("Z2FyYmFnZQ=="), false),
        ("a key", key.to_owned(), false),
    ] {
        let mut bytes = text.into_bytes();
        if name == "a byte that is no UTF-8" {
            bytes.splice(0..0, *b"\xe9\xff\n");
        }
        let path = home.file("bundle.pem", "");
        fs::write(&path, bytes).expect("writable");
        let ended = deploy(&front.url("localhost"), &json!({"AWS_CA_BUNDLE": path}));
        if is_good {
            assert_eq!(ended.outcome(), expected, "{name}: {}", ended.stdout);
            expected = "unchanged";
        } else {
            assert_eq!((ended.code(), ended.status.code()), ("bad-ca-bundle", Some(2)), "{name}: {}", ended.stdout);
        }
    }
    let calls = endpoint.calls().len();
    for path in ["/nowhere/at/all.pem", "/"] {
        let ended = deploy(&front.url("localhost"), &json!({"AWS_CA_BUNDLE": path}));
        assert_eq!((ended.code(), ended.status.code()), ("bad-ca-bundle", Some(2)), "{path}: {}", ended.stdout);
        let message = ended.finished()["error"]["message"].as_str().expect("a string");
        assert!(message.contains(path), "{message}");
    }
    assert_eq!(endpoint.calls().len(), calls, "nobody was asked");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn sts_is_asked_behind_the_same_authority() {
    let (endpoint, sts) = (ROLE_KEYS.endpoint("us-east-1"), sts());
    let front = Front::before(sts.address());
    let stand = Stand::new();
    let mut request = stanza(stand.env(&endpoint.url()));
    let more = json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret(), "role_to_assume": ROLE});
    extend(&mut request, &more);
    let variables = json!({
        "AWS_ENDPOINT_URL_STS": front.url("localhost"), "AWS_CA_BUNDLE": front.bundle(), "NO_PROXY": "localhost",
    });
    extend(&mut request["env"], &variables);
    let ended = stand.run(&[], &request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(sts.lines(), ["POST /"]);
}
