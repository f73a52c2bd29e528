//! Parses HTTP/1.1 requests and formats answers. Never opens or closes a connection: it reads from any
//! reader, so that tests can read from slices.

use std::io::{self, BufRead, Read};
use std::time::Duration;

use serde_json::Value;

use crate::{ids, uri};

/// Upper bound for a request head. SDKs send shorter ones, and AWS's own front ends have a similar limit.
const HEAD_LIMIT: usize = 64 * 1024;

/// The longest request body that Lambda accepts, in bytes (the number in AWS's message).
pub(crate) const BODY_LIMIT: u64 = 70_167_211;

/// Method, path, query and headers of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// As received, percent-encoded: SigV4 signs this form.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case, values trimmed, in the received order.
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// Returns the first value of a header. `name` must be in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(its, _)| its == name);
        found.map(|(_, value)| value.as_str())
    }

    /// True if the client waits for `100 Continue` before it sends the body.
    pub(crate) fn expects_continue(&self) -> bool {
        self.says("expect", "100-continue")
    }

    /// True if the client sends no other request on this connection.
    pub(crate) fn closes(&self) -> bool {
        self.says("connection", "close")
    }

    fn says(&self, name: &str, value: &str) -> bool {
        self.header(name).is_some_and(|its| its.eq_ignore_ascii_case(value))
    }
}

/// Reads up to the empty line. `None`: the client closed the connection between two requests. Fails on input
/// that is not HTTP.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let available = HEAD_LIMIT.saturating_sub(bytes.len()) as u64;
        if reader.by_ref().take(available).read_until(b'\n', &mut bytes)? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(invalid("the head is cut off or too long")) };
        }
    }
    parse_head(&bytes).map(Some)
}

fn parse_head(bytes: &[u8]) -> io::Result<Head> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut slots);
    request.parse(bytes).map_err(|error| invalid(&error.to_string()))?;
    let target = request.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |header: &httparse::Header<'_>| {
        let value = String::from_utf8_lossy(header.value);
        (header.name.to_ascii_lowercase(), value.trim().to_owned())
    };
    Ok(Head {
        method: request.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: uri::query(query),
        headers: request.headers.iter().map(header).collect(),
    })
}

/// The part of a request body that was read.
#[derive(Default)]
pub(crate) struct Body {
    /// The bytes that were read, up to about [`BODY_LIMIT`]. The rest of a longer body is only counted.
    pub(crate) bytes: Vec<u8>,
    /// The number of bytes that were read, without chunk sizes.
    pub(crate) length: u64,
}

impl Body {
    /// Reads to the end, or `stop_after` bytes. Fails if the client ends early; the bytes up to then are
    /// kept.
    pub(crate) fn read(
        &mut self,
        reader: &mut impl BufRead,
        head: &Head,
        stop_after: Option<u64>,
    ) -> io::Result<()> {
        let stop = stop_after.unwrap_or(u64::MAX);
        if head.says("transfer-encoding", "chunked") {
            return self.read_chunks(reader, stop);
        }
        let length = match head.header("content-length") {
            None => 0,
            Some(text) => text.parse::<u64>().map_err(|_| invalid("the content-length is not a number"))?,
        };
        self.take(reader, length.min(stop))
    }

    fn read_chunks(&mut self, reader: &mut impl BufRead, stop: u64) -> io::Result<()> {
        loop {
            let line = read_line(reader)?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(digits, 16)
                .map_err(|_| invalid("the chunk size is not a hexadecimal number"))?;
            if size == 0 {
                while !read_line(reader)?.is_empty() {} // trailers
                return Ok(());
            }
            self.take(reader, size.min(stop - self.length))?;
            if self.length == stop {
                return Ok(());
            }
            read_line(reader)?;
        }
    }

