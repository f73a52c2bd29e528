//! Tests runs that must fail because of their credentials: the error, the requests made before it, and the
//! secrets that must stay hidden. Other valid credentials are always available, and the program must not use
//! them.

use serde_json::{Map, Value, json};

use super::recorder::{Answer, Recorder};
use super::sources::{Home, Keys, ROLE, ROLE_KEYS, container, metadata, refusal, sts};
use super::{Scenario, extend, stanza};
use crate::plugin::{PluginCommand, PluginOutput};

const RUNNER: Keys = Keys::lasting("AKIARUNNERSOWNKEYS01");
const JOB: Keys = Keys::lasting("AKIAKEYSOFTHEJOB0001");

const CONTAINER: Keys = Keys::temporary("ASIACONTAINER0000001");

fn variables(pairs: Vec<(String, String)>) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
}

#[test]
fn a_password_in_an_endpoint_that_is_none_is_not_reported() {
    for url in [
        "ftp://me:hunter2x@host",
        "me:hunter2x@host:80",
        "https//me:hunter2x@host",
        "https://me:hunter2x y@host",
        "host?token=hunter2x",
        "ftp://host/?api_key=hunter2x",
        "https://me:hu/hunter2x@ho st",
    ] {
        let scenario = Scenario::new();
        let mut request = stanza(scenario.env(url));
        extend(&mut request["env"], &Value::Object(variables(JOB.variables("AWS"))));
        let ended = scenario.run(&["plan"], &request);
        assert_eq!(reported(&ended).0, "bad-value", "{url}: {}", ended.stdout);
        assert!(!ended.stdout.contains("hunter2x"), "{url}: {}", ended.stdout);
    }
}

