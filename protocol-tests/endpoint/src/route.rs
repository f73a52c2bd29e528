//! Finds the operation for a method and a path, and extracts the names from the path. Never looks at a body.

use crate::codedeploy::target::{self, CodeDeployOperation};
use crate::http::Head;
use crate::service::{self, Service};
use crate::uri;

/// The operations that the endpoint implements, under AWS's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateFunction,
    GetFunction,
    GetFunctionConfiguration,
    UpdateFunctionConfiguration,
    UpdateFunctionCode,
    DeleteFunction,
    PublishVersion,
    ListVersionsByFunction,
    CreateAlias,
    GetAlias,
    UpdateAlias,
    DeleteAlias,
    ListAliases,
    TagResource,
    UntagResource,
    ListTags,
    PutFunctionConcurrency,
    GetFunctionConcurrency,
    DeleteFunctionConcurrency,
    PutRuntimeManagementConfig,
    GetRuntimeManagementConfig,
    PutFunctionRecursionConfig,
    GetFunctionRecursionConfig,
    PutFunctionEventInvokeConfig,
    GetFunctionEventInvokeConfig,
    DeleteFunctionEventInvokeConfig,
    PutProvisionedConcurrencyConfig,
    GetProvisionedConcurrencyConfig,
    DeleteProvisionedConcurrencyConfig,
    PutFunctionScalingConfig,
    GetFunctionScalingConfig,
    CreateFunctionUrlConfig,
    GetFunctionUrlConfig,
    UpdateFunctionUrlConfig,
    DeleteFunctionUrlConfig,
    AddPermission,
    GetPolicy,
    RemovePermission,
    PutFunctionCodeSigningConfig,
    GetFunctionCodeSigningConfig,
    DeleteFunctionCodeSigningConfig,
    CreateEventSourceMapping,
    GetEventSourceMapping,
    ListEventSourceMappings,
    UpdateEventSourceMapping,
    ListDurableExecutionsByFunction,
    PublishLayerVersion,
    GetLayerVersion,
    ListLayerVersions,
    DeleteLayerVersion,
    Invoke,
    DescribeAlarms,
    GetMetricData,
    CodeDeploy(CodeDeployOperation),
}

use Operation::*;

impl Operation {
    /// The service that has the operation.
    pub(crate) fn service(self) -> Service {
        match self {
            DescribeAlarms | GetMetricData => Service::CloudWatch,
            CodeDeploy(_) => Service::CodeDeploy,
            _ => Service::Lambda, // all other operations are Lambda's
        }
    }
}

