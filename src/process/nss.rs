//! Configures how host names are resolved (NSS, the name service switch) in a statically linked program.
//! Never resolves a name.

/// Limits host name resolution to `/etc/hosts` and DNS. A static glibc implements these two itself. For any
/// other service in `/etc/nsswitch.conf` (`resolve`, `mdns4`), it would load the machine's NSS module and
/// glibc into this process, which works only if that glibc has the same version as ours.
#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
#[expect(unsafe_code, reason = "glibc offers this setting only as a C function")]
pub(crate) fn resolve_without_modules() {
    use std::ffi::{c_char, c_int};

    unsafe extern "C" {
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }
    // SAFETY: both are C strings, which glibc copies, and no other thread exists yet that could resolve a
    // name. The call fails only if there is no memory; then glibc uses the file.
    let _ = unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) };
}

/// A dynamically linked program uses the machine's modules; musl has none.
#[cfg(not(all(target_env = "gnu", target_feature = "crt-static")))]
pub(crate) fn resolve_without_modules() {}
