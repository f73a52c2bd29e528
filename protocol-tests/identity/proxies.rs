//! Tests which host names the program uses, as seen by its proxy, and which requests bypass the proxy.
//! The proxy forwards every connection to a server on this machine.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::recorder::{Answer, Recorder};
use super::sources::{AN_HOUR, Home, ROLE, ROLE_KEYS, address_of};
use super::tls::{Front, JOB};
use super::{Scenario, extend, stanza};
use crate::deployments::noise;
use crate::plugin::PluginCommand;

/// The responses of AWS that a plan needs: the function does not exist, S3 denies access, and STS returns
/// role credentials.
fn aws() -> Recorder {
    Recorder::start(|asked| match asked.form().get("Action") {
        Some(operation) => Answer::ok(ROLE_KEYS.as_sts(operation, AN_HOUR)),
        None if asked.target.contains("/functions/") => {
            let headers = vec![("x-amzn-errortype", "ResourceNotFoundException".to_owned())];
            Answer::Text(404, headers, json!({"Message": "Function not found", "Type": "User"}).to_string())
        }
        None => {
            Answer::status(403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        }
    })
}

/// A proxy that forwards every connection to one address.
fn proxy(to: SocketAddr) -> Recorder {
    Recorder::start(move |asked| if asked.method == "CONNECT" { Answer::Tunnel(to) } else { Answer::Hangup })
}

/// The hosts of the proxy's CONNECT requests, in order, without consecutive duplicates.
#[track_caller]
fn hosts(proxy: &Recorder) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for line in proxy.lines() {
        let host = line.strip_prefix("CONNECT ").unwrap_or_else(|| panic!("a request without TLS: {line}"));
        let host = host.strip_suffix(":443").unwrap_or_else(|| panic!("a port other than 443: {host}"));
        if hosts.last().is_none_or(|last| last != host) {
            hosts.push(host.to_owned());
        }
    }
    hosts
}

/// A request with keys, whose job must use this proxy and sets no endpoint URL.
fn through(proxy: &Recorder, front: &Front) -> Value {
    let env = json!({"TRAVIS_BRANCH": "master", "HTTPS_PROXY": proxy.url(), "AWS_CA_BUNDLE": front.bundle()});
    let mut request = stanza(env.as_object().expect("an object").clone());
    extend(&mut request, &json!({"access_key_id": JOB.id, "secret_access_key": JOB.secret()}));
    request
}

