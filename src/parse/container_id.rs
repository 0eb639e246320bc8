//! Which container a process belongs to, by where runtimes put what they start: /proc/PID/cgroup, and the file for the
//! last words that a kubelet mounts into each container.

use crate::parse::lines;

/// A container's id, and who named it so where the path tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerId {
    /// `containerd`, `cri-o`, `docker`, `podman`; `None` for a bare id.
    pub engine: Option<&'static str>,
    /// 64 hexadecimal digits.
    pub id: String,
}

/// What runtimes write before an id: `docker-ID.scope`. And in the form that names a slice, a prefix and an id to systemd,
/// where it was taken for a name: `system.slice:docker:ID`.
const PREFIXES: [(&str, &str); 6] = [
    ("cri-containerd", "containerd"),
    ("crio", "cri-o"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("libpod-payload", "podman"),
    ("nerdctl", "containerd"),
];

/// Folders that runtimes keep bare ids in.
const PARENTS: [(&str, &str); 2] = [("docker", "docker"), ("k8s.io", "containerd")];

/// Where podman keeps its containers, and its pods under bare ids.
const OF_PODMAN: &str = "libpod_parent";

/// The container that a process is in, by /proc/PID/cgroup. Of nested ones it is the outermost: what lies below, the
/// container could have made itself. `None` when the paths name none, or not the same. Processes that belong to a container's
/// engine (`crio-conmon-ID.scope`) are in none, and so is what lies below them.
pub fn of_cgroup(bytes: &[u8]) -> Option<ContainerId> {
    let mut found: Option<ContainerId> = None;
    for (_, line) in lines(bytes) {
        let path = line.splitn(3, |byte| *byte == b':').nth(2)?;
        let Some(id) = std::str::from_utf8(path).ok().and_then(of_path) else { continue };
        match &found {
            Some(known) if known.id != id.id => return None,
            Some(known) if known.engine.is_some() => {}
            _ => found = Some(id),
        }
    }
    found
}

fn of_path(path: &str) -> Option<ContainerId> {
    let mut parent = "";
    for name in path.split('/') {
        let name = name.strip_suffix(".scope").unwrap_or(name);
        let (prefix, id) = name.rsplit_once(['-', ':']).unwrap_or(("", name));
        let is_pod = prefix.is_empty() && parent == OF_PODMAN;
        if is_id(id) && !is_pod {
            let prefix = prefix.rsplit(':').next().unwrap_or_default();
            let known = |table: &[(&str, &'static str)], text: &str| {
                table.iter().find(|(known, _)| *known == text).map(|(_, engine)| *engine)
            };
            let engine = if prefix.is_empty() { known(&PARENTS, parent) } else { Some(known(&PREFIXES, prefix)?) };
            return Some(ContainerId { engine, id: id.to_owned() });
        }
        parent = name;
    }
    None
}

/// Whether a text is a container's whole id.
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The pod's uid and the container's name, when a mount's root is the file that a kubelet makes for each container:
/// `…/pods/UID/containers/NAME/…`. The first `/pods/` counts: what follows it, a volume could imitate. A process that may
/// mount can make such a path of its own folders, but only of letters that Kubernetes takes, which give no orders to a
/// terminal.
pub fn kubernetes_name(mount_root: &[u8]) -> Option<(&str, &str)> {
    let path = std::str::from_utf8(mount_root).ok()?;
    let (_, below) = path.split_once("/pods/")?;
    let mut parts = below.split('/');
    let (uid, folder, name, file) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let ends = parts.next().is_none();
    (ends && folder == "containers" && is_label(uid) && is_label(name) && !file.is_empty()).then_some((uid, name))
}

/// Whether Kubernetes could have given this name (RFC 1123, "label").
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const OTHER: &str = "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn the_forms_of_all_runtimes_are_known() {
        let (containerd, docker) = (Some("containerd"), Some("docker"));
        let (crio, podman) = (Some("cri-o"), Some("podman"));
        let cases = [
            // Kubernetes with control groups of its own.
            ("4:memory:/kubepods/burstable/pod1-2/ID", None),
            ("4:memory:/kubepods/besteffort/pod1-2/crio-ID", crio),
            ("3:pids:/k8s.io/ID", containerd),
            // Kubernetes with systemd's.
            ("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-ID.scope", containerd),
            ("0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/docker-ID.scope", docker),
            ("0::/kubepods.slice/kubepods-pod1.slice/crio-ID.scope/container", crio),
            ("1:name=systemd:/kubepods.slice/kubepods-pod1.slice/crio-ID.scope", crio),
            // systemd's form taken for a name.
            ("9:pids:/system.slice/containerd.service/kubepods-burstable-pod1_2.slice:cri-containerd:ID", containerd),
            ("0::/kubepods-besteffort-pod1.slice:crio:ID", crio),
            ("3:cpu,cpuacct:/system.slice:docker:ID", docker),
            ("0::/machine.slice:libpod:ID", podman),
            // Engines by themselves.
            ("0::/system.slice/docker-ID.scope", docker),
            ("0::/system.slice/docker-ID.scope/init.scope", docker),
            ("3:pids:/docker/ID", docker),
            ("0::/system.slice/nerdctl-ID.scope", containerd),
            ("0::/actions_job/ID", None),
            ("0::/machine.slice/libpod-ID.scope/container", podman),
            ("0::/machine.slice/machine-libpod_pod_OTHER.slice/libpod-ID.scope", podman),
            ("0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container", podman),
            ("0::/system.slice/web.service/libpod-payload-ID", podman),
            ("3:pids:/libpod_parent/libpod-ID", podman),
            ("3:pids:/libpod_parent/OTHER/libpod-ID", podman),
            // From within another container's control group namespace.
            ("0::/../libpod-ID", podman),
            ("0::/../../pod1-2/ID", None),
            ("0::/../cri-containerd-ID.scope", containerd),
        ];
        for (line, engine) in cases {
            let line = line.replace("OTHER", OTHER).replace("ID", ID);
            let found = of_cgroup(line.as_bytes());
            assert_eq!(found, Some(ContainerId { engine, id: ID.to_owned() }), "{line}");
        }
    }

    #[test]
    fn what_is_no_container_has_no_id() {
        let cases = [
            "0::/",
            "0::/..",
            "0::/../..",
            "0::/init.scope",
            // Those that watch over a container, and what one of them could make.
            "0::/kubepods.slice/kubepods-pod1.slice/crio-conmon-ID.scope",
            "0::/machine.slice/libpod-conmon-ID.scope",
            "0::/machine.slice/libpod-conmon-ID.scope/docker/OTHER",
            "3:pids:/libpod_parent/OTHER/conmon",
            "3:pids:/libpod_parent/conmon",
            "0::/system.slice:conmon:ID",
            // A pod, and a folder of systemd with its id.
            "3:pids:/libpod_parent/ID",
            "0::/machine.slice/machine-libpod_pod_ID.slice",
            "0::/system.slice/docker-0123.scope",
            "0::/system.slice/docker-IDf.scope",
        ];
        for line in cases {
            let line = line.replace("OTHER", OTHER).replace("ID", ID);
            assert_eq!(of_cgroup(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn the_outermost_counts_and_two_are_none() {
        let nested = format!("0::/docker/{ID}/docker/{OTHER}\n");
        assert_eq!(of_cgroup(nested.as_bytes()).unwrap().id, ID);
        let two = format!("1:a:/docker/{ID}\n2:b:/docker/{OTHER}\n");
        assert_eq!(of_cgroup(two.as_bytes()), None);
        assert_eq!(of_cgroup(b"0::/\n"), None);
        assert_eq!(of_cgroup(b"0::/user.slice/libpod-0123.scope\n"), None);
        assert_eq!(of_cgroup(b"nothing"), None);
    }

    #[test]
    fn a_kubelets_file_names_the_container() {
        let root = b"/var/lib/kubelet/pods/ab-1/containers/app/5f6c";
        assert_eq!(kubernetes_name(root), Some(("ab-1", "app")));
        let volume = b"/var/lib/kubelet/pods/ab-1/volumes/kubernetes.io~empty-dir/v/pods/ab-1/containers/app/5f6c";
        assert_eq!(kubernetes_name(volume), None);
        assert_eq!(kubernetes_name(b"/pods/ab/containers/app/x/y"), None);
        assert_eq!(kubernetes_name(b"/pods/ab/containers/app\x1b[2J/x"), None);
        assert_eq!(kubernetes_name(b"/pods/a b/containers/app/x"), None);
        assert_eq!(kubernetes_name(b"/etc/hosts"), None);
    }
}
