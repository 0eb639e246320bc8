//! The tools themselves are asked what they see, and the resources must say the same: dpkg-query, rpm, pip, npm,
//! openssl, ssh-keygen, readelf, go, nginx, apache2, my_print_defaults, modprobe, apt-get, systemctl, cvtsudoers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use assay::parse::directives::apache_words;
use assay::parse::version::{self, Scheme};
use assay::resource::{Arg, Arguments, Context, NoAnswer, Shape, resource};
use assay::rootfs::{Resolver, Root};
use assay::value::{Text, Value, lossless};

use fixture::{Scratch, repository, skipped};

/// What a tool writes; nothing where there is no such tool, or it fails.
fn tool(test: &str, name: &str, arguments: &[&str], folder: &Path) -> Option<String> {
    let output = Command::new(name).args(arguments).current_dir(folder).env("LC_ALL", "C").env("TZ", "UTC").output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => panic!("{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => {
            skipped(test, name);
            None
        }
    }
}

fn context(root: &Path) -> Context {
    Context::new(Root::open(root, Resolver::Auto).unwrap(), 1_800_000_000)
}

fn arguments(given: &[(&'static str, &str)]) -> Arguments {
    Arguments(given.iter().map(|(name, text)| (*name, Arg::Text(Text::from(text.as_bytes())))).collect())
}

/// Properties of an object; nothing when it does not exist.
fn properties(context: &Context, name: &str, given: &[(&'static str, &str)], wanted: &[&str]) -> Option<Vec<String>> {
    let Shape::Object { open, .. } = resource(name).unwrap().shape else { panic!("{name} is no object") };
    match open(context, &arguments(given)) {
        Ok(object) => Some(wanted.iter().map(|name| object.property(context, name).unwrap().plain()).collect()),
        Err(NoAnswer::Missing(_)) => None,
        Err(error) => panic!("{name} {given:?}: {}", error.text()),
    }
}

/// The rows of a table, sorted, with blanks between the columns.
fn rows(context: &Context, name: &str) -> Vec<String> {
    let Shape::Table { read, .. } = resource(name).unwrap().shape else { panic!("{name} is no table") };
    let table = read(context, &Arguments::default()).unwrap();
    let text = |cell: &Result<Value, NoAnswer>| cell.as_ref().unwrap().plain();
    let mut rows: Vec<String> =
        table.rows.iter().map(|row| row.cells.iter().map(text).collect::<Vec<_>>().join(" ")).collect();
    rows.sort();
    rows
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn dpkg_query_lists_the_same_packages() {
    let format = "-f=${Package} ${Version} ${Architecture} ${db:Status-Status}\\n";
    let Some(listed) = tool("dpkg-query", "dpkg-query", &["-W", format], Path::new("/")) else { return };
    let scratch = Scratch::new();
    scratch.write("var/lib/dpkg/status", fs::read("/var/lib/dpkg/status").unwrap());
    let listed: Vec<String> = sorted(&listed).into_iter().filter(|line| !line.ends_with("not-installed")).collect();
    println!("{} packages", listed.len());
    assert_eq!(rows(&context(&scratch.0), "packages"), listed);
}

/// Where dpkg and the resource both list packages, they list the same; what dpkg refuses is an error.
#[test]
fn dpkg_query_reads_the_same_status() {
    let head = "Package: a\nVersion: 1\nArchitecture: amd64\nMaintainer: m\nDescription: d\n";
    let cases = [
        format!("{head}Status: install ok installed\n"),
        format!("{head}status : INSTALL Ok  Installed\n"),
        format!("{head}Status: deinstall ok config-files\n\n{head}").replace("\n\nPackage: a", "\n\nPackage: b"),
        format!("{head}Status: install ok unpacked\n"),
        format!("{head}Status: purge reinstreq half-installed\n"),
        format!("{head}Status: install ok half-configured\n"),
        format!("{head}Status: install ok installed now\n"),
        format!("{head}Status: installed\n"),
        format!("{head}Status: install ok gone\n"),
        format!("{head}Status: install ok\n installed\n"),
        format!("{head}Status: install ok installed\nStatus: purge ok config-files\n"),
        format!("{head}Status: install ok installed\nExtra:\n a\n \n b\n"),
        format!("{head}Status: install ok installed\n\n{head}Status: install ok installed\n"),
        format!("{head}Status: install ok installed\n\n\n{}Status: install ok installed\n", head.replace(": a\n", ": b\n")),
        format!("{}Status: install ok installed\n", head.replace(": a\n", ": A\n")),
        format!("{}Status: install ok installed\n", head.replace(": a\n", ": a b\n")),
        format!("{}Status: install ok installed\n", head.replace("Version: 1\n", "")),
        format!("{head}Multi-Arch: same\nStatus: install ok installed\n\n{head}Multi-Arch: same\nStatus: install ok installed\n")
            .replacen("amd64", "i386", 1),
        format!("{head}Status: install ok installed\nnonsense\n"),
        format!("{head}Status: install ok installed\r\n\r\n{head}Status: install ok installed\r\n"),
    ];
    let Shape::Table { read, .. } = resource("packages").unwrap().shape else { panic!("packages is no table") };
    let mut both = 0;
    for text in &cases {
        let scratch = Scratch::new();
        scratch.write("var/lib/dpkg/status", text);
        fs::create_dir_all(scratch.path("var/lib/dpkg/info")).unwrap();
        let ours = read(&context(&scratch.0), &Arguments::default()).map(|table| {
            let mut rows: Vec<String> = Vec::new();
            for row in &table.rows {
                let cell = |cell: &Result<Value, NoAnswer>| match cell {
                    Ok(value) => value.plain(),
                    Err(error) => error.text().rsplit(" is ").next().unwrap().split(':').next().unwrap().to_owned(),
                };
                rows.push(row.cells.iter().map(cell).collect::<Vec<_>>().join(" "));
            }
            rows.sort();
            rows
        });
        let output = Command::new("dpkg-query")
            .arg(format!("--admindir={}", scratch.path("var/lib/dpkg").display()))
            .args(["-W", "-f=${Package} ${Version} ${Architecture} ${db:Status-Status}\\n"])
            .env("LC_ALL", "C")
            .output();
        let Ok(output) = output else { return skipped("dpkg-query", "dpkg-query") };
        let theirs = sorted(&String::from_utf8_lossy(&output.stdout));
        match ours {
            Ok(ours) => {
                both += 1;
                assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
                assert_eq!(ours, theirs, "{text}");
            }
            Err(error) => println!("{}: {}", output.status, error.text()),
        }
    }
    println!("{both} of {}", cases.len());
    assert!(both >= 9);
}

/// Pairs of versions, of pieces that the rules treat differently.
fn versions() -> Vec<String> {
    let mut all = Vec::new();
    for start in ["1", "1.0", "1.05", "1.5", "1a", "1.a", "1.10", "a1", "2"] {
        for end in ["", "~rc1", "^git1", "-1", "-1.el9", "a", ".0", ".0.1", "+b", "rc1", "_p1"] {
            all.push(format!("{start}{end}"));
        }
    }
    all
}

#[test]
fn rpm_compares_versions_alike_and_lists_the_same_packages() {
    if tool("rpm", "rpm", &["--version"], Path::new("/")).is_none() {
        return;
    }
    let all = versions();
    let (mut script, mut ours) = (String::new(), String::new());
    for left in &all {
        for right in &all {
            script.push_str(&format!("print(rpm.vercmp('{left}', '{right}')..' ')\n"));
            let order = version::compare(Scheme::Rpm, left.as_bytes(), right.as_bytes());
            ours.push_str(&format!("{left} {right} {} \n", order.map_or(9, |order| order as i8)));
        }
    }
    let scratch = Scratch::new();
    let file = scratch.write("versions.lua", &script);
    let said = tool("rpm", "rpm", &["--eval", &format!("%{{lua:dofile('{}')}}", file.display())], &scratch.0).unwrap();
    let mut said = said.split_whitespace();
    for line in ours.lines() {
        let theirs = said.next().unwrap();
        // rpm compares one without a release as if it had the same.
        let mut words = line.split(' ');
        let (left, right, order) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        if left.contains('-') == right.contains('-') {
            assert_eq!(order, theirs, "{left} {right}");
        }
    }

    let spec = "Name: NAME\nVersion: 1.2\nRelease: 3.el9\nEPOCHSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n\
        %install\nmkdir -p %{buildroot}/usr/share/NAME\necho NAME >%{buildroot}/usr/share/NAME/data\n\
        %files\n/usr/share/NAME\n";
    let top = format!("_topdir {}", scratch.path("top").display());
    let root = scratch.path("root");
    fs::create_dir_all(&root).unwrap();
    for (name, epoch) in [("tiny-a", ""), ("tiny-b", "Epoch: 1\n"), ("tiny-c", "")] {
        let text = spec.replace("NAME", name).replace("EPOCH", epoch);
        let file = scratch.write(&format!("{name}.spec"), text);
        let arguments = ["-bb", "--quiet", "--define", &top, file.to_str().unwrap()];
        if tool("rpm", "rpmbuild", &arguments, &scratch.0).is_none() {
            return;
        }
        let package = scratch.path(&format!("top/RPMS/noarch/{name}-1.2-3.el9.noarch.rpm"));
        let root = root.to_str().unwrap();
        let install = ["--root", root, "--dbpath", "/var/lib/rpm", "--nodeps", "-i", package.to_str().unwrap()];
        tool("rpm", "rpm", &install, &scratch.0).unwrap();
    }
    let format = "%|epoch?{%{name} %{epoch}:%{version}-%{release} %{arch} installed}:{%{name} %{version}-%{release} %{arch} installed}|\\n";
    let query = ["--root", root.to_str().unwrap(), "--dbpath", "/var/lib/rpm", "-qa", "--qf", format];
    let listed = sorted(&tool("rpm", "rpm", &query, &scratch.0).unwrap());
    assert_eq!(listed.len(), 3);
    let context = context(&root);
    assert_eq!(rows(&context, "packages"), listed);
    assert!(rows(&context, "package_files").contains(&"/usr/share/tiny-a/data tiny-a false true true".to_owned()));
}

#[test]
fn rpm_reads_the_same_database_of_berkeley_db() {
    let scratch = Scratch::new();
    let database = scratch.path("root/var/lib/rpm/Packages");
    fs::create_dir_all(database.parent().unwrap()).unwrap();
    fs::copy(repository("tests/resources/bytes/Packages"), &database).unwrap();
    let place = database.parent().unwrap().to_str().unwrap();
    let format = "%|epoch?{%{name} %{epoch}:%{version}-%{release} %{arch} installed}:{%{name} %{version}-%{release} %{arch} installed}|\\n";
    let query = ["--dbpath", place, "--define", "_db_backend bdb_ro", "-qa", "--qf", format];
    let Some(listed) = tool("rpm", "rpm", &query, &scratch.0) else { return };
    let listed = sorted(&listed);
    assert_eq!(listed.len(), 2);
    assert_eq!(rows(&context(&scratch.path("root")), "packages"), listed);
}

#[test]
fn dpkg_compares_versions_alike() {
    if tool("dpkg", "dpkg", &["--version"], Path::new("/")).is_none() {
        return;
    }
    // One process for each pair: every third version is enough.
    let all: Vec<String> = versions().into_iter().filter(|text| !text.contains(['^', '_'])).step_by(3).collect();
    for left in all.iter().filter(|text| text.starts_with('1')) {
        for right in all.iter().filter(|text| text.starts_with('1')) {
            let less = Command::new("dpkg").args(["--compare-versions", left, "lt", right]).status().unwrap().success();
            let order = version::compare(Scheme::Dpkg, left.as_bytes(), right.as_bytes());
            assert_eq!(order == Some(Ordering::Less), less, "{left} {right}");
        }
    }
}

#[test]
fn pip_lists_the_same_packages() {
    let script = "import sysconfig; print(sysconfig.get_paths()['purelib'])";
    let Some(folder) = tool("pip", "python3", &["-c", script], Path::new("/")) else { return };
    let folder = folder.trim();
    let list = ["list", "--format", "json", "--path", folder, "--disable-pip-version-check"];
    let Some(listed) = tool("pip", "pip", &list, Path::new("/")) else { return };
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    let context = context(Path::new("/"));
    for package in &listed {
        let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        let found = properties(&context, "pip", &[("name", name), ("path", folder)], &["version"]);
        assert_eq!(found.as_deref(), Some(&[version.to_owned()][..]), "{name}");
        assert!(version::is_version(Scheme::Python, version.as_bytes()), "{name} {version}");
    }
    println!("{} packages of Python", listed.len());
    assert_eq!(properties(&context, "pip", &[("name", "no-such-package"), ("path", folder)], &[]), None);
}

#[test]
fn pip_compares_versions_alike() {
    let all: Vec<String> = ["1", "1.0", "1.1", "1!0.1", "1.10"]
        .iter()
        .flat_map(|start| {
            ["", ".dev1", "a1", "a1.dev2", "b2", "rc1", ".post1", ".post1.dev1", "+local.1", "+1", "-2"]
                .map(|end| format!("{start}{end}"))
        })
        .collect();
    let script = format!(
        "from pip._vendor.packaging.version import Version as V\nall = {all:?}\nfor a in all:\n  for b in all:\n    print((V(a) > V(b)) - (V(a) < V(b)))"
    );
    if tool(
        "pip",
        "python3",
        &["-c", "import sys; import importlib.util as u; print(u.find_spec('pip') is not None)"],
        Path::new("/"),
    )
    .is_none_or(|answer| answer.trim() != "True")
    {
        return skipped("pip compares versions", "pip");
    }
    let said = tool("pip", "python3", &["-c", &script], Path::new("/")).unwrap();
    let mut said = said.lines();
    for left in &all {
        for right in &all {
            let order = version::compare(Scheme::Python, left.as_bytes(), right.as_bytes()).unwrap();
            assert_eq!((order as i8).to_string(), said.next().unwrap(), "{left} {right}");
        }
    }
}

#[test]
fn npm_lists_the_same_packages() {
    let scratch = Scratch::new();
    let package = |name: &str, version: &str, needs: &str| {
        format!(r#"{{"name": "{name}", "version": "{version}", "dependencies": {{{needs}}}}}"#)
    };
    scratch.write("package.json", package("app", "1.0.0", r#""a": "^1.0.0", "@s/b": "*""#));
    scratch.write("node_modules/a/package.json", package("a", "1.2.3", r#""c": "2.0.0-rc.1""#));
    scratch.write("node_modules/a/node_modules/c/package.json", package("c", "2.0.0-rc.1", ""));
    scratch.write("node_modules/@s/b/package.json", package("@s/b", "0.1.0", ""));
    let Some(listed) = tool("npm", "npm", &["ls", "--all", "--json", "--offline"], &scratch.0) else { return };
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let mut all = BTreeMap::new();
    let mut open = vec![&listed];
    while let Some(tree) = open.pop() {
        for (name, inner) in tree["dependencies"].as_object().into_iter().flatten() {
            all.insert(name.clone(), inner["version"].as_str().unwrap().to_owned());
            open.push(inner);
        }
    }
    assert_eq!(all.len(), 3);
    let context = context(&scratch.0);
    for (name, version) in all {
        assert_eq!(properties(&context, "npm", &[("name", &name), ("path", "/")], &["version"]), Some(vec![version]));
    }
}

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

/// A filesystem of a known size, asked by the program itself.
#[test]
fn df_tells_the_same_sizes() {
    let scratch = Scratch::new();
    if !fixture::is_root() {
        return skipped("df_tells_the_same_sizes", "root, for a small filesystem");
    }
    fs::create_dir_all(scratch.path("root")).unwrap();
    scratch.write(
        "p.yaml",
        "schema: 1\nname: p\ncontrols:\n  - id: c\n    checks:\n      \
         - {filesystem: /etc, expect: {size_kb: 1024, free_kb: 728, percent_free: 71, type: {eq: tmpfs}}}\n",
    );
    let script = "mount -t tmpfs -o size=1m none root && mkdir root/etc && head -c 300000 /dev/zero >root/etc/file && \
        df -PTk root && $ASSAY scan p.yaml --rootfs root --reporter json";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .current_dir(&scratch.0)
        .env("ASSAY", env!("CARGO_BIN_EXE_assay"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let (df, report) = said.split_once('{').unwrap();
    let numbers: Vec<&str> = df.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(numbers[1..5], ["tmpfs", "1024", "296", "728"], "{df}");
    let report: serde_json::Value = serde_json::from_str(&format!("{{{report}")).unwrap();
    let results = report["profiles"][0]["controls"][0]["results"].as_array().unwrap();
    let statuses: Vec<&str> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["passed", "passed", "passed", "skipped"], "{report}");
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

#[test]
fn go_tells_the_same_modules() {
    let scratch = Scratch::new();
    scratch.write("go.mod", "module example.org/tiny\n\ngo 1.21\n");
    scratch.write("main.go", "package main\n\nfunc main() {}\n");
    let mut build = Command::new("go");
    build.args(["build", "-ldflags=-s -w", "-o", "tiny", "."]).current_dir(&scratch.0).env("CGO_ENABLED", "0");
    build.env("GOFLAGS", "-buildvcs=false").env("GOPROXY", "off");
    match build.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => return skipped("modules of Go", "go"),
    }
    let said = tool("go", "go", &["version", "-m", "tiny"], &scratch.0).unwrap();
    let compiler = said.lines().next().unwrap().split(": go").nth(1).unwrap();
    let found =
        properties(&context(&scratch.0), "go_build", &[("path", "/tiny")], &["compiler", "modules", "settings"]);
    let found = found.unwrap();
    assert_eq!((found[0].as_str(), found[1].as_str()), (compiler, "example.org/tiny@(devel)"));
    assert!(found[2].contains("CGO_ENABLED=0"), "{}", found[2]);
}

#[test]
fn readelf_sees_the_same_programs() {
    let scratch = Scratch::new();
    if tool("readelf", "readelf", &["--version"], &scratch.0).is_none() {
        return;
    }
    let mut files: Vec<_> = ["/usr/bin", "/usr/lib/x86_64-linux-gnu"]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() < 8 << 20))
        .filter(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF")))
        .collect();
    files.sort();
    let context = context(Path::new("/"));
    let step = (files.len() / 80).max(1);
    // One that is larger than other files may be.
    let large =
        std::env::current_exe().ok().filter(|path| fs::metadata(path).is_ok_and(|found| found.len() < 128 << 20));
    let mut seen = 0;
    for path in files.iter().step_by(step).chain(&large) {
        let path = path.to_str().unwrap();
        let said = tool("readelf", "readelf", &["-W", "-h", "-l", "-d", "-n", "-S", path], &scratch.0).unwrap();
        let after = |mark: &str, end: char| -> Vec<String> {
            let found = said.lines().filter_map(|line| line.split_once(mark));
            found.map(|(_, rest)| rest.split(end).next().unwrap().trim().to_owned()).collect()
        };
        let one = |mut found: Vec<String>| if found.is_empty() { String::new() } else { found.remove(0) };
        let now =
            said.lines().any(|line| line.contains("(BIND_NOW)") || (line.contains("FLAGS") && line.contains("NOW")));
        let relro = match (said.contains(" GNU_RELRO "), now) {
            (false, _) => "none",
            (true, false) => "partial",
            (true, true) => "full",
        };
        let stack = said.lines().find(|line| line.trim_start().starts_with("GNU_STACK"));
        let wanted = [
            one(after("Type:   ", '(')),
            after("(NEEDED)", ']')
                .iter()
                .map(|text| text.split_once('[').unwrap().1.to_owned())
                .collect::<Vec<_>>()
                .join(", "),
            one(after("Requesting program interpreter: ", ']')),
            one(after("Library runpath: [", ']')),
            one(after("Build ID: ", ' ')),
            relro.to_owned(),
            stack.is_some_and(|line| !line.contains("RWE")).to_string(),
            (!said.contains(" .symtab ")).to_string(),
        ];
        let names = ["type", "needed", "interpreter", "runpath", "build_id", "relro", "nx", "stripped"];
        let found = properties(&context, "elf", &[("path", path)], &names);
        let Some(found) = found else { continue };
        assert_eq!(found, wanted, "{path}");
        seen += 1;
    }
    println!("{seen} programs and libraries");
    assert!(seen > 10);
}

/// What nginx says of a configuration: whether it takes it, what it prints, what it complains of. Nothing where there is none.
fn nginx(main: &Path) -> Option<(bool, String, String)> {
    let prefix = main.parent().unwrap();
    let output = Command::new("nginx")
        .args(["-q", "-T", "-e", "stderr", "-p"])
        .args([prefix, Path::new("-c"), main])
        .env("LC_ALL", "C")
        .output();
    let Ok(output) = output else {
        skipped("nginx_conf", "nginx");
        return None;
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((output.status.success(), text(&output.stdout), text(&output.stderr)))
}

/// The words of a file of nginx, `;`, `{` and `}` among them: a reading for files without escapes.
fn nginx_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut chars) = (Vec::new(), String::new(), text.chars().peekable());
    while let Some(char) = chars.next() {
        match char {
            '"' | '\'' if word.is_empty() => words.push(chars.by_ref().take_while(|inner| *inner != char).collect()),
            '#' if word.is_empty() => while chars.next_if(|inner| *inner != '\n').is_some() {},
            ' ' | '\t' | '\r' | '\n' | ';' | '{' | '}' => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                words.extend(Some(char.to_string()).filter(|_| !char.is_whitespace()));
            }
            _ => word.push(char),
        }
    }
    words
}

/// What nginx prints, as the resource should have it: name, value, context, whether a block begins, file.
struct Printed<'a> {
    files: Vec<(&'a str, Vec<String>)>,
    folder: &'a str,
    rows: Vec<[String; 5]>,
}

impl Printed<'_> {
    fn file(&mut self, path: &str, blocks: &mut Vec<String>) {
        let words = self.files.iter().find(|(name, _)| *name == path).unwrap().1.clone();
        let mut statement: Vec<String> = Vec::new();
        for word in words {
            match word.as_str() {
                "}" => drop(blocks.pop()),
                ";" | "{" => {
                    let (name, value) = (statement[0].to_string(), statement[1..].join(" "));
                    let (context, is_block) = (blocks.join("/"), word == "{");
                    self.rows.push([name.clone(), value.clone(), context, is_block.to_string(), path.to_owned()]);
                    if is_block {
                        blocks.push(name);
                    } else if name == "include" {
                        for file in self.included(&value) {
                            self.file(&file, blocks);
                        }
                    }
                    statement.clear();
                }
                _ => statement.push(word),
            }
        }
    }

    /// Of the files that nginx read, those that a word with at most one star means.
    fn included(&self, word: &str) -> Vec<String> {
        let whole = if word.starts_with('/') { word.to_owned() } else { format!("{}/{word}", self.folder) };
        let (before, after) = whole.split_once('*').unwrap_or((&whole, ""));
        let is_meant = |path: &str| {
            let rest = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            rest.is_some_and(|rest| !rest.contains('/') && (whole.contains('*') || rest.is_empty()))
        };
        let mut found: Vec<String> =
            self.files.iter().map(|(path, _)| (*path).to_owned()).filter(|path| is_meant(path)).collect();
        found.sort();
        found
    }
}

/// The columns name, value, context, section and path, and where each row stands.
fn nginx_rows(main: &str) -> Result<Vec<[String; 5]>, String> {
    let Shape::Table { read, .. } = resource("nginx_conf").unwrap().shape else { panic!("nginx_conf is no table") };
    let table =
        read(&context(Path::new("/")), &arguments(&[("path", main)])).map_err(|error| error.text().to_owned())?;
    let names = ["name", "value", "context", "section", "path"];
    let properties = resource("nginx_conf").unwrap().properties();
    let places = names.map(|name| properties.iter().position(|property| property.name == name).unwrap());
    Ok(table.rows.iter().map(|row| places.map(|place| row.cells[place].as_ref().unwrap().plain())).collect())
}

fn same_as_nginx(main: &Path) -> Option<usize> {
    let (is_good, printed, said) = nginx(main)?;
    assert!(is_good, "{}: {said}", main.display());
    let mark = "# configuration file ";
    let files = printed.split(mark).skip(1).map(|file| {
        let (path, text) = file.split_once(":\n").unwrap();
        (path, nginx_words(text))
    });
    let (folder, path) = (main.parent().unwrap().to_str().unwrap(), main.to_str().unwrap());
    let mut wanted = Printed { files: files.collect(), folder, rows: Vec::new() };
    wanted.file(path, &mut Vec::new());
    assert_eq!(nginx_rows(path).unwrap(), wanted.rows, "{path}");
    let mut read: Vec<&String> = wanted.rows.iter().map(|row| &row[4]).collect();
    read.sort();
    read.dedup();
    let with_words: Vec<&str> = wanted.files.iter().filter(|file| !file.1.is_empty()).map(|file| file.0).collect();
    assert_eq!(read.len(), with_words.len(), "{with_words:?}");
    Some(wanted.rows.len())
}

#[test]
fn nginx_prints_the_same_directives() {
    let scratch = Scratch::new();
    let here = fs::canonicalize(&scratch.0).unwrap();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String =
        temporary.iter().map(|name| format!("{name}_temp_path {}/{name};\n", here.display())).collect();
    let main = scratch.write(
        "nginx.conf",
        format!(
            "# the main file\npid {0}/pid; worker_processes  2 ;\ninclude modules/*.conf;\nevents{{worker_connections 64;}}\n\
             http {{\n{temporary}access_log off; # here; too {{\n  include mime.types;\n  include {0}/conf.d/*.conf;\n  \
             include none/*.conf;\n  log_format main '$remote_addr [$time_local] \"$request\" '\n     \"$status; {{}}\";\n  \
             map $http_upgrade $up {{ default upgrade; '' close; }}\n  \
             server {{\n    listen 127.0.0.1:8080 default_server;include snippets/tls.conf;\n    \
             location ~ \\.php$ {{ return 403; }}\n    location = /a {{\n      if ($request_method = POST) {{ return 405; }}\n      \
             limit_except GET {{ deny all; }}\n    }}\n  }}\n}}\n",
            here.display()
        ),
    );
    scratch.write("modules/empty.conf", "# nothing\n");
    scratch.write("modules/env.conf", "env TZ;\r\n");
    scratch.write("mime.types", "types {\n  text/css   css;\n  image/svg+xml  svg svgz;\n}\n");
    scratch.write("conf.d/10-b.conf", "server { listen 127.0.0.1:8081; include snippets/tls.conf; }\n");
    scratch.write("conf.d/9-a.conf", "upstream u { server 127.0.0.1:9 max_fails=3; }\nserver_tokens off;");
    scratch.write("conf.d/.hidden.conf", "sendfile on;\n");
    scratch.write("conf.d/other.txt", "sendfile on;\n");
    scratch.write("snippets/tls.conf", "ssl_protocols TLSv1.2\tTLSv1.3;\nadd_header X-A \"a b\" always;\n");
    let main = fs::canonicalize(main).unwrap();
    let Some(rows) = same_as_nginx(&main) else { return };
    println!("{rows} directives of our own");
    // The one that the package brings, where it is installed.
    let installed = Path::new("/etc/nginx/nginx.conf");
    if installed.is_file() {
        println!("{} directives of {}", same_as_nginx(installed).unwrap(), installed.display());
    }
}

/// A word that `daemon` does not take is shown in nginx's complaint, as nginx understood it.
#[test]
fn nginx_understands_words_alike() {
    let scratch = Scratch::new();
    let main = fs::canonicalize(&scratch.0).unwrap().join("nginx.conf");
    let words = [
        r#""a b""#,
        r#"'a b'"#,
        r#""""#,
        r#""a\"b""#,
        r#"'a\'b'"#,
        r#"'a"b'"#,
        r#"a"b"#,
        r#"a'b'c"#,
        r#"a\ b"#,
        r#"a\;b"#,
        r#"a\{b"#,
        r#"a\\b"#,
        r#""a\\b""#,
        r#""a\tb\rc\nd""#,
        r#"a\tb"#,
        r#"'\q'"#,
        r#"\q"#,
        r#"a#b"#,
        r#""a#b""#,
        r#"a}b"#,
        r#""{a;b}""#,
        r#"${a}b"#,
        r#"a${b}"#,
        r#"$a"#,
        r#""${a}""#,
        r#"\$a"#,
        r#"a$"#,
        r#"(a)"#,
        r#"/a=b?c&d"#,
        "\"a\nb\"",
        "a\\\nb",
        "'\\\nb'",
        "\u{e9}",
    ];
    for word in words {
        fs::write(&main, format!("daemon {word};\nevents {{}}\n")).unwrap();
        let Some((_, _, said)) = nginx(&main) else { return };
        let after = said.split_once("invalid value \"").unwrap_or_else(|| panic!("{word}: {said}")).1;
        let wanted = after.rsplit_once("\" in \"daemon\" directive").unwrap().0;
        let found = nginx_rows(main.to_str().unwrap()).unwrap();
        assert_eq!(found[0][..2], ["daemon".to_owned(), lossless(wanted.as_bytes())], "{word}");
        assert_eq!(found.len(), 2, "{word}");
    }
}

#[test]
fn what_nginx_does_not_read_is_an_error() {
    let scratch = Scratch::new();
    let main = fs::canonicalize(&scratch.0).unwrap().join("nginx.conf");
    let broken = [
        "daemon on",
        "events {",
        "events {} }",
        "events {}\n;",
        "{}",
        "daemon on }",
        "daemon \"on;",
        "daemon 'on;\nevents {}",
        "daemon on; events {} include none.conf;",
        "events {}\ndaemon \"on\"x;",
        "daemon 'on'\"\"; events {}",
        "events {}\ninclude nginx.conf;",
        "daemon \"on\"}",
        "events {} daemon a\\${b};",
        "daemon on\\",
        "events {}\ninclude \"\";",
    ];
    for text in broken {
        fs::write(&main, text).unwrap();
        let Some((is_good, _, said)) = nginx(&main) else { return };
        assert!(!is_good && said.contains(" test failed"), "{text}: nginx takes it: {said}");
        let found = nginx_rows(main.to_str().unwrap());
        assert!(found.is_err(), "{text}: {said}\n{found:?}");
    }
}

/// What MariaDB's own program takes of [mysqld] in an option file, the last value of each option; why it takes nothing.
fn printed_defaults(main: &Path) -> Option<Result<BTreeMap<String, String>, String>> {
    let mut file = std::ffi::OsString::from("--defaults-file=");
    file.push(main);
    let Ok(output) = Command::new("my_print_defaults").arg(file).arg("mysqld").env("LC_ALL", "C").output() else {
        skipped("mysql_conf", "my_print_defaults");
        return None;
    };
    if !output.status.success() {
        return Some(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let options = said.lines().map(|line| {
        let (name, value) = line.strip_prefix("--").unwrap().split_once('=').unwrap_or((&line[2..], ""));
        (name.replace('-', "_"), value.to_owned())
    });
    Some(Ok(options.collect()))
}

/// The same by mysql_conf.
fn mysql_options(main: &Path) -> Result<BTreeMap<String, String>, String> {
    let Shape::Document { read, .. } = resource("mysql_conf").unwrap().shape else { panic!("no document") };
    let path = main.to_str().unwrap();
    let found =
        read(&context(Path::new("/")), &arguments(&[("path", path)])).map_err(|error| error.text().to_owned())?;
    let Value::Map(groups) = found else { panic!("{found:?}") };
    let server = groups.into_iter().find(|(name, _)| **name == *b"mysqld");
    let Some((_, Value::Map(options))) = server else { return Ok(BTreeMap::new()) };
    let options = options.iter().map(|(name, value)| (lossless(name).replace('-', "_"), value.plain()));
    Ok(options.collect())
}

#[test]
fn mariadb_takes_the_same_options() {
    let scratch = Scratch::new();
    let here = fs::canonicalize(&scratch.0).unwrap();
    let main = here.join("my.cnf");
    let texts = [
        "[MySQLd]\na=b#c\nb='x # y' # z\nc=\"a\" \"b\"\nd='a'b\ne=a\\sb\\\\n\\q\\\"\nf = \"unterminated # x\n g   \n",
        "[mysqld ]\nh='a\\'b # c' # d\ni==x\n j = \nk=\\\n[ mysqld]\nl=1\n[mysqld,server]\nm=1\n[mysqld]x\nn=1\n[client]\no=1\n",
        "# c\n; c\n\n[mysqld]\r\na-b_c = 1\r\n\tx y = \t2 # c\r\na_b-c=3",
        "[mysqld]\n!include HERE/b.cnf\nafter=1\n! include HERE/b.cnf\n!includeX foo\n!whatever\nafter=2\n",
        "[mysqld]\na=1\n!includedir HERE/folder\na=2\n",
        "[mysqld]\na='\nb=''\nc=\"'\nd='\"'\ne=\\'x\\'\nf='x\\\\'\ng='x\\' #\n",
    ];
    scratch.write("b.cnf", "[mysqld]\nb=1\n[client]\nc=1\n");
    for (name, value) in
        [(".h.cnf", 1), (".cnf", 2), ("U.CNF", 3), ("b.cnf", 4), ("B.cnf", 5), ("x.cnf.bak", 6), ("x.y.cnf", 7)]
    {
        scratch.write(&format!("folder/{name}"), format!("[mysqld]\nfile={value}\nfile_{value}=1\n"));
    }
    for text in texts {
        fs::write(&main, text.replace("HERE", here.to_str().unwrap())).unwrap();
        let Some(wanted) = printed_defaults(&main) else { return };
        assert_eq!(mysql_options(&main), wanted, "{text}");
    }
    // What the program refuses; what it reads otherwise than it is written, which is refused here.
    let long = format!("[mysqld]\na={}\n", "x".repeat(4093));
    let broken =
        ["[mysqld\n", "a=1\n", "[mysqld]\n!include\n", "[mysqld]\n!includedir HERE/none\n", "\u{feff}[mysqld]\na=1\n"];
    let odd = ["[mysqld]\na=1\0b\n", "[mysqld]\n\u{b}a=1\n", &long, "[mysqld]\na=1\n!include HERE/b.cnf"];
    for (texts, is_taken) in [(&broken[..], false), (&odd, true)] {
        for text in texts {
            fs::write(&main, text.replace("HERE", here.to_str().unwrap())).unwrap();
            assert_eq!(printed_defaults(&main).unwrap().is_ok(), is_taken, "{text}");
            assert!(mysql_options(&main).is_err(), "{text}");
        }
    }
    // One byte less is one line.
    fs::write(&main, long.replacen('x', "", 1)).unwrap();
    assert_eq!(mysql_options(&main), printed_defaults(&main).unwrap());
}

/// What httpd takes of a configuration: sections around, name and arguments of each directive. Nothing without httpd.
fn apache(main: &Path) -> Option<Result<Vec<String>, String>> {
    let output =
        Command::new("apache2").arg("-f").arg(main).args(["-t", "-D", "DUMP_CONFIG"]).env("LC_ALL", "C").output();
    let Ok(output) = output else {
        skipped("apache_conf", "apache2");
        return None;
    };
    if !output.status.success() {
        return Some(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let (mut sections, mut rows) = (Vec::new(), Vec::new());
    for line in String::from_utf8_lossy(&output.stdout).lines().map(str::trim) {
        if line.starts_with("</") {
            sections.pop();
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let section = line.strip_prefix('<').and_then(|line| line.strip_suffix('>'));
        let words = apache_words(1, section.unwrap_or(line).as_bytes()).unwrap();
        let words: Vec<String> = words.iter().map(|word| lossless(word)).collect();
        rows.push(format!("{}: {}", sections.join("/"), words.join("|")));
        sections.extend(section.map(|_| words[0].clone()));
    }
    Some(Ok(rows))
}

/// The same by apache_conf, without what httpd follows while it reads.
fn apache_rows(main: &Path) -> Result<Vec<String>, String> {
    let Shape::Table { read, .. } = resource("apache_conf").unwrap().shape else { panic!("no table") };
    let path = main.to_str().unwrap();
    let table =
        read(&context(Path::new("/")), &arguments(&[("path", path)])).map_err(|error| error.text().to_owned())?;
    let followed = ["define", "undefine", "include", "includeoptional", "loadmodule", "serverroot"];
    let is_followed = |name: &str| followed.contains(&&*name.to_lowercase()) || name.to_lowercase().starts_with("if");
    let rows = table.rows.iter().enumerate().map(|(number, row)| {
        assert_eq!(table.doubtful.get(&number), None);
        let text = |at: usize| row.cells[at].as_ref().unwrap().plain();
        let Ok(Value::List(arguments)) = &row.cells[1] else { panic!("{row:?}") };
        let words: Vec<String> = [text(0)].into_iter().chain(arguments.iter().map(Value::plain)).collect();
        let around = text(3);
        let around: Vec<&str> = around.split('/').filter(|name| !is_followed(name)).collect();
        (!is_followed(&words[0])).then(|| format!("{}: {}", around.join("/"), words.join("|")))
    });
    Ok(rows.flatten().collect())
}

#[test]
fn httpd_takes_the_same_directives() {
    let scratch = Scratch::new();
    let here = fs::canonicalize(&scratch.0).unwrap();
    let main = here.join("httpd.conf");
    let mut start =
        format!("ServerRoot {0}\nServerName x\nPidFile pid\nErrorLog err\nListen 127.0.0.1:18080\n", here.display());
    for name in ["mpm_event", "authz_core", "info", "version"] {
        start.push_str(&format!("<IfFile /usr/lib/apache2/modules/mod_{name}.so>\nLoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n</IfFile>\n"));
    }
    scratch.write("all/a.conf", "TraceEnable off\n");
    scratch.write("all/.hidden.conf", "ServerTokens Prod\n");
    scratch.write("all/b.txt", "ServerSignature on\n");
    scratch.write("all/in/c", "UseCanonicalName off");
    fs::create_dir_all(here.join("links")).unwrap();
    std::os::unix::fs::symlink("/nowhere", here.join("links/x.conf")).unwrap();
    let taken = [
        "Include all\n",
        "Include all/\nInclude \"all/*.conf\"\nInclude all/*\n",
        "IncludeOptional none.conf\nIncludeOptional none/*.conf\nIncludeOptional links/*.conf\nTraceEnable on\n",
        "<VirtualHost *:80>\n Include all/a.conf\n <Directory \"/a b\">\n AllowOverride None\n </Directory>\n</VirtualHost>\n",
        "TraceEnable \\\noff\nServerTokens Pr\\\nod\n# c \\\nServerSignature on\nUseCanonicalName \\\r\n  off\r\n",
        r#"ServerAdmin "a\"b"
ServerAdmin a\"b
ServerAdmin "a\\"
ServerAdmin a\\b
ServerAdmin "a\xb"
ServerAdmin "a b
ServerAdmin 'a "b'
"#,
        "Define A off\nDefine B \"${A} x\"\nTraceEnable ${A}\nServerAdmin \"${B}${\"\nDefine A on\nTraceEnable ${A}\n",
        "Define A all\nInclude ${A}/a.conf\n<Directory /${A}>\nDefine B /b\nAllowOverride None\n</Directory>\n<Directory ${B}>\nAllowOverride None\n</Directory>\n",
        "Define NAME TraceEnable\n${NAME} off\nDefine TWO \"a b\"\n<VirtualHost *:80>\nServerAlias ${TWO}\n</VirtualHost>\n",
        "<IfModule authz_core_module>\nTraceEnable off\n</IfModule>\n<ifmodule mod_authz_core.c>\nTraceEnable on\n</ifmodule>\n",
        "<IfModule !authz_core_module>\nTraceEnable off\n<Nonsense>\nInclude /nowhere\n</Nonsense>\n</IfModule>\n",
        "<IfModule mod_nonsense.c>\nNonsense\n</IfModule>\n<IfModule !nonsense_module>\nTraceEnable off\n</IfModule>\n",
        "Define X\n<IfDefine X>\nTraceEnable off\n<IfDefine !X>\nTraceEnable on\n</IfDefine>\n</IfDefine>\n",
        "<IfFile all/a.conf>\nTraceEnable off\n</IfFile>\n<IfFile /nowhere>\nTraceEnable on\n</IfFile>\n<IfFile !/nowhere>\nServerTokens Prod\n</IfFile>\n",
    ];
    for text in taken {
        fs::write(&main, format!("{start}{text}")).unwrap();
        let Some(wanted) = apache(&main) else { return };
        let wanted = wanted.unwrap_or_else(|said| panic!("{text}: {said}"));
        assert_eq!(apache_rows(&main).unwrap(), wanted, "{text}");
        assert!(wanted.len() >= 4, "{text}");
    }
    let refused = [
        "Include none.conf\n",
        "Include none*.conf\n",
        "Include none/*.conf\n",
        "Include links/*.conf\n",
        "Include all/a.conf all/b.txt\n",
        "Include\n",
        "<Directory /a>\n",
        "</Directory>\n",
        "<Directory /a>\n<Files b>\n</Directory>\n</Files>\n",
        "<Directory /a\n</Directory>\n",
        "<Directory /a>\n</Directory >\n",
        "Include httpd.conf\n",
        "Define X #\n<Directory ${X}\n",
    ];
    for text in refused {
        fs::write(&main, format!("{start}{text}")).unwrap();
        assert!(apache(&main).unwrap().is_err(), "{text}: httpd takes it");
        assert!(apache_rows(&main).is_err(), "{text}");
    }
    // httpd ends the line at a NUL, and takes this for a blank.
    for text in ["ServerAdmin a\0b\n", "ServerAdmin\u{b}a\n"] {
        fs::write(&main, format!("{start}{text}")).unwrap();
        assert!(apache(&main).unwrap().is_ok(), "{text}");
        assert!(apache_rows(&main).is_err(), "{text}");
    }
}

/// The names for which an object's property is true, of these.
fn those(context: &Context, resource: &str, names: &[&str], property: &str) -> Vec<String> {
    let is = |name: &&&str| properties(context, resource, &[("name", name)], &[property]).unwrap() == ["true"];
    names.iter().filter(is).map(|name| (*name).to_owned()).collect()
}

#[test]
fn modprobe_takes_the_same_lines() {
    let scratch = Scratch::new();
    scratch.write(
        "etc/modprobe.d/a.conf",
        "# off \\\nblacklist a1\n#x\\\ninstall a2 /bin/true\nblacklist a3\r\nblacklist\\\na4\nblacklist a5\\ \ninstall a6\n\
         install a6 /bin/tr\\\nue\ninstall a7 /bin/fal\\se\n blacklist a8 # c\ninstall a-]9 /bin/true\n\
         \tinstall\ta-10\t /bin/false\ninstall a6 /sbin/x\nblacklist b*\ninstall b11 x\nblacklist a-12 a13\n#\\\\\ninstall a13 /bin/true \t\ninstall a14 /bin/true\\",
    );
    scratch.write("etc/modprobe.d/z.conf", "install a10 /bin/x\ninstall a15 /bin/x\nblacklist a16");
    scratch.write("usr/lib/modprobe.d/z.conf", "blacklist a17\n");
    scratch.write("usr/lib/modprobe.d/b.conf", "install a15 /bin/true\nblacklist a18\n");
    scratch.write("usr/lib/modprobe.d/.c.conf", "blacklist a19\n");
    fs::create_dir_all(scratch.path("etc/modprobe.d/d.conf")).unwrap();
    scratch.write("usr/lib/modprobe.d/d.conf", "blacklist a20\n");
    std::os::unix::fs::symlink("/dev/null", scratch.path("etc/modprobe.d/e.conf")).unwrap();
    scratch.write("usr/lib/modprobe.d/e.conf", "blacklist a21\n");
    let arguments = ["-C", "etc/modprobe.d", "-C", "usr/lib/modprobe.d", "-c"];
    let Some(said) = tool("modprobe", "modprobe", &arguments, &scratch.0) else { return };
    let mut installs: BTreeMap<&str, &str> = BTreeMap::new();
    let mut off = Vec::new();
    for line in said.split('\n') {
        let mut words = line.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("blacklist"), Some(name), None) => off.push(name.to_owned()),
            (Some("install"), Some(name), Some(command)) => {
                installs.entry(name).or_insert(command.trim_matches(['\t', ' ']));
            }
            _ => {}
        }
    }
    let names: Vec<String> =
        (1..=21).flat_map(|number| ["a", "b", "a_"].map(|start| format!("{start}{number}"))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let context = context(&scratch.0);
    let nothing = |name: &&&str| installs.get(**name).is_some_and(|said| ["/bin/true", "/bin/false"].contains(said));
    let disabled: Vec<String> = names.iter().filter(nothing).map(|name| (*name).to_owned()).collect();
    assert_eq!(those(&context, "kernel_module", &names, "disabled"), disabled);
    let blacklisted =
        names.iter().filter(|name| off.contains(&(**name).to_owned()) || disabled.contains(&(**name).to_owned()));
    let blacklisted: Vec<String> = blacklisted.map(|name| (*name).to_owned()).collect();
    assert_eq!(those(&context, "kernel_module", &names, "blacklisted"), blacklisted);
    println!("{} disabled, {} blacklisted of {}", disabled.len(), blacklisted.len(), names.len());
    assert!(disabled.len() > 3 && blacklisted.len() > 8);
}

/// What apt makes of the lists below a folder, a line for each component; nothing when it refuses them.
fn apt_targets(root: &Path) -> Option<Option<Vec<String>>> {
    let apt = |more: &[&str]| {
        let output = Command::new("apt-get")
            .args(["-o", &format!("Dir={}", root.display()), "-o", "Dir::State::status=/dev/null"])
            .args([
                "-o",
                "APT::Architecture=amd64",
                "-o",
                "APT::Architectures::=amd64",
                "-o",
                "Acquire::Languages=none",
            ])
            .args(more)
            .env("LC_ALL", "C")
            .output()
            .ok()?;
        let said = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned());
        Some(said)
    };
    let Some(said) = apt(&["update", "--print-uris"]) else {
        skipped("apt-get", "apt-get");
        return None;
    };
    let Some(said) = said else { return Some(None) };
    // It only tells of what it has.
    for name in said.lines().filter_map(|line| line.split(' ').nth(1)).filter(|name| name.ends_with("Packages")) {
        fs::write(root.join("var/lib/apt/lists").join(name), "").unwrap();
    }
    let format = "$(CREATED_BY) $(REPO_URI) $(RELEASE) $(COMPONENT) $(TRUSTED)";
    let said = apt(&["indextargets", "--format", format, "Created-By: Packages"]).flatten().unwrap();
    // A folder has no component, and the word for it stays as it is.
    let said = said.replace("$(COMPONENT)", "");
    let mut lines: Vec<String> =
        said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    lines.sort();
    lines.dedup();
    Some(Some(lines))
}

/// The same by the resource.
fn apt_rows(root: &Path) -> Option<Vec<String>> {
    let Shape::Table { read, .. } = resource("apt").unwrap().shape else { panic!("apt is no table") };
    let table = match read(&context(root), &Arguments::default()) {
        Ok(table) => table,
        Err(NoAnswer::Missing(_)) => return Some(Vec::new()),
        Err(_) => return None,
    };
    let properties = resource("apt").unwrap().properties();
    let place = |name: &str| properties.iter().position(|property| property.name == name).unwrap();
    let mut lines = Vec::new();
    for row in &table.rows {
        let cell = |name: &str| row.cells[place(name)].as_ref().unwrap();
        if cell("type").plain() != "deb" || cell("enabled").plain() != "true" {
            continue;
        }
        let list = |value: &Value| -> Vec<String> {
            let Value::List(items) = value else { panic!("no list") };
            items.iter().map(Value::plain).collect()
        };
        let options = list(cell("options"));
        let option = |name: &str| {
            let found = options.iter().find_map(|option| option.strip_prefix(&format!("{name}=")));
            found.map(str::trim).unwrap_or_default().to_owned()
        };
        let mut uri = cell("url").plain();
        if !uri.ends_with('/') {
            uri.push('/');
        }
        let mut components = list(cell("components"));
        if components.is_empty() {
            components.push(String::new());
        }
        for component in components {
            let trusted = if option("trusted").is_empty() { "no" } else { "yes" };
            let line = ["Packages", &uri, &cell("suite").plain(), &component, trusted].join(" ");
            lines.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    lines.sort();
    lines.dedup();
    Some(lines)
}

#[test]
fn apt_takes_the_same_lists() {
    let stanza = |more: &str| format!("Types: deb\nURIs: http://h/p\nSuites: s\nComponents: main\n{more}");
    let cases: Vec<(&str, Vec<(&str, String)>)> = vec![
        (
            "lines",
            vec![(
                "sources.list",
                "deb http://h/p s main extra # c\n#deb http://off s main\ndeb-src http://h s main\n".to_owned(),
            )],
        ),
        (
            "options",
            vec![(
                "sources.list",
                "deb\t[ trusted=yes signed-by=/k#1 ] http://h/p s main\ndeb [Trusted=yes] http://i/ d/\n".to_owned(),
            )],
        ),
        ("quotes", vec![("sources.list", "deb [trusted=\"yes\"] \"http://h/p\" s \"ma%69n\"\n".to_owned())]),
        ("options twice", vec![("sources.list", "deb [signed-by=/a signed-by=/b] http://h/p s main\n".to_owned())]),
        ("a return", vec![("sources.list", "deb http://h/p s main\r\n".to_owned())]),
        ("no blank", vec![("sources.list", "deb[trusted=yes] http://h/p s main\n".to_owned())]),
        ("no component", vec![("sources.list", "deb http://h/p s\n".to_owned())]),
        ("a component too many", vec![("sources.list", "deb http://h/p s/ main\n".to_owned())]),
        ("no assignment", vec![("sources.list", "deb [trusted] http://h/p s main\n".to_owned())]),
        ("an open bracket", vec![("sources.list", "deb [trusted=yes http://h/p s main\n".to_owned())]),
        ("a type", vec![("sources.list", "debs http://h/p s main\n".to_owned())]),
        (
            "names",
            vec![
                ("sources.list.d/a.list", "deb http://a s main\n".to_owned()),
                ("sources.list.d/b~.list", "deb http://b s main\n".to_owned()),
                ("sources.list.d/.c.list", "deb http://c s main\n".to_owned()),
                ("sources.list.d/d.list.save", "deb http://d s main\n".to_owned()),
                ("sources.list.d/e:f_g-h.1.list", "deb http://e s main\n".to_owned()),
                ("sources.list.d/f f.sources", stanza("")),
            ],
        ),
        (
            "a stanza",
            vec![(
                "sources.list.d/a.sources",
                format!("# c\n{}# c\ntrusted: yes\nSigned-By: /k\n\n\n# c\n", stanza("")),
            )],
        ),
        (
            "several",
            vec![(
                "sources.list.d/a.sources",
                "Types: deb deb-src\nURIs: http://a http://b/\nSuites: s t\nComponents: m\n n\n".to_owned(),
            )],
        ),
        ("off", vec![("sources.list.d/a.sources", stanza("Enabled: No\n"))]),
        ("zero", vec![("sources.list.d/a.sources", stanza("Enabled: 00\n"))]),
        ("an odd word", vec![("sources.list.d/a.sources", stanza("Enabled: never\n"))]),
        ("a line of blanks", vec![("sources.list.d/a.sources", stanza(" \nEnabled: no\n"))]),
        ("no type", vec![("sources.list.d/a.sources", "URIs: http://a\nSuites: s\nComponents: m\n".to_owned())]),
        (
            "a folder with a component",
            vec![("sources.list.d/a.sources", "Types: deb\nURIs: http://a\nSuites: d/\nComponents: m\n".to_owned())],
        ),
    ];
    for (title, files) in &cases {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.path("etc/apt/apt.conf.d")).unwrap();
        fs::create_dir_all(scratch.path("var/lib/apt/lists/partial")).unwrap();
        for (name, content) in files {
            scratch.write(&format!("etc/apt/{name}"), content);
        }
        let Some(theirs) = apt_targets(&scratch.0) else { return };
        assert_eq!(apt_rows(&scratch.0), theirs, "{title}");
    }
    println!("{} trees", cases.len());
}

#[test]
fn systemctl_sees_the_same_states() {
    let scratch = Scratch::new();
    let with = "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
    let without = "[Service]\nExecStart=/bin/true\n";
    let (vendor, own) = ("usr/lib/systemd/system", "etc/systemd/system");
    for name in ["on", "plain", "null", "empty", "target", "dangling", "reset", "needed", "broken", "tpl@", "between"] {
        scratch.write(&format!("{vendor}/{name}.service"), with);
    }
    scratch.write(&format!("{vendor}/quiet.service"), without);
    scratch.write(&format!("{vendor}/added.service"), without);
    scratch.write(&format!("{vendor}/added.service.d/x.conf"), "[Install]\nWantedBy=multi-user.target\n");
    scratch.write(&format!("{own}/reset.service.d/x.conf"), "[Install]\nWantedBy=\n");
    scratch.write(&format!("{vendor}/joined.service"), "[Install]\n# c\nWantedBy=\\\n  ; c\n  multi-user.target\n");
    scratch.write(&format!("{own}/empty.service"), "");
    scratch.write(&format!("{own}/between.service"), without);
    let link = |target: &str, name: &str| {
        let path = scratch.path(&format!("{own}/{name}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    };
    link("/usr/lib/systemd/system/on.service", "multi-user.target.wants/on.service");
    link("/usr/lib/systemd/system/needed.service", "multi-user.target.requires/needed.service");
    link("/nowhere/dangling.service", "multi-user.target.wants/dangling.service");
    link("/usr/lib/systemd/system/tpl@.service", "multi-user.target.wants/tpl@one.service");
    link("/dev/null", "null.service");
    link("/nowhere", "broken.service");
    link("/usr/lib/systemd/system/target.service", "alias.service");
    link("/usr/lib/systemd/system/null.service", "of-null.service");
    let names = [
        "on", "plain", "null", "empty", "target", "dangling", "reset", "needed", "broken", "tpl@one", "tpl@two",
        "quiet", "added", "joined", "between", "alias", "of-null", "nowhere",
    ];
    let context = context(&scratch.0);
    let root = format!("--root={}", fs::canonicalize(&scratch.0).unwrap().display());
    for name in names {
        let output = Command::new("systemctl").args([&root, "is-enabled", name]).env("LC_ALL", "C").output();
        let Ok(output) = output else { return skipped("systemctl", "systemctl") };
        // A link of another name that the unit does not ask for is "indirect", with which is-enabled says yes, too.
        let theirs = String::from_utf8_lossy(&output.stdout).trim().replace("indirect", "enabled");
        let ours = properties(&context, "service", &[("name", name)], &["state"]).map(|mut found| found.remove(0));
        assert_eq!(ours.unwrap_or_default(), theirs, "{name}");
    }
}

/// Texts of sudoers that can be taken in more than one way.
const SUDOERS: &[&str] = &[
    "a ALL = ALL",
    "a ALL",
    "a ALL = /x \\\\\nb ALL = ALL",
    "a ALL = /x \"b c\"",
    "a ALL = /x b=c --d=e, /y",
    "a ALL = /x = y",
    "a ALL=bin/x",
    "a ALL=ALL b",
    "a ALL=(ALL) NOPASSWD ALL",
    "a ALL=/x\\",
    "a ALL = !!/x, !/y",
    "a,b c,d = /x : e = NOPASSWD: /y, PASSWD: /z",
    "a ALL=(b) /x, (c:d) /y, (:e) /z, (#0) /v, (%g) /w",
    "a  ALL  =  ( b : c )  NOPASSWD :  /x   y   z ",
    "a ALL = NOPASSWD: ALL, /x : h = /y",
    "a ALL = NOPASSWD:NOEXEC:/x",
    "%g ALL=ALL\n%#7 ALL=ALL\n+net ALL=ALL\n#1 ALL=ALL",
    "# 1 ALL=ALL\n  #include /nowhere\n#x",
    "a ALL=ALL #1",
    "a ALL=ALL # 1",
    "a ALL=/x #1",
    "a 10.0.0.0/8, fe80::1, 10.1.2.3/255.255.0.0, !h = ALL",
    "a ALL = ^/bin/[a,b]: .*$, /c",
    "a ALL = sudoedit /etc/x, list",
    "a ALL = /bin/x a\\=b\\:c\\,d\\#",
    "\"a b\" ALL=ALL\na\\ c ALL=ALL\na\\x41 ALL=ALL",
    "a ALL = /x \\\n  b, \\\n /y",
    "a b ALL=ALL",
    "Cmnd_Alias X = /x, !/y : Y = X, /z\na ALL=Y, !X",
    "User_Alias A = a, B\nUser_Alias B = b, !c\n!A, d ALL=ALL",
    "Host_Alias H = h1, !h2\nRunas_Alias R = r\na H=(R) ALL",
    "User_Alias admins = nobody\nadmins ALL=ALL",
    "User_Alias A = x\nUser_Alias A = y\nA ALL=ALL",
    "Defaults use_pty",
    " Defaults use_pty, \\\n !env_reset, umask=0077",
    "\\\nDefaults use_pty",
    "Defaults use_pty, X",
    "Defaults use_pty !env_reset",
    "Defaults : a !lecture",
    "Defaults:a,%b !authenticate\nDefaults@h use_pty\nDefaults!/bin/x noexec\nDefaults>root !use_pty",
    "Defaults !!use_pty, timestamp_timeout = -1 # x",
    "Defaults env_keep = \"A B\"\nDefaults env_keep -= A\nDefaults env_keep += C",
    "Defaults passprompt=\"a \\\"b\\\" c\", badpass_message = d\\ e",
    "Defaults badpass_message=\"#1 \\\n  x\"",
    "Defaults secure_path=\"\"",
    "Defaults secure_path=\"/a\"b",
    "Defaults secure_path=/a=b",
    "Defaults passprompt=\"a",
    "@include inc.d/a",
    "#include\tinc.d/a",
    "#includedir\tinc.d",
    "@includedir inc.d",
    "#includedir inc.d # x",
    "@includedir inc.d # x",
    "@include inc.d/a #1",
    "@include c#d",
    "@includedir nowhere",
    "@include nowhere",
    "@include \"c d\"",
    "@include c\\ d",
];

#[test]
fn cvtsudoers_reads_the_same_rules() {
    let test = "cvtsudoers_reads_the_same_rules";
    let scratch = Scratch::new();
    scratch.write("inc.d/a", "small ALL=ALL\n");
    scratch.write("inc.d/Z", "capital ALL=NOPASSWD:ALL\n");
    scratch.write("inc.d/x.bak", "backup ALL=ALL\n");
    scratch.write("inc.d/x~", "backup ALL=ALL\n");
    std::os::unix::fs::symlink("nowhere", scratch.0.join("inc.d/link")).unwrap();
    scratch.write("c d", "blank ALL=ALL\n");
    scratch.write("c", "before ALL=ALL\n");
    scratch.write("c#d", "hash ALL=ALL\n");
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for (number, text) in SUDOERS.iter().enumerate() {
        let name = format!("sudoers{number}");
        scratch.write(&name, format!("{text}\n"));
        let output = Command::new("cvtsudoers")
            .args(["-c", "/dev/null", "-e", "-f", "json", &name])
            .current_dir(&scratch.0)
            .env("LC_ALL", "C")
            .output();
        let Ok(output) = output else { return skipped(test, "cvtsudoers") };
        let theirs = output.status.success().then(|| {
            let json = if output.stdout.is_empty() { b"{}" } else { &*output.stdout };
            rules_of(&serde_json::from_slice(json).unwrap())
        });
        refused += usize::from(theirs.is_none());
        let ours = our_rules(&context(&scratch.0), &format!("/{name}"));
        if ours != theirs {
            wrong.push(format!("{text:?}\n  sudo:  {theirs:?}\n  assay: {ours:?}"));
        }
    }
    println!("{} texts, {refused} of them refused", SUDOERS.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What cvtsudoers wrote: a line for each setting, and for each user of a rule and command.
fn rules_of(json: &serde_json::Value) -> Vec<String> {
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let name = |member: &serde_json::Value| {
        let sign = [("usergroup", "%"), ("userid", "#"), ("usergid", "%#"), ("netgroup", "+")];
        let kinds = ["username", "hostname", "networkaddr", "command"].map(|kind| (kind, ""));
        let found =
            sign.iter().chain(&kinds).find_map(|(kind, sign)| Some(format!("{sign}{}", text(member.get(kind)?))));
        let negated = if member.get("negated").is_some() { "!" } else { "" };
        format!("{negated}{}", found.unwrap_or_default())
    };
    let names = |value: &serde_json::Value| list(value).iter().map(name).collect::<Vec<_>>();
    let mut lines = Vec::new();
    for defaults in list(&json["Defaults"]) {
        let scoped = defaults.get("Binding").is_some();
        for option in list(&defaults["Options"]) {
            let operation = match option["operation"].as_str() {
                Some("list_add") => "+=",
                Some("list_remove") => "-=",
                _ => "=",
            };
            let (name, value) = option.as_object().unwrap().iter().find(|(name, _)| *name != "operation").unwrap();
            let value = match value.as_array() {
                Some(parts) => parts.iter().map(text).collect::<Vec<_>>().join(" "),
                None => text(value),
            };
            lines.push(format!("{name} {operation} {value} {scoped}"));
        }
    }
    for rule in list(&json["User_Specs"]) {
        let hosts = names(&rule["Host_List"]).join(",");
        for commands in list(&rule["Cmnd_Specs"]) {
            let options = list(&commands["Options"]);
            let free = options.iter().any(|option| option["authenticate"] == serde_json::Value::Bool(false));
            // A group as whom something is run has no sign before it.
            let groups = names(&commands["runasgroups"]).join(",").replace('%', "");
            let who = format!("({}:{groups})", names(&commands["runasusers"]).join(","));
            for command in names(&commands["Commands"]) {
                for user in names(&rule["User_List"]) {
                    lines.push(format!("{user} {hosts} {who} {free} {command}"));
                }
            }
        }
    }
    lines.sort();
    lines
}

/// The same by the resources; nothing where they cannot make a table of all that stands there.
fn our_rules(context: &Context, path: &str) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    for name in ["sudoers", "sudo_defaults"] {
        let Shape::Table { read, .. } = resource(name).unwrap().shape else { panic!("{name} is no table") };
        let table = read(context, &arguments(&[("path", path)])).ok().filter(|table| table.incomplete.is_empty())?;
        for row in &table.rows {
            let cell = |name: &str| row.cells[table.column(name).unwrap()].as_ref().unwrap();
            let joined = |name: &str| match cell(name) {
                Value::List(items) => items.iter().map(Value::plain).collect::<Vec<_>>().join(","),
                other => other.plain(),
            };
            lines.push(match name {
                "sudoers" => {
                    let free = joined("tags").split(',').any(|tag| tag == "NOPASSWD");
                    let who = format!("({}:{})", joined("runas_users"), joined("runas_groups"));
                    format!("{} {} {who} {free} {}", joined("user"), joined("hosts"), joined("command"))
                }
                _ => {
                    let operator =
                        Some(joined("operator")).filter(|operator| operator.len() == 2).unwrap_or("=".to_owned());
                    let scoped = *cell("scope") != Value::Nil;
                    format!("{} {operator} {} {scoped}", joined("name"), joined("value"))
                }
            });
        }
    }
    lines.sort();
    Some(lines)
}
