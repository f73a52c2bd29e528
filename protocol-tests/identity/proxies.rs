//! Which host a run asks for, as the proxy sees it that it has to go through, and what goes past a proxy.
//! Never lets anybody through to where they want to go.

use std::net::SocketAddr;
use std::thread;

use serde_json::{Value, json};

use super::recorder::{Answer, Recorder};
use super::sources::{AN_HOUR, Home, ROLE, ROLE_KEYS, address_of};
use super::tls::{Front, JOB};
use super::{Stand, extend, stanza};
use crate::deployments::noise;
use crate::plugin::{Ended, Plugin};

/// Records who is asked for, and hangs up.
fn proxy() -> Recorder {
    Recorder::of_nothing()
}

/// The hosts that were asked for, each once.
#[track_caller]
fn hosts(proxy: &Recorder) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for line in proxy.lines() {
        let host = line.strip_prefix("CONNECT ").unwrap_or_else(|| panic!("not behind TLS: {line}"));
        let host = host.strip_suffix(":443").unwrap_or_else(|| panic!("another port: {host}"));
        if hosts.last().is_none_or(|last| last != host) {
            hosts.push(host.to_owned());
        }
    }
    hosts
}

/// A run whose Lambda is AWS's own, and which has to go through that proxy to reach it.
#[track_caller]
fn run(proxy: &Recorder, more: &Value, variables: &Value) -> Ended {
    let stand = Stand::new();
    let mut request = stanza(stand.env(""));
    extend(&mut request, &json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret(), "wait_timeout": 2}));
    request["env"].as_object_mut().expect("an object").remove("AWS_ENDPOINT_URL_LAMBDA");
    extend(&mut request["env"], &json!({"HTTPS_PROXY": proxy.url()}));
    extend(&mut request["env"], variables);
    extend(&mut request, more);
    stand.run(&[], &request)
}

