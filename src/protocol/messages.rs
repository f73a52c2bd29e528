//! Formats an event as one line of text. The texts of all events are in this module.
//! Never makes decisions, and never shows more than the fields of the event contain.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::error::ErrorReport;
use super::event::{
    Change, Condition, ConditionResult, Deployment, Event, Finished, FunctionOutcome, FunctionPresence,
    GuardCheck, Line, ListOutcome, Package, Plan, Progress, Scope, StepName, StepTarget, UnmetCondition,
    VersionCounts,
};
use super::text::one_line;

impl Line {
    /// Creates the line for an event of a run that is not one of a list, with its text and without a time.
    pub fn new(event: Event) -> Self {
        Line::of(event, Scope::default())
    }

    /// Creates the line for an event of a stanza. Its text begins with the function. A name that the event
    /// has itself is left out of the scope.
    pub fn of(event: Event, scope: Scope) -> Self {
        let scope = scope.beside(&event);
        let mut line = Line { message: message(&event), scope, time: None, event };
        line.message = one_line(&format!("{}{}", line.prefix(), line.message));
        line
    }

    /// The text without the function before it.
    pub fn text(&self) -> &str {
        self.message.strip_prefix(one_line(&self.prefix()).as_str()).unwrap_or(&self.message)
    }

    /// The function of the event, or its stanza if the function is not known. Empty unless the run is one of
    /// a list.
    pub(crate) fn title(&self) -> String {
        let name = self.event.function_name().filter(|_| self.scope.stanza.is_some());
        name.map_or_else(|| self.scope.title(), str::to_owned)
    }

    /// What the text begins with in a list: the function, and a colon. The result of a run is for all
    /// functions.
    fn prefix(&self) -> String {
        match (self.scope.stanza, &self.event) {
            (None, _) | (_, Event::Finished(_)) => String::new(),
            (Some(_), _) => self.title() + ": ",
        }
    }

    /// The line as JSON, without a line feed.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("every event can be written as JSON")
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Keys {
            // First, because a struct takes its keys out of the map, and an event may need them.
            #[serde(flatten)]
            event: Event,
            #[serde(flatten)]
            scope: Scope,
            #[serde(flatten)]
            list: Option<ListOutcome>,
            time: Option<String>,
            message: String,
        }
        let Keys { mut event, scope, list, time, message } = Keys::deserialize(deserializer)?;
        // A list that failed has all keys of a stanza that failed.
        if let (Event::Finished(finished), Some(list)) = (&mut event, list) {
            *finished = Finished::List(Box::new(list));
        }
        let scope = scope.beside(&event);
        let mut line = Line { event, scope, time, message };
        let text = line.text().to_owned();
        if let Event::Warning(warning) = &mut line.event {
            warning.message = message_of_warning(&text, warning.hint.as_deref());
        }
        Ok(line)
    }
}

impl<'de> Deserialize<'de> for FunctionOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Keys {
            // First, for the same reason.
            #[serde(flatten)]
            finished: Finished,
            #[serde(flatten)]
            scope: Scope,
            release: Option<String>,
        }
        let Keys { finished, scope, release } = Keys::deserialize(deserializer)?;
        let stanza = scope.stanza.ok_or_else(|| D::Error::missing_field("stanza"))?;
        Ok(FunctionOutcome { release, ..FunctionOutcome::of(stanza, scope.function_name, finished) })
    }
}

impl Scope {
    /// The scope beside an event: without the name of the function, if the event has it.
    fn beside(mut self, event: &Event) -> Self {
        if event.function_name().is_some() {
            self.function_name = None;
        }
        self
    }

    /// The function, or the stanza if its function is not known.
    pub(crate) fn title(&self) -> String {
        match (&self.function_name, self.stanza) {
            (Some(name), _) => name.clone(),
            (None, Some(stanza)) => format!("stanza {stanza}"),
            (None, None) => String::new(),
        }
    }
}

/// The beginning of the text of a warning event.
const WARNING: &str = "warning: ";

/// What a successful `check` has found.
pub(crate) const CHECKED: &str = "the stanza is valid and its conditions are met";

/// What a deployment without changes says of the function.
pub(crate) const UNCHANGED: &str = "already matches the stanza";

/// Why a rollback of a release leaves a function as it is.
pub(crate) fn left_by_rollback(release: &str) -> Box<str> {
    format!("the last release `{release}` did not move it from another version").into()
}

