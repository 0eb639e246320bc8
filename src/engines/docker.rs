//! Docker: `containers/ID/config.v2.json` below its data root.

use crate::engines::{Caller, Gap, Known, Place, folders, read_json, text};
use crate::rootfs::{LookError, Root};

pub(super) fn look(host: &Root, caller: &Caller) -> Place {
    let (configuration, usual) = match (caller.uid, &caller.home) {
        (0, _) | (_, None) => ("/etc/docker/daemon.json".to_owned(), "/var/lib/docker".to_owned()),
        (_, Some(home)) => {
            let config = caller.config.clone().unwrap_or_else(|| format!("{home}/.config"));
            let data = caller.data.clone().unwrap_or_else(|| format!("{home}/.local/share"));
            (format!("{config}/docker/daemon.json"), format!("{data}/docker"))
        }
    };
    let set = read_json(host, &configuration).map(|daemon| text(&daemon, &["data-root"]));
    let mut place = Place::new("docker", usual);
    match set {
        Ok(Some(root)) => place.path = root,
        Ok(None) | Err(Gap::Look(LookError::Absent)) => {}
        Err(gap) => place.gaps.push((configuration, gap)),
    }
    let containers = format!("{}/containers", place.path);
    let ids = folders(host, &containers).map_err(Gap::from);
    for id in place.take(&containers, ids).unwrap_or_default() {
        if place.full(&containers) {
            break;
        }
        let path = format!("{containers}/{id}/config.v2.json");
        match read_json(host, &path) {
            Ok(config) => {
                let name = text(&config, &["Name"]).map(|name| name.trim_start_matches('/').to_owned());
                place.containers.push(Known { engine: "docker", id, names: name.into_iter().collect(), pod: None });
            }
            // One that is being made or removed.
            Err(Gap::Look(LookError::Absent)) => {}
            Err(gap) => place.gaps.push((path, gap)),
        }
    }
    place
}
