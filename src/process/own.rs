//! What the scanner is itself: its user, its rights, its namespaces.

use crate::process::identity::root_mount;
use crate::process::{Process, Procfs};
use crate::rootfs::Look;

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
    /// Its mount namespace.
    pub mount_namespace: Vec<u8>,
    /// Number of the mount of its own root.
    pub root_mount: Option<u64>,
    /// Whether its procfs shows the processes of other users to those only who may look into them (hidepid, proc(5)).
    pub hidepid: bool,
}

impl Own {
    /// Reads them.
    pub fn read(procfs: &Procfs) -> Look<Own> {
        let myself = procfs.myself()?;
        let status = myself.status()?;
        let ([.., uid], [.., gid]) = (status.uids, status.gids);
        Ok(Own {
            pid: myself.pid,
            uid,
            gid,
            effective: status.effective,
            tracer: status.tracer,
            user_namespace: myself.link("ns/user")?,
            mount_namespace: myself.link("ns/mnt")?,
            root_mount: root_mount(&myself)?.map(|mount| mount.id),
            hidepid: hidepid(&myself)?,
        })
    }
}

fn hidepid(myself: &Process) -> Look<bool> {
    let mounts = myself.mounts()?;
    let procfs = mounts.iter().rfind(|mount| mount.point == b"/proc");
    let shown: [&[u8]; 2] = [b"hidepid=0", b"hidepid=off"];
    let hides = |option: &Vec<u8>| option.starts_with(b"hidepid=") && !shown.contains(&option.as_slice());
    Ok(procfs.is_some_and(|mount| mount.filesystem_options.iter().any(hides)))
}
