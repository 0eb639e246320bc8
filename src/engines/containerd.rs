//! containerd: `NAMESPACE/ID/config.json` below the state folder of its runtime, one for each running container. What
//! Kubernetes and nerdctl call it is in its annotations.

use crate::engines::{Gap, Known, Place, folders, read_json, read_toml, text};
use crate::rootfs::{LookError, Root};

/// Where k3s and RKE2 keep theirs.
const K3S: &str = "/run/k3s/containerd";

pub(super) fn look(host: &Root) -> Vec<Place> {
    let configuration = "/etc/containerd/config.toml";
    let set = read_toml(host, configuration).map(|config| text(&config, &["state"]));
    let mut usual = Place::new("containerd", "/run/containerd".to_owned());
    match set {
        Ok(Some(state)) => usual.path = state,
        Ok(None) | Err(Gap::Look(LookError::Absent)) => {}
        Err(gap) => usual.gaps.push((configuration.to_owned(), gap)),
    }
    tasks(host, &mut usual);
    let mut k3s = Place::new("containerd", K3S.to_owned());
    tasks(host, &mut k3s);
    let there = k3s.gaps.iter().all(|(_, gap)| *gap != Gap::Look(LookError::Absent));
    [Some(usual), there.then_some(k3s)].into_iter().flatten().collect()
}

fn tasks(host: &Root, place: &mut Place) {
    let tasks = format!("{}/io.containerd.runtime.v2.task", place.path);
    let namespaces = folders(host, &tasks).map_err(Gap::from);
    for namespace in place.take(&tasks, namespaces).unwrap_or_default() {
        let folder = format!("{tasks}/{namespace}");
        let ids = folders(host, &folder).map_err(Gap::from);
        for id in place.take(&folder, ids).unwrap_or_default() {
            if place.full(&folder) {
                return;
            }
            let path = format!("{folder}/{id}/config.json");
            match read_json(host, &path) {
                Ok(config) => {
                    let annotation = |name: &str| text(&config, &["annotations", name]);
                    let names = ["io.kubernetes.cri.container-name", "nerdctl/name"];
                    let pod = annotation("io.kubernetes.cri.sandbox-name").map(|name| {
                        let namespace = annotation("io.kubernetes.cri.sandbox-namespace").unwrap_or_default();
                        format!("{namespace}/{name}")
                    });
                    place.containers.push(Known {
                        engine: "containerd",
                        id,
                        names: names.into_iter().filter_map(annotation).collect(),
                        pod,
                    });
                }
                // One that is being made or removed.
                Err(Gap::Look(LookError::Absent)) => {}
                Err(gap) => place.gaps.push((path, gap)),
            }
        }
    }
}
