//! Reads the file of an approved plan, and writes it. Never overwrites a file that is no plan, and never
//! leaves a part of one: a file is complete before it has its name. Only the owner can read it. Side effects:
//! reads and writes the file.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::Builder;

use super::input_error::InputError;
use super::reporter::of_stanzas;
use crate::bounded_read;
use crate::cancel::CancelToken;
use crate::diagnostics;
use crate::protocol::approved_plan::{ApprovedFunction, ApprovedPlan, PlanFormatError, check_layers};
use crate::protocol::event::Finished;

/// Reads an approved plan.
pub(super) fn read(file: &Path, limit: Duration, stop: &CancelToken) -> Result<ApprovedPlan, InputError> {
    let name = file.display().to_string();
    let bytes = match bounded_read::read_stream(file, limit, stop) {
        Ok(bytes) => bytes,
        Err(source) => return Err(InputError::from_reading(name, source)),
    };
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(document) => ApprovedPlan::read(document).map_err(|error| InputError::Plan { file: name, error }),
        Err(error) if error.is_eof() => Err(InputError::CutPlan { file: name }),
        Err(_) => Err(InputError::Plan { file: name, error: PlanFormatError::NotAPlan }),
    }
}

/// Checks that a plan can be written to a file later: nothing is there, or an older plan, or nothing is in
/// it.
pub(super) fn check_target(file: &Path) -> Result<(), InputError> {
    let name = file.display().to_string();
    match fs::symlink_metadata(file) {
        Ok(there) if there.is_dir() => Err(InputError::Directory { file: name }),
        Ok(there) if !there.is_file() => Err(InputError::NotRegular { file: name }),
        Ok(_) if is_replaceable(file) => Ok(()),
        Ok(_) => Err(InputError::NotOverwritten { file: name }),
        Err(error) if error.kind() == ErrorKind::NotFound && directory(file).is_dir() => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(InputError::NoDirectory { file: name }),
        Err(source) => Err(InputError::from_reading(name, source)),
    }
}

/// True if a file is empty, or a plan of any version.
fn is_replaceable(file: &Path) -> bool {
    let is_plan = |bytes: &[u8]| {
        let document = serde_json::from_slice::<Value>(bytes);
        document.is_ok_and(|document| !matches!(ApprovedPlan::read(document), Err(PlanFormatError::NotAPlan)))
    };
    bounded_read::read(file).is_ok_and(|bytes| bytes.is_empty() || is_plan(&bytes))
}

fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a plan.
fn write(file: &Path, plan: &ApprovedPlan) -> io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // Temporary files can be read only by their owner, and the name begins with a dot, so that the file is
    // not packaged later if we are killed here.
    let mut temporary =
        Builder::new().prefix(&format!(".{name}.")).suffix(".part").tempfile_in(directory(file))?;
    temporary.write_all(&serde_json::to_vec_pretty(plan)?)?;
    temporary.write_all(b"\n")?;
    temporary.persist(file).map(drop).map_err(|error| error.error)
}

/// The plans of the runs.
#[derive(Default)]
pub(crate) struct PlanRecorder {
    /// What each stanza has in an approved plan, in a list for each run. `None`: it was not planned.
    runs: Vec<Vec<Option<ApprovedFunction>>>,
}

impl PlanRecorder {
    /// Adds the plans in the result of a run.
    pub(crate) fn add(&mut self, finished: &Finished) {
        let stanzas = of_stanzas(finished).into_iter();
        self.runs.push(stanzas.map(|(_, finished)| ApprovedFunction::of(finished)).collect());
    }

