//! What a certificate may be used for, by its extensions keyUsage, extendedKeyUsage, basicConstraints and nsCertType.
//!
//! Source: openssl-x509(1), -purpose, and OpenSSL 3.0's crypto/x509/v3_purp.c; code signing as OpenSSL has it from 3.2 on.

use crate::parse::ParseError;
use crate::parse::x509::Certificate;

/// Every extended use that OpenSSL knows but that of time stamps.
const OTHER_USES: [&str; 9] = [
    "TLS Web Server Authentication",
    "TLS Web Client Authentication",
    "E-mail Protection",
    "Code Signing",
    "Microsoft Server Gated Crypto",
    "Netscape Server Gated Crypto",
    "OCSP Signing",
    "dvcs",
    "Any Extended Key Usage",
];

/// The purposes that hold, in OpenSSL's words and order: `SSL server` as the certificate of one, `SSL server CA` as one
/// that signs certificates of such.
///
/// Errors: what OpenSSL takes for an invalid certificate, and extensions where there may be none.
pub fn purposes(certificate: &Certificate) -> Result<Vec<String>, ParseError> {
    let usage = certificate.extension("keyUsage");
    let extended = certificate.extension("extendedKeyUsage");
    let netscape = certificate.extension("nsCertType");
    let basic = certificate.extension("basicConstraints");
    let has = |said: Option<&[String]>, wanted: &[&str]| {
        said.is_some_and(|words| words.iter().any(|word| wanted.contains(&word.as_str())))
    };
    // What is not said is not restricted.
    let allows = |said: Option<&[String]>, wanted: &[&str]| said.is_none() || has(said, wanted);
    if usage.is_some_and(|words| words.iter().all(|word| word == "critical")) {
        return Err(ParseError::new("a key usage without any use"));
    }
    if certificate.version == 0 && !certificate.extensions.is_empty() {
        return Err(ParseError::new("extensions in a certificate of version 1"));
    }
    let alternative = ["subjectAltName", "issuerAltName"].iter().any(|name| certificate.extension(name).is_some());
    if certificate.extension("proxyCertInfo").is_some() && (has(basic, &["CA:TRUE"]) || alternative) {
        return Err(ParseError::new("a proxy certificate of an authority, or with alternative names"));
    }

    // Netscape's word counts where neither of the others is there.
    let by_netscape = basic.is_none() && usage.is_none() && !is_first_root(certificate);
    let authority = |of_netscape: &[&str]| {
        allows(usage, &["Certificate Sign"])
            && match basic {
                Some(_) => has(basic, &["CA:TRUE"]),
                None => !by_netscape || has(netscape, of_netscape),
            }
    };
    let any_authority = authority(&["SSL CA", "S/MIME CA", "Object Signing CA"]);

    let as_client = allows(extended, &["TLS Web Client Authentication"]);
    let server_uses =
        ["TLS Web Server Authentication", "Microsoft Server Gated Crypto", "Netscape Server Gated Crypto"];
    let as_server = allows(extended, &server_uses);
    let client =
        as_client && allows(usage, &["Digital Signature", "Key Agreement"]) && allows(netscape, &["SSL Client"]);
    let server = as_server
        && allows(usage, &["Digital Signature", "Key Encipherment", "Key Agreement"])
        && allows(netscape, &["SSL Server"]);
    let enciphers = allows(usage, &["Key Encipherment"]);
    let as_mail = allows(extended, &["E-mail Protection"]);
    let mail = as_mail && allows(netscape, &["S/MIME", "SSL Client"]);
    let mail_authority = as_mail && authority(&["S/MIME CA"]);
    let only_signs = usage.is_none_or(|words| {
        words.iter().all(|word| matches!(word.as_str(), "critical" | "Digital Signature" | "Non Repudiation"))
    });
    let stamps =
        only_signs && has(extended, &["Time Stamping"]) && has(extended, &["critical"]) && !has(extended, &OTHER_USES);
    let signs_code = has(usage, &["Digital Signature"])
        && has(usage, &["critical"])
        && !has(usage, &["Certificate Sign", "CRL Sign"])
        && has(extended, &["Code Signing"])
        && !has(extended, &["Any Extended Key Usage", "TLS Web Server Authentication"]);

    let all = [
        ("SSL client", client, as_client && authority(&["SSL CA"])),
        ("SSL server", server, as_server && authority(&["SSL CA"])),
        ("Netscape SSL server", server && enciphers, as_server && authority(&["SSL CA"])),
        ("S/MIME signing", mail && allows(usage, &["Digital Signature", "Non Repudiation"]), mail_authority),
        ("S/MIME encryption", mail && enciphers, mail_authority),
        ("CRL signing", allows(usage, &["CRL Sign"]), any_authority),
        ("Any Purpose", true, true),
        ("OCSP helper", true, any_authority),
        ("Time Stamp signing", stamps, any_authority),
        ("Code signing", signs_code, any_authority),
    ];
    let mut holding = Vec::new();
    for (name, leaf, authority) in all {
        holding.extend(leaf.then(|| name.to_owned()));
        holding.extend(authority.then(|| format!("{name} CA")));
    }
    Ok(holding)
}

