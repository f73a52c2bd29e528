//! The bodies of the fuzz targets: each takes arbitrary bytes and panics if a property does not hold.
//! libFuzzer runs them, and the tests run them on a short corpus. `src/lib.rs` includes this file for both,
//! so that it can use what is not public.
#![expect(clippy::disallowed_methods, reason = "makes and reads files")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};

use crate::cancel::CancelToken;
use crate::code_source::{Code, CodeSource, Delivery, Object};
use crate::diagnostics;
use crate::function::{
    AliasHistory, DesiredFunction, LiveAlias, LiveFunction, LiveVersion, Provisioned, ProvisionedState,
    PublicAccess, Release, Setting, VersionState,
};
use crate::lambda::{CallError, CallErrorKind, Cause, LambdaError};
use crate::package::{self, Selection};
use crate::plan::{self, Action, Undone, WriteCall, roll_back};
use crate::protocol::environment::Environment;
use crate::protocol::event::{Event, Finished, Line};
use crate::protocol::json::{self, Map};
use crate::protocol::name::FunctionName;
use crate::protocol::request::{self, Request};
use crate::protocol::secret::Redactor;
use crate::protocol::stanza::{self, Stanza};
use crate::protocol::structures::Expect;
use crate::verification::{InvokeResponse, check_response};

/// A request: any input is either read or rejected, and every problem has a pointer and a message of one
/// line.
pub fn request(data: &[u8]) {
    let Ok(Request { stanzas, env, .. }) = request::read(data) else { return };
    let env = env.unwrap_or_default();
    stanzas.into_vec().iter().for_each(|stanza| check_stanza(stanza, &env));
}

fn check_stanza(stanza: &Map, env: &Environment) {
    let (chosen, _) = crate::protocol::branches::select_branch(stanza, &env.expand("TRAVIS_BRANCH"));
    let read = stanza::read(&chosen);
    let redactor = read.options().redactor(stanza, env.secrets());
    for problem in read.problems() {
        assert!(problem.at.as_ref().is_some_and(|at| at.starts_with('/')), "{problem:?}");
    }
    if !read.problems().is_empty() {
        let report = diagnostics::from_problems(read.problems().to_vec(), &redactor);
        let finished = Event::Finished(Finished::failed(report, Vec::new()));
        assert!(!Line::new(finished).to_json().contains('\n'));
    }
}

/// Two stanzas with a NUL between them: the desired function and the current one. If both are equal, the plan
/// has no step. No plan deletes a version that an alias uses, and every rollback leads to an existing
/// version.
pub fn plan(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0).filter_map(read_stanza);
    let (Some(wanted), Some(live)) = (parts.next(), parts.next()) else { return };
    if !matches!(CodeSource::of(&wanted), CodeSource::Package | CodeSource::PackageInBucket(_)) {
        return;
    }
    let name = || FunctionName::parse("f").expect("a name");
    let object = || Object { bucket: "b".to_owned(), key: "k".to_owned(), version: None };
    let code = |sha256: &str| Code {
        sha256: Some(sha256.to_owned()),
        delivery: Some(Delivery::Object(object())),
        ..Code::default()
    };
    let mut wanted = DesiredFunction::of(&wanted, name(), None);
    let live = live_function(&DesiredFunction::of(&live, name(), None), data);
    for code in [code("new"), code("live")] {
        let Ok(plan) = plan::plan(&wanted, &code, Some(&live)) else { continue };
        serde_json::to_string(&plan.to_event()).expect("a plan is JSON");
        for step in &plan.steps {
            if let Action::Write(WriteCall::DeleteVersion { version, .. }) = &step.action {
                assert!(live.aliases.iter().all(|alias| alias.version != *version), "{plan:?}");
                let mut shares = live.aliases.iter().flat_map(|alias| &alias.weights);
                assert!(shares.all(|(other, _)| other != version), "{plan:?}");
            }
        }
    }
    if let Ok(plan) = roll_back(&wanted.release, None, &live, &Undone::LastMove) {
        let to = plan.version.expect("a rollback has a version");
        assert!(live.versions.iter().any(|version| version.number == to));
    }
    wanted.release = Release::default();
    (wanted.url, wanted.revision_id) = (None, None);
    let itself = live_function(&wanted, data);
    let plan = plan::plan(&wanted, &code("live"), Some(&itself)).expect("the function can be planned");
    assert!(plan.steps.is_empty(), "{plan:?}");
}

