//! Third phase: reads the live function, and packages at the same time. Returns everything that a plan
//! depends on.

use std::sync::Arc;

use super::aws::Aws;
use super::layers::read_layers;
use super::package::{Prepared, PreparedCode, package_in_background};
use super::step::{OutdatedStep, RunningStep};
use super::warn;
use crate::code_source::{Code, CodeSource, Delivery};
use crate::function::{DesiredFunction, LiveAlias, LiveFunction, Release};
use crate::lambda::{BypassReads, ExtraReads, LambdaError, LiveState, VersionReads};
use crate::plan::{needs_versions, plan, version_to_read};
use crate::protocol::error::ErrorReport;
use crate::protocol::event::{StepName, StepTarget};
use crate::protocol::structures::OrNone;

/// What a plan depends on: the desired function, its code, and the live function.
pub(super) struct PlanInput {
    pub(super) desired: DesiredFunction,
    pub(super) code: Code,
    /// The live function and its state. `None`: it does not exist.
    pub(super) found: Option<LiveState>,
}

impl PlanInput {
    /// The live function. `None`: it does not exist.
    pub(super) fn live(&self) -> Option<&LiveFunction> {
        self.found.as_ref().map(|found| &found.live)
    }
}

/// Obtains the code and reads the live function. Waits until it is idle, unless only a plan is wanted.
pub(super) fn read(
    aws: &Aws<'_>,
    source: &CodeSource,
    prepared: Prepared,
    only_plan: bool,
) -> Result<PlanInput, ErrorReport> {
    let (code, found) = aws.block_on(code_and_live(aws, source, prepared.code))?;
    let mut code = Code { layers: prepared.layers, ..code };
    let mut desired = aws.context.desired_function();
    let found = match found {
        Some(found) if found.is_busy && !only_plan => wait_until_idle(aws)?,
        found => found,
    };
    read_layers(aws, &mut desired, &mut code, found.as_ref().map(|found| &found.live))?;
    let mut found = read_extras(aws, &desired, &code, found, !only_plan)?;
    let denied = read_bypasses(aws, &desired, &code, found.as_mut(), only_plan)?;
    warn::about_denied_reads(aws.context, &desired, &denied);
    Ok(PlanInput { desired, code, found })
}

/// Reads the function again after another caller has changed it.
pub(super) fn read_again(
    aws: &Aws<'_>,
    input: PlanInput,
    outdated: &OutdatedStep,
) -> Result<PlanInput, ErrorReport> {
    // The function did have the `revision_id` of the stanza, so it is not checked again. If the change turns
    // out not to be our own, the next plan fails.
    let mut desired = DesiredFunction { revision_id: None, ..input.desired };
    let mut code = input.code;
    let found = aws.call(aws.lambda.read_when_idle(aws.context.name))?;
    if outdated.function_exists && found.is_none() {
        return Err(aws.context.failed(LambdaError::Gone));
    }
    read_layers(aws, &mut desired, &mut code, found.as_ref().map(|found| &found.live))?;
    let mut found = read_extras(aws, &desired, &code, found, true)?;
    // The first read has warned about what is denied.
    read_bypasses(aws, &desired, &code, found.as_mut(), false)?;
    Ok(PlanInput { desired, code, found })
}

/// Obtains the code and reads the live function concurrently.
async fn code_and_live(
    aws: &Aws<'_>,
    source: &CodeSource,
    prepared: PreparedCode,
) -> Result<(Code, Option<LiveState>), ErrorReport> {
    let Aws { context, lambda, .. } = aws;
    let reading = async { lambda.read_live(context.name).await.map_err(|error| context.failed(error)) };
    let (archive, found) = match prepared {
        PreparedCode::Contents(contents) => {
            let (archive, found) = tokio::try_join!(package_in_background(context, contents), reading)?;
            (Arc::new(archive), found)
        }
        PreparedCode::Archive(archive) => (archive, reading.await?),
        PreparedCode::Image(uri) => {
            let delivery = uri.map(Delivery::Image);
            return Ok((Code { delivery, ..Code::default() }, reading.await?));
        }
        PreparedCode::Object(object) => {
            let hashing =
                async { lambda.object_sha256(&object).await.map_err(|error| context.failed(error)) };
            let (sha256, found) = tokio::try_join!(hashing, reading)?;
            let delivery = Some(Delivery::Object(object));
            return Ok((Code { sha256, delivery, ..Code::default() }, found));
        }
    };
    let sha256 = Some(archive.code_sha256().to_owned());
    let delivery = match source {
        CodeSource::PackageInBucket(bucket) => {
            let object = bucket.object(context.name.name(), archive.sha256());
            Delivery::Upload(object, archive)
        }
        CodeSource::Package | CodeSource::Object(_) | CodeSource::Image(_) | CodeSource::LiveImage => {
            Delivery::Call(archive)
        }
    };
    Ok((Code { sha256, delivery: Some(delivery), ..Code::default() }, found))
}

fn wait_until_idle(aws: &Aws<'_>) -> Result<Option<LiveState>, ErrorReport> {
    let step = RunningStep::start(aws.context, StepName::Wait, StepTarget::default());
    let found = aws.call(aws.lambda.wait_until_idle(aws.context.name))?;
    step.finish(aws.context, 0, None);
    Ok(found)
}

