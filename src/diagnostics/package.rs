//! Turns a [`PackageError`] into the report that names the file at fault and what to change.

use std::io::ErrorKind;

use super::{caused, from_stop, report};
use crate::package::PackageError;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::messages::size;
use crate::protocol::secret::Redactor;

/// Reports a package that cannot be created, or that Lambda does not accept. Redacts all of it, because a
/// path may contain a secret variable that was expanded.
pub(crate) fn from_package(error: PackageError, redactor: &Redactor) -> ErrorReport {
    // Redact before the report replaces control characters: they may be a part of a secret.
    let text = redactor.redact(&error.to_string());
    let mut report = package_report(error, text);
    report.message = redactor.redact(&report.message);
    report.hint = report.hint.map(|hint| redactor.redact(&hint));
    report
}

fn package_report(error: PackageError, text: String) -> ErrorReport {
    let report = |code| report(code, text).at("/zip");
    let set_zip = "set `zip` to a directory, a file or an archive";
    match error {
        PackageError::NotFound { path } => {
            let what = misread(&path).map_or_else(
                || format!("{set_zip}, relative to the directory in which the job runs"),
                str::to_owned,
            );
            report(Code::PackageNotFound).hint(format!(
                "{what}; if `before_deploy` makes it, run that first, because dpl-lambda does not"
            ))
        }
        PackageError::Empty { only_hidden: false, .. } => report(Code::PackageEmpty).hint(
            "check that the build succeeds and writes its output there, and that no pattern leaves it out",
        ),
        PackageError::Empty { only_hidden: true, .. } => {
            report(Code::PackageEmpty).hint("set `dot_match: true` to package them")
        }
        PackageError::Unreadable { source, .. } => {
            let hint = "make it readable for the job, or exclude it with `exclude`";
            caused(report(Code::PackageUnreadable).hint(hint), &source)
        }
        PackageError::DanglingLink { .. } => report(Code::PackageUnreadable)
            .hint("create the target before the deployment, or exclude the link with `exclude`"),
        PackageError::Changed { .. } => report(Code::PackageUnreadable)
            .hint("wait until nothing writes into the directory, then deploy again"),
        PackageError::NotUtf8 { .. } => {
            report(Code::PackageUnreadable).hint("rename the file, or exclude it with `exclude`")
        }
        PackageError::NoName { .. } => report(Code::PackageUnreadable).hint(
            "write each path in `zip` relative to the build directory and without `..`: if `zip` has several \
             paths, each keeps its name in the archive",
        ),
        PackageError::Repository { .. } => {
            report(Code::BadValue).hint("set `zip` to the directory that the build writes")
        }
        PackageError::BadPattern { place, .. } => {
            let report = report(Code::BadValue).hint("write patterns as in a .gitignore file");
            if ["include", "exclude"].contains(&place) { report.at(format!("/{place}")) } else { report }
        }
        PackageError::NoFile { .. } => report(Code::PackageUnreadable).hint(set_zip),
        PackageError::NotAZip { .. } => report(Code::PackageInvalid).hint(
            "set `zip` to a valid archive, which is deployed unchanged, or to the directory to package",
        ),
        PackageError::BadEntry { .. } => report(Code::PackageInvalid)
            .hint("make the archive again, without a password, or set `zip` to the directory to package"),
        PackageError::ZipTooLarge { largest, .. } => report(Code::PackageTooLarge).hint(format!(
            "set `s3_bucket` to a bucket in the function's region, or remove files that the function does \
             not need; the largest entries, unpacked: {}",
            listed(&largest)
        )),
        PackageError::UnzippedTooLarge { largest, .. } => {
            let remove = "remove files that the function does not need";
            report(Code::PackageTooLarge).hint(match largest.as_slice() {
                [] => format!("{remove}, or deploy a container image (up to 10 GB)"),
                _ => format!("{remove}; the largest entries: {}", listed(&largest)),
            })
        }
        PackageError::TooMany { .. } => report(Code::PackageTooLarge).hint(
            "remove files that the function does not need; with `symlinks: follow`, also remove links that \
             package the same files again",
        ),
        PackageError::Unarchivable { temporary, source } => {
            let hint = format!(
                "check that `{}` is writable and has free space, or set TMPDIR to another directory: a large \
                 archive needs a temporary file",
                temporary.display()
            );
            caused(report(Code::PackageUnreadable).hint(hint), &source)
        }
        PackageError::Unwritable { source, .. } => {
            let hint = match source.kind() {
                ErrorKind::IsADirectory => "name a file in this directory",
                _ => "check that the file's directory exists, is writable for the job and has free space",
            };
            caused(ErrorReport { at: None, ..report(Code::PackageUnwritable).hint(hint) }, &source)
        }
        PackageError::Cancelled(reason) => from_stop(reason),
    }
}

/// What to write instead of a path that another program would read in another way.
fn misread(path: &str) -> Option<&'static str> {
    if path.contains(['*', '?', '[']) {
        Some(
            "name the file or the directory: `zip` takes no patterns such as `*`; to package some files of a \
             directory, set `zip` to the directory and `include` to the patterns",
        )
    } else if path.starts_with('~') {
        Some("write `$HOME` instead of `~`, which only a shell expands")
    } else if path.contains('\\') {
        Some("write `/` instead of `\\`, which does not separate directories")
    } else {
        None
    }
}

fn listed(entries: &[(String, u64)]) -> String {
    entries.iter().map(|(name, bytes)| format!("{name} ({})", size(*bytes))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::MAX_ZIP_BYTES;

    #[test]
    fn a_path_that_does_not_exist_is_explained_by_its_form() {
        for (path, expected) in [
            ("dist/*.zip", "`zip` takes no patterns"),
            ("f-[0-9].zip", "`zip` takes no patterns"),
            ("~/dist", "write `$HOME` instead of `~`"),
            ("build\\out.zip", "write `/` instead of `\\`"),
            ("dist", "relative to the directory in which the job runs"),
        ] {
            let report = from_package(PackageError::NotFound { path: path.to_owned() }, &Redactor::default());
            let hint = report.hint.expect("a hint");
            assert!(hint.contains(expected), "{path}: {hint}");
            assert!(hint.ends_with("`before_deploy` makes it, run that first, because dpl-lambda does not"));
        }
    }

    #[test]
    fn a_secret_with_a_control_character_is_masked() {
        let redactor = Redactor::new(["se\tcret-value"], &[]);
        let report =
            from_package(PackageError::NotFound { path: "dist/se\tcret-value".to_owned() }, &redactor);
        assert_eq!(report.message, "`dist/[secure]` does not exist in the build directory");
    }

    #[test]
    fn the_error_of_a_too_large_package_says_by_how_much() {
        let report = from_package(
            PackageError::ZipTooLarge {
                bytes: MAX_ZIP_BYTES + 1024 * 1024,
                largest: vec![("a.bin".to_owned(), 3 << 20)],
            },
            &Redactor::default(),
        );
        assert_eq!(
            report.message,
            "the archive is 51.0 MiB, 1.0 MiB more than the 50.0 MiB that an API call accepts"
        );
        let hint = report.hint.expect("a hint");
        assert!(hint.contains("`s3_bucket`") && hint.ends_with("a.bin (3.0 MiB)"), "{hint}");
    }
}
