//! Tests profiles and keys that cannot be used: the error names the profile and what is wrong with it, and
//! shows nothing that a `credential_process` wrote.

use serde_json::{Value, json};

use super::sources::{Home, Keys, sts};
use super::{Scenario, extend, stanza};
use crate::plugin::PluginCommand;

const BASE: Keys = Keys::lasting("AKIAOFTHEBASE0000001");

#[test]
fn a_role_that_needs_a_code_of_a_device_is_refused_before_sts_is_asked() {
    let (scenario, endpoint, sts) = (Scenario::new(), BASE.endpoint("us-east-1"), sts());
    let config = "[profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = base\n\
        mfa_serial = arn:aws:iam::123456789012:mfa/me\n";
    let home = Home::new(config, &format!("[base]\n{}", BASE.profile()));
    let mut request = stanza(scenario.env(&endpoint.url()));
    extend(&mut request["env"], &json!({"HOME": home.path(), "AWS_ENDPOINT_URL_STS": sts.url()}));
    for by in [json!({"profile": "mfa"}), json!({"env": {"AWS_PROFILE": "mfa"}})] {
        let mut request = request.clone();
        match by.get("env") {
            Some(variables) => extend(&mut request["env"], variables),
            None => extend(&mut request, &by),
        }
        let ended = scenario.run(&[], &request);
        let error = &ended.finished()["error"];
        println!("{}\n  hint: {}", error["message"], error["hint"]);
        assert_eq!((ended.code(), ended.status.code()), ("no-credentials", Some(2)), "{}", ended.stdout);
        assert_eq!(
            error["message"],
            "the profile `mfa` assumes its role with `mfa_serial`, which is not supported"
        );
        let hint = error["hint"].as_str().expect("a string");
        assert!(hint.contains("`aws sts get-session-token") && hint.contains("`role_to_assume`"), "{hint}");
    }
    assert_eq!((sts.lines(), endpoint.calls().len()), (Vec::new(), 0));
}

#[test]
fn a_line_break_in_a_key_of_a_source_profile_is_reported_before_sts_is_asked() {
    let (scenario, endpoint, sts) = (Scenario::new(), BASE.endpoint("us-east-1"), sts());
    let config = "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = base\n";
    let keys = "[base]\naws_access_key_id = AKIA\n  TWO\naws_secret_access_key = a-secret-key\n";
    let home = Home::new(config, keys);
    let mut request = stanza(scenario.env(&endpoint.url()));
    extend(&mut request["env"], &json!({"HOME": home.path(), "AWS_ENDPOINT_URL_STS": sts.url()}));
    extend(&mut request, &json!({"profile": "p"}));
    let ended = scenario.run(&[], &request);
    assert_eq!((ended.code(), ended.status.code()), ("no-credentials", Some(2)), "{}", ended.stdout);
    let message =
        "`aws_access_key_id` of the profile `base` contains a line break or another control character";
    assert_eq!(ended.finished()["error"]["message"], message);
    assert_eq!((sts.lines(), endpoint.calls().len()), (Vec::new(), 0));
}

#[test]
fn a_line_break_in_a_key_is_reported_and_not_sent() {
    let keys = BASE.variables("AWS");
    let with = |at: usize| {
        let broken = |(index, (name, value)): (usize, &(String, String))| {
            (name.clone(), json!(if index == at { format!("{value}\n") } else { value.clone() }))
        };
        Value::Object(keys.iter().enumerate().map(broken).collect())
    };
    let mut with_token = with(9);
    with_token["AWS_SESSION_TOKEN"] = json!("a-session-token\n");
    let process = json!({"Version": 1, "AccessKeyId": "AKIA\nTWO", "SecretAccessKey": "a-secret-key"});
    let home = Home::new("", "");
    let script = home.file("process.sh", &format!("cat <<'END'\n{process}\nEND\n"));
    home.file(".aws/config", &format!("[profile p]\ncredential_process = sh '{}'\n", script.display()));
    let of_stanza = json!({"access_key_id": format!("{}\n", BASE.id), "secret_access_key": BASE.secret()});
    for (variables, more, part, source, at) in [
        (with(0), json!({}), "access_key_id", "environment", Value::Null),
        (with(1), json!({}), "secret_access_key", "environment", Value::Null),
        (with_token, json!({}), "session_token", "environment", Value::Null),
        (json!({}), of_stanza, "access_key_id", "stanza", json!("/access_key_id")),
        (json!({"HOME": home.path()}), json!({"profile": "p"}), "access_key_id", "profile", Value::Null),
    ] {
        let (scenario, endpoint) = (Scenario::new(), BASE.endpoint("us-east-1"));
        let mut request = stanza(scenario.env(&endpoint.url()));
        extend(&mut request["env"], &variables);
        extend(&mut request, &more);
        let ended = scenario.run(&[], &request);
        let error = &ended.finished()["error"];
        assert_eq!((ended.code(), ended.status.code()), ("no-credentials", Some(2)), "{}", ended.stdout);
        let message = format!(
            "`{part}` of the credential source `{source}` contains a line break or another control character"
        );
        assert_eq!((&error["message"], &error["at"]), (&json!(message), &at));
        assert_eq!(endpoint.calls().len(), 0, "{source}");
    }
}

