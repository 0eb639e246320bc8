//! POSIX access control lists as the kernel keeps them (`system.posix_acl_access`, linux/posix_acl_xattr.h).

use crate::parse::ParseError;

/// Whom an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The file's owner.
    Owner,
    /// The user with this uid.
    User(u32),
    /// The file's group.
    OwningGroup,
    /// The group with this gid.
    Group(u32),
    /// The upper bound for all but owner and other.
    Mask,
    /// Everybody else.
    Other,
}

/// One entry: three bits, 4 read, 2 write, 1 execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whom it is about.
    pub who: Who,
    /// What they may do.
    pub bits: u32,
}

/// The entries of an access ACL.
///
/// Errors: another version, a length that is no multiple of an entry's, an unknown tag.
pub fn entries(xattr: &[u8]) -> Result<Vec<Entry>, ParseError> {
    let Some((2, body)) = xattr.split_first_chunk().map(|(version, body)| (u32::from_le_bytes(*version), body)) else {
        return Err(ParseError::new("an access ACL of an unknown version"));
    };
    if body.len() % 8 != 0 {
        return Err(ParseError::new("an access ACL that is cut off"));
    }
    body.chunks_exact(8).map(entry).collect()
}

fn entry(bytes: &[u8]) -> Result<Entry, ParseError> {
    let [tag_low, tag_high, bits_low, bits_high, id @ ..] = bytes else {
        return Err(ParseError::new("an access ACL that is cut off"));
    };
    let id = u32::from_le_bytes(id.try_into().unwrap_or_default());
    let who = match u16::from_le_bytes([*tag_low, *tag_high]) {
        0x01 => Who::Owner,
        0x02 => Who::User(id),
        0x04 => Who::OwningGroup,
        0x08 => Who::Group(id),
        0x10 => Who::Mask,
        0x20 => Who::Other,
        tag => return Err(ParseError::new(format!("an access ACL with the unknown tag {tag:#x}"))),
    };
    Ok(Entry { who, bits: u32::from(u16::from_le_bytes([*bits_low, *bits_high])) & 7 })
}

/// An entry in getfacl(1)'s notation, ids as numbers: `user:1000:rw-`.
pub fn text(entry: &Entry) -> String {
    let who = match entry.who {
        Who::Owner => "user:".to_owned(),
        Who::User(uid) => format!("user:{uid}"),
        Who::OwningGroup => "group:".to_owned(),
        Who::Group(gid) => format!("group:{gid}"),
        Who::Mask => "mask:".to_owned(),
        Who::Other => "other:".to_owned(),
    };
    let bit = |bit: u32, letter: char| if entry.bits & bit != 0 { letter } else { '-' };
    format!("{who}:{}{}{}", bit(4, 'r'), bit(2, 'w'), bit(1, 'x'))
}

/// Whether a user with these groups may do what `wanted` asks (acl(5), access check algorithm).
pub fn allows(entries: &[Entry], owner: u32, group: u32, uid: u32, gids: &[u32], wanted: u32) -> bool {
    let of = |who: Who| entries.iter().find(|entry| entry.who == who).map(|entry| entry.bits);
    let mask = of(Who::Mask).unwrap_or(7);
    if uid == owner {
        return of(Who::Owner).is_some_and(|bits| bits & wanted == wanted);
    }
    if let Some(bits) = of(Who::User(uid)) {
        return bits & mask & wanted == wanted;
    }
    let mut in_a_group = false;
    for entry in entries {
        let gid = match entry.who {
            Who::OwningGroup => group,
            Who::Group(gid) => gid,
            _ => continue,
        };
        if gids.contains(&gid) {
            in_a_group = true;
            if entry.bits & mask & wanted == wanted {
                return true;
            }
        }
    }
    !in_a_group && of(Who::Other).is_some_and(|bits| bits & wanted == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, bits, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(bits.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn the_mask_bounds_named_users_and_groups() {
        let none = u32::MAX;
        let bytes = acl(&[(1, 6, none), (2, 7, 1000), (4, 4, none), (8, 6, 50), (0x10, 4, none), (0x20, 0, none)]);
        let entries = entries(&bytes).unwrap();
        let words: Vec<String> = entries.iter().map(text).collect();
        assert_eq!(words, ["user::rw-", "user:1000:rwx", "group::r--", "group:50:rw-", "mask::r--", "other::---"]);
        for (uid, gids, wanted, expected) in [
            (0, &[][..], 6, true),
            (1000, &[][..], 4, true),
            (1000, &[][..], 2, false),
            (7, &[50][..], 4, true),
            (7, &[50][..], 2, false),
            (7, &[60][..], 4, false),
        ] {
            assert_eq!(allows(&entries, 0, 0, uid, gids, wanted), expected, "{uid} {gids:?} {wanted}");
        }
    }

    #[test]
    fn what_is_no_acl_is_refused() {
        for bytes in [&b""[..], b"\x01\0\0\0", b"\x02\0\0\0\x01", &acl(&[(0x40, 0, 0)])] {
            assert!(entries(bytes).is_err());
        }
    }
}
