//! `chrony_conf` and `ntp_conf`: a directive and its arguments a line.

use std::collections::HashMap;

use crate::parse::MAX_ROWS;
use crate::parse::continued::{first_word, single, words};
use crate::resource::aide_conf::first_of;
use crate::resource::sshd_config::{include_files, one_or_list};
use crate::resource::{Argument, Arguments, Asked, Context, Keys, Label, NoAnswer, Resource, Shape, Takes};
use crate::rootfs::MAX_FILE_BYTES;
use crate::value::{Text, Value, lossless};

pub(super) const CHRONY_CONF: Resource = Resource {
    name: "chrony_conf",
    summary: "Directives of chrony; one that is given several times holds all values; include, confdir and sourcedir are followed.",
    label: Label::Alone("chrony.conf"),
    arguments: &[Argument {
        name: "path",
        takes: Takes::Path,
        summary: "By default /etc/chrony.conf, or /etc/chrony/chrony.conf.",
        required: false,
    }],
    one_of: &[],
    shape: Shape::Document {
        keys: Keys::Text { sections: false, fold_case: true },
        read: |context, arguments| read(context, arguments, &[b"/etc/chrony.conf", b"/etc/chrony/chrony.conf"]),
    },
};

pub(super) const NTP_CONF: Resource = Resource {
    name: "ntp_conf",
    summary: "Directives of ntpd; one that is given several times holds all values; includefile is followed.",
    label: Label::Alone("ntp.conf"),
    arguments: &[Argument {
        name: "path",
        takes: Takes::Path,
        summary: "By default /etc/ntp.conf, or /etc/ntpsec/ntp.conf.",
        required: false,
    }],
    one_of: &[],
    shape: Shape::Document {
        keys: Keys::Text { sections: false, fold_case: true },
        read: |context, arguments| read(context, arguments, &[b"/etc/ntp.conf", b"/etc/ntpsec/ntp.conf"]),
    },
};

const MAX_DEPTH: usize = 16;
const MAX_INCLUDED: usize = 1_000;

fn read(context: &Context, arguments: &Arguments, defaults: &[&[u8]]) -> Asked<Value> {
    let (path, content) = first_of(context, arguments, defaults)?;
    let mut reading = Reading { context, keys: Vec::new(), places: HashMap::new(), included: 0, bytes: 0, lines: 0 };
    reading.file(&path, &content, 0)?;
    Ok(Value::Map(reading.keys.into_iter().map(|(key, values)| (key, one_or_list(values))).collect()))
}

struct Reading<'a> {
    context: &'a Context,
    keys: Vec<(Text, Vec<Value>)>,
    places: HashMap<Text, usize>,
    included: usize,
    bytes: u64,
    lines: usize,
}

/// chrony's comments begin with any of these, and only at the begin of a line; a `#` further on is one for InSpec, and
/// begins no argument of either program.
fn uncommented(line: &[u8]) -> &[u8] {
    match line.trim_ascii_start().first() {
        Some(b'!' | b';' | b'#' | b'%') => b"",
        _ => line.split(|byte| *byte == b'#').next().unwrap_or_default(),
    }
}

impl Reading<'_> {
    fn file(&mut self, path: &[u8], content: &[u8], depth: usize) -> Asked<()> {
        self.bytes += content.len() as u64;
        let directives = single(content, uncommented).map_err(|error| NoAnswer::parse(path, &error))?;
        self.lines += directives.len();
        if self.bytes > MAX_FILE_BYTES || self.lines > MAX_ROWS {
            return Err(NoAnswer::parse(path, &format_args!("more than {MAX_ROWS} lines with what is included")));
        }
        for (line, text) in directives {
            let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {line}: {why}"));
            let (keyword, rest) = first_word(text);
            let keyword = Text::from(keyword.to_ascii_lowercase());
            let place = *self.places.entry(Text::clone(&keyword)).or_insert(self.keys.len());
            match self.keys.get_mut(place) {
                Some((_, values)) => values.push(Value::text(rest)),
                None => self.keys.push((Text::clone(&keyword), vec![Value::text(rest)])),
            }
            let end = match &*keyword {
                b"include" | b"includefile" => "",
                b"confdir" => "/*.conf",
                b"sourcedir" => "/*.sources",
                _ => continue,
            };
            for word in words(rest) {
                let files = include_files(self.context, &[word, end.as_bytes()].concat(), b"/etc/");
                let files = files.map_err(|why| refuse(&why))?;
                self.included += 1 + files.len();
                if depth == MAX_DEPTH || self.included > MAX_INCLUDED {
                    return Err(refuse(&format!("files are included more than {MAX_DEPTH} deep, or too many")));
                }
                for (file, _) in files {
                    match self.context.read_optional(&file)? {
                        Some(content) => self.file(&file, &content, depth + 1)?,
                        None => return Err(refuse(&format!("{} leads to nothing", lossless(&file)))),
                    }
                }
            }
        }
        Ok(())
    }
}