    fn take(&mut self, reader: &mut impl BufRead, count: u64) -> io::Result<()> {
        let mut left = count;
        while left > 0 {
            let available = reader.fill_buf()?;
            if available.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let piece = usize::try_from(left).map_or(available.len(), |left| left.min(available.len()));
            if self.length <= BODY_LIMIT {
                self.bytes.extend_from_slice(&available[..piece]);
            }
            reader.consume(piece);
            left -= piece as u64;
            self.length += piece as u64;
        }
        Ok(())
    }
}

/// Reads a line and returns it without its line ending.
fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    if reader.by_ref().take(HEAD_LIMIT as u64).read_until(b'\n', &mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// An answer, before it is formatted.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// The time before the answer is sent: the run time of an invoked function.
    pub(crate) delay: Duration,
}

impl Answer {
    /// Creates an answer with a body of this type and with a request id, as every answer of AWS has one.
    pub(crate) fn new(status: u16, content_type: &str, body: Vec<u8>) -> Answer {
        Answer {
            status,
            headers: vec![("content-type", content_type.to_owned()), ("x-amzn-requestid", ids::unique())],
            body,
            delay: Duration::ZERO,
        }
    }

    /// Creates the answer of an operation; `Null` gives an empty body.
    pub(crate) fn json(status: u16, value: &Value) -> Answer {
        let body = match value {
            Value::Null => Vec::new(),
            value => value.to_string().into_bytes(),
        };
        Answer::new(status, "application/json", body)
    }

    /// Creates an error in the format of AWS's rest-json protocol.
    pub(crate) fn error(status: u16, code: &str, body: &Value) -> Answer {
        let mut answer = Answer::json(status, body);
        let kind = format!("{code}:http://internal.amazon.com/coral/com.amazonaws.lambda/");
        answer.headers.push(("x-amzn-errortype", kind));
        answer
    }

    /// Formats the status line and the headers.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        // RFC 9110, 8.6: a 204 answer has no Content-Length.
        if self.status != 204 {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], stop_after: Option<u64>) -> (Head, Body) {
        let mut reader = bytes;
        let head = read_head(&mut reader).unwrap().unwrap();
        let mut body = Body::default();
        body.read(&mut reader, &head, stop_after).unwrap();
        (head, body)
    }

    #[test]
    fn a_request_is_read_with_its_query_and_body() {
        let (head, body) =
            read(b"PUT /a%20b?x=1&y= HTTP/1.1\r\nHost:  h \r\nContent-Length: 3\r\n\r\nabcNEXT", None);
        assert_eq!((head.method.as_str(), head.path.as_str()), ("PUT", "/a%20b"));
        assert_eq!(head.query[0], ("x".to_owned(), "1".to_owned()));
        assert_eq!(head.header("host"), Some("h"));
        assert_eq!(body.bytes, b"abc");
    }

    #[test]
    fn a_chunked_body_is_joined() {
        let head = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let bytes = [head, b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n".to_vec()].concat();
        assert_eq!(read(&bytes, None).1.bytes, b"abcde");
        assert_eq!(read(&bytes, Some(4)).1.bytes, b"abcd");
    }

    #[test]
    fn a_body_may_be_left_half_read() {
        let (_, body) = read(b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabcdefghi", Some(4));
        assert_eq!((body.bytes.as_slice(), body.length), (&b"abcd"[..], 4));
    }

    #[test]
    fn a_closed_connection_is_no_request_and_noise_is_an_error() {
        assert!(read_head(&mut &b""[..]).unwrap().is_none());
        assert!(read_head(&mut &b"GET / HT"[..]).is_err());
        assert!(read_head(&mut &b"\x16\x03\x01 tls?\r\n\r\n"[..]).is_err());
    }

    #[test]
    fn no_content_has_no_length() {
        let head = String::from_utf8(Answer::json(204, &Value::Null).head()).unwrap();
        assert!(head.starts_with("HTTP/1.1 204 No Content\r\n"), "{head}");
        assert!(!head.contains("content-length"), "{head}");
    }
}
