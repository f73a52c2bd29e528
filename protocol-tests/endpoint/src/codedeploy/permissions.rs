//! The permissions that a request to CodeDeploy needs, from "CodeDeploy permissions reference" (CodeDeploy
//! guide).

use serde_json::Value;

use crate::account::Account;
use crate::codedeploy::target::CodeDeployOperation;
use crate::iam::Context;
use crate::permission::Permission;
use crate::settings::Settings;

/// Returns the resource of the operation's own action.
pub(crate) fn resource(account: &Account, operation: CodeDeployOperation, body: &Value) -> String {
    let name = |key: &str| body[key].as_str().unwrap_or_default();
    let group =
        |application: &str, group: &str| arn(account, "deploymentgroup", &format!("{application}/{group}"));
    match operation {
        CodeDeployOperation::CreateDeployment
        | CodeDeployOperation::GetDeploymentGroup
        | CodeDeployOperation::ListDeployments => group(name("applicationName"), name("deploymentGroupName")),
        // Without a deployment, no resource can be named.
        CodeDeployOperation::GetDeployment | CodeDeployOperation::StopDeployment => {
            let found = account.deployments.iter().find(|it| it.id == name("deploymentId"));
            found.map_or("*".to_owned(), |it| group(&it.application, &it.group))
        }
        CodeDeployOperation::GetApplication => arn(account, "application", name("applicationName")),
        CodeDeployOperation::GetDeploymentConfig => {
            arn(account, "deploymentconfig", name("deploymentConfigName"))
        }
    }
}

/// Returns the other permissions: a deployment also reads its configuration, and registers its revision.
pub(crate) fn others(account: &Account, operation: CodeDeployOperation, body: &Value) -> Vec<Permission> {
    if operation != CodeDeployOperation::CreateDeployment {
        return Vec::new();
    }
    let application = body["applicationName"].as_str().unwrap_or_default();
    let group = account
        .deployment_groups
        .iter()
        .find(|group| group.application == application && body["deploymentGroupName"] == group.name.as_str());
    let config = body["deploymentConfigName"].as_str().or(group.map(|group| group.config.as_str()));
    let (application, config) = (
        arn(account, "application", application),
        arn(account, "deploymentconfig", config.unwrap_or_default()),
    );
    [
        ("codedeploy:GetDeploymentConfig", &config),
        ("codedeploy:GetApplicationRevision", &application),
        ("codedeploy:RegisterApplicationRevision", &application),
    ]
    .map(|(action, resource)| Permission::new(action, resource, Context::new()))
    .into()
}

fn arn(account: &Account, kind: &str, name: &str) -> String {
    let Settings { region, account, .. } = &account.settings;
    format!("arn:aws:codedeploy:{region}:{account}:{kind}:{name}")
}