#[test]
fn each_partition_and_kind_of_endpoint_has_its_host() {
    let (fips, dual_stack) = (json!({"AWS_USE_FIPS_ENDPOINT": "true"}), json!({"AWS_USE_DUALSTACK_ENDPOINT": "true"}));
    let both = json!({"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"});
    let home = Home::new("[default]\nuse_fips_endpoint = true\n[profile b]\nuse_dualstack_endpoint = true\n", "");
    let of_files = |profile: &str| json!({"HOME": home.path(), "AWS_PROFILE": profile});
    let ignoring = json!({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"});
    let rows = [
        ("", json!({}), "lambda.us-east-1.amazonaws.com"),
        ("eu-west-1", json!({}), "lambda.eu-west-1.amazonaws.com"),
        ("us-east-1", fips.clone(), "lambda-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", dual_stack.clone(), "lambda.eu-west-1.api.aws"),
        ("us-east-1", both, "lambda-fips.us-east-1.api.aws"),
        ("us-gov-west-1", json!({}), "lambda.us-gov-west-1.amazonaws.com"),
        ("us-gov-west-1", fips, "lambda-fips.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", json!({}), "lambda.cn-north-1.amazonaws.com.cn"),
        ("cn-north-1", dual_stack, "lambda.cn-north-1.api.amazonwebservices.com.cn"),
        ("us-east-1", of_files("default"), "lambda-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", of_files("b"), "lambda.eu-west-1.api.aws"),
        ("", json!({"AWS_REGION": "ap-south-1", "AWS_DEFAULT_REGION": "eu-west-1"}), "lambda.ap-south-1.amazonaws.com"),
        (
            "",
            json!({"AWS_DEFAULT_REGION": "eu-west-1", "LAMBDA_REGION": "us-west-2"}),
            "lambda.eu-west-1.amazonaws.com",
        ),
        ("", json!({"LAMBDA_REGION": "us-west-2"}), "lambda.us-west-2.amazonaws.com"),
        ("eu-west-1", ignoring, "lambda.eu-west-1.amazonaws.com"),
    ];
    thread::scope(|scope| {
        for (region, variables, expected) in &rows {
            scope.spawn(move || {
                let proxy = proxy();
                let more = if region.is_empty() { json!({}) } else { json!({"region": region}) };
                let ended = run(&proxy, &more, variables);
                assert_eq!(hosts(&proxy), [*expected], "{region} {variables}: {}", ended.stdout);
                let (code, status) = (ended.code(), ended.status.code());
                assert!(["network-failure", "timed-out"].contains(&code) && status == Some(1), "{}", ended.stdout);
            });
        }
    });
    println!("{} hosts of Lambda", rows.len());
}

#[test]
fn sts_and_s3_are_asked_in_the_same_region_and_of_the_same_kind() {
    let role = json!({"role_to_assume": ROLE});
    let home = Home::new(
        "[profile chained]\nrole_arn = arn:aws:iam::123456789012:role/chained\nsource_profile = green\n",
        &format!("[green]\n{}", JOB.profile()),
    );
    let token = home.file("token", "a.b.c");
    let of_file = json!({"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": ROLE, "ID_TOKEN": "a.b.c"});
    let token = json!({"role_to_assume": ROLE, "web_identity_token_env": "ID_TOKEN"});
    let profile = json!({"profile": "chained"});
    let no_keys = json!({"access_key_id": null, "secret_access_key": null});
    let kinds = [
        ("eu-west-1", "", "sts.eu-west-1.amazonaws.com"),
        ("us-east-1", "AWS_USE_FIPS_ENDPOINT", "sts-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", "AWS_USE_DUALSTACK_ENDPOINT", "sts.eu-west-1.api.aws"),
        ("us-gov-west-1", "", "sts.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "", "sts.cn-north-1.amazonaws.com.cn"),
    ];
    let ways = [
        ("role_to_assume", &role, true),
        ("web_identity_token_env", &token, false),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &json!({}), false),
        ("source_profile", &profile, false),
    ];
    let wrong: Vec<String> = thread::scope(|scope| {
        let mut runs = Vec::new();
        for (region, kind, expected) in kinds {
            for (name, more, has_keys) in &ways {
                let (of_file, home, no_keys) = (&of_file, &home, &no_keys);
                runs.push(scope.spawn(move || {
                    let proxy = proxy();
                    let mut more = (*more).clone();
                    extend(&mut more, &json!({"region": region}));
                    if !has_keys {
                        extend(&mut more, no_keys);
                    }
                    let mut variables = of_file.clone();
                    extend(&mut variables, &json!({"HOME": home.path()}));
                    if !kind.is_empty() {
                        extend(&mut variables, &json!({kind: "true"}));
                    }
                    let ended = run(&proxy, &more, &variables);
                    let hosts = hosts(&proxy);
                    (hosts != [expected]).then(|| format!("{name} {region} {kind}: {hosts:?} {}", ended.stdout))
                }));
            }
        }
        runs.into_iter().filter_map(|run| run.join().expect("no panic")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // A package that goes by way of a bucket; Lambda itself is here.
    for (variables, expected) in [
        (json!({}), "packages.s3.eu-west-1.amazonaws.com"),
        (json!({"AWS_USE_DUALSTACK_ENDPOINT": "true"}), "packages.s3.dualstack.eu-west-1.amazonaws.com"),
    ] {
        let (proxy, stand, endpoint) = (proxy(), Stand::new(), JOB.endpoint("eu-west-1"));
        std::fs::write(stand.directory.path().join("noise.bin"), noise(51 << 20)).expect("written");
        let mut request = stanza(stand.env(&endpoint.url()));
        extend(&mut request["env"], &json!({"HTTPS_PROXY": proxy.url()}));
        extend(&mut request["env"], &variables);
        let more = json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret(), "wait_timeout": 2,
            "region": "eu-west-1", "s3_bucket": "packages"});
        extend(&mut request, &more);
        let ended = stand.run(&[], &request);
        assert_eq!(hosts(&proxy), [expected], "{}", ended.stdout);
    }
}

/// Lets everybody through, to one address.
fn tunnel(to: SocketAddr) -> Recorder {
    Recorder::start(move |asked| if asked.method == "CONNECT" { Answer::Tunnel(to) } else { Answer::Hangup })
}

#[test]
fn a_deployment_by_way_of_a_proxy_ends_at_the_host_that_was_asked_for() {
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let endpoint = JOB.endpoint("eu-west-1");
        let front = Front::before(address_of(&endpoint.url()));
        let proxy = tunnel(front.address());
        let mut variables = json!({"HTTPS_PROXY": "", "AWS_CA_BUNDLE": front.bundle()});
        extend(&mut variables, &json!({name: proxy.url()}));
        let ended = run(&proxy, &json!({"region": "eu-west-1", "wait_timeout": 20}), &variables);
        assert_eq!(ended.outcome(), "deployed", "{name}: {}", ended.stdout);
        assert_eq!(hosts(&proxy), ["lambda.eu-west-1.amazonaws.com"], "{name}");
        assert!(endpoint.function("f").is_some());
    }
}

#[test]
fn a_proxy_gets_its_password_and_nobody_else_does() {
    let endpoint = JOB.endpoint("eu-west-1");
    let front = Front::before(address_of(&endpoint.url()));
    let proxy = tunnel(front.address());
    let secrets = ["proxy-password".to_owned(), "cGVyc29uOnByb3h5LXBhc3N3b3Jk".to_owned()];
    let url = proxy.url().replace("http://", "http://person:proxy-password@");
    let refusing = Recorder::start(|_| Answer::status(407, "who are you?"));
    let refusing_url = refusing.url().replace("http://", "http://person:proxy-password@");
    for (url, outcome) in [(url, "deployed"), (refusing_url, "failed")] {
        let stand = Stand::new();
        let mut request = stanza(stand.env(""));
        request["env"] = json!({"TRAVIS_BRANCH": "master", "HTTPS_PROXY": url, "AWS_CA_BUNDLE": front.bundle()});
        let more = json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret(), "region": "eu-west-1",
            "wait_timeout": 3});
        extend(&mut request, &more);
        let ended = stand.run_as(Plugin::new(&[]).secrets(secrets.clone()), &request);
        println!("{}", ended.finished()["error"]);
        assert_eq!(ended.outcome(), outcome, "{}", ended.stdout);
    }
    for asked in proxy.asked().iter().chain(&refusing.asked()) {
        assert_eq!(asked.header("proxy-authorization"), "Basic cGVyc29uOnByb3h5LXBhc3N3b3Jk", "{asked:?}");
    }
}

