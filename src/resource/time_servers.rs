//! `chrony_conf` and `ntp_conf`: a directive and its arguments a line.

use std::collections::HashMap;

use crate::parse::continued::{first_word, words};
use crate::parse::time_servers::{chrony, ntp};
use crate::resource::aide_conf::first_of;
use crate::resource::includes::{Includes, MAX_DEPTH, folder_of, leads_to_nothing, required};
use crate::resource::sshd_config::{include_files, one_or_list};
use crate::resource::{Argument, Arguments, Asked, Context, Keys, Label, NoAnswer, Resource, Shape, Takes};
use crate::value::{Text, Value, lossless};

pub(super) const CHRONY_CONF: Resource = Resource {
    name: "chrony_conf",
    summary: "Directives of chrony; one that is given several times holds all values. include, confdir and sourcedir are \
              followed; of files with one name in several folders, the first counts.",
    label: Label::Alone("chrony.conf"),
    arguments: &[Argument {
        name: "path",
        takes: Takes::Path,
        summary: "By default /etc/chrony.conf, or /etc/chrony/chrony.conf.",
        required: false,
    }],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: false, fold_case: true }, read: read_chrony },
};

pub(super) const NTP_CONF: Resource = Resource {
    name: "ntp_conf",
    summary: "Directives of ntpd; one that is given several times holds all values; includefile is followed, and ntp.d of \
              NTPsec.",
    label: Label::Alone("ntp.conf"),
    arguments: &[Argument {
        name: "path",
        takes: Takes::Path,
        summary: "By default /etc/ntp.conf, or /etc/ntpsec/ntp.conf.",
        required: false,
    }],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: false, fold_case: true }, read: read_ntp },
};

/// ntpd passes over what is included deeper.
const MAX_DEPTH_OF_NTP: usize = 5;

fn read_chrony(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let (path, _) = first_of(context, arguments, &[b"/etc/chrony.conf", b"/etc/chrony/chrony.conf"])?;
    let mut reading = Reading::new(context, MAX_DEPTH);
    reading.chrony(&path, 0, false)?;
    Ok(reading.map())
}

fn read_ntp(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let (path, _) = first_of(context, arguments, &[b"/etc/ntp.conf", b"/etc/ntpsec/ntp.conf"])?;
    let mut reading = Reading::new(context, MAX_DEPTH_OF_NTP);
    reading.ntp(&path, 0)?;
    let more = [folder_of(&path), b"/ntp.d/*.conf"].concat();
    let more = include_files(context, &more, b"/").map_err(NoAnswer::Error)?;
    for (file, _) in &more {
        if !path.starts_with(b"/etc/ntpsec/") {
            return Err(NoAnswer::parse(file, &"NTPsec reads this, ntpd does not"));
        }
        reading.ntp(file, 1)?;
    }
    Ok(reading.map())
}

struct Reading<'a> {
    includes: Includes<'a>,
    keys: Vec<(Text, Vec<Value>)>,
    places: HashMap<Text, usize>,
}

impl<'a> Reading<'a> {
    fn new(context: &'a Context, deepest: usize) -> Reading<'a> {
        Reading { includes: Includes::new(context, deepest), keys: Vec::new(), places: HashMap::new() }
    }

    fn map(self) -> Value {
        Value::Map(self.keys.into_iter().map(|(key, values)| (key, one_or_list(values))).collect())
    }

    fn add(&mut self, keyword: &[u8], rest: &[u8]) {
        let keyword = Text::from(keyword);
        let place = *self.places.entry(Text::clone(&keyword)).or_insert(self.keys.len());
        match self.keys.get_mut(place) {
            Some((_, values)) => values.push(Value::text(rest)),
            None => self.keys.push((keyword, vec![Value::text(rest)])),
        }
    }

    /// `Missing` when the file itself is not there. Of sources, a file holds nothing else.
    fn chrony(&mut self, path: &[u8], depth: usize, of_sources: bool) -> Asked<()> {
        let content = self.includes.read(path, depth)?;
        let directives = chrony(&content).map_err(|error| NoAnswer::parse(path, &error))?;
        self.includes.more_values(path, directives.len())?;
        for (line, text) in directives {
            let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {line}: {why}"));
            let (keyword, rest) = first_word(text);
            let keyword = keyword.to_ascii_lowercase();
            if of_sources && !matches!(&*keyword, b"server" | b"pool" | b"peer") {
                return Err(refuse("chronyd takes nothing but server, pool and peer of this file"));
            }
            self.add(&keyword, rest);
            let (end, of_sources): (&[u8], _) = match &*keyword {
                b"include" => (b"", false),
                b"confdir" => (b"/*.conf", false),
                b"sourcedir" => (b"/*.sources", true),
                _ => continue,
            };
            if let Some(word) = words(rest).find(|word| !word.starts_with(b"/")) {
                return Err(refuse(&format!("{} does not begin at the root", lossless(word))));
            }
            // Of several folders, the first that has a file of a name.
            let mut files: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            for word in words(rest) {
                let found = include_files(self.includes.context, &[word, end].concat(), b"/");
                let found = found.map_err(|why| refuse(&why))?;
                if end.is_empty() && found.is_empty() && !word.iter().any(|byte| b"*?".contains(byte)) {
                    return Err(leads_to_nothing((path, line), word));
                }
                self.includes.more_files(path, found.len())?;
                for (file, _) in found {
                    let name = file.get(folder_of(&file).len()..).unwrap_or_default().to_vec();
                    if end.is_empty() || !files.iter().any(|(known, _)| *known == name) {
                        files.push((name, file));
                    }
                }
            }
            if !end.is_empty() {
                crate::order::sort(&mut files, &Ord::cmp);
            }
            for (_, file) in files {
                required((path, line), &file, self.chrony(&file, depth + 1, of_sources))?;
            }
        }
        Ok(())
    }

    fn ntp(&mut self, path: &[u8], depth: usize) -> Asked<()> {
        let content = self.includes.read(path, depth)?;
        let directives = ntp(&content).map_err(|error| NoAnswer::parse(path, &error))?;
        self.includes.more_values(path, directives.len())?;
        for (line, text) in directives {
            let refuse = |why: &str| NoAnswer::parse(path, &format_args!("line {line}: {why}"));
            let (keyword, rest) = first_word(text);
            if keyword.iter().any(u8::is_ascii_uppercase) {
                return Err(refuse(&format!("ntpd knows no {}: its words have no capitals", lossless(keyword))));
            }
            self.add(keyword, rest);
            if keyword == b"includefile" {
                let quoted = rest.strip_prefix(b"\"").map(|rest| rest.strip_suffix(b"\"").unwrap_or(rest));
                let file = quoted.unwrap_or(rest);
                if !file.starts_with(b"/") {
                    return Err(refuse(&format!("{} does not begin at the root", lossless(file))));
                }
                required((path, line), file, self.ntp(file, depth + 1))?;
            }
        }
        Ok(())
    }
}
