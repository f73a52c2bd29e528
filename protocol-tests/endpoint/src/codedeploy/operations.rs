//! The operations of CodeDeploy, and what the stages of a deployment do to the alias. Never waits: the stages
//! that have begun are carried out before the next call is handled.

use serde_json::{Map, Value, json};

use crate::account::{Account, Arguments};
use crate::codedeploy::appspec::AppSpec;
use crate::codedeploy::deployment::{Deployment, Stage};
use crate::codedeploy::group::DeploymentGroup;
use crate::codedeploy::refusal::{self, CodeDeployRefusal};
use crate::codedeploy::target::CodeDeployOperation;
use crate::codedeploy::traffic::Traffic;
use crate::function::Function;
use crate::ids;
use crate::moment::Moment;
use crate::refusal::Refusal;

/// The largest number of deployments on a page.
const PAGE: usize = 100;

/// DeploymentStatus.
const STATUSES: [&str; 8] =
    ["Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready"];

impl Account {
    /// Runs an operation of CodeDeploy.
    pub(crate) fn codedeploy(
        &mut self,
        operation: CodeDeployOperation,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let body = arguments.body;
        let result = match operation {
            CodeDeployOperation::CreateDeployment => self.create_deployment(arguments),
            CodeDeployOperation::GetApplication => self.get_application(body),
            CodeDeployOperation::GetDeployment => self.get_deployment(body),
            CodeDeployOperation::GetDeploymentConfig => get_deployment_config(body),
            CodeDeployOperation::GetDeploymentGroup => self.get_deployment_group(body),
            CodeDeployOperation::ListDeployments => self.list_deployments(body),
            CodeDeployOperation::StopDeployment => self.stop_deployment(arguments),
        };
        result.map_err(Refusal::CodeDeploy)
    }

    fn create_deployment(&mut self, arguments: &Arguments<'_>) -> Result<Value, CodeDeployRefusal> {
        let body = arguments.body;
        let group = self.deployment_group(body)?.clone();
        let config = body["deploymentConfigName"].as_str().unwrap_or(&group.config);
        let traffic = traffic(config)?;
        if body["revision"].is_null() {
            let code = "RevisionRequiredException";
            return Err(CodeDeployRefusal::Missing { code, what: "The revision" });
        }
        let app_spec = AppSpec::of(&body["revision"])?;
        if let Some(active) = self.deployments.iter().find(|it| it.is_active() && is_of(it, &group)) {
            return Err(CodeDeployRefusal::Active { group: group.name, id: active.id.clone() });
        }
        let place = (group.application.as_str(), group.name.as_str());
        let time = (arguments.now, self.settings.shift_duration);
        let mut deployment = Deployment::new(place, config, app_spec, traffic, time);
        deployment.description = body["description"].as_str().map(str::to_owned);
        let answer = json!({"deploymentId": deployment.id});
        self.deployments.push(deployment);
        Ok(answer)
    }

    fn get_application(&self, body: &Value) -> Result<Value, CodeDeployRefusal> {
        let name = self.application(body)?;
        Ok(json!({"application": {"applicationName": name, "computePlatform": "Lambda"}}))
    }

    fn get_deployment(&self, body: &Value) -> Result<Value, CodeDeployRefusal> {
        let index = self.deployment(body)?;
        Ok(json!({"deploymentInfo": self.deployments[index].info()}))
    }

