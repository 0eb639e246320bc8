//! Certificates (RFC 5280): what is written in them. Signatures are not verified.

use std::collections::HashSet;
use std::net::IpAddr;

use time::{Date, Month, Time};

use crate::parse::der::{self, BITS, Elements, INTEGER, OBJECT, OCTETS, SEQUENCE, SET};
use crate::parse::keys::{self, Key};
use crate::parse::{ParseError, pem};
use crate::value::lossless;

/// What a certificate says.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate itself in DER, for its fingerprint.
    pub der: Vec<u8>,
    /// 0, 1 or 2, which means version 1, 2 or 3.
    pub version: u8,
    /// The serial number in decimal digits.
    pub serial: String,
    /// Name of the algorithm that signed it, or its number.
    pub signature_algorithm: String,
    /// The digest that was signed, where the algorithm is known: sha256, md5.
    pub signature_digest: Option<&'static str>,
    /// Who signed it: names and values, in order.
    pub issuer: Vec<(String, Vec<u8>)>,
    /// Whose it is.
    pub subject: Vec<(String, Vec<u8>)>,
    /// From when on it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when.
    pub not_after: i64,
    /// The key that it is for.
    pub key: Key,
    /// Names of the extensions, and what they say, in OpenSSL's words where they are known.
    pub extensions: Vec<(String, Vec<String>)>,
}

impl Certificate {
    /// What the extension of a name says.
    pub fn extension(&self, name: &str) -> Option<&[String]> {
        self.extensions.iter().find(|(known, _)| known == name).map(|(_, words)| words.as_slice())
    }
}

