//! Decides whether Travis CI would make a job that deploys a stanza, and which of several jobs is meant.
//! Never decides by `on` whether to deploy: the child run does.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::job_env::JobEnvironment;
use super::travis_yml::{JobCondition, JobTest, LocatedStanza, TravisJob, common_variables};
use super::variables::Assignment;
use crate::conditions;
use crate::protocol::environment::Environment;
use crate::protocol::event::{Condition, UnmetCondition};
use crate::protocol::json::{Map, Node};
use crate::protocol::secret::Redactor;
use crate::protocol::text::one_line;
use crate::travis_if::{self, Facts, InvalidCondition, Variable, Verdict};

/// Whether `on` of a stanza is met in an environment. `None`: it cannot be evaluated.
pub(super) type MeetsOn<'a> = &'a dyn Fn(&Map, &Environment) -> Option<bool>;

/// Number of jobs that a note names.
const MOST_NAMED: usize = 5;

/// Sets the variables of the job that is meant, and adds notes. If Travis CI would make no such job, returns
/// the conditions that are not met. A condition that cannot be evaluated outside of Travis CI counts as met,
/// with a note. For a pull request no condition is evaluated: the child run skips it in any case.
///
/// `meets_on` evaluates `on` in the environment of a job (`None`: it cannot be evaluated). Of several jobs,
/// those in which it is met are meant, such as that of the version in `on.node`. Without `meets_on`, the
/// command evaluates no conditions.
///
/// # Errors
/// A condition that Travis CI cannot evaluate either, and why.
pub(super) fn select(
    located: &mut LocatedStanza,
    job_env: &JobEnvironment,
    meets_on: Option<MeetsOn<'_>>,
    commit_message: Option<&str>,
) -> Result<Vec<UnmetCondition>, (JobCondition, InvalidCondition)> {
    let process = job_env.for_job(&[]);
    let mut jobs: Vec<&TravisJob> = located.jobs.iter().filter(|job| is_meant(job, &process)).collect();
    if jobs.is_empty() {
        jobs = located.jobs.iter().collect();
    }
    let (mut notes, mut unmet) = (Vec::new(), Vec::new());
    if let Some(meets_on) = meets_on.filter(|_| !conditions::is_pull_request(&process)) {
        let mut made = Vec::new();
        let mut is_certain = false;
        for job in &jobs {
            // The variables of the job matter to its conditions only.
            let variables: &[Assignment] = if job.conditions.is_empty() { &[] } else { &job.variables };
            let evaluated = evaluate(job, &located.stanza, &job_env.for_job(variables), commit_message)?;
            if evaluated.unmet.is_empty() {
                made.push(*job);
                is_certain |= evaluated.unknown.is_empty();
                notes.extend(evaluated.unknown);
            }
            for condition in evaluated.unmet {
                if !unmet.contains(&condition) {
                    unmet.push(condition);
                }
            }
        }
        if made.is_empty() && !jobs.is_empty() {
            return Ok(unmet);
        }
        if is_certain {
            notes.clear();
        }
        let meant = meeting_on(&made, |job| meets_on(&located.stanza, &job_env.for_job(&job.variables)));
        jobs = if meant.is_empty() { made } else { meant };
        notes.extend(not_run(&jobs, &located.other_providers));
    }
    notes.extend(several(&jobs, located.line));
    let variables = common_variables(jobs.iter().copied());
    located.variables = variables;
    for note in notes {
        if !located.notes.contains(&note) {
            located.notes.push(note);
        }
    }
    Ok(Vec::new())
}

/// Those of several jobs in which `on` is met. None, if it cannot be evaluated in one of them.
fn meeting_on<'a>(
    jobs: &[&'a TravisJob],
    meets_on: impl Fn(&TravisJob) -> Option<bool>,
) -> Vec<&'a TravisJob> {
    let mut meeting = Vec::new();
    // A single job needs no choice.
    for &job in jobs.iter().filter(|_| jobs.len() > 1) {
        match meets_on(job) {
            Some(true) => meeting.push(job),
            Some(false) => {}
            None => return Vec::new(),
        }
    }
    meeting
}

