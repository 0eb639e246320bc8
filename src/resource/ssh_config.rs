//! `ssh_config`: what ssh takes for a connection to a host, by the system's file.

use crate::parse::sshd_config::{directives, words};
use crate::parse::sshd_match::{is_any, is_everybody, is_match};
use crate::parse::{MAX_ROWS, trim};
use crate::resource::sshd_config::{Taken, flat, include_files, with_older_names};
use crate::resource::{Argument, Arguments, Asked, Context, Keys, Label, NoAnswer, Resource, Shape, Takes};
use crate::rootfs::MAX_FILE_BYTES;
use crate::value::{Value, lossless};

const fn argument(name: &'static str, takes: Takes, summary: &'static str) -> Argument {
    Argument { name, takes, summary, required: false }
}

pub(super) const SSH_CONFIG: Resource = Resource {
    name: "ssh_config",
    summary: "What ssh takes for a host, by default one that no pattern but * concerns: Include is followed, the first \
              value of a keyword counts, keywords that may be repeated hold all values.",
    label: Label::Alone("SSH Configuration"),
    arguments: &[
        argument("path", Takes::Path, "Absolute path inside the target; by default /etc/ssh/ssh_config."),
        argument("host", Takes::Text, "Name of the host, as it is given to ssh."),
        argument("flat", Takes::Bool, "InSpec's view: all lines of this one file, Host, Match and Include not heeded."),
    ],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: false, fold_case: true }, read },
};

/// Keywords that ssh takes several times.
const REPEATED: [&str; 6] =
    ["certificatefile", "dynamicforward", "identityfile", "localforward", "remoteforward", "sendenv"];

/// How deep Include goes: ssh's own limit.
const MAX_DEPTH: usize = 16;
/// The most patterns and files of all Includes.
const MAX_INCLUDED: usize = 1_000;

fn read(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let path = arguments.text("path").unwrap_or(b"/etc/ssh/ssh_config");
    let content = context.read(path)?;
    let host = arguments.text("host");
    if arguments.flag("flat") {
        return match host {
            Some(_) => Err(NoAnswer::Error("flat heeds no Host: it goes with no host".to_owned())),
            None => flat(&content).map_err(|error| NoAnswer::parse(path, &error)),
        };
    }
    let mut reading = Reading {
        context,
        host,
        first: Taken::of(&REPEATED),
        last: Taken::of(&REPEATED),
        directives: 0,
        bytes: 0,
        included: 0,
    };
    reading.file(path, &content, 0, Holds::Now)?;
    let Reading { mut first, last, .. } = reading;
    first.add_others(last);
    Ok(with_older_names(first.keys))
}

/// When the directives of a block count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Now,
    /// `Match final`: behind all others.
    AtLast,
    Never,
}

struct Reading<'a> {
    context: &'a Context,
    host: Option<&'a [u8]>,
    first: Taken,
    last: Taken,
    directives: usize,
    bytes: u64,
    included: usize,
}

