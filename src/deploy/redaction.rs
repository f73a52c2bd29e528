//! Masks secrets in the texts of a run. Builds each redactor once, and again only after secrets were added.

use std::sync::{Arc, Mutex, PoisonError};

use super::job::Job;
use crate::plan::Plan;
use crate::protocol::error::Warning;
use crate::protocol::event;
use crate::protocol::json::Map;
use crate::protocol::secret::{KnownSecrets, Redactor, Secret};
use crate::protocol::stanza::{self, Options, Stanza};

/// The secrets of a job: those in its variables, and the web identity token that the stanza names.
pub(super) fn secrets_of_job(job: &Job, stanza: &Options) -> Vec<Secret> {
    job.env.secrets().map(Secret::new).chain(stanza.web_identity_token(&job.env)).collect()
}

/// The redactors of a run whose stanza is valid.
pub(super) struct Redaction<'a> {
    stanza: &'a Stanza,
    /// The stanza before variables were filled in.
    written: &'a Map,
    /// Values in `written` that are not secret.
    open_texts: Vec<String>,
    secrets_of_job: Vec<Secret>,
    /// Masks secret variables of the job that were substituted into our own values, such as a path.
    pub(super) variables: Redactor,
    /// Secrets that are not in the stanza: those of credentials, of the live function and of other stanzas.
    pub(super) known_secrets: KnownSecrets,
    /// Masks `known_secrets` only.
    known: Latest,
    /// Masks all secrets.
    complete: Latest,
}

impl<'a> Redaction<'a> {
    /// `complete` masks the secrets of the stanza and of the job.
    pub(super) fn new(
        job: &'a Job,
        stanza: &'a Stanza,
        secrets_of_job: Vec<Secret>,
        complete: Redactor,
        known_secrets: KnownSecrets,
    ) -> Self {
        let open_texts = stanza::non_secret_texts(&job.stanza);
        Redaction {
            stanza,
            written: &job.stanza,
            variables: Redactor::new(secrets_of_job.iter().map(Secret::expose), &open_texts),
            open_texts,
            secrets_of_job,
            known_secrets,
            known: Latest::new(Redactor::default()),
            complete: Latest::new(complete),
        }
    }

    /// Masks all secrets known now, in texts from other sources.
    pub(super) fn complete(&self) -> Arc<Redactor> {
        self.complete.get(&self.known_secrets, |known| {
            let secrets = self.secrets_of_job.iter().chain(known).map(Secret::expose);
            self.stanza.redactor(self.written, secrets)
        })
    }

    /// Masks `known_secrets` and no other ones.
    fn known(&self) -> Arc<Redactor> {
        self.known.get(&self.known_secrets, |known| {
            Redactor::new(known.iter().map(Secret::expose), &self.open_texts)
        })
    }

    pub(super) fn warning(&self, warning: &Warning) -> Warning {
        self.known().warning(&self.variables.warning(warning))
    }

    /// A plan for events. It masks live variables and tags in live values, and secret variables of the job in
    /// desired values.
    pub(super) fn plan(&self, plan: &Plan) -> event::Plan {
        self.known().plan(self.variables.plan(plan.to_event()))
    }

    /// Masks secrets in a short text from AWS, such as a request id.
    pub(super) fn foreign_text(&self, text: &str) -> String {
        self.complete().redact(text)
    }

    /// Masks secrets in a version from AWS. A version number is never masked, even if a secret has the same
    /// value.
    pub(super) fn version(&self, version: String) -> String {
        let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || version.starts_with("$LATEST") { version } else { self.foreign_text(&version) }
    }
}

/// The latest redactor for a growing number of known secrets, and that number when it was built.
///
/// This is the only state in `deploy` that changes behind a shared reference. No phase can return it instead:
/// the SDK adds secrets whenever it renews credentials, in the middle of any request.
struct Latest(Mutex<(usize, Arc<Redactor>)>);

impl Latest {
    fn new(redactor: Redactor) -> Self {
        Latest(Mutex::new((0, Arc::new(redactor))))
    }

    /// Calls `build` only if secrets were added since the last call.
    fn get(&self, known_secrets: &KnownSecrets, build: impl FnOnce(&[Secret]) -> Redactor) -> Arc<Redactor> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known_secrets.count() != latest.0 {
            let secrets = known_secrets.all();
            *latest = (secrets.len(), Arc::new(build(&secrets)));
        }
        latest.1.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redactor_is_built_again_only_after_secrets_were_added() {
        let (latest, known_secrets) = (Latest::new(Redactor::default()), KnownSecrets::default());
        let mut built = 0;
        let mut masked = |text: &str| {
            let redactor = latest.get(&known_secrets, |secrets| {
                built += 1;
                Redactor::new(secrets.iter().map(Secret::expose), &[])
            });
            (redactor.redact(text), built)
        };
        assert_eq!(masked("hunter2!"), ("hunter2!".to_owned(), 0));
        known_secrets.add([Secret::new("hunter2!")]);
        assert_eq!(masked("hunter2!"), ("[secure]".to_owned(), 1));
        known_secrets.add([Secret::new("hunter2!")]);
        assert_eq!(masked("hunter2!"), ("[secure]".to_owned(), 1));
    }
}
