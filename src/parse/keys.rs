//! Keys: what kind, how long, whether private and encrypted, and the public one; never the private key. PKCS#1, PKCS#8,
//! SEC 1 and SubjectPublicKeyInfo in PEM or DER, OpenSSH's files.

use crate::parse::binary::Binary;
use crate::parse::der::{self, BITS, Elements, INTEGER, OBJECT, OCTETS, SEQUENCE};
use crate::parse::{ParseError, ed25519, lines, pem, trim};

/// What is known of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// rsa, dsa, ec, ed25519, ed448 …; nothing where encryption hides it.
    pub kind: Option<String>,
    /// Its length in bits; nothing where encryption hides it, or the curve is not known.
    pub bits: Option<usize>,
    /// Whether it is a private one.
    pub private: bool,
    /// Whether a passphrase is needed to use it.
    pub encrypted: bool,
    /// The public key, where the file tells it.
    pub public: Option<Public>,
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Public {
    /// Modulus and exponent, without zeros in front, and whether it is for RSA-PSS alone.
    Rsa(Vec<u8>, Vec<u8>, bool),
    /// The number of a curve, where it has one, and a point of it as SEC 1 writes it.
    Point(String, Vec<u8>),
    /// That of Ed25519, Ed448 and their like.
    Bytes(Vec<u8>),
}

impl Key {
    /// Whether two are halves of one pair, or the same.
    ///
    /// Errors: that is not established, because one of them does not tell its public key.
    pub fn pairs_with(&self, other: &Key) -> Result<bool, ParseError> {
        if self.encrypted || other.encrypted {
            return Err(ParseError::new("a passphrase hides which key it is"));
        }
        if self.kind != other.kind {
            return Ok(false);
        }
        match (&self.public, &other.public) {
            (Some(Public::Point(curve, point)), Some(Public::Point(other_curve, other)))
                if !curve.is_empty() && !other_curve.is_empty() =>
            {
                Ok(curve == other_curve && same_point(curve, point, other)?)
            }
            (Some(public @ (Public::Rsa(..) | Public::Bytes(_))), Some(other)) => Ok(public == other),
            _ => Err(ParseError::new("which public key belongs to it is not told")),
        }
    }
}

/// Whether two points of a curve are one; SEC 1 writes a point whole, or as its x and one bit of its y.
fn same_point(curve: &str, point: &[u8], other: &[u8]) -> Result<bool, ParseError> {
    let unknown = || ParseError::new("a point of a curve in a form that is not known");
    let short = |point: &[u8]| match point.split_first() {
        Some((form @ (2 | 3), x)) => Ok((form & 1, x.to_vec())),
        Some((4, xy)) => Ok((xy.last().copied().unwrap_or_default() & 1, xy.split_at(xy.len() / 2).0.to_vec())),
        _ => Err(unknown()),
    };
    match (point.first(), other.first()) {
        (form, of_other) if form == of_other && matches!(form, Some(2..=4)) => Ok(point == other),
        // The bit is another one on curves that are not over a prime.
        _ if CURVES.iter().any(|(known, _)| *known == curve) => Ok(short(point)? == short(other)?),
        _ => Err(unknown()),
    }
}

/// Curves and their length in bits.
const CURVES: [(&str, usize); 9] = [
    ("1.2.840.10045.3.1.1", 192),
    ("1.2.840.10045.3.1.7", 256),
    ("1.3.132.0.10", 256),
    ("1.3.132.0.33", 224),
    ("1.3.132.0.34", 384),
    ("1.3.132.0.35", 521),
    ("1.3.36.3.3.2.8.1.1.7", 256),
    ("1.3.36.3.3.2.8.1.1.11", 384),
    ("1.3.36.3.3.2.8.1.1.13", 512),
];

fn curve(object: &[u8]) -> Option<usize> {
    let number = der::object(object);
    CURVES.iter().find(|(known, _)| *known == number).map(|(_, bits)| *bits)
}

fn key(kind: &str, bits: Option<usize>) -> Key {
    Key { kind: Some(kind.to_owned()), bits, ..Key::default() }
}

fn rsa(modulus: &[u8], exponent: &[u8], pss: bool) -> Key {
    let public = Public::Rsa(without_zeros(modulus).to_vec(), without_zeros(exponent).to_vec(), pss);
    Key { public: Some(public), ..key("rsa", Some(der::bits(modulus))) }
}

/// A number that is not negative, without the zeros in front of it.
pub(crate) fn without_zeros(number: &[u8]) -> &[u8] {
    number.get(number.iter().take_while(|byte| **byte == 0).count()..).unwrap_or_default()
}

