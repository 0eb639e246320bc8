//! podman, and CRI-O: the lists of containers in their common storage, where storage.conf says.

use crate::engines::{Caller, Gap, Known, Place, folders, read_json, read_toml, text};
use crate::parse::structured::json;
use crate::rootfs::{LookError, Root};
use crate::value::Value;

/// The lists in a folder `DRIVER-containers`; the second has those that do not outlive a restart.
const LISTS: [&str; 2] = ["containers.json", "volatile-containers.json"];

/// Where storage lies.
struct Storage {
    /// What lasts.
    graph: String,
    /// What does not outlive a restart.
    run: String,
}

pub(super) fn look(host: &Root, caller: &Caller) -> Place {
    let (storage, gap) = storage(host, caller);
    let mut place = Place::new("podman", storage.graph.clone());
    place.gaps.extend(gap);
    for (folder, needed) in [(&storage.graph, true), (&storage.run, false)] {
        let drivers = match folders(host, folder) {
            Err(LookError::Absent) if !needed => continue,
            drivers => place.take(folder, drivers.map_err(Gap::from)).unwrap_or_default(),
        };
        for driver in drivers.iter().filter(|name| name.ends_with("-containers")) {
            for list in LISTS {
                let path = format!("{folder}/{driver}/{list}");
                match read_json(host, &path) {
                    Ok(Value::List(rows)) => rows.iter().for_each(|row| add(&mut place, &path, row)),
                    Ok(_) => place.gaps.push((path, Gap::Odd("it is no list".to_owned()))),
                    Err(Gap::Look(LookError::Absent)) => {}
                    Err(gap) => place.gaps.push((path, gap)),
                }
            }
        }
    }
    place
}

fn add(place: &mut Place, path: &str, row: &Value) {
    if place.full(path) {
        return;
    }
    let Some(id) = text(row, &["id"]) else {
        return place.gaps.push((path.to_owned(), Gap::Odd("a container in it has no id".to_owned())));
    };
    let mut names: Vec<String> = match row.get(b"names") {
        Some(Value::List(names)) => names.iter().filter_map(|name| text(name, &[])).collect(),
        _ => Vec::new(),
    };
    // What CRI-O keeps of a container of Kubernetes.
    let metadata = text(row, &["metadata"]).and_then(|metadata| json(metadata.as_bytes()).ok());
    let kept = |key: &str| text(metadata.as_ref()?, &[key]);
    // k8s_POD_NAMESPACE_UID_ATTEMPT.
    let pod = kept("pod-name").map(|name| match name.split('_').collect::<Vec<_>>().as_slice() {
        ["k8s", pod, namespace, ..] => format!("{namespace}/{pod}"),
        _ => name.clone(),
    });
    let engine = if pod.is_some() { "cri-o" } else { "podman" };
    if kept("pod-id").is_some_and(|pod| pod != id) {
        names.extend(kept("metadata-name"));
    }
    place.containers.push(Known { engine, id, names, pod });
}

/// Where storage lies, as podman itself finds out: CONTAINERS_STORAGE_CONF, the user's file, or the system's.
fn storage(host: &Root, caller: &Caller) -> (Storage, Option<(String, Gap)>) {
    let home = caller.home.clone().unwrap_or_default();
    let rootless = caller.uid != 0;
    let mut storage = Storage { graph: "/var/lib/containers/storage".into(), run: "/run/containers/storage".into() };
    if rootless {
        let data = caller.data.clone().unwrap_or_else(|| format!("{home}/.local/share"));
        let runtime = caller.runtime.clone().unwrap_or_else(|| format!("/run/user/{}", caller.uid));
        storage = Storage { graph: format!("{data}/containers/storage"), run: format!("{runtime}/containers") };
    }
    let config = caller.config.clone().unwrap_or_else(|| format!("{home}/.config"));
    let mut files = vec![];
    match &caller.storage_conf {
        Some(given) => files.push((given.clone(), true)),
        None => {
            if rootless {
                files.push((format!("{config}/containers/storage.conf"), true));
            }
            let system = ["/etc/containers/storage.conf", "/usr/share/containers/storage.conf"];
            files.extend(system.map(|path| (path.to_owned(), !rootless)));
        }
    }
    for (path, is_own) in files {
        let conf = match read_toml(host, &path) {
            Ok(conf) => conf,
            Err(Gap::Look(LookError::Absent)) if caller.storage_conf.is_none() => continue,
            Err(gap) => return (storage, Some((path, gap))),
        };
        if is_own {
            storage.graph = text(&conf, &["storage", "graphroot"]).unwrap_or(storage.graph);
            storage.run = text(&conf, &["storage", "runroot"]).unwrap_or(storage.run);
        } else if let Some(path) = text(&conf, &["storage", "rootless_storage_path"]) {
            let name = caller.name.as_deref().unwrap_or_default();
            let path = path.replace("$HOME", &home).replace("$USER", name);
            storage.graph = path.replace("$UID", &caller.uid.to_string());
        }
        break;
    }
    (storage, None)
}