fn read_stanza(text: &[u8]) -> Option<Stanza> {
    let node = json::parse(text).ok()?;
    stanza::read(node.as_map()?).stanza.ok()
}

/// Builds the function that `wanted` describes, with versions and aliases that depend on `seed`.
fn live_function(wanted: &DesiredFunction, seed: &[u8]) -> LiveFunction {
    let mut settings = wanted.settings_for(None);
    for setting in &mut settings {
        if let Setting::ApplicationLogLevel(level) | Setting::SystemLogLevel(level) = setting
            && level.is_empty()
        {
            // The level that AWS takes for an empty one.
            *level = "INFO".to_owned();
        }
    }
    let sum = seed.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let newest = sum % 7;
    let version = |number: u64| LiveVersion {
        number: number.to_string(),
        code_sha256: if number == newest { "live".to_owned() } else { number.to_string() },
        settings: settings.clone(),
        state: if number.is_multiple_of(5) { VersionState::Failed } else { VersionState::Ready },
    };
    let names = wanted.release.aliases.iter().cloned().chain(["live".to_owned(), "other".to_owned()]);
    let alias = |(index, name): (usize, String)| LiveAlias {
        name,
        version: ((sum >> index) % (newest + 1)).max(1).to_string(),
        weights: if sum & (1 << index) == 0 { Vec::new() } else { vec![(newest.max(2).to_string(), 10)] },
        revision_id: None,
        history: AliasHistory::of(&format!("(at {}, before: {}, 1)", sum % 5, sum % 4)),
        is_unprovisioned: false,
    };
    let aliases: BTreeMap<String, LiveAlias> =
        names.enumerate().map(alias).map(|alias| (alias.name.clone(), alias)).collect();
    LiveFunction {
        arn: "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned(),
        settings: settings.clone(),
        tags: Some(wanted.tags.clone().unwrap_or_default()),
        code_sha256: "live".to_owned(),
        image: None,
        url: None,
        public: PublicAccess::default(),
        event_invoke: BTreeMap::new(),
        in_use: Vec::new(),
        latest_url: None,
        is_managed: false,
        latest_published: None,
        latest_public: PublicAccess::default(),
        deployment: None,
        callers: Vec::new(),
        event_sources: Vec::new(),
        aliases: aliases.into_values().collect(),
        versions: (1..=newest).map(version).collect(),
        provisioned: BTreeMap::from([(
            "live".to_owned(),
            Provisioned { executions: 1, state: ProvisionedState::Ready },
        )]),
        revision_id: None,
        has_failed: false,
        ..LiveFunction::default()
    }
}

/// A random directory tree. Of every three bytes, the first selects a file or a parent directory, the second
/// its type, the third its length. Any resulting archive can be read, has the contents of the files, and is
/// reproducible.
pub fn archive(data: &[u8]) {
    let Ok(directory) = tempfile::tempdir() else { return };
    for file in data.chunks_exact(3).take(64) {
        let [name, kind, length] = [file[0], file[1], file[2]];
        let parts = [format!("{}", name % 5), format!("é {}", name / 5 % 7), format!(".{}", name / 35)];
        let path = directory.path().join(parts[..1 + usize::from(kind % 3)].join("/"));
        let _ = path.parent().map(fs::create_dir_all);
        let content = [name, kind].repeat(usize::from(length) * usize::from(kind));
        let _ = match kind / 3 % 4 {
            0 => std::os::unix::fs::symlink(format!("{}", length % 5), &path),
            1 => fs::create_dir(&path),
            _ => fs::write(&path, content),
        };
    }
    let selection = Selection { dot_match: data.len().is_multiple_of(2), ..Selection::default() };
    let pack = || {
        let contents = package::scan(directory.path(), &selection, &[])?;
        contents.into_archive(package::MAX_IN_MEMORY, &mut |_, _| {}, &CancelToken::new())
    };
    let Ok(archive) = pack() else { return };
    let mut bytes = vec![0; usize::try_from(archive.size()).expect("a small archive")];
    archive.read_at(&mut bytes, 0).expect("an archive can be read");
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip archive");
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).expect("an entry");
        let name = entry.name().expect("UTF-8").into_owned();
        let is_file = entry.is_file() && !entry.is_symlink();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("its checksum matches");
        assert!(!is_file || fs::read(directory.path().join(&name)).expect("it exists") == content, "{name}");
    }
    assert_eq!(pack().expect("packaging works again").code_sha256(), archive.code_sha256());
}

