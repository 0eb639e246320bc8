//! One tree of all layers, as those who unpack images make it.
//!
//! Whiteouts of a layer take away what lies below it, then its members are put in place, in order. An image format
//! leaves some cases open, and runtimes that unpack each layer for itself (overlayfs) see another tree there than
//! those that unpack one over the other. assay does not choose: it refuses such an image and says where.

use std::collections::{BTreeMap, BTreeSet};

use crate::rootfs::image::given::{TWICE, Withheld};
use crate::rootfs::image::reading::Reading;
use crate::rootfs::image::tar::{Flaw, Member, MemberKind, Piece};
use crate::rootfs::{Kind, LookError, Metadata};

/// The most links that are followed in one path: the kernel's own limit.
const MAX_LINKS: usize = 40;
/// The longest name.
const MAX_NAME: usize = 255;
/// The most files of an image, those included that upper layers take away: four times the largest of real images, and
/// about 1 GiB of memory.
const MAX_FILES: usize = 4_000_000;
/// How many oddities are told.
const MAX_REMARKS: usize = 100;
/// What a whiteout's name begins with; twice for what the old AUFS storage kept for itself.
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
const AUFS: &[u8] = b".wh..wh.";

/// The top folder's place.
pub(super) const TOP: u32 = 0;

/// A tree of files.
#[derive(Debug)]
pub(super) struct Tree {
    /// In the order in which they stand in the layers, the lowest first.
    inodes: Vec<Inode>,
    /// What is odd and yet means the same to everybody, or nearly so.
    pub(super) remarks: Vec<String>,
}

/// A file; several names may lead to it.
#[derive(Debug)]
pub(super) struct Inode {
    kind: Kind,
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: (i64, u32),
    nlink: u32,
    pub(super) body: Body,
    pub(super) xattrs: Box<[(String, Vec<u8>)]>,
}

/// What a file holds.
#[derive(Debug)]
pub(super) enum Body {
    Folder(BTreeMap<Box<[u8]>, Child>),
    Content(Content),
    Link(Box<[u8]>),
    Nothing,
    /// A folder of what the kernel makes up, which nobody asked for.
    Kernel,
    /// Something is, or was, there; why it is not known what.
    Withheld(Box<LookError>),
}

/// A name in a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    pub(super) inode: u32,
    /// The layer that brought it, from 0.
    pub(super) layer: u16,
}

/// Where the content of a file is.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) layer: u16,
    pub(super) size: u64,
    pub(super) at: u64,
    pub(super) stored: u64,
    pub(super) pieces: Option<Box<[Piece]>>,
}

/// What a member is to the tree.
enum Role<'a> {
    Entry,
    /// This name of the folder is taken away.
    Whiteout(&'a [u8]),
    /// All names of the folder are.
    Opaque,
    /// Left-overs of AUFS.
    Ignored,
}

/// A place: a folder and a name in it.
type Spot<'a> = (u32, &'a [u8]);

impl Tree {
    pub(super) fn new() -> Tree {
        Tree { inodes: vec![Inode::folder()], remarks: Vec::new() }
    }

    pub(super) fn inode(&self, place: u32) -> Option<&Inode> {
        self.inodes.get(place as usize)
    }

    /// Whether there is nothing at all in it.
    pub(super) fn is_empty(&self) -> bool {
        self.children(TOP).is_none_or(BTreeMap::is_empty)
    }

    pub(super) fn children(&self, place: u32) -> Option<&BTreeMap<Box<[u8]>, Child>> {
        match &self.inode(place)?.body {
            Body::Folder(children) => Some(children),
            _ => None,
        }
    }

    /// Puts a layer on top; errors name the member.
    pub(super) fn put_layer(
        &mut self,
        layer: u16,
        members: Vec<Member>,
        reading: &Reading,
    ) -> Result<(), (Vec<u8>, Flaw)> {
        let mut hidden = BTreeSet::new();
        for member in &members {
            reading.step();
            let path = self.whiteout(layer, member).map_err(|flaw| (member.name.clone(), flaw))?;
            hidden.extend(path);
        }
        for member in members {
            reading.step();
            let name = member.name.clone();
            self.put(layer, member, &hidden).map_err(|flaw| (name, flaw))?;
        }
        Ok(())
    }

    fn remark(&mut self, layer: u16, name: &[u8], what: &str) {
        if self.remarks.len() < MAX_REMARKS {
            let name = crate::value::lossless(name);
            self.remarks.push(format!("layer {}: {name}: {what}", layer + 1));
        }
    }

