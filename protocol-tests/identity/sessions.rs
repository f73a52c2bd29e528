//! Tests profiles whose keys come from a session of the AWS CLI: of IAM Identity Center (`aws sso login`), in
//! today's form and in the older one, and of the console (`aws login`). Prints what a user reads if there is
//! no session. The services of AWS are doubles that answer as the SDK's models of them describe.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lambda_endpoint::Endpoint;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::recorder::{Answer, Asked, Recorder};
use super::sources::{AN_HOUR, Home, Keys, in_time, sts};
use super::{Scenario, extend, stanza};
use crate::plugin::{PluginCommand, PluginOutput};

/// The keys of the role in IAM Identity Center.
const DEPLOYER: Keys = Keys::temporary("ASIADEPLOYERROLE0001");
/// The keys of the role that the profile `deploy` assumes.
const CHAINED: Keys = Keys::temporary("ASIACHAINEDROLE00001");
/// The keys in the file of `aws login`, and those after a renewal.
const CONSOLE: Keys = Keys::temporary("ASIAOFTHECONSOLE0001");
const RENEWED: Keys = Keys::temporary("ASIARENEWEDCONSOLE01");

const TOKEN: &str = "an-access-token-of-identity-center";
const NEW_TOKEN: &str = "the-access-token-after-a-renewal";
const REFRESH_TOKEN: &str = "a-refresh-token-of-a-session";
const NEW_REFRESH_TOKEN: &str = "the-refresh-token-after-a-renewal";
const CLIENT_SECRET: &str = "a-secret-of-the-registered-client";

const START_URL: &str = "https://d-1234567890.awsapps.com/start";
const USER: &str = "arn:aws:iam::123456789012:user/me";
const PAST: &str = "2020-01-01T00:00:00Z";

/// `dev` has today's form and `old` the older one. `deploy` assumes a role with the keys of `dev`.
const PROFILES: &str = "\
[profile dev]
sso_session = company
sso_account_id = 123456789012
sso_role_name = Deployer
[sso-session company]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = eu-west-1
[profile old]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = Deployer
[profile deploy]
role_arn = arn:aws:iam::123456789012:role/chained
source_profile = dev
[profile me]
login_session = arn:aws:iam::123456789012:user/me
";

/// A key for the signatures of renewals, made for this test.
const SIGNING_KEY: &str = "-----BEGIN EC PRIVATE KEY-----\n\
    MHcCAQEEIPwrc+YQOFhjs9RLolkPcClVH62kMIBQIGAA2lmWyJ2HoAoGCCqGSM49\n\
    AwEHoUQDQgAEfnI/lNXgcnwnL2MPDwSQ1kcg4jjyp2YIq3sU87IpYdnwbhrINuGL\n\
    uxlDR4n5YE2pa4vl+ctpngZFU7+AncqEjg==\n\
    -----END EC PRIVATE KEY-----\n";

/// An error of a service that speaks JSON.
fn refused(status: u16, code: &str, body: &Value) -> Answer {
    Answer::Text(status, vec![("x-amzn-errortype", code.to_owned())], body.to_string())
}

/// A double of the portal of IAM Identity Center: it returns keys for this token.
fn portal(token: &'static str) -> Recorder {
    Recorder::start(move |asked: &Asked| {
        if asked.header("x-amz-sso_bearer_token") != token {
            let message = json!({"message": "Session token not found or invalid"});
            return refused(401, "UnauthorizedException", &message);
        }
        let query = asked.target.strip_prefix("/federation/credentials?").unwrap_or_default();
        let asks = |pair: &str| query.split('&').any(|other| other == pair);
        if !asks("role_name=Deployer") || !asks("account_id=123456789012") {
            return Answer::status(404, "{}");
        }
        let expiration = (SystemTime::now() + AN_HOUR).duration_since(SystemTime::UNIX_EPOCH);
        let expiration = expiration.expect("the clock is after 1970").as_secs() * 1000;
        let keys = json!({
            "accessKeyId": DEPLOYER.id, "secretAccessKey": DEPLOYER.secret(),
            "sessionToken": DEPLOYER.token(), "expiration": expiration,
        });
        Answer::ok(json!({"roleCredentials": keys}).to_string())
    })
}

