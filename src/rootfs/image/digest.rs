//! Digests as images write them: `sha256:` or `sha512:` and the hex of the hash.

use sha2::{Digest as _, Sha256, Sha512};

/// What some bytes come to, or should.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Digest(String);

/// A hash under way.
#[derive(Clone, Debug)]
pub(super) enum Hasher {
    Sha256(Box<Sha256>),
    Sha512(Box<Sha512>),
}

impl Digest {
    /// A digest as it is written; `None` when it is none, or of an algorithm that is not known.
    pub(super) fn parse(text: &str) -> Option<Digest> {
        let (algorithm, hex) = text.split_once(':')?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return None,
        };
        let is_hex = hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| Digest(text.to_owned()))
    }

    /// The digest of some bytes by SHA-256.
    pub(super) fn of(bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::Sha256(Box::default());
        hasher.update(bytes);
        hasher.finish()
    }

    /// As it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Where a layout keeps the blob: `blobs/sha256/HEX`.
    pub(super) fn place(&self) -> String {
        format!("blobs/{}", self.0.replace(':', "/"))
    }

    /// A hash by the same algorithm.
    pub(super) fn hasher(&self) -> Hasher {
        match self.0.starts_with("sha512:") {
            true => Hasher::Sha512(Box::default()),
            false => Hasher::Sha256(Box::default()),
        }
    }

    /// Whether these bytes come to it.
    pub(super) fn is_of(&self, bytes: &[u8]) -> bool {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish() == *self
    }
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Digest {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self {
            Hasher::Sha256(hasher) => Digest(format!("sha256:{}", hex(&hasher.finalize()))),
            Hasher::Sha512(hasher) => Digest(format!("sha512:{}", hex(&hasher.finalize()))),
        }
    }
}
