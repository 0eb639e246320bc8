//! What the process says when it ends. The README's table is this enum.

/// How a run ended. When several apply, the first of [`ExitCode::PRECEDENCE`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// All controls passed or do not apply; or the threshold is met.
    Success = 0,
    /// A mistake in this program, or a report that could not be written.
    Internal = 1,
    /// Arguments, input files, waivers or thresholds that make no sense.
    Usage = 2,
    /// A control failed, or could not be decided; a test of a profile failed; a detection could not decide.
    Failed = 100,
    /// Nothing failed, but a control was not reviewed.
    Skipped = 101,
    /// A profile does not load.
    Profile = 102,
    /// The threshold is not met.
    Threshold = 103,
    /// The target is not there, or not what it should be.
    Target = 104,
}

impl ExitCode {
    /// Which one counts when several apply.
    pub const PRECEDENCE: [ExitCode; 8] = [
        ExitCode::Usage,
        ExitCode::Internal,
        ExitCode::Profile,
        ExitCode::Target,
        ExitCode::Threshold,
        ExitCode::Failed,
        ExitCode::Skipped,
        ExitCode::Success,
    ];

    /// The one of several that counts.
    pub fn worst(codes: &[ExitCode]) -> ExitCode {
        ExitCode::PRECEDENCE.into_iter().find(|code| codes.contains(code)).unwrap_or(ExitCode::Success)
    }

    /// InSpec's --no-distinct-exit: only 0 and 1, but 2 stays 2.
    pub fn indistinct(self) -> ExitCode {
        match self {
            ExitCode::Success | ExitCode::Skipped => ExitCode::Success,
            ExitCode::Usage => ExitCode::Usage,
            _ => ExitCode::Internal,
        }
    }
}