impl Reading<'_> {
    fn file(&mut self, path: &[u8], content: &[u8], depth: usize, around: Holds) -> Asked<()> {
        let directives = directives(content).map_err(|error| NoAnswer::parse(path, &error))?;
        self.directives += directives.len();
        self.bytes += content.len() as u64;
        if self.directives > MAX_ROWS || self.bytes > MAX_FILE_BYTES {
            let message = format!("more than {MAX_ROWS} lines or {MAX_FILE_BYTES} bytes with what is included");
            return Err(NoAnswer::parse(path, &message));
        }
        let mut holds = around;
        for directive in directives {
            let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {}: {why}", directive.line));
            let words = words(directive.arguments).map_err(|why| refuse(&why))?;
            match directive.keyword.as_slice() {
                b"host" => holds = if self.is_host(&words) { around } else { Holds::Never },
                b"match" => {
                    let found = self.matched(&words).map_err(|why| refuse(&why))?;
                    holds = match (around, found) {
                        (Holds::Now, found) | (_, found @ Holds::Never) => found,
                        (around, _) => around,
                    };
                }
                b"include" => {
                    for word in words {
                        let files = include_files(self.context, &word, b"/etc/ssh/").map_err(|why| refuse(&why))?;
                        self.included += 1 + files.len();
                        if depth == MAX_DEPTH || self.included > MAX_INCLUDED {
                            return Err(refuse(&format!("files are included more than {MAX_DEPTH} deep, or too many")));
                        }
                        for (file, _) in files {
                            // A link that leads to nothing: ssh goes on.
                            if let Some(content) = self.context.read_optional(&file)? {
                                self.file(&file, &content, depth + 1, holds)?;
                            }
                        }
                    }
                }
                keyword => {
                    let value = match keyword {
                        b"proxycommand" | b"localcommand" | b"remotecommand" | b"knownhostscommand" => {
                            Value::text(trim(directive.arguments))
                        }
                        _ => Value::text(words.join(&b' ')),
                    };
                    match holds {
                        Holds::Now => self.first.add(keyword, value),
                        Holds::AtLast => self.last.add(keyword, value),
                        Holds::Never => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a Host line means the host; of one that is not named, only a star does.
    fn is_host(&self, patterns: &[Vec<u8>]) -> bool {
        let matches = |pattern: &[u8]| match self.host {
            Some(host) => is_match(host, pattern),
            None => is_any(pattern),
        };
        let refused = |pattern: &Vec<u8>| pattern.strip_prefix(b"!").is_some_and(matches);
        !patterns.iter().any(refused) && patterns.iter().any(|pattern| matches(pattern))
    }

    /// Whether a Match line holds. Of a host that is not named, only what everybody meets does.
    fn matched(&self, words: &[Vec<u8>]) -> Result<Holds, String> {
        let (mut holds, mut unknown) = (Holds::Now, None);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (negated, word) = word.strip_prefix(b"!").map_or((false, word.as_slice()), |word| (true, word));
            let sign = word.iter().position(|byte| *byte == b'=').unwrap_or(word.len());
            let (name, inline) = word.split_at(sign);
            let name = name.to_ascii_lowercase();
            let found = match name.as_slice() {
                b"all" => Some(true),
                // In the first of two readings, it does not hold.
                b"final" if negated => continue,
                b"final" => {
                    holds = if holds == Holds::Never { holds } else { Holds::AtLast };
                    continue;
                }
                b"canonical" if negated => continue,
                b"canonical" => None,
                name => {
                    let value = inline.strip_prefix(b"=").or_else(|| words.next().map(Vec::as_slice));
                    let value = value.ok_or_else(|| format!("Match: {} has no value", lossless(name)))?;
                    self.meets(name, value)?
                }
            };
            match found {
                Some(found) if found == negated => holds = Holds::Never,
                Some(_) => {}
                None => unknown = Some(name),
            }
        }
        match unknown {
            Some(name) if holds != Holds::Never => {
                Err(format!("Match asks for {}, which is not known", lossless(&name)))
            }
            _ => Ok(holds),
        }
    }

    /// Whether one criterion of a Match line is met; none where that is not known.
    fn meets(&self, name: &[u8], value: &[u8]) -> Result<Option<bool>, String> {
        let patterns: Vec<Vec<u8>> =
            value.to_ascii_lowercase().split(|byte| *byte == b',').map(<[u8]>::to_vec).collect();
        match name {
            b"host" if self.host.is_some() && self.first.has(b"hostname") => {
                Err("Match asks for the host's name, which HostName changes".to_owned())
            }
            b"host" | b"originalhost" => Ok(Some(self.is_host(&patterns))),
            b"user" | b"localuser" if is_everybody(value) => Ok(Some(true)),
            // Whom no pattern names.
            b"user" | b"localuser" | b"tagged" | b"command" if self.host.is_none() => Ok(Some(false)),
            b"user" | b"localuser" | b"tagged" | b"command" | b"exec" | b"localnetwork" | b"sessiontype"
            | b"version" => Ok(None),
            name => Err(format!("Match: unknown criterion {}", lossless(name))),
        }
    }
}
