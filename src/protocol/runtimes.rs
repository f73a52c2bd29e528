//! Table of all Lambda runtimes with their deprecation dates, to warn about deprecated and unknown ones.
//! Never refuses a runtime, because AWS may have added newer ones.
//!
//! Source: AWS Lambda Developer Guide, "Lambda runtimes"; the days from which AWS refuses to create functions
//! also cfn-lint, `LmbdRuntimeLifecycle.json`, and its issue 4531. Runtimes that exist only as base images
//! (`dotnet9`) are not in the table, because they are not values of `Runtime`.

use super::suggest::suggest;

/// The day on which the table was copied from the AWS documentation.
pub const READ_ON: &str = "2026-11-01";

/// A row of the AWS table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Value of `Runtime`, such as `nodejs22.x`.
    pub id: &'static str,
    /// Display name, such as `Node.js 22`.
    pub label: &'static str,
    /// Deprecation date, such as `2027-04-30`: from this day AWS no longer patches or supports the runtime.
    pub deprecated: &'static str,
    /// Day from which AWS refuses to create functions with this runtime. The deprecation date where AWS no
    /// longer says which day it was.
    pub closed: &'static str,
    /// Day from which AWS refuses updates of functions with this runtime.
    pub blocked: &'static str,
    /// Recommended newer runtime. The same as `id` for the newest one.
    pub successor: &'static str,
}

/// Why to warn about a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeSupport {
    /// AWS no longer patches it.
    Deprecated(&'static Runtime),
    /// AWS no longer creates functions with it, and the function is or may be a new one.
    NotCreated(&'static Runtime),
    /// AWS refuses updates of functions with it.
    Blocked(&'static Runtime),
    /// It is not in the table.
    Unknown {
        /// Runtime in the table with the most similar name.
        nearest: Option<&'static Runtime>,
        /// Whether `nearest` is deprecated.
        is_deprecated: bool,
    },
}

/// Whether to warn about the runtime `id` on the day `today`, such as `2026-11-01`. `None`: it is supported.
/// `is_new`: the function does not exist yet; `None`: that is not known.
pub fn runtime_support(id: &str, today: &str, is_new: Option<bool>) -> Option<RuntimeSupport> {
    match named(id) {
        None => {
            let nearest = nearest(id);
            let is_deprecated = nearest.is_some_and(|nearest| today >= nearest.deprecated);
            Some(RuntimeSupport::Unknown { nearest, is_deprecated })
        }
        Some(runtime) if today >= runtime.blocked && is_new != Some(true) => {
            Some(RuntimeSupport::Blocked(runtime))
        }
        Some(runtime) if today >= runtime.closed && is_new != Some(false) => {
            Some(RuntimeSupport::NotCreated(runtime))
        }
        Some(runtime) if today >= runtime.deprecated => Some(RuntimeSupport::Deprecated(runtime)),
        Some(_) => None,
    }
}

/// Whether AWS no longer creates functions with the runtime `id`.
pub fn is_closed(id: &str, today: &str) -> bool {
    named(id).is_some_and(|runtime| today >= runtime.closed)
}

/// The runtime named `id`, if it is in the table.
pub fn named(id: &str) -> Option<&'static Runtime> {
    RUNTIMES.iter().find(|runtime| runtime.id == id)
}

/// The runtime in the table whose name is most similar to `id`, if any is similar.
pub fn nearest(id: &str) -> Option<&'static Runtime> {
    suggest(id, RUNTIMES.iter().map(|runtime| runtime.id)).and_then(named)
}

const fn row(
    id: &'static str,
    label: &'static str,
    deprecated: &'static str,
    closed: &'static str,
    blocked: &'static str,
    successor: &'static str,
) -> Runtime {
    Runtime { id, label, deprecated, closed, blocked, successor }
}

