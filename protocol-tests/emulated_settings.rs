//! Deploys stanzas with every setting that an emulator supports, and checks with boto3 that the function has
//! these settings.
//!
//! Each function is deployed four times: the first deployment creates it, the second changes the values, the
//! third clears them, and the fourth sets only whole structures. A setting that a stanza does not name must
//! stay, and repeating a deployment must have the outcome `unchanged`.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::emulators::{Emulator, new_role};
use crate::plugin::{PluginCommand, PluginOutput};
use crate::settings::init::Written;

/// How an emulator treats a setting; tested with boto3 alone, moto 5.2.3 and ministack 1.5.33.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The emulator stores, changes and clears it.
    Wholly,
    /// The emulator stores and changes it; clearing has no effect.
    NotCleared,
    /// Only creation stores it; updates have no effect.
    AtCreation,
    /// Only updates store it; creation ignores it.
    InUpdates,
    /// The emulator does not store it.
    Not,
}

use Known::{AtCreation, InUpdates, Not, NotCleared, Wholly};

/// A row of the table.
struct Setting {
    /// The key in the stanza; a dot separates a structure from its member.
    key: &'static str,
    /// The JSON pointer in the result of [`Scenario::held`].
    at: &'static str,
    known: Known,
    /// The value in the stanza of each deployment; null or missing: the stanza does not have the key.
    values: Value,
    /// The value that the emulator must return after each deployment.
    held: Value,
}

impl Setting {
    fn held_as(self, held: Value) -> Self {
        Setting { held, ..self }
    }

    /// Returns the value in the stanza of a deployment. `None`: the table has no value, or the emulator does
    /// not support it.
    fn value(&self, deployment: usize) -> Option<&Value> {
        let is_known = match (self.known, deployment) {
            (Wholly, _) | (NotCleared | AtCreation, 0) | (NotCleared, 1) | (InUpdates, 1..) => true,
            (NotCleared | AtCreation | Not, _) | (InUpdates, 0) => false,
        };
        self.values.get(deployment).filter(|value| is_known && !value.is_null())
    }
}

/// An emulator with the resources that a function can refer to.
struct Scenario {
    emulator: Emulator,
    /// The column of the table.
    column: usize,
    account: String,
    roles: [String; 2],
    layers: [String; 2],
    directory: TempDir,
}

impl Scenario {
    fn moto() -> Self {
        Self::of(Emulator::moto(), 0)
    }

    fn ministack() -> Self {
        Self::of(Emulator::ministack(), 1)
    }

    fn of(emulator: Emulator, column: usize) -> Self {
        // An empty zip archive, which is valid text: JSON cannot contain other bytes.
        let empty = format!("PK\u{5}\u{6}{}", "\0".repeat(18));
        let layer = |name: &str| json!({"LayerName": name, "Content": {"ZipFile": empty}});
        let made = emulator.ask_all(&[
            ("iam", "create_role", new_role("run")),
            ("iam", "create_role", new_role("other")),
            ("lambda", "publish_layer_version", layer("a")),
            ("lambda", "publish_layer_version", layer("b")),
        ]);
        let text = |value: &Value| value.as_str().expect("an ARN").to_owned();
        let roles = [text(&made[0]["Role"]["Arn"]), text(&made[1]["Role"]["Arn"])];
        let layers = [text(&made[2]["LayerVersionArn"]), text(&made[3]["LayerVersionArn"])];
        let account = roles[0].split(':').nth(4).expect("a role has an account").to_owned();
        let directory = TempDir::new().expect("a temporary directory");
        Scenario { emulator, column, account, roles, layers, directory }
    }

    /// Returns the ARN of a resource in the account, such as `sqs:queue`.
    fn arn(&self, service_and_name: &str) -> String {
        let (service, name) = service_and_name.split_once(':').expect("a service and a name");
        format!("arn:aws:{service}:us-east-1:{}:{name}", self.account)
    }

    fn setting(&self, key: &'static str, at: &'static str, known: [Known; 2], values: Value) -> Setting {
        Setting { key, at, known: known[self.column], held: values.clone(), values }
    }

