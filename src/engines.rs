//! Which containers the engines of this host keep, by the files that they keep of them: names and ids, nothing more. No
//! daemon is asked and no socket opened. Which process is a container's is the kernel's to say ([`crate::process`]).

mod containerd;
mod docker;
mod podman;

use crate::parse::container_id::is_id;
use crate::parse::structured::json;
use crate::parse::toml::toml;
use crate::rootfs::{Kind, Links, Look, LookError, Root};
use crate::value::{Value, lossless};

/// The largest file of an engine that is read.
const MAX_FILE: u64 = 32 << 20;

/// The most containers of one place.
const MAX_CONTAINERS: usize = 20_000;

/// The fewest digits of an id that stand for it.
const MIN_ID: usize = 12;

/// Who asks: engines keep what each user runs in places of that user's.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The user.
    pub uid: u32,
    /// The user's name.
    pub name: Option<String>,
    /// HOME.
    pub home: Option<String>,
    /// `XDG_CONFIG_HOME`.
    pub config: Option<String>,
    /// `XDG_DATA_HOME`.
    pub data: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime: Option<String>,
    /// `CONTAINERS_STORAGE_CONF`, made absolute.
    pub storage_conf: Option<String>,
}

/// A container that an engine keeps, running or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// `containerd`, `cri-o`, `docker`, `podman`.
    pub engine: &'static str,
    /// The engine's id of it.
    pub id: String,
    /// What it is called.
    pub names: Vec<String>,
    /// The pod that it is in: `NAMESPACE/NAME`.
    pub pod: Option<String>,
}

/// A place where an engine keeps its containers, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose it is.
    pub engine: &'static str,
    /// A folder of this host.
    pub path: String,
    /// Its containers.
    pub containers: Vec<Known>,
    /// Why there is not more: files that could not be looked at, and why.
    pub gaps: Vec<(String, Gap)>,
}

/// Why a file of an engine says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// It could not be read.
    Look(LookError),
    /// It is not what such a file is.
    Odd(String),
}

/// Why no container was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotKnown {
    /// None has this name or id.
    None,
    /// More than one has.
    Several(Vec<Known>),
    /// One has this name; whether another one has could not be seen.
    Unsure(Known),
}

impl Known {
    /// Whether control groups show this id: some engines let people choose others.
    pub fn has_whole_id(&self) -> bool {
        is_id(&self.id)
    }
}

/// Looks at all places that are known. `host` is the root directory of this host.
pub fn places(host: &Root, caller: &Caller) -> Vec<Place> {
    let mut places = vec![podman::look(host, caller), docker::look(host, caller)];
    if caller.uid == 0 {
        places.extend(containerd::look(host));
    }
    places
}

/// The container of this name, of this id, or whose id begins so.
pub fn find(places: &[Place], wanted: &str) -> Result<Known, NotKnown> {
    let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let begins = |id: &str| wanted.len() >= MIN_ID && hex(wanted) && id.starts_with(wanted);
    let mut found: Vec<&Known> = Vec::new();
    for known in places.iter().flat_map(|place| &place.containers) {
        let fits = known.id == wanted || begins(&known.id) || known.names.iter().any(|name| name == wanted);
        // Docker's containers are containerd's, too.
        if fits && !found.iter().any(|other| other.id == known.id && is_id(&known.id)) {
            found.push(known);
        }
    }
    match found.as_slice() {
        [] => Err(NotKnown::None),
        // What the caller may not read, it could not scan: only what is broken leaves a doubt. Ids are nobody's choice.
        [only] if begins(&only.id) || !places.iter().any(Place::is_broken) => Ok((*only).clone()),
        [only] => Err(NotKnown::Unsure((*only).clone())),
        several => Err(NotKnown::Several(several.iter().copied().cloned().collect())),
    }
}

impl Place {
    fn new(engine: &'static str, path: String) -> Place {
        Place { engine, path, containers: Vec::new(), gaps: Vec::new() }
    }

    /// Whether there is something that should be readable and is not.
    fn is_broken(&self) -> bool {
        self.gaps.iter().any(|(_, gap)| !matches!(gap, Gap::Look(LookError::Absent | LookError::Denied { .. })))
    }

    /// Takes an answer, or notes why there is none.
    fn take<T>(&mut self, path: &str, answer: Result<T, Gap>) -> Option<T> {
        answer.map_err(|gap| self.gaps.push((path.to_owned(), gap))).ok()
    }

