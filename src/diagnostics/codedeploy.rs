//! Reports what CodeDeploy did not do, or does not have.

use super::{report, sentence};
use crate::lambda::{FailedDeployment, MissingResource};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::CodeDeployDeployment;
use crate::protocol::secret::Redactor;
use crate::protocol::structures::CodeDeploy;

/// Reports a deployment that failed or was stopped: why, whether it was rolled back, and where the alias
/// points.
pub(super) fn from_failed_deployment(failed: FailedDeployment, redactor: &Redactor) -> ErrorReport {
    let FailedDeployment { deployment, reason, rollback, alias } = failed;
    let redact = |text: &str| redactor.redact(text);
    let id = redact(&deployment.deployment_id);
    let ended = |deployment: &CodeDeployDeployment| match deployment.status.as_str() {
        "Failed" => "failed".to_owned(),
        "Stopped" => "was stopped".to_owned(),
        status => format!("ended with the status {}", redact(status)),
    };
    let how = ended(&deployment);
    let why = reason.reason.map(|reason| format!(": {}", sentence(&reason, redactor)));
    let code = reason.code.map(|code| format!(" ({})", redact(&code)));
    let back = match &rollback {
        Some((by, message)) => {
            let (id, why) = (redact(&by.deployment_id), message.as_ref());
            let why = why.map(|why| format!(": {}", sentence(why, redactor))).unwrap_or_default();
            match by.status.as_str() {
                "Succeeded" => format!("it was rolled back by deployment {id}{why}"),
                _ => format!("its rollback, deployment {id}, {}{why}", ended(by)),
            }
        }
        None => "it was not rolled back".to_owned(),
    };
    let hint = if alias.history.is_codedeploy_target(&alias.version) {
        "and move the alias back with `dpl-lambda rollback`".to_owned()
    } else if alias.shares().is_empty() {
        "remove it and deploy again".to_owned()
    } else {
        format!(
            "remove it and deploy again with `clear_weights: true`, which sends all traffic back to version \
             {} first",
            redact(&alias.version)
        )
    };
    let shares: Vec<String> = alias
        .shares()
        .iter()
        .map(|(version, percent)| format!("{percent} % of its traffic goes to version {}", redact(version)))
        .collect();
    let shares = if shares.is_empty() { String::new() } else { format!(", and {}", shares.join(", ")) };
    let (alias, version) = (redact(&alias.name), redact(&alias.version));
    let message = format!(
        "CodeDeploy deployment {id} {how}{}{}; {back}; `{alias}` points at version {version}{shares}",
        why.unwrap_or_default(),
        code.unwrap_or_default(),
    );
    report(Code::CodedeployFailed, message)
        .at("/codedeploy")
        .hint(format!("find the cause with `aws deploy get-deployment --deployment-id {id}`, {hint}"))
}