    /// Writes the plans of runs that have succeeded to a file. Returns the message for the user.
    ///
    /// # Errors
    /// Why there is no such file, as a message.
    pub(crate) fn write(self, file: &Path) -> Result<String, String> {
        let name = file.display();
        let runs = self.runs.into_iter();
        let runs: Option<Vec<_>> = runs.map(|run| run.into_iter().collect::<Option<Vec<_>>>()).collect();
        // The stanza allows the failure, but a part of a plan cannot be approved.
        let runs =
            runs.ok_or_else(|| format!("{name}: not written, because a stanza could not be planned"))?;
        check_layers(&runs)
            .map_err(|error| format!("{name}: not written, because {error}; {}", diagnostics::ONE_RELEASE))?;
        write(file, &ApprovedPlan::new(runs.into_iter().flatten().collect()))
            .map_err(|error| format!("{name}: cannot write the plan: {error}"))?;
        Ok(format!("{name}: the plan is written"))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "writes the files that are read")]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::protocol::error::Code;
    use tempfile::TempDir;

    fn plan() -> ApprovedPlan {
        ApprovedPlan::new(vec![ApprovedFunction::Skipped {}])
    }

    fn read_now(file: &Path) -> Result<ApprovedPlan, InputError> {
        read(file, Duration::from_secs(60), &CancelToken::new())
    }

    #[test]
    fn a_plan_is_read_back_and_replaces_only_plans_and_empty_files() {
        let directory = TempDir::new().expect("a temporary directory");
        let file = directory.path().join("plan.json");
        check_target(&file).expect("nothing is there");
        for text in [None, Some(""), Some("{\"dpl_lambda_plan\": 2}")] {
            text.into_iter().for_each(|text| fs::write(&file, text).expect("written"));
            check_target(&file).expect("it can be replaced");
            write(&file, &plan()).expect("writable");
            assert_eq!(read_now(&file).expect("a plan"), plan());
            let mode = fs::symlink_metadata(&file).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let (other, link) = (directory.path().join("other.json"), directory.path().join("link"));
        symlink(&file, &link).expect("linked");
        for text in ["{}", "[1]", "function_name: f\n", "{\"dpl_lambda_plan\": "] {
            fs::write(&other, text).expect("written");
            let refused = check_target(&other).unwrap_err();
            assert!(matches!(refused, InputError::NotOverwritten { .. }), "{text}: {refused}");
        }
        for (file, expected) in [
            (link, "link: this is no regular file, so no plan is written to it"),
            (directory.path().to_owned(), ": this is a directory; expected a file"),
            (directory.path().join("no/plan.json"), "plan.json: the directory of the file does not exist"),
        ] {
            let refused = check_target(&file).unwrap_err().to_string();
            assert!(refused.ends_with(expected), "{refused}");
        }
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 3, "no other file is left");
    }

    #[test]
    fn a_file_that_is_no_plan_is_refused_without_its_content() {
        let directory = TempDir::new().expect("a temporary directory");
        let file = directory.path().join("plan.json");
        assert!(matches!(read_now(&file).unwrap_err(), InputError::NotFound { .. }));
        let whole = serde_json::to_vec(&plan()).expect("JSON");
        let files: [(&[u8], Code); 7] = [
            (b"", Code::BadJson),
            (&whole[..whole.len() - 1], Code::BadJson),
            (b"\xff\xfe", Code::BadArguments),
            (b"[default]\naws_secret_access_key = hunter2\n", Code::BadArguments),
            (b"{\"password\": \"hunter2\"}", Code::BadArguments),
            (b"{\"dpl_lambda_plan\": 1, \"functions\": [\"hunter2\"]}", Code::BadArguments),
            (b"{\"dpl_lambda_plan\": 7, \"functions\": []}", Code::BadArguments),
        ];
        for (bytes, code) in files {
            fs::write(&file, bytes).expect("written");
            let report = read_now(&file).unwrap_err().into_report();
            assert_eq!(report.code, code, "{}: {report:?}", String::from_utf8_lossy(bytes));
            assert!(!format!("{report:?}").contains("hunter2"), "{report:?}");
            assert!(report.message.starts_with(&file.display().to_string()) && report.hint.is_some());
        }
    }
}
