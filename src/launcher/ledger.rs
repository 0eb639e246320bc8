//! What a run made, written down before it is made: nothing else decides what is removed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, PostParams};
use kube::core::GroupVersionKind;
use serde_json::Value as Json;
use tokio::time::{Instant, sleep};

use crate::launcher::connect::Session;
use crate::launcher::exec::Place;
use crate::launcher::manifest::{MANAGED_BY, RUN_LABEL};
use crate::launcher::trouble::{Reason, Trouble};

/// How long an object that was deleted may stay visible: a pod's containers end first.
const GONE: Duration = Duration::from_secs(30);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// How long a removal that the server puts off is tried again.
const TRY: Duration = Duration::from_secs(20);

/// The kinds of objects that runs make, in the order in which they are removed: first what gives access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What gives the run's account its rights.
    RoleBinding,
    /// Those rights.
    Role,
    /// The account.
    ServiceAccount,
    /// A scanner's pod.
    Pod,
    /// What keeps a scanner's pod from the network.
    NetworkPolicy,
    /// The record of the run, and files of a pod.
    ConfigMap,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] =
        [Kind::RoleBinding, Kind::Role, Kind::ServiceAccount, Kind::Pod, Kind::NetworkPolicy, Kind::ConfigMap];

    /// Its name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Kind::RoleBinding => "RoleBinding",
            Kind::Role => "Role",
            Kind::ServiceAccount => "ServiceAccount",
            Kind::Pod => "Pod",
            Kind::NetworkPolicy => "NetworkPolicy",
            Kind::ConfigMap => "ConfigMap",
        }
    }

    fn resource(self) -> ApiResource {
        let group = match self {
            Kind::RoleBinding | Kind::Role => "rbac.authorization.k8s.io",
            Kind::NetworkPolicy => "networking.k8s.io",
            Kind::ServiceAccount | Kind::Pod | Kind::ConfigMap => "",
        };
        let plural = match self {
            Kind::NetworkPolicy => "networkpolicies".to_owned(),
            kind => format!("{}s", kind.name().to_ascii_lowercase()),
        };
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", self.name()), &plural)
    }
}

/// An object that was made, or may have been.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for Entry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {} in namespace {}", self.kind.name(), self.name, self.namespace)
    }
}

/// What could not be removed, and why.
#[derive(Clone, Debug)]
pub struct LeftOver {
    /// The object.
    pub entry: Entry,
    /// Why it is still there.
    pub why: Trouble,
}

/// The objects of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Mutex<Vec<Entry>>,
    containers: Mutex<Vec<Place>>,
    touched: AtomicBool,
    rights_stay: AtomicBool,
}

impl Ledger {
    /// Makes an object, which is written down first: an answer that is lost does not make it forgotten.
    pub async fn make(&self, session: &Session, kind: Kind, object: Json) -> Result<DynamicObject, Trouble> {
        let object: DynamicObject = serde_json::from_value(object)
            .map_err(|error| Trouble::new(format!("a manifest of assay's own is wrong: {error}")))?;
        let entry = Entry {
            kind,
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            name: object.metadata.name.clone().unwrap_or_default(),
        };
        let doing = format!("create {entry}");
        let api = api(session, kind, Some(&entry.namespace));
        self.write(entry.clone());
        let made = session.ask(&doing, api.create(&PostParams::default(), &object)).await;
        if let Err(trouble) = &made
            && matches!(trouble.reason, Reason::Right | Reason::Admission | Reason::Exists)
        {
            // It was refused, so there is nothing to remove; what is there already is somebody else's.
            self.strike(&entry);
        }
        made
    }

    fn write(&self, entry: Entry) {
        self.touched.store(true, Ordering::Relaxed);
        lock(&self.entries).push(entry);
    }

    /// Writes an ephemeral container down, which can be ended and never removed.
    pub fn write_container(&self, place: Place) {
        lock(&self.containers).push(place);
    }

    /// It was refused.
    pub fn strike_container(&self, place: &Place) {
        lock(&self.containers).retain(|known| known != place);
    }

    /// The ephemeral containers that must have ended.
    pub fn containers(&self) -> Vec<Place> {
        lock(&self.containers).clone()
    }

    /// The run's rights were not seen to end when they should.
    pub fn rights_stay(&self) {
        self.rights_stay.store(true, Ordering::Relaxed);
    }

    /// Whether they were not.
    pub fn did_rights_stay(&self) -> bool {
        self.rights_stay.load(Ordering::Relaxed)
    }

