//! One scan: prepare → connect → rights → attach → scan → collect; and, however it ends, clean up.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use serde_json::{Value as Json, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout_at};

use crate::command::reporters::Reporters;
use crate::command::{read_file, usage};
use crate::exit_code::ExitCode;
use crate::launcher::approach::Way;
use crate::launcher::cli::{Common, Scan, ScanImage, ScanWithSidecar, Via};
use crate::launcher::collect::{Collected, MAX_REPORT, collect, identity, unframe};
use crate::launcher::connect::{Session, connect};
use crate::launcher::exec::{Answer, Failure, Place, start_patiently};
use crate::launcher::ledger::Ledger;
use crate::launcher::manifest::Run;
use crate::launcher::payload::{Payload, payload};
use crate::launcher::release::{end, let_go};
use crate::launcher::rights::revoke;
use crate::launcher::steps::{Steps, tell};
use crate::launcher::target::Target;
use crate::launcher::trouble::{Ending, Reason, Trouble};
use crate::launcher::{debug, image, sidecar, tarball};
use crate::profile::Source;
use crate::report::{harmless_line, write_again};
use crate::threshold::{Threshold, parse};

/// The agent in its image.
pub const AGENT: &str = "/assay";

/// What is scanned.
#[derive(Clone, Copy)]
pub enum Goal<'a> {
    /// A container of a running pod.
    Container(&'a Scan),
    /// An image.
    Image(&'a ScanImage),
    /// An image that is run for the scan.
    Sidecar(&'a ScanWithSidecar),
}

/// What all steps of a run share.
pub struct Context<'a> {
    /// The caller.
    pub caller: Session,
    /// The names of what is made.
    pub run: Run,
    /// What was made.
    pub ledger: &'a Ledger,
    /// What is told meanwhile.
    pub steps: &'a Steps,
    /// What every scan takes.
    pub common: &'a Common,
    /// The minor version of the cluster.
    pub minor: u32,
    /// When the scanner's container must have started.
    pub start_by: Instant,
    /// When the run must be done.
    pub deadline: Instant,
    /// What the agent gets on standard input.
    pub payload: &'a Payload,
    /// What the results must meet.
    pub threshold: Option<&'a Threshold>,
}

/// A scanner that waits beside its target.
pub struct Attached {
    /// Who runs commands in it.
    pub scanner: Session,
    /// Where it is.
    pub place: Place,
    /// The target in the agent's words.
    pub target: Vec<String>,
    /// The target in InSpec's words.
    pub location: String,
    /// The container's id, where the kernel must say the same.
    pub container_id: Option<String>,
    /// Its pod's uid, where the kernel must say the same.
    pub pod_uid: Option<String>,
    /// What the report says of the attachment.
    pub facts: Json,
}

/// Runs a scan and cleans up after it: on success, failure, timeout and signals.
pub async fn conduct(common: &Common, goal: Goal<'_>) -> Ending {
    let ending = match prepare(common) {
        Ok(prepared) => run(common, goal, &prepared).await,
        Err(code) => Ending::Scan(code),
    };
    match ending {
        Ending::Scan(code) if common.no_distinct_exit => Ending::Scan(code.indistinct()),
        ending => ending,
    }
}

/// What was given, as it is meant, before there is any cluster.
struct Prepared {
    payload: Payload,
    threshold: Option<Threshold>,
    reporters: Option<Reporters>,
    run_id: String,
    started: i64,
}

fn prepare(common: &Common) -> Result<Prepared, ExitCode> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let started = i64::try_from(now.as_secs()).unwrap_or(0);
    let own = || format!("{started}-{:05x}", (now.subsec_nanos() ^ (std::process::id() << 12)) & 0xf_ffff);
    let run_id = common.run_id.clone().unwrap_or_else(own);
    let source = common.threshold.as_deref().map(|path| read_file("threshold", path)).transpose()?;
    let judge = |source: &Arc<Source>| {
        parse(&source.text).map_err(|error| usage(&format_args!("threshold {}: {error}", source.name)))
    };
    let threshold = source.as_ref().map(judge).transpose()?;
    let payload = payload(common, source.as_deref())?;
    let reporters = match common.dry_run {
        Some(_) => None,
        None => Some(reporters(common, &run_id)?),
    };
    Ok(Prepared { payload, threshold, reporters, run_id, started })
}

