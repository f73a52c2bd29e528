//! The runtimes that AWS accepts and rejects in November 2026. Never used by the plugin itself, for which AWS
//! decides.

/// Accepted runtimes, in the order of AWS's error message (recorded before ruby4.0). Those after `java8.al2`
/// have a later date in AWS's table of runtimes.
#[rustfmt::skip] // one name per line would fill a page
pub(crate) const CURRENT: [&str; 29] = [
    "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25",
    "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17",
    "nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2",
    "ruby4.0", "java17.al2023", "java11.al2023", "java8.al2023",
];

/// Retired runtimes, which AWS rejects with a special message; these eight were recorded.
#[rustfmt::skip]
pub(crate) const RETIRED: [&str; 8] = [
    "dotnetcore3.1", "go1.x", "java8", "nodejs12.x", "nodejs14.x", "provided", "python3.7", "ruby2.7",
];
