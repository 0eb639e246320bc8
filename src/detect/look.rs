//! Single files and folders of the target; what could not be looked at is kept.

use crate::detect::Unseen;
use crate::order;
use crate::parse::ParseError;
use crate::rootfs::{Links, LookError, Node, Root};
use crate::value::{Text, lossless};

/// The most names that are taken from a folder that holds one file for each package.
const MAX_NAMES: usize = 20_000;

pub(super) struct Looker<'a> {
    pub(super) root: &'a Root,
    pub(super) unseen: Vec<Unseen>,
}

pub(super) fn unseen(path: &[u8], why: &dyn std::fmt::Display) -> Unseen {
    Unseen { at: lossless(path), why: why.to_string() }
}

impl<'a> Looker<'a> {
    pub(super) fn new(root: &'a Root) -> Looker<'a> {
        Looker { root, unseen: Vec::new() }
    }

    /// What is there: nothing, something, or an error that is kept.
    fn settled<T>(&mut self, path: &[u8], look: Result<T, LookError>) -> Result<Option<T>, ()> {
        match look {
            Ok(found) => Ok(Some(found)),
            Err(LookError::Absent) => Ok(None),
            Err(error) => {
                self.unseen.push(unseen(path, &error));
                Err(())
            }
        }
    }

    /// The file at a path, with its real path.
    pub(super) fn find(&mut self, path: &[u8]) -> Result<Option<(Node, Vec<u8>)>, ()> {
        let found = self.root.trace(path, Links::Follow, &mut |_| ());
        Ok(self.settled(path, found)?.map(|trace| (trace.node, trace.real_path)))
    }

    /// The content of a file of at most `cap` bytes.
    pub(super) fn read(&mut self, path: &[u8], cap: u64) -> Result<Option<Text>, ()> {
        let content = self.root.lookup(path, Links::Follow).and_then(|node| self.root.read(&node, cap));
        self.settled(path, content)
    }

    /// The names in a folder, in order.
    pub(super) fn names(&mut self, path: &[u8]) -> Result<Option<Vec<Vec<u8>>>, ()> {
        let mut names = Vec::new();
        let mut take = |name: &[u8], _| {
            names.push(name.to_vec());
            names.len() <= MAX_NAMES
        };
        let listed = self.root.lookup(path, Links::Follow).and_then(|node| self.root.list(&node, &mut take));
        let listed = match listed {
            Ok(()) if names.len() > MAX_NAMES => {
                Err(LookError::TooLarge { what: "entries", size: names.len() as u64, cap: MAX_NAMES as u64 })
            }
            listed => listed,
        };
        order::sort(&mut names, &Ord::cmp);
        Ok(self.settled(path, listed)?.map(|()| names))
    }

    /// What a parser made of a file's bytes.
    pub(super) fn parsed<T>(&mut self, path: &[u8], parsed: Result<T, ParseError>) -> Option<T> {
        parsed.map_err(|error| self.unseen.push(unseen(path, &error))).ok()
    }
}