    /// Takes away what a whiteout hides of the layers below; returns the path that it hides.
    fn whiteout(&mut self, layer: u16, member: &Member) -> Result<Option<Vec<u8>>, Flaw> {
        let names = names(&member.name)?;
        let Some((last, folders)) = names.split_last() else { return Ok(None) };
        let hidden = match role(last)? {
            Role::Entry => return Ok(None),
            Role::Ignored => {
                self.remark(layer, &member.name, "a left-over of AUFS, which is ignored");
                return Ok(None);
            }
            Role::Whiteout(hidden) => Some(hidden),
            Role::Opaque => None,
        };
        if member.kind != MemberKind::File {
            return Err("a whiteout that is no file".into());
        }
        let path = hidden.map(|hidden| path_of(folders.iter().copied().chain([hidden])));
        // Nothing of this layer is in place yet, so all that is met lies below it.
        let mut at = TOP;
        for folder in folders {
            match self.child(at, folder) {
                None => return Ok(path),
                Some(child) => match self.inode(child.inode).map(|inode| inode.kind) {
                    Some(Kind::Directory) => at = child.inode,
                    _ => return Err(THROUGH_LINK.into()),
                },
            }
        }
        match hidden {
            Some(hidden) => self.remove((at, hidden)),
            None => {
                let all: Vec<Box<[u8]>> = self.children(at).into_iter().flat_map(BTreeMap::keys).cloned().collect();
                all.iter().for_each(|name| self.remove((at, name)));
            }
        }
        Ok(path)
    }

    fn put(&mut self, layer: u16, member: Member, hidden: &BTreeSet<Vec<u8>>) -> Result<(), Flaw> {
        if let Some((key, _)) = member.xattrs.iter().find(|(key, _)| is_of_overlay(key)) {
            return Err(format!("the attribute {key}, which runtimes take for their own").into());
        }
        let names: Vec<Box<[u8]>> = names(&member.name)?.into_iter().map(Box::from).collect();
        let Some((last, folders)) = names.split_last() else {
            if member.kind != MemberKind::Directory {
                return Err("the root of the image is no folder".into());
            }
            self.set_metadata(TOP, &member);
            return Ok(());
        };
        match role(last)? {
            Role::Entry => {}
            _ => return Ok(()),
        }
        let is_hidden = |end| hidden.contains(&path_of(names.iter().take(end).map(|name| &**name)));
        if !hidden.is_empty() && (1..=names.len()).any(is_hidden) {
            return Err("a whiteout of it stands in the same layer: runtimes disagree on which counts".into());
        }
        let folder = self.folder(layer, folders, true)?.unwrap_or(TOP);
        let spot: Spot<'_> = (folder, last);
        let known = self.child(folder, last);
        let of_this_layer = known.is_some_and(|child| child.layer == layer);
        let known_kind = known.and_then(|child| self.inode(child.inode)).map(|inode| inode.kind);
        if member.kind == MemberKind::HardLink {
            return self.hard_link(layer, spot, known, &member);
        }
        let kind = match member.kind {
            MemberKind::Directory => Kind::Directory,
            MemberKind::Symlink => Kind::Symlink,
            MemberKind::CharacterDevice => Kind::CharacterDevice,
            MemberKind::BlockDevice => Kind::BlockDevice,
            MemberKind::Pipe => Kind::Pipe,
            MemberKind::File | MemberKind::HardLink => Kind::File,
        };
        if of_this_layer && (kind == Kind::Directory) != (known_kind == Some(Kind::Directory)) {
            return Err(
                "a folder and something else of one name in one layer: runtimes disagree on what is in it".into()
            );
        }
        if kind == Kind::CharacterDevice && member.device == (0, 0) && known.is_some() {
            return Err("a device 0:0 over a file, which some runtimes take for its removal".into());
        }
        if of_this_layer && kind != Kind::Directory {
            self.remark(layer, &member.name, "stands twice in the layer; the last counts");
        }
        if let (Kind::Directory, Some(Kind::Directory), Some(child)) = (kind, known_kind, known) {
            self.set_metadata(child.inode, &member);
            self.insert(spot, Child { inode: child.inode, layer });
            return Ok(());
        }
        self.remove(spot);
        let body = match kind {
            Kind::Directory => Body::Folder(BTreeMap::new()),
            Kind::Symlink => Body::Link(member.link.clone().into_boxed_slice()),
            Kind::File => {
                let Member { size, at, stored, .. } = member;
                Body::Content(Content { layer, size, at, stored, pieces: member.pieces.clone() })
            }
            _ => Body::Nothing,
        };
        let inode = self.add(Inode { kind, body, ..Inode::folder() })?;
        self.set_metadata(inode, &member);
        self.insert(spot, Child { inode, layer });
        Ok(())
    }

