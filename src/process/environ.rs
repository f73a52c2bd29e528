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

use crate::protocol::environment::{DEFAULT_PATH, Environment};

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
    // Other entries cannot be set, and nothing reads them.
    let is_variable = |name: &std::ffi::OsStr| !name.is_empty() && !name.to_string_lossy().contains('=');
    let variables: Vec<_> = env::vars_os().filter(|(name, _)| is_variable(name)).collect();
    for (name, _) in &variables {
        // SAFETY: this is the first thing the process does, so no other thread exists.
        unsafe { env::remove_var(name) };
    }
    for (name, value) in &variables {
        // SAFETY: as above.
        unsafe { env::set_var(name, value) };
    }
    // SAFETY: the block is part of the stack's mapping, which is writable and never unmapped. No Rust object
    // is in it. The C library refers to it only by `environ`. Each of those pointers now points to the heap,
    // except for entries that are not variables, which become empty strings. A pointer returned by `getenv`
    // is invalid once a variable is set (POSIX), and a pointer that the loader has kept finds an empty
    // string, too.
    unsafe { std::ptr::with_exposed_provenance_mut::<u8>(block.start).write_bytes(0, block.len()) };
}

/// Makes the environment of the request that of this process. Returns the job's environment. `None`: the
/// request has none, so the job has that of this process.
pub(super) fn enter(env: Option<Environment>) -> Environment {
    if let Some(env) = &env {
        replace_environment(env);
    }
    let env = env.unwrap_or_else(|| env::vars_os().collect());
    disable_aws_files_without_home(&env);
    env
}

/// Replaces the process environment by the job's, so that the SDK, bash and every child process see nothing
/// else.
#[expect(
    unsafe_code,
    reason = "changing the environment is sound only while other threads read it only by `std::env`, \
              which is the case here"
)]
fn replace_environment(env: &Environment) {
    for (name, _) in env::vars_os() {
        // SAFETY: the only other thread is that of `handle_signals`, which writes a line and exits the
        // process. It never reads a variable through the C library, and `std` itself locks the environment.
        // The async runtime is built later.
        unsafe { env::remove_var(name) };
    }
    for (name, value) in env.iter() {
        // SAFETY: as above. `request::read` has rejected names and values that the environment cannot hold.
        unsafe { env::set_var(name, value) };
    }
    if env.get("PATH").is_none() {
        // SAFETY: as above.
        unsafe { env::set_var("PATH", DEFAULT_PATH) };
    }
    // A profile of the job may name the EC2 metadata service as its credential source. That service returns
    // the CI runner's identity, unless the job sets another endpoint. The user's commands do not see this
    // variable: they get the job's environment only.
    if env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").is_none() {
        // SAFETY: as above.
        unsafe { env::set_var("AWS_EC2_METADATA_DISABLED", "true") };
    }
}

/// Points the SDK at `/dev/null` if the job has no absolute HOME. Otherwise the SDK would read `./~/.aws`,
/// which anyone who can write to the build directory could create. The user's commands do not see these
/// variables: they get the job's environment only.
#[expect(
    unsafe_code,
    reason = "changing the environment is sound only while other threads read it only by `std::env`, \
              which is the case here"
)]
fn disable_aws_files_without_home(env: &Environment) {
    if env.get("HOME").is_some_and(|home| home.starts_with('/')) {
        return;
    }
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        if env.get(name).is_none_or(|file| file.is_empty() || file.starts_with('~')) {
            // SAFETY: as in `replace_environment`.
            unsafe { env::set_var(name, "/dev/null") };
        }
    }
}