#[rustfmt::skip]
/// All runtimes. Within each language, the newest comes first.
pub const RUNTIMES: &[Runtime] = &[
    // id, label, deprecated, closed, blocked, successor
    row("nodejs24.x", "Node.js 24", "2028-04-30", "2028-06-01", "2028-07-01", "nodejs24.x"),
    row("nodejs22.x", "Node.js 22", "2027-04-30", "2027-06-01", "2027-07-01", "nodejs24.x"),
    row("nodejs20.x", "Node.js 20", "2026-04-30", "2027-02-01", "2027-03-03", "nodejs24.x"),
    row("nodejs18.x", "Node.js 18", "2025-09-01", "2027-02-01", "2027-03-03", "nodejs24.x"),
    row("nodejs16.x", "Node.js 16", "2024-06-12", "2027-02-01", "2027-03-03", "nodejs24.x"),
    row("nodejs14.x", "Node.js 14", "2023-12-04", "2024-01-09", "2027-03-03", "nodejs24.x"),
    row("nodejs12.x", "Node.js 12", "2023-03-31", "2023-03-31", "2023-04-30", "nodejs24.x"),
    row("nodejs10.x", "Node.js 10", "2021-07-30", "2021-07-30", "2022-02-14", "nodejs24.x"),
    row("nodejs8.10", "Node.js 8.10", "2020-03-06", "2020-03-06", "2020-03-06", "nodejs24.x"),
    row("nodejs4.3-edge", "Node.js 4.3 edge", "2020-03-05", "2020-03-05", "2020-04-30", "nodejs24.x"),
    row("nodejs6.10", "Node.js 6.10", "2019-08-12", "2019-08-12", "2019-08-12", "nodejs24.x"),
    row("nodejs4.3", "Node.js 4.3", "2020-03-05", "2020-03-05", "2020-03-05", "nodejs24.x"),
    row("nodejs", "Node.js 0.10", "2016-08-30", "2016-08-30", "2016-10-31", "nodejs24.x"),
    row("python3.14", "Python 3.14", "2029-06-30", "2029-07-31", "2029-08-31", "python3.14"),
    row("python3.13", "Python 3.13", "2029-06-30", "2029-07-31", "2029-08-31", "python3.14"),
    row("python3.12", "Python 3.12", "2028-10-31", "2028-11-30", "2029-01-10", "python3.14"),
    row("python3.11", "Python 3.11", "2027-06-30", "2027-07-29", "2027-08-31", "python3.14"),
    row("python3.10", "Python 3.10", "2026-10-31", "2027-02-01", "2027-03-03", "python3.14"),
    row("python3.9", "Python 3.9", "2025-12-15", "2027-02-01", "2027-03-03", "python3.14"),
    row("python3.8", "Python 3.8", "2024-10-14", "2027-02-01", "2027-03-03", "python3.14"),
    row("python3.7", "Python 3.7", "2023-12-04", "2024-01-09", "2027-03-03", "python3.14"),
    row("python3.6", "Python 3.6", "2022-07-18", "2022-07-18", "2022-08-29", "python3.14"),
    row("python2.7", "Python 2.7", "2021-07-15", "2021-07-15", "2022-05-30", "python3.14"),
    row("java17.al2023", "Java 17 on Amazon Linux 2023", "2029-06-30", "2029-07-31", "2029-08-31", "java25"),
    row("java11.al2023", "Java 11 on Amazon Linux 2023", "2029-06-30", "2029-07-31", "2029-08-31", "java25"),
    row("java8.al2023", "Java 8 on Amazon Linux 2023", "2029-06-30", "2029-07-31", "2029-08-31", "java25"),
    row("java25", "Java 25", "2029-06-30", "2029-07-31", "2029-08-31", "java25"),
    row("java21", "Java 21", "2029-06-30", "2029-07-31", "2029-08-31", "java25"),
    row("java17", "Java 17", "2027-06-30", "2027-07-29", "2027-08-31", "java17.al2023"),
    row("java8.al2", "Java 8 on Amazon Linux 2", "2027-06-30", "2027-07-29", "2027-08-31", "java8.al2023"),
    row("java11", "Java 11", "2027-06-30", "2027-07-29", "2027-08-31", "java11.al2023"),
    row("java8", "Java 8 (AL1)", "2024-01-08", "2024-02-08", "2027-03-03", "java8.al2023"),
    row("dotnet10", ".NET 10", "2028-11-14", "2028-12-14", "2029-01-15", "dotnet10"),
    row("dotnet8", ".NET 8", "2026-11-10", "2027-02-01", "2027-03-03", "dotnet10"),
    row("dotnet6", ".NET 6", "2024-12-20", "2027-02-01", "2027-03-03", "dotnet10"),
    row("dotnetcore3.1", ".NET Core 3.1", "2023-04-03", "2023-04-03", "2023-05-03", "dotnet10"),
    row("dotnetcore2.1", ".NET Core 2.1", "2022-01-05", "2022-01-05", "2022-04-13", "dotnet10"),
    row("dotnetcore2.0", ".NET Core 2.0", "2019-05-30", "2019-05-30", "2019-05-30", "dotnet10"),
    row("dotnetcore1.0", ".NET Core 1.0", "2019-06-27", "2019-06-27", "2019-07-30", "dotnet10"),
    row("ruby4.0", "Ruby 4.0", "2029-03-31", "2029-04-30", "2029-05-31", "ruby4.0"),
    row("ruby3.4", "Ruby 3.4", "2028-03-31", "2028-04-30", "2028-05-31", "ruby4.0"),
    row("ruby3.3", "Ruby 3.3", "2027-03-31", "2027-04-30", "2027-05-31", "ruby4.0"),
    row("ruby3.2", "Ruby 3.2", "2026-03-31", "2027-02-01", "2027-03-03", "ruby4.0"),
    row("ruby2.7", "Ruby 2.7", "2023-12-07", "2024-01-09", "2027-03-03", "ruby4.0"),
    row("ruby2.5", "Ruby 2.5", "2021-07-30", "2021-07-30", "2022-03-31", "ruby4.0"),
    row("provided.al2023", "OS-only runtime on Amazon Linux 2023", "2029-06-30", "2029-07-31", "2029-08-31", "provided.al2023"),
    row("provided.al2", "Custom Runtime (AL2)", "2026-07-31", "2027-02-01", "2027-03-03", "provided.al2023"),
    row("provided", "Custom Runtime (AL1)", "2024-01-08", "2024-02-08", "2027-03-03", "provided.al2023"),
    row("go1.x", "Go 1.x", "2024-01-08", "2024-02-08", "2027-03-03", "provided.al2023"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_real_days_in_order_and_a_successor_that_lives_as_long() {
        for runtime in RUNTIMES {
            for day in [runtime.deprecated, runtime.closed, runtime.blocked] {
                let parts: Vec<&str> = day.split('-').collect();
                assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [4, 2, 2], "{runtime:?}");
                assert!(day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'), "{runtime:?}");
            }
            assert!(runtime.deprecated <= runtime.closed, "{runtime:?}");
            assert!(runtime.closed <= runtime.blocked, "{runtime:?}");
            let successor = named(runtime.successor).expect("the successor is in the table");
            assert!(successor == runtime || successor.deprecated >= runtime.deprecated, "{runtime:?}");
            assert_eq!(RUNTIMES.iter().filter(|other| other.id == runtime.id).count(), 1, "{runtime:?}");
        }
    }

    #[test]
    fn a_runtime_surprises_from_its_last_day_on() {
        let row = named("nodejs20.x").expect("in the table");
        for is_new in [None, Some(false), Some(true)] {
            let support = |today| runtime_support("nodejs20.x", today, is_new);
            assert_eq!(support("2026-04-29"), None);
            assert_eq!(support("2026-04-30"), Some(RuntimeSupport::Deprecated(row)));
        }
        assert_eq!(runtime_support("nodejs20.x", "2027-03-03", None), Some(RuntimeSupport::Blocked(row)));
        assert_eq!(row.successor, "nodejs24.x");
    }

    #[test]
    fn a_new_function_is_refused_earlier_than_an_update() {
        let row = named("ruby2.7").expect("in the table");
        let support = |today, is_new| runtime_support("ruby2.7", today, is_new);
        for (today, is_closed) in [("2024-01-08", false), ("2024-01-09", true)] {
            assert_eq!(super::is_closed("ruby2.7", today), is_closed);
            assert_eq!(support(today, Some(true)) == Some(RuntimeSupport::NotCreated(row)), is_closed);
        }
        assert_eq!(support("2026-11-01", None), Some(RuntimeSupport::NotCreated(row)));
        assert_eq!(support("2026-11-01", Some(false)), Some(RuntimeSupport::Deprecated(row)));
        assert_eq!(support("2027-03-03", Some(true)), Some(RuntimeSupport::NotCreated(row)));
        assert_eq!(support("2027-03-03", Some(false)), Some(RuntimeSupport::Blocked(row)));
        assert_eq!(support("2027-03-03", None), Some(RuntimeSupport::Blocked(row)));
    }

    #[test]
    fn an_unknown_one_gets_the_name_that_is_most_like_it() {
        for (written, meant) in [
            ("nodejs22", "nodejs22.x"),
            ("node22.x", "nodejs22.x"),
            ("PYTHON3.13", "python3.13"),
            ("python3.12.1", "python3.12"),
            ("provided.al2024", "provided.al2023"),
            ("java21.x", "java21"),
        ] {
            assert_eq!(nearest(written).map(|runtime| runtime.id), Some(meant), "{written}");
            assert!(
                matches!(runtime_support(written, "2026-11-01", None), Some(RuntimeSupport::Unknown { .. })),
                "{written}"
            );
        }
    }
}
