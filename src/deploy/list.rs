//! Runs a command for the stanzas of a list, one after the other until one fails, as Travis CI does. Stanzas
//! of one release run together, at the place of the first of them.
//! It never judges a stanza itself: it reads only its secrets, the name of its function and its release.

use std::sync::Arc;

use super::job::{Command, Job};
use super::run_with;
use super::shared::Shared;
use super::together::Together;
use crate::cancel::CancelToken;
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::options;
use crate::protocol::approved_plan::check_layers;
use crate::protocol::event::{Finished, Outcome};
use crate::protocol::json::Node;
use crate::protocol::name::FunctionName;
use crate::protocol::secret::{Redactor, Secret};
use crate::protocol::stanza;

/// Runs `command` for each job in order, and returns the outcome for the `finished` event of the list. An
/// allowed failure does not end it. `check` shows the problems of all stanzas, so no failure ends it.
pub(crate) fn run_list(
    command: &Command,
    mut jobs: Vec<Job>,
    events: &Arc<EventWriter>,
    stop: &CancelToken,
) -> Finished {
    let number = jobs.len();
    if number > 1 && matches!(command, Command::Package { .. }) {
        return Finished::failed(diagnostics::from_list_to_package(number), Vec::new());
    }
    let (shared, mut all_skipped) = (Shared::default(), true);
    let requires = jobs.first().is_some_and(|job| job.require_deploy);
    let mut releases = vec![ReleaseName::Alone; number];
    if number > 1 {
        // The output of one function can contain a secret of another one.
        jobs.iter().for_each(|job| shared.known_secrets.add(secrets(job)));
        releases = jobs.iter().map(ReleaseName::of).collect();
    }
    let writers = events.for_stanzas(jobs.iter().map(plain_name).collect());
    let units = units(&releases);
    let all = &jobs;
    let approved = |unit: &Vec<usize>| -> Vec<_> {
        unit.iter().filter_map(|index| all[*index].approved.as_ref()).collect()
    };
    let layers = check_layers(units.iter().map(approved));
    let layers = layers.map_err(|error| diagnostics::from_layer_changed_twice(&error));
    for (place, unit) in units.iter().enumerate() {
        // One deployment of the list is enough.
        let require_deploy = requires && all_skipped && place + 1 == units.len();
        jobs[unit[0]].require_deploy = require_deploy;
        let (release, first) = (&releases[unit[0]], &jobs[unit[0]]);
        let ended = match (stop.check().map_err(diagnostics::from_stop).and(layers.clone()), release) {
            (Err(report), _) => vec![Finished::failed(report, Vec::new())],
            (Ok(()), ReleaseName::Unclear) => {
                vec![Finished::failed(diagnostics::from_unclear_release(), Vec::new())]
            }
            (Ok(()), ReleaseName::Named(name)) if unit.len() > MAX_MEMBERS => {
                let report = diagnostics::from_large_release(&masked(first, name), unit.len(), MAX_MEMBERS);
                vec![Finished::failed(report, Vec::new())]
            }
            (Ok(()), ReleaseName::Named(name)) if unit.len() > 1 => {
                let name = masked(first, name);
                let writers: Vec<_> = unit.iter().map(|index| writers[*index].clone()).collect();
                writers.iter().for_each(|writer| writer.name_release(&name));
                let (name, shared) = (name.as_str(), &shared);
                let jobs = unit.iter().map(|index| &jobs[*index]).collect();
                Together { name, command, jobs, writers, shared, events, stop, require_deploy }.run()
            }
            (Ok(()), ReleaseName::Alone | ReleaseName::Named(_)) => {
                vec![run_with(Some(&shared), command, first, &writers[unit[0]], stop)]
            }
        };
        let mut has_failed = false;
        for (index, finished) in unit.iter().zip(ended) {
            let finished = writers[*index].end_function(finished);
            all_skipped &= finished.outcome() == Outcome::Skipped;
            has_failed |= finished.outcome() == Outcome::Failed && !finished.is_allowed();
        }
        let shows_all = *command == Command::Check && stop.reason().is_none();
        if has_failed && !shows_all {
            break;
        }
    }
    events.list()
}

/// Largest number of stanzas in a release: each has a thread of its own.
const MAX_MEMBERS: usize = 100;