/// Whether the process environment has no other value for a variable that distinguishes the job.
fn is_meant(job: &TravisJob, process: &Environment) -> bool {
    job.own.iter().all(|variable| {
        let expected = variable.value(|name| process.get(name).map(Cow::into_owned));
        process.get(&variable.name).is_none_or(|value| value.is_empty() || value == expected)
    })
}

/// The result of the conditions of a job.
struct Evaluated {
    unmet: Vec<UnmetCondition>,
    /// Notes about conditions that cannot be evaluated here.
    unknown: Vec<String>,
}

fn evaluate(
    job: &TravisJob,
    stanza: &Map,
    env: &Environment,
    commit_message: Option<&str>,
) -> Result<Evaluated, (JobCondition, InvalidCondition)> {
    let facts = facts(job, env, commit_message);
    let redactor = Redactor::new(env.secrets(), &[]);
    let mut evaluated = Evaluated { unmet: Vec::new(), unknown: Vec::new() };
    for condition in &job.conditions {
        let verdict = match &condition.test {
            JobTest::If(text) => travis_if::evaluate(text, &facts),
            JobTest::Only(list) => is_listed(list, &facts),
            JobTest::Except(list) => is_listed(list, &facts).map(|verdict| match verdict {
                Verdict::Met => Verdict::NotMet,
                Verdict::NotMet => Verdict::Met,
                unknown @ Verdict::Unknown { .. } => unknown,
            }),
            JobTest::Never => Ok(Verdict::NotMet),
            JobTest::NotEvaluated => Ok(Verdict::Unknown { what: BTreeSet::new() }),
        };
        let JobCondition { what, line, .. } = condition;
        match verdict.map_err(|error| (condition.clone(), error))? {
            Verdict::Met => {}
            Verdict::NotMet => evaluated.unmet.push(unmet(condition, &facts, &redactor)),
            Verdict::Unknown { what: unknown } => {
                let names: Vec<String> = unknown.into_iter().collect();
                let names = if names.is_empty() {
                    String::new()
                } else {
                    format!(" (unknown: {})", names.join(", "))
                };
                let note = format!(
                    "line {line}: {what} cannot be evaluated outside of Travis CI{names}; it counts as met"
                );
                evaluated.unknown.push(redactor.redact(&note));
            }
        }
    }
    // dpl 2 does not run there, and Travis CI then deploys nothing.
    let is_on_windows = facts.variables.get(&Variable::Os).is_some_and(|os| os.as_deref() == Some("windows"));
    let dpl = stanza.get("dpl_version").and_then(Node::scalar);
    if is_on_windows && dpl.is_none_or(|version| !version.starts_with('1')) {
        evaluated.unmet.push(UnmetCondition {
            condition: Condition::Job,
            want: "linux, osx, freebsd".to_owned(),
            got: "windows".to_owned(),
            message: "Travis CI does not deploy from Windows".to_owned(),
        });
    }
    Ok(evaluated)
}

fn unmet(condition: &JobCondition, facts: &Facts, redactor: &Redactor) -> UnmetCondition {
    let JobCondition { what, line, test } = condition;
    let branch = || facts.variables.get(&Variable::Branch).cloned().flatten().unwrap_or_default();
    let (want, got, message) = match test {
        JobTest::If(text) => {
            (text.clone(), described(text, facts), format!("{what} is not met (line {line})"))
        }
        JobTest::Only(list) => {
            (list.join(", "), branch(), format!("{what} does not list this branch (line {line})"))
        }
        JobTest::Except(list) => (
            format!("none of {}", list.join(", ")),
            branch(),
            format!("{what} lists this branch (line {line})"),
        ),
        JobTest::Never | JobTest::NotEvaluated => {
            (what.clone(), "none".to_owned(), format!("no job of the file deploys this stanza (line {line})"))
        }
    };
    // A text of the file may have several lines.
    let shown = |text: &str| one_line(redactor.redact(text).trim());
    UnmetCondition {
        condition: Condition::Job,
        want: shown(&want),
        got: shown(&got),
        message: shown(&message),
    }
}

