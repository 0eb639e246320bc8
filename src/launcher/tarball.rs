//! The way `exec`: tar, executed in the target, gives out the files, and the launcher judges them here.
//!
//! The one place where the launcher reads a root: no agent could do it, because nothing is to be written into the target. All
//! of it is asked for and not what a profile names, because links lead anywhere. It is kept in memory, never on a disk.

use std::fs::File;
use std::io::Write;
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::command::profiles::Profiles;
use crate::command::{auditor_file, complain_all, judged, waived};
use crate::evaluate::{Clock, Limits};
use crate::exit_code::ExitCode;
use crate::launcher::approach::Way;
use crate::launcher::attach::probe;
use crate::launcher::collect::{Collected, collect};
use crate::launcher::connect::Session;
use crate::launcher::debug::about;
use crate::launcher::exec::{Answer, Place, Running, start_patiently};
use crate::launcher::rbac::scan_rules;
use crate::launcher::rights;
use crate::launcher::scan::{Context, facts, failed, pod, rights_end};
use crate::launcher::tar_program::{
    BUSYBOX_MAX_ID, Begin, KERNEL, NAMES, Tar, WHICH, beginnings, busybox_contents, busybox_folders, gnu_whole,
    is_kernels, left_out, names,
};
use crate::launcher::target::Target;
use crate::launcher::trouble::{Ending, Reason, Trouble};
use crate::outcome::{Assurance, AuditorFile};
use crate::profile::{Loaded, Selection, WaiverEntry, unpack};
use crate::report::{Format, write};
use crate::rootfs::{GivenOut, Root, Withheld};
use crate::scan::Settings;
use crate::value::lossless;

/// The most that is taken of a root.
const MAX_ROOT: u64 = 2 << 30;
/// The most that a command writes which only asks.
const MAX_ANSWER: u64 = 1 << 20;
/// How the archive of a root begins: with the name of a file in it.
const BEGIN: &[u8] = b"./";
/// How it is said that there was no command.
const NOT_STARTED: &str = "the command did not start: ";
/// How many paths are named that tar did not give out.
const MAX_NAMED: usize = 100;

/// Scans what tar in the container gives out.
pub async fn scan(context: &Context<'_>, target: &Target) -> Result<Collected, Trouble> {
    let yardstick = yardstick(context)?;
    let rules = scan_rules(Way::Exec, &target.pod, context.minor);
    let scanner = rights::begin(context, &rules, Some(target)).await?;
    let place = Place {
        namespace: target.namespace.clone(),
        pod: target.pod.clone(),
        container: target.container.clone(),
        pod_uid: Some(target.pod_uid.clone()),
    };
    let mut facts = facts(context, Way::Exec, &rules);
    let (reach, tar, words) = which(context, target, &place, &scanner).await?;
    context.steps.done(&format!("the container has {words}"));
    let taken = match tar {
        Tar::Gnu => reach.take(tar, &[gnu_whole()]).await?,
        Tar::Busybox => {
            let names = reach.names().await?;
            let contents = busybox_contents(&names);
            let contents = contents.ok_or_else(|| unfit(&place, "its root holds nothing"))?;
            reach.take(tar, &[busybox_folders(&names), contents]).await?
        }
    };
    reach.is_still_there().await?;
    if let Some(facts) = facts.as_object_mut() {
        // No agent had a part in it.
        facts.remove("agent_image");
        facts.insert("target".to_owned(), about(target));
        facts.insert("tar".to_owned(), taken.told(tar, &words));
        facts.extend(taken.rights_ended_after_ms.map(|time| ("rights_ended_after_ms".to_owned(), json!(time))));
    }
    let left_out = taken.left_out().count();
    if left_out > 0 {
        context.steps.remark(&format_args!(
            "{left_out} paths were not given out by tar (attachment.tar.left_out in the report): whatever asks for them is an \
             error\n  next: --via debug reads in place"
        ));
    }
    context.steps.waiting("scanning");
    let (report, code) = judge(context, &place, target.location(), yardstick, tar, taken).await?;
    context.steps.done("scanned");
    collect(&report, code as u8, &target.location(), &facts, context.threshold)
}

/// A container that takes commands.
struct Reach<'a> {
    context: &'a Context<'a>,
    target: &'a Target,
    place: &'a Place,
    scanner: Session,
    /// How each command is begun.
    begin: Vec<String>,
    /// After how many seconds a command ends by itself, where the container has what does that.
    seconds: Option<u64>,
}

/// What tar gave out.
struct Taken {
    archives: Vec<(OwnedFd, String)>,
    bytes: u64,
    withheld: Vec<Withheld>,
    rights_ended_after_ms: Option<u64>,
}

