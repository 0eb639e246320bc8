//! sudoers(5): aliases, defaults, who may run what, and further files.

use crate::parse::{MAX_ROWS, ParseError, lines, refuse_nul, refuse_rare_blanks, trim};

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// `@include` and its older notation: a file, or with `true` all files of a folder.
    Include(Vec<u8>, bool),
    /// Names for lists.
    Aliases(AliasKind, Vec<(Vec<u8>, Vec<Member>)>),
    /// `Defaults`, with whom they are for as written, and the settings.
    Defaults(Vec<u8>, Vec<Setting>),
    /// Users, and what they may do.
    Rule(Vec<Member>, Vec<Privilege>),
}

/// What an alias stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AliasKind {
    /// Users.
    User,
    /// Users and groups as whom something is run.
    Runas,
    /// Hosts.
    Host,
    /// Commands.
    Command,
}

/// One of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whether a `!` takes it out of the list.
    pub negated: bool,
    /// The name, address or command, without quotes and escapes.
    pub name: Vec<u8>,
}

/// One setting of `Defaults`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: Vec<u8>,
    /// `=`, `+=`, `-=`; empty for a flag, `!` for one that is switched off.
    pub operator: &'static str,
    /// What stands behind the operator.
    pub value: Vec<u8>,
}

/// What users may do on some hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privilege {
    /// The hosts.
    pub hosts: Vec<Member>,
    /// The commands, each with what holds for it.
    pub commands: Vec<Command>,
}

/// A command of a rule; what the one before it said of runas and tags is carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// As which users; none where nothing is said.
    pub users: Vec<Member>,
    /// As which groups.
    pub groups: Vec<Member>,
    /// `CWD=/x` and the like.
    pub options: Vec<Vec<u8>>,
    /// NOPASSWD and the like; of each pair the one that holds.
    pub tags: Vec<&'static str>,
    /// The command with its arguments and digests.
    pub command: Member,
}

/// Tags with those that undo them.
const TAGS: [(&str, &str); 8] = [
    ("PASSWD", "NOPASSWD"),
    ("EXEC", "NOEXEC"),
    ("SETENV", "NOSETENV"),
    ("FOLLOW", "NOFOLLOW"),
    ("INTERCEPT", "NOINTERCEPT"),
    ("LOG_INPUT", "NOLOG_INPUT"),
    ("LOG_OUTPUT", "NOLOG_OUTPUT"),
    ("MAIL", "NOMAIL"),
];

const OPTIONS: [&[u8]; 10] = [
    b"ROLE",
    b"TYPE",
    b"PRIVS",
    b"LIMITPRIVS",
    b"NOTBEFORE",
    b"NOTAFTER",
    b"TIMEOUT",
    b"CWD",
    b"CHROOT",
    b"APPARMOR_PROFILE",
];

const DIGESTS: [&[u8]; 4] = [b"sha224:", b"sha256:", b"sha384:", b"sha512:"];

/// A statement, or why a line is none.
pub type Stated = Result<Statement, String>;

/// The statements of a file with their lines, or why a line is none.
///
/// Errors: more than [`MAX_ROWS`] lines, or members of lists.
pub fn statements(bytes: &[u8]) -> Result<Vec<(usize, Stated)>, ParseError> {
    refuse_nul(bytes)?;
    refuse_rare_blanks(bytes)?;
    let mut statements = Vec::new();
    let mut room = MAX_ROWS;
    let mut whole: Vec<u8> = Vec::new();
    let mut first = None;
    let mut quoted = false;
    for (number, line) in lines(bytes) {
        if number > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        // A string goes on without the blanks around the end of its line.
        let line = if quoted { line.trim_ascii_start() } else { line };
        let (text, comment) = uncommented(line, whole.is_empty(), &mut quoted);
        whole.extend_from_slice(text);
        let begun = *first.get_or_insert(number);
        let ended = whole.trim_ascii_end();
        let backslashes = ended.iter().rev().take_while(|byte| **byte == b'\\').count();
        // Of two, the second one is an argument.
        if !comment && backslashes % 2 == 1 {
            whole.truncate(ended.len().saturating_sub(1));
            if trim(&whole).is_empty() {
                statements.push((number, Err("nothing stands before the backslash".to_owned())));
                whole.clear();
            }
            if !quoted {
                whole.push(b' ');
            }
            continue;
        }
        push(&mut statements, begun, &whole, &mut room)?;
        whole.clear();
        quoted = false;
        first = None;
    }
    if let Some(begun) = first {
        statements.push((begun, Err("the file ends where the line goes on".to_owned())));
    }
    Ok(statements)
}