    fn full(&mut self, path: &str) -> bool {
        let full = self.containers.len() >= MAX_CONTAINERS;
        if full {
            self.gaps.push((path.to_owned(), Gap::Odd(format!("more than {MAX_CONTAINERS} containers"))));
        }
        full
    }
}

impl From<LookError> for Gap {
    fn from(error: LookError) -> Gap {
        Gap::Look(error)
    }
}

impl std::fmt::Display for Gap {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Gap::Look(LookError::Absent) => write!(out, "not there"),
            Gap::Look(error) => error.fmt(out),
            Gap::Odd(what) => out.write_str(what),
        }
    }
}

fn read(host: &Root, path: &str) -> Look<crate::value::Text> {
    host.read(&host.lookup(path.as_bytes(), Links::Follow)?, MAX_FILE)
}

fn read_json(host: &Root, path: &str) -> Result<Value, Gap> {
    json(&read(host, path)?).map_err(|error| Gap::Odd(error.to_string()))
}

fn read_toml(host: &Root, path: &str) -> Result<Value, Gap> {
    toml(&read(host, path)?).map_err(|error| Gap::Odd(error.to_string()))
}

/// The folders in a folder, in byte order.
fn folders(host: &Root, path: &str) -> Look<Vec<String>> {
    let folder = host.lookup(path.as_bytes(), Links::Follow)?;
    let mut names = Vec::new();
    host.list(&folder, &mut |name, kind| {
        if matches!(kind, None | Some(Kind::Directory)) {
            names.push(lossless(name));
        }
        true
    })?;
    names.sort_unstable();
    Ok(names)
}

