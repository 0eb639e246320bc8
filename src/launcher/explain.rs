//! `kubectl assay explain`: what each way needs, touches, sees and means for compliance. Facts in tables, and pages made of
//! them. What standards ask is named only where the document's own words were at hand; their identifiers are those of the
//! versions that are named.

use std::fmt::Write;

use serde_json::Value as Json;

use crate::command::print;
use crate::launcher::approach::Way;
use crate::launcher::cli::{Explain, FormFormat};
use crate::launcher::columns::{paragraph, row};
use crate::launcher::rbac::{caller_rules, scan_rules};
use crate::launcher::trouble::Ending;

/// What is said of each way, in the order of [`Way::ALL`].
type ForEach = [&'static str; 4];

/// A question that the ways answer differently.
struct Aspect {
    question: &'static str,
    answers: ForEach,
}

const WHAT: Aspect = Aspect {
    question: "What it is",
    answers: [
        "a container with the agent, added to the running pod, in the process namespace of the target",
        "a pod of its own that has the image mounted, read-only, and the agent",
        "tar, executed in the target, gives out its files, and they are judged where the launcher runs",
        "a pod of its own with the image and the agent as two containers",
    ],
};

const ASPECTS: [Aspect; 9] = [
    WHAT,
    Aspect {
        question: "Take it for",
        answers: [
            "containers that run: the first choice",
            "pods that must not be touched; images before they are deployed",
            "targets with tar, of GNU or busybox, where neither debug nor image can be had",
            "images that must run to be judged, before they are deployed",
        ],
    },
    Aspect {
        question: "The cluster",
        answers: [
            "Kubernetes 1.25; no static pods",
            "image volumes: Kubernetes 1.35, or from 1.31 on with the feature gate ImageVolume; containerd 2.1 or CRI-O 1.31",
            "any",
            "any",
        ],
    },
    Aspect {
        question: "It touches",
        answers: [
            "the pod's spec: the container's record stays there until the pod goes. No restart. The pod's memory is shared",
            "nothing of the target's pod",
            "a few processes run in the target, one after the other; nothing is written there",
            "nothing that is in use",
        ],
    },
    Aspect { question: "It sees", answers: [SCOPE, SCOPE, SCOPE, SCOPE] },
    Aspect {
        question: "It does not see",
        answers: [
            "files that the target's own user may not read: errors in the report, never passes; --read-all reads them",
            "files for their owner alone: errors; --as-root reads root's. No processes, no environment",
            "files that tar's user may not read, /proc and /sys: errors. With busybox no ACLs and capabilities of files: errors. No processes, no environment",
            "files that the target's own user may not read: errors. Nothing that only the deployment brings",
        ],
    },
    Aspect {
        question: "Distroless",
        answers: ["yes", "yes", "no: there is no tar", "yes, if it waits by itself (-- COMMAND gives another command)"],
    },
    Aspect {
        question: "Pod Security restricted",
        answers: [
            "yes, if the target does not run as root; not with --read-all",
            "yes; not with --as-root, which baseline takes",
            "yes: nothing is admitted",
            "yes, if the image does without root; --run-as names a user",
        ],
    },
    Aspect {
        question: "Trust in the result",
        answers: [
            "the kernel shows the files. Whoever controls the target can show clean ones meanwhile, or end a scanner of the same user: that costs the result, and makes it no better",
            "high: nobody can change it, and it is the digest that runs",
            "low: a program of the target says what is in the target",
            "as with debug, of a container that nobody uses yet",
        ],
    },
];

/// Stands for [`Way::scope`], which reports say, too.
const SCOPE: &str = "scope";

/// A document, what of it any scan touches, and what one way means under it.
struct Standard {
    name: &'static str,
    always: &'static str,
    meaning: ForEach,
}

const STANDARDS: [Standard; 7] = [
    Standard {
        name: "NIST SP 800-190, Application Container Security Guide (2017)",
        always: "Sections 4.1.2 (image configuration defects) and 4.4.3 (insecure container runtime configurations) want \
                 configurations checked by tools; the report is evidence of that. Section 4.3.1 (unbounded administrative access) \
                 wants least privilege: a run has an account of its own, for one pod, for as long as the scan takes to start.",
        meaning: [
            "Section 4.4.5 (rogue containers) wants each creation of a container tied to a user and logged: the audit log ties \
             this one to the caller and the run. It shows how the container runs (4.4.3), not only what was built.",
            "It shows the image (4.1.2). How a container runs (4.4.3) is out of its reach: that needs debug beside it. \
             The scanner's pod carries the labels of its run (4.4.5).",
            "It needs tar inside, which a minimal image (4.1.2) does not have. The result rests on the target's own \
             programs: take it as a hint where the target is not trusted.",
            "It shows the image in motion before it is deployed (4.1.2), not how it will run in the deployment (4.4.3). The pod carries the labels \
             of its run (4.4.5).",
        ],
    },
    Standard {
        name: "CIS Kubernetes Benchmark, section 5 (numbers of version 1.8)",
        always: "5.2.2 to 5.2.13 limit what pods may ask for. The scanner's containers are not privileged, share no namespace of \
                 the host, cannot gain privileges, drop all capabilities, mount nothing of the host and open no port; 5.7.2 and \
                 5.7.3 (seccomp, security contexts) are met. No rule has a wildcard (5.1.3), and neither bind, escalate nor \
                 impersonate is asked for (5.1.8). The caller needs serviceaccounts/token (5.1.13) in this namespace; --no-rbac \
                 does without.",
        meaning: [
            "Met without an exception for targets that do not run as root. A target that runs as root makes the scanner root, \
             too (5.2.7); --read-all also adds two capabilities (5.2.9).",
            "The caller needs to create pods (5.1.4). --as-root is root (5.2.7), without any capability. A network policy denies \
             the pod everything (5.3.2).",
            "Nothing is admitted, so 5.2 has nothing to say.",
            "The caller needs to create pods (5.1.4). Both containers must do without root (5.2.7). The processes are shared \
             inside of the pod, not with the host (5.2.3). A network policy denies the pod everything (5.3.2).",
        ],
    },
    Standard {
        name: "Kubernetes STIG (DISA)",
        always: "V-242383 and V-242417 keep user resources out of the default and the system namespaces: a run makes everything \
                 in the namespace that is scanned, and removes it. V-242461 and V-242403 want audit logs that name who did \
                 what: each request of a run has the user agent assay/VERSION run=RUN.",
        meaning: [
            "V-254800 (Pod Security admission) holds for ephemeral containers, too, and debug meets the level restricted. \
             --read-all needs a namespace with the level privileged, or an exemption: document it.",
            "V-254800 (Pod Security admission): the pod meets the level restricted; --as-root needs baseline.",
            "V-254800 (Pod Security admission) is not concerned.",
            "V-254800 (Pod Security admission): the pod meets the level restricted, or is refused.",
        ],
    },
    Standard {
        name: "Container Platform SRG (DISA)",
        always: "SRG-APP-000342 wants containers with the least privileges, SRG-APP-000380 a read-only root filesystem, \
                 SRG-APP-000247 limits on resources; SRG-APP-000343 and SRG-APP-000100 want privileged functions in the audit \
                 records, with the user. The scanner's container has the first two in every way.",
        meaning: [
            "Kubernetes gives ephemeral containers no limits of their own (SRG-APP-000247): the pod's hold, and the agent keeps \
             itself to a quarter of them, 16 to 32 MiB. --read-all is more than the least privilege (SRG-APP-000342).",
            "The pod has limits (SRG-APP-000247): one CPU, 256 MiB.",
            "No container is added; the target's own limits hold for tar.",
            "Both containers have limits (SRG-APP-000247). The target's root filesystem is as the image needs it \
             (SRG-APP-000380).",
        ],
    },
    Standard {
        name: "DoDI 8500.01, Cybersecurity",
        always: "It sends systems of the DoD through the Risk Management Framework (DoDI 8510.01), with the controls of NIST SP \
                 800-53. It names no tool and no way: an authorizing official accepts what risk is left, on evidence. Of NIST SP \
                 800-53 a scan serves CM-6 (configuration settings), RA-5 (vulnerability monitoring and scanning) and CA-7 \
                 (continuous monitoring); the run's own rights serve AC-6 (least privilege), its traces AU-12 (audit record \
                 generation).",
        meaning: [
            "The spec of a running pod is changed: let the configuration change control (CM-3) know of it beforehand. \
             --risk-acceptance md prints a form.",
            "The system that is assessed is not changed.",
            "A program is executed in the system that is assessed: say so in the assessment plan.",
            "The result is that of a test instance: say so in the evidence.",
        ],
    },
    Standard {
        name: "Kubernetes Hardening Guidance of NSA and CISA (version 1.2)",
        always: "On pods it recommends other users than root, read-only root filesystems, no gain of privileges and no service \
                 account token where none is needed: the scanner's containers are made so. On access it recommends \
                 role-based rights, as few as possible; on audit, logs that are looked at.",
        meaning: [
            "Where the target runs as root, so must the scanner: the guidance advises against the first already. --read-all \
             is an exception to it.",
            "On networks it recommends to deny by default: a policy denies the scanner's pod everything.",
            "Rights to exec reach into every container of the pod: they are given to the run alone, for one pod, and taken away \
             as soon as the scan has started.",
            "On networks it recommends to deny by default: a policy denies the pod everything. An image that wants root is not \
             run.",
        ],
    },
    Standard {
        name: "MITRE ATT&CK for Containers",
        always: "A scan can show T1525 (Implant Internal Image) and T1552.001 (Credentials In Files), if the profile asks. It also \
                 looks like an attack to those who watch: T1098.006 (Additional Container Cluster Roles) for the run's role and \
                 binding, T1609 (Container Administration Command) for exec. Let your detections know the user agent and the \
                 labels, and keep watching: whoever has the caller's rights can do the same without assay.",
        meaning: [
            "The container that is added looks like T1610 (Deploy Container). With --read-all, who takes over the scanner reads \
             everything in the pod; it is no step to the node (T1611, Escape to Host) by itself.",
            "The pod looks like T1610 (Deploy Container); what it could reach is the image.",
            "It is T1609 itself. A hostile target can answer with what it likes; it is taken as hostile.",
            "The pod looks like T1610 (Deploy Container), and it runs the image: an image that is hostile runs, confined and \
             without network where policies are enforced. Scan it as it was built first (scan-image).",
        ],
    },
];

/// A risk of a way, and what stands against it.
struct Risk {
    what: &'static str,
    against: &'static str,
    ways: &'static [Way],
}

const RISKS: [Risk; 12] = [
    Risk {
        what: "The run's token is stolen and used",
        against: "it is for one pod and the few verbs above, lives 10 minutes at most and is never written to a file (but with \
                  --kubeconfig-out); the role binding goes as soon as the scan has started, and the token is tried until it opens \
                  nothing any more",
        ways: &Way::ALL,
    },
    Risk {
        what: "Objects or rights are left behind",
        against: "all of them are written down before they are made, labelled, removed in any end of the run, and looked for \
                  afterwards; what is left is named and the exit code is 106; `kubectl assay cleanup` finds the rest by labels",
        ways: &Way::ALL,
    },
    Risk {
        what: "Secrets of the target get into logs or reports",
        against: "profile and results go through the connection of exec only, never into a container's log or a spec; contents of \
                  files are judged and not shown, but for what a profile asks for by grep, json and their like; result files \
                  are readable by their owner only",
        ways: &Way::ALL,
    },
    Risk {
        what: "A pass that was not established",
        against: "what could not be read or decided is an error, never a pass; a result counts when length and digest are right",
        ways: &Way::ALL,
    },
    Risk {
        what: "The pod's spec is changed, and the record stays until the pod goes",
        against: "the record has no secret, no profile and no input; the container ends with the scan, and that is looked at",
        ways: &[Way::Debug],
    },
    Risk {
        what: "The scanner takes memory from the pod",
        against: "the agent keeps itself to a quarter of the pod's limit, 16 to 32 MiB, and refuses where the processes that it sees \
                  leave less of that limit",
        ways: &[Way::Debug],
    },
    Risk {
        what: "With --read-all: a container of root with SYS_PTRACE and DAC_READ_SEARCH",
        against: "never chosen by itself; the scanner gives its rights up before it reads the target (Landlock, seccomp); read-only \
                  root filesystem, no gain of privileges",
        ways: &[Way::Debug],
    },
    Risk {
        what: "Another pod is started on the node",
        against: "limits of one CPU and 256 MiB, an end by itself, no service account token, no network where policies are \
                  enforced, Pod Security restricted",
        ways: &[Way::Image, Way::Sidecar],
    },
    Risk {
        what: "The result rests on a program of the target",
        against: "the report says so; sizes and time are bounded, and what comes is read as hostile",
        ways: &[Way::Exec],
    },
    Risk {
        what: "All files of the target, Secrets that are mounted into it too, come to the machine of the launcher",
        against: "they are kept in memory and nowhere else, 2 GiB at most, and gone when the launcher ends; who may start the scan \
                  may read them anyway, by exec",
        ways: &[Way::Exec],
    },
    Risk {
        what: "tar goes on in the target when the scan is cut off",
        against: "it gets the run's time as its own limit where the target has GNU's timeout; else it is held up until the \
                  container ends, and the launcher says so",
        ways: &[Way::Exec],
    },
    Risk {
        what: "An image that is not trusted is run",
        against: "no root unless asked for, no capabilities, seccomp, no network where policies are enforced, its end with the run",
        ways: &[Way::Sidecar],
    },
];

/// Up to this minor version exec asks for `get` alone; the tables name what was added since.
const OLDER: u32 = 34;
const WIDTH: usize = 100;

/// Prints the matrix, one way in full, or the form.
pub fn run(arguments: &Explain) -> Ending {
    let text = match (arguments.via, arguments.risk_acceptance) {
        (None, _) => matrix(),
        (Some(way), None) => page(way),
        (Some(way), Some(FormFormat::Md)) => form(way),
    };
    Ending::Scan(print(&text))
}

fn at(answers: &ForEach, way: Way) -> &'static str {
    let answer = Way::ALL.iter().zip(answers).find(|(known, _)| **known == way);
    match answer.map(|(_, answer)| *answer) {
        Some(SCOPE) => way.scope(),
        answer => answer.unwrap_or_default(),
    }
}