/// The text of an event. The texts that dpl's users search for in logs are those of dpl, word for word.
fn message(event: &Event) -> String {
    match event {
        Event::Hello { name, version, .. } => format!("{name} {version}"),
        Event::Identified { access_key_id, .. } => format!("Using Access Key: {access_key_id}"),
        Event::ConditionChecked(checked) if checked.condition == Condition::PullRequest => {
            match checked.met {
                true => "not a pull request".to_owned(),
                false => format!("pull request {} is not deployed", checked.got),
            }
        }
        Event::ConditionChecked(checked) => {
            let verdict = if checked.met { "met" } else { "not met" };
            let ConditionResult { condition, want, got, .. } = checked;
            format!("{condition} {verdict}: want {want}, got {got}")
        }
        Event::Progress(progress) => match progress {
            Progress::Package { done_bytes, total_bytes } | Progress::Upload { done_bytes, total_bytes } => {
                format!("{}: {}", task(progress), amount(*done_bytes, *total_bytes))
            }
            Progress::Wait { what, elapsed_ms } => {
                format!("{} for {what} ({} s)", task(progress), elapsed_ms / 1000)
            }
        },
        Event::Packaged(package) => packaged(package),
        Event::Planned(plan) => planned(plan),
        Event::Phase { phase, release, functions } => {
            let functions = counted(*functions, "function", "functions");
            format!("release {release}: {phase} ({functions})")
        }
        Event::StepStarted { step, function_name, target } => match step {
            StepName::CreateFunction => format!("Creating function {function_name}."),
            StepName::UpdateFunctionConfiguration => format!("Updating existing function {function_name}."),
            StepName::PutFunctionCodeSigningConfig => "Updating the code signing configuration.".to_owned(),
            StepName::DeleteFunctionCodeSigningConfig => {
                "Removing the code signing configuration.".to_owned()
            }
            StepName::UntagResource => "Removing tags.".to_owned(),
            StepName::PutFunctionConcurrency => "Reserving concurrency.".to_owned(),
            StepName::DeleteFunctionConcurrency => "Removing the reserved concurrency.".to_owned(),
            StepName::PutRuntimeManagementConfig => "Setting when the runtime is updated.".to_owned(),
            StepName::PutFunctionRecursionConfig => "Configuring recursive loop detection.".to_owned(),
            StepName::PutFunctionEventInvokeConfig => {
                format!("Configuring asynchronous invocations{}.", of_alias(target))
            }
            StepName::DeleteFunctionEventInvokeConfig => {
                format!("Removing the configuration of asynchronous invocations{}.", of_alias(target))
            }
            StepName::CreateFunctionUrlConfig => "Creating the function's URL.".to_owned(),
            StepName::UpdateFunctionUrlConfig => "Updating the function's URL.".to_owned(),
            StepName::DeleteFunctionUrlConfig => "Removing the function's URL.".to_owned(),
            StepName::AddPermission => "Adding a permission to the function's URL.".to_owned(),
            StepName::RemovePermission => "Removing a permission from the function's URL.".to_owned(),
            StepName::TagResource => "Updating tags.".to_owned(),
            StepName::UpdateFunctionCode => "Updating code.".to_owned(),
            StepName::UploadPackage => "Uploading the package to S3.".to_owned(),
            StepName::PublishLayerVersion => format!("Publishing a version of layer {}.", layer(target)),
            StepName::PublishVersion => "Publishing a version.".to_owned(),
            StepName::PutFunctionScalingConfig => format!("Scaling {}.", target_version(target)),
            StepName::Wait => match (target.seconds, &target.alias) {
                (Some(seconds), _) => format!("Waiting {seconds} s before the next traffic step."),
                (None, Some(alias)) => format!("Waiting for the provisioned concurrency of alias {alias}."),
                (None, None) => format!("Waiting until another update of {function_name} has finished."),
            },
            StepName::Verify => {
                let check = check_title(target).map(|check| format!(" with {check}")).unwrap_or_default();
                format!("Verifying {}{check}.", target_version(target))
            }
            StepName::CreateAlias => {
                format!("Creating alias {} for {}.", alias(target), target_version(target))
            }
            StepName::UpdateAlias if target.percent == Some(100) => {
                format!("Sending all traffic of alias {} back to {}.", alias(target), target_version(target))
            }
            StepName::UpdateAlias if target.version.is_none() => {
                format!("Updating the description of alias {}.", alias(target))
            }
            StepName::UpdateAlias => format!("Moving alias {} to {}.", alias(target), target_version(target)),
            StepName::ShiftTraffic => {
                let percent = target.percent.unwrap_or_default();
                format!(
                    "Sending {percent} % of the traffic of alias {} to {}.",
                    alias(target),
                    target_version(target)
                )
            }
            StepName::CreateDeployment => {
                format!("Moving alias {} to {} with CodeDeploy.", alias(target), target_version(target))
            }
            StepName::StopDeployment => {
                format!("Stopping CodeDeploy's shift of the traffic of alias {}.", alias(target))
            }
            StepName::PutProvisionedConcurrencyConfig => {
                format!("Provisioning concurrency for alias {}.", alias(target))
            }
            StepName::DeleteProvisionedConcurrencyConfig => {
                format!("Removing the provisioned concurrency of alias {}.", alias(target))
            }
            StepName::UpdateEventSourceMapping => {
                let source = target.event_source.as_deref().unwrap_or("an event source");
                format!("Making {source} call alias {}.", alias(target))
            }
            StepName::DeleteFunction => format!("Deleting {}.", target_version(target)),
            StepName::DeleteLayerVersion => {
                format!("Deleting {} of layer {}.", target_version(target), layer(target))
            }
        },
        Event::StepFinished { step, duration_ms, .. } => {
            format!("{} done in {}", step.as_str(), duration(*duration_ms))
        }
        Event::GuardChecked(check) => guard_checked(check),
        Event::Output { line, .. } => line.clone(),
        Event::Warning(warning) => match &warning.hint {
            Some(hint) => format!("{WARNING}{}; {hint}", warning.message),
            None => format!("{WARNING}{}", warning.message),
        },
        Event::Finished(finished) => finish(finished),
    }
}

