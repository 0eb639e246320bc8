//! What can go wrong between the caller and a result: what, what to do next, and how the run ends.

use std::fmt;

use kube::core::Status;

use crate::exit_code::ExitCode;
use crate::report::harmless_line;

/// How a run ended: docs/kubernetes.md has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As a scan ends.
    Scan(ExitCode),
    /// The container could not be reached, or the scan not be brought to its end: nothing was judged.
    NotAttached,
    /// Something that was made could not be removed; it was named.
    LeftOver,
    /// A signal ended it, after what was made had been removed.
    Signal(u8),
}

impl Ending {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Ending::Scan(code) => code as u8,
            Ending::NotAttached => 105,
            Ending::LeftOver => 106,
            Ending::Signal(number) => 128_u8.saturating_add(number),
        }
    }
}

/// Why a run could not go on.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// What is wrong, and with which object.
    pub what: String,
    /// What to do next.
    pub next: Option<String>,
    /// How the run ends.
    pub ending: Ending,
    /// What the API server called it.
    pub reason: Reason,
}

/// Troubles that are told apart, because another way may avoid them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The caller, or the run's service account, lacks a right.
    Right,
    /// Admission refuses: Pod Security, or a policy.
    Admission,
    /// There is no such object.
    Missing,
    /// There is such an object already.
    Exists,
    /// Too many requests, a conflict, or a server that does not answer: the same may work later.
    Passing,
    /// This way does not fit the cluster or the container.
    Unfit,
    /// Everything else.
    Other,
}

impl Trouble {
    /// The container could not be reached.
    pub fn new(what: impl Into<String>) -> Trouble {
        Trouble { what: what.into(), next: None, ending: Ending::NotAttached, reason: Reason::Other }
    }

    /// What was asked for makes no sense.
    pub fn usage(what: impl Into<String>) -> Trouble {
        Trouble { ending: Ending::Scan(ExitCode::Usage), ..Trouble::new(what) }
    }

    /// The target is not there, or not what it should be.
    pub fn target(what: impl Into<String>) -> Trouble {
        Trouble { ending: Ending::Scan(ExitCode::Target), ..Trouble::new(what) }
    }

    /// With what to do next.
    pub fn with_next(mut self, next: impl Into<String>) -> Trouble {
        self.next = Some(next.into());
        self
    }

    /// Whether another way may do.
    pub fn another_way(&self) -> bool {
        matches!(self.reason, Reason::Right | Reason::Admission | Reason::Unfit)
    }

    /// An answer of the API server, or none, to what was tried: "create the role r".
    pub fn of_request(doing: &str, error: &kube::Error) -> Trouble {
        match error {
            kube::Error::Api(status) => Trouble::of_status(doing, status),
            kube::Error::Auth(error) => Trouble::new(format!("cannot {doing}: no credentials: {}", chain(error)))
                .with_next("log in to the cluster again; `kubectl get pods` needs the same"),
            error => Trouble { reason: Reason::Passing, ..Trouble::new(format!("cannot {doing}: {}", chain(error))) }
                .with_next("is the cluster reachable? `kubectl version` asks it, too"),
        }
    }

    fn of_status(doing: &str, status: &Status) -> Trouble {
        // What a server says may come from elsewhere: a policy, a name.
        let message = harmless_line(&status.message);
        let trouble = Trouble::new(format!("cannot {doing}: {message}"));
        let trouble = match status.code {
            401 => trouble.with_next("the cluster does not know these credentials (any more): log in again"),
            403 if message.contains("violates PodSecurity") => {
                Trouble { reason: Reason::Admission, ..trouble }.with_next(
                    "the namespace enforces Pod Security: `kubectl assay explain` tells which way needs what",
                )
            }
            403 if message.contains("being terminated") => trouble.with_next("the namespace is being deleted"),
            403 if message.contains("attempting to grant RBAC permissions not currently held") => {
                Trouble { reason: Reason::Right, ..trouble }.with_next(
                    "a caller can only pass on rights that it has: `kubectl assay rbac` prints what an administrator must grant",
                )
            }
            403 if message.contains("cannot ") => Trouble { reason: Reason::Right, ..trouble }
                .with_next("`kubectl assay rbac` prints what an administrator must grant"),
            403 => Trouble { reason: Reason::Admission, ..trouble }
                .with_next("an admission policy of the cluster refuses it; its owner can make an exception"),
            404 => Trouble { reason: Reason::Missing, ..trouble },
            409 if status.reason == "AlreadyExists" => {
                Trouble { reason: Reason::Exists, ..trouble }.with_next("another --run-id, or none, gives names of their own")
            }
            409 | 429 | 500..=599 => Trouble { reason: Reason::Passing, ..trouble }.with_next("try again later"),
            _ => trouble,
        };
        match status.code {
            400 | 422 if message.contains("admission webhook") => Trouble { reason: Reason::Admission, ..trouble },
            _ => trouble,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}", self.what)?;
        match &self.next {
            Some(next) => write!(out, "\n  next: {next}"),
            None => Ok(()),
        }
    }
}

/// An error and what it comes from, without what is said twice.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        below = error.source();
    }
    harmless_line(&text)
}
