//! `live:` of a profile's test: the processes of a running container, as a scan of one would have found them.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use crate::parse::capability;
use crate::parse::id_map::IdRange;
use crate::parse::limits::{self, Limit};
use crate::parse::mountinfo::Mount;
use crate::parse::network::{FLAGS, Interface, Route, cidr};
use crate::parse::proc_status::ProcStatus;
use crate::parse::sockets::{Listener, PROTOCOLS};
use crate::process::{Cgroup, Facts, Parameters, ProcessFacts, RIGHTS, SECCOMP};
use crate::profile::decode::{Decoder, Fields};
use crate::profile::input::Inputs;
use crate::profile::source::{Problem, Source};
use crate::profile::yaml::{self, Node, NodeKind};
use crate::rootfs::{Look, LookError};

const KEYS: [&str; 11] = [
    "processes",
    "environment",
    "mounts",
    "limits",
    "listeners",
    "interfaces",
    "routes",
    "parameters",
    "cgroup",
    "incomplete",
    "denied",
];
const PROCESS_KEYS: [&str; 21] = [
    "pid",
    "inner_pid",
    "name",
    "state",
    "uid",
    "gid",
    "groups",
    "command",
    "executable",
    "capabilities",
    "permitted",
    "inheritable",
    "bounding",
    "ambient",
    "no_new_privs",
    "seccomp",
    "shared",
    "host",
    "uid_map",
    "gid_map",
    "denied",
];
const MOUNT_KEYS: [&str; 7] = ["mount_point", "type", "device", "root", "options", "filesystem_options", "propagation"];
const INTERFACE_KEYS: [&str; 2] = ["name", "addresses"];
const ROUTE_KEYS: [&str; 5] = ["destination", "gateway", "interface", "metric", "reject"];
const LISTENER_KEYS: [&str; 5] = ["protocol", "address", "port", "uid", "pid"];
const DENIED: [&str; 8] =
    ["environment", "mounts", "limits", "listeners", "interfaces", "routes", "parameters", "cgroup"];
const PROCESS_DENIED: [&str; 4] = ["command", "executable", "namespaces", "sockets"];
const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// Reads the processes of a running container from a file of their own.
///
/// Errors: all mistakes.
pub fn read_live(source: &Arc<Source>) -> Result<Facts, Vec<Problem>> {
    let root = yaml::parse(source)?;
    let inputs = Inputs::default();
    let mut decoder = Decoder::new(source, &inputs, &[]);
    let facts = decoder.live(&root);
    match facts {
        Some(facts) if decoder.problems.is_empty() => Ok(facts),
        _ => Err(decoder.problems),
    }
}