fn reporters(common: &Common, run_id: &str) -> Result<Reporters, ExitCode> {
    let mut reporters = common.output.clone().map_or_else(|| common.reporter.clone(), |format| vec![format]);
    if let Some(folder) = &common.results_dir {
        return Reporters::open(&reporters, common.no_color)?.with_results(folder, common.threshold.is_some());
    }
    for (format, name) in [("json", "results"), ("markdown", "summary")] {
        let extension = if format == "json" { "json" } else { "md" };
        let file = common.out.join(format!("scan-{name}-{run_id}.{extension}"));
        reporters.push(format!("{format}:{}", file.display()));
    }
    Reporters::open(&reporters, common.no_color)
}

async fn run(common: &Common, goal: Goal<'_>, prepared: &Prepared) -> Ending {
    let steps = Steps::new(common.verbose);
    let ledger = Ledger::default();
    let (caller, namespace) = match connect(&common.connection, &prepared.run_id).await {
        Ok(connected) => connected,
        Err(trouble) => return told(&steps, &trouble),
    };
    let now = Instant::now();
    let context = Context {
        caller,
        run: Run {
            id: prepared.run_id.clone(),
            namespace,
            started: prepared.started,
            timeout: common.timeout,
            image: common.image.clone(),
            pull_policy: common.image_pull_policy.name(),
        },
        ledger: &ledger,
        steps: &steps,
        common,
        minor: 0,
        start_by: now + common.start_timeout.min(common.timeout),
        deadline: now + common.timeout,
        payload: &prepared.payload,
        threshold: prepared.threshold.as_ref(),
    };
    if common.dry_run.is_some() {
        return match dry_run(context, goal).await {
            Ok(ending) => ending,
            Err(trouble) => told(&steps, &trouble),
        };
    }
    finish(context, goal, prepared).await
}

/// The scan itself, and what comes after it in any case.
async fn finish(mut context: Context<'_>, goal: Goal<'_>, prepared: &Prepared) -> Ending {
    let steps = context.steps;
    let ledger = context.ledger;
    let result = tokio::select! {
        scanned = timeout_at(context.deadline, scan(&mut context, goal)) => scanned.unwrap_or_else(|_| {
            let what = format!("the run took longer than {} s", context.common.timeout.as_secs());
            Err(Trouble::new(what).with_next("a longer --timeout gives it more; -v tells where the time goes"))
        }),
        number = interrupted() => Err(Trouble {
            ending: Ending::Signal(number),
            ..Trouble::new(format!("interrupted by signal {number}; cleaning up"))
        }),
    };
    if let Err(trouble) = &result {
        steps.remark(trouble);
    }
    if let Goal::Sidecar(ScanWithSidecar { keep: true, .. }) = goal {
        ledger.keep_pod();
    }
    let ending = match &result {
        Ok(collected) => written(prepared, collected),
        Err(trouble) => trouble.ending,
    };
    let left = tokio::select! {
        left = clean(&context) => left,
        // Asked for twice, so it is meant.
        number = interrupted() => {
            let run = &context.run;
            tell(&format_args!(
                "interrupted by signal {number} while cleaning up\n  next: kubectl assay cleanup --run {} -n {}", run.id, run.namespace
            ));
            true
        }
    };
    if left { Ending::LeftOver } else { ending }
}

fn written(prepared: &Prepared, collected: &Collected) -> Ending {
    let Some(reporters) = &prepared.reporters else { return Ending::Scan(collected.code) };
    let verdict = collected.verdict.as_ref();
    let written = reporters
        .write(|format, color, out| write_again(format, &collected.hdf, &collected.report, verdict, color, out));
    Ending::Scan(reporters.conclude(ExitCode::worst(&[written, collected.code])))
}

/// What could not go on, told.
fn told(steps: &Steps, trouble: &Trouble) -> Ending {
    steps.remark(trouble);
    trouble.ending
}

/// Waits for a signal that means the end.
async fn interrupted() -> u8 {
    let wait = |kind: SignalKind| async move {
        match signal(kind) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => 2,
        () = wait(SignalKind::terminate()) => 15,
        () = wait(SignalKind::hangup()) => 1,
    }
}