    /// The settings of a function with a zip package. Columns: moto, ministack.
    #[rustfmt::skip]
    fn file_settings(&self) -> Vec<Setting> {
        let setting = |key, at, known, values| self.setting(key, at, known, values);
        let arn = |name: &str| self.arn(name);
        let ([run, other], [a, b]) = (&self.roles, &self.layers);
        let access_point = |name: &str| arn(&format!("elasticfilesystem:access-point/fsap-0123456789abcdef{name}"));
        let signing = |name: &str| arn(&format!("lambda:code-signing-config:csc-0123456789abcdef{name}"));
        let permissions = json!(["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"]);
        vec![
            setting("role", "/Configuration/Role", [Wholly, Wholly], json!([run, other])),
            setting("runtime", "/Configuration/Runtime", [Wholly, Wholly], json!(["python3.12", "python3.13"])),
            setting("handler_name", "/Configuration/Handler", [Wholly, Wholly], json!(["index.a", "index.b"])),
            setting("description", "/Configuration/Description", [Wholly, Wholly], json!(["one", "two", ""])),
            setting("timeout", "/Configuration/Timeout", [Wholly, Wholly], json!([10, 20])),
            setting("memory_size", "/Configuration/MemorySize", [Wholly, Wholly], json!([256, 512])),
            setting("environment", "/Configuration/Environment/Variables", [Wholly, Wholly],
                json!([{"A": "secret-1"}, {"B": "secret-2"}, {}])),
            setting("subnet_ids", "/Configuration/VpcConfig/SubnetIds", [Wholly, Wholly],
                json!([["subnet-1"], ["subnet-2", "subnet-3"], []])),
            setting("security_group_ids", "/Configuration/VpcConfig/SecurityGroupIds", [Wholly, Wholly],
                json!([["sg-1"], null, []])),
            setting("ipv6_allowed_for_dual_stack", "/Configuration/VpcConfig/Ipv6AllowedForDualStack",
                [Wholly, Wholly], json!([true, null, false])),
            setting("layers", "/Configuration/Layers", [Wholly, Wholly], json!([[a], [b, a], []])),
            setting("dead_letter_arn", "/Configuration/DeadLetterConfig/TargetArn", [Not, Wholly],
                json!([arn("sqs:q"), arn("sns:t"), ""])),
            setting("kms_key_arn", "/Configuration/KMSKeyArn", [Not, Wholly],
                json!([arn("kms:key/a"), arn("kms:key/b"), ""])),
            setting("tracing_mode", "/Configuration/TracingConfig/Mode", [AtCreation, Wholly],
                json!(["Active", "PassThrough", "Active"])),
            // ministack, like AWS, only accepts 512 MB together with SnapStart.
            setting("ephemeral_storage", "/Configuration/EphemeralStorage/Size", [AtCreation, Wholly],
                json!([1024, 512])),
            setting("snap_start", "/Configuration/SnapStart/ApplyOn", [Not, Wholly],
                json!(["None", "PublishedVersions", "None"])),
            setting("file_system_configs", "/Configuration/FileSystemConfigs", [Not, Wholly], json!([
                [{"arn": access_point("0"), "local_mount_path": "/mnt/a"}],
                [{"arn": access_point("1"), "local_mount_path": "/mnt/b"}],
                [],
            ])).held_as(json!([
                [{"Arn": access_point("0"), "LocalMountPath": "/mnt/a"}],
                [{"Arn": access_point("1"), "LocalMountPath": "/mnt/b"}],
                [],
            ])),
            setting("logging_config.log_format", "/Configuration/LoggingConfig/LogFormat", [Not, Wholly],
                json!(["JSON"])),
            setting("logging_config.log_group", "/Configuration/LoggingConfig/LogGroup", [Not, Wholly],
                json!(["/x", "/y", ""])).held_as(json!(["/x", "/y", "/aws/lambda/f"])),
            setting("logging_config.application_log_level", "/Configuration/LoggingConfig/ApplicationLogLevel",
                [Not, Wholly], json!(["DEBUG", "ERROR", ""])).held_as(json!(["DEBUG", "ERROR", "INFO"])),
            setting("logging_config.system_log_level", "/Configuration/LoggingConfig/SystemLogLevel", [Not, Wholly],
                json!(["WARN"])),
            setting("logging_config", "/Configuration/LoggingConfig", [Not, Wholly], json!([null, null, null, {}]))
                .held_as(json!([null, null, null, {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}])),
            setting("architectures", "/Configuration/Architectures/0", [AtCreation, Wholly],
                json!(["arm64", "x86_64", "arm64"])),
            // In Terraform, which is tested against AWS, a request without the key clears it; ministack keeps
            // it then.
            setting("source_kms_key_arn", "/Code/SourceKMSKeyArn", [Not, NotCleared],
                json!([arn("kms:key/c"), arn("kms:key/d"), ""])),
            setting("function_tags", "/Tags", [Wholly, Wholly],
                json!([{"a": "secret-1", "b": "secret-2"}, {"b": "secret-3", "c": "secret-4"}, {}])),
            // moto does not return a 0.
            setting("reserved_concurrency", "/Concurrency/ReservedConcurrentExecutions", [Wholly, Wholly],
                json!([5, 7, "none"])).held_as(json!([5, 7, null])),
            setting("reserved_concurrency", "/Concurrency/ReservedConcurrentExecutions", [Not, Wholly],
                json!([null, null, null, 0])),
            setting("code_signing_config_arn", "/CodeSigning/CodeSigningConfigArn", [AtCreation, InUpdates],
                json!([signing("0"), signing("1"), ""])),
            setting("recursive_loop", "/Recursion/RecursiveLoop", [Not, Wholly],
                json!(["Allow", "Terminate", "Allow"])),
            // moto keeps the first configuration until it is deleted. Neither emulator has
            // `runtime_management`.
            setting("event_invoke_config.maximum_retry_attempts", "/EventInvoke/MaximumRetryAttempts",
                [AtCreation, Wholly], json!([0, 1])),
            setting("event_invoke_config.maximum_event_age", "/EventInvoke/MaximumEventAgeInSeconds",
                [AtCreation, Wholly], json!([60, 3600])),
            setting("event_invoke_config.on_success", "/EventInvoke/DestinationConfig/OnSuccess/Destination",
                [AtCreation, Wholly], json!([arn("sqs:q"), arn("sns:t"), ""])),
            setting("event_invoke_config.on_failure", "/EventInvoke/DestinationConfig/OnFailure/Destination",
                [AtCreation, Wholly], json!([arn("sns:t"), arn("sqs:q"), ""])),
            setting("event_invoke_config", "/EventInvoke", [Wholly, Wholly], json!([null, null, null, {}]))
                .held_as(json!([null, null, null, null])),
            // moto drops the conditions of permissions, so that those of a public URL always seem to be
            // missing.
            setting("function_url.auth_type", "/Url/AuthType", [Wholly, Not], json!(["AWS_IAM"])),
            setting("function_url.auth_type", "/Url/AuthType", [Not, Wholly], json!(["NONE", "AWS_IAM", "NONE"])),
            setting("function_url.auth_type", "/Permissions", [Not, Wholly], json!(["NONE", "AWS_IAM", "NONE"]))
                .held_as(json!([permissions, [], permissions])),
            setting("function_url.invoke_mode", "/Url/InvokeMode", [AtCreation, Wholly],
                json!(["RESPONSE_STREAM", "BUFFERED"])),
            setting("function_url.cors", "/Url/Cors", [NotCleared, Wholly], json!([
                {"allow_origins": ["https://a"], "allow_methods": ["GET"], "allow_headers": ["x-a"],
                    "expose_headers": ["x-b"], "allow_credentials": true, "max_age": 60},
                {"allow_origins": ["https://b", "https://c"], "expose_headers": [], "allow_credentials": false},
                {},
            ])).held_as(json!([
                {"AllowOrigins": ["https://a"], "AllowMethods": ["GET"], "AllowHeaders": ["x-a"],
                    "ExposeHeaders": ["x-b"], "AllowCredentials": true, "MaxAge": 60},
                {"AllowOrigins": ["https://b", "https://c"], "AllowMethods": ["GET"], "AllowHeaders": ["x-a"],
                    "ExposeHeaders": [], "AllowCredentials": false, "MaxAge": 60},
                {},
            ])),
            setting("function_url", "/Url", [Wholly, Wholly], json!([null, null, null, "none"]))
                .held_as(json!([null, null, null, null])),
            setting("function_url", "/Permissions", [Wholly, Wholly], json!([null, null, null, "none"]))
                .held_as(json!([null, null, null, []])),
        ]
    }

