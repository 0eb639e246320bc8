//! Which tar a container has, what it is asked for, and what its words mean. Pure.
//!
//! tar leaves out what it cannot read and all sockets, says so, and goes on. So every path that it says anything of is
//! withheld: whatever is known of it is void. A word that names no path is no harmless one.

use crate::launcher::exec::Answer;
use crate::report::harmless_line;
use crate::rootfs::{Kind, LookError, Withheld};

/// Folders of the root whose contents the kernel makes up, so that tar is not asked for them.
pub const KERNEL: &[&str] = &["proc", "sys"];
/// The longest list of names that goes into one request, as a part of its address.
const MAX_NAMES: usize = 4 << 10;
/// The largest number of a user or group that busybox writes: eight octal digits, of which it drops the first ones without a
/// word.
pub const BUSYBOX_MAX_ID: i64 = 0o77_777_777;

/// So that nothing in the container's environment changes what tar does, nor the language that it says it in.
const CLEAN: &[&str] = &["env", "-u", "TAR_OPTIONS", "LC_ALL=C"];
/// What lists the names in the root, where tar cannot be told what to leave out.
pub const NAMES: &[&str] = &["ls", "-A", "/"];
/// What asks which tar it is.
pub const WHICH: &[&str] = &["tar", "--version"];

const CREATE: &[&str] = &["tar", "-c", "-f", "-", "-C", "/"];

/// A tar whose words are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tar {
    /// GNU tar.
    Gnu,
    /// The one in busybox.
    Busybox,
}

/// What stands before each command.
pub struct Begin {
    /// The words.
    pub words: Vec<String>,
    /// After how many seconds the command ends by itself: one that nobody listens to any more would wait for ever.
    pub seconds: Option<u64>,
    /// Whether the environment has no part in it.
    pub is_clean: bool,
}

/// Ways to begin commands that may take so many seconds, the best first; what a container has decides.
pub fn beginnings(seconds: u64) -> [Begin; 3] {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let after = seconds.to_string();
    // In words that only GNU's knows: busybox's leaves a process behind that nobody waits for.
    let limited = [CLEAN, &["timeout", "--kill-after=10", after.as_str()]].concat();
    [
        Begin { words: words(&limited), seconds: Some(seconds), is_clean: true },
        Begin { words: words(CLEAN), seconds: None, is_clean: true },
        Begin { words: Vec::new(), seconds: None, is_clean: false },
    ]
}

impl Tar {
    /// The tar that answered, with the line in which it says so.
    pub fn of(answer: &Answer) -> Option<(Tar, String)> {
        let first = |bytes: &[u8]| harmless_line(String::from_utf8_lossy(bytes).lines().next().unwrap_or_default());
        let line = first(&answer.stdout);
        if answer.code == 0 && line.starts_with("tar (GNU tar)") {
            return Some((Tar::Gnu, line));
        }
        if answer.code == 0 && line.starts_with("tar (busybox)") {
            return Some((Tar::Busybox, line));
        }
        // Older ones do not know the question.
        let mut lines = answer.stderr.lines().skip_while(|line| !line.starts_with("tar: ")).skip(1);
        let line = lines.next().filter(|line| line.starts_with("BusyBox v"))?;
        Some((Tar::Busybox, harmless_line(line)))
    }

    /// Whether it gives out extended attributes.
    pub fn gives_xattrs(self) -> bool {
        self == Tar::Gnu
    }

    /// Whether it says of a file that it changed while it was read.
    pub fn tells_changes(self) -> bool {
        self == Tar::Gnu
    }
}

/// Whether a path is one of the kernel's folders, or lies in one: what tar says of it changes nothing.
pub fn is_kernels(path: &[u8]) -> bool {
    let first = path.split(|byte| *byte == b'/').nth(1).unwrap_or_default();
    KERNEL.iter().any(|name| name.as_bytes() == first)
}

/// GNU tar, asked for the whole root, attributes and all, but the contents of the kernel's folders.
pub fn gnu_whole() -> Vec<String> {
    let options = ["--format=posix", "--numeric-owner", "--sparse", "--xattrs", "--xattrs-include=*"];
    let mut command = create(&options);
    command.extend(KERNEL.iter().map(|name| format!("--exclude=./{name}/*")));
    command.push(".".to_owned());
    command
}

