//! What the scanner is itself: its user, its rights, its namespaces.

use crate::parse::proc_status::ProcStatus;
use crate::process::identity::{place, root_mount};
use crate::process::{Process, Procfs, SYS_PTRACE};
use crate::rootfs::Look;

/// The user namespace that the kernel starts with (include/uapi/linux/nsfs.h).
const INITIAL: &[u8] = b"user:[4026531837]";

/// The scanner's own facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Its number.
    pub pid: i32,
    /// The uid that the kernel asks for (the filesystem uid).
    pub uid: u32,
    /// The gid that the kernel asks for.
    pub gid: u32,
    /// Capabilities that it uses.
    pub effective: u64,
    /// Number of the process that traces it; 0 for none.
    pub tracer: i32,
    /// Its user namespace: `user:[4026531837]`.
    pub user_namespace: Vec<u8>,
    /// Its map of users (user_namespaces(7)).
    pub uid_map: Vec<u8>,
    /// Its mount namespace.
    pub mount_namespace: Vec<u8>,
    /// Number of the mount of its own root.
    pub root_mount: Option<u64>,
    /// Whether its procfs shows processes to those only who may look into them (hidepid, proc(5)).
    pub hidepid: bool,
    /// Whether its procfs surely shows it every process.
    pub sees_all: bool,
}

impl Own {
    /// Reads them.
    pub fn read(procfs: &Procfs) -> Look<Own> {
        let myself = procfs.myself()?;
        let status = myself.status()?;
        let ([.., uid], [.., gid]) = (status.uids, status.gids);
        let user_namespace = myself.link("ns/user")?;
        let hidepid = hidepid(procfs, &myself, &status, user_namespace == INITIAL)?;
        // A right over all processes is one in the user namespace above all others.
        let sees_all = !hidepid || (status.effective & SYS_PTRACE != 0 && user_namespace == INITIAL);
        Ok(Own {
            pid: myself.pid,
            uid,
            gid,
            effective: status.effective,
            tracer: status.tracer,
            user_namespace,
            uid_map: myself.read("uid_map")?,
            mount_namespace: myself.link("ns/mnt")?,
            root_mount: root_mount(&myself)?.map(|mount| mount.id),
            hidepid,
            sees_all,
        })
    }
}

fn hidepid(procfs: &Procfs, myself: &Process, status: &ProcStatus, initial: bool) -> Look<bool> {
    let id = place(&procfs.folder).ok().and_then(|(id, ..)| id);
    let mounts = myself.mounts()?;
    let mount = mounts.iter().rfind(|mount| id.map_or(mount.point == b"/proc", |id| mount.id == id));
    let [.., gid] = status.gids;
    let in_group = |group| initial && (gid == group || status.groups.contains(&group));
    // Of a mount that is not in its own table nothing is known.
    Ok(mount.is_none_or(|mount| hides(&mount.filesystem_options, in_group)))
}

/// Whether a procfs with these options hides processes. Members of one group, that of root where no other is named, see
/// them all, unless it asks for the right to trace.
fn hides(options: &[Vec<u8>], in_group: impl Fn(u32) -> bool) -> bool {
    let value = |name: &[u8]| options.iter().find_map(|option| option.strip_prefix(name));
    match value(b"hidepid=") {
        None | Some(b"0" | b"off") => false,
        Some(b"1" | b"noaccess" | b"2" | b"invisible") => {
            let group = value(b"gid=").map_or(Some(0), |digits| std::str::from_utf8(digits).ok()?.parse().ok());
            !group.is_some_and(in_group)
        }
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sees_all_processes() {
        let cases: [(&str, &[u32], bool); 12] = [
            ("rw", &[], false),
            ("rw,hidepid=0", &[], false),
            ("rw,hidepid=off", &[], false),
            ("rw,hidepid=1", &[1000], true),
            ("rw,hidepid=2", &[1000], true),
            ("rw,hidepid=invisible", &[1000], true),
            ("rw,hidepid=noaccess", &[0], false),
            ("rw,gid=5,hidepid=invisible", &[5], false),
            ("rw,gid=5,hidepid=invisible", &[0], true),
            ("rw,gid=x,hidepid=invisible", &[0], true),
            ("rw,hidepid=4", &[0], true),
            ("rw,hidepid=what comes next", &[0], true),
        ];
        for (options, groups, hidden) in cases {
            let list: Vec<Vec<u8>> = options.split(',').map(|option| option.as_bytes().to_vec()).collect();
            assert_eq!(hides(&list, |group| groups.contains(&group)), hidden, "{options} {groups:?}");
        }
    }
}
