//! Hides the initial environment of this process from other processes of the same user, and replaces it by
//! the job's.
//!
//! Any process of the same user can read `/proc/PID/environ`, the memory block that the kernel filled when
//! the program was started. It keeps the CI runner's variables for the lifetime of the process, even after
//! the job's variables have replaced them, and a command of the job finds it by `$PPID`. So the variables are
//! moved to the heap, and the block is overwritten. The process is also made undumpable: the kernel then
//! writes no core dump of it, and denies access to its memory and environment to processes without a
//! privilege such as `CAP_SYS_PTRACE`.
//!
//! Re-executing the program in the job's environment would work, too. But by then the request has been read
//! from standard input, and every run would pay for the second start.

use std::env;
use std::ffi::{CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;

use super::settings::Settings;
use crate::deploy::Job;
use crate::protocol::environment::{DEFAULT_PATH, Environment};
use crate::protocol::json::Map;

/// Hides the initial environment. Skips what the system does not support: without `/proc` there is nothing to
/// hide.
#[cfg(target_os = "linux")]
pub(super) fn hide() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    if let Some(block) = block() {
        overwrite(block);
    }
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Other systems do not show a process's environment to other processes, or only to root.
#[cfg(not(target_os = "linux"))]
pub(super) fn hide() {}

/// The address range of the block: fields 50 and 51 of `/proc/self/stat` (proc(5)). `None` unless
/// `/proc/self/environ` has the same length.
#[cfg(target_os = "linux")]
fn block() -> Option<std::ops::Range<usize>> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, which may contain spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(50 - 3).map(str::parse);
    let (start, end) = (fields.next()?.ok()?, fields.next()?.ok()?);
    let shown = std::fs::read("/proc/self/environ").ok()?;
    (start > 0 && start < end && shown.len() == end - start).then_some(start..end)
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "there is no safe way to overwrite the initial environment block")]
fn overwrite(block: std::ops::Range<usize>) {
    // Of a variable that occurs twice, the last one stays, as in bash. `getenv` would find the first one.
    replace(env::vars_os().collect::<Environment>().iter());
    // SAFETY: the block is part of the stack's mapping, which is writable and never unmapped. No Rust object
    // is in it. The C library refers to it only by `environ`, which now points to the heap. A pointer
    // returned by `getenv` is invalid once the environment changes (POSIX), and a pointer that the loader has
    // kept finds an empty string.
    unsafe { ptr::with_exposed_provenance_mut::<u8>(block.start).write_bytes(0, block.len()) };
}

/// Replaces all variables of this process. Setting them one by one would take a time that is quadratic in
/// their number: 3.5 billion instructions for 13,000 variables. Leaves out what is no variable: an entry with
/// a NUL byte.
#[expect(unsafe_code, reason = "there is no safe way to replace the whole environment")]
fn replace<'a>(variables: impl Iterator<Item = (&'a OsStr, &'a OsStr)>) {
    unsafe extern "C" {
        static mut environ: *mut *mut c_char;
    }
    let entry = |(name, value): (&OsStr, &OsStr)| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
    };
    let entries = variables.filter_map(entry).map(CString::into_raw);
    let list: Vec<*mut c_char> = entries.chain([ptr::null_mut()]).collect();
    // SAFETY: the list ends with a null pointer, and neither it nor a text in it is ever freed. No other
    // thread reads or changes a variable meanwhile: there is at most the one of `handle_signals`, which
    // writes a line and exits the process. The async runtime is built later.
    unsafe { environ = Vec::leak(list).as_mut_ptr() };
}

/// Removes all variables with this prefix from the environment of this process. Only for its first thread,
/// before there is another one.
pub(super) fn remove_prefixed(prefix: &str) {
    let variables: Environment = env::vars_os().collect();
    replace(variables.iter().filter(|(name, _)| !name.as_bytes().starts_with(prefix.as_bytes())));
}

/// Makes the environment of the request that of this process, so that the SDK sees nothing else. Returns the
/// job's environment. `None`: the request has none, so the job has that of this process.
///
/// The variables that are added here are for the SDK alone: the user's commands get only the job's.
pub(super) fn enter(given: Option<Environment>) -> Environment {
    let is_given = given.is_some();
    let env = given.unwrap_or_else(|| env::vars_os().collect());
    let mut added = Vec::new();
    if is_given && env.get("PATH").is_none() {
        added.push(("PATH", DEFAULT_PATH));
    }
    // A profile of the job may name the EC2 metadata service as its credential source. That service returns
    // the CI runner's identity, unless the job sets another endpoint.
    if is_given && env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").is_none() {
        added.push(("AWS_EC2_METADATA_DISABLED", "true"));
    }
    // Without an absolute HOME the SDK would read `./~/.aws`, which anyone who can write to the build
    // directory could create.
    if env.get("HOME").is_none_or(|home| !home.starts_with('/')) {
        let is_unusable = |file: &str| file.is_empty() || file.starts_with('~');
        for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            if env.get(name).is_none_or(|file| is_unusable(&file)) {
                added.push((name, "/dev/null"));
            }
        }
    }
    let is_kept = |name: &OsStr| added.iter().all(|(added, _)| name != *added);
    let added_pairs = added.iter().map(|(name, value)| (OsStr::new(name), OsStr::new(value)));
    replace(env.iter().filter(|(name, _)| is_kept(name)).chain(added_pairs));
    env
}

/// The job of a command without a request: it has the environment and the directory of this process.
pub(super) fn own_job(stanza: Map, settings: &Settings) -> Job {
    Job {
        stanza,
        env: Arc::new(enter(None)),
        env_given: false,
        require_deploy: false,
        directory: directory(),
        bash_options: settings.bash_options,
        approved: None,
        own_files: Vec::new(),
        today: settings.today.clone(),
    }
}

/// The directory of this process.
pub(super) fn directory() -> PathBuf {
    env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}