/// Operation, name, method, path and status of success, from botocore's models of Lambda and CloudWatch. Only
/// DeleteFunction differs: the model says 200 and allows another status in the answer; AWS answers 204.
#[rustfmt::skip] // a table: one operation, one line
const ROUTES: [(Operation, &str, &str, &str, u16); 53] = [
    (CreateFunction, "CreateFunction", "POST", "/2015-03-31/functions", 201),
    (GetFunction, "GetFunction", "GET", "/2015-03-31/functions/{}", 200),
    (GetFunctionConfiguration, "GetFunctionConfiguration", "GET", "/2015-03-31/functions/{}/configuration", 200),
    (UpdateFunctionConfiguration, "UpdateFunctionConfiguration", "PUT", "/2015-03-31/functions/{}/configuration", 200),
    (UpdateFunctionCode, "UpdateFunctionCode", "PUT", "/2015-03-31/functions/{}/code", 200),
    (DeleteFunction, "DeleteFunction", "DELETE", "/2015-03-31/functions/{}", 204),
    (PublishVersion, "PublishVersion", "POST", "/2015-03-31/functions/{}/versions", 201),
    (ListVersionsByFunction, "ListVersionsByFunction", "GET", "/2015-03-31/functions/{}/versions", 200),
    (CreateAlias, "CreateAlias", "POST", "/2015-03-31/functions/{}/aliases", 201),
    (GetAlias, "GetAlias", "GET", "/2015-03-31/functions/{}/aliases/{}", 200),
    (UpdateAlias, "UpdateAlias", "PUT", "/2015-03-31/functions/{}/aliases/{}", 200),
    (DeleteAlias, "DeleteAlias", "DELETE", "/2015-03-31/functions/{}/aliases/{}", 204),
    (ListAliases, "ListAliases", "GET", "/2015-03-31/functions/{}/aliases", 200),
    (TagResource, "TagResource", "POST", "/2017-03-31/tags/{}", 204),
    (UntagResource, "UntagResource", "DELETE", "/2017-03-31/tags/{}", 204),
    (ListTags, "ListTags", "GET", "/2017-03-31/tags/{}", 200),
    (PutFunctionConcurrency, "PutFunctionConcurrency", "PUT", "/2017-10-31/functions/{}/concurrency", 200),
    (GetFunctionConcurrency, "GetFunctionConcurrency", "GET", "/2019-09-30/functions/{}/concurrency", 200),
    (DeleteFunctionConcurrency, "DeleteFunctionConcurrency", "DELETE", "/2017-10-31/functions/{}/concurrency", 204),
    (PutRuntimeManagementConfig, "PutRuntimeManagementConfig", "PUT", "/2021-07-20/functions/{}/runtime-management-config", 200),
    (GetRuntimeManagementConfig, "GetRuntimeManagementConfig", "GET", "/2021-07-20/functions/{}/runtime-management-config", 200),
    (PutFunctionRecursionConfig, "PutFunctionRecursionConfig", "PUT", "/2024-08-31/functions/{}/recursion-config", 200),
    (GetFunctionRecursionConfig, "GetFunctionRecursionConfig", "GET", "/2024-08-31/functions/{}/recursion-config", 200),
    (PutFunctionEventInvokeConfig, "PutFunctionEventInvokeConfig", "PUT", "/2019-09-25/functions/{}/event-invoke-config", 200),
    (GetFunctionEventInvokeConfig, "GetFunctionEventInvokeConfig", "GET", "/2019-09-25/functions/{}/event-invoke-config", 200),
    (DeleteFunctionEventInvokeConfig, "DeleteFunctionEventInvokeConfig", "DELETE", "/2019-09-25/functions/{}/event-invoke-config", 204),
    (PutProvisionedConcurrencyConfig, "PutProvisionedConcurrencyConfig", "PUT", "/2019-09-30/functions/{}/provisioned-concurrency", 202),
    (GetProvisionedConcurrencyConfig, "GetProvisionedConcurrencyConfig", "GET", "/2019-09-30/functions/{}/provisioned-concurrency", 200),
    (DeleteProvisionedConcurrencyConfig, "DeleteProvisionedConcurrencyConfig", "DELETE", "/2019-09-30/functions/{}/provisioned-concurrency", 204),
    (PutFunctionScalingConfig, "PutFunctionScalingConfig", "PUT", "/2025-11-30/functions/{}/function-scaling-config", 202),
    (GetFunctionScalingConfig, "GetFunctionScalingConfig", "GET", "/2025-11-30/functions/{}/function-scaling-config", 200),
    (CreateFunctionUrlConfig, "CreateFunctionUrlConfig", "POST", "/2021-10-31/functions/{}/url", 201),
    (GetFunctionUrlConfig, "GetFunctionUrlConfig", "GET", "/2021-10-31/functions/{}/url", 200),
    (UpdateFunctionUrlConfig, "UpdateFunctionUrlConfig", "PUT", "/2021-10-31/functions/{}/url", 200),
    (DeleteFunctionUrlConfig, "DeleteFunctionUrlConfig", "DELETE", "/2021-10-31/functions/{}/url", 204),
    (AddPermission, "AddPermission", "POST", "/2015-03-31/functions/{}/policy", 201),
    (GetPolicy, "GetPolicy", "GET", "/2015-03-31/functions/{}/policy", 200),
    (RemovePermission, "RemovePermission", "DELETE", "/2015-03-31/functions/{}/policy/{}", 204),
    (PutFunctionCodeSigningConfig, "PutFunctionCodeSigningConfig", "PUT", "/2020-06-30/functions/{}/code-signing-config", 200),
    (GetFunctionCodeSigningConfig, "GetFunctionCodeSigningConfig", "GET", "/2020-06-30/functions/{}/code-signing-config", 200),
    (DeleteFunctionCodeSigningConfig, "DeleteFunctionCodeSigningConfig", "DELETE", "/2020-06-30/functions/{}/code-signing-config", 204),
    (CreateEventSourceMapping, "CreateEventSourceMapping", "POST", "/2015-03-31/event-source-mappings", 202),
    (GetEventSourceMapping, "GetEventSourceMapping", "GET", "/2015-03-31/event-source-mappings/{}", 200),
    (ListEventSourceMappings, "ListEventSourceMappings", "GET", "/2015-03-31/event-source-mappings", 200),
    (UpdateEventSourceMapping, "UpdateEventSourceMapping", "PUT", "/2015-03-31/event-source-mappings/{}", 202),
    (ListDurableExecutionsByFunction, "ListDurableExecutionsByFunction", "GET", "/2025-12-01/functions/{}/durable-executions", 200),
    (PublishLayerVersion, "PublishLayerVersion", "POST", "/2018-10-31/layers/{}/versions", 201),
    (GetLayerVersion, "GetLayerVersion", "GET", "/2018-10-31/layers/{}/versions/{}", 200),
    (ListLayerVersions, "ListLayerVersions", "GET", "/2018-10-31/layers/{}/versions", 200),
    (DeleteLayerVersion, "DeleteLayerVersion", "DELETE", "/2018-10-31/layers/{}/versions/{}", 204),
    (Invoke, "Invoke", "POST", "/2015-03-31/functions/{}/invocations", 200),
    (DescribeAlarms, "DescribeAlarms", "POST", "/service/GraniteServiceVersion20100801/operation/DescribeAlarms", 200),
    (GetMetricData, "GetMetricData", "POST", "/service/GraniteServiceVersion20100801/operation/GetMetricData", 200),
];

