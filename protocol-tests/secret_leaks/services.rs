//! Services other than Lambda, on loopback ports. Each gives the same answer to every request.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::Duration;

/// Starts a service that runs until the tests end. Returns its URL.
pub(super) fn serve(answer: impl Fn() -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let answer = answer();
            thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
                let mut head = [0; 16 * 1024];
                if !stream.read(&mut head).is_ok_and(|count| count > 0) {
                    return;
                }
                let _ = stream.write_all(answer.as_bytes());
                // Closing a socket with unread data sends a reset, and the client may lose the answer.
                let _ = stream.shutdown(Shutdown::Write);
                while stream.read(&mut head).is_ok_and(|count| count > 0) {}
            });
        }
    });
    format!("http://{address}/")
}

/// Formats an HTTP answer.
pub(super) fn http(status: u16, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}