async fn scan(context: &mut Context<'_>, goal: Goal<'_>) -> Result<Collected, Trouble> {
    let version = context.caller.ask("ask the cluster's version", context.caller.client.apiserver_version());
    match goal {
        Goal::Container(arguments) => {
            let (version, pod) = tokio::join!(version, pod(context, &arguments.pod));
            context.minor = minor(&version?.minor);
            let pod = pod?;
            let target = Target::choose(&pod, arguments.container.as_deref())?;
            context.steps.done(&format!("found container {} of pod {}", target.container, target.pod));
            let ways: &[Way] = match arguments.via {
                Via::Auto => &Way::AUTO,
                Via::Debug => &[Way::Debug],
                Via::Image => &[Way::Image],
                Via::Exec => &[Way::Exec],
            };
            let ways = if arguments.as_root && arguments.via == Via::Auto { &[Way::Image] } else { ways };
            by_first(context, arguments, &pod, &target, ways).await
        }
        Goal::Image(arguments) => {
            context.minor = minor(&version.await?.minor);
            let attached = image::attach_image(context, arguments).await?;
            run_agent(context, attached).await
        }
        Goal::Sidecar(arguments) => {
            context.minor = minor(&version.await?.minor);
            let attached = sidecar::attach(context, arguments).await?;
            run_agent(context, attached).await
        }
    }
}

/// The first way that does; why another did not is told.
async fn by_first(
    context: &Context<'_>,
    arguments: &Scan,
    pod: &Pod,
    target: &Target,
    ways: &[Way],
) -> Result<Collected, Trouble> {
    let mut rest = ways.iter().peekable();
    while let Some(way) = rest.next() {
        let scanned = match way {
            Way::Debug => match debug::attach(context, pod, target, arguments.read_all).await {
                Ok(attached) => run_agent(context, attached).await,
                Err(trouble) => Err(trouble),
            },
            Way::Image => match image::attach_target(context, target, arguments.as_root).await {
                Ok(attached) => run_agent(context, attached).await,
                Err(trouble) => Err(trouble),
            },
            Way::Exec => tarball::scan(context, target).await,
            Way::Sidecar => {
                Err(Trouble::usage("a running container has no sidecar: kubectl assay scan-with-sidecar IMAGE"))
            }
        };
        let scanned = match scanned {
            Err(trouble) if trouble.ending == Ending::NotAttached => {
                Err(gone(context, target).await.unwrap_or(trouble))
            }
            scanned => scanned,
        };
        match (scanned, rest.peek()) {
            (Err(trouble), Some(next)) if trouble.another_way() => {
                context.steps.remark(&format_args!("not by {}: {}\ntrying {}", way.name(), trouble.what, next.name()));
                // The next way makes rights of its own, by the same names.
                let left = context.ledger.clean(&context.caller).await;
                if let Some(left) = left.into_iter().next() {
                    return Err(left.why);
                }
            }
            (scanned, _) => return scanned,
        }
    }
    Err(Trouble::new("no way to the container is left"))
}

/// Whether the pod went meanwhile, which looks like many other troubles: the rights of a run go with what they are for.
async fn gone(context: &Context<'_>, target: &Target) -> Option<Trouble> {
    let Target { pod: name, namespace, pod_uid, .. } = target;
    let api: Api<Pod> = Api::namespaced(context.caller.client.clone(), namespace);
    let what = match context.caller.ask(&format!("look at pod {name}"), api.get(name)).await {
        Err(trouble) if trouble.reason == Reason::Missing => "was deleted",
        Ok(pod) if pod.metadata.uid.as_ref() != Some(pod_uid) => "was replaced by another one of its name",
        Ok(pod) if pod.metadata.deletion_timestamp.is_some() => "is being deleted",
        _ => return None,
    };
    let trouble = Trouble::new(format!("pod {name} {what} before its scan was done; nothing was judged"));
    Some(trouble.with_next("scan the pod that took its place: kubectl get pods"))
}

/// The pod, with what is there instead where there is none.
pub async fn pod(context: &Context<'_>, name: &str) -> Result<Pod, Trouble> {
    find_pod(&context.caller, &context.run.namespace, name).await
}

/// The same, before there is a run.
pub async fn find_pod(caller: &Session, namespace: &str, name: &str) -> Result<Pod, Trouble> {
    let api: Api<Pod> = Api::namespaced(caller.client.clone(), namespace);
    match caller.ask(&format!("read pod {name} in namespace {namespace}"), api.get(name)).await {
        Err(trouble) if trouble.reason == Reason::Missing => {
            let listed = caller.ask("list pods", api.list_metadata(&kube::api::ListParams::default().limit(50))).await;
            let names: Vec<String> = listed.map_or_else(
                |_| Vec::new(),
                |listed| listed.items.into_iter().filter_map(|pod| pod.metadata.name).collect(),
            );
            let near = crate::profile::nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
            let next = match (near, names.is_empty()) {
                (Some(near), _) => format!("did you mean {near}?"),
                (None, true) => "is it another namespace? -n NAME chooses one".to_owned(),
                (None, false) => format!("there are: {}", names.join(", ")),
            };
            Err(Trouble::target(format!("there is no pod {name} in namespace {namespace}")).with_next(next))
        }
        answer => answer,
    }
}

