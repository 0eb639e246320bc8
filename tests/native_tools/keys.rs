//! Certificates and keys by openssl and ssh-keygen.

use std::path::Path;
use std::process::Command;

use crate::fixture::Scratch;
use crate::{context, properties, tool};

#[test]
fn openssl_reads_the_same_certificates() {
    if tool("openssl", "openssl", &["version"], Path::new("/")).is_none() {
        return;
    }
    let scratch = Scratch::new();
    let keys: [(&str, &[&str], &str, &str); 5] = [
        ("rsa", &["-newkey", "rsa:2048", "-sha384"], "2048", "sha384WithRSAEncryption"),
        ("p256", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "256", "ecdsa-with-SHA256"),
        ("p521", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-sha512"], "521", "ecdsa-with-SHA512"),
        ("ed25519", &["-newkey", "ed25519"], "256", "ED25519"),
        ("ed448", &["-newkey", "ed448"], "456", "ED448"),
    ];
    for (name, kind, length, algorithm) in keys {
        let (pem, key) = (format!("{name}.pem"), format!("{name}.key"));
        let subject = format!("/C=DE/O=Example, Inc./OU=a+b/CN={name}/emailAddress=a@example.org");
        let mut make = vec!["req", "-x509", "-nodes", "-days", "400", "-keyout", &key, "-out", &pem, "-subj", &subject];
        make.extend_from_slice(kind);
        make.extend_from_slice(&["-addext", "subjectAltName=DNS:a.example.org,IP:10.1.2.3"]);
        make.extend_from_slice(&["-addext", "keyUsage=critical,digitalSignature,keyEncipherment"]);
        tool("openssl", "openssl", &make, &scratch.0).unwrap();
        let ask = |more: &[&str]| {
            let all = [&["x509", "-in", &pem, "-noout"][..], more].concat();
            let said = tool("openssl", "openssl", &all, &scratch.0).unwrap();
            said.split_once('=').unwrap().1.trim().to_owned()
        };
        let context = context(&scratch.0);
        let path = format!("/{pem}");
        let wanted =
            ["subject_dn", "issuer_dn", "fingerprint", "fingerprint_sha256", "not_before", "not_after", "serial"];
        let found = properties(&context, "x509_certificate", &[("path", &path)], &wanted).unwrap();
        let hex = |text: String| text.replace(':', "").to_lowercase();
        let day = |text: String| text.split_whitespace().next().unwrap().to_owned();
        assert_eq!(found[0], ask(&["-subject", "-nameopt", "compat"]));
        assert_eq!(found[1], ask(&["-issuer", "-nameopt", "compat"]));
        assert_eq!(found[2], hex(ask(&["-fingerprint", "-sha1"])));
        assert_eq!(found[3], hex(ask(&["-fingerprint", "-sha256"])));
        assert_eq!(found[4], day(ask(&["-startdate", "-dateopt", "iso_8601"])));
        assert_eq!(found[5], day(ask(&["-enddate", "-dateopt", "iso_8601"])));
        assert_eq!(found[6], decimal(&ask(&["-serial"])));
        let wanted = ["key_length", "signature_algorithm", "subject_alt_names", "extensions.keyUsage"];
        let found = properties(&context, "x509_certificate", &[("path", &path)], &wanted).unwrap();
        let names = "DNS:a.example.org, IP Address:10.1.2.3";
        assert_eq!(found, [length, algorithm, names, "critical, Digital Signature, Key Encipherment"]);
        let found =
            properties(&context, "x509_private_key", &[("path", &format!("/{key}"))], &["key_length", "encrypted"]);
        assert_eq!(found.unwrap(), [length, "false"]);
    }
}

/// Certificates with all kinds of restrictions: what OpenSSL says that each is for.
#[test]
fn openssl_takes_certificates_for_the_same_purposes() {
    let scratch = Scratch::new();
    let usages = [
        "",
        "critical,digitalSignature",
        "keyEncipherment",
        "critical,digitalSignature,keyEncipherment",
        "keyAgreement",
        "critical,keyCertSign",
        "keyCertSign,cRLSign",
        "nonRepudiation",
        "cRLSign",
        "critical,nonRepudiation,digitalSignature",
        "digitalSignature,keyCertSign,decipherOnly",
    ];
    let extended = [
        "",
        "serverAuth",
        "clientAuth",
        "critical,serverAuth,clientAuth",
        "emailProtection",
        "codeSigning",
        "critical,timeStamping",
        "timeStamping",
        "msSGC",
        "anyExtendedKeyUsage",
        "critical,timeStamping,OCSPSigning",
        "critical,timeStamping,1.2.3.4",
        "nsSGC,1.3.6.1.5.5.7.3.10",
    ];
    let basic = ["", "critical,CA:FALSE", "CA:TRUE,pathlen:0"];
    let netscape = ["", "client", "server", "email", "sslCA", "emailCA", "objsign,objCA", "client,server,email"];
    let mut config = "[req]\ndistinguished_name = name\n[name]\n".to_owned();
    // The lengths have no divisor in common: each pair of usages comes once.
    let number = 11 * 13;
    for i in 0..number {
        config.push_str(&format!("[e{i}]\nsubjectKeyIdentifier = hash\n"));
        let said = [
            ("keyUsage", usages[i % usages.len()]),
            ("extendedKeyUsage", extended[i % extended.len()]),
            ("basicConstraints", basic[i % basic.len()]),
            // Most of today's have none.
            ("nsCertType", if i % 2 == 0 { "" } else { netscape[i / 2 % netscape.len()] }),
        ];
        for (name, value) in said.iter().filter(|(_, value)| !value.is_empty()) {
            config.push_str(&format!("{name} = {value}\n"));
        }
    }
    scratch.write("config", config);
    let openssl = |arguments: &[&str]| tool("openssl", "openssl", arguments, &scratch.0);
    if openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key"]).is_none() {
        return;
    }
    let common = ["-config", "config", "-key", "key", "-subj", "/CN=a"];
    openssl(&[&["req", "-new", "-out", "request"][..], &common].concat()).unwrap();
    // Without extensions, one of version 1: signed by itself, and with the name of another.
    openssl(&["x509", "-req", "-in", "request", "-signkey", "key", "-out", "v1.pem"]).unwrap();
    openssl(&["x509", "-in", "v1.pem", "-signkey", "key", "-set_serial", "1", "-subj", "/CN=b", "-out", "b.pem"])
        .unwrap();
    openssl(&["x509", "-req", "-in", "request", "-CA", "b.pem", "-CAkey", "key", "-CAcreateserial", "-out", "v1b.pem"])
        .unwrap();
    let mut files = vec!["v1.pem".to_owned(), "v1b.pem".to_owned()];
    for i in 0..number {
        let (section, file) = (format!("e{i}"), format!("{i}.pem"));
        openssl(&[&["req", "-new", "-x509", "-extensions", &section, "-out", &file][..], &common].concat()).unwrap();
        files.push(file);
    }
    let context = context(&scratch.0);
    let mut holding = 0;
    for file in &files {
        let said = openssl(&["x509", "-noout", "-purpose", "-in", file]).unwrap();
        let said: Vec<(&str, bool)> = said
            .lines()
            .filter_map(|line| line.split_once(" : "))
            .map(|(name, answer)| (name, answer.starts_with("Yes")))
            .collect();
        assert!(said.len() >= 18, "{said:?}");
        let wanted: Vec<&str> = said.iter().filter(|(_, holds)| *holds).map(|(name, _)| *name).collect();
        let found =
            properties(&context, "x509_certificate", &[("path", &format!("/{file}"))], &["purposes", "extensions"]);
        let found = found.unwrap();
        // What this OpenSSL does not know yet is not compared.
        let known = |name: &&str| said.iter().any(|(known, _)| known == name);
        assert_eq!(found[0].split(", ").filter(known).collect::<Vec<_>>(), wanted, "{file}: {}", found[1]);
        holding += wanted.len();
    }
    println!("{} certificates, {holding} purposes", files.len());
}