/// busybox, asked for the root itself and the kernel's folders among these names, without what is in them.
pub fn busybox_folders(names: &[String]) -> Vec<String> {
    let mut command = create(&["--no-recursion", "."]);
    command.extend(names.iter().filter(|name| is_kernel(name)).map(|name| format!("./{name}")));
    command
}

/// busybox, asked for all of these names but the kernel's: some builds cannot be told what to leave out. `None` where there are
/// no others.
pub fn busybox_contents(names: &[String]) -> Option<Vec<String>> {
    let mut asked = names.iter().filter(|name| !is_kernel(name)).map(|name| format!("./{name}")).peekable();
    asked.peek()?;
    let mut command = create(&[]);
    command.extend(asked);
    Some(command)
}

fn create(options: &[&str]) -> Vec<String> {
    CREATE.iter().chain(options).map(|word| (*word).to_owned()).collect()
}

fn is_kernel(name: &str) -> bool {
    KERNEL.contains(&name)
}

/// The names that ls printed, one in a line.
///
/// Errors: they are none, too many, or not those of a root.
pub fn names(answer: &Answer) -> Result<Vec<String>, String> {
    let said = || answer.stderr.lines().map(harmless_line).collect::<Vec<_>>().join("\n  ");
    if answer.code != 0 || !answer.stderr.is_empty() {
        return Err(format!("ls ended with {}:\n  {}", answer.code, said()));
    }
    let text = std::str::from_utf8(&answer.stdout).map_err(|_| "a name in / is not UTF-8".to_owned())?;
    if text.len() > MAX_NAMES {
        return Err(format!("/ holds names of more than {MAX_NAMES} bytes together"));
    }
    let names: Vec<String> = text.lines().map(str::to_owned).collect();
    match names.iter().find(|name| name.is_empty() || matches!(name.as_str(), "." | "..") || name.contains('/')) {
        Some(odd) => Err(format!("ls printed what is no name: `{}`", harmless_line(odd))),
        None if names.is_empty() => Err("ls printed no names".to_owned()),
        None => Ok(names),
    }
}

/// What tar did not give out, by its words.
///
/// Errors: it failed, or said something of which no path is known.
pub fn left_out(tar: Tar, answer: &Answer) -> Result<Vec<Withheld>, String> {
    let said = || {
        let lines: Vec<String> = answer.stderr.lines().take(10).map(harmless_line).collect();
        if lines.is_empty() { String::new() } else { format!(":\n  {}", lines.join("\n  ")) }
    };
    let mut withheld = Vec::new();
    for line in answer.stderr.lines() {
        match word(tar, line) {
            Some(Word::Of(path, message)) => withheld.push(meaning(path, message)),
            Some(Word::Summary) => {}
            None => return Err(format!("tar said what is not known{}", said())),
        }
    }
    match (answer.code, tar) {
        (0, _) => Ok(withheld),
        // What it ended with stands for what it said.
        (1 | 2, Tar::Gnu) | (1, Tar::Busybox) if !withheld.is_empty() => Ok(withheld),
        (code, _) => Err(format!("tar ended with {code}{}", said())),
    }
}

enum Word<'a> {
    /// Of a path.
    Of(Vec<u8>, &'a str),
    /// That something else was said before.
    Summary,
}

fn word(tar: Tar, line: &str) -> Option<Word<'_>> {
    let line = line.strip_prefix("tar: ")?;
    // What was no UTF-8 is not the name of any path any more.
    if line.contains('\u{fffd}') {
        return None;
    }
    let (path, message) = match tar {
        Tar::Gnu if line == "Exiting with failure status due to previous errors" => return Some(Word::Summary),
        Tar::Gnu => quoted(line)?,
        Tar::Busybox if line == "error exit delayed from previous errors" => return Some(Word::Summary),
        Tar::Busybox => {
            let (name, message) = line.rsplit_once(": ")?;
            let name = match name.strip_prefix("can't ") {
                Some(opened) => opened.split_once(" '")?.1.strip_suffix('\'')?,
                None => name,
            };
            (name.as_bytes().to_vec(), message)
        }
    };
    let path = if path == b"." { b"/".to_vec() } else { [b"/", path.strip_prefix(b"./")?].concat() };
    Some(Word::Of(path, message))
}

