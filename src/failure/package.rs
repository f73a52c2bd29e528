//! A package that cannot be made in, the report that names the file and the way out out.

use super::{caused, of_stop, report};
use crate::package::{MAX_UNZIPPED_BYTES, MAX_ZIP_BYTES, PackageError};
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::prose::size;
use crate::protocol::secret::Redactor;

/// A package that cannot be made, or cannot go to Lambda. Its path may hold a secret variable that was filled in.
pub fn of_package(error: PackageError, redactor: &Redactor) -> ErrorReport {
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
                .hint("`zip` names a directory, a file or an archive, relative to where the job runs")
        }
        PackageError::Empty { path, only_hidden: false } => {
            report(Code::PackageEmpty, format!("`{path}` holds nothing to package"))
                .hint("does the build write its result somewhere else, or not at all?")
        }
        PackageError::Empty { path, only_hidden: true } => {
            report(Code::PackageEmpty, format!("`{path}` holds only files whose name begins with a dot"))
                .hint("`dot_match: true` packages those, too")
        }
        PackageError::Unreadable { path, source } => {
            let hint = "may the job read it? `exclude` leaves it out";
            let message = format!("`{}` cannot be read", path.display());
            caused(report(Code::PackageUnreadable, message).hint(hint), &source)
        }
        PackageError::Changed { path } => {
            report(Code::PackageUnreadable, format!("`{}` changed while it was packaged", path.display()))
                .hint("does something still write into the directory? let it end first")
        }
        PackageError::NotUtf8 { path } => {
            report(Code::PackageUnreadable, format!("the name `{path}` is not UTF-8, so no archive can hold it"))
                .hint("rename the file, or leave it out of the directory")
        }
        PackageError::NoName { path } => {
            report(Code::PackageUnreadable, format!("`{path}` cannot be a name in the archive")).hint(
                "of several paths each keeps its name, so name them relative to the build directory, without `..`",
            )
        }
        PackageError::Repository { path } => report(
            Code::BadValue,
            format!("`{path}` leads into `.git`, the repository itself, which is never packaged"),
        )
        .hint("name the directory that the build writes"),
        PackageError::BadPattern { option, detail } => {
            self::report(Code::BadValue, format!("a pattern of `{option}` cannot be read: {detail}"))
                .at(format!("/{option}"))
                .hint("patterns are those of a .gitignore file")
        }
        PackageError::NoFile { path } => {
            report(Code::PackageUnreadable, format!("`{path}` is neither a file nor a directory"))
                .hint("`zip` names a directory, a file or an archive")
        }
        PackageError::NotAZip { path, detail } => {
            report(Code::PackageInvalid, format!("`{path}` is not a zip archive: {detail}"))
                .hint("an archive is taken as it is; name the directory instead, and it is packaged for you")
        }
        PackageError::ZipTooLarge { bytes, largest } => {
            let over = size(bytes - MAX_ZIP_BYTES);
            let message = format!(
                "the archive has {}, {over} more than the {} that a call takes",
                size(bytes),
                size(MAX_ZIP_BYTES)
            );
            let largest = listed(&largest);
            report(Code::PackageTooLarge, message).hint(format!(
                "name an `s3_bucket` in the function's region to go through, or leave out what the function does not need; the largest entries, unpacked: {largest}"
            ))
        }
        PackageError::UnzippedTooLarge { bytes, largest } => {
            let over = size(bytes.saturating_sub(MAX_UNZIPPED_BYTES));
            let message = format!(
                "the package has {} unpacked, {over} more than the {} that Lambda takes",
                size(bytes),
                size(MAX_UNZIPPED_BYTES)
            );
            report(Code::PackageTooLarge, message).hint(match largest.as_slice() {
                [] => "leave out what the function does not need, or deploy a container image (10 GB)".to_owned(),
                _ => format!("the largest entries: {}", listed(&largest)),
            })
        }
        PackageError::TooMany { most } => {
            report(Code::PackageTooLarge, format!("the package has more than {most} files and directories"))
                .hint("leave out what the function does not need; with `symlinks: follow`, links that lead to one another make many files of few")
        }
        PackageError::Unarchivable { temporary, source } => {
            let hint = format!(
                "a large one goes through a temporary file in `{}`: is there room, and may it be written to? TMPDIR names another place",
                temporary.display()
            );
            caused(report(Code::PackageUnreadable, "the archive cannot be made".to_owned()).hint(hint), &source)
        }
        PackageError::Unwritable { path, source } => caused(
            ErrorReport::new(Code::PackageUnwritable, format!("the archive cannot be written to `{}`", path.display()))
                .hint("does its directory exist, may the job write there, and is there room?"),
            &source,
        ),
        PackageError::Stopped(reason) => of_stop(reason),
    }
}

fn listed(entries: &[(String, u64)]) -> String {
    entries.iter().map(|(name, bytes)| format!("{name} ({})", size(*bytes))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_is_too_large_tells_by_how_much() {
        let report = of_package(
            PackageError::ZipTooLarge {
                bytes: MAX_ZIP_BYTES + 1024 * 1024,
                largest: vec![("a.bin".to_owned(), 3 << 20)],
            },
            &Redactor::default(),
        );
        assert_eq!(report.message, "the archive has 51.0 MiB, 1.0 MiB more than the 50.0 MiB that a call takes");
        let hint = report.hint.expect("there is a way out");
        assert!(hint.contains("`s3_bucket`") && hint.ends_with("a.bin (3.0 MiB)"), "{hint}");
    }
}