/// A server in place of AWS returns a secret as request id and as version.
#[test]
fn request_ids_and_versions_of_aws_are_masked_too() {
    let secret = "ghp_hunter2x/0123456789";
    let code = std::sync::Mutex::new(String::new());
    let lambda = Recorder::start(move |asked| {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let mut code = code.lock().expect("no thread panicked");
        let is_there = !code.is_empty();
        if let Some(zip) = body["Code"]["ZipFile"].as_str() {
            let zip = base64_simd::STANDARD.decode_to_vec(zip).expect("base64");
            *code = base64_simd::STANDARD.encode_to_string(<sha2::Sha256 as sha2::Digest>::digest(zip));
        }
        let configuration = json!({
            "FunctionName": "f", "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f", "Runtime": "nodejs22.x",
            "Role": "arn:aws:iam::123456789012:role/run", "Handler": "index.handler", "CodeSha256": *code, "State": "Active",
            "LastUpdateStatus": "Successful", "RevisionId": "r", "PackageType": "Zip",
            "Version": if asked.target.ends_with("/versions") { secret } else { "$LATEST" },
        });
        let (status, answer) = match (asked.method.as_str(), asked.target.contains("/functions/f")) {
            ("GET", true) if !is_there => (404, json!({"Type": "User", "Message": "Function not found"})),
            ("GET", true) => (200, json!({"Configuration": configuration, "Code": {}, "Versions": []})),
            _ => (201, configuration),
        };
        let headers = vec![
            ("x-amzn-requestid", format!("id-{secret}")),
            ("x-amzn-errortype", "ResourceNotFoundException".to_owned()),
        ];
        Answer::Text(status, if status == 404 { headers } else { headers[..1].to_vec() }, answer.to_string())
    });
    let scenario = Scenario::new();
    let mut request = stanza(scenario.env(&lambda.url()));
    extend(&mut request["env"], &Value::Object(variables(JOB.variables("AWS"))));
    extend(&mut request["env"], &json!({"GITHUB_TOKEN": secret}));
    request["publish"] = json!(true);
    let ended = scenario.run(&[], &request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(ended.finished()["version"], "[secure]");
    assert_eq!(ended.event("step-finished").expect("the event exists")["request_id"], "id-[secure]");
    assert!(!ended.stdout.contains("hunter2x"), "{}", ended.stdout);
}

/// The error code, the JSON pointer `at` and the exit status.
#[track_caller]
fn reported(ended: &PluginOutput) -> (&str, &str, Option<i32>) {
    let at = ended.finished()["error"]["at"].as_str().unwrap_or_default();
    (ended.code(), at, ended.status.code())
}

#[test]
fn nothing_of_the_runners_identity_is_used_for_a_job_that_brings_its_env() {
    let (scenario, endpoint) = (Scenario::new(), RUNNER.endpoint("us-east-1"));
    let (sts, container, metadata) = (sts(), container(RUNNER), metadata(RUNNER));
    let config = "[profile instance]\nrole_arn = arn:aws:iam::123456789012:role/deploy\ncredential_source = Ec2InstanceMetadata\n";
    let home = Home::new(config, &format!("[default]\n{0}[named]\n{0}", RUNNER.profile()));
    let token = home.file("token", "a.web.identity").display().to_string();
    let mut runner = variables(RUNNER.variables("AWS"));
    runner.extend(variables(RUNNER.variables("LAMBDA")));
    extend_map(
        &mut runner,
        &json!({
            "HOME": home.path(),
            "AWS_PROFILE": "named",
            "AWS_CONFIG_FILE": format!("{}/.aws/config", home.path()),
            "AWS_SHARED_CREDENTIALS_FILE": format!("{}/.aws/credentials", home.path()),
            "AWS_WEB_IDENTITY_TOKEN_FILE": token,
            "AWS_ROLE_ARN": ROLE,
            "AWS_ENDPOINT_URL_STS": sts.url(),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": format!("{}/credentials", container.url()),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token-of-the-container",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url(),
            "ID_TOKEN": "a.token.of.the.runner",
        }),
    );
    let run = |runner: &Map<String, Value>, request: &Value| {
        let plugin = runner.iter().fold(PluginCommand::new(&[]), |plugin, (name, value)| {
            plugin.env(name, value.as_str().expect("a string"))
        });
        scenario.run_as(plugin, request)
    };
    let mut job = stanza(scenario.env(&endpoint.url()));
    job["env"] = json!({"TRAVIS_BRANCH": "master", "AWS_ENDPOINT_URL": endpoint.url(), "HTTPS_PROXY": scenario.outside.url()});
    let asked = || (endpoint.calls().len(), sts.lines(), container.lines(), metadata.lines());
    let nobody = (0, Vec::new(), Vec::new(), Vec::new());

    let ended = run(&runner, &job);
    assert_eq!(reported(&ended), ("no-credentials", "", Some(2)), "{}", ended.stdout);
    assert_eq!(asked(), nobody);
    for (more, at) in [
        (json!({"profile": "named"}), "/profile"),
        (json!({"profile": "instance"}), "/profile"),
        (json!({"role_to_assume": ROLE}), ""),
        (json!({"role_to_assume": ROLE, "web_identity_token_env": "ID_TOKEN"}), "/web_identity_token_env"),
    ] {
        let mut job = job.clone();
        extend(&mut job, &more);
        let ended = run(&runner, &job);
        assert_eq!(reported(&ended), ("no-credentials", at, Some(2)), "{more}: {}", ended.stdout);
        assert_eq!(asked(), nobody, "{more}");
    }

    // Without `env`, the runner's environment is that of the job, and each of these sources can deploy.
    job.as_object_mut().expect("an object").remove("env");
    runner.extend(scenario.env(&endpoint.url()));
    for (source, gone) in [
        ("environment", vec![]),
        (
            "profile",
            vec![
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "LAMBDA_ACCESS_KEY_ID",
                "LAMBDA_SECRET_ACCESS_KEY",
            ],
        ),
    ] {
        gone.iter().for_each(|name| drop(runner.remove(*name)));
        job["description"] = json!(source);
        let ended = run(&runner, &job);
        assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
        assert_eq!(ended.event("identified").expect("the event exists")["source"], source);
    }
    assert!(endpoint.calls().iter().all(|call| call.access_key_id == RUNNER.id));
    assert_eq!((sts.lines(), container.lines(), metadata.lines()), (Vec::new(), Vec::new(), Vec::new()));
    for name in ["HOME", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        runner.remove(name);
    }
    // Only the source is compared: the endpoint accepts only the keys of RUNNER, and this source returns
    // temporary keys.
    let ended = run(&runner, &job);
    assert_eq!(
        ended.event("identified").expect("the event exists")["source"],
        "web-identity",
        "{}",
        ended.stdout
    );
    assert_eq!(sts.lines().len(), 1);
}

fn extend_map(map: &mut Map<String, Value>, more: &Value) {
    map.extend(more.as_object().expect("an object").clone());
}

#[test]
fn a_job_with_keys_meets_neither_the_runners_endpoint_nor_its_proxy_nor_its_bundle() {
    let (scenario, endpoint, others) = (Scenario::new(), JOB.endpoint("us-east-1"), Recorder::from_nothing());
    let mut env = scenario.env(&endpoint.url());
    env.extend(variables(JOB.variables("AWS")));
    let runner = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];
    let plugin = runner.iter().fold(PluginCommand::new(&[]), |plugin, name| plugin.env(name, &others.url()));
    let plugin = plugin.env("AWS_CA_BUNDLE", "/nowhere/at/all.pem").env("AWS_REGION", "eu-west-1");
    let ended = scenario.run_as(plugin, &stanza(env));
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(ended.finished()["region"], "us-east-1");
    assert_eq!(others.lines(), [""; 0]);
}