/// A double of the services that renew sessions: of CreateToken and of CreateOAuth2Token.
fn renewals(renews: bool) -> Recorder {
    Recorder::start(move |asked| match (asked.target.as_str(), renews) {
        ("/token", true) => {
            let token = json!({
                "accessToken": NEW_TOKEN, "refreshToken": NEW_REFRESH_TOKEN,
                "tokenType": "Bearer", "expiresIn": 3600,
            });
            Answer::ok(token.to_string())
        }
        ("/token", false) => refused(400, "InvalidGrantException", &json!({"error": "invalid_grant"})),
        ("/v1/token", true) => {
            let (id, secret, token) = (RENEWED.id, RENEWED.secret(), RENEWED.token());
            let token = json!({
                "accessToken": {"accessKeyId": id, "secretAccessKey": secret, "sessionToken": token},
                "refreshToken": NEW_REFRESH_TOKEN, "tokenType": "aws_sigv4", "expiresIn": 900,
            });
            Answer::ok(token.to_string())
        }
        ("/v1/token", false) => {
            let error = json!({"error": "TOKEN_EXPIRED", "message": "the refresh token has expired"});
            refused(401, "AccessDeniedException", &error)
        }
        _ => Answer::status(404, "{}"),
    })
}

/// A job with the profiles, and the services that they need.
struct Job {
    scenario: Scenario,
    home: Home,
    endpoint: Endpoint,
    portal: Recorder,
    renewals: Recorder,
    sts: Recorder,
}

impl Job {
    /// A job without a session. Lambda accepts `keys` only.
    fn new(keys: Keys, portal: Recorder, renews: bool) -> Self {
        Job {
            scenario: Scenario::new(),
            home: Home::new(PROFILES, ""),
            endpoint: keys.endpoint("us-east-1"),
            portal,
            renewals: renewals(renews),
            sts: sts(),
        }
    }

    /// Writes a file in the home directory, and the directories above it.
    fn write(&self, path: &Path, text: &str) {
        let path = Path::new(&self.home.path()).join(path);
        fs::create_dir_all(path.parent().expect("it is in a directory")).expect("can be created");
        fs::write(path, text).expect("writable");
    }

    /// Deploys with a profile, these variables and these members of the stanza.
    fn run(&self, profile: &str, variables: &Value, more: &Value) -> PluginOutput {
        let mut request = stanza(self.scenario.env(&self.endpoint.url()));
        let services = json!({
            "HOME": self.home.path(),
            "AWS_ENDPOINT_URL_SSO": self.portal.url(),
            "AWS_ENDPOINT_URL_SSO_OIDC": self.renewals.url(),
            "AWS_ENDPOINT_URL_SIGNIN": self.renewals.url(),
            "AWS_ENDPOINT_URL_STS": self.sts.url(),
        });
        extend(&mut request["env"], &services);
        extend(&mut request["env"], variables);
        extend(&mut request, &json!({"profile": profile}));
        extend(&mut request, more);
        let keys = [DEPLOYER, CHAINED, CONSOLE, RENEWED].map(|keys| [keys.secret(), keys.token()]).concat();
        let tokens = [TOKEN, NEW_TOKEN, REFRESH_TOKEN, NEW_REFRESH_TOKEN, CLIENT_SECRET].map(str::to_owned);
        let plugin = PluginCommand::new(&[]).secrets(keys.into_iter().chain(tokens));
        self.scenario.run_as(plugin, &request)
    }

    /// Deploys with a profile, and checks the event `identified` and which keys have signed.
    #[track_caller]
    fn deploys(&self, profile: &str, variables: &Value, keys: Keys) {
        let ended = self.run(profile, variables, &json!({}));
        assert_eq!(ended.outcome(), "deployed", "{profile}: {}", ended.stdout);
        let identified = ended.event("identified").expect("the event exists");
        assert_eq!((&identified["source"], &identified["profile"]), (&json!("profile"), &json!(profile)));
        let calls = self.endpoint.calls();
        assert!(!calls.is_empty() && calls.iter().all(|call| call.access_key_id == keys.id), "{profile}");
    }

    /// Fails to deploy with a profile, and prints what a user reads. No request reaches Lambda.
    #[track_caller]
    fn fails(&self, case: &str, profile: &str, code: &str, message: &str, hint: &str) {
        let ended = self.run(profile, &json!({}), &json!({}));
        let error = &ended.finished()["error"];
        println!("{case}: {}\n  causes: {}\n  hint: {}", error["message"], error["caused_by"], error["hint"]);
        assert_eq!(ended.code(), code, "{case}: {}", ended.stdout);
        assert!(error["message"].as_str().expect("a string").starts_with(message), "{case}: {error}");
        assert_eq!(error["hint"], hint, "{case}");
        // The names of Rust's types, and texts of the SDK that say nothing.
        for text in ["Error {", "Error(", "service error", "unhandled error", "an error occurred"] {
            assert!(!error.to_string().contains(text), "{case}: {error}");
        }
        assert_eq!(self.endpoint.calls().len(), 0, "{case}");
    }
}

/// Where the AWS CLI keeps a session of IAM Identity Center: of the name of the session, or of its start URL.
fn sso_file(identifier: &str) -> PathBuf {
    Path::new(".aws/sso/cache").join(hex::encode(Sha1::digest(identifier))).with_extension("json")
}

