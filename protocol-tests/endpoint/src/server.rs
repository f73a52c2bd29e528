//! Serves a connection: reads requests, lets the account answer them, applies faults and records every call.
//! Never decides what AWS would answer, and reads the clock only to timestamp calls and to end a hang.
#![expect(clippy::disallowed_methods, reason = "threads sleep here to imitate latency and slow answers")]

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::SockRef;

use crate::account::Account;
use crate::document::Document;
use crate::fault::FaultKind;
use crate::http::{self, Answer, Body, Head};
use crate::invocation::client_context;
use crate::moment::Moment;
use crate::route;
use crate::script::Script;
use crate::service::{self, Service};
use crate::settings::Settings;
use crate::sigv4;

/// Read and write timeout of a connection. Also the longest time that an idle connection stays open.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// The number of pieces of a slow answer.
const DRIPS: usize = 20;

/// A request that reached the endpoint. Calls are recorded in the order of their answers.
#[derive(Clone, Debug)]
pub struct Call {
    /// AWS's name of the operation, such as `GetFunction`; `Unknown` if the endpoint does not implement the
    /// path.
    pub operation: String,
    /// The HTTP method.
    pub method: String,
    /// The path as received, percent-encoded, without the query.
    pub path: String,
    /// The request's JSON or CBOR, with each `ZipFile` replaced by `{"bytes": n}`; `{}` for an empty body,
    /// null for an incomplete or malformed one.
    pub body: Value,
    /// The HTTP status of the answer. 0: the connection was cut instead.
    pub status: u16,
    /// The access key id of the signature, verified or not; empty if the request is unsigned.
    pub access_key_id: String,
    /// The size of the zip in the request, in bytes; 0 if it has none.
    pub code_bytes: u64,
    /// The number of bytes of the body that were read.
    pub body_bytes: u64,
    /// The time at which the head was read.
    pub at: Instant,
    /// The `User-Agent` header; empty if there is none.
    pub user_agent: String,
    /// The client context of an invocation, decoded; null if it has none.
    pub client_context: Value,
}

impl Call {
    /// True if the call changes nothing.
    pub fn is_read(&self) -> bool {
        let verbs = ["Describe", "Get", "List"];
        self.method == "GET" || verbs.iter().any(|verb| self.operation.starts_with(verb))
    }
}

/// The state that all connections of an endpoint share.
pub(crate) struct Shared {
    account: Mutex<Account>,
    script: Mutex<Script>,
    calls: Mutex<Vec<Call>>,
    /// Weak references, so that a connection ends with FIN or RST when its own thread drops it.
    connections: Mutex<Vec<Weak<TcpStream>>>,
    /// The number of calls that a fault of the kind [`FaultKind::Hold`] holds.
    held: Mutex<u32>,
    /// Notified when the test lets them go.
    let_go: Condvar,
    closing: AtomicBool,
}

/// What happens to the connection after a call.
enum Then {
    KeepAlive,
    Close,
    /// Closes with RST instead of FIN: the client loses what it has not read yet.
    Reset,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Shared {
        Shared {
            account: Mutex::new(Account::new(settings)),
            script: Mutex::default(),
            calls: Mutex::default(),
            connections: Mutex::default(),
            held: Mutex::new(0),
            let_go: Condvar::new(),
            closing: AtomicBool::new(false),
        }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        locked(&self.account)
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        locked(&self.script)
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        locked(&self.calls)
    }

    /// The number of calls that are held.
    pub(crate) fn held(&self) -> u32 {
        *locked(&self.held)
    }

    /// Lets all calls go that are held.
    pub(crate) fn let_go(&self) {
        *locked(&self.held) = 0;
        self.let_go.notify_all();
    }

