//! Tests each source of credentials: which keys sign the requests, and which source the program reports.
//! All sources of lower precedence are available in each run, so that the order is tested too.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use lambda_endpoint::Endpoint;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::recorder::{Answer, Recorder};
use super::sources::{AN_HOUR, Home, Keys, ROLE, ROLE_KEYS, address_of, container, metadata, sts};
use super::{Scenario, extend, stanza};
use crate::emulators::{Emulator, new_role};
use crate::plugin::PluginCommand;

const STANZA: Keys = Keys::temporary("ASIASTANZAWITHTOKEN1");
const STANZA_ALONE: Keys = Keys::lasting("AKIASTANZAALONE00001");
const BLUE: Keys = Keys::temporary("ASIABLUEPROFILE00001");
const GREEN: Keys = Keys::lasting("AKIAGREENPROFILE0001");
const CHAINED: Keys = Keys::temporary("ASIACHAINEDROLE00001");
const VARIABLES: Keys = Keys::temporary("ASIAJOBVARIABLES0001");
const OLD_VARIABLES: Keys = Keys::lasting("AKIALAMBDAVARIABLES1");
const PROCESS: Keys = Keys::temporary("ASIACREDENTIALPROCES");
const WEB_IDENTITY: Keys = Keys::temporary("ASIAWEBIDENTITY00001");
const CONTAINER: Keys = Keys::temporary("ASIACONTAINER0000001");
const INSTANCE: Keys = Keys::temporary("ASIAINSTANCE00000001");

/// All sources of credentials, available at the same time.
struct Sources {
    scenario: Scenario,
    home: Home,
    sts: Recorder,
    container: Recorder,
    metadata: Recorder,
}

/// A source that has the highest precedence in its run, with the keys that must sign.
struct Row {
    name: &'static str,
    source: &'static str,
    keys: Keys,
    /// Members of the stanza that select the source.
    stanza: Value,
    /// Index of the first source of the job that is available. All sources after it are available too.
    from: usize,
}

impl Sources {
    fn new() -> Self {
        let config = "[default]\ncredential_process = sh 'PROCESS'\n\
                      [profile chained]\nrole_arn = arn:aws:iam::123456789012:role/chained\nsource_profile = green\n\
                      [profile instance]\nrole_arn = arn:aws:iam::123456789012:role/chained\n\
                      credential_source = Ec2InstanceMetadata\n";
        let profiles = format!("[blue]\n{}[green]\n{}", BLUE.profile(), GREEN.profile());
        let home = Home::new("", &profiles);
        let keys = json!({
            "Version": 1, "AccessKeyId": PROCESS.id, "SecretAccessKey": PROCESS.secret(),
            "SessionToken": PROCESS.token(), "Expiration": "2099-01-01T00:00:00Z",
        });
        let script = format!("echo started >> '{}/started'\necho '{keys}'\n", home.path());
        let process = home.file("process.sh", &script);
        home.file(".aws/config", &config.replace("PROCESS", &process.display().to_string()));
        Sources {
            scenario: Scenario::new(),
            home,
            sts: sts(),
            container: container(CONTAINER),
            metadata: metadata(INSTANCE),
        }
    }

