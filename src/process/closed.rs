//! Detects whether standard output was open when the program was started.
//!
//! Before `main`, Rust opens `/dev/null` in place of a closed standard stream, so that no other file gets its
//! descriptor. Events written there would be lost without an error, and a deployment without output must not
//! begin. So this check runs before Rust's own initialization.

use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// True if standard output was not open when the program was started. Always false on systems other than
/// Linux, where this cannot be checked in time.
pub(super) fn stdout_was_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

#[cfg(target_os = "linux")]
#[used]
#[expect(
    unsafe_code,
    reason = "functions that run before `main` are listed in this section, and a raw descriptor number has \
              to be borrowed"
)]
// SAFETY: the C library calls the functions of this section once, before `main`. This one makes a system call
// and needs nothing that Rust sets up.
#[unsafe(link_section = ".init_array")]
static CHECK: extern "C" fn() = {
    extern "C" fn check() {
        // SAFETY: the descriptor is only checked for being open.
        let stdout = unsafe { std::os::fd::BorrowedFd::borrow_raw(1) };
        CLOSED.store(rustix::io::fcntl_getfd(stdout).is_err(), Ordering::Relaxed);
    }
    check
};