/// The message of a warning, from the text of its event. Control characters of the message are spaces there.
pub(super) fn message_of_warning(text: &str, hint: Option<&str>) -> String {
    let message = text.strip_prefix(WARNING).unwrap_or(text);
    let hint = hint.map(|hint| format!("; {}", one_line(hint))).unwrap_or_default();
    message.strip_suffix(hint.as_str()).unwrap_or(message).to_owned()
}

/// The task of a progress event, as the first word of its text.
pub(crate) fn task(progress: &Progress) -> &'static str {
    match progress {
        Progress::Package { .. } => "packaging",
        Progress::Upload { .. } => "uploading",
        Progress::Wait { .. } => "waiting",
    }
}

/// How much of a task is done: `1.5 MiB of 4.0 MiB`.
pub(crate) fn amount(done_bytes: u64, total_bytes: u64) -> String {
    format!("{} of {}", size(done_bytes), size(total_bytes))
}

fn alias(target: &StepTarget) -> &str {
    target.alias.as_deref().unwrap_or_default()
}

/// The check that a step runs: `check orders`, or `check 1` without a name. `None`: it is the only one, and
/// has no name.
pub(crate) fn check_title(target: &StepTarget) -> Option<String> {
    let index = || target.check.map(|index| index.to_string());
    target.check_name.clone().or_else(index).map(|name| format!("check {name}"))
}

/// ` of alias live`. Empty for the function itself.
fn of_alias(target: &StepTarget) -> String {
    target.alias.as_ref().map(|alias| format!(" of alias {alias}")).unwrap_or_default()
}

fn layer(target: &StepTarget) -> &str {
    target.layer.as_deref().unwrap_or_default()
}

/// `version 7`, or `the function` for `$LATEST`.
fn target_version(target: &StepTarget) -> String {
    match target.version.as_deref() {
        None | Some("$LATEST") => "the function".to_owned(),
        Some(version) => format!("version {version}"),
    }
}

/// The reason for skipping a deployment, in the words of Travis CI. `want` is the value of the stanza, `got`
/// that of the job.
pub fn skip_reason(condition: Condition, want: &str, got: &str) -> String {
    match condition {
        Condition::PullRequest => "the current build is a pull request.".to_owned(),
        Condition::Repo => {
            format!("this repo's name does not match one specified in .travis.yml's deploy.on.repo: {want}")
        }
        Condition::Branch => format!("this branch is not permitted: {got}"),
        Condition::Runtime => "this is not on the required runtime".to_owned(),
        Condition::Condition => "a custom condition was not met".to_owned(),
        Condition::Tags => "this is not a tagged commit".to_owned(),
        Condition::Job => "Travis CI makes no job that deploys this stanza".to_owned(),
    }
}

