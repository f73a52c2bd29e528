//! Computes the smallest IAM policy with which a stanza's deployments succeed. Never calls AWS and has no
//! other side effects. What only AWS knows, such as the account of a function that the stanza names without
//! an ARN, becomes `*`, and a note says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::code_source::CodeSource;
use crate::function::{ChangedBy, DesiredFunction, Setting};
use crate::protocol::event::StepName;
use crate::protocol::layer::{Layer, NamedLayer};
use crate::protocol::limits::NOT_A_ROLE;
use crate::protocol::name::Region;
use crate::protocol::policy_document::{PolicyDocument, Statement};
use crate::protocol::stanza::{RoleSource, Stanza};
use crate::protocol::structures::{CodeDeploy, EventInvokeConfig, OrNone};

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
    let function = format!(
        "arn:{}:lambda:{}:{}:function:{}",
        arn_parts.partition,
        arn_parts.region,
        arn_parts.account,
        desired.name.name()
    );
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

/// The actions on the function itself.
fn function_actions(stanza: &Stanza, desired: &DesiredFunction, source: &CodeSource) -> Vec<&'static str> {
    let has = |call| desired.settings.iter().any(|setting| setting.changed_by() == call);
    let names = |setting: Setting| desired.settings.contains(&setting);
    let (names_signing, names_reserved) = (has(ChangedBy::CodeSigning), has(ChangedBy::Concurrency));
    let no_signing = names(Setting::CodeSigningConfigArn(String::new()));
    let no_reserved = names(Setting::ReservedConcurrency(None));
    let creates = stanza.role.is_some()
        && match source {
            CodeSource::Image(_) => true,
            CodeSource::LiveImage => false,
            CodeSource::Package | CodeSource::PackageInBucket(_) | CodeSource::Object(_) => {
                stanza.runtime.is_some() && desired.handler.is_some()
            }
        };
    let release = &desired.release;
    let (names_alias, prunes) = (!release.aliases.is_empty(), release.keep.is_some());
    let mut built = desired.layers.iter().flatten().filter_map(Layer::content);
    let prunes_layers = built.any(|content| content.keep_versions.is_some());
    // With an alias, the function's own URL is read too, and deleted when the stanza wants no URL.
    let has_alias = desired.url_alias().is_some();
    let own_address = match &desired.url {
        Some(OrNone::Some(_)) if has_alias => vec!["lambda:GetFunctionUrlConfig"],
        _ => url_actions(desired),
    };
    let mut actions = needed(&[
        (true, "lambda:GetFunction"),
        (creates, StepName::CreateFunction.iam_action()),
        (
            has(ChangedBy::Configuration) || desired.handler.is_some() || desired.layers.is_some(),
            StepName::UpdateFunctionConfiguration.iam_action(),
        ),
        // Needed even if the live image stays: after a failed update it is sent again.
        (true, StepName::UpdateFunctionCode.iam_action()),
        (desired.tags.is_some(), "lambda:ListTags"),
        (desired.tags.is_some(), StepName::TagResource.iam_action()),
        (desired.tags.is_some() && desired.replaces_tags, StepName::UntagResource.iam_action()),
        (names_signing, "lambda:GetFunctionCodeSigningConfig"),
        (names_signing && !no_signing, StepName::PutFunctionCodeSigningConfig.iam_action()),
        (no_signing, StepName::DeleteFunctionCodeSigningConfig.iam_action()),
        (names_reserved && !no_reserved, StepName::PutFunctionConcurrency.iam_action()),
        (no_reserved, StepName::DeleteFunctionConcurrency.iam_action()),
        (has(ChangedBy::RuntimeManagement), "lambda:GetRuntimeManagementConfig"),
        (has(ChangedBy::RuntimeManagement), StepName::PutRuntimeManagementConfig.iam_action()),
        (has(ChangedBy::Recursion), "lambda:GetFunctionRecursionConfig"),
        (has(ChangedBy::Recursion), StepName::PutFunctionRecursionConfig.iam_action()),
        (publishes(desired), StepName::PublishVersion.iam_action()),
        (release.publish || prunes || prunes_layers, "lambda:ListVersionsByFunction"),
        (names_alias || prunes, "lambda:ListAliases"),
        (names_alias, StepName::CreateAlias.iam_action()),
        (names_alias, "lambda:GetAlias"),
        (names_alias, StepName::UpdateAlias.iam_action()),
    ]);
    actions.extend(own_address);
    actions.extend(event_invoke_actions(desired).into_iter().filter(|_| !has_alias));
    actions
}

