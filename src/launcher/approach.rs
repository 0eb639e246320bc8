//! The ways to reach a container, and which of them may do. Pure.

use clap::ValueEnum;

/// A way to reach a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// An ephemeral container in the target's process namespace.
    Debug,
    /// The target's image, mounted into a pod of the scanner's own.
    Image,
    /// tar, executed in the target.
    Exec,
    /// The target's image and the scanner as two containers of one pod.
    Sidecar,
}

impl Way {
    /// All of them.
    pub const ALL: [Way; 4] = [Way::Debug, Way::Image, Way::Exec, Way::Sidecar];

    /// Those to a running container, in the order in which they are tried.
    pub const AUTO: [Way; 3] = [Way::Debug, Way::Image, Way::Exec];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Way::Debug => "debug",
            Way::Image => "image",
            Way::Exec => "exec",
            Way::Sidecar => "sidecar",
        }
    }

    /// What a report made this way says of itself, and what it does not.
    pub fn scope(self) -> &'static str {
        match self {
            Way::Debug => "the running container: its image, its writable layer and what is mounted into it",
            Way::Image => {
                "the image as it was built; not the container's writable layer, nor the ConfigMaps, Secrets and volumes that \
                 are mounted into it"
            }
            Way::Exec => {
                "the running container's files as its own tar gave them out, without /proc and /sys; the container could have \
                 given out others"
            }
            Way::Sidecar => "a container that was started from the image for this scan, not one that is in use",
        }
    }
}