fn guard_checked(check: &GuardCheck) -> String {
    let alarms = check.alarms.iter().map(|alarm| {
        let ignored = if alarm.ignored { " (ignored)" } else { "" };
        format!("{} {}{ignored}", alarm.name, alarm.state)
    });
    let errors = check.errors.iter().flat_map(|errors| [&errors.new, &errors.previous]).map(failed);
    let found: Vec<String> = alarms.chain(errors).collect();
    let GuardCheck { state, percent, remaining_seconds, .. } = check;
    let found = found.join(", ");
    format!("guard {state} at {percent} % of the traffic, {remaining_seconds} s left: {found}")
}

/// How many invocations of a version failed: `version 8 failed 12 of 340 invocations`.
fn failed(counts: &VersionCounts) -> String {
    let VersionCounts { version, invocations, errors } = counts;
    format!("version {version} failed {errors} of {}", counted(*invocations, "invocation", "invocations"))
}

fn packaged(package: &Package) -> String {
    let layer = package.layer.as_ref().map(|layer| format!(" for layer {layer}")).unwrap_or_default();
    format!(
        "packaged {}{layer} into {}: {}, {} unpacked",
        package.source,
        size(package.zip_bytes),
        counted(package.entries, "entry", "entries"),
        size(package.uncompressed_bytes)
    )
}

/// Whether the function exists, as part of a sentence.
pub(crate) fn presence(function: FunctionPresence) -> &'static str {
    match function {
        FunctionPresence::Absent => "the function does not exist",
        FunctionPresence::Exists => "the function exists",
    }
}

fn planned(plan: &Plan) -> String {
    let function = presence(plan.function);
    if plan.steps.is_empty() {
        return format!("planned: {function}; no changes");
    }
    let steps: Vec<String> = plan
        .steps
        .iter()
        .map(|step| match step.changes.as_slice() {
            [] => step.step.as_str().to_owned(),
            changes => format!("{} ({})", step.step.as_str(), fields(changes)),
        })
        .collect();
    format!("planned: {function}; {}", steps.join(", "))
}