    /// Waits until the test lets this call go.
    fn hold(&self) {
        let mut held = locked(&self.held);
        *held += 1;
        let waiting = self.let_go.wait_while(held, |held| *held > 0 && !self.is_closing());
        drop(waiting.unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Closes every connection. The threads that serve them end as a result.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.let_go();
        for connection in locked(&self.connections).drain(..) {
            if let Some(stream) = connection.upgrade() {
                let _ = stream.shutdown(Shutdown::Both); // fails if the client has already closed it
            }
        }
    }

    /// Serves requests until the client or a fault ends the connection.
    pub(crate) fn serve(&self, stream: TcpStream) {
        let stream = Arc::new(stream);
        {
            let mut connections = locked(&self.connections);
            connections.retain(|connection| connection.strong_count() > 0);
            connections.push(Arc::downgrade(&stream));
        }
        // Checked after the registration, so that `close` misses no connection that was just accepted.
        if self.is_closing() {
            return;
        }
        // Any error ends the connection, which both the client and the test notice.
        let _ = self.converse(&stream);
    }

    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(SILENCE_LIMIT))?;
        stream.set_write_timeout(Some(SILENCE_LIMIT))?;
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        while let Some(head) = http::read_head(&mut reader)? {
            match self.exchange(&mut reader, stream, &head)? {
                Then::KeepAlive => {}
                Then::Close => break,
                Then::Reset => {
                    SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads one request and answers it.
    fn exchange(
        &self,
        reader: &mut BufReader<&TcpStream>,
        mut stream: &TcpStream,
        head: &Head,
    ) -> io::Result<Then> {
        let at = Moment::now().instant;
        let route = route::of(head);
        let operation = route.as_ref().map_or("Unknown", |route| route.name);
        let function = route.as_ref().map_or("", |route| route.subject.as_str());
        let fault = self.script().fault_for(operation, function, at);
        let mut arrival = Arrival { operation, head, at, body: Body::default() };
        if let Some(FaultKind::ResetBefore) = fault {
            self.record(&arrival, Value::Null, 0, 0);
            return Ok(Then::Reset);
        }
        if head.expects_continue() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let stop_after = match fault {
            Some(FaultKind::ResetDuring { after_bytes }) => Some(after_bytes),
            _ => None,
        };
        let read = arrival.body.read(reader, head, stop_after);
        if read.is_err() || stop_after.is_some() {
            self.record(&arrival, Value::Null, 0, 0);
            return read.map(|()| Then::Reset);
        }

        let bytes = &arrival.body.bytes;
        let invoked = operation == "Invoke";
        let document = if invoked { Document::payload(bytes) } else { service::document(head, bytes) };
        let (json, code_bytes) = match &document {
            Ok(document) => (document.json.clone(), document.code_bytes()),
            Err(_) => (Value::Null, 0),
        };
        if let Some(FaultKind::Hang { for_ }) = fault {
            self.record(&arrival, json, code_bytes, 0);
            return hang(stream, for_).map(|()| Then::Close);
        }
        if let Some(FaultKind::Hold) = fault {
            self.hold();
        }
        let latency = self.account().settings.latency;
        thread::sleep(latency);
        let instead = fault.as_ref().and_then(FaultKind::answer);
        let answer = instead.unwrap_or_else(|| {
            let call_outcome = fault.as_ref().map(FaultKind::call_outcome).unwrap_or_default();
            let mut account = self.account();
            account.answer(head, &arrival.body, &document, call_outcome, Moment::now())
        });
        let answer = fault.as_ref().and_then(FaultKind::answer_after).unwrap_or(answer);
        let answer = Service::of(head).encoded(head, answer);
        thread::sleep(answer.delay);
        if let Some(FaultKind::ResetAfter) = fault {
            self.record(&arrival, json, code_bytes, 0);
            return Ok(Then::Reset);
        }
        // Recorded before the answer is sent, so that a test that has its answer finds the call.
        self.record(&arrival, json, code_bytes, answer.status);
        match fault {
            Some(FaultKind::Slow { answer_over }) => drip(stream, &answer, answer_over)?,
            _ => stream.write_all(&[answer.head(), answer.body].concat())?,
        }
        Ok(if head.closes() { Then::Close } else { Then::KeepAlive })
    }

    fn record(&self, arrival: &Arrival<'_>, body: Value, code_bytes: u64, status: u16) {
        let head = arrival.head;
        self.calls().push(Call {
            operation: arrival.operation.to_owned(),
            method: head.method.clone(),
            path: head.path.clone(),
            body,
            status,
            access_key_id: sigv4::access_key_id(head).unwrap_or_default().to_owned(),
            code_bytes,
            body_bytes: arrival.body.length,
            at: arrival.at,
            user_agent: head.header("user-agent").unwrap_or_default().to_owned(),
            client_context: client_context(head.header("x-amz-client-context")),
        });
    }
}

/// A request, as far as it was read.
struct Arrival<'a> {
    operation: &'static str,
    head: &'a Head,
    at: Instant,
    body: Body,
}

/// Sends nothing for this time, or until the client closes the connection.
fn hang(mut stream: &TcpStream, for_: Duration) -> io::Result<()> {
    let end = Moment::now().instant + for_;
    loop {
        let left = end.saturating_duration_since(Moment::now().instant);
        if left.is_zero() {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {} // the timeout, on Unix
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}   // and on Windows
            Err(error) => return Err(error),
        }
    }
}

/// Writes the head at once and the body in pieces.
fn drip(mut stream: &TcpStream, answer: &Answer, over: Duration) -> io::Result<()> {
    stream.write_all(&answer.head())?;
    let size = answer.body.len().div_ceil(DRIPS).max(1);
    let pieces = u32::try_from(answer.body.len().div_ceil(size)).unwrap_or(u32::MAX);
    for piece in answer.body.chunks(size) {
        thread::sleep(over / pieces);
        stream.write_all(piece)?;
    }
    Ok(())
}

/// Locks the mutex, also after a panic of another thread: its value is then still good enough for the failing
/// test to read.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