/// Each key with each certificate, in all forms of files.
#[test]
fn openssl_pairs_the_same_keys_with_certificates() {
    let scratch = Scratch::new();
    let openssl = |arguments: &[&str]| tool("openssl", "openssl", arguments, &scratch.0);
    let kinds: [(&str, &[&str]); 6] = [
        ("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        ("other", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]),
        ("pss", &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:1024"]),
        ("p256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("ed", &["-algorithm", "ED25519"]),
    ];
    let (mut keys, mut certificates) = (Vec::new(), Vec::new());
    for (name, kind) in kinds {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        if openssl(&[&["genpkey", "-out", &key][..], kind].concat()).is_none() {
            return;
        }
        openssl(&["req", "-new", "-x509", "-key", &key, "-subj", "/CN=a", "-out", &certificate]).unwrap();
        let public = openssl(&["pkey", "-in", &key, "-pubout"]).unwrap();
        assert_eq!(openssl(&["x509", "-in", &certificate, "-noout", "-pubkey"]).unwrap(), public);
        for (ending, form) in [
            (".pkcs8", &[][..]),
            (".traditional", &["-traditional"]),
            (".der", &["-outform", "DER"]),
            (".short", &["-ec_conv_form", "compressed"]),
        ] {
            let has_form = match ending {
                ".traditional" => !matches!(name, "pss" | "ed"),
                ".short" => matches!(name, "p256" | "p384"),
                _ => true,
            };
            if has_form {
                let file = format!("{key}{ending}");
                openssl(&[&["pkey", "-in", &key, "-out", &file][..], form].concat()).unwrap();
                keys.push((file, public.clone()));
            }
        }
        certificates.push((certificate, public));
    }
    let context = context(&scratch.0);
    for (key, public) in &keys {
        for (certificate, other) in &certificates {
            let given = [("path", format!("/{key}")), ("certificate", format!("/{certificate}"))];
            let given = given.each_ref().map(|(name, path)| (*name, path.as_str()));
            let found = properties(&context, "x509_private_key", &given, &["matches_certificate"]).unwrap();
            assert_eq!(found, [(public == other).to_string()], "{key} {certificate}");
        }
    }
    println!("{} keys, {} certificates", keys.len(), certificates.len());
}

/// An INTEGER of DER, or a SEQUENCE of what is in it already.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if tag == 2 && content.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
    let length = u16::try_from(content.len() + sign.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], sign, content].concat()
}

#[test]
fn openssl_takes_the_same_parameters_of_diffie_hellman() {
    let scratch = Scratch::new();
    let openssl = |arguments: &[&str]| tool("openssl", "openssl", arguments, &scratch.0);
    // A power of two, and that with 1 added or taken away.
    let power = |bits: usize| [&[1 << (bits % 8)][..], &vec![0; bits / 8]].concat();
    let above = |bits: usize| [&power(bits)[..bits / 8], &[1]].concat();
    let below = |bits: usize| [&[(1 << (bits % 8)) - 1][..], &vec![0xff; bits / 8]].concat();
    let prime = |file: &str| {
        let said = openssl(&["asn1parse", "-in", file])?;
        let digits = said.lines().find(|line| line.contains("INTEGER")).unwrap().rsplit(':').next().unwrap();
        Some((0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect())
    };
    let mut all: Vec<(Vec<u8>, Vec<u8>)> = vec![
        (below(521), vec![2]),
        (below(607), vec![5]),
        (below(1279), vec![2]),
        (below(600), vec![2]),
        (above(600), vec![2]),
        (power(600), vec![2]),
        (vec![23], vec![5]),
    ];
    for file in ["modp_1536", "modp_2048", "ffdhe2048", "ffdhe8192"] {
        let group = format!("group:{file}");
        if openssl(&["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", &group, "-out", file]).is_none() {
            return;
        }
    }
    openssl(&["dhparam", "-2", "-out", "safe2", "512"]).unwrap();
    openssl(&["dhparam", "-5", "-out", "safe5", "520"]).unwrap();
    for file in ["modp_1536", "modp_2048", "ffdhe2048", "ffdhe8192", "safe2", "safe5"] {
        let prime: Vec<u8> = prime(file).unwrap();
        let [mut less, mut half] = [prime.clone(), prime.clone()];
        *less.last_mut().unwrap() -= 1;
        half.pop();
        let generators = [vec![2], vec![3], vec![1], vec![], vec![0, 0, 5], less, prime.clone(), half];
        // OpenSSL tests known primes itself unless the generator is theirs, and takes long for it.
        let few = if prime.len() < 100 { generators.len() } else { 1 };
        all.extend(generators.into_iter().take(few).map(|generator| (prime.clone(), generator)));
    }
    all.push((prime("modp_1536").unwrap(), vec![3]));
    let context = context(&scratch.0);
    let mut valid = 0;
    for (number, (prime, generator)) in all.iter().enumerate() {
        let file = scratch.write(&format!("{number}.der"), der(0x30, &[der(2, prime), der(2, generator)].concat()));
        let check = ["dhparam", "-inform", "DER", "-check", "-noout", "-in", file.to_str().unwrap()];
        let said = Command::new("openssl").args(check).output().unwrap().status.success();
        let found = properties(&context, "dh_params", &[("path", &format!("/{number}.der"))], &["valid"]).unwrap();
        assert_eq!(found, [said.to_string()], "{number}: {} bytes, {generator:?}", prime.len());
        valid += usize::from(said);
    }
    println!("{} parameters, {valid} of them valid", all.len());
    assert!(valid > 10);
}

/// A number in hexadecimal digits, in decimal ones.
fn decimal(hex: &str) -> String {
    let mut digits = vec![0_u32];
    for char in hex.chars() {
        let mut carry = char.to_digit(16).unwrap();
        for digit in &mut digits {
            let value = *digit * 16 + carry;
            (*digit, carry) = (value % 10, value / 10);
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().map(u32::to_string).collect()
}

#[test]
fn ssh_keygen_reads_the_same_keys() {
    let scratch = Scratch::new();
    let kinds: [(&str, &[&str], &str); 4] = [
        ("rsa", &["-t", "rsa", "-b", "3072", "-N", ""], "false"),
        ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""], "false"),
        ("ed25519", &["-t", "ed25519", "-N", "secret"], "true"),
        ("ecdsa", &["-t", "ecdsa", "-b", "521", "-N", ""], "false"),
    ];
    for (name, kind, encrypted) in kinds {
        let make = [&["-q", "-C", "a comment", "-f", name][..], kind].concat();
        if tool("ssh-keygen", "ssh-keygen", &make, &scratch.0).is_none() {
            return;
        }
        let said = tool("ssh-keygen", "ssh-keygen", &["-l", "-f", &format!("{name}.pub")], &scratch.0).unwrap();
        let length = said.split(' ').next().unwrap();
        let kind = said.rsplit('(').next().unwrap().trim().trim_end_matches(')').to_lowercase();
        let context = context(&scratch.0);
        for (file, private, encrypted) in
            [(format!("/{name}"), "true", encrypted), (format!("/{name}.pub"), "false", "false")]
        {
            let wanted = ["type", "key_length", "private", "encrypted"];
            let found = properties(&context, "ssh_key", &[("path", &file)], &wanted).unwrap();
            assert_eq!(found, [&kind, length, private, encrypted], "{file}");
        }
    }
}
