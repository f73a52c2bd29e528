//! Computes the smallest IAM policy with which a stanza's deployments succeed. Never calls AWS and has no
//! other side effects. What only AWS knows, such as the account of a function that the stanza names without
//! an ARN, becomes `*`, and a note says so.

use std::collections::BTreeMap;

use serde_json::json;

use self::actions::{
    alias_actions, function_actions, guard_actions, invokes, is_of_instances, may_be_public, needed,
    publishes, touches_network, url_actions, version_actions,
};
use self::arn::{ArnParts, is_word, literal, literal_arn};
use crate::code_source::CodeSource;
use crate::function::{DesiredFunction, Setting};
use crate::protocol::event::StepName;
use crate::protocol::layer::{Layer, NamedLayer};
use crate::protocol::limits::NOT_A_ROLE;
use crate::protocol::name::Region;
use crate::protocol::policy_document::{PolicyDocument, Statement};
use crate::protocol::stanza::{RoleSource, Stanza};
use crate::protocol::structures::CodeDeploy;
use crate::protocol::text::is_number;

mod actions;
mod arn;
#[cfg(test)]
mod tests;

/// A policy, and notes about its gaps.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The policy for the identity that deploys.
    pub document: PolicyDocument,
    /// What the policy leaves open: one sentence per gap.
    pub notes: Vec<String>,
}

/// The smallest policy that covers every deployment of a stanza: one that creates the function, and one that
/// changes all that the stanza sets. The policy also covers live settings that the stanza does not set.
pub(crate) fn of(stanza: &Stanza, desired: &DesiredFunction, source: &CodeSource, region: &Region) -> Policy {
    let arn_parts = ArnParts::of(stanza, desired, region);
    let function = arn_parts.arn("lambda", &format!("function:{}", desired.name.name()));
    let on = |qualifier: &str| format!("{function}:{qualifier}");
    let mut draft = Draft { statements: Vec::new(), notes: notes(stanza, desired, source, &arn_parts) };
    let actions = function_actions(stanza, desired, source);
    draft.allow("Function", &actions, vec![function.clone()]);
    let addressed = desired.url_alias().map_or(function.clone(), on);
    if desired.url_alias().is_some() {
        draft.allow("Address", &url_actions(desired), vec![addressed.clone()]);
    }
    if may_be_public(desired) {
        let everybody = Statement::allow([StepName::AddPermission.iam_action()], [addressed])
            .only_if("lambda:Principal", "*");
        draft.statements.push(everybody.named("Everybody"));
    }
    draft.allow("Versions", &version_actions(stanza, desired), vec![on("*")]);
    if invokes(stanza) && !publishes(desired) {
        draft.allow("Latest", &[StepName::Verify.iam_action()], vec![on("$LATEST")]);
    }
    draft.allow(
        "Aliases",
        &alias_actions(desired),
        desired.release.aliases.iter().map(|alias| on(alias)).collect(),
    );
    if let Some(alias) = desired.url_alias() {
        draft.allow_bypasses(desired, &actions, &arn_parts, [function.clone(), on(alias)]);
    } else if desired.release.keep.is_some() {
        draft.allow("EventSourceList", &LIST_EVENT_SOURCES, vec!["*".to_owned()]);
    }
    draft.allow("Guard", &guard_actions(desired), vec!["*".to_owned()]);
    if let Some(codedeploy) = &desired.release.codedeploy {
        draft.allow_codedeploy(codedeploy, &arn_parts);
    }
    if touches_network(desired) {
        let actions = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"];
        draft.allow("Network", &actions, vec!["*".to_owned()]);
    }
    desired.settings.iter().for_each(|setting| draft.allow_for(setting));
    draft.allow_capacity_provider(desired, &arn_parts);
    draft.allow_layers(desired, &arn_parts);
    draft.allow_code(source, desired, &arn_parts);
    Policy { document: PolicyDocument::of(draft.statements), notes: draft.notes }
}

