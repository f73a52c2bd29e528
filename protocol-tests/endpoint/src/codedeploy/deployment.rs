//! The state of a deployment, and the stages that are ahead of it. Never moves an alias: `operations.rs` does
//! what a stage says.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::codedeploy::appspec::AppSpec;
use crate::codedeploy::traffic::Traffic;
use crate::ids;
use crate::moment::Moment;

/// What a deployment does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits for other deployments.
    Queue,
    Begin,
    /// Compares the alias with the AppSpec.
    Check,
    /// Runs the hook BeforeAllowTraffic.
    Before,
    /// Gives the new version this share of the traffic, in percent.
    Share(u32),
    /// The alarms of the group are checked.
    Alarms,
    /// Moves the alias.
    Move,
    /// Runs the hook AfterAllowTraffic.
    After,
    Succeed,
}

/// A deployment. It ends by itself, or because a client or an alarm stops it.
pub(crate) struct Deployment {
    pub(crate) id: String,
    pub(crate) application: String,
    pub(crate) group: String,
    pub(crate) config: String,
    pub(crate) app_spec: AppSpec,
    pub(crate) description: Option<String>,
    /// `user`, or `codeDeployRollback`.
    pub(crate) creator: &'static str,
    /// DeploymentStatus.
    pub(crate) status: &'static str,
    /// ErrorInformation. `None`: it did not fail.
    pub(crate) error: Option<(&'static str, String)>,
    /// RollbackInfo; null if there is none.
    pub(crate) rollback_info: Value,
    created: SystemTime,
    completed: Option<SystemTime>,
    /// The stages that are ahead, with the time at which each begins.
    ahead: VecDeque<(Instant, Stage)>,
}

impl Deployment {
    /// Creates a deployment that shifts traffic as `traffic` says. It stays at each share for `lasts`, and at
    /// each other status for an eighth of that.
    pub(crate) fn new(
        (application, group): (&str, &str),
        config: &str,
        app_spec: AppSpec,
        traffic: Traffic,
        (now, lasts): (Moment, Duration),
    ) -> Deployment {
        let pause = lasts / 8;
        let mut stages = vec![
            (pause, Stage::Queue),
            (pause, Stage::Begin),
            (Duration::ZERO, Stage::Check),
            (pause, Stage::Before),
        ];
        let shares = traffic.shares();
        let mut wait = pause;
        for (index, share) in shares.iter().enumerate() {
            stages.push((wait, Stage::Share(*share)));
            wait = lasts;
            if index == 0 {
                stages.push((lasts / 2, Stage::Alarms));
                wait = lasts / 2;
            }
        }
        stages.push((wait, Stage::Move));
        if shares.is_empty() {
            stages.push((pause, Stage::Alarms));
        }
        stages.extend([(Duration::ZERO, Stage::After), (pause, Stage::Succeed)]);
        Deployment::with_stages((application, group), config, app_spec, &stages, now)
    }

    /// Creates the deployment that sends all traffic back to where `failed` took it from.
    pub(crate) fn rollback_of(failed: &Deployment, (now, lasts): (Moment, Duration)) -> Deployment {
        let pause = lasts / 8;
        let stages = [
            (pause, Stage::Queue),
            (pause, Stage::Begin),
            (Duration::ZERO, Stage::Move),
            (pause, Stage::Succeed),
        ];
        let (place, app_spec) =
            ((failed.application.as_str(), failed.group.as_str()), failed.app_spec.reversed());
        Deployment {
            creator: "codeDeployRollback",
            rollback_info: json!({"rollbackTriggeringDeploymentId": failed.id}),
            ..Deployment::with_stages(place, &failed.config, app_spec, &stages, now)
        }
    }

    fn with_stages(
        (application, group): (&str, &str),
        config: &str,
        app_spec: AppSpec,
        stages: &[(Duration, Stage)],
        now: Moment,
    ) -> Deployment {
        let mut at = now.instant;
        let ahead = stages.iter().map(|(after, stage)| {
            at += *after;
            (at, *stage)
        });
        Deployment {
            id: format!("d-{}", ids::unique().replace('-', "")[..9].to_uppercase()),
            application: application.to_owned(),
            group: group.to_owned(),
            config: config.to_owned(),
            app_spec,
            description: None,
            creator: "user",
            status: "Created",
            error: None,
            rollback_info: Value::Null,
            created: now.wall,
            completed: None,
            ahead: ahead.collect(),
        }
    }

    /// Removes and returns the next stage if it has begun by `now`.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Stage> {
        let (at, stage) = *self.ahead.front()?;
        (at <= now).then(|| {
            self.ahead.pop_front();
            stage
        })
    }

    pub(crate) fn is_active(&self) -> bool {
        self.completed.is_none()
    }

    /// Ends the deployment. `error`: `None` if it succeeds.
    pub(crate) fn end(&mut self, status: &'static str, error: Option<(&'static str, String)>, now: Moment) {
        self.status = status;
        self.error = error;
        self.completed = Some(now.wall);
        self.ahead.clear();
    }

    /// DeploymentInfo. The content of the AppSpec is absent, as on AWS (GetDeployment in the API reference).
    pub(crate) fn info(&self) -> Value {
        let count = |status: &[&str]| u32::from(status.contains(&self.status));
        let mut info = json!({
            "applicationName": self.application,
            "computePlatform": "Lambda",
            "createTime": seconds(self.created),
            "creator": self.creator,
            "deploymentConfigName": self.config,
            "deploymentGroupName": self.group,
            "deploymentId": self.id,
            "deploymentOverview": {
                "Failed": count(&["Failed", "Stopped"]),
                "InProgress": count(&["InProgress"]),
                "Pending": count(&["Created", "Queued"]),
                "Ready": 0,
                "Skipped": 0,
                "Succeeded": count(&["Succeeded"]),
            },
            "deploymentStyle": {
                "deploymentOption": "WITH_TRAFFIC_CONTROL",
                "deploymentType": "BLUE_GREEN",
            },
            "revision": {
                "appSpecContent": {"sha256": self.app_spec.sha256},
                "revisionType": "AppSpecContent",
            },
            "status": self.status,
        });
        if let Some(description) = &self.description {
            info["description"] = json!(description);
        }
        if let Some((code, message)) = &self.error {
            info["errorInformation"] = json!({"code": code, "message": message});
        }
        if !self.rollback_info.is_null() {
            info["rollbackInfo"] = self.rollback_info.clone();
        }
        if let Some(completed) = self.completed {
            info["completeTime"] = seconds(completed);
        }
        info
    }
}

/// Formats a time as this protocol has it: seconds since 1970.
fn seconds(time: SystemTime) -> Value {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!(since.as_secs_f64())
}