/// A session of IAM Identity Center that cannot be renewed.
fn sso_session(expires_at: &str) -> Value {
    json!({"startUrl": START_URL, "region": "eu-west-1", "accessToken": TOKEN, "expiresAt": expires_at})
}

/// A session of IAM Identity Center that has expired and can be renewed.
fn renewable_session() -> Value {
    let mut session = sso_session(PAST);
    extend(
        &mut session,
        &json!({
            "clientId": "client", "clientSecret": CLIENT_SECRET, "refreshToken": REFRESH_TOKEN,
            "registrationExpiresAt": "2099-01-01T00:00:00Z",
        }),
    );
    session
}

/// The name of the file in which the AWS CLI keeps a session of `aws login`.
fn login_file() -> PathBuf {
    PathBuf::from(hex::encode(Sha256::digest(USER))).with_extension("json")
}

fn login_session(expires_at: &str) -> Value {
    let keys = json!({
        "accessKeyId": CONSOLE.id, "secretAccessKey": CONSOLE.secret(), "sessionToken": CONSOLE.token(),
        "accountId": "123456789012", "expiresAt": expires_at,
    });
    json!({
        "accessToken": keys, "tokenType": "aws_sigv4", "refreshToken": REFRESH_TOKEN,
        "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": SIGNING_KEY,
    })
}

#[test]
fn a_session_of_identity_center_gives_the_keys_of_its_role_in_both_forms_and_to_a_chain() {
    for (profile, identifier, keys) in
        [("dev", "company", DEPLOYER), ("old", START_URL, DEPLOYER), ("deploy", "company", CHAINED)]
    {
        let job = Job::new(keys, portal(TOKEN), false);
        job.write(&sso_file(identifier), &sso_session(&in_time(AN_HOUR)).to_string());
        job.deploys(profile, &json!({}), keys);
        assert_eq!(job.portal.lines().len(), 1, "{profile}: {:?}", job.portal.lines());
        assert_eq!(job.renewals.lines(), [""; 0], "{profile}");
        let signers: Vec<String> = job.sts.asked().iter().map(|asked| asked.signer().to_owned()).collect();
        assert_eq!(signers, if profile == "deploy" { vec![DEPLOYER.id] } else { vec![] }, "{profile}");
    }
}

#[test]
fn without_a_session_of_identity_center_the_error_says_how_to_start_one() {
    let (expired, valid) = (sso_session(PAST), sso_session(&in_time(AN_HOUR)));
    // Of the older form, only the portal says that a token has expired, as after `aws sso logout`.
    for (case, profile, named, session, asked) in [
        ("expired", "dev", "dev", Some(("company", expired.clone())), (0, 0)),
        ("expired, older form", "old", "old", Some((START_URL, expired.clone())), (0, 1)),
        ("expired, of a source_profile", "deploy", "dev", Some(("company", expired)), (0, 0)),
        ("expired, not renewed", "dev", "dev", Some(("company", renewable_session())), (1, 1)),
        ("logged out", "dev", "dev", Some(("company", valid)), (0, 1)),
        ("missing", "dev", "dev", None, (0, 0)),
        ("missing, older form", "old", "old", None, (0, 0)),
        ("missing, of a source_profile", "deploy", "dev", None, (0, 0)),
    ] {
        let job = Job::new(DEPLOYER, portal("another token"), false);
        let (code, message) = match &session {
            Some((identifier, session)) => {
                job.write(&sso_file(identifier), &session.to_string());
                let message = "the IAM Identity Center session of the profile `NAME` has expired";
                ("credentials-expired", message)
            }
            None => ("no-credentials", "the profile `NAME` has no IAM Identity Center session: `/"),
        };
        let message = message.replace("NAME", named);
        job.fails(case, profile, code, &message, &format!("run `aws sso login --profile {named}`"));
        assert_eq!((job.renewals.lines().len(), job.portal.lines().len()), asked, "{case}");
    }
}

#[test]
fn a_file_that_is_no_session_is_reported_with_the_command_that_replaces_it() {
    let login = PathBuf::from(".aws/login/cache").join(login_file());
    for (profile, path, kind, command) in [
        ("dev", sso_file("company"), "IAM Identity Center", "aws sso login --profile dev"),
        ("me", login, "AWS console", "aws login --profile me"),
    ] {
        let message = format!("the {kind} session of the profile `{profile}` in `/");
        let hint =
            format!("make it a file that the job can read and write; or remove it, and run `{command}`");
        for text in ["", "an-access-token", "{\"accessToken\": \"half", "[]", "{}"] {
            let job = Job::new(DEPLOYER, portal(TOKEN), false);
            job.write(&path, text);
            job.fails(text, profile, "no-credentials", &message, &hint);
        }
        let job = Job::new(DEPLOYER, portal(TOKEN), false);
        fs::create_dir_all(Path::new(&job.home.path()).join(&path)).expect("can be created");
        job.fails("a directory", profile, "no-credentials", &message, &hint);
    }
}