#[test]
fn what_is_here_is_asked_without_a_proxy() {
    let endpoint = JOB.endpoint("us-east-1");
    let front = Front::before(address_of(&endpoint.url()));
    let https = format!("https://localhost:{}", front.address().port());
    for (url, variables) in [
        (endpoint.url(), json!({"NO_PROXY": "127.0.0.1"})),
        (endpoint.url(), json!({"no_proxy": "127.0.0.0/8"})),
        (https.clone(), json!({"NO_PROXY": "localhost"})),
        (https.clone(), json!({"NO_PROXY": "example.com, localhost"})),
        (https, json!({"NO_PROXY": "*"})),
    ] {
        let proxy = proxy();
        let mut all = json!({
            "HTTPS_PROXY": proxy.url(), "HTTP_PROXY": proxy.url(), "ALL_PROXY": proxy.url(),
            "AWS_ENDPOINT_URL": url, "AWS_CA_BUNDLE": front.bundle(),
        });
        extend(&mut all, &variables);
        let ended = run(&proxy, &json!({"wait_timeout": 20}), &all);
        assert!(["deployed", "unchanged"].contains(&ended.outcome()), "{url} {variables}: {}", ended.stdout);
        assert_eq!(proxy.lines(), [""; 0], "{url} {variables}");
    }
}

#[test]
fn sources_of_credentials_on_the_machine_are_asked_without_a_proxy() {
    let (endpoint, keys) = (ROLE_KEYS.endpoint("us-east-1"), ROLE_KEYS);
    let container = Recorder::start(move |_| Answer::ok(keys.document(AN_HOUR)));
    let proxy = proxy();
    let variables = json!({
        "HTTPS_PROXY": proxy.url(), "HTTP_PROXY": proxy.url(), "ALL_PROXY": proxy.url(),
        "AWS_ENDPOINT_URL": endpoint.url(),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": format!("{}/credentials", container.url()),
    });
    let ended = run(&proxy, &json!({"access_key_id": null, "secret_access_key": null}), &variables);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!((container.lines().len(), proxy.lines()), (1, Vec::new()));
}