    /// The settings of a function with a container image. Columns: moto, ministack.
    #[rustfmt::skip]
    fn image_settings(&self) -> Vec<Setting> {
        let setting = |key, at, known, values| self.setting(key, at, known, values);
        let image = |digit: &str| {
            format!("{}.dkr.ecr.us-east-1.amazonaws.com/repository@sha256:{}", self.account, digit.repeat(64))
        };
        vec![
            setting("image_uri", "/Code/ImageUri", [Wholly, Wholly],
                json!([image("a"), image("b"), image("c"), image("d")])),
            setting("image_config.entry_point", "/Configuration/ImageConfigResponse/ImageConfig/EntryPoint",
                [AtCreation, Wholly], json!([["/a"], ["/b", "-x"], []])),
            setting("image_config.command", "/Configuration/ImageConfigResponse/ImageConfig/Command",
                [AtCreation, Wholly], json!([["a"]])),
            setting("image_config.working_directory",
                "/Configuration/ImageConfigResponse/ImageConfig/WorkingDirectory",
                [AtCreation, Wholly], json!(["/w", "/v"])),
            setting("image_config", "/Configuration/ImageConfigResponse/ImageConfig", [Not, Wholly],
                json!([null, null, null, {}])),
            setting("architectures", "/Configuration/Architectures/0", [AtCreation, Wholly],
                json!(["arm64", "x86_64", "arm64"])),
            setting("snap_start", "/Configuration/SnapStart/ApplyOn", [Not, Wholly],
                json!(["PublishedVersions", "None"])),
            // The stanza asks to merge the following values with the current ones.
            setting("environment", "/Configuration/Environment/Variables", [Wholly, Wholly],
                json!([{"A": "secret-1"}, {"B": "secret-2"}]))
                .held_as(json!([{"A": "secret-1"}, {"A": "secret-1", "B": "secret-2"}])),
            setting("function_tags", "/Tags", [Wholly, Wholly], json!([{"a": "secret-1"}, {"b": "secret-2"}]))
                .held_as(json!([{"a": "secret-1"}, {"a": "secret-1", "b": "secret-2"}])),
        ]
    }

