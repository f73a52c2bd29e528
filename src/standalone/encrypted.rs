//! Replaces `secure:` values of a stanza by environment variables, and lists those that are still missing.
//! Never uses the value of a variable, only whether it is set.
//!
//! The standalone mode cannot decrypt: only Travis CI has the key.

use super::travis_yml::LocatedStanza;
use crate::protocol::branches::VARIABLE_OPTIONS;
use crate::protocol::environment::Environment;
use crate::protocol::json::{Map, Node, pointer};
use crate::protocol::pairs::named_pair;
use crate::protocol::stanza::{all_keys, has_keys_beside_secure};

/// An encrypted value that no variable replaces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MissingSecret {
    pub(super) line: usize,
    /// JSON pointer to the value.
    pub(super) at: String,
    pub(super) replacement: Replacement,
}

/// What can replace an encrypted value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Replacement {
    /// Credentials in the environment.
    Credentials,
    /// The variable with this name, which the program reads if the stanza has no such option.
    Variable(String),
    /// `name: $variable` in the file, for the option or the entry in it, and the variable in the environment.
    Reference { name: String, variable: String },
    /// `NAME=$NAME` in a list of the file, and the variable in the environment.
    Assignment,
    /// Nothing: a stanza has no option of this name.
    Nothing(String),
}

/// The keys for credentials. All of them come from the same source.
const IDENTITY: [&str; 3] = ["access_key_id", "secret_access_key", "session_token"];

/// Removes encrypted values that the environment replaces, with a note for each, and returns those that are
/// missing. A command that does not contact AWS (`contacts_aws`) needs no credentials.
pub(super) fn resolve(
    located: &mut LocatedStanza,
    env: &Environment,
    contacts_aws: bool,
) -> Vec<MissingSecret> {
    let keys: Vec<String> = located.stanza.iter().map(|(key, _)| key.to_owned()).collect();
    let mut missing = Vec::new();
    let stanza = &located.stanza;
    let is_encrypted = |key: &&str| stanza.get(key).is_some_and(|node| !encrypted(key, node).is_empty());
    if let Some(key) = IDENTITY.into_iter().find(is_encrypted) {
        let at = pointer("", key);
        let line = located.line_of(&at);
        match identity(env) {
            None if contacts_aws => {
                missing.push(MissingSecret { line, at, replacement: Replacement::Credentials });
            }
            known => {
                let why = known.map_or("this command needs none".to_owned(), |name| format!("{name} is set"));
                let note = format!("line {line}: the encrypted credentials are ignored, because {why}");
                located.notes.push(note);
                located.stanza = without_identity(&located.stanza);
            }
        }
    }
    for key in keys.iter().filter(|key| !IDENTITY.contains(&key.as_str())) {
        let Some(node) = located.stanza.get(key) else { continue };
        let found = encrypted(key, node);
        if found.is_empty() {
            continue;
        }
        let variables = variables(key);
        if let Some(name) = variables.iter().find(|name| is_set(env, name)) {
            let line = located.line_of(&pointer("", key));
            let note = format!("line {line}: the encrypted `{key}` is ignored, because {name} is set");
            located.notes.push(note);
            located.stanza.remove(key);
            continue;
        }
        missing.extend(found.into_iter().map(|found| MissingSecret {
            line: located.line_of(&found.at),
            replacement: found.replacement(key, variables.first()),
            at: found.at,
        }));
    }
    missing
}

/// The stanza without its keys for credentials. Keys beside `secure` stay, with null as the encrypted value,
/// so that the child run can warn about them.
fn without_identity(stanza: &Map) -> Map {
    let others = stanza.iter().filter_map(|(key, node)| {
        let node = match node {
            node if !IDENTITY.contains(&key) => node.clone(),
            Node::Map(map) if has_keys_beside_secure(key, node) => {
                let inner = map.iter().map(|(name, node)| {
                    (name.to_owned(), if name == "secure" { Node::Null } else { node.clone() })
                });
                Node::Map(inner.collect())
            }
            _ => return None,
        };
        Some((key.to_owned(), node))
    });
    others.collect()
}

