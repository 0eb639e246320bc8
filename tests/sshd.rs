//! sshd itself is asked what it takes for a connection, and `sshd_config` must say the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test makes and reads its own files")]

mod fixture;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, Stdio};

use assay::resource::{Arg, Arguments, Asked, Context, Shape, resource};
use assay::rootfs::{Memory, MemoryEntry, Root};
use assay::value::{Text, Value};

use fixture::Scratch;

const PASSWD: &str =
    "root:x:0:0::/:/bin/sh\nsshd:x:101:101::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\nbob:x:1001:101::/:/bin/sh\n";
const GROUP: &str = "root:x:0:\nusers:x:100:\nstaff:x:101:alice\nwheel:x:102:bob\n";

/// Where sshd looks for its files, in a namespace of its own: the folder of the test takes the place of /etc/ssh.
const ASK: &str = "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && mount --bind \"$0\" /etc/ssh \
    && mount --bind \"$0/passwd\" /etc/passwd && mount --bind \"$0/group\" /etc/group && exec /usr/sbin/sshd -T \"$@\"";

/// Keywords that a Match block may hold, with values.
const FOR_SOME: &[(&str, &[&str])] = &[
    ("PermitRootLogin", &["yes", "no", "\"no\"", "forced-commands-only # yes"]),
    ("X11Forwarding", &["yes", "no"]),
    ("maxauthtries", &["1", "2", "3"]),
    ("Banner", &["/a", "\"/b\"", "none"]),
    ("AllowUsers", &["alice", "bob carol", "\"dave\" 'erin'"]),
    ("AcceptEnv", &["LANG", "LC_* X"]),
    ("SetEnv", &["A=1", "B=2 C=3"]),
    ("ForceCommand", &["/bin/x \"y z\"", "internal-sftp"]),
    ("AuthorizedKeysFile", &["/a /b", "none"]),
    ("AllowTcpForwarding", &["yes", "no", "local"]),
    ("ChallengeResponseAuthentication", &["yes", "no"]),
    ("KbdInteractiveAuthentication", &["yes", "no"]),
    ("ClientAliveInterval", &["10", "20"]),
    ("LogLevel", &["INFO", "VERBOSE", "DEBUG"]),
];

/// Keywords of the server as a whole.
const OF_ALL: &[(&str, &[&str])] = &[
    ("UsePAM", &["yes", "no"]),
    ("Port", &["22", "2222", "222"]),
    ("LoginGraceTime", &["10", "20"]),
    ("PrintMotd", &["yes", "no"]),
    ("StrictModes", &["yes", "no"]),
];

const CRITERIA: &[&str] = &[
    "all",
    "User alice",
    "User bob,carol",
    "User *,!alice",
    "User=alice",
    "Group staff",
    "Group users,!staff",
    "Group wheel",
    "Host *.example.org",
    "Host !box.example.org,*",
    "Address 10.0.0.0/8",
    "Address 10.1.*,192.168.0.0/16",
    "Address 10.0.0.0/8,!10.1.2.3",
    "Address 2001:db8::/32",
    "LocalAddress 10.9.9.9",
    "LocalPort 2222",
    "RDomain red",
    "User alice Address 10.0.0.0/8 # comment",
];

/// User, host, address, localaddress, localport and rdomain of connections; of the first one, nothing is known, which is
/// for sshd a connection that no pattern names.
const CONNECTIONS: &[&[&str]] = &[
    &[],
    &["alice", "box.example.org", "10.1.2.3", "10.9.9.9", "22", "blue"],
    &["bob", "Other.Example.ORG", "2001:db8::7", "2001:db8::1", "2222", "red"],
    &["nobody-here", "h", "192.168.3.4", "10.9.9.9", "22", "red"],
];

const UNNAMED: &[&str] = &["stranger", "stranger.invalid", "198.51.100.7", "198.51.100.8", "65000", "stranger"];

const NAMES: [&str; 6] = ["user", "host", "address", "localaddress", "localport", "rdomain"];

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }

    fn line(&mut self, keywords: &[(&str, &[&str])]) -> String {
        let (keyword, values) = keywords[self.below(keywords.len())];
        let between = [" ", "  ", "=", "\t"][self.below(4)];
        format!("{keyword}{between}{}\n", values[self.below(values.len())])
    }

    /// Some lines: directives, blocks and includes of the files that are given.
    fn lines(&mut self, count: usize, included: &[&str]) -> String {
        let (mut text, mut for_all) = (String::new(), true);
        for _ in 0..count {
            match self.below(8) {
                0 | 1 => {
                    let criteria = CRITERIA[self.below(CRITERIA.len())];
                    for_all = criteria == "all";
                    let _ = writeln!(text, "Match {criteria}");
                }
                2 if !included.is_empty() => {
                    let _ = writeln!(text, "Include {}", included[self.below(included.len())]);
                }
                3 if for_all && !included.is_empty() => text.push_str(&self.line(OF_ALL)),
                _ => text.push_str(&self.line(FOR_SOME)),
            }
        }
        text
    }
}

