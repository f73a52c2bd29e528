//! Runs a command for the stanzas of a list, one after the other until one fails, as Travis CI does.
//! It never judges a stanza itself: it reads only its secrets and the name of its function.

use std::sync::Arc;

use super::job::{Command, Job};
use super::run_with;
use super::shared::Shared;
use crate::cancel::CancelToken;
use crate::diagnostics;
use crate::event_writer::EventWriter;
use crate::options;
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
    if number > 1 {
        // The output of one function can contain a secret of another one.
        jobs.iter().for_each(|job| shared.known_secrets.add(secrets(job)));
    }
    let writers = events.for_stanzas(jobs.iter().map(plain_name).collect());
    for (index, (job, events)) in jobs.iter_mut().zip(writers).enumerate() {
        // One deployment of the list is enough.
        job.require_deploy &= all_skipped && index + 1 == number;
        let finished = match stop.check() {
            Ok(()) => run_with(Some(&shared), command, job, events, stop),
            Err(reason) => Finished::failed(diagnostics::from_stop(reason), Vec::new()),
        };
        let finished = events.end_function(finished);
        all_skipped &= finished.outcome() == Outcome::Skipped;
        let has_failed = finished.outcome() == Outcome::Failed && !finished.is_allowed();
        let shows_all = *command == Command::Check && stop.reason().is_none();
        if has_failed && !shows_all {
            break;
        }
    }
    events.list()
}

/// The name of the function with secrets masked. `None`: it is known only after the stanza is read.
fn plain_name(job: &Job) -> Option<String> {
    let Some(Node::Text(name)) = job.stanza.get("function_name") else { return None };
    let is_plain = !name.contains(['$', '%']) && FunctionName::parse(name).is_ok();
    is_plain.then(|| Redactor::new(job.env.secrets(), &stanza::non_secret_texts(&job.stanza)).redact(name))
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
    use crate::protocol::json;
    use serde_json::{Value, json};

    fn job(stanza: &Value, require_deploy: bool) -> Job {
        let Ok(Node::Map(stanza)) = json::parse(stanza.to_string().as_bytes()) else {
            panic!("{stanza} is no object")
        };
        let env = [("TRAVIS_BRANCH", "main")].into_iter().collect();
        Job {
            stanza,
            env: Arc::new(env),
            env_given: true,
            require_deploy,
            directory: "/".into(),
            bash_options: BashOptions::default(),
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

    fn outcomes(list: &ListOutcome) -> Vec<&'static str> {
        list.functions.iter().map(|function| function.finished.outcome().as_str()).collect()
    }

    #[test]
    fn check_shows_the_result_of_each_stanza() {
        let good = json!({"function_name": "a", "on": {"branch": "main"}});
        let bad = json!({"function_name": "b", "on": {"branch": "main"}, "timeout": "soon"});
        let other = json!({"function_name": "$NAME", "on": {"branch": "dev"}});
        let (list, code) = checked(&[good.clone(), bad, other, good], false, None);
        assert_eq!(outcomes(&list), ["checked", "failed", "skipped", "checked"]);
        assert_eq!((code, list.failure().map(|failure| failure.stanza)), (Some(Code::BadValue), Some(1)));
        let names: Vec<_> = list.functions.iter().map(|function| function.function_name.as_deref()).collect();
        assert_eq!(names, [Some("a"), Some("b"), None, Some("a")]);
    }

    #[test]
    fn a_required_deployment_fails_only_if_all_stanzas_are_skipped() {
        let of = |branch: &str| json!({"function_name": "a", "on": {"branch": branch}});
        let (main, dev) = (of("main"), of("dev"));
        let (list, code) = checked(&[main, dev.clone()], true, None);
        assert_eq!((outcomes(&list), code), (vec!["checked", "skipped"], None));
        let (list, code) = checked(&[dev.clone(), dev], true, None);
        assert_eq!((outcomes(&list), code), (vec!["skipped", "failed"], Some(Code::SkippedButRequired)));
    }

    #[test]
    fn a_signal_ends_a_list() {
        let stanza = json!({"function_name": "a"});
        let (list, code) = checked(&[stanza.clone(), stanza], false, Some(CancelReason::Signal(15)));
        assert_eq!((outcomes(&list), code), (vec!["failed", "stopped"], Some(Code::Cancelled)));
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
