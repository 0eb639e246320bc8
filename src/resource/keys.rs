//! `x509_private_key`, `key_rsa`, `ssh_key` and `dh_params`: what kind of key a file holds. Of the key itself nothing
//! is shown, and no passphrase is asked for.

use crate::parse::keys::{self, Key};
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::value::Value;

const PATH: &[Argument] =
    &[Argument { name: "path", takes: Takes::Path, summary: "Absolute path inside the target.", required: true }];

const fn resource(
    name: &'static str,
    summary: &'static str,
    properties: &'static [Property],
    open: fn(&Context, &Arguments) -> Asked<Object>,
) -> Resource {
    let shape = Shape::Object { properties, open };
    Resource { name, summary, label: Label::WithArgument(name), arguments: PATH, one_of: &[], shape }
}

pub(super) const X509_PRIVATE_KEY: Resource =
    resource("x509_private_key", "A private key of a certificate, in PEM or DER.", KEY, |context, arguments| {
        one(context, arguments, &|key| key.private, "a public key where a private one must be")
    });

pub(super) const KEY_RSA: Resource =
    resource("key_rsa", "An RSA key, private or public, in PEM or DER.", KEY, |context, arguments| {
        one(context, arguments, &|key| key.kind.as_deref().is_none_or(|kind| kind == "rsa"), "a key of another kind")
    });

pub(super) const SSH_KEY: Resource =
    resource("ssh_key", "A key of OpenSSH, private or public; the first of a file.", KEY, |context, arguments| {
        one(context, arguments, &|_| true, "")
    });

const KEY: &[Property] = &[
    Property::new("exist", Type::Bool, "It is there.").existence(),
    Property::new("type", Type::Text, "rsa, dsa, ec, ecdsa, ed25519, ed25519-sk …; nil where encryption hides it."),
    Property::new("key_length", Type::Int, "Its length in bits; nil where encryption hides it."),
    Property::new("private", Type::Bool, "It is a private key."),
    Property::new("public", Type::Bool, "It is a public key alone."),
    Property::new("encrypted", Type::Bool, "It needs a passphrase."),
];

fn one(context: &Context, arguments: &Arguments, fits: &dyn Fn(&Key) -> bool, otherwise: &str) -> Asked<Object> {
    let path = arguments.text("path").unwrap_or_default();
    let key = keys::first(&context.read(path)?).map_err(|error| NoAnswer::parse(path, &error))?;
    if !fits(&key) {
        return Err(NoAnswer::parse(path, &otherwise));
    }
    Ok(Object::Facts(vec![
        ("exist", Value::Bool(true)),
        ("type", key.kind.map_or(Value::Nil, Value::text)),
        ("key_length", key.bits.map_or(Value::Nil, |bits| Value::Int(bits as i128))),
        ("private", Value::Bool(key.private)),
        ("public", Value::Bool(!key.private)),
        ("encrypted", Value::Bool(key.encrypted)),
    ]))
}

pub(super) const DH_PARAMS: Resource =
    resource("dh_params", "Diffie-Hellman parameters, in PEM or DER.", DH, open_dh_params);

const DH: &[Property] = &[
    Property::new("exist", Type::Bool, "They are there.").existence(),
    Property::new("prime_length", Type::Int, "The length of the prime in bits."),
    Property::new("generator", Type::Text, "The generator in decimal digits."),
    Property::new("modulus", Type::Text, "The prime, as bytes in hex between colons."),
];

fn open_dh_params(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let path = arguments.text("path").unwrap_or_default();
    let found = keys::dh_params(&context.read(path)?).map_err(|error| NoAnswer::parse(path, &error))?;
    let modulus: Vec<String> = found.prime.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Object::Facts(vec![
        ("exist", Value::Bool(true)),
        ("prime_length", Value::Int(crate::parse::der::bits(&found.prime) as i128)),
        ("generator", Value::text(found.generator)),
        ("modulus", Value::text(modulus.join(":"))),
    ]))
}