/// The actions on a configuration of asynchronous invocations, of the function or of an alias. One in which
/// the stanza only removes destinations is removed itself if nothing else is left.
fn event_invoke_actions(desired: &DesiredFunction) -> Vec<&'static str> {
    let Some(config) = &desired.event_invoke else { return Vec::new() };
    let is_set = |arn: &Option<String>| arn.as_ref().is_some_and(|arn| !arn.is_empty());
    let sets = config.maximum_retry_attempts.is_some()
        || config.maximum_event_age.is_some()
        || is_set(&config.on_success)
        || is_set(&config.on_failure);
    needed(&[
        (true, "lambda:GetFunctionEventInvokeConfig"),
        (*config != EventInvokeConfig::default(), StepName::PutFunctionEventInvokeConfig.iam_action()),
        (!sets, StepName::DeleteFunctionEventInvokeConfig.iam_action()),
    ])
}

/// The actions on a function URL, whether it belongs to the function or to an alias.
fn url_actions(desired: &DesiredFunction) -> Vec<&'static str> {
    let (names_url, no_url) = (desired.url.is_some(), desired.url == Some(OrNone::None));
    needed(&[
        (names_url, "lambda:GetFunctionUrlConfig"),
        (names_url, "lambda:GetPolicy"),
        (names_url && !no_url, StepName::CreateFunctionUrlConfig.iam_action()),
        (names_url && !no_url, StepName::UpdateFunctionUrlConfig.iam_action()),
        (no_url, StepName::DeleteFunctionUrlConfig.iam_action()),
        // Needed for public access, too: a statement with our ID but other content is removed first.
        (names_url, StepName::RemovePermission.iam_action()),
    ])
}

/// The actions on published versions.
fn version_actions(stanza: &Stanza, desired: &DesiredFunction) -> Vec<&'static str> {
    let prunes = desired.release.keep.is_some();
    needed(&[
        (publishes(desired), "lambda:GetFunction"),
        (publishes(desired) && invokes(stanza), StepName::Verify.iam_action()),
        (desired.release.scaling.is_some(), "lambda:GetFunctionScalingConfig"),
        (desired.release.scaling.is_some(), StepName::PutFunctionScalingConfig.iam_action()),
        (prunes, StepName::DeleteFunction.iam_action()),
        // What still uses a version is read before it is deleted.
        (prunes, "lambda:GetPolicy"),
        (prunes, "lambda:GetProvisionedConcurrencyConfig"),
        (prunes && is_durable(desired), "lambda:ListDurableExecutionsByFunction"),
    ])
}

/// The actions on aliases. Reading provisioned concurrency is always among them, since it moves with an alias
/// whether or not the stanza sets it.
fn alias_actions(desired: &DesiredFunction) -> Vec<&'static str> {
    let provisioned = desired.release.provisioned;
    let mut actions = needed(&[
        (true, "lambda:GetProvisionedConcurrencyConfig"),
        (matches!(provisioned, Some(Some(_))), StepName::PutProvisionedConcurrencyConfig.iam_action()),
        (provisioned == Some(None), StepName::DeleteProvisionedConcurrencyConfig.iam_action()),
    ]);
    actions.extend(event_invoke_actions(desired));
    actions
}

