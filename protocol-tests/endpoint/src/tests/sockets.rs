//! The endpoint over real connections: what a client receives, and which calls are recorded.
#![expect(clippy::disallowed_methods, reason = "the tests connect as a raw HTTP client")]

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::moment::Moment;
use crate::scenario::{create_request, signed};
use crate::{Endpoint, Fault, FaultKind, Settings, http};

const FUNCTIONS: &str = "/2015-03-31/functions";
const FUNCTION: &str = "/2015-03-31/functions/f";
const CODE: &str = "/2015-03-31/functions/f/code";

pub(super) fn start() -> Endpoint {
    let endpoint = Endpoint::start(Settings::default()).unwrap();
    endpoint.seed(create_request()).unwrap();
    endpoint
}

fn fault(endpoint: &Endpoint, fault: Value) {
    endpoint.fault(Fault::from_json(&fault).unwrap());
}

fn connect(endpoint: &Endpoint) -> TcpStream {
    let address = endpoint.url();
    let stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn request(method: &str, target: &str, body: &[u8], extra: &str) -> Vec<u8> {
    let head = signed(method, target, body, &Settings::default(), Moment::now().wall);
    let headers: String = head.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head =
        format!("{method} {target} HTTP/1.1\r\n{headers}content-length: {}\r\n{extra}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Returns the head and the body of one answer.
fn answer(stream: &TcpStream) -> io::Result<(String, String)> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        reader.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((head, String::from_utf8_lossy(&body).into_owned()))
}

/// Sends one request on a new connection.
pub(super) fn exchange(
    endpoint: &Endpoint,
    method: &str,
    target: &str,
    body: &[u8],
) -> io::Result<(String, String)> {
    let mut stream = connect(endpoint);
    stream.write_all(&request(method, target, body, ""))?;
    answer(&stream)
}

fn statuses(endpoint: &Endpoint) -> Vec<(String, u16)> {
    endpoint.calls().into_iter().map(|call| (call.operation, call.status)).collect()
}

#[test]
fn one_connection_serves_many_requests() {
    let endpoint = start();
    let mut stream = connect(&endpoint);
    for _ in 0..3 {
        stream.write_all(&request("GET", FUNCTION, b"", "user-agent: raw\r\n")).unwrap();
        let (head, body) = answer(&stream).unwrap();
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-amzn-requestid: "),
            "{head}"
        );
        assert!(body.contains("\"FunctionName\":\"f\""), "{body}");
    }
    let calls = endpoint.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!(
        (calls[0].user_agent.as_str(), calls[0].access_key_id.as_str()),
        ("raw", "AKIDENDPOINTEXAMPLE1")
    );
    endpoint.forget_calls();
    assert!(endpoint.calls().is_empty());
}

#[test]
fn a_held_call_is_handled_when_the_test_lets_it_go() {
    let endpoint = start();
    endpoint.fault(Fault { operation: None, after: 0, times: 1, kind: FaultKind::Hold });
    let read = || exchange(&endpoint, "GET", FUNCTION, b"").unwrap().0;
    let heads = thread::scope(|scope| {
        let held = scope.spawn(read);
        while endpoint.held_calls() == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(endpoint.calls().is_empty());
        // Other calls are handled meanwhile.
        let head = read();
        endpoint.let_go();
        [head, held.join().unwrap()]
    });
    assert!(heads.iter().all(|head| head.starts_with("HTTP/1.1 200 OK\r\n")), "{heads:?}");
    assert_eq!((endpoint.calls().len(), endpoint.held_calls()), (2, 0));
}

#[test]
fn an_upload_is_on_record_by_its_size_and_can_be_fetched() {
    let endpoint = Endpoint::start(Settings::default()).unwrap();
    let body = create_request().to_string();
    let (head, _) = exchange(&endpoint, "POST", FUNCTIONS, body.as_bytes()).unwrap();
    assert!(head.starts_with("HTTP/1.1 201 Created\r\n"), "{head}");
    let call = &endpoint.calls()[0];
    let zip = endpoint.code("f").unwrap();
    assert_eq!(call.body["Code"], json!({"ZipFile": {"bytes": zip.len()}}));
    assert_eq!((call.code_bytes, call.body_bytes), (zip.len() as u64, body.len() as u64));
    assert_eq!(endpoint.function("f").unwrap()["Configuration"]["CodeSize"], zip.len());
    assert_eq!(endpoint.function("g"), None);
}

#[test]
fn an_error_has_the_shape_of_aws() {
    let endpoint = start();
    let (head, body) = exchange(&endpoint, "GET", "/2015-03-31/functions/g", b"").unwrap();
    assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{head}");
    let kind = "x-amzn-errortype: ResourceNotFoundException:http://internal.amazon.com/coral/com.amazonaws.lambda/\r\n";
    assert!(head.contains(kind), "{head}");
    assert_eq!(
        body,
        r#"{"Type":"User","message":"Function not found: arn:aws:lambda:us-east-1:123456789012:function:g"}"#
    );
}

#[test]
fn a_client_that_waits_for_continue_is_reported_to() {
    let endpoint = start();
    let mut stream = connect(&endpoint);
    let bytes = request(
        "PUT",
        "/2015-03-31/functions/f/configuration",
        b"{\"Timeout\":9}",
        "expect: 100-continue\r\n",
    );
    let (head, body) = bytes.split_at(bytes.len() - 13);
    stream.write_all(head).unwrap();
    assert_eq!(answer(&stream).unwrap().0, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body).unwrap();
    assert!(answer(&stream).unwrap().1.contains("\"Timeout\":9"));
}

#[test]
fn a_request_that_is_too_large_is_read_to_its_end_and_refused() {
    let endpoint = start();
    let mut stream = connect(&endpoint);
    let size = http::BODY_LIMIT + 1;
    let head = format!("PUT {CODE} HTTP/1.1\r\nhost: h\r\ncontent-length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    io::copy(&mut io::repeat(b' ').take(size), &mut stream).unwrap();
    let (head, body) = answer(&stream).unwrap();
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert!(
        body.contains("Request must be smaller than 70167211 bytes for the UpdateFunctionCode operation"),
        "{body}"
    );
}

#[test]
fn a_scripted_status_is_answered_as_often_as_it_says() {
    let endpoint = start();
    fault(
        &endpoint,
        json!({"operation": "GetFunction", "times": 1, "status": 429, "code": "TooManyRequestsException", "message": "Rate Exceeded.", "retry_after": 2}),
    );
    let (head, body) = exchange(&endpoint, "GET", FUNCTION, b"").unwrap();
    assert!(head.contains("retry-after: 2\r\n") && head.contains("TooManyRequestsException:"), "{head}");
    assert_eq!(body, r#"{"Type":"User","message":"Rate Exceeded."}"#);
    assert!(exchange(&endpoint, "GET", FUNCTION, b"").is_ok());
    let expected = [("GetFunction".to_owned(), 429), ("GetFunction".to_owned(), 200)];
    assert_eq!(statuses(&endpoint), expected);
}

#[test]
fn html_and_nothing_are_answered_too() {
    let endpoint = start();
    fault(&endpoint, json!({"kind": "html", "status": 503}));
    fault(&endpoint, json!({"kind": "empty", "status": 500}));
    assert!(exchange(&endpoint, "GET", FUNCTION, b"").unwrap().1.starts_with("<html>"));
    assert_eq!(exchange(&endpoint, "GET", FUNCTION, b"").unwrap().1, "");
}

/// Checks that the client sees a reset, not an end of file, and that the call is recorded with status 0.
#[track_caller]
fn is_reset(kind: &Value, body: &[u8]) -> Endpoint {
    let endpoint = start();
    fault(&endpoint, kind.clone());
    let error = exchange(&endpoint, "PUT", CODE, body).unwrap_err();
    let reset = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    assert!(reset.contains(&error.kind()), "{error:?}");
    assert_eq!(statuses(&endpoint), [("UpdateFunctionCode".to_owned(), 0)]);
    endpoint
}

#[test]
fn a_reset_is_seen_by_the_client_as_a_reset() {
    let body = json!({"S3Bucket": "b", "S3Key": "k"}).to_string();
    let old = start().function("f").unwrap()["Configuration"]["CodeSha256"].clone();
    let hash = |endpoint: &Endpoint| endpoint.function("f").unwrap()["Configuration"]["CodeSha256"].clone();
    let before = is_reset(&json!({"kind": "reset-before"}), body.as_bytes());
    assert_eq!((hash(&before), before.calls()[0].body_bytes), (old.clone(), 0));
    let during = is_reset(&json!({"kind": "reset-during", "after_bytes": 100_000}), &vec![b' '; 5_000_000]);
    assert_eq!((hash(&during), during.calls()[0].body_bytes), (old.clone(), 100_000));
    let after = is_reset(&json!({"kind": "reset-after"}), body.as_bytes());
    assert_ne!(hash(&after), old);
}

#[test]
fn a_hang_says_nothing_and_ends_in_time() {
    let endpoint = start();
    fault(&endpoint, json!({"kind": "hang", "for_ms": 200}));
    let before = Moment::now().instant;
    let error = exchange(&endpoint, "GET", FUNCTION, b"").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let took = before.elapsed();
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(5), "{took:?}");
    assert_eq!(statuses(&endpoint), [("GetFunction".to_owned(), 0)]);
}

#[test]
fn a_slow_answer_is_whole_in_the_end() {
    let endpoint = start();
    fault(&endpoint, json!({"kind": "slow", "answer_over_ms": 200}));
    let before = Moment::now().instant;
    let (_, body) = exchange(&endpoint, "GET", FUNCTION, b"").unwrap();
    assert!(serde_json::from_str::<Value>(&body).is_ok(), "{body}");
    assert!(before.elapsed() >= Duration::from_millis(200));
}

#[test]
fn an_update_that_fails_is_accepted_first() {
    let endpoint = start();
    fault(&endpoint, json!({"kind": "update-fails", "reason_code": "InvalidImage", "reason": "gone"}));
    let (head, _) = exchange(&endpoint, "PUT", CODE, br#"{"S3Bucket":"b","S3Key":"k"}"#).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let function = endpoint.function("f").unwrap();
    assert_eq!(function["Configuration"]["LastUpdateStatus"], "Failed");
    assert_eq!(function["Configuration"]["LastUpdateStatusReason"], "gone");
}

#[test]
fn the_duration_of_updates_can_be_changed() {
    let endpoint = start();
    endpoint.set_update_duration(Duration::from_secs(600));
    let (_, body) = exchange(&endpoint, "PUT", CODE, br#"{"S3Bucket":"b","S3Key":"k"}"#).unwrap();
    assert!(body.contains("\"LastUpdateStatus\":\"InProgress\""), "{body}");
}

#[test]
fn a_seeded_function_is_active_has_code_and_is_checked() {
    let settings = Settings { create_duration: Duration::from_secs(600), ..Settings::default() };
    let endpoint = Endpoint::start(settings).unwrap();
    let mut request = create_request();
    request.as_object_mut().unwrap().remove("Code");
    endpoint.seed(request.clone()).unwrap();
    assert_eq!(endpoint.function("f").unwrap()["Configuration"]["State"], "Active");
    assert!(endpoint.code("f").unwrap().starts_with(b"PK"));
    assert_eq!(endpoint.seed(request).unwrap_err(), "Function already exist: f");
    assert!(endpoint.calls().is_empty());
}

#[test]
fn a_dropped_endpoint_closes_its_connections_and_its_port() {
    let endpoint = start();
    let url = endpoint.url();
    let mut open = connect(&endpoint);
    open.write_all(&request("GET", FUNCTION, b"", "")).unwrap();
    answer(&open).unwrap();
    drop(endpoint);
    assert_eq!(open.read(&mut [0; 1]).unwrap_or(0), 0);
    assert!(TcpStream::connect(url.strip_prefix("http://").unwrap()).is_err());
}
