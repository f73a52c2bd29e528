//! An HTTP server on a loopback port that records its requests and answers them with a function. It lives as
//! long as its value: when the value is dropped, it accepts no more connections and closes those that it left
//! unanswered.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;

/// Time limit of a connection.
const LIMIT: Duration = Duration::from_secs(60);

/// A request as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The response to a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A response with this status, these headers and this body.
    Text(u16, Vec<(&'static str, String)>, String),
    /// A complete response as bytes, from another server.
    Bytes(Vec<u8>),
    /// No response; the connection stays open until the client closes it.
    Silence,
    /// No response; the connection is closed at once.
    Hangup,
    /// The response of a proxy to CONNECT: a tunnel to this address.
    Tunnel(SocketAddr),
}

type Script = dyn Fn(&Asked) -> Answer + Send + Sync;

struct Shared {
    script: Box<Script>,
    asked: Mutex<Vec<Asked>>,
    closing: AtomicBool,
}

/// A recording server. See the module documentation.
pub(crate) struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Asked {
    /// The value of a header, or an empty string if the request does not have it.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The access key id that signed the request; empty if it is not signed.
    pub(crate) fn signer(&self) -> &str {
        let credential = self.header("authorization").split_once("Credential=").map(|(_, rest)| rest);
        credential.and_then(|rest| rest.split('/').next()).unwrap_or_default()
    }

    /// The parameters of a form-encoded body, as AWS's query protocol uses it.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        let body = String::from_utf8_lossy(&self.body);
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
    }
}

/// Decodes a form value: `a%2Fb+c` becomes `a/b c`.
fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8().expect("forms are UTF-8").into_owned()
}

impl Answer {
    /// A response with status 200 and this body.
    pub(crate) fn ok(text: impl Into<String>) -> Self {
        Self::status(200, text)
    }

    /// A response with this status and body.
    pub(crate) fn status(status: u16, text: impl Into<String>) -> Self {
        Answer::Text(status, Vec::new(), text.into())
    }
}

impl Recorder {
    /// Starts the server. It accepts connections when this function returns.
    pub(crate) fn start(script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            asked: Mutex::default(),
            closing: AtomicBool::default(),
        });
        let accepting = thread::spawn({
            let shared = shared.clone();
            move || {
                for stream in listener.incoming().flatten() {
                    if shared.closing.load(Ordering::SeqCst) {
                        return;
                    }
                    let shared = shared.clone();
                    // An I/O error closes the connection. The client sees that, and so does the test.
                    thread::spawn(move || drop(shared.serve(&stream)));
                }
            }
        });
        Recorder { address, shared, accepting: Some(accepting) }
    }

    /// Starts a server that forwards every request to `upstream`, and records it.
    pub(crate) fn before(upstream: SocketAddr) -> Self {
        Recorder::start(move |asked| Answer::Bytes(handed_on(asked, upstream).unwrap_or_default()))
    }

    /// Starts a server that closes every connection without a response.
    pub(crate) fn from_nothing() -> Self {
        Recorder::start(|_| Answer::Hangup)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Method and target of every request so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees `closing`.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    /// Handles one request. Each connection serves only one: every response closes it.
    fn serve(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let mut reader = BufReader::new(stream);
        let Some(asked) = read(&mut reader)? else { return Ok(()) };
        // Record the request before the response, so that a test that has seen the response also finds the
        // request.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
        match (self.script)(&asked) {
            Answer::Text(status, headers, text) => {
                let mut head = format!(
                    "HTTP/1.1 {status} It\r\nconnection: close\r\ncontent-length: {}\r\n",
                    text.len()
                );
                headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
                stream.write_all(format!("{head}\r\n{text}").as_bytes())
            }
            Answer::Bytes(bytes) => stream.write_all(&bytes),
            Answer::Silence => self.be_silent(stream),
            Answer::Hangup => Ok(()),
            Answer::Tunnel(to) => {
                let other = TcpStream::connect(to)?;
                stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
                thread::scope(|scope| {
                    scope.spawn(|| pass_on(stream, &other));
                    pass_on(&other, stream);
                });
                Ok(())
            }
        }
    }

    fn be_silent(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
        let began = Instant::now();
        while began.elapsed() < LIMIT && !self.closing.load(Ordering::SeqCst) {
            match stream.read(&mut [0; 1024]) {
                Ok(0) => break,
                Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Copies one direction of a tunnel, and passes its end on.
fn pass_on(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// Reads a request. `None` if the client connected and sent nothing.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Asked>> {
    let mut line = || -> io::Result<String> {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut asked = Asked { method, target, headers, body: Vec::new() };
    let length = asked.header("content-length").parse().unwrap_or(0);
    reader.take(length).read_to_end(&mut asked.body)?;
    Ok(Some(asked))
}

/// Forwards a request to another server, and returns its complete response.
fn handed_on(asked: &Asked, to: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", asked.method, asked.target);
    let headers = asked.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("connection"));
    headers.for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    stream.write_all(&[head.as_bytes(), b"\r\n", &asked.body].concat())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