    /// Whether nothing was ever made.
    pub fn is_untouched(&self) -> bool {
        !self.touched.load(Ordering::Relaxed)
    }

    fn strike(&self, entry: &Entry) {
        lock(&self.entries).retain(|known| known != entry);
    }

    /// What is to be removed, in that order.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = lock(&self.entries).clone();
        entries.sort();
        entries
    }

    /// Leaves the pod and its files, with the record that owns them; `cleanup` finds them by their labels.
    pub fn keep_pod(&self) {
        lock(&self.entries).retain(|entry| !matches!(entry.kind, Kind::Pod | Kind::NetworkPolicy | Kind::ConfigMap));
    }

    /// Removes the objects of one kind now.
    pub async fn remove_kind(&self, session: &Session, kind: Kind) -> Result<(), Trouble> {
        for entry in self.entries().into_iter().filter(|entry| entry.kind == kind) {
            remove(session, &entry).await?;
            self.strike(&entry);
        }
        Ok(())
    }

    /// Removes all that is left, and looks that it is gone: what gives access first, the run's record last, so that a
    /// run that is cut off here can still be found.
    pub async fn clean(&self, session: &Session) -> Vec<LeftOver> {
        let left = clean(session, self.entries()).await;
        lock(&self.entries).retain(|entry| left.iter().any(|left| left.entry == *entry));
        left
    }
}

fn lock<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes objects, and looks that they are gone.
pub async fn clean(session: &Session, entries: Vec<Entry>) -> Vec<LeftOver> {
    let mut left = Vec::new();
    let (access, rest): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.kind == Kind::RoleBinding);
    let (last, rest): (Vec<Entry>, Vec<Entry>) =
        rest.into_iter().partition(|entry| entry.kind == Kind::ConfigMap && entry.name.starts_with("assay-run-"));
    for entries in [access, rest, last] {
        let removed = entries.into_iter().map(|entry| async move {
            let removed = remove(session, &entry).await;
            removed.err().map(|why| LeftOver { entry, why })
        });
        left.extend(futures_util::future::join_all(removed).await.into_iter().flatten());
    }
    left
}

/// Deletes an object and looks until it is gone.
async fn remove(session: &Session, entry: &Entry) -> Result<(), Trouble> {
    let api = api(session, entry.kind, Some(&entry.namespace));
    let doing = format!("delete {entry}");
    let parameters = DeleteParams::background();
    let end = Instant::now() + TRY;
    loop {
        match session.ask(&doing, api.delete(&entry.name, &parameters)).await {
            Ok(_) => break,
            Err(trouble) if trouble.reason == Reason::Missing => return Ok(()),
            Err(trouble) if trouble.reason == Reason::Passing && Instant::now() < end => sleep(LOOK * 10).await,
            Err(trouble) => return Err(trouble),
        }
    }
    let end = Instant::now() + GONE;
    loop {
        match session.ask(&format!("look whether {entry} is gone"), api.get_metadata_opt(&entry.name)).await {
            Ok(None) => return Ok(()),
            Ok(Some(_)) if Instant::now() < end => {}
            Ok(Some(_)) => {
                return Err(Trouble::new(format!(
                    "{entry} was deleted, and is still there after {} s",
                    GONE.as_secs()
                )));
            }
            Err(trouble) if trouble.reason == Reason::Passing && Instant::now() < end => {}
            Err(trouble) => return Err(trouble),
        }
        sleep(LOOK).await;
    }
}

/// What runs have made, by their labels, in one namespace or in all.
pub async fn find(
    session: &Session,
    namespace: Option<&str>,
    run: Option<&str>,
) -> Result<Vec<(Entry, DynamicObject)>, Trouble> {
    let managed = format!("{}={}", MANAGED_BY.0, MANAGED_BY.1);
    let labels = match run {
        Some(run) => format!("{managed},{RUN_LABEL}={run}"),
        None => format!("{managed},{RUN_LABEL}"),
    };
    let parameters = ListParams::default().labels(&labels);
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let doing = format!("list {}s of runs", kind.name());
        let listed = session.ask(&doing, api(session, kind, namespace).list(&parameters)).await?;
        for object in listed.items {
            let entry = Entry {
                kind,
                namespace: object.metadata.namespace.clone().unwrap_or_default(),
                name: object.metadata.name.clone().unwrap_or_default(),
            };
            found.push((entry, object));
        }
    }
    Ok(found)
}

fn api(session: &Session, kind: Kind, namespace: Option<&str>) -> Api<DynamicObject> {
    let client = session.client.clone();
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &kind.resource()),
        None => Api::all_with(client, &kind.resource()),
    }
}
