//! Credentials that end while a deployment goes on: their source is asked again, and what it gives then signs.
//!
//! The SDK asks again 10 s before they end, less up to 5 s of jitter. So credentials that last 4 s are never kept, and
//! those that last 11 s are kept for some seconds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};

use super::recorder::{Answer, Recorder};
use super::sources::{Keys, ROLE};
use super::{Stand, extend, stanza};

const FIRST: Keys = Keys::temporary("ASIATHEFIRSTKEYS0001");
const SECOND: Keys = Keys::temporary("ASIATHESECONDKEYS001");
const BASE: Keys = Keys::lasting("AKIAWHOASSUMESIT0001");

const TOO_SHORT: Duration = Duration::from_secs(4);
const SHORT: Duration = Duration::from_secs(11);

/// Each source that gives temporary keys: a server of `document`, and what a job says that uses it.
fn asking(at: &str, server: &Recorder) -> (Value, Value) {
    match at {
        "container" => {
            (json!({}), json!({"AWS_CONTAINER_CREDENTIALS_FULL_URI": format!("{}/credentials", server.url())}))
        }
        "role" => (
            json!({"access_key_id": BASE.id, "secret_access_key": BASE.secret(), "role_to_assume": ROLE}),
            json!({"AWS_ENDPOINT_URL_STS": server.url()}),
        ),
        "token" => (
            json!({"role_to_assume": ROLE, "web_identity_token_env": "ID_TOKEN"}),
            json!({"AWS_ENDPOINT_URL_STS": server.url(), "ID_TOKEN": "a.b.c"}),
        ),
        other => panic!("{other}"),
    }
}

/// Gives FIRST once, then `then`.
fn server(at: &'static str, lasts: Duration, then: Keys) -> Recorder {
    let count = AtomicUsize::new(0);
    Recorder::start(move |asked| {
        let keys = if count.fetch_add(1, Ordering::SeqCst) == 0 { FIRST } else { then };
        Answer::ok(match at {
            "container" => keys.document(lasts),
            _ => keys.of_sts(&asked.form()["Action"], lasts),
        })
    })
}

#[test]
fn keys_that_are_about_to_end_are_replaced_before_the_next_call() {
    for at in ["container", "role", "token"] {
        let (stand, endpoint) = (Stand::new(), FIRST.endpoint("us-east-1"));
        let server = server(at, TOO_SHORT, SECOND);
        let (more, variables) = asking(at, &server);
        let mut request = stanza(stand.env(&endpoint.url()));
        extend(&mut request["env"], &variables);
        extend(&mut request, &more);
        let ended = stand.run(&[], &request);
        // The endpoint knows the first keys only, so that the second ones are seen by their refusal.
        assert_eq!(ended.code(), "credentials-rejected", "{at}: {}", ended.stdout);
        let signers: Vec<String> = endpoint.calls().into_iter().map(|call| call.access_key_id).collect();
        assert_eq!(signers, [FIRST.id, SECOND.id], "{at}");
        assert_eq!(server.lines().len(), 2, "{at}: once for each of them");
    }
}

#[test]
#[ignore = "second tier: long"]
fn a_deployment_that_outlasts_its_keys_goes_on_with_new_ones() {
    std::thread::scope(|scope| {
        for at in ["container", "role", "token"] {
            scope.spawn(move || {
                let create_duration = Duration::from_millis(8500);
                let endpoint = Endpoint::start(Settings { create_duration, ..FIRST.settings() }).expect("a free port");
                let (stand, server) = (Stand::new(), server(at, SHORT, FIRST));
                let (more, variables) = asking(at, &server);
                let mut request = stanza(stand.env(&endpoint.url()));
                extend(&mut request["env"], &variables);
                extend(&mut request, &more);
                let ended = stand.run(&[], &request);
                assert_eq!(ended.outcome(), "deployed", "{at}: {}", ended.stdout);
                let asked = server.lines().len();
                assert!((2..=endpoint.calls().len()).contains(&asked), "{at}: asked {asked} times");
                println!("{at}: asked {asked} times for keys of {} calls", endpoint.calls().len());
            });
        }
    });
}