#[test]
fn half_a_pair_of_keys_is_refused_before_anybody_is_asked() {
    let (scenario, endpoint, metadata) = (Scenario::new(), JOB.endpoint("us-east-1"), metadata(JOB));
    let mut env = scenario.env(&endpoint.url());
    env.insert("AWS_EC2_METADATA_SERVICE_ENDPOINT".to_owned(), json!(metadata.url()));
    env.insert("AWS_ACCESS_KEY_ID".to_owned(), json!(JOB.id));
    env.extend(variables(JOB.variables("LAMBDA")));
    let ended = scenario.run(&[], &stanza(env));
    assert_eq!(reported(&ended), ("incomplete-credentials", "", Some(2)), "{}", ended.stdout);
    let message = ended.finished()["error"]["message"].as_str().expect("a string").to_owned();
    assert!(message.contains("`AWS_SECRET_ACCESS_KEY` is not"), "{message}");
    assert_eq!((endpoint.calls().len(), metadata.lines()), (0, Vec::new()));
}

#[test]
fn what_the_stanza_names_and_the_job_lacks_is_blamed() {
    let (scenario, endpoint, sts) = (Scenario::new(), JOB.endpoint("us-east-1"), sts());
    let home = Home::new("[profile empty]\nregion = us-east-1\n", &format!("[default]\n{}", JOB.profile()));
    let mut env = scenario.env(&endpoint.url());
    // Valid credentials that the stanza does not select.
    env.extend(variables(JOB.variables("AWS")));
    extend_map(&mut env, &json!({"HOME": home.path(), "AWS_ENDPOINT_URL_STS": sts.url(), "EMPTY": " "}));
    let request = stanza(env);
    for (more, at, named) in [
        (json!({"profile": "unknown"}), "/profile", "`unknown`"),
        (json!({"profile": "empty"}), "/profile", "`empty`"),
        (
            json!({"role_to_assume": ROLE, "web_identity_token_env": "ID_TOKEN"}),
            "/web_identity_token_env",
            "`ID_TOKEN`",
        ),
        (
            json!({"role_to_assume": ROLE, "web_identity_token_env": "EMPTY"}),
            "/web_identity_token_env",
            "`EMPTY`",
        ),
    ] {
        let mut request = request.clone();
        extend(&mut request, &more);
        let ended = scenario.run(&[], &request);
        assert_eq!(reported(&ended), ("no-credentials", at, Some(2)), "{more}: {}", ended.stdout);
        let message = ended.finished()["error"]["message"].as_str().expect("a string").to_owned();
        assert!(message.contains(named), "{message}");
    }
    assert_eq!((endpoint.calls().len(), sts.lines()), (0, Vec::new()));
    assert_eq!(scenario.run(&[], &request).outcome(), "deployed");
}