    fn get_deployment_group(&self, body: &Value) -> Result<Value, CodeDeployRefusal> {
        let group = self.deployment_group(body)?;
        let events: &[&str] = if group.rolls_back {
            &["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
        } else {
            &[]
        };
        let alarms: Vec<Value> = group.firing_alarm.iter().map(|name| json!({"name": name})).collect();
        Ok(json!({"deploymentGroupInfo": {
            "alarmConfiguration": {"alarms": alarms, "enabled": !alarms.is_empty()},
            "applicationName": group.application,
            "autoRollbackConfiguration": {"enabled": group.rolls_back, "events": events},
            "computePlatform": "Lambda",
            "deploymentConfigName": group.config,
            "deploymentGroupName": group.name,
            "deploymentStyle": {"deploymentOption": "WITH_TRAFFIC_CONTROL", "deploymentType": "BLUE_GREEN"},
            "serviceRoleArn": format!("arn:aws:iam::{}:role/codedeploy", self.settings.account),
        }}))
    }

    /// The newest deployment is the first (a guess).
    fn list_deployments(&self, body: &Value) -> Result<Value, CodeDeployRefusal> {
        // Without an application, AWS lists the deployments of all.
        let group = match &body["applicationName"] {
            Value::Null => None,
            _ => Some(self.deployment_group(body)?),
        };
        let statuses = body["includeOnlyStatuses"].as_array();
        if statuses.into_iter().flatten().any(|status| !STATUSES.iter().any(|known| status == known)) {
            return Err(CodeDeployRefusal::InvalidStatus);
        }
        let is_asked = |it: &&Deployment| {
            group.is_none_or(|group| is_of(it, group))
                && statuses.is_none_or(|statuses| statuses.iter().any(|status| status == it.status))
        };
        let asked = self.deployments.iter().rev().filter(is_asked);
        let ids: Vec<&str> = asked.map(|it| it.id.as_str()).collect();
        let start = match &body["nextToken"] {
            Value::Null => 0,
            token => token
                .as_str()
                .and_then(|token| token.parse::<usize>().ok())
                .filter(|start| *start <= ids.len())
                .ok_or(CodeDeployRefusal::InvalidNextToken)?,
        };
        let end = ids.len().min(start + PAGE);
        let mut answer = json!({"deployments": ids[start..end]});
        if end < ids.len() {
            answer["nextToken"] = json!(end.to_string());
        }
        Ok(answer)
    }

    fn stop_deployment(&mut self, arguments: &Arguments<'_>) -> Result<Value, CodeDeployRefusal> {
        let index = self.deployment(arguments.body)?;
        let deployment = &self.deployments[index];
        if !deployment.is_active() {
            return Err(CodeDeployRefusal::Completed { id: deployment.id.clone() });
        }
        let rolls_back = arguments.body["autoRollbackEnabled"].as_bool();
        let (code, message) = refusal::STOPPED;
        let error = (code, message.to_owned());
        self.end_deployment(index, "Stopped", error, rolls_back, arguments.now);
        // Known from the outputs of the AWS CLI in its reference.
        let message = "No more commands will be scheduled for execution in the deployment instances";
        Ok(json!({"status": "Succeeded", "statusMessage": message}))
    }

    /// Carries out the stages of all deployments that have begun by `now`. Call this before any read or
    /// change of an alias.
    pub(crate) fn advance_deployments(&mut self, now: Moment) {
        let mut index = 0;
        // A rollback is appended meanwhile.
        while index < self.deployments.len() {
            while let Some(stage) = self.deployments[index].due(now.instant) {
                self.enter(index, stage, now);
            }
            index += 1;
        }
    }

    fn enter(&mut self, index: usize, stage: Stage, now: Moment) {
        let app_spec = self.deployments[index].app_spec.clone();
        let mut groups = self.deployment_groups.iter();
        let group = groups.find(|group| is_of(&self.deployments[index], group)).cloned().unwrap_or_default();
        let failing = |event: &str, hook: Option<&String>| {
            let failing = hook.filter(|hook| group.failing_hook.as_ref() == Some(*hook));
            failing.map(|hook| ("Failed", refusal::hook_failed(event, hook)))
        };
        let problem = match stage {
            Stage::Queue => return self.deployments[index].status = "Queued",
            Stage::Begin => return self.deployments[index].status = "InProgress",
            Stage::Check => self.mismatch(&app_spec, now).map(|error| ("Failed", error)),
            Stage::Before => failing("BeforeAllowTraffic", app_spec.before.as_ref()),
            Stage::After => failing("AfterAllowTraffic", app_spec.after.as_ref()),
            Stage::Alarms => {
                group.firing_alarm.as_deref().map(|alarm| ("Stopped", refusal::alarm_active(alarm)))
            }
            Stage::Share(percent) => {
                let weights = Map::from_iter([(app_spec.target.clone(), json!(f64::from(percent) / 100.0))]);
                self.move_alias(&app_spec, &app_spec.current, weights, now)
            }
            Stage::Move => self.move_alias(&app_spec, &app_spec.target, Map::new(), now),
            Stage::Succeed => return self.deployments[index].end("Succeeded", None, now),
        };
        if let Some((status, error)) = problem {
            // Before this stage has passed, there is nothing to go back to.
            let rolls_back = (stage == Stage::Check).then_some(false);
            self.end_deployment(index, status, error, rolls_back, now);
        }
    }

    /// Returns why a deployment of this AppSpec fails: a version or the alias does not exist, or the alias
    /// does not send all its traffic to the current version.
    fn mismatch(&mut self, app_spec: &AppSpec, now: Moment) -> Option<(&'static str, String)> {
        let missing = refusal::no_function(&app_spec.function);
        let Some(function) = self.deployed_function(app_spec, now) else { return Some(missing) };
        let exists = |version: &str| function.version(Some(version)).is_ok();
        if !exists(&app_spec.current) || !exists(&app_spec.target) {
            return Some(missing);
        }
        let Some(alias) = function.aliases.get(&app_spec.alias) else { return Some(missing) };
        let is_there = alias.version == app_spec.current && alias.weights.is_empty();
        (!is_there).then(|| refusal::other_version(&app_spec.alias))
    }

    /// Sends the traffic of the alias to `version`, and shares of it to others. Its description stays.
    fn move_alias(
        &mut self,
        app_spec: &AppSpec,
        version: &str,
        weights: Map<String, Value>,
        now: Moment,
    ) -> Option<(&'static str, (&'static str, String))> {
        let function = self.deployed_function(app_spec, now);
        let Some(alias) = function.and_then(|function| function.aliases.get_mut(&app_spec.alias)) else {
            return Some(("Failed", refusal::no_function(&app_spec.function)));
        };
        version.clone_into(&mut alias.version);
        alias.weights = weights;
        alias.revision_id = ids::unique();
        alias.invoked = 0;
        None
    }

