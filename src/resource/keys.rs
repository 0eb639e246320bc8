//! `x509_private_key`, `key_rsa`, `ssh_key` and `dh_params`: what kind of key a file holds. Of the key itself nothing
//! is shown, and no passphrase is asked for.

use crate::parse::dh::{self, DhParams};
use crate::parse::keys::{self, Key};
use crate::parse::{der, x509};
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::value::{Text, Value};

const PATH: Argument =
    Argument { name: "path", takes: Takes::Path, summary: "Absolute path inside the target.", required: true };

const fn resource(
    name: &'static str,
    summary: &'static str,
    properties: &'static [Property],
    open: fn(&Context, &Arguments) -> Asked<Object>,
) -> Resource {
    let shape = Shape::Object { properties, open };
    Resource { name, summary, label: Label::WithArgument(name), arguments: &[PATH], one_of: &[], shape }
}

pub(super) const X509_PRIVATE_KEY: Resource = Resource {
    arguments: &[
        PATH,
        Argument {
            name: "certificate",
            takes: Takes::Path,
            summary: "A certificate to compare it with: see matches_certificate.",
            required: false,
        },
    ],
    ..resource("x509_private_key", "A private key of a certificate, in PEM or DER.", X509_KEY, open_x509_private_key)
};

pub(super) const KEY_RSA: Resource =
    resource("key_rsa", "An RSA key, private or public, in PEM or DER.", KEY, |context, arguments| {
        let is_rsa = |key: &Key| key.kind.as_deref().is_none_or(|kind| kind == "rsa");
        read(context, arguments, &is_rsa, "a key of another kind").map(|key| Object::Facts(facts(&key)))
    });

pub(super) const SSH_KEY: Resource =
    resource("ssh_key", "A key of OpenSSH, private or public; the first of a file.", KEY, |context, arguments| {
        read(context, arguments, &|_| true, "").map(|key| Object::Facts(facts(&key)))
    });

const X509_KEY: &[Property] = &[
    Property::new("exist", Type::Bool, "It is there.").existence(),
    Property::new("type", Type::Text, "rsa, dsa, ec, ecdsa, ed25519, ed25519-sk …; nil where encryption hides it."),
    Property::new("key_length", Type::Int, "Its length in bits; nil where encryption hides it."),
    Property::new("private", Type::Bool, "It is a private key."),
    Property::new("public", Type::Bool, "It is a public key alone."),
    Property::new("encrypted", Type::Bool, "It needs a passphrase."),
    Property::new("matches_certificate", Type::Bool, "Its public key is the one that `certificate` is for."),
];

/// All but the last.
const KEY: &[Property] = X509_KEY.split_at(6).0;

/// The key of a file.
fn read(context: &Context, arguments: &Arguments, fits: &dyn Fn(&Key) -> bool, otherwise: &str) -> Asked<Key> {
    let path = arguments.text("path").unwrap_or_default();
    let key = keys::first(&context.read(path)?).map_err(|error| NoAnswer::parse(path, &error))?;
    if fits(&key) { Ok(key) } else { Err(NoAnswer::parse(path, &otherwise)) }
}

fn facts(key: &Key) -> Vec<(&'static str, Value)> {
    vec![
        ("exist", Value::Bool(true)),
        ("type", key.kind.as_ref().map_or(Value::Nil, Value::text)),
        ("key_length", key.bits.map_or(Value::Nil, |bits| Value::Int(bits as i128))),
        ("private", Value::Bool(key.private)),
        ("public", Value::Bool(!key.private)),
        ("encrypted", Value::Bool(key.encrypted)),
    ]
}

fn open_x509_private_key(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let key = read(context, arguments, &|key| key.private, "a public key where a private one must be")?;
    let known = facts(&key).into_iter().map(|(name, value)| (name, Ok(value)));
    let matches = matches_certificate(context, arguments, &key).map(Value::Bool);
    Ok(Object::Answers(known.chain([("matches_certificate", matches)]).collect()))
}

/// A certificate that is not there is none that does not match.
fn matches_certificate(context: &Context, arguments: &Arguments, key: &Key) -> Asked<bool> {
    let named = arguments.text("certificate");
    let path =
        named.ok_or_else(|| NoAnswer::Error("`certificate` does not say with which one to compare".to_owned()))?;
    let content = context.read(path).map_err(|error| NoAnswer::Error(error.text().to_owned()))?;
    let certificate = x509::certificate(&content).map_err(|error| NoAnswer::parse(path, &error))?;
    let own = arguments.text("path").unwrap_or_default();
    key.pairs_with(&certificate.key).map_err(|error| NoAnswer::parse(own, &error))
}

pub(super) const DH_PARAMS: Resource =
    resource("dh_params", "Diffie-Hellman parameters, in PEM or DER.", DH, open_dh_params);

const DH: &[Property] = &[
    Property::new("exist", Type::Bool, "They are there.").existence(),
    Property::new(
        "valid",
        Type::Bool,
        "As openssl dhparam -check has it: a safe prime of at least 512 bits, and a generator below it.",
    ),
    Property::new("prime_length", Type::Int, "The length of the prime in bits."),
    Property::new("generator", Type::Text, "The generator in decimal digits."),
    Property::new("modulus", Type::Text, "The prime, as bytes in hex between colons."),
];

fn open_dh_params(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let path = arguments.text("path").unwrap_or_default();
    let found = dh::dh_params(&context.read(path)?).map_err(|error| NoAnswer::parse(path, &error))?;
    Ok(Object::DhParams(Text::from(path), Box::new(found)))
}

/// The value of a property of the registry. Whether they are valid takes long enough to be found out only when it is
/// asked.
pub(super) fn dh_property(path: &[u8], params: &DhParams, name: &str) -> Asked<Value> {
    Ok(match name {
        "exist" => Value::Bool(true),
        "valid" => Value::Bool(params.are_valid().map_err(|error| NoAnswer::parse(path, &error))?),
        "prime_length" => Value::Int(der::bits(&params.prime) as i128),
        "generator" => {
            let digits = der::decimal(&params.generator);
            Value::text(digits.ok_or_else(|| NoAnswer::parse(path, &"a generator of more than 1024 bytes"))?)
        }
        "modulus" => {
            let modulus: Vec<String> = params.prime.iter().map(|byte| format!("{byte:02x}")).collect();
            Value::text(modulus.join(":"))
        }
        _ => Value::Nil,
    })
}
