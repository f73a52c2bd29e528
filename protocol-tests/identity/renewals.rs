//! Tests credentials that expire during a deployment: the program fetches new ones from the same source and
//! signs with them.
//!
//! The SDK renews credentials 10 s before they expire, less up to 5 s of jitter. So credentials valid for 4 s
//! are never cached, and credentials valid for 11 s are cached for some seconds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};

use super::recorder::{Answer, Recorder};
use super::sources::{Keys, ROLE};
use super::{Scenario, extend, stanza};
use crate::fixture::check_each;
use crate::plugin::PluginOutput;

const FIRST: Keys = Keys::temporary("ASIATHEFIRSTKEYS0001");
const SECOND: Keys = Keys::temporary("ASIATHESECONDKEYS001");
const BASE: Keys = Keys::lasting("AKIAWHOASSUMESIT0001");

const TOO_SHORT: Duration = Duration::from_secs(4);
const SHORT: Duration = Duration::from_secs(11);

/// The stanza members and job variables that make a run use the temporary keys of `server`, for each kind of
/// source.
fn asking(at: &str, server: &Recorder) -> (Value, Value) {
    match at {
        "container" => (
            json!({}),
            json!({"AWS_CONTAINER_CREDENTIALS_FULL_URI": format!("{}/credentials", server.url())}),
        ),
        "role" => (
            json!({"access_key_id": BASE.id, "secret_access_key": BASE.secret(), "role_to_assume": ROLE}),
            json!({"AWS_ENDPOINT_URL_STS": server.url()}),
        ),
        "token" => (
            json!({"role_to_assume": ROLE, "web_identity_token_env": "ID_TOKEN"}),
            json!({"AWS_ENDPOINT_URL_STS": server.url(), "ID_TOKEN": "a.b.c"}),
        ),
        other => panic!("{other}"),
    }
}

/// Deploys to this Lambda endpoint with the temporary keys of `server`.
#[track_caller]
fn deploy(at: &str, server: &Recorder, lambda: &str) -> PluginOutput {
    let (scenario, (more, variables)) = (Scenario::new(), asking(at, server));
    let mut request = stanza(scenario.env(lambda));
    extend(&mut request["env"], &variables);
    extend(&mut request, &more);
    scenario.run(&[], &request)
}

/// A server that returns the keys FIRST once, and `then` after that.
fn server(at: &'static str, lasts: Duration, then: Keys) -> Recorder {
    let count = AtomicUsize::new(0);
    Recorder::start(move |asked| {
        let keys = if count.fetch_add(1, Ordering::SeqCst) == 0 { FIRST } else { then };
        Answer::ok(match at {
            "container" => keys.document(lasts),
            _ => keys.as_sts(&asked.form()["Action"], lasts),
        })
    })
}

#[test]
fn keys_that_are_about_to_end_are_replaced_before_the_next_call() {
    for at in ["container", "role", "token"] {
        let (endpoint, server) = (FIRST.endpoint("us-east-1"), server(at, TOO_SHORT, SECOND));
        let ended = deploy(at, &server, &endpoint.url());
        // The endpoint accepts only the first keys, so it rejects the first request that uses the second
        // ones.
        assert_eq!(ended.code(), "credentials-rejected", "{at}: {}", ended.stdout);
        let signers: Vec<String> = endpoint.calls().into_iter().map(|call| call.access_key_id).collect();
        assert_eq!(signers, [FIRST.id, SECOND.id], "{at}");
        assert_eq!(server.lines().len(), 2, "{at}: one request for each pair of keys");
    }
}