fn matrix() -> String {
    const QUESTION: usize = 12;
    const ANSWER: usize = 20;
    let line = |question: &str, answer: &dyn Fn(Way) -> String| {
        let answers: Vec<String> = Way::ALL.iter().map(|way| answer(*way)).collect();
        let cells = std::iter::once((question, QUESTION)).chain(answers.iter().map(|answer| (answer.as_str(), ANSWER)));
        row(&cells.collect::<Vec<_>>())
    };
    let mut out = line("", &|way| way.name().to_uppercase());
    for aspect in &ASPECTS {
        out.push('\n');
        out.push_str(&line(aspect.question, &|way| at(&aspect.answers, way).to_owned()));
        if aspect.question == "The cluster" {
            out.push('\n');
            out.push_str(&line("Rights of the run", &|way| rules(&scan_rules(way, "", OLDER))));
        }
    }
    let tried: Vec<&str> = Way::AUTO.iter().map(|way| way.name()).collect();
    let _ = write!(
        out,
        "\n--via auto tries {}, and says why one does not do.\nFrom Kubernetes 1.35 on exec asks for create, too.\n\
         Next: kubectl assay explain --via WAY, kubectl assay preflight POD, kubectl assay rbac --via WAY\n",
        tried.join(", then ")
    );
    out
}