    fn deploy(&self, stanza: &Value) -> PluginOutput {
        PluginCommand::new(&[]).directory(self.directory.path()).run(stanza)
    }

    /// Writes the function's code, with `line` as a comment.
    fn write(&self, line: &str) {
        let handlers = "def a(event, context):\n    pass\n\n\ndef b(event, context):\n    pass\n";
        fs::write(self.directory.path().join("index.py"), format!("# {line}\n{handlers}")).expect("written");
    }

    /// Returns what boto3 reads of a function: GetFunction's answer, plus `Url`, `CodeSigning`, `Recursion`,
    /// `EventInvoke` and `Permissions` (the actions that its policy allows). Each layer is reduced to its ARN.
    fn held(&self, function: &str) -> Value {
        let from_it = || json!({"FunctionName": function});
        let answers = self.emulator.ask_all(&[
            ("lambda", "get_function", from_it()),
            ("lambda", "get_function_url_config", from_it()),
            ("lambda", "get_function_code_signing_config", from_it()),
            ("lambda", "get_function_recursion_config", from_it()),
            ("lambda", "get_function_event_invoke_config", from_it()),
            ("lambda", "get_policy", from_it()),
        ]);
        let [mut held, url, signing, recursion, event_invoke, policy] =
            <[Value; 6]>::try_from(answers).expect("six answers");
        let layers = held["Configuration"]["Layers"].as_array().cloned().unwrap_or_default();
        held["Configuration"]["Layers"] = layers.into_iter().map(|layer| layer["Arn"].clone()).collect();
        let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap_or("{}")).expect("JSON");
        let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
        let mut actions: Vec<String> =
            statements.iter().map(|statement| statement["Action"].to_string()).collect();
        actions.sort();
        held["Permissions"] = actions.iter().map(|action| json!(action.trim_matches('"'))).collect();
        held["Url"] = url;
        held["CodeSigning"] = signing;
        held["Recursion"] = recursion;
        held["EventInvoke"] = event_invoke;
        held
    }

    /// Makes the four deployments, each twice, and checks the settings after each. A plan of the stanza that
    /// `init` writes then must be empty.
    #[track_caller]
    fn check(&self, base: &Value, settings: &[Setting]) {
        let mut expected: BTreeMap<&str, (&str, &Value)> = BTreeMap::new();
        for deployment in 0..4 {
            self.write(if deployment == 0 { "first" } else { "then" });
            let mut stanza = base.clone();
            stanza["env"] = self.emulator.job_env();
            for setting in settings {
                let Some(value) = setting.value(deployment) else { continue };
                name(&mut stanza, setting.key, value);
                // Setting a whole structure also replaces its members.
                expected.retain(|_, (key, _)| !key.starts_with(&format!("{}.", setting.key)));
                expected.insert(setting.at, (setting.key, &setting.held[deployment]));
            }
            let ended = self.deploy(&stanza);
            assert_eq!(ended.outcome(), "deployed", "deployment {deployment}: {stanza:#}\n{}", ended.stdout);

            let held = self.held(base["function_name"].as_str().expect("a function name"));
            let differ = |(at, (key, wanted)): (&&str, &(&str, &Value))| {
                let actual = held.pointer(at).unwrap_or(&Value::Null);
                let agrees = actual == *wanted || (is_nothing(actual) && is_nothing(wanted));
                (!agrees).then(|| format!("`{key}`: expected {wanted}, found {actual}"))
            };
            let differences: Vec<String> = expected.iter().filter_map(differ).collect();
            assert!(differences.is_empty(), "deployment {deployment}: {differences:#?}\n{}", ended.stdout);

            let again = self.deploy(&stanza);
            assert_eq!(again.outcome(), "unchanged", "deployment {deployment}, again\n{}", again.stdout);

            let function = base["function_name"].as_str().expect("a function name");
            let directory = self.directory.path();
            let env = self.emulator.job_env();
            Written::of(&env, directory, &["--function", function], &held).settled(directory);
        }
    }
}