#[test]
fn what_sts_refuses_is_reported_as_a_refusal_of_the_role() {
    const DENIED: &str = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/deploy";
    let by_keys = json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret()});
    let by_token = json!({"web_identity_token_env": "ID_TOKEN"});
    for (who, status, code, message, expected) in [
        (&by_keys, 403, "AccessDenied", DENIED, "access-denied"),
        (
            &by_token,
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            "access-denied",
        ),
        (
            &by_keys,
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            "credentials-rejected",
        ),
        (
            &by_keys,
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match",
            "credentials-rejected",
        ),
        (
            &by_keys,
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
            "credentials-expired",
        ),
        (
            &by_token,
            400,
            "ExpiredTokenException",
            "Token expired: current date/time 2 must be before the expiration date/time 1",
            "credentials-expired",
        ),
        (
            &by_token,
            400,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://ci.example",
            "credentials-rejected",
        ),
    ] {
        let (scenario, endpoint) = (Scenario::new(), ROLE_KEYS.endpoint("us-east-1"));
        let sts = Recorder::start(move |_| refusal(status, code, message));
        let mut env = scenario.env(&endpoint.url());
        extend_map(&mut env, &json!({"AWS_ENDPOINT_URL_STS": sts.url(), "ID_TOKEN": "a.b.c"}));
        let mut request = stanza(env);
        extend(&mut request, who);
        request["role_to_assume"] = json!(ROLE);
        let ended = scenario.run(&[], &request);
        assert_eq!(reported(&ended), (expected, "/role_to_assume", Some(1)), "{code}: {}", ended.stdout);
        let error = &ended.finished()["error"];
        assert!(error.to_string().contains(message.trim_end_matches('.')), "{error}");
        assert_eq!(error["aws"]["code"], code);
        assert_eq!(error["aws"]["request_id"], "b25f48e8-84fd-11e6-80d9-574e0c4664cb");
        assert_eq!((sts.lines().len(), endpoint.calls().len()), (1, 0), "{code} is not retried");
    }
}

#[test]
fn an_expired_token_is_reported_as_expired_whether_it_comes_from_a_file_or_a_variable() {
    let sts =
        Recorder::start(|_| refusal(400, "ExpiredTokenException", "Token expired: current date/time 2"));
    let home = Home::new("", "");
    let token_file = home.file("token", "a.b.c");
    let from_file = json!({"AWS_WEB_IDENTITY_TOKEN_FILE": token_file, "AWS_ROLE_ARN": ROLE});
    let from_variable = json!({"role_to_assume": ROLE, "web_identity_token_env": "ID_TOKEN"});
    for (variables, more) in [(from_file, json!({})), (json!({"ID_TOKEN": "a.b.c"}), from_variable)] {
        let (scenario, endpoint) = (Scenario::new(), ROLE_KEYS.endpoint("us-east-1"));
        let mut request = stanza(scenario.env(&endpoint.url()));
        extend(&mut request["env"], &json!({"AWS_ENDPOINT_URL_STS": sts.url()}));
        extend(&mut request["env"], &variables);
        extend(&mut request, &more);
        let ended = scenario.run(&[], &request);
        // Exit status 1: a request to STS counts as a request to AWS.
        let reported = (ended.code(), ended.status.code());
        assert_eq!(reported, ("credentials-expired", Some(1)), "{variables}: {}", ended.stdout);
    }
}

