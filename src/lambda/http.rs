//! A connector for the SDK that builds TLS on the first `https://` request.
//! Never loads certificates that no request needs: that would be half of the program's start.

use std::sync::{Arc, OnceLock};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// One pool of connections for everything that a run asks AWS. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct LazyTls(Arc<OnceLock<SharedHttpConnector>>);

impl HttpClient for LazyTls {
    /// The settings of the first caller count. They hold time-outs for connecting only; how long an answer may take is
    /// the caller's own affair, so that a long upload and a short read share a connection.
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let make = || {
            let builder = || {
                let mut builder = Connector::builder().connector_settings(settings.clone());
                builder.set_sleep_impl(components.sleep_impl());
                builder
            };
            SharedHttpConnector::new(Split { plain: builder().build_http(), tls: OnceLock::new(), unbuilt: builder() })
        };
        self.0.get_or_init(make).clone()
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