#[test]
fn new_keys_are_masked_where_aws_quotes_them() {
    for at in ["container", "role", "token"] {
        // It answers "not found" to the first keys, and to other keys an error that quotes them.
        let lambda = Recorder::start(|asked| {
            let id = ("x-amzn-requestid", "b25f48e8-84fd-11e6-80d9-574e0c4664cb".to_owned());
            let (status, code, message) = if asked.signer() == FIRST.id {
                (404, "ResourceNotFoundException", "Function not found".to_owned())
            } else {
                let words = [SECOND.id.to_owned(), SECOND.secret(), SECOND.token()].join(" and ");
                (400, "InvalidParameterValueException", format!("no such thing: {words}"))
            };
            let headers = vec![id, ("x-amzn-errortype", code.to_owned())];
            Answer::Text(status, headers, json!({"Type": "User", "Message": message}).to_string())
        });
        let ended = deploy(at, &server(at, TOO_SHORT, SECOND), &lambda.url());
        assert_eq!(ended.code(), "invalid-parameter", "{at}: {}", ended.stdout);
        assert!(
            ended.stdout.contains("no such thing: [secure] and [secure] and [secure]"),
            "{at}: {}",
            ended.stdout
        );
        for secret in [SECOND.id.to_owned(), SECOND.secret(), SECOND.token()] {
            assert!(!ended.stdout.contains(&secret), "{at}: {secret}: {}", ended.stdout);
        }
    }
}

#[test]
fn a_token_of_a_file_is_masked_where_sts_quotes_it() {
    let sts = Recorder::start(|asked| {
        let words = format!("{} is no token", asked.form()["WebIdentityToken"]);
        super::sources::refusal(400, "InvalidIdentityToken", &words)
    });
    let (scenario, endpoint) = (Scenario::new(), FIRST.endpoint("us-east-1"));
    let file = scenario.directory.path().join("identity");
    std::fs::write(&file, "eyJhbGciOi.a-token-of-a-file.c2ln\n").expect("writable");
    let mut request = stanza(scenario.env(&endpoint.url()));
    let variables =
        json!({"AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_ROLE_ARN": ROLE, "AWS_ENDPOINT_URL_STS": sts.url()});
    extend(&mut request["env"], &variables);
    let ended = scenario.run(&[], &request);
    assert_eq!(ended.outcome(), "failed", "{}", ended.stdout);
    assert!(ended.stdout.contains("[secure] is no token"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("a-token-of-a-file"), "{}", ended.stdout);
}

#[test]
fn a_token_for_a_container_and_keys_of_another_profile_are_masked_where_aws_quotes_them() {
    let (scenario, server) = (Scenario::new(), server("container", SHORT, SECOND));
    let path = |name: &str| scenario.directory.path().join(name);
    let (token, inner) =
        ("a-token-for-the-agent-of-the-container", "inner/secret/key/of/a/source/profile/0001");
    std::fs::write(path("token"), token).expect("writable");
    std::fs::write(
        path("config"),
        format!("[profile base]\naws_access_key_id = AKIAINNER\naws_secret_access_key = {inner}\n"),
    )
    .expect("writable");
    let lambda = Recorder::start(move |_| {
        super::sources::refusal(400, "InvalidParameterValueException", &format!("{token}, {inner}"))
    });
    let mut request = stanza(scenario.env(&lambda.url()));
    let variables = json!({
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": format!("{}/credentials", server.url()),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": path("token"), "AWS_CONFIG_FILE": path("config"),
    });
    extend(&mut request["env"], &variables);
    let ended = scenario.run(&[], &request);
    assert!(ended.stdout.contains("identified") && ended.outcome() == "failed", "{}", ended.stdout);
    for secret in [token, inner] {
        assert!(!ended.stdout.contains(secret), "{}", ended.stdout);
    }
}

#[test]
fn a_renewal_that_fails_is_reported_in_words_and_without_the_output_of_a_process() {
    // STS refuses the second request.
    let count = AtomicUsize::new(0);
    let sts = Recorder::start(move |asked| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::ok(FIRST.as_sts(&asked.form()["Action"], TOO_SHORT)),
        _ => super::sources::refusal(403, "AccessDenied", "not authorized to perform: sts:AssumeRole"),
    });
    let endpoint = FIRST.endpoint("us-east-1");
    let refused = deploy("role", &sts, &endpoint.url());
    assert_eq!(refused.code(), "no-credentials", "{}", refused.stdout);
    let cause = "AWS refused AssumeRole with AccessDenied: not authorized to perform: sts:AssumeRole";
    assert_eq!(refused.finished()["error"]["caused_by"], json!([cause]));

    // A proxy answers the second request, with a text that the SDK cannot parse.
    let count = AtomicUsize::new(0);
    let sts = Recorder::start(move |asked| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::ok(FIRST.as_sts(&asked.form()["Action"], TOO_SHORT)),
        _ => Answer::status(403, "<html>no way out</html>"),
    });
    let garbled = deploy("role", &sts, &endpoint.url());
    assert_eq!(garbled.code(), "no-credentials", "{}", garbled.stdout);
    let cause = garbled.finished()["error"]["caused_by"][0].as_str().expect("a cause");
    assert!(cause.starts_with("AssumeRole "), "{cause}");
    assert!(!cause.contains("unhandled error") && !cause.ends_with(": Error"), "{cause}");

    // A process fails the second time, and writes a key to its standard error.
    let scenario = Scenario::new();
    let path = |name: &str| scenario.directory.path().join(name);
    let (key, keys) = ("a-key-that-the-process-prints", process_keys());
    let script = format!(
        "if [ -e '{0}' ]; then echo {key} >&2; exit 3; fi; touch '{0}'; echo '{keys}'",
        path("ran").display()
    );
    let request = with_process(&scenario, &script, &endpoint.url());
    let failed = scenario.run(&[], &request);
    assert_eq!(failed.code(), "no-credentials", "{}", failed.stdout);
    assert!(!failed.stdout.contains(key) && failed.stdout.contains("exit status: 3"), "{}", failed.stdout);
}