#[test]
fn lambda_has_its_host_in_each_partition_and_of_each_kind() {
    let (fips, dual_stack) =
        (json!({"AWS_USE_FIPS_ENDPOINT": "true"}), json!({"AWS_USE_DUALSTACK_ENDPOINT": "true"}));
    let both = json!({"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"});
    let home = Home::new(
        "[default]\nuse_fips_endpoint = true\n[profile b]\nuse_dualstack_endpoint = true\n\
                          [profile c]\nregion = ap-south-1\n",
        "",
    );
    let from_files = |profile: &str| json!({"HOME": home.path(), "AWS_PROFILE": profile});
    let mut from_both = from_files("c");
    extend(&mut from_both, &json!({"AWS_DEFAULT_REGION": "eu-west-1"}));
    let ignored =
        json!({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"});
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
        ("us-east-1", from_files("default"), "lambda-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", from_files("b"), "lambda.eu-west-1.api.aws"),
        (
            "",
            json!({"AWS_REGION": "ap-south-1", "AWS_DEFAULT_REGION": "eu-west-1"}),
            "lambda.ap-south-1.amazonaws.com",
        ),
        (
            "",
            json!({"AWS_DEFAULT_REGION": "eu-west-1", "LAMBDA_REGION": "us-west-2"}),
            "lambda.eu-west-1.amazonaws.com",
        ),
        ("", json!({"LAMBDA_REGION": "us-west-2"}), "lambda.us-west-2.amazonaws.com"),
        ("", from_files("c"), "lambda.ap-south-1.amazonaws.com"),
        ("", from_both, "lambda.eu-west-1.amazonaws.com"),
        ("eu-west-1", ignored, "lambda.eu-west-1.amazonaws.com"),
    ];
    let aws = aws();
    let front = Front::named(&rows.each_ref().map(|row| row.2), aws.address());
    for (region, variables, expected) in &rows {
        let (scenario, proxy) = (Scenario::new(), proxy(front.address()));
        let mut request = through(&proxy, &front);
        extend(&mut request["env"], variables);
        if !region.is_empty() {
            request["region"] = json!(region);
        }
        let ended = scenario.run(&["plan"], &request);
        assert_eq!(hosts(&proxy), [*expected], "{region} {variables}: {}", ended.stdout);
        assert_eq!(ended.outcome(), "planned", "{region} {variables}: {}", ended.stdout);
    }
    println!("{} Lambda hosts", rows.len());
}

#[test]
fn sts_has_its_host_in_each_partition_and_of_each_kind_by_whichever_way_it_is_asked() {
    let chained =
        "[profile chained]\nrole_arn = arn:aws:iam::123456789012:role/chained\nsource_profile = green\n";
    let home = Home::new(chained, &format!("[green]\n{}", JOB.profile()));
    let token = home.file("token", "a.b.c");
    let no_keys = json!({"access_key_id": null, "secret_access_key": null});
    let kinds = [
        ("eu-west-1", "", "sts.eu-west-1.amazonaws.com", "lambda.eu-west-1.amazonaws.com"),
        (
            "us-east-1",
            "AWS_USE_FIPS_ENDPOINT",
            "sts-fips.us-east-1.amazonaws.com",
            "lambda-fips.us-east-1.amazonaws.com",
        ),
        ("eu-west-1", "AWS_USE_DUALSTACK_ENDPOINT", "sts.eu-west-1.api.aws", "lambda.eu-west-1.api.aws"),
        ("us-gov-west-1", "", "sts.us-gov-west-1.amazonaws.com", "lambda.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "", "sts.cn-north-1.amazonaws.com.cn", "lambda.cn-north-1.amazonaws.com.cn"),
    ];
    let ways = [
        ("role_to_assume", json!({"role_to_assume": ROLE}), json!({}), true),
        (
            "web_identity_token_env",
            json!({"role_to_assume": ROLE, "web_identity_token_env": "ID_TOKEN"}),
            json!({"ID_TOKEN": "a.b.c"}),
            false,
        ),
        ("source_profile", json!({"profile": "chained"}), json!({"HOME": home.path()}), false),
        (
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            json!({}),
            json!({"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": ROLE}),
            false,
        ),
    ];
    let aws = aws();
    // The certificate also covers hosts that would be wrong, so that such a request fails the test at once
    // and not by a timeout.
    let beside = ["sts.us-east-1.amazonaws.com", "sts.amazonaws.com"];
    let names: Vec<&str> = kinds.iter().flat_map(|kind| [kind.2, kind.3]).chain(beside).collect();
    let front = Front::named(&names, aws.address());
    let mut wrong = Vec::new();
    for (region, kind, sts, lambda) in kinds {
        for (name, more, variables, has_keys) in &ways {
            let (scenario, proxy) = (Scenario::new(), proxy(front.address()));
            let mut request = through(&proxy, &front);
            extend(&mut request, &json!({"region": region}));
            extend(&mut request, more);
            if !has_keys {
                extend(&mut request, &no_keys);
            }
            extend(&mut request["env"], variables);
            if !kind.is_empty() {
                extend(&mut request["env"], &json!({kind: "true"}));
            }
            let ended = scenario.run(&["plan"], &request);
            assert_eq!(ended.outcome(), "planned", "{name} {region} {kind}: {}", ended.stdout);
            let hosts = hosts(&proxy);
            if hosts != [sts, lambda] {
                wrong.push(format!("{name} in {region} {kind}: {hosts:?}, not {sts}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} sources of credentials, {} kinds of STS hosts", ways.len(), kinds.len());
}

#[test]
fn a_bucket_has_its_host_in_the_functions_region() {
    let rows = [
        ("", ["lambda.eu-west-1.amazonaws.com", "packages.s3.eu-west-1.amazonaws.com"]),
        (
            "AWS_USE_DUALSTACK_ENDPOINT",
            ["lambda.eu-west-1.api.aws", "packages.s3.dualstack.eu-west-1.amazonaws.com"],
        ),
    ];
    let aws = aws();
    let front = Front::named(&rows.map(|row| row.1).concat(), aws.address());
    let package = noise(51 << 20);
    for (kind, expected) in rows {
        let (scenario, proxy) = (Scenario::new(), proxy(front.address()));
        std::fs::write(scenario.directory.path().join("noise.bin"), &package).expect("writable");
        let mut request = through(&proxy, &front);
        extend(&mut request, &json!({"region": "eu-west-1", "s3_bucket": "packages"}));
        if !kind.is_empty() {
            extend(&mut request["env"], &json!({kind: "true"}));
        }
        let ended = scenario.run(&[], &request);
        assert_eq!(hosts(&proxy), expected, "{}", ended.stdout);
        let error = &ended.finished()["error"];
        assert_eq!(
            (ended.code(), error["at"].as_str()),
            ("access-denied", Some("/s3_bucket")),
            "{}",
            ended.stdout
        );
    }
}

#[test]
fn a_deployment_through_a_proxy_ends_at_the_host_that_was_asked_for() {
    // For the variables that the program could overlook, use a host that cannot exist: without the proxy the
    // run fails.
    let (known, unknown) = ("lambda.eu-west-1.amazonaws.com", "lambda.invalid");
    for (name, host) in [("HTTPS_PROXY", known), ("https_proxy", unknown), ("ALL_PROXY", unknown)] {
        let (scenario, endpoint) = (Scenario::new(), JOB.endpoint("eu-west-1"));
        let front = Front::named(&[host], address_of(&endpoint.url()));
        let proxy = proxy(front.address());
        let mut request = through(&proxy, &front);
        request["region"] = json!("eu-west-1");
        request["env"].as_object_mut().expect("an object").remove("HTTPS_PROXY");
        extend(&mut request["env"], &json!({name: proxy.url()}));
        if host == unknown {
            extend(&mut request["env"], &json!({"AWS_ENDPOINT_URL": format!("https://{unknown}")}));
        }
        let ended = scenario.run(&[], &request);
        assert_eq!(ended.outcome(), "deployed", "{name}: {}", ended.stdout);
        assert_eq!(hosts(&proxy), [host], "{name}");
        assert!(endpoint.function("f").is_some());
    }
}

#[test]
fn a_proxy_gets_its_password_and_nobody_else_does() {
    let endpoint = JOB.endpoint("eu-west-1");
    let front = Front::named(&["lambda.eu-west-1.amazonaws.com"], address_of(&endpoint.url()));
    let refusing = Recorder::start(|_| Answer::status(407, "who are you?"));
    let secrets = ["proxy-password", "cGVyc29uOnByb3h5LXBhc3N3b3Jk"].map(str::to_owned);
    for (proxy, outcome) in [(proxy(front.address()), "deployed"), (refusing, "failed")] {
        let scenario = Scenario::new();
        let mut request = through(&proxy, &front);
        extend(&mut request, &json!({"region": "eu-west-1", "wait_timeout": 3}));
        let url = proxy.url().replace("http://", "http://person:proxy-password@");
        extend(&mut request["env"], &json!({"HTTPS_PROXY": url}));
        let ended = scenario.run_as(PluginCommand::new(&[]).secrets(secrets.clone()), &request);
        assert_eq!(ended.outcome(), outcome, "{}", ended.stdout);
        assert!(!proxy.asked().is_empty());
        for asked in proxy.asked() {
            assert_eq!(
                asked.header("proxy-authorization"),
                "Basic cGVyc29uOnByb3h5LXBhc3N3b3Jk",
                "{asked:?}"
            );
        }
    }
}

#[test]
fn what_no_proxy_names_is_asked_without_one() {
    let endpoint = JOB.endpoint("us-east-1");
    let front = Front::named(&["localhost"], address_of(&endpoint.url()));
    let https = format!("https://localhost:{}", front.address().port());
    for (url, variables) in [
        (endpoint.url(), json!({"NO_PROXY": "127.0.0.1"})),
        (endpoint.url(), json!({"no_proxy": "127.0.0.0/8"})),
        (https.clone(), json!({"NO_PROXY": "localhost"})),
        (https.clone(), json!({"NO_PROXY": "example.com, localhost"})),
        (https, json!({"NO_PROXY": "*"})),
    ] {
        let scenario = Scenario::new();
        let mut request = through(&scenario.outside, &front);
        let outside = json!({"HTTP_PROXY": scenario.outside.url(), "ALL_PROXY": scenario.outside.url(), "AWS_ENDPOINT_URL": url});
        extend(&mut request["env"], &outside);
        extend(&mut request["env"], &variables);
        let ended = scenario.run(&[], &request);
        assert!(["deployed", "unchanged"].contains(&ended.outcome()), "{url} {variables}: {}", ended.stdout);
    }
}

#[test]
fn what_gives_credentials_on_the_machine_is_asked_without_a_proxy() {
    let (scenario, endpoint) = (Scenario::new(), ROLE_KEYS.endpoint("us-east-1"));
    let container = Recorder::start(|_| Answer::ok(ROLE_KEYS.document(AN_HOUR)));
    let mut request = stanza(scenario.env(&endpoint.url()));
    let variables = json!({
        "HTTP_PROXY": scenario.outside.url(), "ALL_PROXY": scenario.outside.url(),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": format!("{}/credentials", container.url()),
    });
    extend(&mut request["env"], &variables);
    let ended = scenario.run(&[], &request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(container.lines(), ["GET /credentials"]);
}
