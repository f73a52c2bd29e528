//! Generates unique ids for requests and revisions. Never random: a failing test shows the same ids when it
//! runs alone again.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::hex::hexadecimal;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Returns an id in the format of a UUID.
pub(crate) fn unique() -> String {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let digits = hexadecimal(&Sha256::digest(count.to_be_bytes()));
    let (a, b, c, d, e) = (&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..32]);
    format!("{a}-{b}-{c}-{d}-{e}")
}