/// The values of the variables that a condition names: `branch = main, no tag`.
fn described(text: &str, facts: &Facts) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_named = |name: &str| text.split(|c: char| !is_part(c)).any(|word| word == name);
    let known = facts.variables.iter().filter(|(variable, _)| is_named(variable.name()));
    let described: Vec<String> = known
        .map(|(variable, value)| match value {
            Some(value) => format!("{} = {value}", variable.name()),
            None => format!("no {}", variable.name()),
        })
        .collect();
    if described.is_empty() { "not met".to_owned() } else { described.join(", ") }
}

fn is_listed(list: &[String], facts: &Facts) -> Result<Verdict, InvalidCondition> {
    match facts.variables.get(&Variable::Branch) {
        Some(Some(branch)) => travis_if::is_listed(list, branch),
        Some(None) | None => Ok(Verdict::Unknown { what: BTreeSet::from(["`branch`".to_owned()]) }),
    }
}

/// What is known of the build of a branch or a tag. It counts as a push, unless `TRAVIS_EVENT_TYPE` says
/// something else.
fn facts(job: &TravisJob, env: &Environment, commit_message: Option<&str>) -> Facts {
    let value = |name: &str| env.non_empty(name).map(Cow::into_owned);
    let mut facts = Facts::default();
    facts.variables.extend(job.attributes.iter().map(|(name, value)| (*name, Some(value.clone()))));
    let event = value("TRAVIS_EVENT_TYPE").unwrap_or_else(|| "push".to_owned());
    facts.variables.extend([
        (Variable::Type, Some(event)),
        // Only a pull request has them.
        (Variable::HeadBranch, None),
        (Variable::HeadRepo, None),
    ]);
    let tag = value("TRAVIS_TAG");
    if let Some(branch) = value("TRAVIS_BRANCH").or_else(|| tag.clone()) {
        facts.variables.extend([(Variable::Branch, Some(branch)), (Variable::Tag, tag)]);
    }
    facts.variables.extend(value("TRAVIS_REPO_SLUG").map(|slug| (Variable::Repo, Some(slug))));
    facts.variables.extend(commit_message.map(|message| (Variable::CommitMessage, Some(message.to_owned()))));
    let configured = job.variables.iter().map(|variable| variable.name.as_str());
    // Versions of runtimes are variables of Travis CI itself.
    for name in configured.filter(|name| !name.starts_with("TRAVIS_")) {
        facts.env.extend(env.get(name).map(|value| (name.to_owned(), value.into_owned())));
    }
    facts
}

/// Notes about what Travis CI would also do in these jobs.
fn not_run(jobs: &[&TravisJob], other_providers: &[(String, usize)]) -> Vec<String> {
    let commands = jobs.iter().flat_map(|job| &job.commands).map(|(key, line)| {
        let when = if *key == "after_deploy" { "afterwards" } else { "first" };
        format!("line {line}: `{key}` is not run; run it {when}")
    });
    let providers = other_providers.iter().map(|(provider, line)| {
        format!(
            "line {line}: the stanza of the provider `{provider}` is not deployed; only those of lambda are"
        )
    });
    commands.chain(providers).collect()
}

/// A note if several jobs deploy the stanza.
fn several(jobs: &[&TravisJob], line: usize) -> Option<String> {
    if jobs.len() < 2 {
        return None;
    }
    let mut titles: Vec<&str> = jobs.iter().map(|job| job.title.as_str()).take(MOST_NAMED).collect();
    if jobs.len() > MOST_NAMED {
        titles.push("…");
    }
    let is_plain = |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./=".contains(c));
    let is_common = |own: &&Assignment| jobs.iter().all(|job| job.own.contains(own));
    let own = jobs.iter().flat_map(|job| &job.own).filter(|own| !is_common(own));
    let example = own.map(ToString::to_string).find(is_plain);
    let hint = example.map_or_else(String::new, |example| {
        format!("; choose a job by its variables: `{example} dpl-lambda …`")
    });
    Some(format!(
        "line {line}: on Travis CI {} jobs deploy this stanza: {}; here it is deployed once{hint}",
        jobs.len(),
        titles.join(", ")
    ))
}

#[cfg(test)]
mod tests;
