//! inetd.conf(5): the services that inetd starts a program for.
//!
//! BSD's inetd and its heirs (Debian's, busybox's) and GNU's do not read every line alike. A line that means something
//! else to one of them is no entry, but odd.

use crate::parse::{MAX_ROWS, ParseError, lines};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it listens; `*` is everywhere.
    pub address: Vec<u8>,
    /// A name of /etc/services, a number, a path, or `NAME/VERSION` of RPC.
    pub service: Vec<u8>,
    /// stream, dgram, raw, rdm or seqpacket.
    pub socket_type: Vec<u8>,
    /// tcp, udp, tcp6, rpc/tcp, unix and the like.
    pub protocol: Vec<u8>,
    /// wait or nowait.
    pub wait: Vec<u8>,
    /// The number behind it: how often a minute.
    pub max: Option<Vec<u8>>,
    /// As whom the server runs.
    pub user: Vec<u8>,
    /// As which group, where it says so.
    pub group: Option<Vec<u8>>,
    /// The program, or `internal`.
    pub server: Vec<u8>,
    /// Its arguments, the name of the program first.
    pub arguments: Vec<Vec<u8>>,
}

/// The line of an entry; and what stands there, or why that is odd.
pub type Placed = (usize, Result<Entry, &'static str>);

/// How many fields an entry has at least.
const FIELDS: usize = 6;

/// The longest line that all take at once; some take what is behind it for a line of its own.
const MAX_LINE: usize = 254;

/// The entries of a file, in its order. `#` begins a comment in the first column only; a line that begins with a blank
/// goes on with the entry before it.
///
/// Errors: more than [`MAX_ROWS`] lines.
pub fn entries(bytes: &[u8]) -> Result<Vec<Placed>, ParseError> {
    let mut found = Vec::new();
    let mut everywhere = b"*".to_vec();
    let mut open: (usize, Vec<&[u8]>) = (0, Vec::new());
    for (number, line) in lines(bytes) {
        if number > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        if line.len() > MAX_LINE || line.contains(&0) {
            found.push((number, Err("a line of more than 254 bytes, or with a NUL, is several for some inetd")));
        }
        let goes_on = line.starts_with(b" ") || line.starts_with(b"\t");
        if goes_on && !open.1.is_empty() {
            let before = open.1.len();
            open.1.extend(words(line));
            let more = open.1.get(before..).unwrap_or_default();
            if more.len() >= FIELDS && !more.first().is_some_and(|word| word.starts_with(b"#")) {
                found.push((number, Err("it begins with a blank: some inetd takes it for an entry of its own")));
            }
            continue;
        }
        found.extend(entry(&open.1, &mut everywhere).map(|entry| (open.0, entry)));
        open = (number, if line.starts_with(b"#") { Vec::new() } else { words(line).collect() });
    }
    found.extend(entry(&open.1, &mut everywhere).map(|entry| (open.0, entry)));
    Ok(found)
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty())
}

/// `[ADDRESS:]SERVICE TYPE PROTOCOL WAIT[.MAX] USER[:GROUP] SERVER [ARGUMENT ...]`; nothing of an empty line, and of
/// `ADDRESS:` alone, which holds for the lines that follow.
fn entry(words: &[&[u8]], everywhere: &mut Vec<u8>) -> Option<Result<Entry, &'static str>> {
    let (first, mut rest) = words.split_first()?;
    let (mut address, mut service) = (everywhere.clone(), first.to_vec());
    if let Some((before, after)) = split(first, first.iter().rposition(|byte| *byte == b':')) {
        (address, service) = (before, after);
        if service.is_empty() {
            let Some((next, others)) = rest.split_first() else {
                *everywhere = address;
                return None;
            };
            (service, rest) = (next.to_vec(), others);
        }
    }
    let [socket_type, protocol, wait, user, server, arguments @ ..] = rest else {
        return Some(Err("an entry of fewer than six fields"));
    };
    let is_quoting = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\\');
    if service.iter().chain(rest.iter().take(FIELDS - 1).copied().flatten()).any(is_quoting) {
        return Some(Err("quotes, and a backslash, are not for every inetd what they are for others"));
    }
    let (wait, max) = parted(wait, wait.iter().position(|byte| *byte == b'.'));
    if !matches!(wait.as_slice(), b"wait" | b"nowait") {
        return Some(Err("wait or nowait is expected in the fourth field"));
    }
    let place = |separator: u8| user.iter().position(|byte| *byte == separator);
    if place(b':').is_some() && place(b'.').is_some() {
        return Some(Err("which part of the fifth field is the user, not every inetd sees alike"));
    }
    let (user, group) = parted(user, place(b':').or(place(b'.')));
    Some(Ok(Entry {
        address,
        service,
        socket_type: socket_type.to_vec(),
        protocol: protocol.to_vec(),
        wait,
        max,
        user,
        group,
        server: server.to_vec(),
        arguments: arguments.iter().map(|word| word.to_vec()).collect(),
    }))
}