/// Whether it is of version 1 and signed by itself, as far as names and kinds of keys tell: from before there was a
/// word for authorities.
fn is_first_root(certificate: &Certificate) -> bool {
    let signer = match certificate.signature_algorithm.to_ascii_lowercase() {
        name if name.starts_with("ed") => name,
        name if name.starts_with("ecdsa") => "ec".to_owned(),
        name if name.starts_with("dsa") => "dsa".to_owned(),
        name if name.contains("rsa") => "rsa".to_owned(),
        _ => return false,
    };
    let name = |parts: &[(String, Vec<u8>)]| -> Vec<(String, Vec<u8>)> {
        parts.iter().map(|(kind, value)| (kind.clone(), canonical(value))).collect()
    };
    certificate.version == 0
        && certificate.key.kind.as_ref() == Some(&signer)
        && name(&certificate.subject) == name(&certificate.issuer)
}

/// A text of a name as it is compared: without case, with one blank where there are several, none at its ends.
fn canonical(text: &[u8]) -> Vec<u8> {
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::keys::Key;

    fn certificate(version: u8, extensions: &[(&str, &[&str])]) -> Certificate {
        let name = |text: &[u8]| vec![("CN".to_owned(), text.to_vec())];
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Certificate {
            der: Vec::new(),
            version,
            serial: String::new(),
            signature_algorithm: "sha256WithRSAEncryption".to_owned(),
            signature_digest: None,
            issuer: name(b"A  Root "),
            subject: name(b"a root"),
            not_before: 0,
            not_after: 0,
            key: Key { kind: Some("rsa".to_owned()), ..Key::default() },
            extensions: extensions.iter().map(|(name, said)| ((*name).to_owned(), words(said))).collect(),
        }
    }

    #[test]
    fn an_old_root_signs_others() {
        let says = |certificate: Certificate| purposes(&certificate).unwrap().join(", ");
        assert!(says(certificate(0, &[])).contains("SSL server CA"));
        assert!(!says(certificate(2, &[])).contains("SSL server CA"));
        assert!(!says(Certificate { issuer: Vec::new(), ..certificate(0, &[]) }).contains("SSL server CA"));
        assert!(!says(certificate(0, &[])).contains("Time Stamp signing,"));
    }

    #[test]
    fn what_openssl_takes_for_invalid_is_an_error() {
        for extensions in [
            &[("keyUsage", &["critical"][..])][..],
            &[("proxyCertInfo", &[]), ("subjectAltName", &["DNS:a"])],
            &[("proxyCertInfo", &[]), ("basicConstraints", &["CA:TRUE"])],
        ] {
            assert!(purposes(&certificate(2, extensions)).is_err(), "{extensions:?}");
        }
        assert!(purposes(&certificate(0, &[("keyUsage", &["Digital Signature"])])).is_err());
    }
}