    /// The top folder, as a tar gave it out.
    pub(super) fn put_top(&mut self, member: &Member) -> Result<(), Flaw> {
        if member.kind != MemberKind::Directory {
            return Err("the root is no folder".into());
        }
        self.set_metadata(TOP, member);
        Ok(())
    }

    /// Puts a member of a tar that gave a root out in its place: no name comes twice or means anything but itself, no link
    /// is followed, and no folder is made up. `withheld` is what a hard link leads to, where that was not given out.
    pub(super) fn put_given(
        &mut self,
        archive: u16,
        member: Member,
        is_kernel: bool,
        withheld: Option<&Withheld>,
    ) -> Result<(), Flaw> {
        let path = names(&member.name)?;
        let Some((last, folders)) = path.split_last() else { return Err(TWICE.into()) };
        let folder = self.given_folder(folders)?;
        if self.child(folder, last).is_some() {
            return Err(TWICE.into());
        }
        let spot = (folder, *last);
        let kind = match member.kind {
            MemberKind::Directory => Kind::Directory,
            MemberKind::Symlink => Kind::Symlink,
            MemberKind::CharacterDevice => Kind::CharacterDevice,
            MemberKind::BlockDevice => Kind::BlockDevice,
            MemberKind::Pipe => Kind::Pipe,
            MemberKind::File => Kind::File,
            MemberKind::HardLink => return self.given_link(archive, spot, &member, withheld),
        };
        let body = match kind {
            Kind::Directory if is_kernel => Body::Kernel,
            Kind::Directory => Body::Folder(BTreeMap::new()),
            Kind::Symlink => Body::Link(member.link.clone().into_boxed_slice()),
            Kind::File => {
                let Member { size, at, stored, .. } = member;
                Body::Content(Content { layer: archive, size, at, stored, pieces: member.pieces.clone() })
            }
            _ => Body::Nothing,
        };
        let inode = self.add(Inode { kind, body, ..Inode::folder() })?;
        self.set_metadata(inode, &member);
        self.insert(spot, Child { inode, layer: archive });
        Ok(())
    }

    fn given_link(
        &mut self,
        archive: u16,
        spot: Spot<'_>,
        member: &Member,
        withheld: Option<&Withheld>,
    ) -> Result<(), Flaw> {
        let path = names(&member.link)?;
        let absent = "a hard link to a file that was not given out";
        let (last, folders) = path.split_last().ok_or(absent)?;
        let target = self.given_folder(folders).ok().and_then(|folder| self.child(folder, last));
        let inode = match (target, withheld) {
            (Some(target), _) => target.inode,
            (None, Some(withheld)) => self.add(Inode::withheld(withheld))?,
            (None, None) => return Err(absent.into()),
        };
        match self.inodes.get_mut(inode as usize) {
            Some(inode) if inode.kind != Kind::Directory => inode.nlink += u32::from(target.is_some()),
            _ => return Err("a hard link to a folder".into()),
        }
        self.insert(spot, Child { inode, layer: archive });
        Ok(())
    }

    /// Puts in the place of a path that it was not given out; what is there of it is void.
    pub(super) fn withhold(&mut self, withheld: &Withheld) -> Result<(), Flaw> {
        let path = names(&withheld.path)?;
        let Some((last, folders)) = path.split_last() else { return Err(withheld.why.to_string().into()) };
        let mut at = TOP;
        for name in folders {
            let below = self.child(at, name).and_then(|child| Some((child.inode, &self.inode(child.inode)?.body)));
            match below {
                Some((inode, Body::Folder(_))) => at = inode,
                // A look at anything in it is an error already.
                Some((_, Body::Withheld(_) | Body::Kernel)) => return Ok(()),
                _ => return Err(format!("{}, and the folder that it is in was not given out", withheld.why).into()),
            }
        }
        let Some(known) = self.child(at, last) else {
            let inode = self.add(Inode::withheld(withheld))?;
            self.insert((at, last), Child { inode, layer: 0 });
            return Ok(());
        };
        // In place, because it may have other names.
        match self.inodes.get_mut(known.inode as usize) {
            Some(inode) if !matches!(inode.body, Body::Kernel) => *inode = Inode::withheld(withheld),
            _ => {}
        }
        Ok(())
    }

