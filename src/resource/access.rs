//! May this user read, write or execute that file? Computed from what the target's files say, as access(2) would.

use crate::parse::accounts::{self, members};
use crate::parse::acl;
use crate::resource::{Asked, Context, NoAnswer};
use crate::rootfs::{Kind, Links, Metadata, Node};

/// A user of the target with all groups.
struct User {
    uid: u32,
    gids: Vec<u32>,
}

/// Whether the user may do what `wanted` asks (4 read, 2 write, 1 execute), the way to the file included.
///
/// Missing when the file is absent; an error when the user is unknown or something on the way cannot be read.
pub(super) fn allows(context: &Context, path: &[u8], user: &str, wanted: u32) -> Asked<bool> {
    let user = find_user(context, user)?;
    let mut way_in = Ok(true);
    let trace = context.root.trace(path, Links::Follow, &mut |folder| {
        if way_in == Ok(true) {
            way_in = permits(context, &user, folder, 1, path);
        }
    });
    let node = trace.map_err(|error| NoAnswer::look(path, &error))?.node;
    Ok(way_in? && permits(context, &user, &node, wanted, path)?)
}

/// The user by name in /etc/passwd, or by number where no user has it as a name: then with the groups of its account.
fn find_user(context: &Context, name: &str) -> Asked<User> {
    let passwd = context.read(b"/etc/passwd").map_err(no_users)?;
    let parse = |error| NoAnswer::parse(b"/etc/passwd", &error);
    let refuse = |why: &str| Err(NoAnswer::Error(format!("/etc/passwd: {why}")));
    let records = accounts::records(&passwd).map_err(parse)?;
    let number: Option<u32> = name.parse().ok();
    let mut found =
        records.iter().filter(|record| record.field(0) == Some(name.as_bytes())).take(1).collect::<Vec<_>>();
    if found.is_empty() && number.is_some() {
        for record in &records {
            if record.id(2).map_err(parse)? == number.map(i64::from) {
                found.push(record);
            }
        }
    }
    let id = |id: Option<i64>| id.and_then(|id| u32::try_from(id).ok());
    match (found.as_slice(), number) {
        ([record], _) => match (id(record.id(2).map_err(parse)?), id(record.id(3).map_err(parse)?)) {
            (Some(uid), Some(gid)) => {
                Ok(User { uid, gids: groups_of(context, record.field(0).unwrap_or_default(), gid)? })
            }
            _ => refuse(&format!("user {name} has no uid or gid")),
        },
        ([], Some(uid)) => Ok(User { uid, gids: Vec::new() }),
        ([], None) => refuse(&format!("there is no user {name}")),
        _ => refuse(&format!("several users have the number {name}: which groups it has is not known")),
    }
}

/// Without an account database it is unknown who the user is: not the file, but the question has no answer.
fn no_users(no_answer: NoAnswer) -> NoAnswer {
    NoAnswer::Error(format!("who the user is cannot be told: {}", no_answer.text()))
}

fn groups_of(context: &Context, user: &[u8], gid: u32) -> Asked<Vec<u32>> {
    let mut gids = vec![gid];
    let group = match context.read(b"/etc/group") {
        Ok(group) => group,
        Err(NoAnswer::Missing(_)) => return Ok(gids),
        Err(error) => return Err(error),
    };
    let parse = |error| NoAnswer::parse(b"/etc/group", &error);
    for record in accounts::groups(&group).map_err(parse)? {
        if members(record.field(3).unwrap_or_default()).any(|member| member == user)
            && let Some(gid) = record.id(2).map_err(parse)?.and_then(|gid| u32::try_from(gid).ok())
        {
            gids.push(gid);
        }
    }
    Ok(gids)
}

/// The answer of the mode bits alone. Root may do everything but execute a file that nobody may execute.
fn by_mode(user: &User, metadata: &Metadata, wanted: u32) -> bool {
    if user.uid == 0 {
        return wanted != 1 || metadata.kind == Kind::Directory || metadata.mode & 0o111 != 0;
    }
    let shift = match () {
        () if user.uid == metadata.uid => 6,
        () if user.gids.contains(&metadata.gid) => 3,
        () => 0,
    };
    (metadata.mode >> shift) & wanted == wanted
}

/// The answer for one file or folder: its ACL where it has one, else its mode.
fn permits(context: &Context, user: &User, node: &Node, wanted: u32, path: &[u8]) -> Asked<bool> {
    if user.uid == 0 {
        return Ok(by_mode(user, &node.metadata, wanted));
    }
    let xattr = context.root.xattr(node, "system.posix_acl_access").map_err(|error| NoAnswer::look(path, &error))?;
    let Some(xattr) = xattr else { return Ok(by_mode(user, &node.metadata, wanted)) };
    let entries = acl::entries(&xattr).map_err(|error| NoAnswer::parse(path, &error))?;
    let Metadata { uid, gid, .. } = node.metadata;
    Ok(acl::allows(&entries, uid, gid, user.uid, &user.gids, wanted))
}