#[test]
fn what_sshd_takes_is_what_is_said() {
    let name = "what_sshd_takes_is_what_is_said";
    let folder = Scratch::new();
    folder.write("passwd", PASSWD);
    folder.write("group", GROUP);
    folder.write("sshd_config", "");
    let key = folder.path("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).output();
    let Some(defaults) = made.ok().and_then(|_| sshd(&folder, &[]).ok()) else {
        println!("skipped: {name}: needs sshd 9.2 or later with ssh-keygen, and a mount namespace");
        return;
    };
    let mut dice = Dice(7);
    let mut asked = 0;
    for _ in 0..30 {
        let inner = dice.lines(4, &[]);
        let files = [
            ("conf.d/10-a.conf", dice.lines(5, &[])),
            ("conf.d/9-b.conf", dice.lines(5, &["inner.conf"]).replace("UsePAM", "#")),
            ("inner.conf", inner),
            (
                "sshd_config",
                dice.lines(14, &["conf.d/*.conf", "/etc/ssh/inner.conf", "nothing-*", "inner.conf conf.d/1*"]),
            ),
        ];
        for (name, text) in &files {
            folder.write(name, text);
        }
        for connection in CONNECTIONS {
            let (theirs, ours) = match (sshd(&folder, connection), ours(&files, connection)) {
                (Ok(theirs), Ok(ours)) => (theirs, ours),
                (Err(why), _) if why.contains("is not allowed within a Match block") => continue,
                (theirs, ours) => panic!("sshd: {theirs:?}, assay: {ours:?}: {connection:?} {files:#?}"),
            };
            for (keyword, _) in FOR_SOME.iter().chain(OF_ALL) {
                let keyword = match keyword.to_ascii_lowercase() {
                    old if old == "challengeresponseauthentication" => "kbdinteractiveauthentication".to_owned(),
                    keyword => keyword,
                };
                let found = ours.get(&keyword).or(defaults.get(&keyword)).cloned().unwrap_or_default();
                let wanted = theirs.get(&keyword).cloned().unwrap_or_default();
                assert_eq!(found, wanted, "{keyword} {connection:?} {files:#?}");
                asked += 1;
            }
        }
    }
    println!("{asked} values compared");
    assert!(asked > 1_500, "{asked}");
}

/// What `sshd -T` says, by keyword.
fn sshd(folder: &Scratch, connection: &[&str]) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", ASK]).arg(&folder.0).stdin(Stdio::null());
    let connection = if connection.is_empty() { UNNAMED } else { connection };
    let keys = ["user", "host", "addr", "laddr", "lport", "rdomain"];
    let spec = keys.iter().zip(connection).map(|(key, value)| format!("{key}={value}"));
    command.args(["-h", "/etc/ssh/key", "-C", &spec.collect::<Vec<_>>().join(",")]);
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        found.entry(keyword.to_owned()).or_default().push(value.to_owned());
    }
    Ok(found)
}

/// What assay says, in the form of `sshd -T`.
fn ours(files: &[(&str, String)], connection: &[&str]) -> Asked<BTreeMap<String, Vec<String>>> {
    let entry = |(name, text): &(&str, String)| (format!("/etc/ssh/{name}"), MemoryEntry::file(text));
    let accounts = [("/etc/passwd", PASSWD), ("/etc/group", GROUP)];
    let accounts = accounts.map(|(path, text)| (path.to_owned(), MemoryEntry::file(text)));
    let root = Root::memory(Memory::new(files.iter().map(entry).chain(accounts)));
    let resource = resource("sshd_config").unwrap();
    let Shape::Document { read, .. } = resource.shape else { panic!("sshd_config is a document") };
    let argument = |(name, value): (&&str, &&str)| {
        let known = resource.arguments.iter().find(|argument| argument.name == *name).unwrap().name;
        match *name {
            "localport" => (known, Arg::Count(value.parse().unwrap())),
            _ => (known, Arg::Text(Text::from(value.as_bytes()))),
        }
    };
    let arguments = Arguments(NAMES.iter().zip(connection).map(argument).collect());
    let Value::Map(entries) = read(&Context::new(root, 0), &arguments)? else { panic!("a map") };
    let texts = |value: &Value| match value {
        Value::List(items) => items.iter().map(Value::plain).collect(),
        one => vec![one.plain()],
    };
    let shown = |keyword: &str, text: String| match keyword {
        // One line for each word.
        "allowusers" | "acceptenv" | "setenv" => text.split(' ').map(str::to_owned).collect(),
        _ => vec![text],
    };
    let of = |(keyword, value): &(Text, Value)| {
        let keyword = String::from_utf8(keyword.to_vec()).unwrap();
        let values: Vec<String> = texts(value);
        let values = values.into_iter().flat_map(|text| shown(&keyword, text)).collect();
        (keyword, values)
    };
    Ok(entries.iter().map(of).collect())
}
