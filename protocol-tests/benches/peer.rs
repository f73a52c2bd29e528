//! What benchmarks need to compare the program with AWS's own command line.

use std::path::{Path, PathBuf};

use lambda_endpoint::Settings;

use crate::tools;

pub(crate) use noise::noise;

#[path = "../noise.rs"]
mod noise;

/// The peer's program. Installs it from PyPI if necessary.
pub(crate) fn aws() -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/benches/requirements.txt");
    tools::python(&requirements, "awscli").with_file_name("aws")
}

/// The variables that direct an AWS program to the endpoint at `url`, with its credentials, and that disable
/// all other configuration.
pub(crate) fn env(url: &str) -> [(&'static str, String); 8] {
    let Settings { access_key_id, secret_access_key, region, .. } = Settings::default();
    [
        ("AWS_ENDPOINT_URL", url.to_owned()),
        ("AWS_ACCESS_KEY_ID", access_key_id),
        ("AWS_SECRET_ACCESS_KEY", secret_access_key),
        ("AWS_REGION", region.clone()),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ("NO_PROXY", "127.0.0.1".to_owned()),
    ]
}