/// Reads what the plan needs besides GetFunction. With `waits`, waits for a version that AWS is still
/// preparing.
fn read_extras(
    aws: &Aws<'_>,
    desired: &DesiredFunction,
    code: &Code,
    found: Option<LiveState>,
    waits: bool,
) -> Result<Option<LiveState>, ErrorReport> {
    let Aws { context, lambda, .. } = aws;
    let Some(mut found) = found else { return Ok(None) };
    if let Some(LambdaError::Deactivated) = found.failure {
        return Err(context.failed(LambdaError::Deactivated));
    }
    let live = &mut found.live;
    let extras = ExtraReads {
        code_signing: context.stanza.code_signing_config_arn.is_some(),
        runtime_management: context.stanza.runtime_management.is_some(),
        recursion: context.stanza.recursive_loop.is_some(),
        event_invoke: desired.event_invoke_targets(),
        url: desired.url.is_some(),
        url_alias: desired.url_alias().map(str::to_owned),
        removes_url: desired.url == Some(OrNone::None),
    };
    aws.call(lambda.read_extras(context.name, live, extras))?;
    let reads = VersionReads {
        aliases: desired.release.aliases.clone(),
        all_aliases: desired.release.keep.is_some(),
        versions: needs_versions(desired, code, live),
        provisioned: desired.release.provisioned.is_some(),
    };
    aws.call(lambda.read_release(context.name, live, &reads))?;
    read_deployment(aws, &desired.release, live, &reads)?;
    // If the version turns out to have failed, the plan no longer uses it, and the next round reads another
    // one.
    let relied_on =
        |live: &LiveFunction| version_to_read(&plan(desired, code, Some(live)).ok()?, live, waits);
    while let Some(number) = relied_on(live) {
        aws.call(lambda.read_version(context.name, live, &number, waits))?;
    }
    if let Some(version) = version_to_scale(desired, code, live) {
        live.scaling = aws.call(lambda.scaling(context.name, &version))?;
    }
    if let Ok(plan) = plan(desired, code, Some(live)) {
        live.in_use = aws.call(lambda.versions_in_use(context.name, live, plan.deleted_versions()))?;
    }
    Ok(Some(found))
}

/// The existing version whose scaling the plan compares. `None`: the stanza does not set it, a step publishes
/// the version, or only functions on Lambda Managed Instances have one.
fn version_to_scale(desired: &DesiredFunction, code: &Code, live: &LiveFunction) -> Option<String> {
    desired.release.scaling.filter(|_| live.is_managed)?;
    if desired.release.aliases.is_empty() {
        return live.latest_published.as_ref().map(|version| version.number.clone());
    }
    plan(desired, code, Some(live)).ok()?.version
}

/// Reads the running deployment of the stanza's CodeDeploy group, if the alias exists. Whether it moves the
/// alias to the function's code is known only with all versions.
pub(super) fn read_deployment(
    aws: &Aws<'_>,
    release: &Release,
    live: &mut LiveFunction,
    reads: &VersionReads,
) -> Result<(), ErrorReport> {
    let has_alias = live.aliases.iter().any(|alias| release.aliases.contains(&alias.name));
    let Some(codedeploy) = release.codedeploy.as_ref().filter(|_| has_alias) else { return Ok(()) };
    live.deployment = aws.call(aws.lambda.running_deployment(codedeploy))?;
    let is_shifted = |alias: &LiveAlias| {
        alias.history.codedeploy_shift(&alias.version).is_some() && !alias.shares().is_empty()
    };
    // The deployment may have ended after the alias was read.
    let has_ended = live.deployment.is_none() && live.aliases.iter().any(is_shifted);
    if has_ended || (live.deployment.is_some() && !reads.versions) {
        let reads = VersionReads { versions: true, ..reads.clone() };
        aws.call(aws.lambda.read_release(aws.context.name, live, &reads))?;
    }
    Ok(())
}

/// Reads what calls the function itself, if the stanza has an alias and the deployment changes something or
/// is only planned. With `follow_alias` the event source mappings are always read. Callers without a
/// qualifier of a function on Lambda Managed Instances do not get new code before an alias does. Returns the
/// operations that AWS denied.
fn read_bypasses(
    aws: &Aws<'_>,
    desired: &DesiredFunction,
    code: &Code,
    found: Option<&mut LiveState>,
    only_plan: bool,
) -> Result<Vec<&'static str>, ErrorReport> {
    let Some(found) = found.filter(|_| desired.url_alias().is_some()) else { return Ok(Vec::new()) };
    // If there is no plan, the run fails anyway.
    let Ok(plan) = plan(desired, code, Some(&found.live)) else { return Ok(Vec::new()) };
    let changes = only_plan || plan.steps.iter().any(|step| !step.action.is_read_only());
    let warns = changes && !found.live.is_managed;
    let requires_event_sources = desired.release.follows_alias;
    if !warns && !requires_event_sources {
        return Ok(Vec::new());
    }
    let reads = BypassReads { url: warns && desired.url.is_none(), policy: warns, requires_event_sources };
    aws.call(aws.lambda.read_bypasses(aws.context.name, &mut found.live, reads))
}
