//! The `PATH` of the tests, and the commands that every bash has.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// The `PATH` of the tests, which the jobs also use. Tests of the first tier may not need a tool that is
/// missing there. The SDK starts a `credential_process` with `sh`; if there is none, a link to bash replaces
/// it.
pub(crate) static PATH: LazyLock<String> = LazyLock::new(|| {
    let path = std::env::var("PATH").expect("a PATH");
    let find =
        |name: &str| path.split(':').map(|place| Path::new(place).join(name)).find(|file| file.is_file());
    if find("sh").is_some() {
        return path;
    }
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
    std::fs::create_dir_all(&tools).expect("created");
    let _ = std::os::unix::fs::symlink(find("bash").expect("bash is missing"), tools.join("sh"));
    format!("{path}:{}", tools.display())
});

/// Returns a `kill` command; every bash has `kill` as a builtin.
pub(crate) fn kill() -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-c", "kill \"$@\"", "kill"]);
    bash
}