/// What stands before and behind the byte at a place.
fn split(word: &[u8], place: Option<usize>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (before, after) = word.split_at_checked(place?)?;
    Some((before.to_vec(), after.get(1..)?.to_vec()))
}

fn parted(word: &[u8], place: Option<usize>) -> (Vec<u8>, Option<Vec<u8>>) {
    split(word, place).map_or_else(|| (word.to_vec(), None), |(before, after)| (before, Some(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let shown = |(line, entry): Placed| match entry {
            Err(why) => format!("{line}: {why}"),
            Ok(entry) => {
                let rest = [entry.max, entry.group].map(|part| part.map_or("-".to_owned(), |part| text_of(&part)));
                let parts = [entry.address, entry.service, entry.wait, entry.user, entry.server];
                let parts = parts.map(|part| text_of(&part)).join(" ");
                format!("{line}: {parts} {} {}", rest.join(" "), text_of(&entry.arguments.join(&b' ')))
            }
        };
        entries(text.as_bytes()).unwrap().into_iter().map(shown).collect()
    }

    #[test]
    fn entries_are_read() {
        let text = "# c\nftp stream tcp nowait root /usr/sbin/ftpd ftpd\n\t-l # x\n10.0.0.1:\n\
            ntalk dgram udp wait.5 nobody.tty /x\n*:80 stream tcp6 nowait www:www internal\n127.0.0.1: a b c wait d e\n";
        let expected = [
            "2: * ftp nowait root /usr/sbin/ftpd - - ftpd -l # x",
            "5: 10.0.0.1 ntalk wait nobody /x 5 tty ",
            "6: * 80 nowait www internal - www ",
            "7: 127.0.0.1 a wait d e - - ",
        ];
        assert_eq!(read(text), expected);
        // A comment, and an empty line, end an entry.
        assert_eq!(read("a b c wait d e\n#\n x y z wait v w\n \n\n\n r s t wait u v").len(), 3);
    }

    #[test]
    fn what_some_inetd_reads_otherwise_is_odd() {
        let odd = |text: &str, why: &str| assert!(read(text).iter().any(|line| line.contains(why)), "{:?}", read(text));
        odd("a b c wait d e\n telnet stream tcp nowait root /x x\n", "2: it begins with a blank");
        odd("a b c wait d\n", "1: an entry of fewer than six fields");
        odd("\"a\" b c wait d e\n", "quotes");
        odd("a b c later d e\n", "wait or nowait");
        odd("a b c nowait:5 d e\n", "wait or nowait");
        odd("a b c wait d.e:f g\n", "the user");
        odd(&format!("#{}\n", "x ".repeat(128)), "1: a line of more than 254 bytes");
        odd("#\0\n", "NUL");
        // A remark that goes on with an entry adds to its arguments, and is none itself.
        assert_eq!(read("a b c wait d e\n # f g h i j k l m\n"), ["1: * a wait d e - - # f g h i j k l m"]);
        assert!(entries(&b"\n".repeat(MAX_ROWS + 2)).is_err());
    }
}