/// The operation of a request, and the names in its path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) operation: Operation,
    /// AWS's name of the operation, such as `GetFunction`.
    pub(crate) name: &'static str,
    /// The HTTP status of success.
    pub(crate) status: u16,
    /// Function name, ARN of the tagged resource, UUID of a mapping, or layer name; empty if the path has
    /// none, as that of CodeDeploy.
    pub(crate) subject: String,
    /// Alias name, id of a policy statement, or version of a layer; empty if the path has none.
    pub(crate) item: String,
}

/// Returns the operation of a request, as [`route`] does.
pub(crate) fn of(head: &Head) -> Option<Route> {
    route(&head.method, head.header(target::HEADER).unwrap_or(&head.path))
}

/// Returns the operation of a request. `path` is the value of `X-Amz-Target`, if the request has that header.
/// `None`: AWS has no such operation, or this endpoint does not implement it.
pub(crate) fn route(method: &str, path: &str) -> Option<Route> {
    if let Some(name) = path.strip_prefix(target::PREFIX) {
        let (operation, name) = target::named(name).filter(|_| method == "POST")?;
        let (subject, item) = (String::new(), String::new());
        return Some(Route { operation: CodeDeploy(operation), name, status: 200, subject, item });
    }
    let in_header = path.strip_prefix(service::CLOUD_WATCH_TARGET);
    let of_cloud_watch = in_header.map(|name| format!("{}{name}", service::CLOUD_WATCH_PATH));
    let path = of_cloud_watch.as_deref().unwrap_or(path);
    // Older SDKs use `/functions/` where the model has `/functions`; AWS accepts both.
    let path = path.strip_suffix('/').unwrap_or(path);
    ROUTES.iter().find_map(|&(operation, name, its_method, its_path, status)| {
        let mut names = matched(its_path, path).filter(|_| its_method == method)?.into_iter();
        Some(Route {
            operation,
            name,
            status,
            subject: names.next().unwrap_or_default(),
            item: names.next().unwrap_or_default(),
        })
    })
}

/// True if the endpoint has an operation of this name. A fault with a misspelled name would never apply and
/// test nothing.
pub(crate) fn is_operation(text: &str) -> bool {
    ROUTES.iter().any(|&(_, name, ..)| name == text) || target::named(text).is_some()
}

/// Returns the decoded values for the `{}` of a template. `None`: the path does not match.
fn matched(template: &str, path: &str) -> Option<Vec<String>> {
    let (expected, found) = (template.split('/'), path.split('/'));
    if expected.clone().count() != found.clone().count() {
        return None;
    }
    let mut names = Vec::new();
    for (expected, found) in expected.zip(found) {
        match expected {
            "{}" => names.push(uri::decode(found)),
            literal if literal == found => {}
            _ => return None,
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, path: &str, expected: Option<(&str, &str, &str)>) {
        let found = route(method, path);
        let found = found.as_ref().map(|it| (it.name, it.subject.as_str(), it.item.as_str()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_path_leads_to_its_operation_and_gives_its_names() {
        check("POST", "/2015-03-31/functions", Some(("CreateFunction", "", "")));
        check("POST", "/2015-03-31/functions/", Some(("CreateFunction", "", "")));
        check("GET", "/2015-03-31/functions/f", Some(("GetFunction", "f", "")));
        check("PUT", "/2015-03-31/functions/f/code", Some(("UpdateFunctionCode", "f", "")));
        check("GET", "/2015-03-31/functions/f/aliases/live", Some(("GetAlias", "f", "live")));
        check("DELETE", "/2015-03-31/functions/f/policy/public", Some(("RemovePermission", "f", "public")));
        check("PUT", "/2021-10-31/functions/f/url", Some(("UpdateFunctionUrlConfig", "f", "")));
        check("GET", "/2018-10-31/layers/deps/versions/3", Some(("GetLayerVersion", "deps", "3")));
        check("POST", "GraniteServiceVersion20100801.GetMetricData", Some(("GetMetricData", "", "")));
    }

    #[test]
    fn names_are_decoded_after_the_path_is_split() {
        let path = "/2015-03-31/functions/123456789012%3Afunction%3Af/configuration";
        check("GET", path, Some(("GetFunctionConfiguration", "123456789012:function:f", "")));
        check("GET", "/2015-03-31/functions/a%2Fb", Some(("GetFunction", "a/b", "")));
    }

    #[test]
    fn another_method_or_path_is_no_operation() {
        check("PATCH", "/2015-03-31/functions/f", None);
        check("GET", "/2014-11-13/functions/f", None);
        check("POST", "GraniteServiceVersion20100801.PutDashboard", None);
        check("GET", "/", None);
    }
}