#[test]
fn a_renewed_session_is_saved_and_its_tokens_are_masked() {
    let job = Job::new(DEPLOYER, portal(NEW_TOKEN), true);
    job.write(&sso_file("company"), &renewable_session().to_string());
    let ended = job.run("dev", &json!({}), &json!({"run": "cat \"$HOME\"/.aws/sso/cache/*"}));
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let asked: Value = serde_json::from_slice(&job.renewals.asked()[0].body).expect("JSON");
    assert_eq!(asked["grantType"], "refresh_token");
    assert_eq!(asked["refreshToken"], REFRESH_TOKEN);
    let saved = Path::new(&job.home.path()).join(sso_file("company"));
    let saved: Value = serde_json::from_slice(&fs::read(saved).expect("readable")).expect("JSON");
    assert_eq!(saved["accessToken"], NEW_TOKEN);
    assert_eq!(saved["refreshToken"], NEW_REFRESH_TOKEN);
    let shown = ended.events.iter().find(|event| event["event"] == "output").expect("the file is shown");
    assert!(shown["line"].as_str().expect("a string").contains("[secure]"), "{shown}");
}

#[test]
fn a_role_that_the_session_may_not_use_is_reported_in_the_words_of_aws_and_masked() {
    let quoting = Recorder::start(|asked: &Asked| {
        let message = format!("No access with {}", asked.header("x-amz-sso_bearer_token"));
        refused(403, "ForbiddenException", &json!({"message": message}))
    });
    let job = Job::new(DEPLOYER, quoting, true);
    job.write(&sso_file("company"), &renewable_session().to_string());
    let message = "the profile `dev` returned no credentials";
    let hint = "fix what the causes describe, or use other credentials";
    job.fails("no access", "dev", "no-credentials", message, hint);
    let ended = job.run("dev", &json!({}), &json!({}));
    let causes = &ended.finished()["error"]["caused_by"];
    assert_eq!(causes, &json!(["ForbiddenException: No access with [secure]"]));
}

#[test]
fn a_session_is_not_read_from_the_build_directory() {
    let job = Job::new(DEPLOYER, portal(TOKEN), false);
    let of_build = job.scenario.directory.path().join(sso_file("company"));
    fs::create_dir_all(of_build.parent().expect("it is in a directory")).expect("can be created");
    fs::write(of_build, sso_session(&in_time(AN_HOUR)).to_string()).expect("writable");
    let variables = json!({"HOME": "", "AWS_CONFIG_FILE": format!("{}/.aws/config", job.home.path())});
    let ended = job.run("dev", &variables, &json!({}));
    assert_eq!(ended.code(), "no-credentials", "{}", ended.stdout);
    let message = ended.finished()["error"]["message"].as_str().expect("a string");
    assert!(message.ends_with("IAM Identity Center session: the job has no absolute `HOME`"), "{message}");
    assert_eq!(job.portal.lines(), [""; 0]);
}

#[test]
fn a_session_of_aws_login_gives_its_keys_and_is_renewed() {
    let elsewhere = TempDir::new().expect("a temporary directory");
    let in_home = Path::new(".aws/login/cache").join(login_file());
    let in_variable = elsewhere.path().join(login_file());
    let variable = json!({"AWS_LOGIN_CACHE_DIRECTORY": elsewhere.path()});
    for (case, path, variables, expires_at, keys) in [
        ("valid", &in_home, &json!({}), in_time(AN_HOUR), CONSOLE),
        ("valid, in another directory", &in_variable, &variable, in_time(AN_HOUR), CONSOLE),
        ("renewed", &in_home, &json!({}), PAST.to_owned(), RENEWED),
    ] {
        let job = Job::new(keys, portal(TOKEN), true);
        job.write(path, &login_session(&expires_at).to_string());
        job.deploys("me", variables, keys);
        let asked = job.renewals.asked();
        assert_eq!(asked.len(), usize::from(keys == RENEWED), "{case}");
        assert!(asked.iter().all(|asked| !asked.header("dpop").is_empty()), "{case}: {asked:?}");
    }
}

#[test]
fn without_a_session_of_aws_login_the_error_says_how_to_start_one() {
    let hint = "run `aws login --profile me`";
    let job = Job::new(CONSOLE, portal(TOKEN), false);
    let missing = "the profile `me` has no AWS console session: `/";
    job.fails("missing", "me", "no-credentials", missing, hint);
    job.write(&Path::new(".aws/login/cache").join(login_file()), &login_session(PAST).to_string());
    let expired = "the AWS console session of the profile `me` has expired";
    job.fails("expired", "me", "credentials-expired", expired, hint);
    assert_eq!(job.renewals.lines(), ["POST /v1/token"]);
}
