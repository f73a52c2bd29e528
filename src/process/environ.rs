//! The environment that the kernel shows of this process in, nothing of it to be seen out.
//!
//! A process of the same user reads `/proc/PID/environ`: the block that the kernel made when the program was started. It would hold the
//! runner's variables for as long as this process lives, also once the job's have taken their place, and a command of the job finds it
//! by `$PPID`. So the variables move to the heap, and the block is overwritten. The process is also made undumpable: the kernel writes
//! no core of it, and lets nobody without a privilege such as `CAP_SYS_PTRACE` read its memory or its environment.
//!
//! Starting the program anew in the job's environment would do as well; but the request has been read by then, and each run would pay.

/// Hides it. What the system does not have is left undone: without `/proc` there is nothing to be seen there.
#[cfg(target_os = "linux")]
pub(super) fn hide() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    if let Some(block) = block() {
        overwrite(block);
    }
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Other systems show no process the environment of another, or only root.
#[cfg(not(target_os = "linux"))]
pub(super) fn hide() {}

/// Where the block is: the 50th and 51st field of `/proc/self/stat` (proc(5)). Taken for true only if the kernel reads as many bytes
/// there itself.
#[cfg(target_os = "linux")]
fn block() -> Option<std::ops::Range<usize>> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, which may hold blanks.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(50 - 3).map(str::parse);
    let (start, end) = (fields.next()?.ok()?, fields.next()?.ok()?);
    let shown = std::fs::read("/proc/self/environ").ok()?;
    (start > 0 && start < end && shown.len() == end - start).then_some(start..end)
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the kernel's copy of the environment cannot be overwritten in another way")]
fn overwrite(block: std::ops::Range<usize>) {
    use std::env;

    // Others cannot be set. Nothing reads them, either.
    let is_variable = |name: &std::ffi::OsStr| !name.is_empty() && !name.to_string_lossy().contains('=');
    let variables: Vec<_> = env::vars_os().filter(|(name, _)| is_variable(name)).collect();
    for (name, _) in &variables {
        // SAFETY: this is the first that the process does, so no other thread exists.
        unsafe { env::remove_var(name) };
    }
    for (name, value) in &variables {
        // SAFETY: as above.
        unsafe { env::set_var(name, value) };
    }
    // SAFETY: the block is a part of the stack's mapping, which the kernel has made writable and which is never unmapped. No Rust object
    // lies in it. The C library points to it by `environ` alone; each of those pointers has just been replaced by one to the heap, but for
    // those of what is no variable, which find an empty string there. A pointer that `getenv` gave out is void once a variable is set
    // (POSIX), and a loader that kept one of its own finds an empty string, too.
    unsafe { std::ptr::with_exposed_provenance_mut::<u8>(block.start).write_bytes(0, block.len()) };
}