#[test]
fn an_empty_variable_selects_the_default_profile() {
    let (scenario, endpoint) = (Scenario::new(), BASE.endpoint("eu-west-3"));
    let home = Home::new("[default]\nregion = eu-west-3\n", &format!("[default]\n{}", BASE.profile()));
    let mut request = stanza(scenario.env(&endpoint.url()));
    extend(&mut request["env"], &json!({"HOME": home.path(), "AWS_PROFILE": ""}));
    let ended = scenario.run(&[], &request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let identified = ended.event("identified").expect("the event exists");
    assert_eq!((&identified["profile"], &identified["region"]), (&json!("default"), &json!("eu-west-3")));
}

#[test]
fn a_profile_that_the_sdk_does_not_read_is_reported_with_the_reason() {
    let keys = BASE.profile();
    for (config, profile, reason) in [
        (format!("[profile p]\n{keys}[x]\nno property\n"), "p", "config on line 5"),
        (format!("[p]\n{keys}"), "p", "its section is `[profile p]` in `config`"),
        (format!("[profile my dev]\n{keys}"), "my dev", "rename the profile"),
    ] {
        let (scenario, endpoint, home) =
            (Scenario::new(), BASE.endpoint("us-east-1"), Home::new(&config, ""));
        let mut request = stanza(scenario.env(&endpoint.url()));
        extend(&mut request["env"], &json!({"HOME": home.path()}));
        request["profile"] = json!(profile);
        let ended = scenario.run(&[], &request);
        assert_eq!(ended.code(), "no-credentials", "{config}: {}", ended.stdout);
        let error = ended.finished()["error"].to_string();
        assert!(error.contains(reason), "{config}: {error}");
    }
    // The SDK accepts a tab, too.
    let (scenario, endpoint) = (Scenario::new(), BASE.endpoint("us-east-1"));
    let home = Home::new(&format!("[profile\tp]\n{keys}"), "");
    let mut request = stanza(scenario.env(&endpoint.url()));
    extend(&mut request["env"], &json!({"HOME": home.path()}));
    request["profile"] = json!("p");
    assert_eq!(scenario.run(&[], &request).outcome(), "deployed");
}

#[test]
fn a_process_that_gives_no_keys_is_reported_without_what_it_wrote() {
    let secret = "a-key-that-the-process-writes";
    for (name, script, cause) in [
        ("fails", format!("echo '{secret}' >&2; exit 3"), "exit status: 3"),
        ("writes no JSON", format!("echo '{secret}'"), "could not parse response"),
        (
            "writes half of the keys",
            format!("echo '{{\"Version\": 1, \"SecretAccessKey\": \"{secret}\"}}'"),
            "`AccessKeyId`",
        ),
        (
            "writes a time that is none",
            format!(
                "echo '{{\"Version\": 1, \"AccessKeyId\": \"{secret}\", \"SecretAccessKey\": \"{secret}\", \
                 \"Expiration\": \"{secret}\"}}'"
            ),
            "`Expiration`",
        ),
        ("writes no text", format!("printf '{secret}\\377'"), "UTF-8"),
        ("writes nothing", "true".to_owned(), "could not parse response"),
    ] {
        let (scenario, endpoint, home) = (Scenario::new(), BASE.endpoint("us-east-1"), Home::new("", ""));
        let script = home.file("process.sh", &script);
        home.file(".aws/config", &format!("[profile p]\ncredential_process = sh '{}'\n", script.display()));
        let mut request = stanza(scenario.env(&endpoint.url()));
        extend(&mut request["env"], &json!({"HOME": home.path()}));
        request["profile"] = json!("p");
        let plugin = PluginCommand::new(&[]).secrets([secret.to_owned()]);
        let ended = scenario.run_as(plugin, &request);
        let error = &ended.finished()["error"];
        println!("a process that {name}: {}\n  causes: {}", error["message"], error["caused_by"]);
        assert_eq!(ended.code(), "no-credentials", "{name}: {}", ended.stdout);
        assert_eq!(error["message"], "the profile `p` returned no credentials", "{name}");
        assert!(error["caused_by"].to_string().contains(cause), "{name}: {error}");
        assert_eq!(endpoint.calls().len(), 0, "{name}");
    }
}