/// The release of a stanza, before its variables are filled in.
#[derive(Clone, Debug, PartialEq)]
enum ReleaseName {
    /// The stanza is deployed on its own.
    Alone,
    Named(String),
    /// The name depends on a variable or a branch.
    Unclear,
}

impl ReleaseName {
    fn of(job: &Job) -> Self {
        let Some(node) = job.stanza.get("release") else { return ReleaseName::Alone };
        match node.scalar().filter(|name| !name.contains('$')) {
            Some(name) => ReleaseName::Named(name),
            None => ReleaseName::Unclear,
        }
    }
}

/// The places of the stanzas that run together, in the order in which they run.
fn units(releases: &[ReleaseName]) -> Vec<Vec<usize>> {
    let mut units: Vec<Vec<usize>> = Vec::new();
    for (index, release) in releases.iter().enumerate() {
        let is_named = matches!(release, ReleaseName::Named(_));
        match units.iter_mut().find(|unit| is_named && releases[unit[0]] == *release) {
            Some(unit) => unit.push(index),
            None => units.push(vec![index]),
        }
    }
    units
}

/// A text of the stanza with secrets of the job masked.
fn masked(job: &Job, text: &str) -> String {
    Redactor::new(job.env.secrets(), &stanza::non_secret_texts(&job.stanza)).redact(text)
}

/// The name of the function with secrets masked. `None`: it is known only after the stanza is read.
fn plain_name(job: &Job) -> Option<String> {
    let Some(Node::Text(name)) = job.stanza.get("function_name") else { return None };
    let is_plain = !name.contains(['$', '%']) && FunctionName::parse(name).is_ok();
    is_plain.then(|| masked(job, name))
}

