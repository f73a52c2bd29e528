//! Whether standard output was open when the program was started.
//!
//! Before `main` Rust opens `/dev/null` where it was not, so that no file of ours gets its number. What is written there is lost without an error, and
//! a deployment of which nobody hears must not begin. So it is looked at before that.

use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// True where it was not open, as far as the system lets us look in time.
pub(super) fn stdout_was_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

#[cfg(target_os = "linux")]
#[used]
#[expect(
    unsafe_code,
    reason = "what runs before `main` is a list in this section of the program, and a number is no descriptor by itself"
)]
// SAFETY: the C library calls what stands there once, before `main`. It needs nothing that Rust sets up: it makes one system call.
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = {
    extern "C" fn look() {
        // SAFETY: nothing is done with it but to ask whether it is open.
        let stdout = unsafe { std::os::fd::BorrowedFd::borrow_raw(1) };
        CLOSED.store(rustix::io::fcntl_getfd(stdout).is_err(), Ordering::Relaxed);
    }
    look
};
