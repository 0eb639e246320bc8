//! Programs, modules, services, sizes and rules of sudo by readelf, modprobe, systemctl, df and cvtsudoers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use assay::resource::{Context, Shape, resource};
use assay::value::Value;

use crate::fixture::{Scratch, skipped};
use crate::{arguments, context, properties, tool};

/// A filesystem of a known size, asked by the program itself.
#[test]
fn df_tells_the_same_sizes() {
    let scratch = Scratch::new();
    if !crate::fixture::is_root() {
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