/// A request for this Lambda endpoint, with a `credential_process` that runs this script.
fn with_process(scenario: &Scenario, script: &str, lambda: &str) -> Value {
    let path = |name: &str| scenario.directory.path().join(name);
    std::fs::write(path("process"), script).expect("writable");
    let process = format!("[default]\ncredential_process = bash '{}'\n", path("process").display());
    std::fs::write(path("config"), process).expect("writable");
    let mut request = stanza(scenario.env(lambda));
    extend(&mut request["env"], &json!({"AWS_CONFIG_FILE": path("config")}));
    request
}

/// The output of a `credential_process` with the keys FIRST, which expire at once.
fn process_keys() -> Value {
    json!({
        "Version": 1, "AccessKeyId": FIRST.id, "SecretAccessKey": FIRST.secret(), "SessionToken": FIRST.token(),
        "Expiration": FIRST.document(TOO_SHORT).parse::<Value>().expect("JSON")["Expiration"],
    })
}

#[test]
fn a_process_that_hangs_at_a_renewal_is_ended() {
    let (scenario, endpoint) = (Scenario::new(), FIRST.endpoint("us-east-1"));
    let path = |name: &str| scenario.directory.path().join(name);
    let keys = process_keys();
    let script = format!(
        "if [ -e '{pid}' ]; then echo $$ >'{pid}'; exec sleep 600; fi; touch '{pid}'; echo '{keys}'",
        pid = path("pid").display()
    );
    let mut request = with_process(&scenario, &script, &endpoint.url());
    request["wait_timeout"] = json!(2);
    let ended = scenario.run(&[], &request);
    assert_eq!(ended.outcome(), "failed", "{}", ended.stdout);
    let pid = std::fs::read_to_string(path("pid")).expect("the process has run");
    assert!(!pid.trim().is_empty(), "no renewal: {}", ended.stdout);
    // A dead process may not have been waited for yet.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[test]
#[ignore = "second tier: long"]
fn a_deployment_that_outlasts_its_keys_goes_on_with_new_ones() {
    let name = |at: &&str| (*at).to_owned();
    check_each(&["container", "role", "token"], 3, name, |&at| {
        let create_duration = Duration::from_millis(8500);
        let endpoint =
            Endpoint::start(Settings { create_duration, ..FIRST.settings() }).expect("a free port");
        let server = server(at, SHORT, FIRST);
        let ended = deploy(at, &server, &endpoint.url());
        assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
        let asked = server.lines().len();
        assert!((2..=endpoint.calls().len()).contains(&asked), "{asked} requests for keys");
        println!("{at}: {asked} requests for keys during {} calls", endpoint.calls().len());
    });
}
