//! Starts a local Lambda endpoint for experiments: `cargo run -p lambda-endpoint --example endpoint`.
//!
//! Prints the variables that direct a job to this endpoint, one `NAME=value` per line. Exits when standard
//! input ends. The optional argument is a JSON object of settings, as `Settings::from_json` reads them:
//! `'{"update_ms": 300}'`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::{env, io};

use lambda_endpoint::{Endpoint, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let settings = match env::args().nth(1) {
        Some(json) => Settings::from_json(&serde_json::from_str(&json)?)?,
        None => Settings::default(),
    };
    let (id, key, region) =
        (settings.access_key_id.clone(), settings.secret_access_key.clone(), settings.region.clone());
    let endpoint = Endpoint::start(settings)?;
    println!("AWS_ENDPOINT_URL={}", endpoint.url());
    println!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={key}\nAWS_REGION={region}");
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
