//! The rights of one run: an account of its own, with as little as the scan needs, for as short as it needs it.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::{Api, PostParams};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep};

use crate::launcher::approach::Way;
use crate::launcher::connect::Session;
use crate::launcher::kubeconfig;
use crate::launcher::ledger::{Kind, Ledger};
use crate::launcher::manifest::{Run, owner};
use crate::launcher::rbac::scan_rules;
use crate::launcher::scan::Context;
use crate::launcher::target::Target;
use crate::launcher::trouble::{Reason, Trouble};

/// The shortest life of a token that the API server grants.
const TOKEN_SECONDS: i64 = 600;
/// How long a removed binding may still work.
const DEATH: Duration = Duration::from_secs(15);

/// The run's record, which owns what the run makes.
///
/// Errors: as the API server's.
async fn record(
    session: &Session,
    ledger: &Ledger,
    run: &Run,
    planned: &[String],
    target: Option<&Target>,
) -> Result<Json, Trouble> {
    let made = ledger.make(session, Kind::ConfigMap, run.record(planned, target)).await?;
    let name = made.metadata.name.unwrap_or_default();
    Ok(owner("ConfigMap", &name, &made.metadata.uid.unwrap_or_default()))
}

/// The session that a scan runs commands with: the run's own, or the caller's where no rights are to be made.
pub async fn begin(context: &Context<'_>, rules: &[Json], target: Option<&Target>) -> Result<Session, Trouble> {
    if context.common.no_rbac {
        return Ok(context.caller.clone());
    }
    let (caller, ledger, run) = (&context.caller, context.ledger, &context.run);
    let owner = record(caller, ledger, run, &names(run), target).await?;
    with_account(context, rules, &owner).await
}

/// The same for a pod of the scan's own, which the run's record owns.
pub async fn begin_with_pod(context: &Context<'_>, rules: &[Json]) -> Result<(Session, Json), Trouble> {
    let (caller, ledger, run) = (&context.caller, context.ledger, &context.run);
    let owner = record(caller, ledger, run, &names(run), None).await?;
    if context.common.no_rbac {
        return Ok((caller.clone(), owner));
    }
    let session = with_account(context, rules, &owner).await?;
    Ok((session, owner))
}

async fn with_account(context: &Context<'_>, rules: &[Json], owner: &Json) -> Result<Session, Trouble> {
    let (session, token) = grant(&context.caller, context.ledger, &context.run, rules, owner).await?;
    context.steps.done("made the run's own rights: service account, role, binding, token");
    if let Some(path) = &context.common.kubeconfig_out {
        kubeconfig::write(path, context, &token)?;
    }
    Ok(session)
}

fn names(run: &Run) -> Vec<String> {
    let kinds = [Kind::ServiceAccount, Kind::Role, Kind::RoleBinding];
    let made = [run.account_name(), format!("scanner-role-{}", run.id), format!("scanner-binding-{}", run.id)];
    kinds.iter().zip(made).map(|(kind, name)| format!("{} {name}", kind.name())).collect()
}

/// The rights that would be made.
pub fn planned(context: &Context<'_>, way: Way, pod: &str) -> Vec<Json> {
    if context.common.no_rbac {
        return Vec::new();
    }
    let run = &context.run;
    let rules = scan_rules(way, pod, context.minor);
    vec![run.record(&names(run), None), run.service_account(None), run.role(&rules, None), run.role_binding(None)]
}

/// Makes account, role and binding, and gives a session with the account's token.
///
/// Errors: as the API server's.
async fn grant(
    session: &Session,
    ledger: &Ledger,
    run: &Run,
    rules: &[Json],
    owner: &Json,
) -> Result<(Session, String), Trouble> {
    let account = async {
        ledger.make(session, Kind::ServiceAccount, run.service_account(Some(owner))).await?;
        token(session, &run.namespace, &run.account_name()).await
    };
    let (token, role, binding) = tokio::join!(
        account,
        ledger.make(session, Kind::Role, run.role(rules, Some(owner))),
        // It may name a role that is only just being made.
        bind(session, ledger, run, owner),
    );
    role?;
    binding?;
    let token = token?;
    Ok((session.with_token(&token)?, token))
}

async fn bind(session: &Session, ledger: &Ledger, run: &Run, owner: &Json) -> Result<(), Trouble> {
    let binding = || run.role_binding(Some(owner));
    // Whether a caller may pass these rights on is judged by the role, which must be there for that.
    for _ in 0..20 {
        match ledger.make(session, Kind::RoleBinding, binding()).await {
            Err(trouble) if trouble.reason == Reason::Missing => sleep(Duration::from_millis(5)).await,
            made => return made.map(|_| ()),
        }
    }
    ledger.make(session, Kind::RoleBinding, binding()).await.map(|_| ())
}

async fn token(session: &Session, namespace: &str, account: &str) -> Result<String, Trouble> {
    let api: Api<ServiceAccount> = Api::namespaced(session.client.clone(), namespace);
    let request = TokenRequest {
        spec: TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() },
        ..TokenRequest::default()
    };
    let doing = format!("request a token for the service account {account}");
    let answer = session.ask(&doing, api.create_token_request(account, &PostParams::default(), &request)).await?;
    let token = answer.status.map(|status| status.token).filter(|token| !token.is_empty());
    token.ok_or_else(|| Trouble::new(format!("cannot {doing}: the answer has none")))
}

/// Takes the rights away, and looks that the token opens nothing any more.
///
/// Errors: it still does, or the binding cannot be removed.
pub async fn revoke(
    session: &Session,
    scanner: &Session,
    ledger: &Ledger,
    namespace: &str,
    pod: &str,
) -> Result<Duration, Trouble> {
    let started = Instant::now();
    ledger.remove_kind(session, Kind::RoleBinding).await?;
    let api: Api<Pod> = Api::namespaced(scanner.client.clone(), namespace);
    loop {
        match scanner.ask("look whether the token still opens anything", api.get_metadata(pod)).await {
            // Unknown, or without the right: both are dead.
            Err(trouble) if trouble.reason == Reason::Right || trouble.what.contains("Unauthorized") => {
                return Ok(started.elapsed());
            }
            _ if started.elapsed() > DEATH => {
                let what =
                    format!("the run's token still works {} s after its role binding was removed", DEATH.as_secs());
                return Err(Trouble::new(what).with_next("does another binding give rights to all service accounts?"));
            }
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
}
