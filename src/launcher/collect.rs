//! From what a command wrote to a result: nothing is taken that is not whole. Pure.

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::command::judged;
use crate::exit_code::ExitCode;
use crate::launcher::trouble::Trouble;
use crate::outcome::Report;
use crate::report::read;
use crate::threshold::{Threshold, Verdict};

/// The most that a report may have.
pub const MAX_REPORT: u64 = 512 << 20;
/// The line before a report: version of the frame, length, digest.
const FRAME: &str = "assay-frame 1 ";

/// A result that is whole, with what the launcher knows of how it came about.
pub struct Collected {
    /// HDF.
    pub hdf: String,
    /// The same, as reports are written from it.
    pub report: Report,
    /// Whether the threshold is met.
    pub verdict: Option<Verdict>,
    /// How the scan ends.
    pub code: ExitCode,
}

/// The report in a frame.
///
/// Errors: it is not whole.
pub fn unframe(bytes: &[u8]) -> Result<&[u8], Trouble> {
    let cut = |why: String| Trouble::new(format!("the agent's report is not whole: {why}")).with_next("run it again");
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| cut("it has no first line".to_owned()))?;
    let (line, rest) = bytes.split_at(end);
    let body = rest.get(1..).unwrap_or_default();
    let line = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix(FRAME));
    let (length, digest) =
        line.and_then(|line| line.split_once(" sha256:")).ok_or_else(|| cut("it has no frame".to_owned()))?;
    if length.parse() != Ok(body.len()) {
        return Err(cut(format!("{} bytes came, not {length}", body.len())));
    }
    let known: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    if known != digest {
        return Err(cut("its digest is another".to_owned()));
    }
    Ok(body)
}

/// Reads a report, puts in how it came about, and judges it.
///
/// Errors: it is no HDF, or says another end than the agent's exit code.
pub fn collect(
    report: &[u8],
    agent: u8,
    location: &str,
    attachment: &Json,
    threshold: Option<&Threshold>,
) -> Result<Collected, Trouble> {
    let wrong = |why: &dyn std::fmt::Display| Trouble::new(format!("the agent's report cannot be read: {why}"));
    let mut hdf: Json = serde_json::from_slice(report).map_err(|error| wrong(&error))?;
    let about = hdf.pointer_mut("/passthrough/assay").and_then(Json::as_object_mut);
    let about = about.ok_or_else(|| wrong(&"it is none of assay's"))?;
    about.insert("attachment".to_owned(), attachment.clone());
    if let Some(target) = about.get_mut("target").and_then(Json::as_object_mut) {
        target.insert("location".to_owned(), json!(location));
    }
    let (report, _) = read(&hdf.to_string()).map_err(|error| wrong(&error))?;
    let told = judged(&report, None);
    if told as u8 != agent {
        return Err(wrong(&format_args!("the agent ended with {agent}, and its report says {}", told as u8)));
    }
    let verdict = threshold.map(|threshold| threshold.clone().for_scan().judge_report(&report));
    if let (Some(verdict), Some(about)) =
        (&verdict, hdf.pointer_mut("/passthrough/assay").and_then(Json::as_object_mut))
    {
        about.insert("threshold".to_owned(), json!({ "met": verdict.is_met(), "violations": verdict.violations }));
    }
    let code = judged(&report, verdict.as_ref());
    Ok(Collected { hdf: format!("{hdf}\n"), report, verdict, code })
}

/// What the report says of the container that was scanned, where the kernel told it.
pub fn identity(hdf: &[u8]) -> (Option<String>, Option<String>) {
    let json: Json = serde_json::from_slice(hdf).unwrap_or_default();
    let text =
        |name: &str| json.pointer(&format!("/passthrough/assay/target/live/{name}"))?.as_str().map(str::to_owned);
    (text("container_id"), text("pod_uid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(body: &[u8]) -> Vec<u8> {
        let digest: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        [format!("{FRAME}{} sha256:{digest}\n", body.len()).as_bytes(), body].concat()
    }

    #[test]
    fn only_what_is_whole_is_a_report() {
        let whole = framed(b"{}\n");
        assert_eq!(unframe(&whole).unwrap(), b"{}\n");
        for end in 0..whole.len() {
            assert!(unframe(&whole[..end]).is_err(), "{end}");
        }
        let mut longer = whole.clone();
        longer.push(b'x');
        assert!(unframe(&longer).is_err());
        let mut other = whole;
        let last = other.len() - 2;
        other[last] = b']';
        assert_eq!(unframe(&other).unwrap_err().what, "the agent's report is not whole: its digest is another");
    }
}