/// The bytes of a BIT STRING that is made of whole bytes.
fn whole_bytes(bits: &[u8]) -> Result<&[u8], ParseError> {
    bits.strip_prefix(&[0]).ok_or_else(|| ParseError::new("a key that is not of whole bytes"))
}

/// The kind of key that an algorithm is for, and its length where the parameters tell.
fn algorithm(mut parts: Elements<'_>) -> Result<Key, ParseError> {
    let number = der::object(parts.take(OBJECT)?);
    Ok(match number.as_str() {
        "1.2.840.113549.1.1.1" | PSS => key("rsa", None),
        "1.2.840.10045.2.1" => key("ec", parts.optional(OBJECT)?.and_then(curve)),
        "1.2.840.10040.4.1" => {
            let prime = parts.optional(SEQUENCE)?.map(|list| Elements::new(list).take(INTEGER)).transpose()?;
            key("dsa", prime.map(der::bits))
        }
        "1.3.101.110" => key("x25519", Some(253)),
        "1.3.101.111" => key("x448", Some(448)),
        "1.3.101.112" => key("ed25519", Some(256)),
        "1.3.101.113" => key("ed448", Some(456)),
        _ => key(&number, None),
    })
}

const PSS: &str = "1.2.840.113549.1.1.10";

/// The number of the curve in the parameters of an algorithm, and whether it is for RSA-PSS.
fn parameters(mut parts: Elements<'_>) -> Result<(Option<String>, bool), ParseError> {
    let number = der::object(parts.take(OBJECT)?);
    Ok((parts.optional(OBJECT)?.map(der::object), number == PSS))
}

/// The public key of a SubjectPublicKeyInfo, without its outer element.
pub(crate) fn public(info: &[u8]) -> Result<Key, ParseError> {
    let mut info = Elements::new(info);
    let head = info.enter(SEQUENCE)?;
    let (found, (curve, pss)) = (algorithm(head)?, parameters(head)?);
    let bytes = whole_bytes(info.take(BITS)?)?;
    info.end()?;
    if found.kind.as_deref() == Some("rsa") {
        let mut numbers = Elements::new(bytes).enter(SEQUENCE)?;
        let found = rsa(numbers.take(INTEGER)?, numbers.take(INTEGER)?, pss);
        numbers.end()?;
        return Ok(found);
    }
    let public = match found.kind.as_deref() {
        Some("ec") => curve.map(|curve| Public::Point(curve, bytes.to_vec())),
        Some("ed25519" | "ed448") => Some(Public::Bytes(bytes.to_vec())),
        _ => None,
    };
    Ok(Key { public, ..found })
}

/// A private key by the label of its block.
fn private(label: &[u8], bytes: &[u8]) -> Result<Key, ParseError> {
    let mut parts = Elements::new(bytes).enter(SEQUENCE)?;
    let version = parts.take(INTEGER)?;
    let found = match label {
        b"RSA PRIVATE KEY" => {
            let found = rsa(parts.take(INTEGER)?, parts.take(INTEGER)?, false);
            // Keys of DSA and parameters of Diffie-Hellman are lists of numbers, too, but of fewer.
            for _ in 0..6 {
                parts.take(INTEGER)?;
            }
            if !matches!(version, [0 | 1]) {
                return Err(ParseError::new("an RSA key of a version that does not exist"));
            }
            found
        }
        b"DSA PRIVATE KEY" => key("dsa", Some(der::bits(parts.take(INTEGER)?))),
        b"EC PRIVATE KEY" => {
            parts.take(OCTETS)?;
            let named = parts.optional(0xa0)?.map(|list| Elements::new(list).optional(OBJECT)).transpose()?.flatten();
            let point = parts.optional(0xa1)?.map(|list| Elements::new(list).take(BITS).and_then(whole_bytes));
            let number = named.map(der::object).unwrap_or_default();
            let public = point.transpose()?.map(|point| Public::Point(number, point.to_vec()));
            Key { public, ..key("ec", named.and_then(curve)) }
        }
        _ => {
            let head = parts.enter(SEQUENCE)?;
            let (found, (curve, pss)) = (algorithm(head)?, parameters(head)?);
            let inner = parts.take(OCTETS)?;
            let public = match found.kind.as_deref() {
                Some("rsa") => match private(b"RSA PRIVATE KEY", inner)? {
                    Key { bits, public: Some(Public::Rsa(modulus, exponent, _)), .. } => {
                        return Ok(Key {
                            private: true,
                            bits,
                            public: Some(Public::Rsa(modulus, exponent, pss)),
                            ..found
                        });
                    }
                    _ => None,
                },
                Some("ec") => match (curve, private(b"EC PRIVATE KEY", inner)?.public) {
                    (Some(curve), Some(Public::Point(_, point))) => Some(Public::Point(curve, point)),
                    _ => None,
                },
                Some("ed25519") => {
                    let seed = Elements::new(inner).take(OCTETS)?;
                    Some(Public::Bytes(ed25519::public(seed).ok_or_else(|| ParseError::new("no key of Ed25519"))?))
                }
                _ => None,
            };
            Key { public, ..found }
        }
    };
    Ok(Key { private: true, ..found })
}

