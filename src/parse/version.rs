//! Version comparison: dpkg's (deb-version(7)) and the general one of `as: version` (RubyGems, as InSpec's cmp).

use std::cmp::Ordering;

/// Which rules two versions are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Numbers and words between dots; a word, and what follows a hyphen, is a pre-release. RubyGems' rules, but that
    /// the first part may hold letters too (2024a).
    General,
    /// epoch:upstream-revision.
    Dpkg,
}

/// Compares two versions; `None` when one of them is none in this scheme.
pub fn compare(scheme: Scheme, left: &[u8], right: &[u8]) -> Option<Ordering> {
    match scheme {
        Scheme::General => Some(compare_segments(&segments(left)?, &segments(right)?)),
        Scheme::Dpkg => compare_dpkg(left, right),
    }
}

/// Whether a text is a version of this scheme.
pub fn is_version(scheme: Scheme, text: &[u8]) -> bool {
    compare(scheme, text, text).is_some()
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Word(Vec<u8>),
    /// A number as its digits without leading zeros, so that no length overflows.
    Number(Vec<u8>),
}

/// The segments of a general version: `1.2.rc3-4` is 1, 2, "rc", 3, "pre", 4.
fn segments(text: &[u8]) -> Option<Vec<Segment>> {
    let text = text.trim_ascii();
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let (release, tail) = match text.iter().position(|byte| *byte == b'-') {
        Some(at) => (text.get(..at)?, Some(text.get(at + 1..)?)),
        None => (text, None),
    };
    let mut segments = Vec::new();
    for part in release.split(|byte| *byte == b'.') {
        split_part(part, &mut segments)?;
    }
    if let Some(tail) = tail {
        segments.push(Segment::Word(b"pre".to_vec()));
        for part in tail.split(|byte| matches!(byte, b'.' | b'-')) {
            split_part(part, &mut segments)?;
        }
    }
    Some(segments)
}

/// Splits a part into runs of digits and runs of letters; anything else is no version.
fn split_part(part: &[u8], segments: &mut Vec<Segment>) -> Option<()> {
    if part.is_empty() || !part.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    for run in part.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        let digits = run.first().is_some_and(u8::is_ascii_digit);
        segments.push(if digits { Segment::Number(strip_zeros(run).to_vec()) } else { Segment::Word(run.to_vec()) });
    }
    Some(())
}

fn strip_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn compare_numbers(left: &[u8], right: &[u8]) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn compare_segments(left: &[Segment], right: &[Segment]) -> Ordering {
    let zero = Segment::Number(Vec::new());
    for index in 0..left.len().max(right.len()) {
        let pair = (left.get(index).unwrap_or(&zero), right.get(index).unwrap_or(&zero));
        let order = match pair {
            (Segment::Number(left), Segment::Number(right)) => compare_numbers(left, right),
            (Segment::Word(left), Segment::Word(right)) => left.cmp(right),
            (Segment::Word(_), Segment::Number(_)) => Ordering::Less,
            (Segment::Number(_), Segment::Word(_)) => Ordering::Greater,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn compare_dpkg(left: &[u8], right: &[u8]) -> Option<Ordering> {
    let (left, right) = (dpkg_parts(left)?, dpkg_parts(right)?);
    Some(
        compare_numbers(strip_zeros(left.0), strip_zeros(right.0))
            .then_with(|| compare_dpkg_text(left.1, right.1))
            .then_with(|| compare_dpkg_text(left.2, right.2)),
    )
}

/// Epoch, upstream version and revision.
fn dpkg_parts(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let text = text.trim_ascii();
    let (epoch, rest) = match text.iter().position(|byte| *byte == b':') {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (&b"0"[..], text),
    };
    let (upstream, revision) = match rest.iter().rposition(|byte| *byte == b'-') {
        Some(at) => (rest.get(..at)?, rest.get(at + 1..)?),
        None => (rest, &b""[..]),
    };
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b".+-:~".contains(byte);
    let sound =
        !upstream.is_empty() && !epoch.is_empty() && epoch.iter().all(u8::is_ascii_digit) && rest.iter().all(allowed);
    sound.then_some((epoch, upstream, revision))
}

/// Alternating runs of non-digits and digits; `~` sorts before everything, even the end; letters before the rest.
fn compare_dpkg_text(mut left: &[u8], mut right: &[u8]) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    loop {
        while left.first().is_some_and(|byte| !byte.is_ascii_digit())
            || right.first().is_some_and(|byte| !byte.is_ascii_digit())
        {
            let order = weight(left.first()).cmp(&weight(right.first()));
            if order != Ordering::Equal {
                return order;
            }
            left = left.get(1..).unwrap_or_default();
            right = right.get(1..).unwrap_or_default();
        }
        let split = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let ((left_digits, left_rest), (right_digits, right_rest)) =
            (left.split_at(split(left)), right.split_at(split(right)));
        let order = compare_numbers(strip_zeros(left_digits), strip_zeros(right_digits));
        if order != Ordering::Equal || (left_rest.is_empty() && right_rest.is_empty()) {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scheme: Scheme, cases: &[(&str, &str, Option<Ordering>)]) {
        for (left, right, expected) in cases {
            let order = compare(scheme, left.as_bytes(), right.as_bytes());
            assert_eq!(order, *expected, "{left} {right}");
            let reverse = compare(scheme, right.as_bytes(), left.as_bytes());
            assert_eq!(reverse, expected.map(Ordering::reverse), "{right} {left}");
        }
    }

    #[test]
    fn general_versions_are_those_of_rubygems() {
        use Ordering::{Equal, Greater, Less};
        check(
            Scheme::General,
            &[
                ("1.9", "1.10", Some(Less)),
                ("1.0", "1", Some(Equal)),
                ("1.0.a", "1.0", Some(Less)),
                ("1.0-1", "1.0", Some(Less)),
                ("1.0rc1", "1.0rc2", Some(Less)),
                ("08", "8", Some(Equal)),
                ("99999999999999999999999", "100000000000000000000000", Some(Less)),
                ("2", "1.99", Some(Greater)),
                ("1:2", "1", None),
                ("abc", "1", None),
                ("", "1", None),
                ("1..2", "1", None),
                ("1.2+b", "1", None),
            ],
        );
    }

    #[test]
    fn dpkg_versions_are_those_of_the_policy_manual() {
        use Ordering::{Equal, Less};
        check(
            Scheme::Dpkg,
            &[
                ("1.0~beta1~svn1245", "1.0~beta1", Some(Less)),
                ("1.0~beta1", "1.0", Some(Less)),
                ("1.0", "1.0-1", Some(Less)),
                ("1.0-1", "1.0-1+b1", Some(Less)),
                ("2.0", "1:1.0", Some(Less)),
                ("1.2.3", "1.2.03", Some(Equal)),
                ("0:1.0", "1.0", Some(Equal)),
                ("1.17-18.el8", "1.17-9.el8", Some(Ordering::Greater)),
                ("1.0a", "1.0+", Some(Less)),
                ("a:1", "1", None),
                ("", "1", None),
                ("1_2", "1", None),
            ],
        );
    }
}