fn push(statements: &mut Vec<(usize, Stated)>, line: usize, text: &[u8], room: &mut usize) -> Result<(), ParseError> {
    let text = trim(text);
    if text.is_empty() {
        return Ok(());
    }
    let mut reader = Reader { rest: text, room: *room };
    let statement = reader.statement();
    *room = reader.room;
    if *room == 0 {
        return Err(ParseError { line: Some(line), what: format!("more than {MAX_ROWS} names in lists") });
    }
    statements.push((line, statement));
    Ok(())
}

/// A line without its comment, and whether it had one. A `#` before a number is a user id, and at the begin of a line it
/// can be an old include. `quoted` is whether a string is open, before the line and behind it.
fn uncommented<'a>(line: &'a [u8], begins: bool, quoted: &mut bool) -> (&'a [u8], bool) {
    let include = line.strip_prefix(b"#include").or_else(|| line.trim_ascii_start().strip_prefix(b"@include"));
    let include = include.filter(|_| begins).map(|rest| rest.strip_prefix(b"dir").unwrap_or(rest));
    if include.and_then(<[u8]>::first).is_some_and(u8::is_ascii_whitespace) {
        // In a path, a `#` is a byte like others.
        let comment = line.windows(3).position(|bytes| {
            matches!(bytes, [b' ' | b'\t', b'#', next] if !next.is_ascii_digit()) && !line.contains(&b'"')
        });
        return match comment.and_then(|at| line.get(..at)) {
            Some(before) if !before.ends_with(b"\\") => (before, true),
            _ => (line, false),
        };
    }
    let mut escaped = false;
    for (at, byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => *quoted = !*quoted,
            b'#' if !*quoted => {
                let next = line.get(at + 1..).unwrap_or_default();
                let number = next.strip_prefix(b"-").unwrap_or(next);
                if !number.first().is_some_and(u8::is_ascii_digit) {
                    return (line.get(..at).unwrap_or_default(), true);
                }
            }
            _ => {}
        }
    }
    (line, false)
}

/// What is left of a statement, and how many members may still come.
struct Reader<'a> {
    rest: &'a [u8],
    room: usize,
}