    /// The environment of the job with its sources from index `from` on, highest precedence first.
    fn env(&self, lambda: &str, from: usize) -> serde_json::Map<String, Value> {
        let pair = |name: &str, value: String| (name.to_owned(), value);
        let token_file = self.home.file("token", "a.web.identity\n").display().to_string();
        let sources = [
            VARIABLES.variables("AWS"),
            OLD_VARIABLES.variables("LAMBDA"),
            vec![pair("AWS_PROFILE", "green".to_owned())],
            vec![pair("HOME", self.home.path())],
            vec![
                pair("AWS_WEB_IDENTITY_TOKEN_FILE", token_file),
                pair("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/web".to_owned()),
            ],
            vec![
                pair("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/credentials", self.container.url())),
                pair("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token-of-the-container".to_owned()),
            ],
            vec![pair("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.metadata.url())],
        ];
        let mut env = self.scenario.env(lambda);
        env.insert("AWS_ENDPOINT_URL_STS".to_owned(), json!(self.sts.url()));
        // A session token without keys. The variables with AWS_ACCESS_KEY_ID replace it by their own token.
        env.insert("AWS_SESSION_TOKEN".to_owned(), json!("a-stray-session-token"));
        env.insert("ID_TOKEN".to_owned(), json!("a.token.of.the.job"));
        env.extend(
            sources.into_iter().skip(from).flatten().map(|(name, value)| (name, Value::String(value))),
        );
        env
    }

    /// Deploys with the source of this row and `more` in the stanza. Returns the source that `identified`
    /// reports.
    #[track_caller]
    fn deploy(&self, row: &Row, more: &Value, endpoint: &Endpoint) -> String {
        let mut request = stanza(self.env(&endpoint.url(), row.from));
        extend(&mut request, &row.stanza);
        extend(&mut request, more);
        let secrets = [row.keys, ROLE_KEYS]
            .into_iter()
            .flat_map(|keys| [keys.id.to_owned(), keys.secret(), keys.token()]);
        let ended = self.scenario.run_as(PluginCommand::new(&[]).secrets(secrets), &request);
        assert_eq!(ended.outcome(), "deployed", "{}: {}", row.name, ended.stdout);
        let identified = ended.event("identified").expect("the event exists");
        let reported = identified["access_key_id"].as_str().expect("a string");
        assert!(reported.ends_with("***"), "{reported}");
        let profile = identified.get("profile");
        assert_eq!(profile.is_some(), row.source == "profile", "{}: {identified}", row.name);
        let named = row.stanza.get("profile");
        assert!(named.is_none() || profile == named, "{}: {identified}", row.name);
        identified["source"].as_str().expect("a string").to_owned()
    }
}

fn rows() -> Vec<Row> {
    let row = |name, source, keys, stanza, from| Row { name, source, keys, stanza, from };
    let keys = |keys: Keys| json!({"access_key_id": keys.id, "secret_access_key": keys.secret()});
    let mut with_token = keys(STANZA);
    with_token["session_token"] = json!(STANZA.token());
    let token = json!({"role_to_assume": ROLE, "web_identity_token_env": "ID_TOKEN"});
    vec![
        row("keys and token of the stanza", "stanza", STANZA, with_token, 0),
        row("keys of the stanza", "stanza", STANZA_ALONE, keys(STANZA_ALONE), 0),
        row("profile of the stanza", "profile", BLUE, json!({"profile": "blue"}), 0),
        row(
            "profile of the stanza with a source_profile",
            "profile",
            CHAINED,
            json!({"profile": "chained"}),
            0,
        ),
        row(
            "profile of the stanza with a credential_source",
            "profile",
            CHAINED,
            json!({"profile": "instance"}),
            0,
        ),
        row("token in a variable that the stanza names", "web-identity", ROLE_KEYS, token, 0),
        row("AWS_ACCESS_KEY_ID", "environment", VARIABLES, json!({}), 0),
        row("LAMBDA_ACCESS_KEY_ID", "environment", OLD_VARIABLES, json!({}), 1),
        row("AWS_PROFILE", "profile", GREEN, json!({}), 2),
        row("default profile with a credential_process", "profile", PROCESS, json!({}), 3),
        row("AWS_WEB_IDENTITY_TOKEN_FILE", "web-identity", WEB_IDENTITY, json!({}), 4),
        row("AWS_CONTAINER_CREDENTIALS_FULL_URI", "container", CONTAINER, json!({}), 5),
        row("AWS_EC2_METADATA_SERVICE_ENDPOINT", "instance", INSTANCE, json!({}), 6),
    ]
}

#[test]
fn each_source_signs_with_its_own_keys_and_outranks_those_below() {
    let mut table = String::from("source -> key id\n");
    for row in rows() {
        let (sources, endpoint) = (Sources::new(), row.keys.endpoint("us-east-1"));
        let source = sources.deploy(&row, &json!({}), &endpoint);
        assert_eq!(source, row.source, "{}", row.name);
        let calls = endpoint.calls();
        assert!(
            !calls.is_empty() && calls.iter().all(|call| call.access_key_id == row.keys.id),
            "{}",
            row.name
        );
        let asks_sts = [CHAINED, ROLE_KEYS, WEB_IDENTITY].contains(&row.keys);
        assert_eq!(
            sources.sts.asked().len(),
            usize::from(asks_sts),
            "{}: STS gets no unnecessary request",
            row.name
        );
        assert_eq!(sources.container.asked().len(), usize::from(row.keys == CONTAINER), "{}", row.name);
        let asks_metadata = row.keys == INSTANCE || row.name.contains("credential_source");
        assert_eq!(!sources.metadata.asked().is_empty(), asks_metadata, "{}", row.name);
        let started = fs::read_to_string(format!("{}/started", sources.home.path())).unwrap_or_default();
        let expected = if row.keys == PROCESS { "started\n" } else { "" };
        assert_eq!(
            started, expected,
            "{}: the credential process starts only if it is used, and once",
            row.name
        );
        writeln!(table, "{source:<13} -> {}  {}", row.keys.id, row.name)
            .expect("a string accepts every write");
    }
    println!("{table}");
}

#[test]
fn any_identity_may_assume_a_role_and_the_role_signs() {
    let role = json!({
        "role_to_assume": ROLE, "external_id": "an external id/1", "role_session_name": "session-7",
    });
    let mut count = 0;
    for row in rows().iter().filter(|row| row.stanza.get("role_to_assume").is_none()) {
        let (sources, endpoint) = (Sources::new(), ROLE_KEYS.endpoint("us-east-1"));
        assert_eq!(sources.deploy(row, &role, &endpoint), "assumed-role", "{}", row.name);
        let asked = sources.sts.asked();
        let last = asked.last().expect("at least one request");
        let token = if row.keys.is_temporary { row.keys.token() } else { String::new() };
        assert_eq!(
            (last.signer(), last.header("x-amz-security-token")),
            (row.keys.id, token.as_str()),
            "{}",
            row.name
        );
        let form = json!({
            "Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": ROLE, "RoleSessionName": "session-7",
            "ExternalId": "an external id/1",
        });
        assert_eq!(json!(last.form()), form, "{}", row.name);
        let from_role =
            asked.iter().filter(|asked| asked.form().get("RoleArn").is_some_and(|arn| arn == ROLE));
        assert_eq!(from_role.count(), 1, "{}: the role is assumed once", row.name);
        count += 1;
    }
    println!("{count} sources that assume a role");
}

#[test]
fn a_session_is_named_after_repository_and_build_unless_the_stanza_names_it() {
    let (sources, endpoint) = (Sources::new(), ROLE_KEYS.endpoint("us-east-1"));
    let row = &rows()[0];
    let mut request = stanza(sources.env(&endpoint.url(), 0));
    extend(&mut request, &row.stanza);
    request["role_to_assume"] = json!(ROLE);
    request["env"]["TRAVIS_REPO_SLUG"] = json!("owner/repo.js");
    request["env"]["TRAVIS_BUILD_NUMBER"] = json!("7");
    assert_eq!(sources.scenario.run(&[], &request).outcome(), "deployed");
    let form = sources.sts.asked()[0].form();
    assert_eq!(form["RoleSessionName"], "dpl-lambda-owner-repo.js-7");
    assert!(!form.contains_key("ExternalId"), "{form:?}");
}

#[test]
fn a_token_is_exchanged_without_keys_and_written_nowhere() {
    let (scenario, endpoint) = (Scenario::new(), ROLE_KEYS.endpoint("us-east-1"));
    let (home, scratch) = (Home::new("", ""), TempDir::new().expect("a temporary directory"));
    let token = "eyJ.a-token-that-is-found-in-no-file.c2ln";
    let places = [scenario.directory.path().to_owned(), scratch.path().to_owned(), home.path().into()];
    let found: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
    let look = {
        let (places, found) = (places.clone(), found.clone());
        move || {
            found
                .lock()
                .expect("no thread panicked")
                .extend(places.iter().flat_map(|place| holding(place, token)))
        }
    };
    let sts = {
        let look = look.clone();
        // Search during the request to STS: if the program wrote the token to a file, the file exists now.
        Recorder::start(move |asked| {
            look();
            Answer::ok(ROLE_KEYS.as_sts(&asked.form()["Action"], AN_HOUR))
        })
    };
    let mut env = scenario.env(&endpoint.url());
    env.insert("AWS_ENDPOINT_URL_STS".to_owned(), json!(sts.url()));
    env.insert("TMPDIR".to_owned(), json!(scratch.path()));
    env.insert("HOME".to_owned(), json!(home.path()));
    env.insert("ID_TOKEN".to_owned(), json!(format!("{token}\n")));
    let mut request = stanza(env);
    extend(&mut request, &json!({"role_to_assume": ROLE, "web_identity_token_env": "ID_TOKEN"}));
    let ended = scenario.run_as(PluginCommand::new(&[]).secrets([token.to_owned()]), &request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    look();
    let found = found.lock().expect("no thread panicked");
    assert!(found.is_empty(), "{found:?}");
    // Check that the search finds a file with the token.
    fs::write(scratch.path().join("it"), format!("x{token}")).expect("writable");
    assert_eq!(holding(scratch.path(), token), [scratch.path().join("it")]);

    let asked = sts.asked();
    let [one] = asked.as_slice() else { panic!("expected one request: {asked:?}") };
    assert_eq!((one.signer(), one.header("authorization")), ("", ""));
    let form = json!({
        "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": ROLE,
        "RoleSessionName": "dpl-lambda", "WebIdentityToken": token,
    });
    assert_eq!(json!(one.form()), form);
}

/// The files in a directory tree that contain this text.
fn holding(place: &Path, text: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).expect("readable").map(|entry| entry.expect("readable").path());
    let search = |path: PathBuf| {
        if path.is_dir() {
            return holding(&path, text);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        let holds = bytes.windows(text.len()).any(|window| window == text.as_bytes());
        if holds { vec![path] } else { Vec::new() }
    };
    entries.flat_map(search).collect()
}

#[test]
fn lambda_and_sts_have_endpoints_of_their_own() {
    let (scenario, endpoint, sts) = (Scenario::new(), ROLE_KEYS.endpoint("us-east-1"), sts());
    let others = Recorder::from_nothing();
    let mut env = scenario.env(&endpoint.url());
    env.extend(STANZA.variables("AWS").into_iter().map(|(name, value)| (name, Value::String(value))));
    env.insert("AWS_ENDPOINT_URL".to_owned(), json!(others.url()));
    env.insert("AWS_ENDPOINT_URL_STS".to_owned(), json!(sts.url()));
    let mut request = stanza(env);
    request["role_to_assume"] = json!(ROLE);
    let ended = scenario.run(&[], &request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(others.lines(), [""; 0]);
    assert_eq!(sts.lines(), ["POST /"]);
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn motos_sts_gives_roles_to_keys_profiles_and_tokens() {
    let moto = Emulator::moto();
    let role = moto.ask("iam", "create_role", &new_role("deploy"))["Role"]["Arn"].clone();
    let upstream = address_of(&moto.url);
    let chained =
        format!("[profile chained]\nrole_arn = {}\nsource_profile = green\n", role.as_str().expect("an ARN"));
    let home = Home::new(&chained, &format!("[green]\n{}", GREEN.profile()));
    let token_file = home.file("token", "a.web.identity");
    let keys = json!({"access_key_id": STANZA_ALONE.id, "secret_access_key": STANZA_ALONE.secret()});
    let named = |mut stanza: Value| {
        extend(&mut stanza, &json!({"role_to_assume": role, "role_session_name": "session-7"}));
        stanza
    };
    let from_file = json!({"AWS_WEB_IDENTITY_TOKEN_FILE": token_file, "AWS_ROLE_ARN": role});
    let rows = [
        ("role_to_assume", "assumed-role", named(keys), json!({}), "session-7"),
        ("source_profile", "profile", json!({"profile": "chained"}), json!({"HOME": home.path()}), ""),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "web-identity", json!({}), from_file, ""),
        (
            "web_identity_token_env",
            "web-identity",
            named(json!({"web_identity_token_env": "ID_TOKEN"})),
            json!({"ID_TOKEN": "a.b.c"}),
            "session-7",
        ),
    ];
    let mut table = String::from("source -> key id of moto\n");
    for (name, source, more, variables, session) in rows {
        let (scenario, front) = (Scenario::new(), Recorder::before(upstream));
        let mut request = stanza(scenario.env(&front.url()));
        extend(&mut request["env"], &json!({"AWS_ENDPOINT_URL": front.url()}));
        extend(&mut request["env"], &variables);
        extend(&mut request, &more);
        let ended = scenario.run(&["plan"], &request);
        assert_eq!(ended.outcome(), "planned", "{name}: {}", ended.stdout);
        assert_eq!(ended.event("identified").expect("the event exists")["source"], source, "{name}");
        let asked = front.asked();
        let lambda =
            asked.iter().find(|asked| asked.target.contains("/functions/")).expect("a request to Lambda");
        let identity = caller(&moto, lambda.signer());
        let expected = format!("assumed-role/deploy/{session}");
        assert!(identity.contains(&expected), "{name}: {} is {identity}", lambda.signer());
        writeln!(table, "{source:<13} -> {}  {name}", lambda.signer()).expect("a string accepts every write");
    }
    println!("{table}");
}

/// The identity that owns a key, according to moto's STS, which checks no signature.
fn caller(moto: &Emulator, key: &str) -> String {
    let front = Recorder::before(address_of(&moto.url));
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let credential = format!("{key}/20260101/us-east-1/sts/aws4_request");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: sts.us-east-1.amazonaws.com\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\
         authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    let mut stream = std::net::TcpStream::connect(front.address()).expect("can be connected to");
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("writable");
    std::io::read_to_string(&mut stream).expect("readable")
}
