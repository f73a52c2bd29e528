//! Applies a request to a function's settings and returns them as FunctionConfiguration has them. Never
//! validates: `checks.rs` has already accepted the request.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::document::strings;

/// The members of FunctionConfiguration that callers set, under AWS's names.
pub(crate) type Configuration = Map<String, Value>;

/// The id of the VPC that contains all subnets.
pub(crate) const VPC: &str = "vpc-0123456789abcdef0";

/// Memory in MB that a function on Lambda Managed Instances has at least.
pub(crate) const MANAGED_MEMORY: u64 = 2048;

/// Members that the response has unchanged from the request.
const PLAIN: [&str; 9] = [
    "Architectures",
    "Description",
    "EphemeralStorage",
    "Handler",
    "MemorySize",
    "Role",
    "Runtime",
    "Timeout",
    "TracingConfig",
];

/// Returns the settings after CreateFunction: AWS's defaults, overridden by the request.
pub(crate) fn created(name: &str, region: &str, request: &Value) -> Configuration {
    let defaults = json!({
        "FunctionName": name,
        "Architectures": ["x86_64"],
        "Description": "",
        "EphemeralStorage": {"Size": 512},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}")},
        "MemorySize": 128,
        "PackageType": request["PackageType"].as_str().unwrap_or("Zip"),
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "Timeout": 3,
        "TracingConfig": {"Mode": "PassThrough"},
    });
    let Value::Object(mut configuration) = defaults else {
        unreachable!("`json!` above builds an object");
    };
    if request["CapacityProviderConfig"].is_object() {
        // A guess: AWS documents 128 MB as the default, but refuses less than 2048 MB here.
        configuration.insert("MemorySize".to_owned(), json!(MANAGED_MEMORY));
    }
    if request["TenancyConfig"].is_object() {
        configuration.insert("TenancyConfig".to_owned(), request["TenancyConfig"].clone());
    }
    merge(&mut configuration, region, request);
    configuration
}

/// Applies UpdateFunctionConfiguration: a member that is absent or null keeps its current value.
pub(crate) fn merge(configuration: &mut Configuration, region: &str, request: &Value) {
    let members = request.as_object().into_iter().flatten();
    for (key, value) in members.filter(|(_, value)| !value.is_null()) {
        let becomes = match key.as_str() {
            plain if PLAIN.contains(&plain) => Some(value.clone()),
            "DeadLetterConfig" => {
                value["TargetArn"].as_str().filter(|arn| !arn.is_empty()).map(|_| value.clone())
            }
            // Measured on AWS (go-to-k/cdkd, pull request 1161): `{}` keeps the variables, `{"Variables":
            // {}}` clears them.
            "Environment" if value["Variables"].is_null() => continue,
            "Environment" => filled(&value["Variables"]).map(|variables| json!({"Variables": variables})),
            "CapacityProviderConfig" => Some(capacity_provider(value)),
            "DurableConfig" => Some(durable(configuration.get("DurableConfig"), value)),
            "FileSystemConfigs" => filled(value),
            "ImageConfig" => image_config(value),
            "KMSKeyArn" => value.as_str().filter(|arn| !arn.is_empty()).map(|_| value.clone()),
            "Layers" => filled(&layers(value)),
            "LoggingConfig" => Some(logging(&configuration["FunctionName"], value)),
            "SnapStart" => Some(json!({"ApplyOn": value["ApplyOn"], "OptimizationStatus": "Off"})),
            "VpcConfig" => Some(vpc(configuration.get("VpcConfig"), value)),
            // Code, Tags, Publish and RevisionId are not settings, and TenancyConfig belongs to the creation
            // alone. AWS ignores members that it does not know.
            _ => continue,
        };
        let key = if key == "ImageConfig" { "ImageConfigResponse" } else { key };
        match becomes {
            Some(value) => configuration.insert(key.to_owned(), value),
            None => configuration.remove(key),
        };
    }
    if let Some(runtime) = configuration.get("Runtime").and_then(Value::as_str) {
        let digest = hex::encode(Sha256::digest(runtime));
        let arn = format!("arn:aws:lambda:{region}::runtime:{digest}");
        configuration.insert("RuntimeVersionConfig".to_owned(), json!({"RuntimeVersionArn": arn}));
    }
}