/// `pods: get; pods/exec: get`.
fn rules(rules: &[Json]) -> String {
    let words = |rule: &Json, key: &str| -> String {
        let list = rule.get(key).and_then(Json::as_array).into_iter().flatten();
        list.filter_map(Json::as_str).collect::<Vec<_>>().join(", ")
    };
    let all: Vec<String> =
        rules.iter().map(|rule| format!("{}: {}", words(rule, "resources"), words(rule, "verbs"))).collect();
    all.join("; ")
}

fn risks(way: Way) -> impl Iterator<Item = &'static Risk> {
    RISKS.iter().filter(move |risk| risk.ways.contains(&way))
}

fn page(way: Way) -> String {
    let mut out = format!("{}\n", way.name().to_uppercase());
    let mut part = |title: &str, text: &str| {
        let _ = write!(out, "\n{title}\n{}", paragraph(text, 2, WIDTH));
    };
    for aspect in &ASPECTS {
        part(aspect.question, at(&aspect.answers, way));
    }
    part("Rights of the run, for its one pod", &rules(&scan_rules(way, "", OLDER)));
    let own = rules(&caller_rules(way, OLDER, false));
    part(
        "Rights of the caller, in the namespace",
        &format!("{own}. From Kubernetes 1.35 on exec asks for create, too."),
    );
    out.push_str("\nWhat it means for compliance\n");
    for standard in &STANDARDS {
        let _ = write!(out, "\n  {}\n", standard.name);
        out.push_str(&paragraph(standard.always, 4, WIDTH));
        out.push_str(&paragraph(&format!("{}: {}", way.name(), at(&standard.meaning, way)), 4, WIDTH));
    }
    out.push_str("\nRisks, and what stands against them\n");
    for risk in risks(way) {
        let _ = write!(out, "\n{}{}", paragraph(risk.what, 2, WIDTH), paragraph(risk.against, 4, WIDTH));
    }
    let _ = write!(
        out,
        "\nNext: kubectl assay explain --via {} --risk-acceptance md prints a form to document it\n",
        way.name()
    );
    out
}