/// An encrypted value in an option.
struct Encrypted {
    at: String,
    /// Its key, if it is an entry of a map within the option.
    name: Option<String>,
    /// True if it is an entry of a map or a list within the option.
    inside: bool,
}

impl Encrypted {
    fn replacement(&self, key: &str, variable: Option<&String>) -> Replacement {
        let is_environment = ["environment", "environment_variables", "function_tags"].contains(&key);
        match (&self.name, variable) {
            (Some(name), _) if is_environment => {
                Replacement::Reference { name: name.clone(), variable: name.clone() }
            }
            (None, _) if is_environment && self.inside => Replacement::Assignment,
            (_, Some(variable)) => Replacement::Variable(variable.clone()),
            _ if all_keys().all(|known| known != key) => Replacement::Nothing(key.to_owned()),
            (name, None) => {
                let name = name.clone().unwrap_or_else(|| key.to_owned());
                Replacement::Reference { variable: name.to_uppercase(), name }
            }
        }
    }
}

fn encrypted(key: &str, node: &Node) -> Vec<Encrypted> {
    let mut found = Vec::new();
    let at = pointer("", key);
    if has_keys_beside_secure(key, node) {
        found.push(Encrypted { at, name: None, inside: false });
    } else {
        find_encrypted(at, None, false, node, &mut found);
    }
    found
}

fn find_encrypted(at: String, name: Option<&str>, inside: bool, node: &Node, found: &mut Vec<Encrypted>) {
    match node {
        _ if node.is_secure() => found.push(Encrypted { at, name: name.map(str::to_owned), inside }),
        Node::Map(map) => {
            map.iter().for_each(|(key, node)| find_encrypted(pointer(&at, key), Some(key), true, node, found))
        }
        Node::List(items) => {
            for (index, node) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                match named_pair(node) {
                    Some((name, value)) => find_encrypted(at, name.scalar().as_deref(), true, value, found),
                    None => find_encrypted(at, None, true, node, found),
                }
            }
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
    }
}

/// The variables that can replace an option, the most common one first.
fn variables(key: &str) -> Vec<String> {
    match key {
        "region" => ["AWS_REGION", "AWS_DEFAULT_REGION", "LAMBDA_REGION"].map(str::to_owned).into(),
        _ if VARIABLE_OPTIONS.contains(&key) => {
            ["AWS", "LAMBDA"].map(|from| format!("{from}_{}", key.to_uppercase())).into()
        }
        _ => Vec::new(),
    }
}

/// The variable by which the environment provides credentials explicitly. A default profile does not count,
/// because no one has chosen it for this job.
fn identity(env: &Environment) -> Option<&'static str> {
    let both = |id, secret| is_set(env, id) && is_set(env, secret);
    let alone = [
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    match () {
        () if both("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") => Some("AWS_ACCESS_KEY_ID"),
        () if both("LAMBDA_ACCESS_KEY_ID", "LAMBDA_SECRET_ACCESS_KEY") => Some("LAMBDA_ACCESS_KEY_ID"),
        () => alone.into_iter().find(|name| is_set(env, name)),
    }
}