/// Which tar the container has: a harmless question, and the first that it is asked.
async fn which<'a>(
    context: &'a Context<'a>,
    target: &'a Target,
    place: &'a Place,
    scanner: &Session,
) -> Result<(Reach<'a>, Tar, String), Trouble> {
    let rest = context.deadline.saturating_duration_since(Instant::now()).as_secs() + 1;
    let mut last = unfit(place, "its tar is neither GNU tar nor that of busybox");
    for Begin { words: begin, seconds, is_clean } in beginnings(rest) {
        let command: Vec<&str> = begin.iter().map(String::as_str).chain(WHICH.iter().copied()).collect();
        let answered = probe(scanner, place, &command, context.start_by).await.map_err(|why| no_program(place, why));
        let (scanner, answer) = match answered {
            Ok(answered) => answered,
            Err(why) if why.reason == Reason::Unfit => {
                last = why;
                continue;
            }
            Err(why) => return Err(why),
        };
        let Some((tar, words)) = Tar::of(&answer) else { continue };
        if tar == Tar::Gnu && !is_clean {
            return Err(unfit(place, "it has no env, without which its environment could change what its tar does"));
        }
        if tar == Tar::Busybox && target.user.max(target.group).is_some_and(|id| id > BUSYBOX_MAX_ID) {
            let why = format!("its tar cuts the numbers of users short that are larger than {BUSYBOX_MAX_ID}");
            return Err(unfit(place, &why));
        }
        return Ok((Reach { context, target, place, scanner, begin, seconds }, tar, words));
    }
    Err(last)
}

/// Tells of a tar that was not waited for: nobody ends it from outside.
struct Unfinished<'a> {
    reach: &'a Reach<'a>,
    is_over: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let Reach { context, place, seconds, .. } = self.reach;
        let end = match seconds {
            Some(seconds) => format!("ends by itself within {seconds} s"),
            None => "ends with the container".to_owned(),
        };
        context.steps.remark(&format_args!(
            "tar in container {} of pod {} was cut off; where that did not end it, it is held up and {end}",
            place.container, place.pod
        ));
    }
}

impl Reach<'_> {
    /// The names in the root.
    async fn names(&self) -> Result<Vec<String>, Trouble> {
        let running = self.start(&NAMES.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).await?;
        let answer = running.finish(None, MAX_ANSWER).await;
        let answer = answer.map_err(|failure| no_program(self.place, failed(self.place, failure)))?;
        names(&answer).map_err(|why| unfit(self.place, &why))
    }

    /// Takes what these commands give out, the last of them the large one; the run's rights end as soon as that has started.
    async fn take(&self, tar: Tar, commands: &[Vec<String>]) -> Result<Taken, Trouble> {
        let mut taken = Taken { archives: Vec::new(), bytes: 0, withheld: Vec::new(), rights_ended_after_ms: None };
        self.context.steps.waiting("taking the files");
        for (place, command) in commands.iter().enumerate() {
            let running = self.start(command).await?;
            let mut unfinished = Unfinished { reach: self, is_over: false };
            let mut kept = Kept::new(MAX_ROOT - taken.bytes)?;
            let ended = async {
                match place + 1 == commands.len() {
                    true => rights_end(self.context, &self.scanner, self.place).await,
                    false => None,
                }
            };
            let mut keep = |piece: &[u8]| kept.keep(piece);
            let (answer, ended) = tokio::join!(running.pass_on(None, &mut keep), ended);
            let answer = answer.map_err(|failure| failed(self.place, failure));
            unfinished.is_over = answer.as_ref().err().is_none_or(|why| why.what.starts_with(NOT_STARTED));
            taken.rights_ended_after_ms = ended;
            let answer = answer.map_err(|why| match &kept.refused {
                Some(why) => unfit(self.place, why),
                None => no_program(self.place, why),
            })?;
            let withheld = self.heard(tar, &answer, kept.bytes)?;
            taken.withheld.extend(withheld);
            taken.bytes += kept.bytes;
            taken.archives.push(kept.done());
        }
        self.context.steps.done(&format!("tar gave out {} bytes", taken.bytes));
        Ok(taken)
    }

    fn heard(&self, tar: Tar, answer: &Answer, bytes: u64) -> Result<Vec<Withheld>, Trouble> {
        let withheld = left_out(tar, answer).map_err(|why| unfit(self.place, &why))?;
        if bytes == 0 {
            return Err(unfit(self.place, "tar ended well and gave out nothing"));
        }
        Ok(withheld)
    }

    async fn start(&self, command: &[String]) -> Result<Running, Trouble> {
        let command: Vec<&str> = self.begin.iter().chain(command).map(String::as_str).collect();
        let started = start_patiently(&self.scanner, self.place, &command, false).await;
        started.map_err(|failure| failed(self.place, failure))
    }

    /// Looks whether the same container still runs: ids do not come back, so tar ran in that one.
    async fn is_still_there(&self) -> Result<(), Trouble> {
        let seen: Pod = pod(self.context, &self.target.pod).await?;
        let same =
            |seen: &Target| (&seen.pod_uid, &seen.container_id) == (&self.target.pod_uid, &self.target.container_id);
        match Target::choose(&seen, Some(&self.target.container)) {
            Ok(seen) if same(&seen) => Ok(()),
            _ => {
                let what = format!("{} was replaced or ended while its files were taken", self.target.location());
                Err(Trouble::target(what).with_next("run it again"))
            }
        }
    }
}