    /// The folder at a path, each part of which was given out as one.
    fn given_folder(&self, folders: &[&[u8]]) -> Result<u32, Flaw> {
        let mut at = TOP;
        for name in folders {
            let child = self.child(at, name).ok_or("the folder that it is in was not given out before it")?;
            match self.inode(child.inode).map(|inode| &inode.body) {
                Some(Body::Folder(_)) => at = child.inode,
                Some(Body::Kernel) => return Err("it was not asked for".into()),
                _ => return Err("it lies below what is no folder".into()),
            }
        }
        Ok(at)
    }

    fn hard_link(&mut self, layer: u16, spot: Spot<'_>, known: Option<Child>, member: &Member) -> Result<(), Flaw> {
        let names: Vec<Box<[u8]>> = names(&member.link)?.into_iter().map(Box::from).collect();
        let absent = "a hard link to a file that is not there";
        let (last, folders) = names.split_last().ok_or(absent)?;
        let folder = self.folder(layer, folders, false)?.ok_or(absent)?;
        let target = self.child(folder, last).ok_or(absent)?;
        let found = self.inode(target.inode).ok_or(absent)?;
        if found.kind == Kind::Directory {
            return Err("a hard link to a folder".into());
        }
        if target.layer != layer {
            self.remark(layer, &member.name, "a hard link to a file of a lower layer, which some runtimes refuse");
        }
        match known {
            Some(child) if child.inode == target.inode => {
                self.set_metadata(target.inode, member);
                self.insert(spot, Child { layer, ..child });
                return Ok(());
            }
            Some(child) if child.layer == layer => {
                if self.inode(child.inode).is_some_and(|inode| inode.kind == Kind::Directory) {
                    return Err("a folder and something else of one name in one layer".into());
                }
                self.remark(layer, &member.name, "stands twice in the layer; the last counts");
            }
            _ => {}
        }
        self.remove(spot);
        if let Some(inode) = self.inodes.get_mut(target.inode as usize) {
            inode.nlink += 1;
        }
        // As the runtimes do it: what the link's own header says counts for the file.
        self.set_metadata(target.inode, member);
        self.insert(spot, Child { inode: target.inode, layer });
        Ok(())
    }

    fn set_metadata(&mut self, place: u32, member: &Member) {
        let Some(inode) = self.inodes.get_mut(place as usize) else { return };
        (inode.mode, inode.uid, inode.gid, inode.mtime) = (member.mode, member.uid, member.gid, member.mtime);
        if inode.kind == Kind::Symlink {
            inode.mode = 0o777;
        }
        if member.kind != MemberKind::HardLink || !member.xattrs.is_empty() {
            // A name that stands twice has its last value.
            let mut last = BTreeMap::new();
            last.extend(member.xattrs.iter().cloned());
            inode.xattrs = last.into_iter().collect();
        }
    }

    fn child(&self, folder: u32, name: &[u8]) -> Option<Child> {
        self.children(folder)?.get(name).copied()
    }

    fn add(&mut self, inode: Inode) -> Result<u32, Flaw> {
        if self.inodes.len() >= MAX_FILES {
            return Err(format!("the image has more than {MAX_FILES} files").into());
        }
        let place = u32::try_from(self.inodes.len()).map_err(|_| "more files than can be counted")?;
        self.inodes.push(inode);
        Ok(place)
    }

    fn insert(&mut self, (folder, name): Spot<'_>, child: Child) {
        let is_folder = self.inode(child.inode).is_some_and(|inode| inode.kind == Kind::Directory);
        if let Some(Inode { body: Body::Folder(children), nlink, .. }) = self.inodes.get_mut(folder as usize)
            && children.insert(Box::from(name), child).is_none()
            && is_folder
        {
            *nlink += 1;
        }
    }

    /// Takes a name away, with all below it.
    fn remove(&mut self, (folder, name): Spot<'_>) {
        let Some(Inode { body: Body::Folder(children), .. }) = self.inodes.get_mut(folder as usize) else { return };
        let Some(child) = children.remove(name) else { return };
        let mut gone = vec![child.inode];
        if matches!(self.inodes.get(child.inode as usize), Some(Inode { kind: Kind::Directory, .. }))
            && let Some(folder) = self.inodes.get_mut(folder as usize)
        {
            folder.nlink -= 1;
        }
        while let Some(place) = gone.pop() {
            let Some(inode) = self.inodes.get_mut(place as usize) else { continue };
            inode.nlink = inode.nlink.saturating_sub(1);
            if let Body::Folder(children) = &mut inode.body {
                gone.extend(std::mem::take(children).into_values().map(|child| child.inode));
            }
        }
    }