/// The actions of CloudWatch with which a guard watches. IAM has no resource for the metrics, and AWS checks
/// the list of alarms against all alarms.
fn guard_actions(desired: &DesiredFunction) -> Vec<&'static str> {
    let guard = desired.release.guard.as_ref();
    needed(&[
        (guard.is_some_and(|guard| !guard.alarms.is_empty()), "cloudwatch:DescribeAlarms"),
        (guard.is_some_and(|guard| guard.errors.is_some()), "cloudwatch:GetMetricData"),
    ])
}

fn needed(actions: &[(bool, &'static str)]) -> Vec<&'static str> {
    actions.iter().filter(|(is_needed, _)| *is_needed).map(|(_, action)| *action).collect()
}

/// True if a version is published: one with a number, or `$LATEST.PUBLISHED` of a function on Lambda Managed
/// Instances.
fn publishes(desired: &DesiredFunction) -> bool {
    let release = &desired.release;
    release.publish
        || release.publishes_latest
        || release.scaling.is_some()
        || desired.settings.iter().any(is_of_instances)
}

/// True for a setting that only functions on Lambda Managed Instances have.
fn is_of_instances(setting: &Setting) -> bool {
    setting.is_replaced_with(&Setting::CapacityProviderArn(String::new())) && !setting.is_empty()
}

/// True if the stanza describes a durable function.
fn is_durable(desired: &DesiredFunction) -> bool {
    let timeout = Setting::DurableExecutionTimeout(None);
    desired.settings.iter().any(|setting| setting.is_replaced_with(&timeout) && !setting.is_empty())
}

/// True if verification invokes the function.
fn invokes(stanza: &Stanza) -> bool {
    stanza.verify.iter().flatten().any(|check| check.verify.invokes())
}

/// True if public access may have to be granted: the stanza asks for it, or keeps the auth type of the live
/// function URL.
fn may_be_public(desired: &DesiredFunction) -> bool {
    matches!(&desired.url, Some(OrNone::Some(url)) if url.auth_type.as_deref() != Some("AWS_IAM"))
}

/// True if an update sends subnets or security groups. The live ones count, too, because AWS replaces a VPC
/// configuration as a whole.
fn touches_network(desired: &DesiredFunction) -> bool {
    let leaves = desired.settings.contains(&Setting::SubnetIds(BTreeSet::new()));
    desired.settings.iter().any(|setting| match setting {
        Setting::SubnetIds(ids) | Setting::SecurityGroupIds(ids) => !ids.is_empty(),
        Setting::Ipv6AllowedForDualStack(_) => !leaves,
        _ => false,
    })
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
        let ArnParts { partition, region, account } = arn_parts;
        let mappings = format!("arn:{partition}:lambda:{region}:{account}:event-source-mapping:*");
        let actions = ["lambda:GetEventSourceMapping", StepName::UpdateEventSourceMapping.iam_action()];
        // A mapping is named by an id that only AWS knows, so the condition names what it calls.
        let condition = Some(json!({"ArnLike": {"lambda:FunctionArn": called}}));
        let moves = Statement { condition, ..Statement::allow(actions, [mappings]) };
        self.statements.push(moves.named("EventSources"));
    }

    /// Adds the actions with which CodeDeploy moves the alias. CreateDeployment needs those on revisions and
    /// on the deployment configuration, and only a rollback needs StopDeployment.
    fn allow_codedeploy(&mut self, codedeploy: &CodeDeploy, arn_parts: &ArnParts) {
        let ArnParts { partition, region, account } = arn_parts;
        let application = literal(&codedeploy.application);
        let arn = |name: String| vec![format!("arn:{partition}:codedeploy:{region}:{account}:{name}")];
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
        self.allow(
            "DeploymentConfig",
            &["codedeploy:GetDeploymentConfig"],
            arn(format!("deploymentconfig:{config}")),
        );
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
        let key = setting.field();
        match setting {
            Setting::Role(role) => {
                let role = self.role(role);
                self.statements.push(Statement::pass_role(role).named("PassRole"));
            }
            Setting::KmsKeyArn(arn) => {
                let arn = self.resource(key, arn, ("kms", "key/"));
                self.allow("VariablesKey", &["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt"], vec![arn]);
            }
            Setting::SourceKmsKeyArn(arn) => {
                let arn = self.resource(key, arn, ("kms", "key/"));
                self.allow("PackageKey", &["kms:Decrypt", "kms:GenerateDataKey"], vec![arn]);
            }
            Setting::DurableKmsKeyArn(arn) => {
                let arn = self.resource(key, arn, ("kms", "key/"));
                let actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"];
                self.allow("ExecutionsKey", &actions, vec![arn]);
            }
            Setting::FileSystems(_) => {
                self.allow("FileSystems", &["elasticfilesystem:DescribeMountTargets"], vec!["*".to_owned()]);
            }
            Setting::CodeSigningConfigArn(arn) => {
                let arn = self.resource(key, arn, ("lambda", "code-signing-config:"));
                let put = StepName::PutFunctionCodeSigningConfig.iam_action();
                self.allow("CodeSigning", &["lambda:GetCodeSigningConfig", put], vec![arn]);
            }
            _ => {}
        }
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
                let ArnParts { partition, region, account } = arn_parts;
                format!("arn:{partition}:lambda:{region}:{account}:capacity-provider:*")
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
            [account, "dkr", "ecr", region, ..] if is_account(account) && is_word(region) => {
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

/// Escapes a text for a resource, where `*` and `?` are wildcards and `${` begins a variable.
fn literal(text: &str) -> String {
    text.replace('$', "${$}").replace('*', "${*}").replace('?', "${?}")
}

/// An ARN with its name escaped. `None`: the text is not an ARN of that service and kind.
fn literal_arn(arn: &str, service: &str, kind: &str) -> Option<String> {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", partition, its_service, region, account, name]
            if is_word(partition)
                && *its_service == service
                && (region.is_empty() || is_word(region))
                && is_account(account)
                && name.starts_with(kind) =>
        {
            Some(format!("arn:{partition}:{service}:{region}:{account}:{}", literal(name)))
        }
        _ => None,
    }
}

fn is_account(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// True for text that can be the name of a partition or a region.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Partition, region and account of the function; `*` for an unknown one.
struct ArnParts {
    partition: String,
    region: String,
    account: String,
}

impl ArnParts {
    /// Takes them from the function's ARN, else from the role's.
    fn of(stanza: &Stanza, desired: &DesiredFunction, region: &Region) -> ArnParts {
        let function: Vec<&str> = desired.name.as_str().split(':').collect();
        let role: Vec<&str> = stanza.role.as_deref().unwrap_or_default().split(':').collect();
        let (partition, account) = match (function.as_slice(), role.as_slice()) {
            (["arn", partition, "lambda", _, account, ..], _) => (*partition, *account),
            ([account, "function", _], ["arn", partition, ..]) => (*partition, *account),
            ([account, "function", _], _) => ("*", *account),
            (_, ["arn", partition, "iam", _, account, ..]) => (*partition, *account),
            _ => ("*", "*"),
        };
        let known =
            |text: &str, is_it: fn(&str) -> bool| if is_it(text) { text.to_owned() } else { "*".to_owned() };
        let region = desired.name.region().unwrap_or(region.as_str());
        ArnParts {
            partition: known(partition, is_word),
            region: known(region, is_word),
            account: known(account, is_account),
        }
    }

    /// The ARN of a layer that a stanza names by its name or ARN, without a version.
    fn layer(&self, name: &str) -> String {
        let ArnParts { partition, region, account } = self;
        let arn = literal_arn(name, "lambda", "layer:");
        arn.unwrap_or_else(|| format!("arn:{partition}:lambda:{region}:{account}:layer:{}", literal(name)))
    }

    fn repository(&self, region: &str, account: &str, name: &str) -> String {
        format!("arn:{}:ecr:{region}:{account}:repository/{name}", self.partition)
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
            "it is not known whether the live function `{name}` has a KMS key; if it has, set {}",
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

#[cfg(test)]
mod tests;