#[test]
fn a_source_that_fails_is_not_passed_over_for_the_next_one() {
    let (scenario, endpoint, metadata) = (Scenario::new(), JOB.endpoint("us-east-1"), metadata(JOB));
    let refusing = Recorder::start(|_| Answer::status(403, "not you"));
    let sts = Recorder::start(|_| refusal(403, "AccessDenied", "no trust for you"));
    let profiles = "[profile failing]\ncredential_process = sh -c 'echo because of it >&2; exit 3'\n\
        [profile chained]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = base\n";
    let home = Home::new(profiles, &format!("[base]\n{}", JOB.profile()));
    for (name, variables, cause) in [
        (
            "container",
            json!({"AWS_CONTAINER_CREDENTIALS_FULL_URI": format!("{}/credentials", refusing.url())}),
            "provider: 403\"",
        ),
        (
            "role of a profile",
            json!({"HOME": home.path(), "AWS_PROFILE": "chained", "AWS_ENDPOINT_URL_STS": sts.url()}),
            "\"caused_by\":[\"AccessDenied: no trust for you\"]",
        ),
        (
            "token file",
            json!({"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/at/all", "AWS_ROLE_ARN": ROLE}),
            "No such file",
        ),
        ("process", json!({"HOME": home.path(), "AWS_PROFILE": "failing"}), "exit status: 3"),
    ] {
        let mut request = stanza(scenario.env(&endpoint.url()));
        extend(&mut request["env"], &json!({"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url()}));
        extend(&mut request["env"], &variables);
        let ended = scenario.run(&[], &request);
        assert_eq!(ended.code(), "no-credentials", "{name}: {}", ended.stdout);
        let reported = ended.finished()["error"].to_string();
        assert!(reported.contains(cause), "{name}: {reported}");
        // The names of Rust's types, and texts of the SDK that say nothing.
        for text in ["StatusCode", "Error {", "service error", "unhandled error", "an error occurred"] {
            assert!(!reported.contains(text), "{name}: {reported}");
        }
    }
    assert_eq!((endpoint.calls().len(), metadata.lines()), (0, Vec::new()));
}

#[test]
fn a_profile_that_is_not_there_is_refused_before_any_other_source_is_tried() {
    let (scenario, endpoint, metadata) = (Scenario::new(), JOB.endpoint("us-east-1"), metadata(JOB));
    let chained =
        "[profile chained]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = gone\n";
    let home = Home::new(chained, &format!("[default]\n{}", JOB.profile()));
    let empty = Home::new("", "");
    let unmarked = Home::new("[unmarked]\nregion = us-east-1\n", &format!("[default]\n{}", JOB.profile()));
    let keys =
        JOB.variables("AWS").into_iter().map(|(name, value)| (name, json!(value))).collect::<Map<_, _>>();
    for (variables, more, at, named) in [
        (json!({"HOME": home.path(), "AWS_PROFILE": "prod"}), json!({}), "/env/AWS_PROFILE", "`prod`"),
        (json!({"HOME": empty.path(), "AWS_PROFILE": "prod"}), json!({}), "/env/AWS_PROFILE", "`prod`"),
        (json!({"AWS_PROFILE": "prod"}), json!({}), "/env/AWS_PROFILE", "`prod`"),
        (json!({"HOME": home.path()}), json!({"profile": "prod"}), "/profile", "`prod`"),
        (json!({"HOME": home.path(), "AWS_PROFILE": "chained"}), json!({}), "", "`[profile gone]`"),
        (json!({"HOME": home.path()}), json!({"profile": "chained"}), "", "`[profile gone]`"),
        // In `config`, the SDK ignores a section without `profile`.
        (json!({"HOME": unmarked.path(), "AWS_PROFILE": "unmarked"}), json!({}), "", "`[profile unmarked]`"),
    ] {
        let mut request = stanza(scenario.env(&endpoint.url()));
        extend(&mut request["env"], &json!({"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url()}));
        // The job also has valid keys.
        if at == "/env/AWS_PROFILE" {
            extend(&mut request["env"], &Value::Object(keys.clone()));
        }
        extend(&mut request["env"], &variables);
        extend(&mut request, &more);
        let ended = scenario.run(&[], &request);
        assert_eq!(reported(&ended), ("no-credentials", at, Some(2)), "{variables} {more}: {}", ended.stdout);
        let error = ended.finished()["error"].to_string();
        assert!(error.contains(named), "{error}");
    }
    assert_eq!((endpoint.calls().len(), metadata.lines()), (0, Vec::new()));
    // A profile that exists without credentials only sets the region: another source may provide credentials.
    let region = Home::new("[profile prod]\nregion = us-east-1\n", "");
    let mut request = stanza(scenario.env(&endpoint.url()));
    extend(&mut request["env"], &Value::Object(keys));
    extend(&mut request["env"], &json!({"HOME": region.path(), "AWS_PROFILE": "prod"}));
    assert_eq!(scenario.run(&[], &request).outcome(), "deployed");
}

#[test]
fn what_sts_quotes_of_a_token_is_masked() {
    let (scenario, token) = (Scenario::new(), "eyJhbGciOiJub25lIn0.a-token-that-sts-quotes.c2ln");
    let quoting =
        Recorder::start(move |_| refusal(400, "InvalidIdentityToken", &format!("No use for {token} here")));
    let mut request = stanza(scenario.env(""));
    extend(&mut request, &json!({"role_to_assume": ROLE, "web_identity_token_env": "OF_THE_CI_SYSTEM"}));
    extend(&mut request["env"], &json!({"OF_THE_CI_SYSTEM": token, "AWS_ENDPOINT_URL_STS": quoting.url()}));
    let ended = scenario.run_as(PluginCommand::new(&[]).secrets([token.to_owned()]), &request);
    assert_eq!(ended.code(), "credentials-rejected", "{}", ended.stdout);
    assert!(ended.stdout.contains("No use for "), "{}", ended.stdout);
}

#[test]
fn what_lambda_quotes_of_keys_that_a_source_has_given_is_masked() {
    let (sts, container) = (sts(), container(CONTAINER));
    let from_role =
        json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret(), "role_to_assume": ROLE});
    let from_container = json!({
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": format!("{}/credentials", container.url()),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token-of-the-container",
    });
    for (keys, more, variables) in [(ROLE_KEYS, from_role, json!({})), (CONTAINER, json!({}), from_container)]
    {
        let quoting = Recorder::start(move |_| {
            let words = format!("No use for {} and {} here", keys.secret(), keys.token());
            let headers = vec![("x-amzn-errortype", "AccessDeniedException".to_owned())];
            Answer::Text(403, headers, json!({"Message": words}).to_string())
        });
        let scenario = Scenario::new();
        let mut request = stanza(scenario.env(&quoting.url()));
        extend(&mut request["env"], &json!({"AWS_ENDPOINT_URL_STS": sts.url()}));
        extend(&mut request["env"], &variables);
        extend(&mut request, &more);
        let ended = scenario.run_as(PluginCommand::new(&[]).secrets([keys.secret(), keys.token()]), &request);
        assert_eq!(ended.code(), "access-denied", "{}", ended.stdout);
        assert!(ended.stdout.contains("No use for "), "{}", ended.stdout);
    }
}

#[test]
fn a_directory_that_is_called_like_a_home_is_no_home() {
    let directory = crate::deployments::build_directory();
    let files = directory.path().join("~/.aws");
    std::fs::create_dir_all(&files).expect("can be created");
    let run = "[default]\nregion = eu-west-9\ncredential_process = touch RAN\n";
    std::fs::write(files.join("config"), run).expect("writable");
    let keys =
        "[default]\naws_access_key_id = AKIAOFTHEBUILD\naws_secret_access_key = of-the-build-directory\n";
    std::fs::write(files.join("credentials"), keys).expect("writable");
    let job = json!({"TRAVIS_BRANCH": "master", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"});
    for env in [
        Some(job.clone()),
        Some(json!({"TRAVIS_BRANCH": "master", "HOME": ""})),
        Some(json!({"TRAVIS_BRANCH": "master", "HOME": "~"})),
        Some(json!({"TRAVIS_BRANCH": "master", "AWS_CONFIG_FILE": "~/.aws/config"})),
        None,
    ] {
        let mut request = json!({"function_name": "f", "zip": "index.js"});
        if let Some(env) = &env {
            request["env"] = env.clone();
        }
        let ended = PluginCommand::new(&["plan"])
            .directory(directory.path())
            .env("TRAVIS_BRANCH", "master")
            .run(&request);
        assert_eq!(ended.code(), "no-credentials", "{env:?}: {}", ended.stdout);
        assert!(!directory.path().join("RAN").exists(), "a file of the build directory was run: {env:?}");
    }
}
