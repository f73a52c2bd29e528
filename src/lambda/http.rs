//! HTTP connector for the SDK that sets up TLS on the first `https://` request. It never loads certificates
//! without such a request, because that would take half of the program's start-up time.

use std::collections::HashMap;
use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Connection pools for all requests of a run. Clones share them.
///
/// There is one pool for each pair of timeouts, so that the timeout of a metadata service does not apply to
/// Lambda.
#[derive(Clone, Debug, Default)]
pub(super) struct LazyTls {
    pools: Arc<Mutex<HashMap<TimeOuts, SharedHttpConnector>>>,
    /// Trusted certificates. `None`: those of the system.
    bundle: Option<CaBundle>,
}

impl LazyTls {
    /// Trusts only the certificates in `bundle`. `None`: those of the system.
    pub(super) fn trusting(bundle: Option<CaBundle>) -> Self {
        LazyTls { bundle, ..LazyTls::default() }
    }
}

/// CA certificates in PEM, all of them usable.
#[derive(Clone, Debug)]
pub(super) struct CaBundle(Vec<u8>);

impl CaBundle {
    /// Reads the usable certificates of a PEM file and skips the others, as is done for the system's. `None`:
    /// none is usable.
    pub(super) fn from_pem(pem: &[u8]) -> Option<Self> {
        let mut usable = String::new();
        for certificate in CertificateDer::pem_slice_iter(pem).flatten() {
            let text = base64_simd::STANDARD.encode_to_string(&certificate);
            if RootCertStore::empty().add(certificate).is_ok() {
                usable += &format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
            }
        }
        (!usable.is_empty()).then(|| CaBundle(usable.into_bytes()))
    }
}

/// Connect timeout and read timeout.
type TimeOuts = (Option<Duration>, Option<Duration>);

impl HttpClient for LazyTls {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let builder = || {
            let mut builder = Connector::builder().connector_settings(settings.clone());
            builder.set_sleep_impl(components.sleep_impl());
            builder
        };
        let make = || {
            let (plain, tls_builder, bundle) = (builder().build_http(), builder(), self.bundle.clone());
            SharedHttpConnector::new(PlainOrTls { plain, tls: OnceLock::new(), tls_builder, bundle })
        };
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.entry((settings.connect_timeout(), settings.read_timeout())).or_insert_with(make).clone()
    }
}

/// A connector for plain HTTP, and one for TLS that is built on first use.
#[derive(Debug)]
struct PlainOrTls {
    plain: Connector,
    tls: OnceLock<Connector>,
    tls_builder: ConnectorBuilder,
    bundle: Option<CaBundle>,
}

impl HttpConnector for PlainOrTls {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().starts_with("http://") {
            return bounded(self.plain.call(request));
        }
        let build = || {
            let builder = self.tls_builder.clone().proxy_config(ProxyConfig::from_env());
            let builder = builder.tls_provider(Provider::Rustls(CryptoMode::Ring));
            match &self.bundle {
                None => builder.build(),
                Some(CaBundle(pem)) => {
                    let store = TrustStore::empty().with_pem_certificate(pem.clone());
                    let context = TlsContext::builder().with_trust_store(store).build();
                    builder.tls_context(context.expect("each certificate was checked")).build()
                }
            }
        };
        bounded(self.tls.get_or_init(build).call(request))
    }
}

/// Largest accepted response. Lambda's largest response is that of an invocation, with at most 6 MiB.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// Largest part of an error response that is read. AWS's longest error texts have some 1,000 characters.
const MAX_ERROR_BYTES: usize = 256 * 1024;

/// Bounds the body of a response. Reading a successful response fails beyond [`MAX_RESPONSE_BYTES`]. The text
/// of an error response is cut off after [`MAX_ERROR_BYTES`], so that the user still sees the error.
fn bounded(answer: HttpConnectorFuture) -> HttpConnectorFuture {
    HttpConnectorFuture::new(async move {
        let mut response = answer.await?;
        if response.status().is_client_error() || response.status().is_server_error() {
            let body = shortened(response.take_body()).await.map_err(ConnectorError::io)?;
            // The SDK compares it with the body, which may be shorter now.
            response.headers_mut().remove("content-length");
            *response.body_mut() = body;
            return Ok(response);
        }
        Ok(response.map(|body| SdkBody::from_body_1_x(Bounded { body, left: MAX_RESPONSE_BYTES })))
    })
}

/// Reads the body of an error response, at most [`MAX_ERROR_BYTES`]. A longer body has a long message, so the
/// cut is inside that JSON string; the string and the object are closed after it.
async fn shortened(mut body: SdkBody) -> Result<SdkBody, BoxError> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        bytes.extend(frame?.into_data().unwrap_or_default());
        if bytes.len() > MAX_ERROR_BYTES {
            bytes.truncate(MAX_ERROR_BYTES);
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            // Half of an escape such as `\u00e4` would make the JSON invalid.
            if let Some(escape) = text.rfind('\\').filter(|start| text.len() - start < 6) {
                text.truncate(text[..escape].trim_end_matches('\\').len());
            }
            return Ok(SdkBody::from(text + "…\"}"));
        }
    }
    Ok(SdkBody::from(bytes))
}

/// Error for a response of more than [`MAX_RESPONSE_BYTES`], and the retry classifier for it.
#[derive(Debug, thiserror::Error)]
#[error("the response is larger than {} MiB", MAX_RESPONSE_BYTES >> 20)]
pub(super) struct TooLarge;

/// Forbids a retry after [`TooLarge`]: the next response would be as large.
impl ClassifyRetry for TooLarge {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let mut next = error.map(|error| error as &dyn Error);
        while let Some(error) = next {
            if error.is::<TooLarge>() {
                return RetryAction::RetryForbidden;
            }
            next = error.source();
        }
        RetryAction::NoActionIndicated
    }

    fn name(&self) -> &'static str {
        "TooLarge"
    }
}

struct Bounded {
    body: SdkBody,
    left: usize,
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            match self.left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(TooLarge.into()))),
            }
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
