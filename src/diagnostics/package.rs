//! Turns a [`PackageError`] into the report that names the file at fault and what to change.

use super::{caused, from_stop, report};
use crate::package::{MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES, PackageError};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::messages::size;
use crate::protocol::secret::Redactor;

/// Reports a package that cannot be created, or that Lambda does not accept. Redacts all of it, because a
/// path may contain a secret variable that was expanded.
pub fn from_package(error: PackageError, redactor: &Redactor) -> ErrorReport {
    let mut report = package_report(error);
    report.message = redactor.redact(&report.message);
    report.hint = report.hint.map(|hint| redactor.redact(&hint));
    report
}

fn package_report(error: PackageError) -> ErrorReport {
    let report = |code, message: String| report(code, message).at("/zip");
    match error {
        PackageError::NotFound { path } => {
            report(Code::PackageNotFound, format!("`{path}` does not exist in the build directory"))
                .hint("set `zip` to a directory, a file or an archive, relative to the directory in which the job runs")
        }
        PackageError::Empty { path, only_hidden: false } => {
            report(Code::PackageEmpty, format!("`{path}` contains nothing to package"))
                .hint("check that the build succeeds and writes its output there")
        }
        PackageError::Empty { path, only_hidden: true } => {
            report(Code::PackageEmpty, format!("`{path}` contains only files whose names begin with a dot"))
                .hint("set `dot_match: true` to package them")
        }
        PackageError::Unreadable { path, source } => {
            let hint = "make it readable for the job, or exclude it with `exclude`";
            let message = format!("`{}` cannot be read", path.display());
            caused(report(Code::PackageUnreadable, message).hint(hint), &source)
        }
        PackageError::DanglingLink { path, target } => {
            let message = format!("the link `{}` points to `{target}`, which does not exist", path.display());
            report(Code::PackageUnreadable, message)
                .hint("create the target before the deployment, or exclude the link with `exclude`")
        }
        PackageError::Changed { path } => {
            report(Code::PackageUnreadable, format!("`{}` changed while it was packaged", path.display()))
                .hint("wait until nothing writes into the directory, then deploy again")
        }
        PackageError::NotUtf8 { path } => {
            report(Code::PackageUnreadable, format!("the name `{path}` is not UTF-8, so the file cannot be packaged"))
                .hint("rename the file, or remove it from the directory")
        }
        PackageError::NoName { path } => {
            report(Code::PackageUnreadable, format!("`{path}` cannot be used as a name in the archive")).hint(
                "write each path in `zip` relative to the build directory and without `..`: if `zip` has several paths, each keeps its name in the archive",
            )
        }
        PackageError::Repository { path } => report(
            Code::BadValue,
            format!("`{path}` leads into `.git`, which is never packaged"),
        )
        .hint("set `zip` to the directory that the build writes"),
        PackageError::BadPattern { option, detail } => {
            self::report(Code::BadValue, format!("a pattern in `{option}` is invalid: {detail}"))
                .at(format!("/{option}"))
                .hint("write patterns as in a .gitignore file")
        }
        PackageError::NoFile { path } => {
            report(Code::PackageUnreadable, format!("`{path}` is neither a file nor a directory"))
                .hint("set `zip` to a directory, a file or an archive")
        }
        PackageError::NotAZip { path, detail } => {
            report(Code::PackageInvalid, format!("`{path}` is not a zip archive: {detail}"))
                .hint("set `zip` to a valid archive, which is deployed unchanged, or to the directory to package")
        }
        PackageError::ZipTooLarge { bytes, largest } => {
            let over = size(bytes - MAX_ZIP_BYTES);
            let message = format!(
                "the archive is {}, {over} more than the {} that an API call accepts",
                size(bytes),
                size(MAX_ZIP_BYTES)
            );
            let largest = listed(&largest);
            report(Code::PackageTooLarge, message).hint(format!(
                "set `s3_bucket` to a bucket in the function's region, or remove files that the function does not need; the largest entries, unpacked: {largest}"
            ))
        }
        PackageError::UnzippedTooLarge { bytes, largest } => {
            let over = size(bytes.saturating_sub(MAX_UNZIPPED_BYTES));
            let message = format!(
                "the package is {} unpacked, {over} more than the {} that Lambda accepts",
                size(bytes),
                size(MAX_UNZIPPED_BYTES)
            );
            report(Code::PackageTooLarge, message).hint(match largest.as_slice() {
                [] => "remove files that the function does not need, or deploy a container image (up to 10 GB)".to_owned(),
                _ => format!("remove files that the function does not need; the largest entries: {}", listed(&largest)),
            })
        }
        PackageError::TooMany { most } => {
            report(Code::PackageTooLarge, format!("the package has more than {most} files and directories"))
                .hint("remove files that the function does not need; with `symlinks: follow`, also remove links that package the same files again")
        }
        PackageError::Unarchivable { temporary, source } => {
            let hint = format!(
                "check that `{}` is writable and has free space, or set TMPDIR to another directory: a large archive needs a temporary file",
                temporary.display()
            );
            caused(report(Code::PackageUnreadable, "the archive cannot be created".to_owned()).hint(hint), &source)
        }
        PackageError::Unwritable { path, source } => caused(
            ErrorReport::new(Code::PackageUnwritable, format!("the archive cannot be written to `{}`", path.display()))
                .hint("check that the file's directory exists, is writable for the job and has free space"),
            &source,
        ),
        PackageError::Cancelled(reason) => from_stop(reason),
    }
}

fn listed(entries: &[(String, u64)]) -> String {
    entries.iter().map(|(name, bytes)| format!("{name} ({})", size(*bytes))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