    /// The folder at a path, links of this layer followed inside the tree. Folders that are missing are made when
    /// `make`, of root and for all to read; else there is none.
    fn folder(&mut self, layer: u16, names: &[Box<[u8]>], make: bool) -> Result<Option<u32>, Flaw> {
        let mut way: Vec<u32> = Vec::new();
        let mut rest: Vec<Box<[u8]>> = names.iter().rev().cloned().collect();
        // How many names of the path itself are left; the others come from links.
        let mut own = rest.len();
        let mut followed = 0;
        while let Some(name) = rest.pop() {
            let is_own = rest.len() < own;
            own -= usize::from(is_own);
            let at = way.last().copied().unwrap_or(TOP);
            match &*name {
                b"" | b"." => continue,
                b".." => {
                    way.pop();
                    continue;
                }
                _ => {}
            }
            let child = match self.child(at, &name) {
                Some(child) => child,
                None if make && is_own => {
                    let child = Child { inode: self.add(Inode::folder())?, layer };
                    self.insert((at, &name), child);
                    child
                }
                None if make => return Err("it lies below a link that leads nowhere".into()),
                None => return Ok(None),
            };
            match self.inode(child.inode).map(|inode| &inode.body) {
                Some(Body::Folder(_)) => way.push(child.inode),
                Some(Body::Link(_)) if child.layer != layer => return Err(THROUGH_LINK.into()),
                Some(Body::Link(target)) => {
                    followed += 1;
                    if followed > MAX_LINKS {
                        return Err("its folders are links in a loop".into());
                    }
                    if target.first() == Some(&b'/') {
                        way.clear();
                    }
                    rest.extend(target.split(|byte| *byte == b'/').rev().map(Box::from));
                }
                _ => return Err("it lies below what is no folder".into()),
            }
        }
        Ok(Some(way.last().copied().unwrap_or(TOP)))
    }
}

/// A path through a link of a lower layer.
const THROUGH_LINK: &str =
    "it lies below a link or file of a lower layer: some runtimes follow it, and some put a folder in its place";

impl Inode {
    fn folder() -> Inode {
        Inode {
            kind: Kind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            mtime: (0, 0),
            nlink: 1,
            body: Body::Folder(BTreeMap::new()),
            xattrs: Box::default(),
        }
    }

    fn withheld(withheld: &Withheld) -> Inode {
        let kind = withheld.kind.unwrap_or(Kind::Unknown);
        Inode { kind, body: Body::Withheld(Box::new(withheld.why.clone())), ..Inode::folder() }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn metadata(&self, place: u32) -> Metadata {
        let size = match &self.body {
            Body::Content(content) => content.size,
            Body::Link(target) => target.len() as u64,
            Body::Folder(_) | Body::Nothing | Body::Kernel | Body::Withheld(_) => 0,
        };
        Metadata {
            kind: self.kind,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            size,
            mtime: self.mtime,
            ctime: self.mtime,
            // A folder counts for itself, too.
            nlink: u64::from(self.nlink) + u64::from(self.kind == Kind::Directory),
            device: (0, if matches!(self.body, Body::Kernel) { 2 } else { 1 }),
            inode: u64::from(place) + 1,
            mount_root: Some(place == TOP),
            immutable: Some(false),
        }
    }
}

fn path_of<'a>(names: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    names.fold(Vec::new(), |mut path, name| {
        path.push(b'/');
        path.extend_from_slice(name);
        path
    })
}

fn is_of_overlay(key: &str) -> bool {
    key.starts_with("trusted.overlay.") || key.starts_with("user.overlay.")
}

fn role(name: &[u8]) -> Result<Role<'_>, Flaw> {
    match name.strip_prefix(WHITEOUT) {
        None => Ok(Role::Entry),
        Some(_) if name == OPAQUE => Ok(Role::Opaque),
        Some(_) if name.starts_with(AUFS) => Ok(Role::Ignored),
        Some(b"" | b"." | b"..") => Err("a whiteout of nothing".into()),
        Some(hidden) => Ok(Role::Whiteout(hidden)),
    }
}

/// The names of a path, from the root of the image.
fn names(path: &[u8]) -> Result<Vec<&[u8]>, Flaw> {
    let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".").collect();
    match () {
        () if names.contains(&&b".."[..]) => Err("a name with `..` in it".into()),
        () if names.iter().any(|name| name.len() > MAX_NAME) => {
            Err("a name that is longer than the kernel takes".into())
        }
        () => Ok(names),
    }
}
