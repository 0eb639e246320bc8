//! Version comparison: the general one of `as: version` (RubyGems, as InSpec's cmp), and those of the databases of
//! packages: dpkg (deb-version(7)), rpm (rpm-version(7)), apk (apk-package(5)), pacman (vercmp(8)), Python (PEP 440).

use std::cmp::Ordering;

pub use crate::value::Scheme;

/// Compares two versions; `None` when one of them is none in this scheme.
pub fn compare(scheme: Scheme, left: &[u8], right: &[u8]) -> Option<Ordering> {
    match scheme {
        Scheme::General => Some(compare_segments(&segments(left)?, &segments(right)?)),
        Scheme::Dpkg => compare_dpkg(left, right),
        Scheme::Rpm => compare_parts(left, right, compare_rpm_text),
        Scheme::Pacman => compare_parts(left, right, compare_pacman_text),
        Scheme::Apk => Some(compare_apk(&apk_tokens(left)?, &apk_tokens(right)?)),
        Scheme::R => Some(r_key(left)?.cmp(&r_key(right)?)),
        Scheme::Perl => Some(perl_key(left)?.cmp(&perl_key(right)?)),
        Scheme::Python => Some(python_key(left)?.cmp(&python_key(right)?)),
    }
}

/// Compares a version that is there with one that somebody expects.
///
/// For rpm and pacman, what the expectation leaves out is left out of both: `3.0.7` is any release of it, as in their
/// dependencies, and an epoch that nobody wrote does not decide.
pub fn against(scheme: Scheme, actual: &[u8], expected: &[u8]) -> Option<Ordering> {
    if !matches!(scheme, Scheme::Rpm | Scheme::Pacman) {
        return compare(scheme, actual, expected);
    }
    let (Some(mut there), Some(wanted)) = (parts_of(actual), parts_of(expected)) else { return None };
    if wanted.epoch.is_none() {
        there.epoch = None;
    }
    if wanted.release.is_none() {
        there.release = None;
    }
    let by = if scheme == Scheme::Rpm { compare_rpm_text } else { compare_pacman_text };
    Some(there.compare(&wanted, by))
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

/// A version of rpm or pacman: epoch:version-release.
struct Parts<'a> {
    epoch: Option<&'a [u8]>,
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

impl Parts<'_> {
    fn compare(&self, other: &Parts<'_>, by: fn(&[u8], &[u8]) -> Ordering) -> Ordering {
        let epoch = |parts: &Parts<'_>| strip_zeros(parts.epoch.unwrap_or_default()).to_vec();
        compare_numbers(&epoch(self), &epoch(other)).then_with(|| by(self.version, other.version)).then_with(|| match (
            self.release,
            other.release,
        ) {
            (Some(left), Some(right)) => by(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        })
    }
}

fn parts_of(text: &[u8]) -> Option<Parts<'_>> {
    let text = text.trim_ascii();
    let (epoch, rest) = match text.iter().position(|byte| *byte == b':') {
        Some(at) => (Some(text.get(..at)?), text.get(at + 1..)?),
        None => (None, text),
    };
    let (version, release) = match rest.iter().rposition(|byte| *byte == b'-') {
        Some(at) => (rest.get(..at)?, Some(rest.get(at + 1..)?)),
        None => (rest, None),
    };
    let sound = |part: &[u8]| {
        part.first().is_some_and(|byte| byte.is_ascii_alphanumeric())
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._+~^".contains(byte))
    };
    let numeric = |epoch: &[u8]| !epoch.is_empty() && epoch.iter().all(u8::is_ascii_digit);
    (epoch.is_none_or(numeric) && sound(version) && release.is_none_or(sound)).then_some(Parts {
        epoch,
        version,
        release,
    })
}

fn compare_parts(left: &[u8], right: &[u8], by: fn(&[u8], &[u8]) -> Ordering) -> Option<Ordering> {
    Some(parts_of(left)?.compare(&parts_of(right)?, by))
}