impl Reader<'_> {
    fn statement(&mut self) -> Result<Statement, String> {
        for (word, folder) in [("include", false), ("includedir", true)] {
            let word = word.as_bytes();
            let rest = self.rest.strip_prefix(b"@").or(self.rest.strip_prefix(b"#"));
            if let Some(rest) = rest.and_then(|rest| rest.strip_prefix(word))
                && rest.first().is_some_and(u8::is_ascii_whitespace)
            {
                self.rest = trim(rest);
                let path = self.word(b"")?;
                return self.ended().map(|()| Statement::Include(path, folder));
            }
        }
        if let Some(rest) = self.rest.strip_prefix(b"Defaults") {
            self.rest = rest;
            return self.defaults();
        }
        for (word, kind) in [
            (&b"User_Alias"[..], AliasKind::User),
            (b"Runas_Alias", AliasKind::Runas),
            (b"Host_Alias", AliasKind::Host),
            (b"Cmnd_Alias", AliasKind::Command),
            (b"Cmd_Alias", AliasKind::Command),
        ] {
            if let Some(rest) = self.rest.strip_prefix(word)
                && rest.first().is_some_and(u8::is_ascii_whitespace)
            {
                self.rest = rest;
                return self.aliases(kind);
            }
        }
        let users = self.members(AliasKind::User)?;
        let mut privileges = Vec::new();
        loop {
            let hosts = self.members(AliasKind::Host)?;
            self.expect(b'=')?;
            privileges.push(Privilege { hosts, commands: self.commands()? });
            if !self.take(b':') {
                self.ended()?;
                return Ok(Statement::Rule(users, privileges));
            }
        }
    }

    fn aliases(&mut self, kind: AliasKind) -> Result<Statement, String> {
        let mut aliases = Vec::new();
        loop {
            let (name, plain) = self.spelled(b"=:,")?;
            if !plain || !is_alias(&name) || name == b"ALL" {
                return Err(format!("{} is no name of an alias", String::from_utf8_lossy(&name)));
            }
            self.expect(b'=')?;
            let members = match kind {
                AliasKind::Command => self.list(&mut |reader| reader.command())?,
                kind => self.members(kind)?,
            };
            aliases.push((name, members));
            if !self.take(b':') {
                self.ended()?;
                return Ok(Statement::Aliases(kind, aliases));
            }
        }
    }

    fn defaults(&mut self) -> Result<Statement, String> {
        let mut scope = Vec::new();
        match self.rest.first() {
            Some(byte) if byte.is_ascii_whitespace() => {}
            Some(b'@' | b':' | b'!' | b'>') => {
                let before = self.rest;
                self.rest = self.rest.get(1..).unwrap_or_default();
                self.list(&mut |reader| {
                    while reader.take(b'!') {}
                    reader.word(b",").map(drop)
                })?;
                let length = before.len() - self.rest.len();
                scope = trim(before.get(..length).unwrap_or_default()).to_vec();
            }
            _ => return Err("whom the defaults are for is not understood".to_owned()),
        }
        let settings = self.list(&mut |reader| reader.setting())?;
        self.ended()?;
        Ok(Statement::Defaults(scope, settings))
    }

    fn setting(&mut self) -> Result<Setting, String> {
        let mut off = false;
        while self.take(b'!') {
            off = !off;
        }
        let name = self.word(b"=+-,!")?;
        if !name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_') {
            return Err(format!("{} is no name of a setting", String::from_utf8_lossy(&name)));
        }
        for (sign, operator) in [(&b"="[..], "="), (b"+=", "+="), (b"-=", "-=")] {
            let rest = trim(self.rest);
            if let Some(rest) = rest.strip_prefix(sign) {
                if off {
                    return Err(format!("{} is switched off and has a value", String::from_utf8_lossy(&name)));
                }
                self.rest = trim(rest);
                return Ok(Setting { name, operator, value: self.value()? });
            }
        }
        Ok(Setting { name, operator: if off { "!" } else { "" }, value: Vec::new() })
    }

    /// What a setting is set to: a string in quotes, or a word without any.
    fn value(&mut self) -> Result<Vec<u8>, String> {
        let quoted = self.rest.starts_with(b"\"");
        let before = self.rest;
        let value = self.word(b",")?;
        let length = before.len() - self.rest.len();
        let written = before.get(..length).unwrap_or_default();
        let odd = |at: usize, byte: u8| {
            matches!(byte, b'"' | b'=' | b'#') && at.checked_sub(1).and_then(|at| written.get(at)) != Some(&b'\\')
        };
        let wrong = match quoted {
            true => value.is_empty() || !written.ends_with(b"\""),
            false => written.starts_with(b"!") || written.iter().enumerate().any(|(at, byte)| odd(at, *byte)),
        };
        if wrong { Err("the value of a setting is not understood".to_owned()) } else { Ok(value) }
    }

    fn members(&mut self, kind: AliasKind) -> Result<Vec<Member>, String> {
        self.list(&mut |reader| reader.member(kind))
    }

    fn member(&mut self, kind: AliasKind) -> Result<Member, String> {
        let negated = self.negated();
        let special = trim(self.rest).starts_with(b"%:");
        let colons = kind == AliasKind::Host && is_ipv6(trim(self.rest));
        let (name, plain) = if special || colons { self.spelled(b"=,()") } else { self.spelled(b"=,:()") }?;
        if !plain && is_alias(&name) {
            return Err(format!("{} is in quotes, and no alias there", String::from_utf8_lossy(&name)));
        }
        Ok(Member { negated, name })
    }

    fn negated(&mut self) -> bool {
        let mut negated = false;
        while self.take(b'!') {
            negated = !negated;
        }
        negated
    }

    fn commands(&mut self) -> Result<Vec<Command>, String> {
        let (mut users, mut groups, mut tags, mut options) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        self.list(&mut |reader| {
            if reader.take(b'(') {
                (users, groups) = reader.runas()?;
            }
            while let Some(option) = reader.option()? {
                options.push(option);
            }
            while let Some((tag, other)) = reader.tag() {
                tags.retain(|known| *known != other && *known != tag);
                tags.push(tag);
            }
            // What is carried over takes its room again.
            reader.spend(users.len() + groups.len() + options.len())?;
            let command = reader.command()?;
            let (users, groups, tags, options) = (users.clone(), groups.clone(), tags.clone(), options.clone());
            Ok(Command { users, groups, options, tags, command })
        })
    }

    fn runas(&mut self) -> Result<(Vec<Member>, Vec<Member>), String> {
        let part = |reader: &mut Self| match trim(reader.rest).first() {
            Some(b':' | b')') => Ok(Vec::new()),
            _ => reader.members(AliasKind::Runas),
        };
        let users = part(self)?;
        let groups = if self.take(b':') { part(self)? } else { Vec::new() };
        self.expect(b')')?;
        Ok((users, groups))
    }

    fn option(&mut self) -> Result<Option<Vec<u8>>, String> {
        let text = trim(self.rest);
        for name in OPTIONS {
            let Some(rest) = text.strip_prefix(name).map(trim).and_then(|rest| rest.strip_prefix(b"=")) else {
                continue;
            };
            self.rest = trim(rest);
            let value = self.word(b",")?;
            return Ok(Some([name, b"=", &value].concat()));
        }
        Ok(None)
    }

    /// A tag, and the one that it undoes.
    fn tag(&mut self) -> Option<(&'static str, &'static str)> {
        let text = trim(self.rest);
        let end = text.iter().position(|byte| !(byte.is_ascii_uppercase() || *byte == b'_'))?;
        let (word, rest) = text.split_at(end);
        let rest = trim(rest).strip_prefix(b":")?;
        let pair = |(on, off): &(&'static str, &'static str)| match word {
            word if word == on.as_bytes() => Some((*on, *off)),
            word if word == off.as_bytes() => Some((*off, *on)),
            _ => None,
        };
        let found = TAGS.iter().find_map(pair)?;
        self.rest = rest;
        Some(found)
    }

    /// A command with its arguments, up to a comma or a colon.
    fn command(&mut self) -> Result<Member, String> {
        let negated = self.negated();
        let text = self.rest.trim_ascii_start();
        let (mut name, mut at) = (Vec::new(), 0);
        let mut digest = DIGESTS.iter().any(|digest| text.starts_with(digest));
        let mut pattern = false;
        while let Some(byte) = text.get(at).copied() {
            let before = name.last().copied();
            match byte {
                // What follows is a comment, or wrong, quotes or not.
                b'#' => return Err("a # in a command".to_owned()),
                b'\\' if pattern => {
                    name.push(byte);
                    at += 1;
                    name.extend(text.get(at).copied());
                }
                b'\\' => {
                    at += 1;
                    // Wildcards keep their backslash: without it they would be some.
                    let next = text.get(at).copied();
                    if !matches!(next, Some(b',' | b':' | b'=' | b' ' | b'\t' | b'#' | b'\\')) {
                        name.push(b'\\');
                    }
                    name.extend(next);
                }
                // A regular expression goes from ^ to $, whatever stands in it.
                b'^' if before.is_none_or(|byte| byte == b' ') => {
                    pattern = true;
                    name.push(byte);
                }
                b'$' if pattern && text.get(at + 1).is_none_or(|next| matches!(next, b' ' | b'\t' | b',' | b':')) => {
                    pattern = false;
                    name.push(byte);
                }
                b':' if digest && !name.contains(&b':') => name.push(byte),
                // What fills up a digest in base64.
                b'=' if digest && !name.contains(&b' ') => name.push(byte),
                // Several digests of one command.
                b',' if digest && !name.contains(&b' ') => {
                    name.push(byte);
                    let next = text.get(at + 1..).unwrap_or_default().trim_ascii_start();
                    digest = DIGESTS.iter().any(|digest| next.starts_with(digest));
                    if !digest {
                        return Err("a digest without a command".to_owned());
                    }
                    let length = name.len();
                    let (more, used) = self.rest_of_digests(next);
                    name.extend_from_slice(more);
                    at = text.len() - next.len() + used;
                    if name.len() == length {
                        return Err("a digest without a command".to_owned());
                    }
                    continue;
                }
                // Alone or behind the path, it ends the command.
                b'=' if !pattern && name.contains(&b' ') && (before != Some(b' ') || goes_on(text, at)) => {
                    name.push(byte)
                }
                b',' | b':' | b'=' if !pattern => break,
                b' ' | b'\t' if !pattern => {
                    if before.is_some_and(|byte| byte != b' ') {
                        name.push(b' ');
                    }
                }
                byte => name.push(byte),
            }
            at += 1;
        }
        self.rest = text.get(at..).unwrap_or_default();
        let length = name.trim_ascii_end().len();
        name.truncate(length);
        if name.is_empty() || pattern {
            return Err("a command is expected".to_owned());
        }
        let mut words =
            name.split(|byte| *byte == b' ').skip_while(|word| DIGESTS.iter().any(|of| word.starts_with(of)));
        let command = words.next().unwrap_or_default();
        let is_path = matches!(command.first(), Some(b'/' | b'^')) || matches!(command, b"sudoedit" | b"list");
        if !is_path && (!is_alias(command) || words.next().is_some()) {
            return Err(format!("{} is no path of a command", String::from_utf8_lossy(command)));
        }
        self.spend(1)?;
        Ok(Member { negated, name })
    }

    /// A further digest, up to a comma or a blank, and how many bytes it has.
    fn rest_of_digests<'t>(&self, text: &'t [u8]) -> (&'t [u8], usize) {
        let end = text.iter().position(|byte| matches!(byte, b',' | b' ' | b'\t')).unwrap_or(text.len());
        (text.get(..end).unwrap_or_default(), end)
    }

    fn list<T>(&mut self, one: &mut dyn FnMut(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let mut list = Vec::new();
        loop {
            list.push(one(self)?);
            if !self.take(b',') {
                return Ok(list);
            }
        }
    }

    /// A word up to a blank or one of these, without quotes and escapes.
    fn word(&mut self, ends: &[u8]) -> Result<Vec<u8>, String> {
        self.spelled(ends).map(|(word, _)| word)
    }

    /// The same, and whether it had neither quotes nor escapes.
    fn spelled(&mut self, ends: &[u8]) -> Result<(Vec<u8>, bool), String> {
        self.spend(1)?;
        let text = self.rest.trim_ascii_start();
        let (mut word, mut quoted, mut plain, mut at) = (Vec::new(), false, true, 0);
        while let Some(byte) = text.get(at).copied() {
            match byte {
                b'"' => {
                    quoted = !quoted;
                    plain = false;
                }
                b'\\' if quoted && text.get(at + 1) != Some(&b'"') => word.push(byte),
                b'\\' => {
                    plain = false;
                    let (escaped, length) = escape(text.get(at + 1..).unwrap_or_default());
                    word.extend(escaped);
                    at += length;
                }
                byte if !quoted && (byte.is_ascii_whitespace() || ends.contains(&byte)) => break,
                byte => word.push(byte),
            }
            at += 1;
        }
        self.rest = text.get(at..).unwrap_or_default();
        match () {
            () if quoted => Err("a quote is not closed".to_owned()),
            () if word.is_empty() => Err("a name is expected".to_owned()),
            () if word.contains(&0) => Err("a NUL stands there".to_owned()),
            () => Ok((word, plain)),
        }
    }

    fn spend(&mut self, names: usize) -> Result<(), String> {
        self.room = self.room.saturating_sub(names);
        if self.room == 0 { Err("too many names".to_owned()) } else { Ok(()) }
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest.trim_ascii_start().strip_prefix(&[byte]) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.take(byte) { Ok(()) } else { Err(format!("`{}` is expected", char::from(byte))) }
    }

    fn ended(&self) -> Result<(), String> {
        if trim(self.rest).is_empty() { Ok(()) } else { Err("there is more than is understood".to_owned()) }
    }
}