/// A form to fill in, in Markdown. What assay knows is filled in already.
fn form(way: Way) -> String {
    let (name, version) = (way.name(), env!("CARGO_PKG_VERSION"));
    let mut out = format!("# Risk acceptance: scans of containers by assay, way `{name}`\n\n");
    out.push_str("| | |\n| --- | --- |\n");
    let given = |field: &str, text: &str| format!("| {field} | {text} |\n");
    for field in ["System, and its owner", "Clusters and namespaces", "Pods, or images", "Who scans, how often"] {
        out.push_str(&given(field, ""));
    }
    out.push_str(&given("Way", &format!("`{name}`: {}", at(&WHAT.answers, way))));
    out.push_str(&given("Program", &format!("kubectl-assay {version}; image of the agent, with its digest:")));
    out.push_str(&given("Options beyond the default (`--read-all`, `--as-root`, `--no-rbac`)", ""));
    out.push_str("\n## Why it is needed\n\nThe requirement that the scan serves:\n\n\nWhy no other way does:\n\n");
    for other in Way::ALL.into_iter().filter(|other| *other != way) {
        let _ = writeln!(out, "- `{}` ({}):", other.name(), at(&WHAT.answers, other));
    }
    let _ = write!(out, "\n## What is done\n\n| | |\n| --- | --- |\n");
    for aspect in &ASPECTS {
        out.push_str(&given(aspect.question, at(&aspect.answers, way)));
    }
    out.push_str(&given("Rights of the run, for its one pod", &rules(&scan_rules(way, "", OLDER))));
    out.push_str(&given("Rights of the caller, in the namespace", &rules(&caller_rules(way, OLDER, false))));
    out.push_str(
        "\n## Risks and mitigations in place\n\n| risk | what stands against it | what is left | accepted |\n",
    );
    out.push_str("| --- | --- | --- | --- |\n");
    for risk in risks(way) {
        let _ = writeln!(out, "| {} | {} | | |", risk.what, risk.against);
    }
    out.push_str("| | | | |\n\n## Standards\n\n| document | what this way means |\n| --- | --- |\n");
    for standard in &STANDARDS {
        let _ = writeln!(out, "| {} | {} |", standard.name, at(&standard.meaning, way));
    }
    let _ = write!(
        out,
        "\n## Evidence\n\nRUN is the run's name; it is in the names of the result files.\n\n\
         - What was done, by whom, in the API server's audit log:\n\n      \
         jq -r 'select(.userAgent == \"assay/{version} run=RUN\" and .stage == \"ResponseComplete\")\n        \
         | [.requestReceivedTimestamp, .user.username, .verb, .requestURI, .responseStatus.code] | @tsv' audit.log\n\n\
         - That nothing is left (no answer):\n\n      \
         kubectl get pods,configmaps,serviceaccounts,roles,rolebindings,networkpolicies -A -l assay.dev/run=RUN -o name\n\n\
         - How the container was reached, with which rights, and when they ended:\n\n      \
         jq .passthrough.assay.attachment scan-results-RUN.json\n\n\
         - What the caller was granted: `kubectl assay rbac --via {name}`\n\
         - What the cluster offered: `kubectl assay preflight POD -o json`\n\
         \n## Decision\n\n| | |\n| --- | --- |\n"
    );
    for field in ["Accepted or refused, with which conditions", "By (name, role, authority)", "On", "Signature"] {
        out.push_str(&given(field, ""));
    }
    out.push_str(&given("Ends on (date), or when this changes", ""));
    out.push_str(&given("Reviewed by, next review", ""));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_explained() {
        for way in Way::ALL {
            for answers in ASPECTS.iter().map(|aspect| &aspect.answers).chain(STANDARDS.iter().map(|one| &one.meaning))
            {
                assert!(at(answers, way).len() > 2, "{}", way.name());
            }
            assert!(risks(way).count() > 4, "{}", way.name());
            for line in page(way).lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
            }
        }
    }

    #[test]
    fn the_matrix_fits_a_terminal() {
        for line in matrix().lines() {
            assert!(line.chars().count() <= WIDTH + 10, "{line}");
        }
    }

    #[test]
    fn the_form_is_a_table_that_a_cell_does_not_break() {
        for way in Way::ALL {
            for line in form(way).lines().filter(|line| line.starts_with('|')) {
                assert!(line.ends_with('|'), "{line}");
            }
            let all = ASPECTS.iter().map(|aspect| at(&aspect.answers, way));
            for text in all.chain(risks(way).flat_map(|risk| [risk.what, risk.against])) {
                assert!(!text.contains('|'), "{text}");
            }
        }
    }
}
