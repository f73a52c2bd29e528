//! What scenario tests share: a function's endpoint and build directory, git, and work on many items at once.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The `PATH` of the tests themselves, which is also the jobs': what it lacks, no test of the first tier may need. A `sh`, with which the SDK
/// starts a `credential_process`, is bash where there is no other.
pub(crate) static PATH: LazyLock<String> = LazyLock::new(|| {
    let path = std::env::var("PATH").expect("a PATH");
    let find = |name: &str| path.split(':').map(|place| Path::new(place).join(name)).find(|file| file.is_file());
    if find("sh").is_some() {
        return path;
    }
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
    std::fs::create_dir_all(&tools).expect("made");
    let _ = std::os::unix::fs::symlink(find("bash").expect("bash is missing"), tools.join("sh"));
    format!("{path}:{}", tools.display())
});

/// Ends a test whose tool is missing as a failure; under `.ci/run`, which counts what it cannot run (`NOT_RUN`), as a line of that list.
pub(crate) fn not_run(what: &str) {
    use std::io::Write;
    let list = std::env::var_os("NOT_RUN").unwrap_or_else(|| panic!("not run: {what}"));
    let mut list = std::fs::OpenOptions::new().append(true).open(list).expect("the list of what is not run");
    writeln!(list, "{what}").expect("written");
}

/// `kill`, which every bash has.
pub(crate) fn kill() -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-c", "kill \"$@\"", "kill"]);
    bash
}

/// Does `act` to each item, so many at once, and returns the results in the order of the items. A panic is the failure of its item alone.
pub(crate) fn each<T: Sync, R: Send>(
    items: &[T],
    at_once: usize,
    act: impl Fn(&T) -> R + Sync,
) -> Vec<Result<R, String>> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return };
            let result = catch_unwind(AssertUnwindSafe(|| act(item))).map_err(|panic| panic_message(&*panic));
            done.lock().expect("not poisoned").push((index, result));
        }
    };
    thread::scope(|scope| (0..at_once).for_each(|_| drop(scope.spawn(work))));
    let mut done = done.into_inner().expect("not poisoned");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Checks each item, and returns what is wrong, each with the name of its item.
pub(crate) fn problems<T: Sync>(
    items: &[T],
    at_once: usize,
    name: impl Fn(&T) -> String,
    check: impl Fn(&T) -> Result<(), String> + Sync,
) -> Vec<String> {
    let results = each(items, at_once, check);
    let failed = items.iter().zip(results).filter_map(|(item, result)| Some((item, result.and_then(|r| r).err()?)));
    failed.map(|(item, problem)| format!("{}: {problem}", name(item))).collect()
}

/// Waits until something is so, far longer than it can take.
#[track_caller]
pub(crate) fn wait_until(what: &str, ready: impl Fn() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What a check that panicked has said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Runs git in a directory, as somebody who may commit, and returns what it printed.
#[track_caller]
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.invalid"]).args(arguments).current_dir(directory);
    let output = git.output().unwrap_or_else(|error| panic!("git is missing: {error}"));
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