fn secrets(job: &Job) -> Vec<Secret> {
    let resolved = options::without_git(&job.stanza, &job.env);
    stanza::read(&resolved.stanza).options().secrets().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::CancelReason;
    use crate::conditions::BashOptions;
    use crate::protocol::error::Code;
    use crate::protocol::event::ListOutcome;
    use crate::protocol::event::Outcome::{Checked, Failed, Skipped, Stopped};
    use crate::protocol::json::Map;
    use serde_json::{Value, json};

    fn job(stanza: &Value, require_deploy: bool) -> Job {
        let env = [("TRAVIS_BRANCH", "main")].into_iter().collect();
        Job {
            stanza: Map::of_json(&stanza.to_string()),
            env: Arc::new(env),
            env_given: true,
            require_deploy,
            directory: "/".into(),
            bash_options: BashOptions::default(),
            approved: None,
            own_files: Vec::new(),
            today: "2026-11-01".to_owned(),
        }
    }

    /// The result of the command `check` for these stanzas, with the code of the failure.
    #[track_caller]
    fn checked(
        stanzas: &[Value],
        require_deploy: bool,
        stopped: Option<CancelReason>,
    ) -> (ListOutcome, Option<Code>) {
        let stop = CancelToken::new();
        stopped.into_iter().for_each(|reason| stop.cancel(reason));
        let events = Arc::new(EventWriter::new(std::io::sink(), stop.clone()));
        let jobs = stanzas.iter().map(|stanza| job(stanza, require_deploy)).collect();
        let finished = run_list(&Command::Check, jobs, &events, &stop);
        let code = finished.code();
        let Finished::List(list) = finished else { panic!("no list") };
        (*list, code)
    }

    fn outcomes(list: &ListOutcome) -> Vec<Outcome> {
        list.functions.iter().map(|function| function.finished.outcome()).collect()
    }

    #[test]
    fn check_shows_the_result_of_each_stanza() {
        let good = json!({"function_name": "a", "on": {"branch": "main"}});
        let bad = json!({"function_name": "b", "on": {"branch": "main"}, "timeout": "soon"});
        let other = json!({"function_name": "$NAME", "on": {"branch": "dev"}});
        let (list, code) = checked(&[good.clone(), bad, other, good], false, None);
        assert_eq!(outcomes(&list), [Checked, Failed, Skipped, Checked]);
        assert_eq!((code, list.failure().map(|failure| failure.stanza)), (Some(Code::BadValue), Some(1)));
        let names: Vec<_> = list.functions.iter().map(|function| function.function_name.as_deref()).collect();
        assert_eq!(names, [Some("a"), Some("b"), None, Some("a")]);
    }

    #[test]
    fn stanzas_of_one_release_run_together_at_the_place_of_the_first() {
        let of =
            |release: Value| ReleaseName::of(&job(&json!({"function_name": "f", "release": release}), false));
        let (shop, blog) = (of(json!("shop")), of(json!("blog")));
        let (unclear, alone) = (of(json!("$NAME")), of(json!(null)));
        assert_eq!((&unclear, &alone), (&ReleaseName::Unclear, &ReleaseName::Alone));
        assert_eq!(of(json!({"main": "shop"})), ReleaseName::Unclear);
        assert_eq!(of(json!(7)), ReleaseName::Named("7".to_owned()));
        let releases = [&alone, &shop, &unclear, &blog, &shop, &unclear, &alone, &shop].map(Clone::clone);
        assert_eq!(units(&releases), [vec![0], vec![1, 4, 7], vec![2], vec![3], vec![5], vec![6]]);
    }

    #[test]
    fn check_shows_the_result_of_each_stanza_of_a_release() {
        let of = |name: &str, release: &str| {
            let on = json!({"branch": "main"});
            json!({"function_name": name, "on": on, "release": release, "allow_failure": true})
        };
        let skipped = json!({"function_name": "c", "on": {"branch": "dev"}, "release": "shop"});
        let (list, code) = checked(&[of("a", "shop"), of("b", "shop"), skipped], false, None);
        assert_eq!((outcomes(&list), code), (vec![Checked, Checked, Skipped], None));
        let releases: Vec<_> = list.functions.iter().map(|function| function.release.as_deref()).collect();
        assert_eq!(releases, [Some("shop"); 3]);
        let (list, code) = checked(&[of("a", "shop"), of("b", "shop"), of("a", "shop")], false, None);
        assert_eq!((outcomes(&list), code), (vec![Checked, Checked, Failed], Some(Code::BadValue)));
        assert!(list.allowed);
        let strict = json!({"function_name": "b", "on": {"branch": "main"}, "release": "shop"});
        let (list, _) = checked(&[of("a", "shop"), strict, of("a", "shop")], false, None);
        assert!(!list.allowed);
        let (list, code) = checked(&[of("a", "shop"), of("b", "$SHOP")], false, None);
        assert_eq!((outcomes(&list), code), (vec![Checked, Failed], Some(Code::BadValue)));
        assert_eq!(list.functions[0].release, None);
        let many: Vec<Value> = (0..=MAX_MEMBERS).map(|index| of(&format!("f{index}"), "shop")).collect();
        assert_eq!(checked(&many, false, None).1, Some(Code::BadValue));
    }

    #[test]
    fn a_required_deployment_fails_only_if_all_stanzas_are_skipped() {
        let of = |branch: &str| json!({"function_name": "a", "on": {"branch": branch}});
        let (main, dev) = (of("main"), of("dev"));
        let (list, code) = checked(&[main, dev.clone()], true, None);
        assert_eq!((outcomes(&list), code), (vec![Checked, Skipped], None));
        let (list, code) = checked(&[dev.clone(), dev], true, None);
        assert_eq!((outcomes(&list), code), (vec![Skipped, Failed], Some(Code::SkippedButRequired)));
    }

    #[test]
    fn a_signal_ends_a_list() {
        let stanza = json!({"function_name": "a"});
        let (list, code) = checked(&[stanza.clone(), stanza], false, Some(CancelReason::Signal(15)));
        assert_eq!((outcomes(&list), code), (vec![Failed, Stopped], Some(Code::Cancelled)));
    }

    #[test]
    fn a_name_is_known_before_the_stanza_is_read_if_it_is_plain_text() {
        for (name, known) in [
            (json!("orders"), Some("orders")),
            (json!("123456789012:function:orders"), Some("123456789012:function:orders")),
            (json!("orders-$STAGE"), None),
            (json!("orders:7"), None),
            (json!({"main": "orders"}), None),
            (json!(7), None),
        ] {
            let found = plain_name(&job(&json!({"function_name": name}), false));
            assert_eq!(found.as_deref(), known, "{name}");
        }
    }
}
