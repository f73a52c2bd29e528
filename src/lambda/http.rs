//! A connector for the SDK that builds TLS on the first `https://` request.
//! Never loads certificates that no request needs: that would be half of the program's start.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// Connections for everything that a run asks AWS. Cloning shares them.
///
/// One pool for each pair of time-outs: a metadata service that has to answer within 200 ms must not hurry Lambda.
#[derive(Clone, Debug, Default)]
pub(super) struct LazyTls(Arc<Mutex<HashMap<TimeOuts, SharedHttpConnector>>>);

/// For connecting, and for reading.
type TimeOuts = (Option<Duration>, Option<Duration>);

impl HttpClient for LazyTls {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let builder = || {
            let mut builder = Connector::builder().connector_settings(settings.clone());
            builder.set_sleep_impl(components.sleep_impl());
            builder
        };
        let make = || {
            SharedHttpConnector::new(Split { plain: builder().build_http(), tls: OnceLock::new(), unbuilt: builder() })
        };
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pools.entry((settings.connect_timeout(), settings.read_timeout())).or_insert_with(make).clone()
    }
}

/// Plain HTTP at once, TLS when it is needed.
#[derive(Debug)]
struct Split {
    plain: Connector,
    tls: OnceLock<Connector>,
    unbuilt: ConnectorBuilder,
}

impl HttpConnector for Split {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().starts_with("http://") {
            return self.plain.call(request);
        }
        let build = || {
            let builder = self.unbuilt.clone().proxy_config(ProxyConfig::from_env());
            builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
        };
        self.tls.get_or_init(build).call(request)
    }
}