/// A name as GNU tar quotes it, up to its colon, and what follows: <https://www.gnu.org/software/tar/manual/html_node/quoting-styles.html>,
/// `escape`.
fn quoted(line: &str) -> Option<(Vec<u8>, &str)> {
    let mut name = Vec::new();
    let mut bytes = line.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b':' => return Some((name, line.get(at + 1..)?.strip_prefix(' ')?)),
            b'\\' => {
                let (_, escaped) = bytes.next()?;
                name.push(match escaped {
                    b'\\' | b':' | b' ' | b'"' | b'\'' => escaped,
                    b'a' => 7,
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    b'0'..=b'3' => {
                        let digits = [escaped, bytes.next()?.1, bytes.next()?.1];
                        u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 8).ok()?
                    }
                    _ => return None,
                });
            }
            byte => name.push(byte),
        }
    }
    None
}

fn meaning(path: Vec<u8>, message: &str) -> Withheld {
    let any = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let (kind, why) = match () {
        () if message == "socket ignored" => {
            (Some(Kind::Socket), LookError::Unsupported("it is a socket, which tar does not give out"))
        }
        () if any(&["Permission denied", "Operation not permitted"]) => {
            (None, LookError::Denied { right: "tar runs as the container's user, who may not read it" })
        }
        () if any(&["changed as we read", "removed before", "shrank", "No such file"]) => (None, LookError::Changed),
        () => (None, LookError::Unsupported("tar could not give it out")),
    };
    Withheld { path, kind, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u8, stdout: &str, stderr: &str) -> Answer {
        Answer { code, stdout: stdout.as_bytes().to_vec(), stderr: stderr.to_owned() }
    }

    #[test]
    fn only_a_known_tar_is_used() {
        let which = |code, stdout, stderr| Tar::of(&answer(code, stdout, stderr)).map(|(tar, _)| tar);
        assert_eq!(which(0, "tar (GNU tar) 1.34\nCopyright\n", ""), Some(Tar::Gnu));
        assert_eq!(which(0, "tar (busybox) 1.35.0\n", ""), Some(Tar::Busybox));
        let old = "tar: unrecognized option '--version'\nBusyBox v1.22.1 (2014) multi-call binary.\n";
        assert_eq!(which(1, "", old), Some(Tar::Busybox));
        for (code, stdout) in
            [(0, "bsdtar 3.6.2 - libarchive 3.6.2"), (0, ""), (1, "tar (GNU tar) 1.34"), (0, "x\ntar (busybox)")]
        {
            assert_eq!(which(code, stdout, ""), None, "{stdout}");
        }
    }

    #[test]
    fn the_whole_root_is_asked_for_without_a_shell() {
        let [limited, clean, bare] =
            beginnings(300).map(|begin| (begin.words.join(" "), begin.seconds, begin.is_clean));
        assert_eq!(limited, ("env -u TAR_OPTIONS LC_ALL=C timeout --kill-after=10 300".to_owned(), Some(300), true));
        assert_eq!(clean, ("env -u TAR_OPTIONS LC_ALL=C".to_owned(), None, true));
        assert_eq!(bare, (String::new(), None, false));
        let gnu = gnu_whole();
        assert_eq!(gnu[..6], ["tar", "-c", "-f", "-", "-C", "/"]);
        assert_eq!(gnu[gnu.len() - 3..], ["--exclude=./proc/*", "--exclude=./sys/*", "."]);
        let names: Vec<String> = ["bin", "proc", "-x", "sys"].map(str::to_owned).into();
        let tar = ["tar", "-c", "-f", "-", "-C", "/"];
        assert_eq!(busybox_folders(&names), [&tar[..], &["--no-recursion", ".", "./proc", "./sys"]].concat());
        assert_eq!(busybox_contents(&names).unwrap(), [&tar[..], &["./bin", "./-x"]].concat());
        // Without a name it would be asked for nothing, and end well.
        assert_eq!(busybox_contents(&names[1..2]), None);
    }

    #[test]
    fn names_are_those_of_a_root() {
        assert_eq!(names(&answer(0, "bin\n.x y\n", "")).unwrap(), ["bin", ".x y"]);
        for (bad, why) in [
            (answer(0, "", ""), "ls printed no names"),
            (answer(0, "bin\n\n", ""), "ls printed what is no name: ``"),
            (answer(0, "/etc\n", ""), "ls printed what is no name: `/etc`"),
            (answer(0, "..\n", ""), "ls printed what is no name: `..`"),
            (answer(1, "bin\n", "ls: /x: Permission denied"), "ls ended with 1:\n  ls: /x: Permission denied"),
            (answer(0, &"x".repeat(5000), ""), "/ holds names of more than 4096 bytes together"),
        ] {
            assert_eq!(names(&bad).unwrap_err(), why);
        }
    }

    #[test]
    fn what_tar_speaks_of_is_withheld() {
        let gnu = "tar: ./etc/a\\:b\\\\c\\303\\244\\n: Cannot open: Permission denied\n\
                   tar: ./run/s k: socket ignored\n\
                   tar: ./var/log/x: file changed as we read it\n\
                   tar: ./tmp/t: File removed before we read it\n\
                   tar: ./d: Read error at byte 0, while reading 3 bytes: Input/output error\n\
                   tar: Exiting with failure status due to previous errors\n";
        let paths = |tar, answer: &Answer| -> Vec<(String, Option<Kind>, String)> {
            let list = left_out(tar, answer).unwrap().into_iter();
            list.map(|one| (String::from_utf8(one.path).unwrap(), one.kind, one.why.to_string())).collect()
        };
        let denied = "permission denied (tar runs as the container's user, who may not read it)";
        let socket = "cannot be told: it is a socket, which tar does not give out";
        let changed = "it changed while it was read";
        let row = |path: &str, kind, why: &str| (path.to_owned(), kind, why.to_owned());
        assert_eq!(
            paths(Tar::Gnu, &answer(2, "", gnu)),
            [
                row("/etc/a:b\\cä\n", None, denied),
                row("/run/s k", Some(Kind::Socket), socket),
                row("/var/log/x", None, changed),
                row("/tmp/t", None, changed),
                row("/d", None, "cannot be told: tar could not give it out"),
            ]
        );
        let busybox = "tar: can't open './etc/it's: x': Permission denied\n\
                       tar: ./root: Permission denied\n\
                       tar: ./a: b: socket ignored\n\
                       tar: ./tmp/t: No such file or directory\n\
                       tar: error exit delayed from previous errors\n";
        assert_eq!(
            paths(Tar::Busybox, &answer(1, "", busybox)),
            [
                row("/etc/it's: x", None, denied),
                row("/root", None, denied),
                row("/a: b", Some(Kind::Socket), socket),
                row("/tmp/t", None, changed),
            ]
        );
        assert_eq!(paths(Tar::Gnu, &answer(0, "", "tar: .: file changed as we read it\n")), [row("/", None, changed)]);
    }

    #[test]
    fn other_words_and_ends_are_no_success() {
        for tar in [Tar::Gnu, Tar::Busybox] {
            assert_eq!(left_out(tar, &answer(0, "", "")), Ok(Vec::new()));
            for code in [1, 2, 3, 126, 137] {
                assert_eq!(left_out(tar, &answer(code, "", "")).unwrap_err(), format!("tar ended with {code}"));
            }
            for line in [
                "tar: short read",
                "tar: write error: No space left on device",
                "tar: ./a",
                "tar: a: Cannot open: Permission denied",
                "tar: /etc/x: Permission denied",
                "sh: tar: not found",
                "tar: ./\u{fffd}: socket ignored",
                "./a: socket ignored",
                "",
            ] {
                let why = left_out(tar, &answer(0, "", &format!("{line}\n"))).unwrap_err();
                assert!(why.starts_with("tar said what is not known"), "{line}: {why}");
            }
        }
        let killed = answer(137, "", "tar: ./a: socket ignored\n");
        assert!(left_out(Tar::Gnu, &killed).unwrap_err().starts_with("tar ended with 137:\n  tar: ./a"));
        assert!(left_out(Tar::Gnu, &answer(2, "", "tar: ./a\\q: x\n")).is_err());
    }
}
