//! `x509_certificate`: what a certificate says. Signatures are not verified.

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::parse::x509::{self, Certificate};
use crate::parse::x509_purposes::purposes;
use crate::resource::file::hex;
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::value::{Text, Value};

pub(super) const X509_CERTIFICATE: Resource = Resource {
    name: "x509_certificate",
    summary: "A certificate in PEM (the first of a file) or DER: what it says, not who vouches for it.",
    label: Label::WithArgument("x509_certificate"),
    arguments: &[Argument {
        name: "path",
        takes: Takes::Path,
        summary: "Absolute path inside the target.",
        required: true,
    }],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new("exist", Type::Bool, "It is there.").existence(),
    Property::new("valid", Type::Bool, "The scan is between not_before and not_after."),
    Property::new("subject_dn", Type::Text, "Whose it is: /C=DE/O=Example/CN=name; a slash in a value is \\/."),
    Property::new("subject", Type::Texts, "The same in parts: CN=name."),
    Property::new("subject.*", Type::Text, "A part by its name: subject.CN; a list of several, nil without it."),
    Property::new("issuer_dn", Type::Text, "Who signed it, as subject_dn."),
    Property::new("issuer", Type::Texts, "The same in parts."),
    Property::new("issuer.*", Type::Text, "A part by its name: issuer.O; as of subject."),
    Property::new("email", Type::Text, "The subject's emailAddress, as subject.emailAddress."),
    Property::new("serial", Type::Text, "The serial number in decimal digits."),
    Property::new("fingerprint", Type::Text, "SHA-1 of the certificate, in hex."),
    Property::new("fingerprint_sha256", Type::Text, "SHA-256 of the certificate, in hex."),
    Property::new("key_type", Type::Text, "What kind of key it is for: rsa, ec, ed25519 …"),
    Property::new("key_length", Type::Int, "The length of that key in bits; nil for a curve that is not known."),
    Property::new("signature_algorithm", Type::Text, "What it is signed with: sha256WithRSAEncryption."),
    Property::new(
        "signature_digest",
        Type::Text,
        "The digest that was signed, of RSA-PSS by its parameters: sha256, sha1, md5 …",
    ),
    Property::new("validity_in_days", Type::Int, "Days from the scan until not_after, with a fraction."),
    Property::new("not_before", Type::Time, "From when on it is valid."),
    Property::new("not_after", Type::Time, "Until when."),
    Property::new(
        "subject_alt_names",
        Type::Texts,
        "DNS:name, IP Address:10.0.0.1, email:…, URI:…; empty without any.",
    ),
    Property::new("extensions", Type::Texts, "The names of its extensions: keyUsage …"),
    Property::new(
        "extensions.*",
        Type::Texts,
        "What an extension says, in OpenSSL's words: extensions.keyUsage is [critical, Certificate Sign]; nil without it.",
    ),
    Property::new(
        "purposes",
        Type::Texts,
        "What it may be used for, in the words of openssl x509 -purpose: SSL client, SSL server, SSL server CA …",
    ),
    Property::new("version", Type::Int, "As it is written: 2 means version 3."),
];

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let path = arguments.text("path").unwrap_or_default();
    let content = context.read(path)?;
    let certificate = x509::certificate(&content).map_err(|error| NoAnswer::parse(path, &error))?;
    Ok(Object::Certificate(Text::from(path), Box::new(certificate)))
}

/// The value of a property of the registry.
pub(super) fn property(context: &Context, path: &[u8], certificate: &Certificate, name: &str) -> Asked<Value> {
    let part = |names: &[(String, Vec<u8>)], wanted: &str| {
        let found = names.iter().filter(|(name, _)| name == wanted);
        let mut values: Vec<Value> = found.map(|(_, value)| Value::text(value)).collect();
        match values.len() {
            0 | 1 => values.pop().unwrap_or(Value::Nil),
            _ => Value::List(values),
        }
    };
    let parts = |names: &[(String, Vec<u8>)]| {
        Value::texts(names.iter().map(|(name, value)| [name.as_bytes(), b"=", value.as_slice()].concat()))
    };
    Ok(match name {
        "exist" => Value::Bool(true),
        "valid" => Value::Bool((certificate.not_before..=certificate.not_after).contains(&context.now)),
        "subject_dn" => Value::text(x509::in_slashes(&certificate.subject)),
        "subject" => parts(&certificate.subject),
        "issuer_dn" => Value::text(x509::in_slashes(&certificate.issuer)),
        "issuer" => parts(&certificate.issuer),
        "email" => part(&certificate.subject, "emailAddress"),
        "serial" => Value::text(&certificate.serial),
        "fingerprint" => Value::text(hex(&Sha1::digest(&certificate.der))),
        "fingerprint_sha256" => Value::text(hex(&Sha256::digest(&certificate.der))),
        "key_type" => certificate.key.kind.as_ref().map_or(Value::Nil, Value::text),
        "key_length" => certificate.key.bits.map_or(Value::Nil, |bits| Value::Int(bits as i128)),
        "signature_algorithm" => Value::text(&certificate.signature_algorithm),
        "signature_digest" => {
            let unknown = || format!("which digest {} signs is not known", certificate.signature_algorithm);
            Value::text(certificate.signature_digest.ok_or_else(|| NoAnswer::parse(path, &unknown()))?)
        }
        "validity_in_days" => Value::Float((certificate.not_after - context.now) as f64 / 86400.0),
        "not_before" => Value::Time(certificate.not_before),
        "not_after" => Value::Time(certificate.not_after),
        "subject_alt_names" => {
            let names = certificate.extension("subjectAltName").unwrap_or_default();
            Value::texts(names.iter().filter(|name| *name != "critical"))
        }
        "extensions" => Value::texts(certificate.extensions.iter().map(|(name, _)| name)),
        "purposes" => Value::texts(purposes(certificate).map_err(|error| NoAnswer::parse(path, &error))?),
        "version" => Value::Int(i128::from(certificate.version)),
        name => match name.split_once('.') {
            Some(("subject", name)) => part(&certificate.subject, name),
            Some(("issuer", name)) => part(&certificate.issuer, name),
            Some(("extensions", name)) => {
                certificate.extension(name).map_or(Value::Nil, |words| Value::texts(words.iter()))
            }
            _ => Value::Nil,
        },
    })
}