/// Whether a word of a command goes on behind this place.
fn goes_on(text: &[u8], at: usize) -> bool {
    text.get(at + 1).is_some_and(|next| !matches!(next, b'#' | b'\\' | b':' | b',' | b' ' | b'\t'))
}

/// What a backslash before this text stands for, and how many of its bytes that takes: `x41` is a byte by its number.
fn escape(text: &[u8]) -> (Option<u8>, usize) {
    let digits = text.strip_prefix(b"x").and_then(|digits| digits.get(..2));
    let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(byte) => (Some(byte), 3),
        None => (text.first().copied(), 1),
    }
}

/// Whether a word without quotes is what an alias is called.
pub(crate) fn is_alias(name: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    name.first().is_some_and(u8::is_ascii_uppercase) && name.iter().all(is_part)
}

fn is_ipv6(text: &[u8]) -> bool {
    let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'/');
    text.iter().take_while(is_part).filter(|byte| **byte == b':').count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(members: &[Member]) -> String {
        let one = |member: &Member| {
            format!("{}{}", if member.negated { "!" } else { "" }, String::from_utf8_lossy(&member.name))
        };
        members.iter().map(one).collect::<Vec<_>>().join("|")
    }

    fn shown(text: &str) -> Vec<String> {
        let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let one = |(line, statement): (usize, Result<Statement, String>)| match statement {
            Err(why) => format!("{line} {why}"),
            Ok(Statement::Include(path, folder)) => format!("{line} include {} {folder}", text_of(&path)),
            Ok(Statement::Aliases(kind, aliases)) => {
                let one = |(name, members): &(Vec<u8>, Vec<Member>)| format!("{}={}", text_of(name), list(members));
                format!("{line} {kind:?} {}", aliases.iter().map(one).collect::<Vec<_>>().join(" "))
            }
            Ok(Statement::Defaults(scope, settings)) => {
                let one = |set: &Setting| format!("{}<{}>{}", text_of(&set.name), set.operator, text_of(&set.value));
                format!("{line} [{}] {}", text_of(&scope), settings.iter().map(one).collect::<Vec<_>>().join(" "))
            }
            Ok(Statement::Rule(users, privileges)) => {
                let command = |one: &Command| {
                    let options: Vec<String> = one.options.iter().map(|option| text_of(option)).collect();
                    let (users, groups) = (list(&one.users), list(&one.groups));
                    let command = list(std::slice::from_ref(&one.command));
                    format!("({users}:{groups}) {} {} {command}", options.join(","), one.tags.join(","))
                };
                let one = |one: &Privilege| {
                    format!(
                        "{} = {}",
                        list(&one.hosts),
                        one.commands.iter().map(command).collect::<Vec<_>>().join("; ")
                    )
                };
                format!("{line} {} @ {}", list(&users), privileges.iter().map(one).collect::<Vec<_>>().join(" / "))
            }
        };
        statements(text.as_bytes()).unwrap().into_iter().map(one).collect()
    }

    #[test]
    fn rules_are_read_as_sudoers_says() {
        for (text, expected) in [
            ("root ALL=(ALL:ALL) ALL", "1 root @ ALL = (ALL:ALL)   ALL"),
            ("%wheel\tALL=(ALL)\tNOPASSWD: ALL # x", "1 %wheel @ ALL = (ALL:)  NOPASSWD ALL"),
            (
                "a, !b h1,h2 = /bin/x -l \\, y, (op) PASSWD: !/bin/z : h3 = ALL",
                "1 a|!b @ h1|h2 = (:)   /bin/x -l , y; (op:)  PASSWD !/bin/z / h3 = (:)   ALL",
            ),
            ("a ALL = NOPASSWD: NOEXEC: /a, PASSWD : /b", "1 a @ ALL = (:)  NOPASSWD,NOEXEC /a; (:)  NOEXEC,PASSWD /b"),
            ("#1000 ALL=CWD=/x TIMEOUT = 5m NOPASSWD:/a", "1 #1000 @ ALL = (:) CWD=/x,TIMEOUT=5m NOPASSWD /a"),
            ("\"a b\",DOM\\\\u fe80::1/64 = (:adm) /a", "1 a b|DOM\\u @ fe80::1/64 = (:adm)   /a"),
            ("a ALL = ^/bin/[a,b]: .*$, /c", "1 a @ ALL = (:)   ^/bin/[a,b]: .*$; (:)   /c"),
            ("a ALL = sha256:ab, sha512:cd /bin/x y, /z", "1 a @ ALL = (:)   sha256:ab,sha512:cd /bin/x y; (:)   /z"),
            ("a ALL=sha224:aB+/c== /bin/x", "1 a @ ALL = (:)   sha224:aB+/c== /bin/x"),
            ("\\x62ob ALL = /bin/x \\#, /y", "1 bob @ ALL = (:)   /bin/x #; (:)   /y"),
            ("a ALL = /x \\\\\n", "1 a @ ALL = (:)   /x \\"),
            ("a ALL = /x \" # \\\nDefaults !authenticate\n", "1 a # in a command"),
            ("\"ADMINS\" ALL = ALL", "1 ADMINS is in quotes, and no alias there"),
            ("User_Alias admins = nobody", "1 admins is no name of an alias"),
            ("Defaults use_pty, X", "1 X is no name of a setting"),
            ("Defaults secure_path=\"\"", "1 a name is expected"),
            ("Defaults secure_path=\"/a\"b", "1 the value of a setting is not understood"),
            ("Defaults secure_path=/a=b", "1 the value of a setting is not understood"),
            ("a ALL", "1 `=` is expected"),
            ("a ALL=", "1 a command is expected"),
            ("a ALL=ALL b=c", "1 ALL is no path of a command"),
            ("a ALL=bin/x", "1 bin/x is no path of a command"),
            ("a ALL=NOPASSWD ALL", "1 NOPASSWD is no path of a command"),
            ("a ALL=/x --a=b =c d, /y", "1 a @ ALL = (:)   /x --a=b =c d; (:)   /y"),
            ("a ALL=/x = y", "1 there is more than is understood"),
            ("a ALL=/x\\\n", "1 the file ends where the line goes on"),
            ("Defaults secure_path=\"/a:\\\n  . # \"\n", "1 [] secure_path<=>/a:. # "),
        ] {
            assert_eq!(shown(text), [expected], "{text}");
        }
    }

    #[test]
    fn aliases_defaults_and_includes_are_read() {
        let text = "@include \"/a b\" \n#includedir\t/etc/sudoers.d\n#include x\n# comment \\\nUser_Alias A = x, %y : \\\n  B=z\nCmnd_Alias S=/bin/sh -c x, !/bin/su\nDefaults !a, b, c=5, d=\"x, y\", e += f\nDefaults:alice,bob !lecture\nDefaults@h x=/y#z\nDefaultsx y\n";
        let expected = [
            "1 include /a b false",
            "2 include /etc/sudoers.d true",
            "3 include x false",
            "5 User A=x|%y B=z",
            "7 Command S=/bin/sh -c x|!/bin/su",
            "8 [] a<!> b<> c<=>5 d<=>x, y e<+=>f",
            "9 [:alice,bob] lecture<!>",
            "10 [@h] x<=>/y",
            "11 whom the defaults are for is not understood",
        ];
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn lists_are_bounded() {
        let many = format!("{}a ALL=ALL", "a,".repeat(MAX_ROWS));
        assert_eq!(statements(many.as_bytes()).unwrap_err().line, Some(1));
        let carried = format!("a ALL=({}b) {}/x", "a,".repeat(1000), "/x,".repeat(1000));
        assert_eq!(statements(carried.as_bytes()).unwrap_err().line, Some(1));
    }
}
