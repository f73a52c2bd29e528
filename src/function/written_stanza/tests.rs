//! Tests which stanza is written for a live function.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{AliasHistory, LiveImage, LiveUrl, LiveVersion, Provisioned, ProvisionedState};
use super::*;
use crate::protocol::stanza::{Group, in_group};
use crate::protocol::structures::{Cors, EventInvokeConfig};

/// The keys of the stanza of `live`, with its notes.
fn written(live: &LiveFunction, alias: Option<&str>, denied: &[&'static str]) -> WrittenStanza {
    let name = FunctionName::parse("orders").expect("a name");
    let secrets = live.secrets();
    let redactor = Redactor::new(secrets.iter().map(Secret::expose), &[]);
    let defaults =
        [Setting::Timeout(3), Setting::LogFormat("Text".to_owned()), Setting::TracingMode("x".to_owned())];
    WrittenStanza::of(
        live,
        &StanzaContext {
            function_name: &name,
            region: "eu-west-1",
            alias,
            zip: ".",
            branch: "main",
            defaults: &defaults,
            denied,
            redactor: &redactor,
        },
    )
}

fn with(settings: Vec<Setting>) -> LiveFunction {
    LiveFunction { settings, tags: Some(BTreeMap::new()), ..LiveFunction::default() }
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect()
}

fn value(stanza: &WrittenStanza, name: &str) -> Value {
    stanza.keys.iter().find(|key| key.name == name).map_or(Value::Null, |key| key.value.clone())
}

fn variables(stanza: &WrittenStanza) -> Vec<(&str, &str, &str)> {
    let all = stanza.variables.iter();
    all.map(|it| (it.name.as_str(), it.value.expose(), it.purpose.as_str())).collect()
}

#[test]
fn only_what_differs_from_the_defaults_is_written() {
    let stanza = written(
        &with(vec![
            Setting::Role("arn:aws:iam::123456789012:role/run".to_owned()),
            Setting::Handler("index.handler".to_owned()),
            Setting::Timeout(3),
            Setting::MemorySize(512),
            Setting::KmsKeyArn(String::new()),
            Setting::LogFormat("JSON".to_owned()),
            Setting::LogGroup("/orders".to_owned()),
            Setting::ReservedConcurrency(Some(0)),
            Setting::ReservedConcurrency(None),
        ]),
        None,
        &[],
    );
    let keys: Vec<_> = stanza.keys.iter().map(|key| (key.name, key.value.clone())).collect();
    let expected = [
        ("provider", json!("lambda")),
        ("function_name", json!("orders")),
        ("region", json!("eu-west-1")),
        ("zip", json!(".")),
        ("role", json!("arn:aws:iam::123456789012:role/run")),
        ("handler_name", json!("index.handler")),
        ("memory_size", json!(512)),
        ("logging_config", json!({"log_format": "JSON", "log_group": "/orders"})),
        ("reserved_concurrency", json!(0)),
        ("on", json!({"branch": "main"})),
    ];
    assert_eq!(keys, expected);
    assert!(variables(&stanza).is_empty());
}

#[test]
fn a_secret_is_a_variable_and_its_value_is_nowhere() {
    let environment = Setting::Environment(pairs(&[
        ("DEBUG", "true"),
        ("EMPTY_TOKEN", ""),
        ("SIZE", "$5"),
        ("URL", "s3cr3t-$URL"),
        ("api_token", "on"),
        ("url", "another one"),
    ]));
    let description = Setting::Description("as in s3cr3t-$URL".to_owned());
    let live = LiveFunction {
        tags: Some(pairs(&[("aws:cloudformation:stack-id", "x"), ("team a", "payments-7"), ("u", "no")])),
        ..with(vec![
            environment,
            description,
            Setting::SnapStart("costs `$5`".to_owned()),
            Setting::RuntimeManagement("arn:payments-7".to_owned()),
        ])
    };
    let stanza = written(&live, None, &[]);
    assert_eq!(
        value(&stanza, "environment"),
        json!({
            "DEBUG": "true",
            "EMPTY_TOKEN": "",
            "SIZE": "\\$5",
            "URL": "$FN_ORDERS_URL",
            "api_token": "$FN_ORDERS_API_TOKEN",
            "url": "$FN_ORDERS_URL_2",
        })
    );
    assert_eq!(value(&stanza, "description"), json!("$FN_ORDERS_DESCRIPTION"));
    assert_eq!(value(&stanza, "snap_start"), json!("costs \\`\\$5\\`"));
    let version = json!({"runtime_version_arn": "$FN_ORDERS_RUNTIME_MANAGEMENT"});
    assert_eq!(value(&stanza, "runtime_management"), version);
    let tags = json!({"team a": "$FN_ORDERS_FUNCTION_TAGS_TEAM_A", "u": "no"});
    assert_eq!(value(&stanza, "function_tags"), tags);
    assert_eq!(
        variables(&stanza),
        [
            ("FN_ORDERS_URL", "s3cr3t-$URL", "`URL` of `environment`"),
            ("FN_ORDERS_API_TOKEN", "on", "`api_token` of `environment`"),
            ("FN_ORDERS_URL_2", "another one", "`url` of `environment`"),
            ("FN_ORDERS_DESCRIPTION", "as in s3cr3t-$URL", "`description`"),
            ("FN_ORDERS_RUNTIME_MANAGEMENT", "arn:payments-7", "`runtime_management`"),
            ("FN_ORDERS_FUNCTION_TAGS_TEAM_A", "payments-7", "`team a` of `function_tags`"),
        ]
    );
    let shown = format!("{stanza:?}");
    assert!(!shown.contains("s3cr3t") && !shown.contains("payments-7"), "{shown}");
}

#[test]
fn what_is_left_out_is_noted() {
    let live = with(vec![Setting::Description(String::new())]);
    let mut stanza = written(&LiveFunction { tags: None, ..live.clone() }, None, &["GetPolicy"]);
    let notes = stanza.notes.join("\n");
    for part in ["AWS denied GetPolicy", "`environment` is left out", "`function_tags` is left out"] {
        assert!(notes.contains(part), "{notes}");
    }
    assert!(!notes.contains("code_signing_config_arn"), "{notes}");
    let description = stanza.keys.iter().find(|key| key.name == "description").expect("it is written");
    assert!(description.value == json!("") && description.comment.is_some());
    stanza.leave_out("description");
    assert_eq!(value(&stanza, "description"), Value::Null);
    assert!(stanza.notes.iter().any(|note| note.starts_with("`description` is left out")));
}

fn alias(version: &str) -> LiveAlias {
    LiveAlias { name: "live".to_owned(), version: version.to_owned(), ..LiveAlias::default() }
}

#[test]
fn an_alias_that_would_move_has_a_comment() {
    let environment = Setting::Environment(BTreeMap::new());
    let version = LiveVersion {
        number: "7".to_owned(),
        code_sha256: String::new(),
        settings: vec![environment.clone()],
        state: VersionState::Ready,
    };
    let provisioned = Provisioned { executions: 5, state: ProvisionedState::Ready };
    let live = |at: &str| LiveFunction {
        aliases: vec![alias(at)],
        versions: vec![version.clone()],
        provisioned: [("live".to_owned(), provisioned)].into(),
        ..with(vec![environment.clone()])
    };
    let comment = |live: &LiveFunction, denied: &[&'static str]| {
        let stanza = written(live, Some("live"), denied);
        let key = stanza.keys.into_iter().find(|key| key.name == "alias").expect("it is written");
        key.comment.unwrap_or_default()
    };
    assert_eq!(comment(&live("7"), &[]), "");
    assert!(comment(&live("6"), &[]).starts_with("it points at version 6"));
    assert!(comment(&live("$LATEST"), &[]).starts_with("it points at the function itself ($LATEST); "));
    assert_eq!(comment(&live("6"), &["GetFunction"]), "");
    let failed = LiveVersion { state: VersionState::Failed, ..version.clone() };
    let failed = LiveFunction { versions: vec![failed], ..live("7") };
    assert!(comment(&failed, &[]).starts_with("it points at version 7, which AWS cannot invoke; "));
    let unreadable = LiveFunction { settings: Vec::new(), ..live("7") };
    assert!(comment(&unreadable, &[]).contains("which may have another environment than the function"));
    assert!(comment(&with(Vec::new()), &[]).starts_with("it does not exist"));
    assert_eq!(comment(&with(Vec::new()), &["ListAliases"]), "");
    let stanza = written(&live("7"), Some("live"), &[]);
    assert_eq!(value(&stanza, "provisioned_concurrency"), json!(5));
    let stanza = written(&live("7"), None, &[]);
    assert_eq!(value(&stanza, "alias"), Value::Null);
    let is_named = |note: &String| note.contains("the alias `live`");
    assert!(stanza.notes.iter().any(is_named), "{:?}", stanza.notes);
}

#[test]
fn an_alias_that_splits_its_traffic_has_a_comment() {
    let shared = |description: &str| LiveAlias {
        weights: vec![("8".to_owned(), 10)],
        history: AliasHistory::of(description),
        ..alias("7")
    };
    let begin = "it splits its traffic (10 % to version 8); a deployment ";
    let others = format!("{begin}fails until that has ended, or ends it with `clear_weights: true`");
    assert_eq!(about_shares(&shared("")), Some(others.clone()));
    assert_eq!(about_shares(&shared("(at 7, to 8, before: 5)")), Some(format!("{begin}ends that")));
    assert_eq!(about_shares(&alias("7")), None);
    let live = LiveFunction { aliases: vec![shared("")], ..with(Vec::new()) };
    let stanza = written(&live, Some("live"), &["GetFunction"]);
    let key = stanza.keys.into_iter().find(|key| key.name == "alias").expect("it is written");
    assert_eq!(key.comment, Some(others));
}

#[test]
fn a_description_of_an_alias_that_no_stanza_can_contain_is_left_out() {
    for (text, is_written) in [("x", true), ("", false), ("x ", false), (" ", false), ("x\n", false)] {
        let alias = LiveAlias { history: AliasHistory::of(text), ..alias("1") };
        let stanza = written(&LiveFunction { aliases: vec![alias], ..with(Vec::new()) }, Some("live"), &[]);
        assert_eq!(value(&stanza, "alias_description") == json!(text), is_written, "{text:?}");
        let is_noted = stanza.notes.iter().any(|note| note.starts_with("`alias_description` is left out"));
        assert_eq!(is_noted, !is_written && !text.is_empty(), "{text:?}");
    }
    let long = LiveAlias { history: AliasHistory::of(&"x".repeat(129)), ..alias("1") };
    let stanza = written(&LiveFunction { aliases: vec![long], ..with(Vec::new()) }, Some("live"), &[]);
    assert!(stanza.notes.iter().any(|note| note.starts_with("`alias_description` is left out")));
}

#[test]
fn a_publication_that_is_missing_or_old_has_a_comment() {
    let settings =
        vec![Setting::Environment(BTreeMap::new()), Setting::CapacityProviderArn("arn".to_owned())];
    let version = |code: &str| LiveVersion {
        number: "$LATEST.PUBLISHED".to_owned(),
        code_sha256: code.to_owned(),
        settings: settings.clone(),
        state: VersionState::Ready,
    };
    let comment = |published: Option<LiveVersion>, name: Option<&str>, denied: &[&'static str]| {
        let live = LiveFunction { is_managed: true, latest_published: published, ..with(settings.clone()) };
        let stanza = written(&live, name, denied);
        let key = stanza.keys.into_iter().find(|key| key.name == "capacity_provider_config");
        key.expect("it is written").comment.unwrap_or_default()
    };
    assert!(comment(None, None, &[]).contains("does not exist; a deployment publishes it"));
    assert!(comment(Some(version("old")), None, &[]).contains("is not ready, or differs from the function"));
    assert_eq!(comment(Some(version("")), None, &[]), "");
    assert_eq!(comment(None, Some("live"), &[]), "");
    assert_eq!(comment(None, None, &["GetFunction"]), "");
}

fn public_url() -> LiveUrl {
    let cors = Cors { allow_origins: Some(vec!["https://a.example".to_owned()]), ..Cors::default() };
    let config = FunctionUrl {
        auth_type: Some("NONE".to_owned()),
        invoke_mode: Some("BUFFERED".to_owned()),
        cors: Some(cors),
    };
    LiveUrl { url: "https://x".to_owned(), config }
}

#[test]
fn a_public_url_without_a_permission_has_a_comment() {
    let live = LiveFunction { url: Some(public_url()), ..with(Vec::new()) };
    let stanza = written(&live, None, &[]);
    let url = stanza.keys.iter().find(|key| key.name == "function_url").expect("it is written");
    let cors = json!({"allow_origins": ["https://a.example"]});
    assert_eq!(url.value, json!({"auth_type": "NONE", "cors": cors}));
    assert!(url.comment.as_deref().is_some_and(|comment| comment.ends_with("lambda:InvokeFunction")));
}

#[test]
fn an_image_is_written_by_its_digest() {
    let image = |uri: &str, resolved: &str| {
        let image = LiveImage { uri: uri.to_owned(), resolved: resolved.to_owned() };
        let stanza = written(&LiveFunction { image: Some(image), ..with(Vec::new()) }, None, &[]);
        assert_eq!(value(&stanza, "zip"), Value::Null);
        value(&stanza, "image_uri")
    };
    assert_eq!(image("r/app:7", "r/app@sha256:aa"), json!("r/app@sha256:aa"));
    assert_eq!(image("r/app:7", ""), json!("r/app:7"));
}

/// Options that AWS cannot return: they say how to package, how to release, and how to read the stanza.
/// Those about credentials and about the run as a whole are in other groups.
const LEFT_OUT: [&str; 23] = [
    "clear_weights",
    "codedeploy",
    "dot_match",
    "exclude",
    "follow_alias",
    "function_tags_mode",
    "guard",
    "include",
    "keep_versions",
    "merge_environment",
    // The whole handler is in `handler_name`.
    "module_name",
    // `image_uri` implies it.
    "package_type",
    "publish",
    // `$LATEST.PUBLISHED` is published also without it.
    "publish_to",
    // It changes with each deployment.
    "revision_id",
    "s3_key",
    "s3_object_version",
    "s3_prefix",
    "symlinks",
    "traffic",
    "traffic_interval",
    "verify",
    "version",
];

#[test]
fn each_option_is_written_or_cannot_be_read_from_aws() {
    let live = LiveFunction {
        url: Some(public_url()),
        aliases: vec![LiveAlias { history: AliasHistory::of("for the shop"), ..alias("1") }],
        event_invoke: [(
            Some("live".to_owned()),
            EventInvokeConfig { maximum_retry_attempts: Some(0), ..EventInvokeConfig::default() },
        )]
        .into(),
        provisioned: [("live".to_owned(), Provisioned { executions: 1, state: ProvisionedState::Ready })]
            .into(),
        tags: Some(pairs(&[("a", "b")])),
        scaling: Some(Scaling { max_execution_environments: Some(9), ..Scaling::default() }),
        package_bucket: Some("our-packages".to_owned()),
        ..with(Vec::new())
    };
    let image = LiveFunction { image: Some(LiveImage::default()), ..with(Vec::new()) };
    let names = |live: &LiveFunction| {
        let keys = written(live, Some("live"), &[]).keys.into_iter();
        keys.map(|key| key.name).collect::<Vec<_>>()
    };
    // A setting of the table is written without further code.
    let settings = Setting::FIELDS.iter().map(|field| match field.option {
        "handler" => "handler_name",
        option => first_part(option),
    });
    let all: BTreeSet<&str> = settings.chain(names(&live)).chain(names(&image)).collect();
    let groups = [Group::Function, Group::Package, Group::Settings, Group::Versions, Group::Conditions];
    for option in groups.into_iter().flat_map(in_group) {
        assert_ne!(all.contains(option), LEFT_OUT.contains(&option), "{option}");
    }
}
