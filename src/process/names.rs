//! How names of hosts become addresses in a program without shared libraries. Never looks one up.

/// A static glibc reads `/etc/hosts` and asks DNS itself. For any other way that `/etc/nsswitch.conf` names (`resolve`, `mdns4`), it would load
/// the machine's own module and glibc into us, which only works where that glibc is ours, too. So these two ways are all that there are.
#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
#[expect(unsafe_code, reason = "glibc has this setting as a function alone")]
pub(crate) fn resolve_without_modules() {
    use std::ffi::{c_char, c_int};

    unsafe extern "C" {
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }
    // SAFETY: both are C strings, of which glibc makes copies, and no thread exists yet that could look something up. If it fails, which only
    // a lack of memory can cause, the file is heeded.
    let _ = unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) };
}

/// A dynamic program loads what the machine has; musl has no modules.
#[cfg(not(all(target_env = "gnu", target_feature = "crt-static")))]
pub(crate) fn resolve_without_modules() {}