/// Returns `None` for an empty map or list: AWS leaves the member out of its responses then.
fn filled(value: &Value) -> Option<Value> {
    let filled = match value {
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    filled.then(|| value.clone())
}

fn layers(arns: &Value) -> Value {
    // The real size of the layer is unknown here; any number will do.
    let layer = |arn| json!({"Arn": arn, "CodeSize": 1024});
    strings(arns).into_iter().map(layer).collect()
}

fn image_config(value: &Value) -> Option<Value> {
    let members: Map<String, Value> = value
        .as_object()?
        .iter()
        .filter(|(_, value)| value.as_str().is_some_and(|text| !text.is_empty()) || filled(value).is_some())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    filled(&Value::Object(members)).map(|members| json!({"ImageConfig": members}))
}

/// Returns the whole structure, with AWS's defaults for members that the request lacks; it keeps nothing of
/// the current structure. Measured on AWS (go-to-k/cdkd, pull request 1161): `{"LogFormat": "Text"}` reset a
/// custom log group to the default group. LocalStack merges instead, so only a caller that sends the whole
/// structure is right under both. Only JSON logs have levels; the default level is INFO.
fn logging(name: &Value, request: &Value) -> Value {
    let named = |key: &str| request[key].as_str();
    let format = named("LogFormat").unwrap_or("Text");
    let group = format!("/aws/lambda/{}", name.as_str().unwrap_or_default());
    let mut config = json!({"LogFormat": format, "LogGroup": named("LogGroup").unwrap_or(&group)});
    if format == "JSON" {
        for level in ["ApplicationLogLevel", "SystemLogLevel"] {
            config[level] = json!(named(level).unwrap_or("INFO"));
        }
    }
    config
}

/// Returns the whole structure, with defaults for members that the request lacks; it keeps nothing of the
/// current structure. (The defaults, and that they replace current values, are known from emulators. AWS's
/// guide has other defaults for some runtimes.)
fn capacity_provider(request: &Value) -> Value {
    const INSTANCES: &str = "LambdaManagedInstancesCapacityProviderConfig";
    let mut members =
        json!({"PerExecutionEnvironmentMaxConcurrency": 16, "ExecutionEnvironmentMemoryGiBPerVCpu": 2.0});
    for (key, value) in request[INSTANCES].as_object().into_iter().flatten() {
        members[key] = value.clone();
    }
    json!({ INSTANCES: members })
}

/// Returns the current structure with the members of the request. An absent member keeps its current value;
/// an empty key removes the key. The default retention is from the model. (That an absent member keeps its
/// value is known from emulators.)
fn durable(live: Option<&Value>, request: &Value) -> Value {
    let mut members = live.and_then(Value::as_object).cloned().unwrap_or_default();
    members.extend(request.as_object().cloned().unwrap_or_default());
    members.retain(|_, value| !value.is_null() && *value != "");
    members.entry("RetentionPeriodInDays").or_insert(json!(14));
    Value::Object(members)
}

/// AWS answers with the id of the subnets' VPC, and with an empty id after both lists were cleared. An absent
/// member keeps its current value. For the flag this is known: leaving a VPC without naming the flag is
/// refused while it is set (cloudformation-coverage-roadmap 2061). For an absent list it is a guess.
fn vpc(live: Option<&Value>, request: &Value) -> Value {
    let live = live.unwrap_or(&Value::Null);
    let member = |key: &str| if request[key].is_null() { &live[key] } else { &request[key] };
    let (subnets, groups) = (strings(member("SubnetIds")), strings(member("SecurityGroupIds")));
    let id = if subnets.is_empty() { "" } else { VPC };
    json!({
        "Ipv6AllowedForDualStack": member("Ipv6AllowedForDualStack").as_bool().unwrap_or(false),
        "SecurityGroupIds": groups,
        "SubnetIds": subnets,
        "VpcId": id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies the requests one after the other to a new function and compares one member with `expected`.
    #[track_caller]
    fn check(requests: &[Value], key: &str, expected: Option<&Value>) {
        let mut configuration = created("f", "us-east-1", &json!({}));
        for request in requests {
            merge(&mut configuration, "us-east-1", request);
        }
        assert_eq!(configuration.get(key), expected);
    }

    #[test]
    fn an_absent_or_null_member_keeps_what_is_live() {
        let set = json!({"Timeout": 10, "Description": "d"});
        check(&[set.clone(), json!({})], "Timeout", Some(&json!(10)));
        check(&[set.clone(), json!({"Timeout": null})], "Timeout", Some(&json!(10)));
        check(&[set, json!({"Description": ""})], "Description", Some(&json!("")));
    }

    #[test]
    fn an_empty_member_clears() {
        for (key, set, clear) in [
            ("Environment", json!({"Variables": {"A": "1"}}), json!({"Variables": {}})),
            ("Layers", json!(["arn:aws:lambda:us-east-1:123456789012:layer:l:1"]), json!([])),
            (
                "DeadLetterConfig",
                json!({"TargetArn": "arn:aws:sqs:us-east-1:123456789012:q"}),
                json!({"TargetArn": ""}),
            ),
            ("KMSKeyArn", json!("arn:aws:kms:us-east-1:123456789012:key/k"), json!("")),
        ] {
            check(&[json!({key: set}), json!({key: clear})], key, None);
        }
    }

    #[test]
    fn an_environment_without_variables_keeps_them() {
        let set = json!({"Environment": {"Variables": {"A": "1"}}});
        check(&[set.clone(), json!({"Environment": {}})], "Environment", Some(&set["Environment"]));
    }

    #[test]
    fn a_vpc_keeps_what_is_not_named() {
        let set = json!({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "Ipv6AllowedForDualStack": true}});
        let lists = json!({"VpcConfig": {"SubnetIds": ["subnet-2"], "SecurityGroupIds": ["sg-1"]}});
        let kept = json!({"Ipv6AllowedForDualStack": true, "SecurityGroupIds": ["sg-1"], "SubnetIds": ["subnet-2"], "VpcId": "vpc-0123456789abcdef0"});
        check(&[set.clone(), lists], "VpcConfig", Some(&kept));
        let flag = json!({"VpcConfig": {"Ipv6AllowedForDualStack": false}});
        let unset = json!({"Ipv6AllowedForDualStack": false, "SecurityGroupIds": ["sg-1"], "SubnetIds": ["subnet-1"], "VpcId": "vpc-0123456789abcdef0"});
        check(&[set, flag], "VpcConfig", Some(&unset));
    }

    #[test]
    fn an_image_config_and_a_logging_config_are_replaced_as_a_whole() {
        let image = |config: Value| json!({"ImageConfig": config});
        let all = image(json!({"EntryPoint": ["sh"], "Command": ["-c"], "WorkingDirectory": "/app"}));
        let some = json!({"ImageConfig": {"EntryPoint": ["sh"]}});
        check(&[all.clone(), image(json!({"EntryPoint": ["sh"]}))], "ImageConfigResponse", Some(&some));
        check(&[all, image(json!({}))], "ImageConfigResponse", None);
        let logs = |config: Value| json!({"LoggingConfig": config});
        let all = logs(
            json!({"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "WARN", "LogGroup": "g"}),
        );
        let text = json!({"LogFormat": "Text", "LogGroup": "/aws/lambda/f"});
        check(&[all.clone(), logs(json!({"LogFormat": "Text"}))], "LoggingConfig", Some(&text));
        let usual = json!({"ApplicationLogLevel": "INFO", "LogFormat": "JSON", "LogGroup": "/aws/lambda/f", "SystemLogLevel": "INFO"});
        check(&[all, logs(json!({"LogFormat": "JSON"}))], "LoggingConfig", Some(&usual));
    }

    #[test]
    fn a_vpc_has_an_id_until_it_is_cleared() {
        let set = json!({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}});
        let live = json!({"Ipv6AllowedForDualStack": false, "SecurityGroupIds": ["sg-1"], "SubnetIds": ["subnet-1"], "VpcId": "vpc-0123456789abcdef0"});
        check(std::slice::from_ref(&set), "VpcConfig", Some(&live));
        let clear = json!({"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}});
        let cleared =
            json!({"Ipv6AllowedForDualStack": false, "SecurityGroupIds": [], "SubnetIds": [], "VpcId": ""});
        check(&[set, clear], "VpcConfig", Some(&cleared));
    }

    #[test]
    fn a_durable_config_keeps_what_is_not_named() {
        let key = "arn:aws:kms:us-east-1:123456789012:key/k";
        let set = json!({"DurableConfig": {"ExecutionTimeout": 60, "KMSKeyArn": key}});
        let live = json!({"ExecutionTimeout": 60, "KMSKeyArn": key, "RetentionPeriodInDays": 14});
        check(std::slice::from_ref(&set), "DurableConfig", Some(&live));
        let change = json!({"DurableConfig": {"KMSKeyArn": "", "RetentionPeriodInDays": 90}});
        let changed = json!({"ExecutionTimeout": 60, "RetentionPeriodInDays": 90});
        check(&[set, change], "DurableConfig", Some(&changed));
    }

    #[test]
    fn a_capacity_provider_is_replaced_as_a_whole() {
        let config = |members: Value| json!({"CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": members}});
        let set = config(json!({"CapacityProviderArn": "a", "PerExecutionEnvironmentMaxConcurrency": 4}));
        let other = config(json!({"CapacityProviderArn": "b", "ExecutionEnvironmentMemoryGiBPerVCpu": 4.0}));
        let members = json!({
            "CapacityProviderArn": "b",
            "PerExecutionEnvironmentMaxConcurrency": 16,
            "ExecutionEnvironmentMemoryGiBPerVCpu": 4.0,
        });
        check(&[set, other], "CapacityProviderConfig", Some(&config(members)["CapacityProviderConfig"]));
    }

    #[test]
    fn layers_are_answered_with_their_size_and_json_logs_with_levels() {
        check(&[json!({"Layers": ["l"]})], "Layers", Some(&json!([{"Arn": "l", "CodeSize": 1024}])));
        let json_logs = json!({"ApplicationLogLevel": "INFO", "LogFormat": "JSON", "LogGroup": "/aws/lambda/f", "SystemLogLevel": "WARN"});
        check(
            &[json!({"LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "WARN"}})],
            "LoggingConfig",
            Some(&json_logs),
        );
    }
}