/// A text in a document, by the keys that lead to it.
fn text(document: &Value, keys: &[&str]) -> Option<String> {
    let found = keys.iter().try_fold(document, |value, key| value.get(key.as_bytes()))?;
    Some(lossless(found.as_bytes()?)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::{Memory, MemoryEntry};

    fn id(digit: char) -> String {
        String::from(digit).repeat(64)
    }

    fn host(files: &[(String, String)]) -> Root {
        Root::memory(Memory::new(files.iter().map(|(path, text)| (path, MemoryEntry::file(text)))))
    }

    fn root() -> Caller {
        Caller { home: Some("/root".into()), ..Caller::default() }
    }

    fn docker(id: &str, name: &str) -> (String, String) {
        let config = format!(r#"{{"State":{{"Running":true,"Pid":1}},"ID":"{id}","Name":"/{name}"}}"#);
        (format!("/var/lib/docker/containers/{id}/config.v2.json"), config)
    }

    fn task(namespace: &str, id: &str, annotations: &str) -> (String, String) {
        let path = format!("/run/containerd/io.containerd.runtime.v2.task/{namespace}/{id}/config.json");
        (path, format!(r#"{{"ociVersion":"1.1.0","annotations":{{{annotations}}}}}"#))
    }

    fn stored(graph: &str, rows: &str) -> (String, String) {
        (format!("{graph}/overlay-containers/containers.json"), format!("[{rows}]"))
    }

    fn row(id: &str, name: &str) -> String {
        format!(r#"{{"id":"{id}","names":["{name}"],"metadata":"{{\"name\":\"{name}\"}}"}}"#)
    }

    fn found(host: &Root, wanted: &str) -> Result<(&'static str, String), NotKnown> {
        find(&places(host, &root()), wanted).map(|known| (known.engine, known.id))
    }

    #[test]
    fn every_engine_names_its_own() {
        let cri = r#""io.kubernetes.cri.container-name":"app","io.kubernetes.cri.sandbox-name":"web","io.kubernetes.cri.sandbox-namespace":"shop""#;
        let crio = format!(
            r#"{{"id":"{}","names":["k8s_api_web_shop_u_0"],"metadata":"{{\"pod-name\":\"k8s_web_shop_u_0\",\"pod-id\":\"p\",\"metadata-name\":\"api\"}}"}}"#,
            id('4')
        );
        let host = host(&[
            docker(&id('1'), "web"),
            task("k8s.io", &id('2'), cri),
            task("default", &id('3'), r#""nerdctl/name":"nerd""#),
            task("moby", &id('1'), ""),
            task("default", "by-hand", ""),
            stored("/var/lib/containers/storage", &format!("{},{crio}", row(&id('5'), "pod"))),
            (
                "/run/containers/storage/overlay-containers/volatile-containers.json".into(),
                format!("[{}]", row(&id('6'), "gone")),
            ),
        ]);
        for (wanted, engine, digit) in [
            ("web", "docker", '1'),
            ("111111111111", "docker", '1'),
            ("app", "containerd", '2'),
            ("nerd", "containerd", '3'),
            ("api", "cri-o", '4'),
            ("k8s_api_web_shop_u_0", "cri-o", '4'),
            ("pod", "podman", '5'),
            ("gone", "podman", '6'),
        ] {
            assert_eq!(found(&host, wanted), Ok((engine, id(digit))), "{wanted}");
        }
        for wanted in ["we", "/web", "11111111111", "WEB", ""] {
            assert_eq!(found(&host, wanted), Err(NotKnown::None), "{wanted}");
        }
        let known = find(&places(&host, &root()), "by-hand").unwrap();
        assert!(!known.has_whole_id());
        let known = find(&places(&host, &root()), "app").unwrap();
        assert_eq!(known.pod.as_deref(), Some("shop/web"));
    }

    #[test]
    fn one_name_of_two_containers_is_told() {
        let host = host(&[
            docker(&id('1'), "web"),
            stored("/var/lib/containers/storage", &row(&id('2'), "web")),
            task("k8s.io", &id('3'), r#""io.kubernetes.cri.container-name":"222222222222""#),
        ]);
        let Err(NotKnown::Several(several)) = found(&host, "web") else { panic!("a guess") };
        assert_eq!(several.iter().map(|known| known.engine).collect::<Vec<_>>(), ["podman", "docker"]);
        // What looks like an id can be another one's name.
        let Err(NotKnown::Several(several)) = found(&host, "222222222222") else { panic!("a guess") };
        assert_eq!(several.len(), 2);
    }

    #[test]
    fn places_are_where_the_engines_are_told_to_keep_them() {
        let host = host(&[
            ("/etc/docker/daemon.json".into(), r#"{"data-root":"/srv/docker"}"#.into()),
            (format!("/srv/docker/containers/{}/config.v2.json", id('1')), r#"{"Name":"/web"}"#.into()),
            ("/etc/containers/storage.conf".into(), "[storage]\ngraphroot = \"/srv/pods\"\n".into()),
            stored("/srv/pods", &row(&id('2'), "db")),
            stored("/home/u/.local/share/containers/storage", &row(&id('3'), "mine")),
            ("/given.conf".into(), "[storage]\ngraphroot = \"/given\"\nrunroot = \"/run/given\"\n".into()),
            stored("/given", &row(&id('4'), "given")),
        ]);
        assert_eq!(found(&host, "web"), Ok(("docker", id('1'))));
        assert_eq!(found(&host, "db"), Ok(("podman", id('2'))));
        assert_eq!(found(&host, "mine"), Err(NotKnown::None));
        let user = Caller { uid: 1000, home: Some("/home/u".into()), ..Caller::default() };
        assert_eq!(find(&places(&host, &user), "mine").unwrap().id, id('3'));
        assert_eq!(find(&places(&host, &user), "db"), Err(NotKnown::None));
        let given = Caller { storage_conf: Some("/given.conf".into()), ..root() };
        assert_eq!(find(&places(&host, &given), "given").unwrap().id, id('4'));
        let none = Caller { storage_conf: Some("/none.conf".into()), ..root() };
        assert_eq!(places(&host, &none)[0].gaps[0], ("/none.conf".into(), Gap::Look(LookError::Absent)));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_what_is_odd_leaves_a_doubt() {
        let denied = MemoryEntry::file("").denied();
        let (web, config) = docker(&id('1'), "web");
        let list = "/var/lib/containers/storage/overlay-containers/containers.json";
        let with =
            |odd: MemoryEntry| Root::memory(Memory::new([(web.as_str(), MemoryEntry::file(&config)), (list, odd)]));
        let host = with(denied);
        assert_eq!(found(&host, "web"), Ok(("docker", id('1'))));
        let gaps = &places(&host, &root())[0].gaps;
        assert!(matches!(&gaps[..], [(path, Gap::Look(LookError::Denied { .. }))] if path == list), "{gaps:?}");
        for odd in ["{}", "[{\"names\":[\"web\"]}]", "[", "\u{0}", "[[[["] {
            let host = with(MemoryEntry::file(odd));
            assert!(matches!(found(&host, "web"), Err(NotKnown::Unsure(_))), "{odd}");
            assert_eq!(found(&host, &id('1')), Ok(("docker", id('1'))), "an id is nobody's choice: {odd}");
        }
        let host = with(MemoryEntry::special(Kind::Pipe));
        assert!(matches!(found(&host, "web"), Err(NotKnown::Unsure(_))));
    }
}