/// `34`, `34+` on some providers.
pub fn minor(text: &str) -> u32 {
    text.trim_end_matches(|char: char| !char.is_ascii_digit()).parse().unwrap_or(0)
}

/// Runs the agent, takes its report, and lets it go.
pub async fn run_agent(context: &Context<'_>, attached: Attached) -> Result<Collected, Trouble> {
    let Attached { scanner, place, .. } = &attached;
    let rest = context.deadline.saturating_duration_since(Instant::now()).as_secs().max(2) - 1;
    let seconds = rest.to_string();
    let mut command = vec![AGENT, "scan", "-", "--reporter", "json", "--framed", "--timeout", &seconds];
    command.extend(attached.target.iter().map(String::as_str));
    let leave = [AGENT, "release", "--when-input-ends"];
    let (running, releaser) =
        tokio::join!(start_patiently(scanner, place, &command, true), start_patiently(scanner, place, &leave, true));
    let running = running.map_err(|failure| failed(place, failure))?;
    context.steps.waiting("scanning");
    let finished = running.finish(Some(&context.payload.bytes), MAX_REPORT);
    let (answer, revoked) = tokio::join!(finished, rights_end(context, scanner, place));
    let answer = answer.map_err(|failure| failed(place, failure));
    context.steps.done("scanned");
    let_go(releaser).await;
    let mut facts = attached.facts.clone();
    if let (Some(milliseconds), Some(facts)) = (revoked, facts.as_object_mut()) {
        facts.insert("rights_ended_after_ms".to_owned(), json!(milliseconds));
    }
    let answer = answer?;
    report(context, &attached, &answer, &facts)
}

/// What is not needed any more as soon as the command runs; after how many milliseconds it was gone. Rights that stay are
/// no reason to throw results away: they are told, and the exit code says so.
pub async fn rights_end(context: &Context<'_>, scanner: &Session, place: &Place) -> Option<u64> {
    if context.common.no_rbac || context.common.kubeconfig_out.is_some() {
        return None;
    }
    match revoke(&context.caller, scanner, context.ledger, &place.namespace, &place.pod).await {
        Ok(took) => {
            context.steps.done("took the rights away; the token opens nothing any more");
            Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
        }
        Err(trouble) => {
            context.steps.remark(&trouble);
            context.ledger.rights_stay();
            None
        }
    }
}

/// Why the agent ended without a report.
fn no_report(code: u8, said: &str) -> Trouble {
    // What Rust says before it aborts; by musl's abort under the filter of system calls it is SIGSEGV.
    let is_out_of_memory = matches!(code, 134 | 139) && said.contains("memory allocation of ");
    match code {
        104 => Trouble::target(format!("the agent refuses the target:\n  {said}")),
        137 => Trouble::new("the agent was killed; its container, or the pod, may have run out of memory")
            .with_next("kubectl describe pod tells; --via image does not share the pod's memory"),
        _ if is_out_of_memory => Trouble::new(format!(
            "the agent is out of memory: it takes 32 MiB beside a pod, and less of a small one:\n  {said}"
        ))
        .with_next("--via image does not share the pod's memory"),
        code => Trouble::new(format!("the agent ended with {code}:\n  {said}")),
    }
}

fn report(context: &Context<'_>, attached: &Attached, answer: &Answer, facts: &Json) -> Result<Collected, Trouble> {
    let said = answer.stderr.lines().map(harmless_line).collect::<Vec<_>>().join("\n  ");
    match answer.code {
        0 | 100 | 101 => {}
        code => return Err(no_report(code, &said)),
    }
    let hdf = unframe(&answer.stdout)?;
    let (container, pod) = identity(hdf);
    // Where the kernel does not tell, there is nothing to compare.
    let other =
        |seen: Option<String>, expected: &Option<String>| seen.is_some() && expected.is_some() && seen != *expected;
    if other(container, &attached.container_id) || other(pod, &attached.pod_uid) {
        let what = format!("another container was scanned than {}: it was replaced meanwhile", attached.location);
        return Err(Trouble::target(what).with_next("run it again"));
    }
    for line in answer.stderr.lines() {
        context.steps.remark(&harmless_line(line));
    }
    collect(hdf, answer.code, &attached.location, facts, context.threshold)
}