fn fields(changes: &[Change]) -> String {
    // For an alias and for deleted versions, users need the version numbers, so these changes show their
    // values.
    let shown = |change: &Change| match (change.field.as_str(), &change.from, &change.to) {
        ("version", Value::String(version), Value::Null) => format!("version {version}"),
        (field, ..) if field.ends_with(".description") => field.to_owned(),
        (field, from, to) if field.starts_with("alias.") => match (plain(from), plain(to)) {
            (None, Some(to)) => format!("{field} at {to}"),
            (Some(from), Some(to)) => format!("{field} from {from} to {to}"),
            _ => field.to_owned(),
        },
        (field, ..) => field.to_owned(),
    };
    changes.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn finish(finished: &Finished) -> String {
    match finished {
        Finished::Deployed(live) => {
            let (took, code) = (duration(live.duration_ms), live.code);
            format!("deployed {} in {took}: code {code}{}", qualified(live), still_moving(live))
        }
        Finished::Unchanged(live) => {
            let why = live.reason.as_ref().map_or_else(|| format!(" {UNCHANGED}"), |why| format!(": {why}"));
            format!("unchanged: {}{why}{}", qualified(live), still_moving(live))
        }
        Finished::Planned(plan) => planned(plan),
        Finished::Checked {} => format!("checked: {CHECKED}"),
        Finished::Packaged { package, output } => format!("{}, written to {output}", packaged(package)),
        Finished::Skipped { unmet } => match unmet.as_slice() {
            [] => {
                "Skipping a deployment with the lambda provider because its conditions are not met".to_owned()
            }
            unmet => format!("Skipping a deployment with the lambda provider because {}", reasons(unmet)),
        },
        Finished::Failed { error, changed, .. } => format!("failed: {}", failure(error, changed)),
        Finished::Stopped { changed, restored, left } => stopped(changed, restored, left),
        Finished::List(list) => finish_list(list),
    }
}

/// Most problems in the text of a failed run. The event has all of them.
const MOST_PROBLEMS: usize = 10;

fn failure(error: &ErrorReport, changed: &[StepName]) -> String {
    let mut lines = error.lines();
    let more = lines.len().saturating_sub(MOST_PROBLEMS);
    lines.truncate(MOST_PROBLEMS);
    if more > 0 {
        lines.push(format!("and {}", counted(more, "more problem", "more problems")));
    }
    lines.join("; ") + &already_done(changed)
}

/// The steps that took effect, behind a sentence. Empty: none.
fn already_done(changed: &[StepName]) -> String {
    if changed.is_empty() {
        return String::new();
    }
    let steps: Vec<_> = changed.iter().map(|step| step.as_str()).collect();
    format!(" (already done: {})", steps.join(", "))
}

fn stopped(changed: &[StepName], restored: &[String], left: &[String]) -> String {
    let mut text = vec!["stopped before it was deployed".to_owned()];
    text.extend(moved(restored, left));
    text.join("; ") + &already_done(changed)
}

/// Where the aliases of a stopped function are: `sent back: live`. Empty: none had moved.
pub(crate) fn moved(restored: &[String], left: &[String]) -> Vec<String> {
    let aliases = [("sent back", restored), ("not sent back", left)].into_iter();
    let aliases = aliases.filter(|(_, aliases)| !aliases.is_empty());
    aliases.map(|(what, aliases)| format!("{what}: {}", aliases.join(", "))).collect()
}

/// The outcome of each function and what explains it, after the outcome of the run.
fn finish_list(list: &ListOutcome) -> String {
    let decides = list.failure().map(|failed| failed.stanza);
    let functions = list.functions.iter().map(|function| {
        let text = format!("{} {}", function.scope().title(), function.finished.outcome());
        // The error of the stanza that decides is before the functions.
        let error = function.finished.error().filter(|_| Some(function.stanza) != decides);
        let mut details: Vec<String> = error.into_iter().map(|error| error.message.clone()).collect();
        if let Finished::Stopped { restored, left, .. } = &function.finished {
            details = moved(restored, left);
        }
        details.extend(
            function.finished.deployment().and_then(|live| live.reason.as_deref().map(str::to_owned)),
        );
        if details.is_empty() { text } else { format!("{text} ({})", details.join("; ")) }
    });
    let functions = functions.collect::<Vec<_>>().join(", ");
    let (outcome, took) = (list.outcome, duration(list.duration_ms));
    match (&list.error, list.failure()) {
        (Some(error), Some(failed)) => {
            let (title, failure) = (failed.scope().title(), failure(error, &list.changed));
            format!("{outcome}: {title}: {failure}; after {took}: {functions}")
        }
        _ => format!("{outcome} in {took}: {functions}"),
    }
}

fn reasons(unmet: &[UnmetCondition]) -> String {
    unmet.iter().map(|unmet| unmet.message.as_str()).collect::<Vec<_>>().join("; ")
}

fn qualified(live: &Deployment) -> String {
    let name = &live.function_name;
    let aliases = live.aliases();
    match live.version.as_str() {
        "$LATEST" => name.clone(),
        version if aliases.is_empty() => format!("{name} version {version}"),
        version => {
            let before =
                live.previous_version.as_ref().map(|version| format!("; previously version {version}"));
            format!("{name} version {version} (alias {}{})", aliases.join(", "), before.unwrap_or_default())
        }
    }
}

/// What CodeDeploy still does when the run has ended. Empty: nothing.
fn still_moving(live: &Deployment) -> String {
    let running = live.codedeploy.as_ref().filter(|deployment| deployment.is_running());
    running.map_or_else(String::new, |deployment| {
        format!("; CodeDeploy deployment {} is still moving the traffic", deployment.deployment_id)
    })
}

/// Formats a number with its noun: `1 entry`, `2 entries`.
pub(crate) fn counted(number: impl TryInto<u64>, one: &str, many: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Formats a number of bytes: `812 bytes`, `1.4 MiB`.
pub fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    // Rounded to tenths with integers, which need no float.
    let tenths = |unit: u64| {
        let tenths = (u128::from(bytes) * 10 + u128::from(unit / 2)) / u128::from(unit);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..KIB => counted(bytes, "byte", "bytes"),
        KIB..MIB => format!("{} KiB", tenths(KIB)),
        _ => format!("{} MiB", tenths(MIB)),
    }
}

/// Formats milliseconds: `180 ms`, `2.4 s`.
pub fn duration(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

/// Formats a JSON pointer with dots, as users write a key: `on.condition.1`.
pub fn dotted(pointer: &str) -> String {
    let keys = pointer.trim_start_matches('/').split('/');
    keys.map(|key| key.replace("~1", "/").replace("~0", "~")).collect::<Vec<_>>().join(".")
}

/// Makes log commands of CI systems harmless anywhere in a line: `##vso[` of Azure Pipelines, `##[` of Azure
/// Pipelines and GitHub, and `##teamcity[`. They become `# #vso[` and so on.
pub fn without_log_commands(line: &str) -> Cow<'_, str> {
    if line.contains("##") {
        Cow::Owned(line.replace("##", "# #").replace("##", "# #"))
    } else {
        Cow::Borrowed(line)
    }
}

#[cfg(test)]
mod tests;
