//! Reports that are read again, and thresholds.

use assay::outcome::{ControlStatus, Report, Severity};
use assay::report::{Format, read, write, write_again};
use assay::threshold::{Counted, Verdict, count_report, generate, parse, parse_inline};

use super::same;

fn written(format: Format, report: &Report) -> String {
    let mut out = Vec::new();
    write(format, report, None, false, &mut out).expect("memory takes everything");
    check_format(format, out)
}

/// What readers of a format rely on.
fn check_format(format: Format, out: Vec<u8>) -> String {
    let text = String::from_utf8(out).expect("reports are UTF-8");
    match format {
        Format::Json | Format::JsonMin | Format::Sarif => {
            let read = serde_json::from_str::<serde_json::Value>(&text);
            assert!(read.is_ok(), "{format:?}: {read:?}");
        }
        Format::Junit => {
            let read = assay::parse::xml::xml(text.as_bytes());
            assert!(read.as_ref().is_ok_and(|_| true), "{format:?}: {read:?}");
        }
        Format::Cli => {
            let control = text.chars().find(|char| char.is_control() && *char != '\n');
            assert_eq!(control, None, "a control character for a terminal");
        }
        _ => {}
    }
    text
}

/// Every format can be written, and what is read again counts alike.
pub fn check_formats(report: &Report) {
    for (_, format) in Format::ALL {
        written(format, report);
    }
    let (again, _) = read(&written(Format::Json, report)).expect("assay reads what it wrote");
    assert_eq!(count_report(&again), count_report(report), "read again, it counts otherwise");
    check_generated(&count_report(report));
}

/// A threshold that is made of results is met by them.
fn check_generated(counted: &[Counted]) {
    for (exact, ids) in [(false, false), (true, false), (true, true)] {
        let text = generate(counted, exact, ids);
        let threshold = parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let verdict = threshold.judge(counted);
        assert!(verdict.is_met(), "{:?}: {text}", verdict.violations);
    }
}

/// A file of results, of any tool.
pub fn report(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok((report, verdict)) = same(|| read(text).map_err(|error| error.to_string())) else { return };
    for (_, format) in Format::ALL {
        let mut out = Vec::new();
        write_again(format, text, &report, verdict.as_ref(), false, &mut out).expect("memory takes everything");
        check_format(format, out);
    }
    check_formats(&report);
}

/// A threshold, from a file and from the command line.
pub fn threshold(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let one = |id: &str, status, severity| Counted { id: id.to_owned(), status, severity };
    let counted = [
        one("a", ControlStatus::Passed, Severity::High),
        one("b", ControlStatus::Failed, Severity::Low),
        one("c", ControlStatus::Error, Severity::Critical),
        one("d", ControlStatus::NotApplicable, Severity::None),
    ];
    for parse in [parse, parse_inline] {
        if let Ok(threshold) = same(|| parse(text).map_err(|error| error.to_string())) {
            let Verdict { violations } = threshold.judge(&counted);
            let stricter = threshold.for_scan().judge(&counted);
            // A scan never demands less.
            assert!(violations.iter().all(|violation| stricter.violations.contains(violation)));
        }
    }
}