/// A command that has no answer.
pub fn failed(place: &Place, failure: Failure) -> Trouble {
    match failure {
        Failure::Trouble(trouble) => trouble,
        Failure::Hung => {
            Trouble::new(format!("the server did not open a connection to pod {}", place.pod)).with_next("run it again")
        }
        Failure::NoContainer => {
            Trouble::target(format!("container {} of pod {} ended while it was used", place.container, place.pod))
                .with_next("was the pod deleted or restarted? kubectl describe pod tells")
        }
    }
}

/// Removes what was made; says what is left. Whether something is.
async fn clean(context: &Context<'_>) -> bool {
    let steps = context.steps;
    steps.waiting("cleaning up");
    let left = context.ledger.clean(&context.caller).await;
    for left in &left {
        steps.remark(&format_args!("error: left over: {}: {}", left.entry, left.why.what));
    }
    if !context.ledger.is_untouched() {
        steps.done("removed what was made, and saw that it is gone");
    }
    let mut any = !left.is_empty() || context.ledger.did_rights_stay();
    for place in context.ledger.containers() {
        match end(&context.caller, &place).await {
            Ok(seen) => steps.remark(&seen),
            Err(trouble) => {
                let rest = context.common.timeout.as_secs() + 60;
                steps.remark(&format_args!("error: left over: {}; it ends by itself within {rest} s", trouble.what));
                any = true;
            }
        }
    }
    if !left.is_empty() {
        let run = &context.run;
        steps.remark(&format_args!("  next: kubectl assay cleanup --run {} -n {}", run.id, run.namespace));
    }
    any
}

/// What the report says of every attachment.
pub fn facts(context: &Context<'_>, way: Way, rules: &[Json]) -> Json {
    json!({
        "way": way.name(),
        "scope": way.scope(),
        "run": context.run.id,
        "launcher": format!("kubectl-assay {}", env!("CARGO_PKG_VERSION")),
        "server": context.caller.server(),
        "namespace": context.run.namespace,
        "agent_image": context.run.image,
        "rights": if context.common.no_rbac { json!("the caller's own") } else { json!(rules) },
        "objects": context.ledger.entries().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

async fn dry_run(mut context: Context<'_>, goal: Goal<'_>) -> Result<Ending, Trouble> {
    let version = context.caller.ask("ask the cluster's version", context.caller.client.apiserver_version()).await?;
    context.minor = minor(&version.minor);
    let objects = match goal {
        Goal::Container(arguments) => {
            let pod = pod(&context, &arguments.pod).await?;
            let target = Target::choose(&pod, arguments.container.as_deref())?;
            match arguments.via {
                Via::Image => image::planned(&context, &image::of_target(&target), arguments.as_root),
                Via::Exec => crate::launcher::rights::planned(&context, Way::Exec, &target.pod),
                Via::Auto | Via::Debug => debug::planned(&context, &target, arguments.read_all),
            }
        }
        Goal::Image(arguments) => {
            image::planned(&context, &image::of_arguments(&context, arguments), arguments.as_root)
        }
        Goal::Sidecar(arguments) => sidecar::planned(&context, arguments),
    };
    let mut text = String::new();
    for object in objects {
        let yaml = serde_yaml::to_string(&object).map_err(|error| Trouble::new(format!("cannot print: {error}")))?;
        text.push_str("---\n");
        text.push_str(&yaml);
    }
    Ok(Ending::Scan(crate::command::print(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_without_memory_is_told_from_one_that_is_broken() {
        let said = "memory allocation of 8388608 bytes failed";
        for code in [134, 139] {
            let trouble = no_report(code, said);
            assert!(trouble.what.starts_with("the agent is out of memory: "), "{}", trouble.what);
            assert_eq!(trouble.next.as_deref(), Some("--via image does not share the pod's memory"));
            assert!(no_report(code, "").what.starts_with("the agent ended with 13"));
        }
        assert!(no_report(137, "").what.contains("may have run out of memory"));
        assert_eq!(no_report(104, "x").what, "the agent refuses the target:\n  x");
    }
}