/// The run of digits, or of letters, at the start, and what follows it.
fn run(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.first().is_some_and(u8::is_ascii_digit);
    let of_run = |byte: &&u8| if digits { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
    text.split_at(text.iter().take_while(of_run).count())
}

/// Two runs: a number is greater than a word.
fn compare_runs(left: &[u8], right: &[u8]) -> Ordering {
    match (left.first().is_some_and(u8::is_ascii_digit), right.first().is_some_and(u8::is_ascii_digit)) {
        (true, true) => compare_numbers(strip_zeros(left), strip_zeros(right)),
        (false, false) => left.cmp(right),
        (left, right) => left.cmp(&right),
    }
}

/// Runs of digits and of letters, whatever separates them; `~` sorts before the end, `^` right behind it.
fn compare_rpm_text(mut left: &[u8], mut right: &[u8]) -> Ordering {
    loop {
        (left, right) = (behind_separators(left), behind_separators(right));
        let weight = |text: &[u8]| match text.first() {
            Some(b'~') => 0,
            None => 1,
            Some(b'^') => 2,
            Some(_) => 3,
        };
        let order = weight(left).cmp(&weight(right));
        if order != Ordering::Equal || left.is_empty() {
            return order;
        }
        if weight(left) != 3 {
            (left, right) = (left.get(1..).unwrap_or_default(), right.get(1..).unwrap_or_default());
            continue;
        }
        let ((left_run, left_rest), (right_run, right_rest)) = (run(left), run(right));
        let order = compare_runs(left_run, right_run);
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

fn behind_separators(text: &[u8]) -> &[u8] {
    let separators = text.iter().take_while(|byte| !byte.is_ascii_alphanumeric() && !b"~^".contains(byte)).count();
    text.get(separators..).unwrap_or_default()
}

/// As rpm's older rules, but that letters right behind a number are a pre-release of it (1.0rc < 1.0 < 1.0.a).
fn compare_pacman_text(mut left: &[u8], mut right: &[u8]) -> Ordering {
    let separators = |text: &[u8]| text.iter().take_while(|byte| !byte.is_ascii_alphanumeric()).count();
    // Letters without a separator, the end, and what stands behind a separator, the more of it the greater.
    let weight = |text: &[u8]| match (text.first(), separators(text)) {
        (None, _) => 1,
        (Some(byte), 0) if byte.is_ascii_alphabetic() => 0,
        (Some(_), count) => 2 + count,
    };
    loop {
        let order = weight(left).cmp(&weight(right));
        if order != Ordering::Equal || left.is_empty() {
            return order;
        }
        let skip = separators(left);
        let ((left_run, left_rest), (right_run, right_rest)) =
            (run(left.get(skip..).unwrap_or_default()), run(right.get(skip..).unwrap_or_default()));
        let order = match (left_run.is_empty(), right_run.is_empty()) {
            (false, false) => compare_runs(left_run, right_run),
            (left, right) => right.cmp(&left),
        };
        if order != Ordering::Equal || left_run.is_empty() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// A part of apk's versions; of two different kinds at the same place, the one that stands first here is the greater,
/// but for suffixes of a pre-release, which are less than all.
#[derive(Debug, PartialEq, Eq)]
enum Apk<'a> {
    /// The first number.
    First(&'a [u8]),
    /// A further number; with a zero in front it is compared as a text.
    Number(&'a [u8]),
    Letter(u8),
    /// The place of a suffix among all, and its number.
    Suffix(usize, &'a [u8]),
    /// The digits of a commit.
    Commit(&'a [u8]),
    Revision(&'a [u8]),
}

/// Suffixes in their order; those before `cvs` make a pre-release.
const APK_SUFFIXES: [&[u8]; 9] = [b"alpha", b"beta", b"pre", b"rc", b"cvs", b"svn", b"git", b"hg", b"p"];
const APK_RELEASED: usize = 4;

fn digits_first(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

fn apk_tokens(text: &[u8]) -> Option<Vec<Apk<'_>>> {
    let (first, mut rest) = digits_first(text.trim_ascii());
    if first.is_empty() {
        return None;
    }
    let mut tokens = vec![Apk::First(first)];
    while let Some((mark, behind)) = rest.split_first() {
        let token;
        (token, rest) = match (mark, tokens.last()?) {
            (b'.', Apk::First(_) | Apk::Number(_)) => {
                let (number, rest) = digits_first(behind);
                (Apk::Number((!number.is_empty()).then_some(number)?), rest)
            }
            (b'a'..=b'z', Apk::First(_) | Apk::Number(_)) => (Apk::Letter(*mark), behind),
            (b'_', Apk::First(_) | Apk::Number(_) | Apk::Letter(_) | Apk::Suffix(..)) => {
                let word = behind.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
                let (word, number) = behind.split_at(word);
                let (number, rest) = digits_first(number);
                (Apk::Suffix(APK_SUFFIXES.iter().position(|suffix| *suffix == word)?, number), rest)
            }
            (b'~', last) if !matches!(last, Apk::Commit(_) | Apk::Revision(_)) => {
                let (commit, rest) = behind.split_at(behind.iter().take_while(|byte| byte.is_ascii_hexdigit()).count());
                (Apk::Commit((!commit.is_empty()).then_some(commit)?), rest)
            }
            (b'-', last) if !matches!(last, Apk::Revision(_)) => {
                let (number, rest) = digits_first(behind.strip_prefix(b"r")?);
                (Apk::Revision((!number.is_empty()).then_some(number)?), rest)
            }
            _ => return None,
        };
        tokens.push(token);
    }
    Some(tokens)
}

fn compare_apk(left: &[Apk<'_>], right: &[Apk<'_>]) -> Ordering {
    // Of two different kinds, the greater number is the greater version.
    let rank = |token: Option<&Apk<'_>>| match token {
        Some(Apk::Suffix(suffix, _)) if *suffix < APK_RELEASED => 0,
        None => 1,
        Some(Apk::Revision(_)) => 2,
        Some(Apk::Commit(_)) => 3,
        Some(Apk::Suffix(..)) => 4,
        Some(Apk::Letter(_)) => 5,
        Some(Apk::First(_) | Apk::Number(_)) => 6,
    };
    let numbers = |left: &[u8], right: &[u8]| compare_numbers(strip_zeros(left), strip_zeros(right));
    for place in 0..left.len().max(right.len()) {
        let (one, other) = (left.get(place), right.get(place));
        let order = match (one, other) {
            (Some(Apk::First(one)), Some(Apk::First(other))) => numbers(one, other),
            (Some(Apk::Revision(one)), Some(Apk::Revision(other))) => numbers(one, other),
            (Some(Apk::Number(one)), Some(Apk::Number(other))) => {
                if one.first() == Some(&b'0') || other.first() == Some(&b'0') {
                    one.cmp(other)
                } else {
                    numbers(one, other)
                }
            }
            (Some(Apk::Letter(one)), Some(Apk::Letter(other))) => one.cmp(other),
            (Some(Apk::Commit(one)), Some(Apk::Commit(other))) => one.cmp(other),
            (Some(Apk::Suffix(one, first)), Some(Apk::Suffix(other, second))) => {
                one.cmp(other).then_with(|| numbers(first, second))
            }
            (one, other) => rank(one).cmp(&rank(other)),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// A number as digits without leading zeros, which sorts as the number does.
type Digits = (usize, Vec<u8>);

fn digits(text: &[u8]) -> Digits {
    let text = strip_zeros(text);
    (text.len(), text.to_vec())
}

/// The numbers of an R version.
fn r_key(text: &[u8]) -> Option<Vec<Digits>> {
    let number = |part: &[u8]| (!part.is_empty() && part.iter().all(u8::is_ascii_digit)).then(|| digits(part));
    text.trim_ascii().split(|byte| matches!(byte, b'.' | b'-')).map(number).collect()
}

/// The numbers of a Perl version, without zeros at the end; the fraction of a decimal one in groups of three digits.
fn perl_key(text: &[u8]) -> Option<Vec<Digits>> {
    let text: Vec<u8> = text.trim_ascii().iter().copied().filter(|byte| *byte != b'_').collect();
    let dotted = text.strip_prefix(b"v");
    let parts: Vec<&[u8]> = dotted.unwrap_or(&text).split(|byte| *byte == b'.').collect();
    if !parts.iter().all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let mut key: Vec<Digits> = match parts.as_slice() {
        [whole, fraction] if dotted.is_none() => {
            let group = |group: &[u8]| {
                let mut group = group.to_vec();
                group.resize(3, b'0');
                digits(&group)
            };
            std::iter::once(digits(whole)).chain(fraction.chunks(3).map(group)).collect()
        }
        parts => parts.iter().map(|part| digits(part)).collect(),
    };
    while key.last().is_some_and(|(length, _)| *length == 0) {
        key.pop();
    }
    Some(key)
}

/// A Python version, so that keys sort as PEP 440 says: epoch, release without zeros at its end, pre-release,
/// post-release, development release, local version.
type PythonKey = (Digits, Vec<Digits>, (u8, Digits), (u8, Digits), (u8, Digits), Vec<(bool, Digits, Vec<u8>)>);

fn python_key(text: &[u8]) -> Option<PythonKey> {
    let lower = text.trim_ascii().to_ascii_lowercase();
    let text = lower.strip_prefix(b"v").unwrap_or(&lower);
    let (public, local) = match text.iter().position(|byte| *byte == b'+') {
        Some(at) => (text.get(..at)?, Some(text.get(at + 1..)?)),
        None => (text, None),
    };
    let (epoch, mut rest) = match public.iter().position(|byte| *byte == b'!') {
        Some(at) => (public.get(..at)?, public.get(at + 1..)?),
        None => (&b"0"[..], public),
    };
    let mut release = Vec::new();
    loop {
        let (number, behind) = digits_first(rest);
        if number.is_empty() {
            return None;
        }
        release.push(digits(number));
        rest = behind;
        match behind {
            [b'.', next, ..] if next.is_ascii_digit() => rest = behind.get(1..)?,
            _ => break,
        }
    }
    while release.last().is_some_and(|(length, _)| *length == 0) {
        release.pop();
    }
    let none = || (0, Vec::new());
    let (mut pre, mut post, mut dev) = (None, None, None);
    while !rest.is_empty() {
        let marked = rest.strip_prefix(b".").or(rest.strip_prefix(b"-")).or(rest.strip_prefix(b"_"));
        let implicit = rest.first() == Some(&b'-') && marked.and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit);
        let behind = marked.unwrap_or(rest);
        let (word, behind) = behind.split_at(behind.iter().take_while(|byte| byte.is_ascii_alphabetic()).count());
        let number = behind.strip_prefix(b".").or(behind.strip_prefix(b"-")).or(behind.strip_prefix(b"_"));
        let number = number.filter(|number| !word.is_empty() && number.first().is_some_and(u8::is_ascii_digit));
        let (number, behind) = digits_first(number.unwrap_or(behind));
        let slot = match word {
            b"a" | b"alpha" => pre_slot(&mut pre, &post, &dev, 0)?,
            b"b" | b"beta" => pre_slot(&mut pre, &post, &dev, 1)?,
            b"c" | b"rc" | b"pre" | b"preview" => pre_slot(&mut pre, &post, &dev, 2)?,
            b"post" | b"rev" | b"r" if post.is_none() && dev.is_none() => post.insert((1, none())),
            b"" if implicit && post.is_none() && dev.is_none() => post.insert((1, none())),
            b"dev" if dev.is_none() => dev.insert((0, none())),
            _ => return None,
        };
        slot.1 = digits(number);
        rest = behind;
    }
    // Without a pre-release: a mere development release sorts before all pre-releases, everything else behind them.
    let last = if post.is_none() && dev.is_some() { (0, none()) } else { (4, none()) };
    let pre = pre.map_or(last, |(kind, number)| (kind + 1, number));
    let (post, dev) = (post.unwrap_or((0, none())), dev.unwrap_or((1, none())));
    let local = local.map_or(Some(Vec::new()), |local| {
        let part = |part: &[u8]| {
            let numeric = part.iter().all(u8::is_ascii_digit);
            let sound = !part.is_empty() && part.iter().all(u8::is_ascii_alphanumeric);
            sound.then(|| (numeric, if numeric { digits(part) } else { none() }, part.to_vec()))
        };
        let parts = local.split(|byte| b".-_".contains(byte));
        let strip = |(numeric, digits, text): (bool, Digits, Vec<u8>)| {
            let text = if numeric { Vec::new() } else { text };
            (numeric, digits, text)
        };
        parts.map(|text| part(text).map(strip)).collect()
    })?;
    let sound = !epoch.is_empty() && epoch.iter().all(u8::is_ascii_digit);
    sound.then(|| (digits(epoch), release, pre, post, dev, local))
}

type Stage = Option<(u8, Digits)>;

/// The place of a pre-release, which comes before all other suffixes.
fn pre_slot<'a>(pre: &'a mut Stage, post: &Stage, dev: &Stage, kind: u8) -> Option<&'a mut (u8, Digits)> {
    (pre.is_none() && post.is_none() && dev.is_none()).then(|| pre.insert((kind, (0, Vec::new()))))
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

    /// Each is less than the next.
    fn check_ascending(scheme: Scheme, versions: &[&str]) {
        for (place, left) in versions.iter().enumerate() {
            for (other, right) in versions.iter().enumerate() {
                let order = compare(scheme, left.as_bytes(), right.as_bytes());
                assert_eq!(order, Some(place.cmp(&other)), "{scheme:?}: {left} {right}");
            }
        }
    }

    #[test]
    fn rpm_versions_are_those_of_its_manual() {
        check_ascending(
            Scheme::Rpm,
            &[
                "1.0~rc1",
                "1.0~rc2",
                "1.0",
                "1.0^20240501",
                "1.0.1",
                "1.1",
                "1.10",
                "2",
                "2-1",
                "2-2.el9",
                "2-10.el9",
                "1:1",
            ],
        );
        use Ordering::{Equal, Greater, Less};
        check(
            Scheme::Rpm,
            &[
                ("1.0", "1_0", Some(Equal)),
                ("1.05", "1.5", Some(Equal)),
                ("2a", "2.0", Some(Less)),
                ("xyz10", "xyz10.1", Some(Less)),
                ("6.0.rc1", "6.0", Some(Greater)),
                ("1.17-18.el8", "1.17-9.el8", Some(Greater)),
                ("20210617-1.gitc776d3e.el8", "20210617-1.el8", Some(Greater)),
                ("a b", "1", None),
                ("", "1", None),
                ("x:1", "1", None),
            ],
        );
        for (actual, expected, order) in [
            ("1:3.0.7-24.el9", "3.0.7", Some(Equal)),
            ("1:3.0.7-24.el9", "3.0.7-25.el9", Some(Less)),
            ("1:3.0.7-24.el9", "2:1", Some(Less)),
            ("3.0.7", "3.0.7-1", Some(Less)),
        ] {
            assert_eq!(against(Scheme::Rpm, actual.as_bytes(), expected.as_bytes()), order, "{actual} {expected}");
        }
    }

    #[test]
    fn pacman_versions_are_those_of_vercmp() {
        let words = ["1.0a", "1.0b", "1.0beta", "1.0p", "1.0pre", "1.0rc", "1.0", "1.0.a", "1.0.1"];
        check_ascending(Scheme::Pacman, &words);
        check_ascending(Scheme::Pacman, &["1", "1.0", "1.1", "1.1.1", "1.2", "2.0", "3.0.0", "1:0.1"]);
        assert_eq!(against(Scheme::Pacman, b"1.5-2", b"1.5"), Some(Ordering::Equal));
    }

    #[test]
    fn apk_versions_are_those_of_its_manual() {
        check_ascending(
            Scheme::Apk,
            &[
                "1.2_alpha",
                "1.2_alpha2",
                "1.2_beta",
                "1.2_pre3",
                "1.2_rc1",
                "1.2",
                "1.2-r1",
                "1.2-r10",
                "1.2_git20240101",
                "1.2_p1",
                "1.2a",
                "1.2b",
                "1.2.01",
                "1.2.1",
                "1.2.2",
                "1.2.10",
                "1.10",
                "2",
            ],
        );
        for text in ["", "v1", "1.", "1_foo", "1-1", "1-r", "1.2ab", "1:2", "1.2-r1-r2"] {
            assert!(!is_version(Scheme::Apk, text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn r_and_perl_have_rules_of_their_own() {
        check_ascending(Scheme::R, &["1.0", "1.0-2", "1.0.3", "1.1", "1.10", "2"]);
        check_ascending(Scheme::Perl, &["1.05", "1.10", "1.100001", "1.9", "v2.9", "v2.10.0", "2.5", "3"]);
        assert_eq!(compare(Scheme::Perl, b"1.5", b"v1.500.0"), Some(Ordering::Equal));
        assert!(!is_version(Scheme::Perl, b"1.x") && !is_version(Scheme::R, b"1..2") && !is_version(Scheme::R, b""));
    }

    #[test]
    fn python_versions_are_those_of_pep_440() {
        check_ascending(
            Scheme::Python,
            &[
                "1.0.dev1",
                "1.0a1.dev1",
                "1.0a1",
                "1.0b1",
                "1.0b2.post345.dev456",
                "1.0b2.post345",
                "1.0rc1",
                "1.0",
                "1.0+abc.5",
                "1.0+abc.7",
                "1.0+5",
                "1.0.post1.dev1",
                "1.0.post1",
                "1.0.15",
                "1.1.dev1",
                "1.10",
                "1!0.1",
            ],
        );
        for (left, right) in [("1.0", "1"), ("1.0-1", "1.post1"), ("V1.0-Alpha_1", "1.0a1"), ("1.0.RC", "1rc0")] {
            assert_eq!(compare(Scheme::Python, left.as_bytes(), right.as_bytes()), Some(Ordering::Equal), "{left}");
        }
        for text in ["", "x", "1..2", "1.0foo", "1+", "1.0a1a2", "1.0dev1a1"] {
            assert!(!is_version(Scheme::Python, text.as_bytes()), "{text}");
        }
    }
}