impl Decoder<'_> {
    /// The first process is the one that the scan is of.
    pub(super) fn live(&mut self, node: &Node<'_>) -> Option<Facts> {
        let fields = self.fields(node, "live", &KEYS)?;
        let denied = self.words_of(&fields, "denied", &DENIED);
        let listeners = self.listeners(&fields);
        let mut processes = Vec::new();
        match fields.get("processes") {
            None => self.problem(node.span, "live needs `processes`, the first of them the one that is scanned"),
            Some(node) => {
                for item in self.list(node, "processes")? {
                    let facts = self.process(item, i32::try_from(processes.len()).unwrap_or(0) + 1, &listeners);
                    processes.extend(facts);
                }
            }
        }
        let Some(target) = processes.first() else {
            if self.problems.is_empty() {
                self.problem(node.span, "processes is empty: without `live` a target has none");
            }
            return None;
        };
        let look = |name: &str| if denied.contains(&name) { Err(LookError::Denied { right: RIGHTS }) } else { Ok(()) };
        let environment = self.pairs(&fields, "environment");
        let environment: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}\0")).collect();
        Some(Facts {
            target: target.pid,
            shared: target.shared.clone(),
            incomplete: self.texts_of(&fields, "incomplete"),
            environment: look("environment").map(|()| environment.concat().into_bytes()),
            mounts: look("mounts").and(Ok(self.mounts(&fields))),
            limits: look("limits").and(Ok(self.limits(&fields))),
            listeners: look("listeners").and(Ok(listeners.into_iter().map(|(_, listener)| listener).collect())),
            interfaces: look("interfaces").and(Ok(self.interfaces(&fields))),
            routes: look("routes").and(Ok(self.routes(&fields))),
            parameters: look("parameters").and(Ok(Parameters::Given(self.pairs(&fields, "parameters")))),
            cgroup: self.cgroup(&fields, &look("cgroup")),
            processes: Ok(processes),
        })
    }

    fn process(&mut self, node: &Node<'_>, place: i32, listeners: &[(Option<i32>, Listener)]) -> Option<ProcessFacts> {
        let fields = self.fields(node, "a process", &PROCESS_KEYS)?;
        let pid = self.number_of(&fields, "pid").unwrap_or(place);
        let uid = self.number_of(&fields, "uid").unwrap_or(0);
        let gid = self.number_of(&fields, "gid").unwrap_or(0);
        let effective = self.capabilities(&fields, "capabilities").unwrap_or(0);
        let permitted = self.capabilities(&fields, "permitted").unwrap_or(effective);
        let command = self.texts_of(&fields, "command");
        let program = command.first().cloned().unwrap_or_default();
        let state = self.text_of(&fields, "state").and_then(|state| state.bytes().next());
        let name = self.text_of(&fields, "name");
        let seccomp = self.one_of(&fields, "seccomp", &SECCOMP);
        let status = ProcStatus {
            name: name.unwrap_or_else(|| program.rsplit('/').next().unwrap_or_default().to_owned()).into_bytes(),
            state: state.unwrap_or(b'S'),
            uids: [uid; 4],
            gids: [gid; 4],
            groups: self.numbers_of(&fields, "groups"),
            namespace_pids: vec![pid, self.number_of(&fields, "inner_pid").unwrap_or(pid)],
            inheritable: self.capabilities(&fields, "inheritable").unwrap_or(0),
            permitted,
            effective,
            bounding: self.capabilities(&fields, "bounding").unwrap_or(permitted),
            ambient: self.capabilities(&fields, "ambient").unwrap_or(0),
            no_new_privs: fields.get("no_new_privs").and_then(|node| self.bool(node, "no_new_privs")),
            seccomp: seccomp.and_then(|place| u32::try_from(place).ok()),
            ..ProcStatus::default()
        };
        let denied = self.words_of(&fields, "denied", &PROCESS_DENIED);
        let look = |name: &str| if denied.contains(&name) { Err(LookError::Denied { right: RIGHTS }) } else { Ok(()) };
        let namespaces = look("namespaces");
        let shared = self.words_of(&fields, "shared", &NAMESPACES);
        let of_host = self.words_of(&fields, "host", &NAMESPACES);
        // Which network namespace is the host's, not every scanner can tell.
        let told = |name: &str| fields.get("host").is_some() || name != "net";
        let host = NAMESPACES.map(|name| (name, told(name).then(|| of_host.contains(&name))));
        let of_it = listeners.iter().filter(|(holder, _)| *holder == Some(pid));
        Some(ProcessFacts {
            pid,
            status,
            executable: look("executable").and(Ok(self.text_of(&fields, "executable").unwrap_or(program).into_bytes())),
            command: look("command").and(Ok(command.into_iter().map(String::into_bytes).collect())),
            shared: namespaces.clone().and(Ok(shared)),
            host: namespaces.and(Ok(host.to_vec())),
            uid_map: self.id_map(&fields, "uid_map"),
            gid_map: self.id_map(&fields, "gid_map"),
            differing: Ok(Vec::new()),
            sockets: look("sockets").and(Ok(of_it.map(|(_, listener)| listener.inode).collect())),
        })
    }

    fn mounts(&mut self, fields: &Fields<'_>) -> Vec<Mount> {
        let mut mounts = Vec::new();
        for node in self.items_of(fields, "mounts") {
            let Some(fields) = self.fields(node, "a mount", &MOUNT_KEYS) else { continue };
            let text = |decoder: &mut Self, key: &str, otherwise: &str| {
                decoder.text_of(&fields, key).unwrap_or_else(|| otherwise.to_owned()).into_bytes()
            };
            let texts = |decoder: &mut Self, key: &str| -> Vec<Vec<u8>> {
                decoder.texts_of(&fields, key).into_iter().map(String::into_bytes).collect()
            };
            mounts.push(Mount {
                id: mounts.len() as u64 + 1,
                root: text(self, "root", "/"),
                point: text(self, "mount_point", "/"),
                kind: text(self, "type", "none"),
                source: text(self, "device", "none"),
                options: texts(self, "options"),
                filesystem_options: texts(self, "filesystem_options"),
                propagation: texts(self, "propagation"),
                ..Mount::default()
            });
        }
        mounts
    }

    /// `{nofile: [SOFT, HARD]}`.
    fn limits(&mut self, fields: &Fields<'_>) -> Vec<Limit> {
        let Some(entries) = fields.get("limits").and_then(|node| self.entries(node, "limits")) else {
            return Vec::new();
        };
        let mut limits = Vec::new();
        for entry in &entries.0 {
            let Some(name) = limits::names().find(|name| *name == entry.name) else {
                let known: Vec<&str> = limits::names().collect();
                self.unknown(entry.key, format!("unknown limit `{}`", entry.name), entry.name, &known);
                continue;
            };
            let value = |node: &Node<'_>| match node.text() {
                Some("unlimited") => Some(None),
                text => text.and_then(|text| text.parse().ok()).map(Some),
            };
            let both = match &entry.value.kind {
                NodeKind::List(both) => both.as_slice(),
                _ => &[],
            };
            match both.iter().map(value).collect::<Option<Vec<_>>>().as_deref() {
                Some([soft, hard]) => limits.push(Limit { name, soft: *soft, hard: *hard }),
                _ => self.problem(entry.value.span, "a limit is written [SOFT, HARD], each a number or unlimited"),
            }
        }
        limits
    }

    /// Each with the process that holds it.
    fn listeners(&mut self, fields: &Fields<'_>) -> Vec<(Option<i32>, Listener)> {
        let mut listeners = Vec::new();
        for (place, node) in self.items_of(fields, "listeners").iter().enumerate() {
            let Some(fields) = self.fields(node, "a listener", &LISTENER_KEYS) else { continue };
            let protocol = self.one_of(&fields, "protocol", &PROTOCOLS).and_then(|place| PROTOCOLS.get(place));
            // Everywhere, unless it is written.
            let Some(address) = self.number_of(&fields, "address").or_else(|| "0.0.0.0".parse().ok()) else { continue };
            let listener = Listener {
                protocol: protocol.copied().unwrap_or("tcp"),
                address,
                port: self.number_of(&fields, "port").unwrap_or(0),
                uid: self.number_of(&fields, "uid").unwrap_or(0),
                inode: place as u64 + 1,
            };
            listeners.push((self.number_of(&fields, "pid"), listener));
        }
        listeners
    }

    /// `{name: eth0, addresses: [fe80::1/64]}`.
    fn interfaces(&mut self, fields: &Fields<'_>) -> Vec<Interface> {
        let mut interfaces = Vec::new();
        for node in self.items_of(fields, "interfaces") {
            let Some(fields) = self.fields(node, "an interface", &INTERFACE_KEYS) else { continue };
            let mut ipv6 = Vec::new();
            for node in self.items_of(&fields, "addresses") {
                match node.text().and_then(cidr) {
                    Some((address, length)) if address.is_ipv6() => ipv6.push((address, length)),
                    _ => self.problem(node.span, "addresses must be IPv6 addresses with their lengths: fe80::1/64"),
                }
            }
            let name = self.text_of(&fields, "name").unwrap_or_default().into_bytes();
            interfaces.push(Interface { name, ipv6 });
        }
        interfaces
    }

    /// `{destination: 10.88.0.0/16, gateway: ADDRESS, interface: eth0, metric: NUMBER, reject: true}`.
    fn routes(&mut self, fields: &Fields<'_>) -> Vec<Route> {
        let mut routes = Vec::new();
        for node in self.items_of(fields, "routes") {
            let Some(fields) = self.fields(node, "a route", &ROUTE_KEYS) else { continue };
            let written = self.text_of(&fields, "destination");
            let Some((destination, prefix_length)) = written.as_deref().and_then(cidr) else {
                self.problem(node.span, "destination must be an address with a length: 10.88.0.0/16");
                continue;
            };
            let directly = if destination.is_ipv4() { "0.0.0.0" } else { "::" };
            let gateway = self.number_of(&fields, "gateway");
            let reject = fields.get("reject").and_then(|node| self.bool(node, "reject")).unwrap_or(false);
            let is_host = prefix_length == if destination.is_ipv4() { 32 } else { 128 };
            let is = |letter: char| match letter {
                'U' => true,
                'G' => gateway.is_some(),
                'H' => is_host,
                '!' => reject,
                _ => false,
            };
            let flags = FLAGS.iter().filter(|(_, letter)| is(*letter)).map(|(bit, _)| bit).sum();
            let Some(gateway) = gateway.or_else(|| directly.parse().ok()) else { continue };
            let interface = self.text_of(&fields, "interface").unwrap_or_else(|| "*".to_owned()).into_bytes();
            let metric = self.number_of(&fields, "metric").unwrap_or(0);
            routes.push(Route { destination, prefix_length, gateway, flags, metric, interface });
        }
        routes
    }

    /// `{memory: BYTES, pids: COUNT, cpu: THOUSANDTHS}`; what is not said is not limited.
    fn cgroup(&mut self, fields: &Fields<'_>, look: &Look<()>) -> Result<Cgroup, String> {
        let node = fields.get("cgroup").ok_or("the scanner does not see the control group of the target")?;
        let fields = self.fields(node, "cgroup", &["memory", "pids", "cpu"]).ok_or_else(String::new)?;
        let mut limit = |name: &str| look.clone().and(Ok(self.number_of(&fields, name)));
        Ok(Cgroup { memory: limit("memory"), pids: limit("pids"), cpu: limit("cpu") })
    }

    /// `[[INSIDE, OUTSIDE, COUNT], …]`; without it every id is itself.
    fn id_map(&mut self, fields: &Fields<'_>, key: &str) -> Look<Vec<IdRange>> {
        if fields.get(key).is_none() {
            return Ok(vec![IdRange { inside: 0, outside: 0, count: u32::MAX }]);
        }
        let mut ranges = Vec::new();
        for node in self.items_of(fields, key) {
            let numbers = match &node.kind {
                NodeKind::List(numbers) => numbers.as_slice(),
                _ => &[],
            };
            let numbers: Option<Vec<u32>> = numbers.iter().map(|node| node.text()?.parse().ok()).collect();
            match numbers.as_deref() {
                Some([inside, outside, count]) => {
                    ranges.push(IdRange { inside: *inside, outside: *outside, count: *count });
                }
                _ => self.problem(node.span, "a range of ids is written [INSIDE, OUTSIDE, COUNT]"),
            }
        }
        Ok(ranges)
    }

    fn capabilities(&mut self, fields: &Fields<'_>, key: &str) -> Option<u64> {
        fields.get(key)?;
        let names = self.words_of(fields, key, &capability::NAMES);
        let number = |name: &&str| capability::NAMES.iter().position(|known| known == name);
        Some(names.iter().filter_map(number).fold(0, |set, number| set | 1 << number))
    }

    fn items_of<'n>(&mut self, fields: &Fields<'n>, key: &str) -> &'n [Node<'n>] {
        fields.get(key).and_then(|node| self.list(node, key)).unwrap_or_default()
    }

    fn text_of(&mut self, fields: &Fields<'_>, key: &str) -> Option<String> {
        fields.get(key).and_then(|node| self.raw_text(node, key)).map(str::to_owned)
    }

    fn texts_of(&mut self, fields: &Fields<'_>, key: &str) -> Vec<String> {
        let items = self.items_of(fields, key);
        items.iter().filter_map(|node| self.raw_text(node, key)).map(str::to_owned).collect()
    }

    fn number_of<T: FromStr>(&mut self, fields: &Fields<'_>, key: &str) -> Option<T> {
        let node = fields.get(key)?;
        let number = node.text().and_then(|text| text.parse().ok());
        if number.is_none() {
            let what = if matches!(key, "address" | "gateway") { "an IP address" } else { "a whole number" };
            self.problem(node.span, format!("{key} must be {what}"));
        }
        number
    }

    fn numbers_of(&mut self, fields: &Fields<'_>, key: &str) -> Vec<u32> {
        let mut numbers = Vec::new();
        for node in self.items_of(fields, key) {
            match node.text().and_then(|text| text.parse().ok()) {
                Some(number) => numbers.push(number),
                None => self.problem(node.span, format!("{key} must be whole numbers")),
            }
        }
        numbers
    }

    /// The place of a word among those that are known.
    fn one_of(&mut self, fields: &Fields<'_>, key: &str, known: &[&'static str]) -> Option<usize> {
        let node = fields.get(key)?;
        let word = self.raw_text(node, key)?;
        let place = known.iter().position(|known| *known == word);
        if place.is_none() {
            self.unknown(node.span, format!("unknown {key} `{word}`"), word, known);
        }
        place
    }

    /// A list of words that are known.
    fn words_of(&mut self, fields: &Fields<'_>, key: &str, known: &[&'static str]) -> Vec<&'static str> {
        let mut words = Vec::new();
        for node in self.items_of(fields, key) {
            let word = node.text().unwrap_or_else(|| node.words());
            match known.iter().find(|known| **known == word) {
                Some(word) => words.push(*word),
                None => self.unknown(node.span, format!("unknown word `{word}` of {key}"), word, known),
            }
        }
        words
    }

    /// `{NAME: TEXT}`.
    fn pairs(&mut self, fields: &Fields<'_>, key: &str) -> BTreeMap<String, String> {
        let Some(entries) = fields.get(key).and_then(|node| self.entries(node, key)) else { return BTreeMap::new() };
        let mut pairs = BTreeMap::new();
        for entry in &entries.0 {
            if let Some(value) = self.raw_text(entry.value, entry.name) {
                pairs.insert(entry.name.to_owned(), value.to_owned());
            }
        }
        pairs
    }
}
