//! Keys and tokens from outside the request: profiles, processes, roles, containers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lambda_endpoint::FaultKind;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::harness::Stage;
use super::scenario::Scenario;
use super::secrets::secret;
use super::services::{http, serve};
use crate::identity::sources::in_time;

const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        of("a profile", "profile", |stage| stage.write("home/.aws/credentials", &profile("default"))),
        of("a profile by its name", "profile", |stage| {
            stage.write("home/.aws/credentials", &profile("other"));
            stage.say(json!({"profile": "other"}));
        }),
        of("a process", "process", |stage| process(stage, "cat AWS/process")),
        none("a profile that cannot be read", |stage| {
            let broken = profile("default").replace(" = ", " ").replace("aws_", " aws_");
            stage.write("home/.aws/credentials", &format!("[default\n{broken}\n[broken\n{broken}"));
        }),
        none("a profile with invalid lines", |stage| {
            stage.write(
                "home/.aws/credentials",
                &profile("default").replace("aws_session_token =", "aws session token ="),
            );
            stage.write(
                "home/.aws/config",
                &profile("default").replace("aws_secret_access_key =", "aws secret access key ="),
            );
        }),
        none("an incomplete profile", |stage| {
            stage.write(
                "home/.aws/credentials",
                &profile("default").replace("aws_access_key_id", "aws_access_key"),
            );
        }),
    ];
    for (name, command) in [
        ("fails", "sh -c 'cat AWS/plain AWS/process >&2; cat AWS/plain; exit 1'"),
        ("does not print JSON", "cat AWS/plain"),
        ("prints incomplete credentials", "sed s/SecretAccessKey/Key/ AWS/process"),
        ("prints another version", "sed s/:1,/:2,/ AWS/process"),
        ("prints expired keys", "sed s/2099/1999/ AWS/process"),
    ] {
        scenarios.push(none(&format!("a process that {name}"), move |stage| process(stage, command)));
    }
    scenarios.extend([
        of("a token for a role", "role", |stage| token(stage, true)),
        none("a rejected token for a role", |stage| token(stage, false)),
        of("a profile for a role", "role", |stage| profile_for_role(stage, true)),
        none("a rejected profile for a role", |stage| profile_for_role(stage, false)),
        of("a session of IAM Identity Center", "role", |stage| sso_session(stage, true)),
        none("a rejected session of IAM Identity Center", |stage| sso_session(stage, false)),
        of("a token file for a role", "role", |stage| token_file(stage, true)),
        none("a rejected token file for a role", |stage| token_file(stage, false)),
        // The SDK has a short timeout for a container's service, so that on a busy machine it may not get an
        // answer. The scenario therefore does not check the outcome.
        Scenario::new("credentials of a container", |stage| {
            let mut scene = stage.acting_as("role");
            container(scene.anonymous(), true);
            scene.run_each(&[&["plan"], &["deploy"]]);
        }),
        none("a container whose request is rejected", |stage| container(stage, false)),
        Scenario::new("credentials that are renewed", renewed),
    ]);
    scenarios
}

/// A scenario with valid credentials, which a command and AWS's errors print afterwards.
fn of(name: &str, who: &'static str, prepare: impl Fn(&mut Stage<'_>) + Send + Sync + 'static) -> Scenario {
    Scenario::new(&format!("credentials of {name}"), move |stage| {
        let mut scene = stage.acting_as(who);
        prepare(scene.anonymous());
        scene.run_each(&[&["check"], &["plan"]]);
        scene.say(json!({"run": ["printenv; cat \"$HOME/.aws/plain\" \"$HOME/.aws/credentials\"; true"]}));
        let ended = scene.run(&[]);
        assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
        assert_eq!(
            ended.event("identified").expect("the event exists")["access_key_id"],
            "AK******************"
        );
        let names = ["access_key_id", "secret_access_key", "session_token"];
        let words = names.map(|name| secret(&format!("{who} {name}"))).join(" and ");
        for (timeout, operation) in [(8, "GetFunction"), (9, "UpdateFunctionConfiguration")] {
            let message = format!("the signature of {words} is none");
            scene.say(json!({"timeout": timeout}));
            scene.fault(operation, FaultKind::status(400, "InvalidParameterValueException", &message));
            assert_eq!(scene.run(&[]).code(), "invalid-parameter");
        }
    })
}