fn is_set(env: &Environment, name: &str) -> bool {
    env.non_empty(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standalone::travis_yml;

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "y")];

    /// The remaining keys of the stanza, the missing values with their hints, and the notes.
    fn resolved(stanza: &str, env: &[(&str, &str)], contacts_aws: bool) -> [Vec<String>; 3] {
        let mut located = travis_yml::bare_stanzas(stanza, false).expect("valid").remove(0);
        let missing = resolve(&mut located, &env.iter().copied().collect(), contacts_aws);
        let shown = |missing: MissingSecret| format!("{}: {}", missing.at, missing.replacement.hint());
        let keys = located.stanza.iter().map(|(key, _)| key.to_owned()).collect();
        [keys, missing.into_iter().map(shown).collect(), located.notes]
    }

    #[test]
    fn an_encrypted_key_gives_way_to_the_pair_of_the_environment() {
        let stanza = "function_name: f\naccess_key_id: AKIA\nsecret_access_key:\n  secure: abc\n";
        let [keys, missing, notes] = resolved(stanza, &KEYS, true);
        assert_eq!((keys, missing.len()), (vec!["function_name".to_owned()], 0));
        let note = "line 3: the encrypted credentials are ignored, because AWS_ACCESS_KEY_ID is set";
        assert_eq!(notes, [note]);
        let [_, missing, _] = resolved(stanza, &[("AWS_PROFILE", "p")], true);
        assert!(missing.is_empty(), "{missing:?}");
        let half = [KEYS[0], ("AWS_SECRET_ACCESS_KEY", "")];
        let [keys, missing, _] = resolved(stanza, &half, true);
        assert_eq!(keys.len(), 3);
        assert!(missing[0].starts_with("/secret_access_key: "), "{missing:?}");
        assert!(missing[0].contains("AWS_PROFILE"), "{missing:?}");
    }

    #[test]
    fn a_key_beside_secure_is_left_for_the_child_run() {
        let stanza = "secret_access_key:\n  secure: abc\n  on: {tags: true}\nfunction_name: f\n";
        let mut located = travis_yml::bare_stanzas(stanza, false).expect("valid").remove(0);
        assert_eq!(resolve(&mut located, &Environment::default(), false), []);
        let stanza = serde_json::Value::from(&Node::Map(located.stanza));
        let expected = serde_json::json!({
            "secret_access_key": {"secure": null, "on": {"tags": true}}, "function_name": "f",
        });
        assert_eq!((stanza, located.notes.len()), (expected, 1));
        let [_, missing, _] = resolved("role: {secure: abc, on: x}\nfunction_name: f\n", &[], true);
        assert!(missing[0].starts_with("/role: "), "{missing:?}");
    }

    #[test]
    fn who_asks_aws_nothing_needs_no_key() {
        let parts = resolved("function_name: f\nsecret_access_key: {secure: abc}\n", &[], false);
        assert_eq!(parts.map(|part| part.len()), [1, 0, 1]);
    }

    #[test]
    fn an_option_gives_way_to_its_own_variable() {
        let stanza = "function_name: f\nrole: {secure: abc}\nregion: {secure: abc}\n";
        let parts = resolved(stanza, &[("LAMBDA_ROLE", "r"), ("AWS_DEFAULT_REGION", "eu")], true);
        assert_eq!(parts.map(|part| part.len()), [1, 0, 2]);
        let hints = ["/role: set AWS_ROLE in the environment", "/region: set AWS_REGION in the environment"];
        assert_eq!(resolved(stanza, &[], true)[1], hints);
    }

    #[test]
    fn what_has_no_variable_is_to_be_written_as_one() {
        let stanza = "environment:\n  PASSWORD: {secure: abc}\n  OPEN: x\nexternal_id: {secure: d}\n\
                      environment_variables:\n- secure: e\n- {name: TOKEN, value: {secure: f}}\n\
                      on: {repo: {secure: x}}\nevent_source_arn: {secure: g}\n";
        let hints = [
            "/environment/PASSWORD: write `PASSWORD: $PASSWORD` instead, and set PASSWORD in the environment",
            "/external_id: write `external_id: $EXTERNAL_ID` instead, and set EXTERNAL_ID in the environment",
            "/environment_variables/0: write `NAME=$NAME` instead, and set NAME in the environment",
            "/environment_variables/1: write `TOKEN: $TOKEN` instead, and set TOKEN in the environment",
            "/on/repo: write `repo: $REPO` instead, and set REPO in the environment",
            "/event_source_arn: remove `event_source_arn`, which is not an option of a lambda stanza",
        ];
        assert_eq!(resolved(stanza, &[], true)[1], hints);
    }
}