/// The first key of a file: in PEM; in DER; in OpenSSH's form.
///
/// Errors: there is none, or it is not whole.
pub fn first(bytes: &[u8]) -> Result<Key, ParseError> {
    if !pem::is_pem(bytes) {
        if bytes.first() == Some(&SEQUENCE) {
            return in_der(bytes);
        }
        return openssh_public(bytes);
    }
    let wanted = |label: &[u8]| label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PUBLIC KEY");
    let block = pem_block(bytes, &wanted)?;
    match block.label {
        b"OPENSSH PRIVATE KEY" => openssh_private(&block.bytes),
        b"ENCRYPTED PRIVATE KEY" => {
            let mut parts = Elements::new(&block.bytes).enter(SEQUENCE)?;
            parts.enter(SEQUENCE)?;
            parts.take(OCTETS)?;
            Ok(Key { private: true, encrypted: true, ..Key::default() })
        }
        b"RSA PRIVATE KEY" | b"DSA PRIVATE KEY" | b"EC PRIVATE KEY" if block.encrypted => {
            let kind = block.label.split(|byte| *byte == b' ').next().unwrap_or_default().to_ascii_lowercase();
            let kind = String::from_utf8_lossy(&kind).into_owned();
            Ok(Key { kind: Some(kind), private: true, encrypted: true, ..Key::default() })
        }
        b"PUBLIC KEY" => public(Elements::new(&block.bytes).take(SEQUENCE)?),
        b"RSA PUBLIC KEY" => {
            let mut numbers = Elements::new(&block.bytes).enter(SEQUENCE)?;
            Ok(rsa(numbers.take(INTEGER)?, numbers.take(INTEGER)?, false))
        }
        b"RSA PRIVATE KEY" | b"DSA PRIVATE KEY" | b"EC PRIVATE KEY" | b"PRIVATE KEY" => {
            private(block.label, &block.bytes)
        }
        _ => Err(ParseError::new("a key of a kind that is not known")),
    }
}

fn pem_block<'a>(bytes: &'a [u8], wanted: &dyn Fn(&[u8]) -> bool) -> Result<pem::Block<'a>, ParseError> {
    pem::first(bytes, wanted)?.ok_or_else(|| ParseError::new("it holds no key"))
}

/// A key in DER says nothing of its kind but by its form.
fn in_der(bytes: &[u8]) -> Result<Key, ParseError> {
    let forms: [&dyn Fn() -> Result<Key, ParseError>; 4] = [
        &|| public(Elements::new(bytes).take(SEQUENCE)?),
        &|| private(b"PRIVATE KEY", bytes),
        &|| private(b"EC PRIVATE KEY", bytes),
        &|| private(b"RSA PRIVATE KEY", bytes),
    ];
    let found = forms.iter().find_map(|form| form().ok());
    found.ok_or_else(|| ParseError::new("it is no key that is not encrypted"))
}

/// The texts that follow each other in OpenSSH's forms, each behind its length.
struct Texts<'a> {
    bytes: Binary<'a>,
    at: usize,
}

impl<'a> Texts<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Texts<'a> {
        Texts { bytes: Binary::big_endian(bytes), at }
    }

    fn next(&mut self) -> Result<&'a [u8], ParseError> {
        let length = self.bytes.u32(self.at)?;
        let text = self.bytes.piece(self.at + 4, length)?;
        self.at += 4 + length;
        Ok(text)
    }
}