    fn deployed_function(&mut self, app_spec: &AppSpec, now: Moment) -> Option<&mut Function> {
        let name = self.name(&app_spec.function).ok()?;
        self.function(&name, now).ok()
    }

    /// Ends a deployment that did not succeed, and begins the one that rolls it back. `rolls_back`: `None` if
    /// the group decides.
    fn end_deployment(
        &mut self,
        index: usize,
        status: &'static str,
        error: (&'static str, String),
        rolls_back: Option<bool>,
        now: Moment,
    ) {
        let lasts = self.settings.shift_duration;
        let group = self.deployment_groups.iter().find(|group| is_of(&self.deployments[index], group));
        let group_rolls_back = group.is_some_and(|group| group.rolls_back);
        let failed = &mut self.deployments[index];
        failed.end(status, Some(error), now);
        // The rollback of a rollback does not exist.
        if rolls_back.unwrap_or(group_rolls_back) && failed.creator == "user" {
            let rollback = Deployment::rollback_of(failed, (now, lasts));
            failed.rollback_info = json!({
                "rollbackDeploymentId": rollback.id,
                "rollbackMessage": refusal::rolled_back(&failed.id, &rollback.id),
            });
            self.deployments.push(rollback);
        }
    }

    /// Returns the name of the application in a request. Fails if it does not exist.
    fn application<'a>(&self, body: &'a Value) -> Result<&'a str, CodeDeployRefusal> {
        let code = "ApplicationNameRequiredException";
        let name = required(body, "applicationName", code, "The application name")?;
        let exists = self.deployment_groups.iter().any(|group| group.application == name);
        if exists { Ok(name) } else { Err(CodeDeployRefusal::NoApplication { name: name.to_owned() }) }
    }

    /// Returns the deployment group in a request. Fails if it does not exist.
    fn deployment_group(&self, body: &Value) -> Result<&DeploymentGroup, CodeDeployRefusal> {
        let application = self.application(body)?;
        let code = "DeploymentGroupNameRequiredException";
        let name = required(body, "deploymentGroupName", code, "The deployment group name")?;
        let mut groups = self.deployment_groups.iter();
        let found = groups.find(|group| group.application == application && group.name == name);
        found.ok_or_else(|| CodeDeployRefusal::NoGroup { name: name.to_owned() })
    }

    /// Returns the index of the deployment in a request. Fails if it does not exist.
    fn deployment(&self, body: &Value) -> Result<usize, CodeDeployRefusal> {
        let id = required(body, "deploymentId", "DeploymentIdRequiredException", "The deployment ID")?;
        let found = self.deployments.iter().position(|it| it.id == id);
        found.ok_or_else(|| CodeDeployRefusal::NoDeployment { id: id.to_owned() })
    }
}

fn get_deployment_config(body: &Value) -> Result<Value, CodeDeployRefusal> {
    let code = "DeploymentConfigNameRequiredException";
    let name = required(body, "deploymentConfigName", code, "The deployment configuration name")?;
    let routing = traffic(name)?.routing();
    Ok(json!({"deploymentConfigInfo": {
        "computePlatform": "Lambda",
        "deploymentConfigName": name,
        "trafficRoutingConfig": routing,
    }}))
}

fn traffic(config: &str) -> Result<Traffic, CodeDeployRefusal> {
    Traffic::of(config).ok_or_else(|| CodeDeployRefusal::NoConfig { name: config.to_owned() })
}

fn required<'a>(
    body: &'a Value,
    key: &str,
    code: &'static str,
    what: &'static str,
) -> Result<&'a str, CodeDeployRefusal> {
    body[key].as_str().ok_or(CodeDeployRefusal::Missing { code, what })
}

fn is_of(deployment: &Deployment, group: &DeploymentGroup) -> bool {
    deployment.application == group.application && deployment.group == group.name
}
