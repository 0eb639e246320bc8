//! The connection to the API server: the caller's, and the run's with its own token.

use std::future::Future;
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::launcher::cli::Connection;
use crate::launcher::trouble::{Reason, Trouble, chain};

/// Requests as one user.
#[derive(Clone)]
pub struct Session {
    /// Shared connections.
    pub client: Client,
    config: Config,
    request_timeout: Duration,
}

/// The caller's session, and the namespace that is meant.
pub async fn connect(arguments: &Connection, run: &str) -> Result<(Session, String), Trouble> {
    let mut config = configuration(arguments).await?;
    if let Some(user) = &arguments.impersonate {
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_groups =
            (!arguments.impersonate_group.is_empty()).then(|| arguments.impersonate_group.clone());
    }
    let agent = format!("assay/{} run={run}", env!("CARGO_PKG_VERSION"));
    if let Ok(agent) = HeaderValue::from_str(&agent) {
        config.headers.push((USER_AGENT, agent));
    }
    let namespace = arguments.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    Ok((Session::new(config, arguments.request_timeout)?, namespace))
}

async fn configuration(arguments: &Connection) -> Result<Config, Trouble> {
    let unusable = |error: &dyn std::error::Error| {
        Trouble::usage(format!("no cluster to talk to: {}", chain(error))).with_next(
            "name a kubeconfig by --kubeconfig or KUBECONFIG; `kubectl config get-contexts` lists what there is",
        )
    };
    let options = KubeConfigOptions {
        context: arguments.context.clone(),
        cluster: arguments.cluster.clone(),
        user: arguments.user.clone(),
    };
    if let Some(path) = &arguments.kubeconfig {
        let file = Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
        return Config::from_custom_kubeconfig(file, &options).await.map_err(|error| unusable(&error));
    }
    match Config::from_kubeconfig(&options).await {
        Ok(config) => Ok(config),
        // Without any kubeconfig: in a pod, its own account.
        Err(error) => Config::incluster().map_err(|_| unusable(&error)),
    }
}

impl Session {
    fn new(config: Config, request_timeout: Duration) -> Result<Session, Trouble> {
        let client = Client::try_from(config.clone())
            .map_err(|error| Trouble::usage(format!("the kubeconfig cannot be used: {}", chain(&error))))?;
        Ok(Session { client, config, request_timeout })
    }

    /// The same cluster, with this token and nothing of the caller's.
    pub fn with_token(&self, token: &str) -> Result<Session, Trouble> {
        let mut config = Config::new(self.config.cluster_url.clone());
        config.root_cert.clone_from(&self.config.root_cert);
        config.root_cert_file.clone_from(&self.config.root_cert_file);
        config.accept_invalid_certs = self.config.accept_invalid_certs;
        config.tls_server_name.clone_from(&self.config.tls_server_name);
        config.proxy_url.clone_from(&self.config.proxy_url);
        config.headers.clone_from(&self.config.headers);
        config.auth_info.token = Some(token.to_owned().into());
        Session::new(config, self.request_timeout)
    }

    /// The same user on connections of its own: what hangs in another does not hold it up.
    pub fn apart(&self) -> Result<Session, Trouble> {
        Session::new(self.config.clone(), self.request_timeout)
    }

    /// The server's address.
    pub fn server(&self) -> String {
        self.config.cluster_url.to_string()
    }

    /// The certificates that the server is known by, as a kubeconfig has them.
    pub fn certificate_data(&self) -> Option<String> {
        let certificates = self.config.root_cert.as_deref()?;
        let pem: String = certificates
            .iter()
            .map(|der| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64(der)))
            .collect();
        Some(base64(pem.as_bytes()))
    }

    /// Waits for a request's answer as long as it may take.
    pub async fn ask<T>(&self, doing: &str, request: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
        match tokio::time::timeout(self.request_timeout, request).await {
            Ok(answer) => answer.map_err(|error| Trouble::of_request(doing, &error)),
            Err(_) => Err(Trouble {
                reason: Reason::Passing,
                ..Trouble::new(format!("cannot {doing}: no answer in {} s", self.request_timeout.as_secs()))
                    .with_next("a longer --request-timeout may help")
            }),
        }
    }
}

/// RFC 4648, section 4. Kubernetes' own type has an encoder, for JSON.
fn base64(bytes: &[u8]) -> String {
    let encoded = serde_json::to_value(k8s_openapi::ByteString(bytes.to_vec())).unwrap_or_default();
    encoded.as_str().unwrap_or_default().to_owned()
}