impl Taken {
    /// What tar was asked for and did not give out.
    fn left_out(&self) -> impl Iterator<Item = &Withheld> {
        self.withheld.iter().filter(|one| !is_kernels(&one.path))
    }

    /// What the report says of it.
    fn told(&self, tar: Tar, words: &str) -> Json {
        let named = self.left_out().take(MAX_NAMED);
        let named: Vec<Json> =
            named.map(|one| json!({ "path": lossless(&one.path), "why": one.why.to_string() })).collect();
        json!({
            "program": words,
            "tells_changes": tar.tells_changes(),
            "gives_attributes": tar.gives_xattrs(),
            "bytes": self.bytes,
            "sha256": self.archives.iter().map(|(_, digest)| digest).collect::<Vec<_>>(),
            "not_asked_for": KERNEL.iter().map(|name| format!("/{name}")).collect::<Vec<_>>(),
            "left_out": named,
            "left_out_in_all": self.left_out().count(),
        })
    }
}

/// What comes from tar, in memory that has no name.
struct Kept {
    file: File,
    hash: Sha256,
    bytes: u64,
    most: u64,
    /// Why no more is taken.
    refused: Option<String>,
}

impl Kept {
    fn new(most: u64) -> Result<Kept, Trouble> {
        let file = memfd_create("assay", MemfdFlags::CLOEXEC);
        let file = file.map_err(|error| Trouble::new(format!("there is no memory for the files: {error}")))?;
        Ok(Kept { file: file.into(), hash: Sha256::new(), bytes: 0, most, refused: None })
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), String> {
        let kept = self.try_to_keep(piece);
        self.refused = kept.as_ref().err().cloned();
        kept
    }

    fn try_to_keep(&mut self, piece: &[u8]) -> Result<(), String> {
        // Every archive that was asked for begins so; the rest is looked at when all of it is there.
        if self.bytes == 0 && !piece.starts_with(BEGIN.get(..piece.len()).unwrap_or(BEGIN)) {
            return Err("what it gives out is no tar".to_owned());
        }
        self.bytes += piece.len() as u64;
        if self.bytes > self.most {
            return Err(format!("it gives out more than the {MAX_ROOT} bytes that are taken"));
        }
        self.hash.update(piece);
        self.file.write_all(piece).map_err(|error| format!("there is no memory for what it gives out: {error}"))
    }

    fn done(self) -> (OwnedFd, String) {
        let digest = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        (self.file.into(), digest)
    }
}

/// This way does not do for the container.
fn unfit(place: &Place, why: &str) -> Trouble {
    let what = format!("container {} of pod {} cannot be scanned by its own tar: {why}", place.container, place.pod);
    Trouble { reason: Reason::Unfit, ..Trouble::new(what) }
        .with_next("--via debug reads in place; --via image scans what the image holds")
}

/// Where a program is missing, this way does not do, and that is all there is to it.
fn no_program(place: &Place, why: Trouble) -> Trouble {
    let words = ["executable file", "no such file or directory", "permission denied"];
    match why.what.strip_prefix(NOT_STARTED) {
        // The runtime says at the end which program it was.
        Some(said) if words.iter().any(|word| said.contains(word)) => {
            let at = said.rfind("exec: ").unwrap_or(0);
            unfit(place, said.get(at..).unwrap_or(said))
        }
        _ => why,
    }
}

/// What is judged by.
struct Yardstick {
    loaded: Loaded,
    waivers: Vec<WaiverEntry>,
    files: Vec<AuditorFile>,
}