/// An answer of AWS or of a proxy: four texts with NULs between them. The result is a report of one line
/// without the secret, and a verdict.
pub fn aws_error(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split('\0').map(str::to_owned);
    let (code, message, secret) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let redactor = Redactor::new([secret.as_str()], &[]);
    for (operation, kind) in [
        ("UpdateFunctionCode", CallErrorKind::Service),
        ("PublishVersion", CallErrorKind::InvalidResponse),
        ("PutObject", CallErrorKind::Service),
        ("AssumeRole", CallErrorKind::Connect),
    ] {
        let call = CallError {
            operation,
            kind,
            code: code.clone(),
            message: message.clone(),
            http_status: Some(u16::try_from(data.len() % 600).unwrap_or_default()),
            request_id: None,
            resource: None,
            address: message.clone(),
            proxy: code.clone(),
            bucket_region: message.clone(),
            cause: Cause::chain(message.iter().cloned().collect()),
        };
        let report = diagnostics::from_lambda(LambdaError::Call(call), &redactor);
        assert!(!report.message.contains(char::is_control), "{report:?}");
        let masked = redactor.redact(&format!("x {secret} y"));
        // Control characters become spaces. If the secret consists of spaces, that can produce it in text
        // that never contained it.
        let is_masked = masked.contains("[secure]") && !secret.contains(char::is_whitespace);
        assert!(!is_masked || !report.message.contains(&format!(" {secret} ")), "{report:?}");
    }
    let answer =
        InvokeResponse { payload: text.clone().into_owned(), has_failed: code.is_some(), log: String::new() };
    let status = text.len().try_into().ok();
    let expect = Expect { status, contains: Some(secret), json: serde_json::from_str(&text).ok() };
    let _ = check_response(Some(&expect), &answer);
    let well = InvokeResponse { has_failed: false, ..answer };
    let _ = check_response(Some(&expect), &well);
    if let Some(json) = &expect.json {
        let itself = Expect { json: Some(json.clone()), ..Expect::default() };
        assert!(check_response(Some(&itself), &well).is_ok(), "every answer contains itself");
    }
}

/// Runs the targets on their corpus. `fuzz/` describes how to search for more inputs.
#[cfg(test)]
mod corpus {
    #![expect(clippy::print_stdout, reason = "names the input that a failing body was given")]

    use std::path::Path;

    fn play(target: &str, body: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/fuzz/corpus").join(target);
        let entries =
            std::fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
        let files: Vec<_> = entries.map(|entry| entry.expect("listed").path()).collect();
        assert!(files.len() >= 5, "{target} has a corpus of {} files", files.len());
        for file in &files {
            println!("{}", file.display());
            let data = std::fs::read(file).expect("read");
            body(&data);
            // Also truncated at several places, for inputs that no fuzzer has found yet.
            let step = data.len() / 16 + 1;
            (0..data.len()).step_by(step).for_each(|end| body(&data[..end]));
        }
    }

    #[test]
    fn requests() {
        play("request", super::request);
    }

    #[test]
    fn plans() {
        play("plan", super::plan);
    }

    #[test]
    fn archives() {
        play("archive", super::archive);
    }

    #[test]
    fn answers_of_aws() {
        play("aws_error", super::aws_error);
    }
}
