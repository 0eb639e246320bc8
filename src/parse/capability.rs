//! File capabilities as the kernel keeps them (`security.capability`, linux/capability.h).

use crate::parse::ParseError;

/// Names by number, capabilities(7).
pub const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// The capabilities that a file gives (permitted or inheritable), by name, in order of their numbers.
///
/// Errors: another revision, a wrong length.
pub fn names(xattr: &[u8]) -> Result<Vec<String>, ParseError> {
    let word = |index: usize| {
        let bytes = xattr.get(index * 4..index * 4 + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let cut = || ParseError::new("file capabilities that are cut off");
    let words = match word(0).ok_or_else(cut)? & 0xff00_0000 {
        0x0100_0000 => 1,
        0x0200_0000 | 0x0300_0000 => 2,
        revision => return Err(ParseError::new(format!("file capabilities of the unknown revision {revision:#x}"))),
    };
    let mut set = 0_u64;
    for index in 0..words {
        let permitted = word(1 + 2 * index).ok_or_else(cut)?;
        let inheritable = word(2 + 2 * index).ok_or_else(cut)?;
        set |= u64::from(permitted | inheritable) << (32 * index);
    }
    let numbers = (0_u32..64).filter(|number| set & (1 << number) != 0);
    let name = |number: u32| {
        let known = usize::try_from(number).ok().and_then(|index| NAMES.get(index));
        known.map_or_else(|| format!("cap_{number}"), |name| (*name).to_owned())
    };
    Ok(numbers.map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_revisions_give_their_names() {
        // As setcap(8) cap_net_raw=ep, cap_setuid=ep and cap_bpf=i write them.
        let one = [0x0100_0001_u32, 1 << 13, 0];
        let two = [0x0200_0001_u32, 1 << 7, 0, 0, 1 << 7];
        let three = [0x0300_0000_u32, 0, 1 << 13, 0, 0, 1000];
        let bytes = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        assert_eq!(names(&bytes(&one)).unwrap(), ["cap_net_raw"]);
        assert_eq!(names(&bytes(&two)).unwrap(), ["cap_setuid", "cap_bpf"]);
        assert_eq!(names(&bytes(&three)).unwrap(), ["cap_net_raw"]);
        for bad in [&b""[..], b"\x01\0\0\x09", &bytes(&two)[..8]] {
            assert!(names(bad).is_err());
        }
    }
}