/// From the very archive that an agent would get.
fn yardstick(context: &Context<'_>) -> Result<Yardstick, Trouble> {
    let read = || {
        let archive = unpack("profile.tar", &mut context.payload.bytes.as_slice()).map_err(|problems| {
            complain_all(&problems);
            ExitCode::Profile
        })?;
        let mut profiles = Profiles::default();
        profiles.files.push(archive);
        let inputs = profiles.inputs(&[], &[])?;
        let sources = profiles.waivers(&[])?;
        let files = inputs.files.iter().map(|file| auditor_file("input file", file));
        let files = files.chain(sources.iter().map(|file| auditor_file("waiver file", file))).collect();
        Ok(Yardstick { loaded: profiles.load(&inputs)?, waivers: waived(&sources)?, files })
    };
    read().map_err(|code| Trouble { ending: Ending::Scan(code), ..Trouble::new("the profile cannot be used") })
}

/// Evaluates the profiles on what was given out; the report as HDF, and how such a scan ends.
async fn judge(
    context: &Context<'_>,
    place: &Place,
    location: String,
    yardstick: Yardstick,
    tar: Tar,
    taken: Taken,
) -> Result<(Vec<u8>, ExitCode), Trouble> {
    let rest = context.deadline.saturating_duration_since(Instant::now()).as_secs_f64().ceil();
    let rest = Duration::from_secs_f64(rest);
    let jobs = std::thread::available_parallelism().map_or(1, NonZero::get);
    let Yardstick { loaded, waivers, files } = yardstick;
    let settings = Settings {
        location,
        live: None,
        processes: None,
        assurance: Assurance::GivenOut,
        selection: Selection::default(),
        waivers,
        auditor_files: files,
        // Memory answers, or the machine does not.
        limits: Limits { jobs, whole: rest, stall: rest },
        max_file: None,
        now: context.run.started,
        clock: Clock::Running,
    };
    let deadline = context.deadline.into_std();
    let refused = unfit(place, "what it gave out cannot be used");
    let Taken { archives, withheld, .. } = taken;
    // In a thread of its own, so that signals and the end of the time are heard meanwhile.
    let judged = tokio::task::spawn_blocking(move || {
        let given = GivenOut { archives, withheld, kernel: KERNEL, xattrs: tar.gives_xattrs() };
        let root = Root::given_out(given, deadline).map_err(|error| error.to_string())?;
        let report = crate::scan::scan(&loaded.profiles, root, &settings, &|_| {});
        let mut hdf = Vec::new();
        write(Format::Json, &report, None, false, &mut hdf).map_err(|error| error.to_string())?;
        Ok((hdf, judged(&report, None)))
    });
    match judged.await {
        Ok(Ok(judged)) => Ok(judged),
        Ok(Err(why)) => {
            let why: String = why;
            Err(Trouble { what: format!("{}: {why}", refused.what), ..refused })
        }
        Err(_) => Err(Trouble::new("judging the files made assay crash; please report it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_fits() {
        let keep = |most, pieces: &[&[u8]]| {
            let mut kept = Kept::new(most).unwrap();
            let all = pieces.iter().try_for_each(|piece| kept.keep(piece));
            assert_eq!(all.clone().err(), kept.refused);
            (all, kept.done().1)
        };
        let (all, digest) = keep(5, &[b".", b"/ab", b"c"]);
        assert_eq!(
            (all, digest),
            (Ok(()), Sha256::digest(b"./abc").iter().map(|byte| format!("{byte:02x}")).collect())
        );
        let (more, _) = keep(4, &[b"./ab", b"c"]);
        assert_eq!(more.unwrap_err(), "it gives out more than the 2147483648 bytes that are taken");
        for garbage in [&b"\0\0\0"[..], b"/etc/", b"x"] {
            assert_eq!(keep(9, &[garbage]).0.unwrap_err(), "what it gives out is no tar");
        }
    }

    #[test]
    fn a_missing_program_is_another_ways_case() {
        let place = Place { namespace: "n".to_owned(), pod: "p".to_owned(), container: "c".to_owned(), pod_uid: None };
        let said = "the command did not start: failed to exec in container: unable to start container process: \
                    exec: \"tar\": executable file not found in $PATH";
        let trouble = no_program(&place, Trouble::new(said));
        assert!(trouble.another_way());
        assert_eq!(
            trouble.what,
            "container c of pod p cannot be scanned by its own tar: exec: \"tar\": executable file not found in $PATH"
        );
        for other in ["the command did not start: no space left on device", "the connection was cut: executable file"] {
            assert!(!no_program(&place, Trouble::new(other)).another_way(), "{other}");
        }
    }
}