/// A scenario without credentials, or with credentials that AWS rejects.
fn none(name: &str, prepare: impl Fn(&mut Stage<'_>) + Send + Sync + 'static) -> Scenario {
    Scenario::new(&format!("credentials of {name}"), move |stage| {
        prepare(stage.anonymous());
        for arguments in [&["plan"][..], &["deploy"]] {
            let ended = stage.run(arguments);
            assert_eq!(ended.outcome(), "failed", "{}", ended.stdout);
        }
    })
}

fn profile(name: &str) -> String {
    let of = |what: &str| secret(&format!("profile {what}"));
    let (id, key, token) = (of("access_key_id"), of("secret_access_key"), of("session_token"));
    format!(
        "[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {key}\naws_session_token = {token}\n"
    )
}

/// A profile with a command that prints its credentials. `AWS` in the command stands for the directory of the
/// profile.
fn process(stage: &mut Stage<'_>, command: &str) {
    let of = |what: &str| secret(&format!("process {what}"));
    let (id, key, token) = (of("access_key_id"), of("secret_access_key"), of("session_token"));
    stage.write("home/.aws/plain", &format!("{id} {key} {token}\n"));
    let mut reported =
        json!({"Version": 1, "AccessKeyId": id, "SecretAccessKey": key, "SessionToken": token});
    reported["Expiration"] = json!("2099-01-01T00:00:00Z");
    stage.write("home/.aws/process", &reported.to_string());
    let command = command.replace("AWS", &stage.path("home/.aws").display().to_string());
    stage.write("home/.aws/config", &format!("[default]\ncredential_process = {command}\n"));
}

/// A session of IAM Identity Center. The commands of the job show its file.
fn sso_session(stage: &mut Stage<'_>, is_taken: bool) {
    let of = |what: &str| secret(&format!("sign-in {what}"));
    stage.write(
        "home/.aws/config",
        "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n\
         [sso-session s]\nsso_region = us-east-1\nsso_start_url = https://d-1.awsapps.com/start\n",
    );
    let session = json!({
        "accessToken": of("access token"), "expiresAt": "2099-01-01T00:00:00Z",
        "refreshToken": of("refresh token"), "clientSecret": of("client secret"),
    });
    let name = hex::encode(Sha1::digest("s"));
    stage.write(&format!("home/.aws/sso/cache/{name}.json"), &session.to_string());
    let tokens = ["access token", "refresh token", "client secret"].map(of).join("\n");
    stage.write("home/.aws/plain", &tokens);
    let role = |what: &str| secret(&format!("role {what}"));
    let keys = json!({
        "accessKeyId": role("access_key_id"), "secretAccessKey": role("secret_access_key"),
        "sessionToken": role("session_token"), "expiration": 4_070_908_800_000_u64,
    });
    let refusal = json!({"code": "ForbiddenException", "message": format!("no role for {tokens}")});
    let (status, body) = if is_taken { (200, json!({"roleCredentials": keys})) } else { (403, refusal) };
    let service = serve(move || http(status, "application/json", &body.to_string()));
    stage.request["env"]["AWS_ENDPOINT_URL_SSO"] = json!(service);
}

/// A token in a variable whose name does not mark it as secret.
fn token(stage: &mut Stage<'_>, is_taken: bool) {
    let words = format!("{} is no token", secret("identity token"));
    sts(stage, "AssumeRoleWithWebIdentity", is_taken.then_some(()).ok_or(words));
    stage.request["env"]["OIDC"] = json!(secret("identity token"));
    stage.say(json!({"role_to_assume": ROLE, "web_identity_token_env": "OIDC"}));
}

fn profile_for_role(stage: &mut Stage<'_>, is_taken: bool) {
    let words =
        format!("{} may not assume it with {}", secret("profile access_key_id"), secret("GITHUB_TOKEN"));
    sts(stage, "AssumeRole", is_taken.then_some(()).ok_or(words));
    stage.write("home/.aws/credentials", &profile("default"));
    stage.say(json!({"role_to_assume": ROLE, "external_id": "$DB_PASSWORD"}));
}

/// A token file, which the SDK reads itself.
fn token_file(stage: &mut Stage<'_>, is_taken: bool) {
    let words = format!("no session may be named {}", secret("GITHUB_TOKEN"));
    sts(stage, "AssumeRoleWithWebIdentity", is_taken.then_some(()).ok_or(words));
    stage.write("home/token", &secret("identity token"));
    stage.request["env"]["AWS_ROLE_ARN"] = json!(ROLE);
    stage.request["env"]["AWS_WEB_IDENTITY_TOKEN_FILE"] = json!(stage.path("home/token"));
}

fn container(stage: &mut Stage<'_>, is_taken: bool) {
    let role = document("role", "2099-01-01T00:00:00Z");
    let words = format!("{} is no token", secret("API_KEY"));
    let refusal = json!({"code": "InvalidToken", "message": words});
    let (status, body): (u16, Value) = if is_taken { (200, role) } else { (400, refusal) };
    let service = serve(move || http(status, "application/json", &body.to_string()));
    stage.request["env"]["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = json!(service);
    stage.request["env"]["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = json!(secret("API_KEY"));
}

/// A container whose keys expire too soon to be used for a second call. AWS then quotes the next keys.
fn renewed(stage: &mut Stage<'_>) {
    let mut scene = stage.acting_as("role");
    let calls = AtomicUsize::new(0);
    let service = serve(move || {
        let whose = if calls.fetch_add(1, Ordering::SeqCst) == 0 { "role" } else { "renewed" };
        http(200, "application/json", &document(whose, &in_time(Duration::from_secs(4))).to_string())
    });
    scene.anonymous().request["env"]["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = json!(service);
    let names = ["access_key_id", "secret_access_key", "session_token"];
    let words = names.map(|name| secret(&format!("renewed {name}"))).join(" and ");
    let message = format!("the signature of {words} is none");
    scene.fault("CreateFunction", FaultKind::status(400, "InvalidParameterValueException", &message));
    let ended = scene.run(&[]);
    assert_eq!(ended.code(), "invalid-parameter", "{}", ended.stdout);
    assert!(ended.stdout.contains("the signature of [secure]"), "{}", ended.stdout);
}

/// The answer of a container's credential service.
fn document(whose: &str, ends: &str) -> Value {
    let of = |what: &str| secret(&format!("{whose} {what}"));
    let (id, key, token) = (of("access_key_id"), of("secret_access_key"), of("session_token"));
    json!({"AccessKeyId": id, "SecretAccessKey": key, "Token": token, "Expiration": ends})
}

/// An STS service that returns a role's credentials, or an error with this message.
fn sts(stage: &mut Stage<'_>, operation: &str, answer: Result<(), String>) {
    let xml = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let of = |what: &str| xml(&secret(&format!("role {what}")));
    let (status, body) = match answer {
        Ok(()) => (
            200,
            format!(
                "<{operation}Response><{operation}Result><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}\
                 </SecretAccessKey><SessionToken>{}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
                 </Credentials></{operation}Result></{operation}Response>",
                of("access_key_id"),
                of("secret_access_key"),
                of("session_token")
            ),
        ),
        Err(words) => (
            403,
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{}</Message></Error>\
                 <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>",
                xml(&words)
            ),
        ),
    };
    let service = serve(move || http(status, "text/xml", &body));
    stage.request["env"]["AWS_ENDPOINT_URL_STS"] = json!(service);
}