/// One policy for an identity that needs all of these. Statements with the same ID that differ in their
/// resources only, or in their actions only, become one. Other statements with the same ID get a number,
/// because IDs are unique within a policy.
pub(crate) fn merged(documents: Vec<PolicyDocument>) -> PolicyDocument {
    let mut merged: Vec<Statement> = Vec::new();
    for statement in documents.into_iter().flat_map(|document| document.statement) {
        let is_alike = |one: &&mut Statement| {
            (&one.sid, &one.effect, &one.condition)
                == (&statement.sid, &statement.effect, &statement.condition)
                && (one.action == statement.action || one.resource == statement.resource)
        };
        let Some(alike) = merged.iter_mut().find(is_alike) else {
            merged.push(statement);
            continue;
        };
        for (texts, added) in
            [(&mut alike.action, statement.action), (&mut alike.resource, statement.resource)]
        {
            for text in added {
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
        }
    }
    let mut counts = BTreeMap::new();
    for statement in &mut merged {
        let Some(sid) = statement.sid.clone() else { continue };
        let count = counts.entry(sid.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            statement.sid = Some(format!("{sid}{count}").into());
        }
    }
    PolicyDocument::of(merged)
}

/// The note about a region that neither the stanza nor the job names.
pub(crate) fn default_region(region: &Region) -> String {
    format!("no region is set, so this is {}, as for a deployment from here; set `region`", region.as_str())
}

/// What Lambda does with an image's repository, using the caller's permissions.
const IMAGE_ACTIONS: [&str; 4] =
    ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"];

const LIST_EVENT_SOURCES: [&str; 1] = ["lambda:ListEventSourceMappings"];

/// A policy under construction.
struct Draft {
    statements: Vec<Statement>,
    notes: Vec<String>,
}

impl Draft {
    /// Adds a statement, unless it would have no action or no resource.
    fn allow(&mut self, sid: &'static str, actions: &[&str], resources: Vec<String>) {
        if !actions.is_empty() && !resources.is_empty() {
            self.statements.push(Statement::allow(actions.iter().copied(), resources).named(sid));
        }
    }

    /// Adds the actions that read what calls the function beside the alias, except those in `allowed`. Only
    /// warnings need them, unless event source mappings move or old versions are deleted. `called`: the
    /// function and the alias.
    fn allow_bypasses(
        &mut self,
        desired: &DesiredFunction,
        allowed: &[&str],
        arn_parts: &ArnParts,
        called: [String; 2],
    ) {
        let reads = ["lambda:GetFunctionUrlConfig", "lambda:GetPolicy"];
        let reads: Vec<&str> = reads.into_iter().filter(|read| !allowed.contains(read)).collect();
        self.allow("Optional", &reads, vec![called[0].clone()]);
        let (follows, prunes) = (desired.release.follows_alias, desired.release.keep.is_some());
        let sid = if follows || prunes { "EventSourceList" } else { "OptionalList" };
        self.allow(sid, &LIST_EVENT_SOURCES, vec!["*".to_owned()]);
        if !follows {
            return;
        }
        let mappings = arn_parts.arn("lambda", "event-source-mapping:*");
        let actions = ["lambda:GetEventSourceMapping", StepName::UpdateEventSourceMapping.iam_action()];
        // A mapping is named by an id that only AWS knows, so the condition names what it calls.
        let condition = Some(json!({"ArnLike": {"lambda:FunctionArn": called}}));
        let moves = Statement { condition, ..Statement::allow(actions, [mappings]) };
        self.statements.push(moves.named("EventSources"));
    }

    /// Adds the actions with which CodeDeploy moves the alias. CreateDeployment needs those on revisions and
    /// on the deployment configuration, and only a rollback needs StopDeployment.
    fn allow_codedeploy(&mut self, codedeploy: &CodeDeploy, arn_parts: &ArnParts) {
        let application = literal(&codedeploy.application);
        let arn = |name: String| vec![arn_parts.arn("codedeploy", &name)];
        let deployments = [
            StepName::CreateDeployment.iam_action(),
            "codedeploy:GetDeployment",
            "codedeploy:ListDeployments",
            StepName::StopDeployment.iam_action(),
        ];
        let group = format!("deploymentgroup:{application}/{}", literal(&codedeploy.deployment_group));
        self.allow("Deployments", &deployments, arn(group));
        let revisions = ["codedeploy:GetApplicationRevision", "codedeploy:RegisterApplicationRevision"];
        self.allow("Revisions", &revisions, arn(format!("application:{application}")));
        let config = codedeploy.config.as_deref().map_or_else(|| "*".to_owned(), literal);
        let config = arn(format!("deploymentconfig:{config}"));
        self.allow("DeploymentConfig", &["codedeploy:GetDeploymentConfig"], config);
    }

    /// Adds the actions on layers: those that the function uses, those whose latest version is looked up, and
    /// those that the stanza builds.
    fn allow_layers(&mut self, desired: &DesiredFunction, arn_parts: &ArnParts) {
        let (mut used, mut listed, mut built, mut pruned) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for layer in desired.layers.iter().flatten() {
            match layer {
                Layer::Version(arn) => used.push(self.resource("layers", arn, ("lambda", "layer:"))),
                Layer::Named(NamedLayer { layer, version }) => {
                    let layer = arn_parts.layer(layer);
                    match version {
                        Some(number) => used.push(format!("{layer}:{number}")),
                        None => {
                            used.push(format!("{layer}:*"));
                            listed.push(layer);
                        }
                    }
                }
                Layer::Built(content) => {
                    let layer = arn_parts.layer(&content.name);
                    let versions = format!("{layer}:*");
                    pruned.extend(content.keep_versions.map(|_| versions.clone()));
                    used.push(versions);
                    built.push(layer);
                }
            }
        }
        used.dedup();
        let list = "lambda:ListLayerVersions";
        self.allow("Layers", &["lambda:GetLayerVersion"], used);
        self.allow("LatestLayers", &[list], listed);
        self.allow("BuiltLayers", &[list, StepName::PublishLayerVersion.iam_action()], built);
        self.allow("OldLayers", &[StepName::DeleteLayerVersion.iam_action()], pruned);
    }

    /// Adds the actions on other resources that a setting needs, such as KMS keys.
    fn allow_for(&mut self, setting: &Setting) {
        if setting.is_empty() {
            return;
        }
        let key = ("kms", "key/");
        let put_signing = StepName::PutFunctionCodeSigningConfig.iam_action();
        let (sid, kind, arn, actions) = match setting {
            Setting::Role(role) => {
                let role = self.role(role);
                return self.statements.push(Statement::pass_role(role).named("PassRole"));
            }
            Setting::FileSystems(_) => {
                let actions = ["elasticfilesystem:DescribeMountTargets"];
                return self.allow("FileSystems", &actions, vec!["*".to_owned()]);
            }
            Setting::KmsKeyArn(arn) => {
                ("VariablesKey", key, arn, vec!["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt"])
            }
            Setting::SourceKmsKeyArn(arn) => {
                ("PackageKey", key, arn, vec!["kms:Decrypt", "kms:GenerateDataKey"])
            }
            Setting::DurableKmsKeyArn(arn) => {
                ("ExecutionsKey", key, arn, vec!["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"])
            }
            Setting::CodeSigningConfigArn(arn) => {
                let kind = ("lambda", "code-signing-config:");
                ("CodeSigning", kind, arn, vec!["lambda:GetCodeSigningConfig", put_signing])
            }
            _ => return,
        };
        let resource = self.resource(setting.field(), arn, kind);
        self.allow(sid, &actions, vec![resource]);
    }

    /// Adds the action with which the function runs on Managed Instances. The live capacity provider counts,
    /// too, because AWS replaces its configuration as a whole.
    fn allow_capacity_provider(&mut self, desired: &DesiredFunction, arn_parts: &ArnParts) {
        let named = desired.settings.iter().find_map(|setting| match setting {
            Setting::CapacityProviderArn(arn) if !arn.is_empty() => Some((setting.field(), arn)),
            _ => None,
        });
        let resource = match named {
            Some((key, arn)) => self.resource(key, arn, ("lambda", "capacity-provider:")),
            None if desired.settings.iter().any(is_of_instances) => {
                arn_parts.arn("lambda", "capacity-provider:*")
            }
            None => return,
        };
        self.allow("CapacityProvider", &["lambda:PassCapacityProvider"], vec![resource]);
    }

    /// Adds the actions with which the code reaches Lambda.
    fn allow_code(&mut self, source: &CodeSource, desired: &DesiredFunction, arn_parts: &ArnParts) {
        let object =
            |bucket: &str, key: &str| format!("arn:{}:s3:::{}/{key}", arn_parts.partition, literal(bucket));
        match source {
            CodeSource::Package => {}
            CodeSource::PackageInBucket(bucket) => {
                let separator = if bucket.prefix.is_empty() { "" } else { "/" };
                let keys = format!("{}{separator}{}/*", literal(&bucket.prefix), desired.name.name());
                let actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"];
                self.allow("Package", &actions, vec![object(&bucket.name, &keys)]);
            }
            CodeSource::Object(it) => {
                let action = if it.version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
                self.allow("Package", &[action], vec![object(&it.bucket, &literal(&it.key))]);
            }
            CodeSource::Image(uri) => {
                let repository = self.repository(uri, arn_parts);
                self.allow("Image", &IMAGE_ACTIONS, vec![repository]);
            }
            CodeSource::LiveImage => {
                self.allow("Image", &IMAGE_ACTIONS, vec![arn_parts.repository(&arn_parts.region, "*", "*")])
            }
        }
    }

    /// A value of the stanza as a resource. A value that is not an ARN becomes `*`, with a note.
    fn resource(&mut self, key: &str, arn: &str, (service, kind): (&str, &str)) -> String {
        literal_arn(arn, service, kind).unwrap_or_else(|| {
            let about = format!(
                "`{key}` is not an ARN such as arn:aws:{service}:…:{kind}…, so the policy has `*` instead"
            );
            if !self.notes.contains(&about) {
                self.notes.push(about);
            }
            "*".to_owned()
        })
    }

    /// A role as a resource. Never `*`: a caller that may pass every role has the permissions of all roles.
    fn role(&mut self, arn: &str) -> String {
        literal_arn(arn, "iam", "role/").unwrap_or_else(|| {
            self.notes.push(NOT_A_ROLE.to_owned());
            literal(arn)
        })
    }

    /// The ARN of the repository of an image such as
    /// `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:7`.
    fn repository(&mut self, uri: &str, arn_parts: &ArnParts) -> String {
        let (host, path) = uri.split_once('/').unwrap_or(("", uri));
        let name = literal(path.split(['@', ':']).next().unwrap_or(path));
        match host.split('.').collect::<Vec<_>>().as_slice() {
            [account, "dkr", "ecr", region, ..] if is_number(account) && is_word(region) => {
                arn_parts.repository(region, account, &name)
            }
            _ => {
                let about = "`image_uri` is not the URI of an image in ECR, so the policy has `*` as its account and region";
                self.notes.push(about.to_owned());
                arn_parts.repository("*", "*", &name)
            }
        }
    }
}

fn notes(
    stanza: &Stanza,
    desired: &DesiredFunction,
    source: &CodeSource,
    arn_parts: &ArnParts,
) -> Vec<String> {
    let mut notes = Vec::new();
    // Named, because a file with several stanzas has one policy, and these notes about each of them.
    let name = desired.name.name();
    let parts =
        [("partition", &arn_parts.partition), ("region", &arn_parts.region), ("account", &arn_parts.account)];
    let unknown: Vec<&str> =
        parts.into_iter().filter(|(_, value)| *value == "*").map(|(what, _)| what).collect();
    if !unknown.is_empty() {
        let (are, them) = if unknown.len() == 1 { ("is", "it") } else { ("are", "them") };
        notes.push(format!(
            "the {} of `{name}` {are} not known, so the policy has `*` instead of {them}; set `role`, or \
             name the function by its ARN",
            unknown.join(" and ")
        ));
    }
    if *source == CodeSource::LiveImage {
        notes.push("the live image's repository is not known, so the policy has `*` instead".to_owned());
    }
    let keys = unset_kms_keys(stanza, desired, source);
    if !keys.is_empty() {
        notes.push(format!(
            "the policy permits no KMS key of the live function `{name}`, which is not read; if it has one, \
             name it in {}",
            keys.join(" or ")
        ));
    }
    if desired.url_alias().is_some() {
        let about = "the statements that begin with `Optional` are not needed to deploy: they show what calls the function beside the alias";
        notes.push(about.to_owned());
    }
    if let Some(role) = &stanza.role_to_assume {
        let how = match role.with {
            RoleSource::WebIdentity { .. } => {
                "its trust policy must allow the CI system's identity provider to assume it"
            }
            RoleSource::Credentials { .. } => {
                "the caller needs sts:AssumeRole on it, and its trust policy must allow that"
            }
        };
        notes.push(format!("this is the policy of {}; {how}", role.arn));
    }
    notes
}

/// Stanza keys for the live function's KMS keys that deployments use although the stanza does not set them.
/// Environment variables are read and written with `kms_key_arn`, and `source_kms_key_arn` is sent with each
/// package.
fn unset_kms_keys(stanza: &Stanza, desired: &DesiredFunction, source: &CodeSource) -> Vec<&'static str> {
    let reads_variables = stanza.environment.is_some() || publishes(desired);
    let sends_package = !matches!(source, CodeSource::Image(_) | CodeSource::LiveImage);
    needed(&[
        (reads_variables && stanza.kms_key_arn.is_none(), "`kms_key_arn`"),
        (sends_package && stanza.source_kms_key_arn.is_none(), "`source_kms_key_arn`"),
    ])
}
