//! Packages and their versions by dpkg, rpm and apt.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;
use std::process::Command;

use assay::parse::version::{self, Scheme};
use assay::resource::{Arguments, NoAnswer, Shape, resource};
use assay::value::Value;

use crate::fixture::{Scratch, repository, skipped};
use crate::{context, rows, sorted, tool};

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