/// Reports an application, a deployment group or a deployment configuration that does not exist. `text` says
/// which.
pub(super) fn from_missing_resource(
    text: &str,
    resource: MissingResource,
    codedeploy: &CodeDeploy,
    redactor: &Redactor,
) -> ErrorReport {
    let CodeDeploy { application, deployment_group, config, .. } = codedeploy;
    let config = config.as_deref().unwrap_or("CodeDeployDefault.LambdaCanary10Percent5Minutes");
    let (at, hint) = match resource {
        MissingResource::Application => (
            "/codedeploy/application",
            format!(
                "check the region and the account, or create it: `aws deploy create-application \
                 --application-name {application} --compute-platform Lambda`; then create its deployment \
                 group"
            ),
        ),
        MissingResource::DeploymentGroup => (
            "/codedeploy/deployment_group",
            format!(
                "create it, with the ARN of a role that CodeDeploy can assume: `aws deploy \
                 create-deployment-group --application-name {application} --deployment-group-name \
                 {deployment_group} --deployment-config-name {config} --deployment-style \
                 deploymentType=BLUE_GREEN,deploymentOption=WITH_TRAFFIC_CONTROL --service-role-arn ARN`"
            ),
        ),
        MissingResource::DeploymentConfig => (
            "/codedeploy/config",
            format!(
                "choose one that `aws deploy list-deployment-configs` lists, or create it: `aws deploy \
                 create-deployment-config --deployment-config-name {config} --compute-platform Lambda \
                 --traffic-routing-config …`"
            ),
        ),
    };
    report(Code::NotFound, redactor.redact(text)).at(at).hint(redactor.redact(&hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::{AliasHistory, LiveAlias};
    use crate::lambda::StateReason;

    fn failed(status: &str, rollback: Option<(&str, &str)>, share: Option<u8>) -> String {
        report_of(status, rollback, ("7", share)).message
    }

    fn deployment(id: &str, status: &str) -> CodeDeployDeployment {
        CodeDeployDeployment { deployment_id: id.to_owned(), status: status.to_owned() }
    }

    fn report_of(
        status: &str,
        rollback: Option<(&str, &str)>,
        (version, share): (&str, Option<u8>),
    ) -> ErrorReport {
        let text = |text: &str| Some(text.to_owned());
        let reason = StateReason { code: text("ALARM_ACTIVE"), reason: text("An alarm fired.") };
        let alias = LiveAlias {
            name: "live".to_owned(),
            version: version.to_owned(),
            weights: share.map(|share| ("8".to_owned(), share)).into_iter().collect(),
            history: AliasHistory::of("(at 7, codedeploy to 8, before: 5)"),
            ..LiveAlias::default()
        };
        let rollback = rollback.map(|(status, message)| (deployment("d-2", status), text(message)));
        let failed = FailedDeployment { deployment: deployment("d-1", status), reason, rollback, alias };
        from_failed_deployment(failed, &Redactor::default())
    }

    #[test]
    fn the_hint_says_what_moves_the_traffic_back() {
        let hint = |at| report_of("Failed", None, at).hint.expect("a hint");
        assert!(hint(("7", None)).ends_with("`, remove it and deploy again"));
        assert!(
            hint(("7", Some(10))).contains("with `clear_weights: true`, which sends all traffic back to")
        );
        assert!(hint(("8", None)).ends_with(", and move the alias back with `dpl-lambda rollback`"));
    }

    #[test]
    fn the_error_says_whether_the_traffic_is_back() {
        assert_eq!(
            failed("Failed", Some(("Succeeded", "Started.")), None),
            "CodeDeploy deployment d-1 failed: An alarm fired (ALARM_ACTIVE); it was rolled back by \
             deployment d-2: Started; `live` points at version 7"
        );
        assert_eq!(
            failed("Failed", Some(("Stopped", "Started.")), Some(10)),
            "CodeDeploy deployment d-1 failed: An alarm fired (ALARM_ACTIVE); its rollback, deployment d-2, \
             was stopped: Started; `live` points at version 7, and 10 % of its traffic goes to version 8"
        );
        assert_eq!(
            failed("Stopped", None, Some(10)),
            "CodeDeploy deployment d-1 was stopped: An alarm fired (ALARM_ACTIVE); it was not rolled back; \
             `live` points at version 7, and 10 % of its traffic goes to version 8"
        );
    }

    #[test]
    fn what_is_missing_is_created_by_the_command_in_the_hint() {
        let codedeploy = CodeDeploy {
            application: "shop".to_owned(),
            deployment_group: "live".to_owned(),
            ..CodeDeploy::default()
        };
        let report = |resource| from_missing_resource("x", resource, &codedeploy, &Redactor::default());
        let application = report(MissingResource::Application);
        assert_eq!(application.at.as_deref(), Some("/codedeploy/application"));
        let command = "aws deploy create-application --application-name shop --compute-platform Lambda";
        assert!(application.hint.is_some_and(|hint| hint.contains(command)));
        let group = report(MissingResource::DeploymentGroup);
        assert_eq!(group.at.as_deref(), Some("/codedeploy/deployment_group"));
        let command = "--application-name shop --deployment-group-name live";
        assert!(group.hint.is_some_and(|hint| hint.contains(command)));
        assert_eq!(report(MissingResource::DeploymentConfig).at.as_deref(), Some("/codedeploy/config"));
    }
}