/// Kind and length of a public key as OpenSSH sends it.
fn openssh_blob(blob: &[u8]) -> Result<Key, ParseError> {
    let mut texts = Texts::new(blob, 0);
    let name = texts.next()?;
    let (plain, hardware) = match name.strip_prefix(b"sk-").and_then(|name| name.strip_suffix(b"@openssh.com")) {
        Some(plain) => (plain, "-sk"),
        None => (name, ""),
    };
    let (kind, bits) = match plain {
        b"ssh-rsa" => {
            texts.next()?;
            ("rsa", openssh_bits(texts.next()?)?)
        }
        b"ssh-dss" => ("dsa", openssh_bits(texts.next()?)?),
        b"ssh-ed25519" => ("ed25519", 256),
        b"ssh-ed448" => ("ed448", 456),
        b"ecdsa-sha2-nistp256" => ("ecdsa", 256),
        b"ecdsa-sha2-nistp384" => ("ecdsa", 384),
        b"ecdsa-sha2-nistp521" => ("ecdsa", 521),
        _ => return Err(ParseError::new(format!("a key of the unknown kind {:?}", String::from_utf8_lossy(name)))),
    };
    Ok(key(&format!("{kind}{hardware}"), Some(bits)))
}

/// The length of a number of OpenSSH, which takes none that is negative.
fn openssh_bits(number: &[u8]) -> Result<usize, ParseError> {
    match number.first() {
        Some(0x80..=0xff) => Err(ParseError::new("a negative number in a key")),
        _ => Ok(der::bits(number)),
    }
}

/// The first key of a file with public keys: `[options] kind base64 [comment]`.
fn openssh_public(bytes: &[u8]) -> Result<Key, ParseError> {
    for (number, line) in lines(bytes) {
        let line = trim(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let at = |error: ParseError| ParseError { line: Some(number), ..error };
        let wrong = || at(ParseError::new("no public key of OpenSSH"));
        // A line whose first word is no kind of key begins with options, in whose quotes blanks may stand.
        let options = line.len() - without_options(line).len();
        let both = [Some(0), Some(options).filter(|options| *options > 0)];
        for start in both.into_iter().flatten() {
            let rest = line.get(start..).unwrap_or_default();
            let mut words = rest.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
            let (kind, blob) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let known = [&b"ssh-"[..], b"ecdsa-", b"sk-ssh-", b"sk-ecdsa-"].iter().any(|start| kind.starts_with(start));
            if !known {
                continue;
            }
            let blob = pem::base64(blob).map_err(at)?;
            if Texts::new(&blob, 0).next().map_err(at)? != kind {
                return Err(at(ParseError::new("a key of another kind than its line says")));
            }
            return openssh_blob(&blob).map_err(at);
        }
        return Err(wrong());
    }
    Err(ParseError::new("it holds no key"))
}

/// What follows the options of a line: they end at the first blank outside of quotes, in which `\"` is no end.
fn without_options(line: &[u8]) -> &[u8] {
    let (mut quoted, mut escaped) = (false, false);
    let end = line.iter().position(|byte| {
        let is_end = !quoted && matches!(byte, b' ' | b'\t');
        quoted ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\';
        is_end
    });
    trim(end.and_then(|end| line.get(end..)).unwrap_or_default())
}

fn openssh_private(bytes: &[u8]) -> Result<Key, ParseError> {
    const MAGIC: &[u8] = b"openssh-key-v1\0";
    if !bytes.starts_with(MAGIC) {
        return Err(ParseError::new("it is no private key of OpenSSH"));
    }
    let mut texts = Texts::new(bytes, MAGIC.len());
    let cipher = texts.next()?;
    texts.next()?;
    texts.next()?;
    if texts.bytes.u32(texts.at)? != 1 {
        return Err(ParseError::new("not one key"));
    }
    texts.at += 4;
    let found = openssh_blob(texts.next()?)?;
    Ok(Key { private: true, encrypted: cipher != b"none", ..found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_compared_in_all_forms() {
        let whole = [4, 1, 2, 3, 5];
        let same = |curve: &str, point: &[u8], other: &[u8]| same_point(curve, point, other).ok();
        let p256 = "1.2.840.10045.3.1.7";
        assert_eq!(same(p256, &whole, &whole), Some(true));
        assert_eq!(same(p256, &whole, &[3, 1, 2]), Some(true));
        assert_eq!(same(p256, &[2, 1, 2], &whole), Some(false));
        assert_eq!(same(p256, &whole, &[4, 1, 2, 3, 7]), Some(false));
        assert_eq!((same(p256, &[7, 1, 2, 3, 5], &whole), same("1.3.132.0.1", &[3, 1, 2], &whole)), (None, None));
    }

    #[test]
    fn options_end_outside_of_quotes() {
        assert_eq!(without_options(br#"a="b c \" d",e ssh-rsa AAAA"#), b"ssh-rsa AAAA");
        assert_eq!(without_options(br#"a="b \\" c" ssh-rsa AAAA"#), b"ssh-rsa AAAA");
        assert_eq!(without_options(b"ssh-rsa"), b"");
    }
}