/// Sets a value in a stanza. A dot in the key separates a structure from its member.
fn name(stanza: &mut Value, key: &str, value: &Value) {
    match key.split_once('.') {
        Some((structure, member)) => name(&mut stanza[structure], member, value),
        None => stanza[key] = value.clone(),
    }
}

/// True for an empty or missing value: answers differ in how they show a cleared setting.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn check_files(scenario: &Scenario) {
    scenario
        .check(&json!({"function_name": "f", "function_tags_mode": "replace"}), &scenario.file_settings());
}

fn check_an_image(scenario: &Scenario) {
    let base = json!({
        "function_name": "i",
        "role": scenario.roles[0],
        "package_type": "Image",
        "merge_environment": true,
    });
    scenario.check(&base, &scenario.image_settings());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn moto_holds_each_setting_of_a_function() {
    check_files(&Scenario::moto());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn moto_holds_each_setting_of_an_image() {
    check_an_image(&Scenario::moto());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn ministack_holds_each_setting_of_a_function() {
    check_files(&Scenario::ministack());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn ministack_holds_each_setting_of_an_image() {
    check_an_image(&Scenario::ministack());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn ministack_gets_a_version_for_what_is_new_only() {
    let scenario = Scenario::ministack();
    let mut stanza = json!({
        "function_name": "f",
        "role": scenario.roles[0],
        "runtime": "python3.13",
        "handler_name": "a",
        "publish": true,
        "env": scenario.emulator.job_env(),
    });
    for (line, snap_start, version, outcome) in [
        ("one", "None", "1", "deployed"),
        ("one", "None", "1", "unchanged"),
        ("two", "PublishedVersions", "2", "deployed"),
    ] {
        scenario.write(line);
        stanza["snap_start"] = json!(snap_start);
        let ended = scenario.deploy(&stanza);
        assert_eq!(ended.outcome(), outcome, "{}", ended.stdout);
        assert_eq!(ended.finished()["version"], version, "{}", ended.stdout);
    }
    let listed = scenario.emulator.ask("lambda", "list_versions_by_function", &json!({"FunctionName": "f"}));
    let states: Vec<_> =
        listed["Versions"].as_array().expect("a list").iter().map(|it| &it["State"]).collect();
    // ministack starts a Python process to create the snapshot.
    assert_eq!(states, ["Active", "Active", "Active"], "{listed:#}");
}
