//! Keys: what kind, how long, whether private and encrypted; never the key itself. PKCS#1, PKCS#8, SEC 1 and
//! SubjectPublicKeyInfo in PEM or DER, OpenSSH's files, Diffie-Hellman parameters.

use crate::parse::binary::Binary;
use crate::parse::der::{self, BITS, Elements, INTEGER, OBJECT, OCTETS, SEQUENCE};
use crate::parse::{ParseError, lines, pem, trim};

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

/// The kind of key that an algorithm is for, and its length where the parameters tell.
fn algorithm(mut parts: Elements<'_>) -> Result<Key, ParseError> {
    let number = der::object(parts.take(OBJECT)?);
    Ok(match number.as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => key("rsa", None),
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

/// The public key of a SubjectPublicKeyInfo, without its outer element.
pub(crate) fn public(info: &[u8]) -> Result<Key, ParseError> {
    let mut info = Elements::new(info);
    let mut found = algorithm(info.enter(SEQUENCE)?)?;
    let bits = info.take(BITS)?;
    if found.kind.as_deref() == Some("rsa") {
        let mut numbers = Elements::new(bits.get(1..).unwrap_or_default()).enter(SEQUENCE)?;
        found.bits = Some(der::bits(numbers.take(INTEGER)?));
    }
    Ok(found)
}

/// A private key by the label of its block.
fn private(label: &[u8], bytes: &[u8]) -> Result<Key, ParseError> {
    let mut parts = Elements::new(bytes).enter(SEQUENCE)?;
    let found = match label {
        b"RSA PRIVATE KEY" => {
            parts.take(INTEGER)?;
            key("rsa", Some(der::bits(parts.take(INTEGER)?)))
        }
        b"DSA PRIVATE KEY" => {
            parts.take(INTEGER)?;
            key("dsa", Some(der::bits(parts.take(INTEGER)?)))
        }
        b"EC PRIVATE KEY" => {
            parts.take(INTEGER)?;
            parts.take(OCTETS)?;
            let named = parts.optional(0xa0)?.map(|list| Elements::new(list).optional(OBJECT)).transpose()?;
            key("ec", named.flatten().and_then(curve))
        }
        _ => {
            parts.take(INTEGER)?;
            let mut found = algorithm(parts.enter(SEQUENCE)?)?;
            let inner = parts.take(OCTETS)?;
            if found.kind.as_deref() == Some("rsa") {
                found.bits = private(b"RSA PRIVATE KEY", inner)?.bits;
            }
            found
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
            Elements::new(&block.bytes).enter(SEQUENCE)?.enter(SEQUENCE)?;
            Ok(Key { private: true, encrypted: true, ..Key::default() })
        }
        b"RSA PRIVATE KEY" | b"DSA PRIVATE KEY" | b"EC PRIVATE KEY" if block.encrypted => {
            let kind = block.label.split(|byte| *byte == b' ').next().unwrap_or_default().to_ascii_lowercase();
            let kind = String::from_utf8_lossy(&kind).into_owned();
            Ok(Key { kind: Some(kind), private: true, encrypted: true, bits: None })
        }
        b"PUBLIC KEY" => public(Elements::new(&block.bytes).take(SEQUENCE)?),
        b"RSA PUBLIC KEY" => {
            Ok(key("rsa", Some(der::bits(Elements::new(&block.bytes).enter(SEQUENCE)?.take(INTEGER)?))))
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
    let plain = name.strip_suffix(b"@openssh.com").unwrap_or(name);
    let (plain, hardware) = match plain.strip_prefix(b"sk-") {
        Some(plain) => (plain, "-sk"),
        None => (plain, ""),
    };
    let (kind, bits) = match plain {
        b"ssh-rsa" => {
            texts.next()?;
            ("rsa", der::bits(texts.next()?))
        }
        b"ssh-dss" => ("dsa", der::bits(texts.next()?)),
        b"ssh-ed25519" => ("ed25519", 256),
        b"ssh-ed448" => ("ed448", 456),
        b"ecdsa-sha2-nistp256" => ("ecdsa", 256),
        b"ecdsa-sha2-nistp384" => ("ecdsa", 384),
        b"ecdsa-sha2-nistp521" => ("ecdsa", 521),
        _ => return Err(ParseError::new(format!("a key of the unknown kind {:?}", String::from_utf8_lossy(name)))),
    };
    Ok(key(&format!("{kind}{hardware}"), Some(bits)))
}

/// The first key of a file with public keys: `[options] kind base64 [comment]`.
fn openssh_public(bytes: &[u8]) -> Result<Key, ParseError> {
    for (number, line) in lines(bytes) {
        let line = trim(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let words: Vec<&[u8]> = line.split(|byte| matches!(byte, b' ' | b'\t')).collect();
        let blob = words.windows(2).find_map(|pair| match pair {
            // The text repeats the name with which the blob starts: AAAA is the start of its length.
            [name, blob] if name.contains(&b'-') && blob.starts_with(b"AAAA") => Some(*blob),
            _ => None,
        });
        let at = |error: ParseError| ParseError { line: Some(number), ..error };
        let blob = blob.ok_or_else(|| at(ParseError::new("no public key of OpenSSH")))?;
        return openssh_blob(&pem::base64(blob).map_err(at)?).map_err(at);
    }
    Err(ParseError::new("it holds no key"))
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
    // How many keys there are: one.
    texts.at += 4;
    let found = openssh_blob(texts.next()?)?;
    Ok(Key { private: true, encrypted: cipher != b"none", ..found })
}

/// Diffie-Hellman parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhParams {
    /// The prime, without zeros in front.
    pub prime: Vec<u8>,
    /// The generator in decimal digits.
    pub generator: String,
}

/// The first parameters of a file, in PEM or DER.
pub fn dh_params(bytes: &[u8]) -> Result<DhParams, ParseError> {
    let block;
    let der = if pem::is_pem(bytes) {
        let wanted = |label: &[u8]| matches!(label, b"DH PARAMETERS" | b"X9.42 DH PARAMETERS");
        let found = pem::first(bytes, &wanted)?;
        block = found.ok_or_else(|| ParseError::new("it holds no Diffie-Hellman parameters"))?.bytes;
        block.as_slice()
    } else {
        bytes
    };
    let mut numbers = Elements::new(der).enter(SEQUENCE)?;
    let (prime, generator) = (numbers.take(INTEGER)?, numbers.take(INTEGER)?);
    let zeros = prime.iter().take_while(|byte| **byte == 0).count();
    let generator = der::decimal(generator).ok_or_else(|| ParseError::new("a generator of more than 1024 bytes"))?;
    Ok(DhParams { prime: prime.get(zeros..).unwrap_or_default().to_vec(), generator })
}