/// Numbers of objects and the names that OpenSSL has for them.
const OBJECTS: [(&str, &str); 81] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.42", "GN"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.1.2", "md2WithRSAEncryption"),
    ("1.2.840.113549.1.1.3", "md4WithRSAEncryption"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "rsassaPss"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption"),
    ("1.3.14.3.2.3", "md5WithRSA"),
    ("1.3.14.3.2.15", "shaWithRSAEncryption"),
    ("1.3.14.3.2.29", "sha1WithRSA"),
    ("1.3.36.3.3.1.2", "ripemd160WithRSA"),
    ("2.16.840.1.101.3.4.3.13", "RSA-SHA3-224"),
    ("2.16.840.1.101.3.4.3.14", "RSA-SHA3-256"),
    ("2.16.840.1.101.3.4.3.15", "RSA-SHA3-384"),
    ("2.16.840.1.101.3.4.3.16", "RSA-SHA3-512"),
    ("1.2.840.10040.4.3", "dsaWithSHA1"),
    ("1.3.14.3.2.13", "dsaWithSHA"),
    ("1.3.14.3.2.27", "dsaWithSHA1-old"),
    ("2.16.840.1.101.3.4.3.1", "dsa_with_SHA224"),
    ("2.16.840.1.101.3.4.3.2", "dsa_with_SHA256"),
    ("2.16.840.1.101.3.4.3.3", "dsa_with_SHA384"),
    ("2.16.840.1.101.3.4.3.4", "dsa_with_SHA512"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("2.16.840.1.101.3.4.3.9", "ecdsa_with_SHA3-224"),
    ("2.16.840.1.101.3.4.3.10", "ecdsa_with_SHA3-256"),
    ("2.16.840.1.101.3.4.3.11", "ecdsa_with_SHA3-384"),
    ("2.16.840.1.101.3.4.3.12", "ecdsa_with_SHA3-512"),
    ("1.3.101.112", "ED25519"),
    ("1.3.101.113", "ED448"),
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("2.5.29.15", "keyUsage"),
    ("2.5.29.16", "privateKeyUsagePeriod"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.18", "issuerAltName"),
    ("2.5.29.19", "basicConstraints"),
    ("2.5.29.30", "nameConstraints"),
    ("2.5.29.31", "crlDistributionPoints"),
    ("2.5.29.32", "certificatePolicies"),
    ("2.5.29.33", "policyMappings"),
    ("2.5.29.35", "authorityKeyIdentifier"),
    ("2.5.29.36", "policyConstraints"),
    ("2.5.29.37", "extendedKeyUsage"),
    ("2.5.29.54", "inhibitAnyPolicy"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    ("1.3.6.1.5.5.7.1.14", "proxyCertInfo"),
    ("1.3.6.1.4.1.11129.2.4.2", "ct_precert_scts"),
    ("2.16.840.1.113730.1.1", "nsCertType"),
    ("2.16.840.1.113730.1.13", "nsComment"),
    ("2.5.29.37.0", "Any Extended Key Usage"),
    ("1.3.6.1.5.5.7.3.1", "TLS Web Server Authentication"),
    ("1.3.6.1.5.5.7.3.2", "TLS Web Client Authentication"),
    ("1.3.6.1.5.5.7.3.3", "Code Signing"),
    ("1.3.6.1.5.5.7.3.4", "E-mail Protection"),
    ("1.3.6.1.5.5.7.3.8", "Time Stamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSP Signing"),
    ("1.3.6.1.5.5.7.3.10", "dvcs"),
    ("1.3.6.1.5.5.7.3.17", "ipsec Internet Key Exchange"),
    ("1.3.6.1.4.1.311.10.3.3", "Microsoft Server Gated Crypto"),
    ("2.16.840.1.113730.4.1", "Netscape Server Gated Crypto"),
];

const KEY_USAGES: [&str; 9] = [
    "Digital Signature",
    "Non Repudiation",
    "Key Encipherment",
    "Data Encipherment",
    "Key Agreement",
    "Certificate Sign",
    "CRL Sign",
    "Encipher Only",
    "Decipher Only",
];

const NETSCAPE_TYPES: [&str; 8] =
    ["SSL Client", "SSL Server", "S/MIME", "Object Signing", "Unused", "SSL CA", "S/MIME CA", "Object Signing CA"];

/// Digests that RSA-PSS names by their number.
const DIGESTS: [(&str, &str); 14] = [
    ("1.2.840.113549.2.2", "md2"),
    ("1.2.840.113549.2.4", "md4"),
    ("1.2.840.113549.2.5", "md5"),
    ("1.3.14.3.2.26", "sha1"),
    ("2.16.840.1.101.3.4.2.1", "sha256"),
    ("2.16.840.1.101.3.4.2.2", "sha384"),
    ("2.16.840.1.101.3.4.2.3", "sha512"),
    ("2.16.840.1.101.3.4.2.4", "sha224"),
    ("2.16.840.1.101.3.4.2.5", "sha512-224"),
    ("2.16.840.1.101.3.4.2.6", "sha512-256"),
    ("2.16.840.1.101.3.4.2.7", "sha3-224"),
    ("2.16.840.1.101.3.4.2.8", "sha3-256"),
    ("2.16.840.1.101.3.4.2.9", "sha3-384"),
    ("2.16.840.1.101.3.4.2.10", "sha3-512"),
];

/// Digests as the names of algorithms hold them; none that is the start of another before it.
const DIGESTS_IN_NAMES: [&str; 14] = [
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sha1",
    "sha",
    "md2",
    "md4",
    "md5",
    "ripemd160",
];

/// The most extensions, alternative names and parts of a name that are taken.
const MAX_PARTS: usize = 10_000;

fn few(parts: usize) -> Result<(), ParseError> {
    if parts < MAX_PARTS { Ok(()) } else { Err(ParseError::new(format!("more than {MAX_PARTS} names or extensions"))) }
}

fn name_of(content: &[u8]) -> String {
    let number = der::object(content);
    OBJECTS.iter().find(|(known, _)| *known == number).map_or(number, |(_, name)| (*name).to_owned())
}

/// The first certificate of a file, in PEM or DER.
///
/// Errors: there is none, or it is not whole.
pub fn certificate(bytes: &[u8]) -> Result<Certificate, ParseError> {
    let der = if pem::is_pem(bytes) {
        let wanted = |label: &[u8]| matches!(label, b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE");
        let block = pem::first(bytes, &wanted)?.ok_or_else(|| ParseError::new("it holds no certificate"))?;
        let mut file = Elements::new(&block.bytes);
        file.take(SEQUENCE)?;
        // What is trusted, as OpenSSL writes it, follows a certificate with that label.
        if block.encrypted || !(file.is_empty() || block.label.starts_with(b"TRUSTED")) {
            return Err(ParseError::new("more than a certificate, or an encrypted one"));
        }
        block.bytes
    } else {
        bytes.to_vec()
    };
    let mut file = Elements::new(&der);
    let mut whole = file.enter(SEQUENCE)?;
    let length = der.len() - file.rest().len();
    let mut body = whole.enter(SEQUENCE)?;
    let algorithm = whole.take(SEQUENCE)?;
    whole.take(BITS)?;
    whole.end()?;

    let version = match body.optional(0xa0)? {
        Some(version) => match Elements::new(version).take(INTEGER)? {
            [version @ 0..=2] => *version,
            _ => return Err(ParseError::new("it is of a version that does not exist")),
        },
        None => 0,
    };
    let serial = der::signed(body.take(INTEGER)?);
    let serial = serial.ok_or_else(|| ParseError::new("its serial number is longer than any may be, or none"))?;
    // A signature of the one is none of the other.
    if body.take(SEQUENCE)? != algorithm {
        return Err(ParseError::new("it names two algorithms for its signature"));
    }
    let issuer = distinguished_name(body.enter(SEQUENCE)?)?;
    let mut validity = body.enter(SEQUENCE)?;
    let (not_before, not_after) = (moment(&mut validity)?, moment(&mut validity)?);
    let subject = distinguished_name(body.enter(SEQUENCE)?)?;
    let key = keys::public(body.take(SEQUENCE)?)?;
    // Numbers of issuer and subject, which nobody uses.
    body.optional(0x81)?;
    body.optional(0x82)?;
    let extensions = body.optional(0xa3)?.map(extensions).transpose()?.unwrap_or_default();
    body.end()?;
    let mut algorithm = Elements::new(algorithm);
    let signature_algorithm = name_of(algorithm.take(OBJECT)?);
    let signature_digest = signed_digest(&signature_algorithm, algorithm)?;
    let der = der.get(..length).unwrap_or_default().to_vec();
    Ok(Certificate {
        der,
        version,
        serial,
        signature_algorithm,
        signature_digest,
        issuer,
        subject,
        not_before,
        not_after,
        key,
        extensions,
    })
}

/// The digest that an algorithm signs, by its name; of RSA-PSS by its parameters, without which it is SHA-1 (RFC 4055).
fn signed_digest(algorithm: &str, mut parameters: Elements<'_>) -> Result<Option<&'static str>, ParseError> {
    match algorithm {
        "ED25519" => return Ok(Some("sha512")),
        "ED448" => return Ok(Some("shake256")),
        "rsassaPss" => {
            let named = parameters.enter(SEQUENCE)?.optional(0xa0)?;
            let Some(named) = named else { return Ok(Some("sha1")) };
            let number = der::object(Elements::new(named).enter(SEQUENCE)?.take(OBJECT)?);
            return Ok(DIGESTS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name));
        }
        _ => {}
    }
    // A number that is not known holds no letters.
    let name = algorithm.to_ascii_lowercase();
    Ok(DIGESTS_IN_NAMES.into_iter().find(|digest| name.contains(digest)))
}

/// Each at most once (RFC 5280, 4.2): of two that contradict each other, programs take different ones.
fn extensions(content: &[u8]) -> Result<Vec<(String, Vec<String>)>, ParseError> {
    let mut all = Elements::new(content);
    let mut list = all.enter(SEQUENCE)?;
    all.end()?;
    let mut extensions: Vec<(String, Vec<String>)> = Vec::new();
    let mut seen = HashSet::new();
    while !list.is_empty() {
        few(extensions.len())?;
        let found = extension(list.enter(SEQUENCE)?)?;
        if !seen.insert(found.0.clone()) {
            return Err(ParseError::new(format!("it has the extension {} twice", found.0)));
        }
        extensions.push(found);
    }
    Ok(extensions)
}

fn distinguished_name(mut name: Elements<'_>) -> Result<Vec<(String, Vec<u8>)>, ParseError> {
    let mut parts = Vec::new();
    while !name.is_empty() {
        let mut set = name.enter(SET)?;
        while !set.is_empty() {
            let mut part = set.enter(SEQUENCE)?;
            let kind = name_of(part.take(OBJECT)?);
            let value = part.element()?;
            few(parts.len())?;
            parts.push((kind, text(value)));
        }
    }
    Ok(parts)
}

/// The text of a string, in UTF-8 where its type tells how.
fn text(value: der::Element<'_>) -> Vec<u8> {
    // BMPString and UniversalString: characters of two and of four bytes.
    let width = match value.tag {
        0x1e => 2,
        0x1c => 4,
        _ => return value.content.to_vec(),
    };
    let chars = value.content.chunks(width).map(|unit| unit.iter().fold(0, |all, byte| (all << 8) | u32::from(*byte)));
    chars.map(|char| char::from_u32(char).unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into_bytes()
}

/// A name as `/C=DE/O=Example/CN=name`. A slash in a value is written `\/`, so that no value reads like two.
pub fn in_slashes(name: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut text = Vec::new();
    for (kind, value) in name {
        text.push(b'/');
        text.extend_from_slice(kind.as_bytes());
        text.push(b'=');
        for byte in value {
            if *byte == b'/' {
                text.push(b'\\');
            }
            text.push(*byte);
        }
    }
    text
}

/// UTCTime or GeneralizedTime, in seconds since 1970.
fn moment(elements: &mut Elements<'_>) -> Result<i64, ParseError> {
    let element = elements.element()?;
    let wrong = || ParseError::new(format!("{:?} is no time", lossless(element.content)));
    let digits = element.content.strip_suffix(b"Z").filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let digits = digits.ok_or_else(wrong)?;
    let number = |piece: &[u8]| piece.iter().fold(0_i32, |all, byte| all * 10 + i32::from(byte - b'0'));
    let (year, rest) = match (element.tag, digits.len()) {
        (0x17, 12) => {
            let (year, rest) = digits.split_at(2);
            (number(year) + if number(year) < 50 { 2000 } else { 1900 }, rest)
        }
        (0x18, 14) => {
            let (year, rest) = digits.split_at(4);
            (number(year), rest)
        }
        _ => return Err(wrong()),
    };
    let parts: Vec<u8> = rest.chunks(2).filter_map(|piece| u8::try_from(number(piece)).ok()).collect();
    let [month, day, hour, minute, second] = parts.as_slice() else { return Err(wrong()) };
    let date = Month::try_from(*month).ok().and_then(|month| Date::from_calendar_date(year, month, *day).ok());
    let time = Time::from_hms(*hour, *minute, *second).ok();
    let (date, time) = date.zip(time).ok_or_else(wrong)?;
    Ok(date.with_time(time).assume_utc().unix_timestamp())
}

fn extension(mut parts: Elements<'_>) -> Result<(String, Vec<String>), ParseError> {
    let name = name_of(parts.take(OBJECT)?);
    let critical = parts.optional(der::BOOLEAN)?.map(der::boolean).transpose()?.unwrap_or_default();
    let content = parts.take(OCTETS)?;
    parts.end()?;
    let mut words = Vec::new();
    if critical {
        words.push("critical".to_owned());
    }
    match name.as_str() {
        "keyUsage" => bits(content, &KEY_USAGES, &mut words)?,
        "nsCertType" => bits(content, &NETSCAPE_TYPES, &mut words)?,
        "extendedKeyUsage" => {
            let mut list = Elements::new(content).enter(SEQUENCE)?;
            while !list.is_empty() {
                few(words.len())?;
                words.push(name_of(list.take(OBJECT)?));
            }
        }
        "basicConstraints" => {
            let mut parts = Elements::new(content).enter(SEQUENCE)?;
            let authority = parts.optional(der::BOOLEAN)?.map(der::boolean).transpose()?.unwrap_or_default();
            words.push(if authority { "CA:TRUE" } else { "CA:FALSE" }.to_owned());
            if let Some(length) = parts.optional(INTEGER)? {
                let length = der::signed(length).filter(|length| !length.starts_with('-'));
                let length = length.ok_or_else(|| ParseError::new("its pathlen is no length"))?;
                words.push(format!("pathlen:{length}"));
            }
            parts.end()?;
        }
        "subjectAltName" | "issuerAltName" => alternative_names(content, &mut words)?,
        "subjectKeyIdentifier" => words.push(colons(Elements::new(content).take(OCTETS)?)),
        _ => words.push(colons(content)),
    }
    Ok((name, words))
}

/// The words for the bits of a BIT STRING that are set.
///
/// Errors: one is set for which there is no word.
fn bits(content: &[u8], known: &[&str], words: &mut Vec<String>) -> Result<(), ParseError> {
    let wrong = || ParseError::new("bits that have no meaning");
    let (unused, bytes) = Elements::new(content).take(BITS)?.split_first().ok_or_else(wrong)?;
    if *unused > 7 {
        return Err(wrong());
    }
    for (place, byte) in bytes.iter().enumerate() {
        // The last ones that are said to be unused count as nothing, whatever they are.
        let byte = if place + 1 == bytes.len() { byte & (0xff << unused) } else { *byte };
        for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
            words.push((*known.get(place * 8 + bit).ok_or_else(wrong)?).to_owned());
        }
    }
    Ok(())
}

fn alternative_names(content: &[u8], words: &mut Vec<String>) -> Result<(), ParseError> {
    let mut names = Elements::new(content).enter(SEQUENCE)?;
    while !names.is_empty() {
        few(words.len())?;
        let name = names.element()?;
        let text = lossless(name.content);
        words.push(match name.tag {
            0x81 => format!("email:{text}"),
            0x82 => format!("DNS:{text}"),
            0x86 => format!("URI:{text}"),
            0x87 => format!("IP Address:{}", address(name.content)),
            0x88 => format!("Registered ID:{}", der::object(name.content)),
            0xa4 => {
                let name = distinguished_name(Elements::new(name.content).enter(SEQUENCE)?)?;
                format!("DirName:{}", lossless(&in_slashes(&name)))
            }
            _ => format!("othername:{}", colons(name.content)),
        });
    }
    Ok(())
}

fn address(content: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(content) {
        return IpAddr::from(four).to_string();
    }
    match <[u8; 16]>::try_from(content) {
        Ok(sixteen) => IpAddr::from(sixteen).to_string(),
        Err(_) => colons(content),
    }
}

/// Bytes as OpenSSL writes them: `0A:FF`.
fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}
