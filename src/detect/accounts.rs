//! Who there is, and who the image starts as.

use crate::detect::look::Looker;
use crate::detect::{CONFIGURATION, Evidence, Finding, FindingKind, MAX_EVIDENCE};
use crate::parse::accounts::{Record, records};
use crate::rootfs::MAX_FILE_BYTES;

const PASSWD: &[u8] = b"/etc/passwd";

/// The user that distroless and Chainguard images make for programs.
const NONROOT: i64 = 65532;

/// How many accounts are named.
const NAMED: usize = 10;

/// The accounts, those that tell what the container runs as, and the image's user.
pub(super) fn findings(looker: &mut Looker<'_>) -> Vec<Finding> {
    let content = looker.read(PASSWD, MAX_FILE_BYTES);
    let text = content.clone().ok().flatten();
    let records = text.as_deref().and_then(|text| looker.parsed(PASSWD, records(text)));
    let mut findings = Vec::new();
    if let Some(records) = &records {
        findings.push(table(records));
        findings.extend(telling(records));
    }
    // Without the table it is not known whom a name means.
    let known = match (content, &records) {
        (Ok(None), _) => Some(&[][..]),
        (_, records) => records.as_deref(),
    };
    findings.extend(default_user(looker, known));
    findings
}

fn name(record: &Record<'_>) -> String {
    super::shown(record.field(0).unwrap_or_default())
}

fn uid(record: &Record<'_>) -> Option<i64> {
    record.id(2).ok().flatten()
}

fn table(records: &[Record<'_>]) -> Finding {
    let account = |record: &Record<'_>| match uid(record) {
        Some(uid) => format!("{} ({uid})", name(record)),
        None => format!("{} (no uid)", name(record)),
    };
    let mut named: Vec<String> = records.iter().take(NAMED).map(account).collect();
    if records.len() > NAMED {
        named.push(format!("{} more", records.len() - NAMED));
    }
    let evidence = Evidence { says: Some(named.join(", ")), ..Evidence::at(PASSWD) };
    Finding::new(FindingKind::Accounts, "passwd", vec![evidence]).count(Some(records.len() as u64))
}

/// The accounts that are root, and those that are made not to be.
fn telling(records: &[Record<'_>]) -> impl Iterator<Item = Finding> {
    [0, NONROOT].into_iter().filter_map(|wanted| {
        let mut all = records.iter().filter(|record| uid(record) == Some(wanted));
        let evidence =
            |record: &Record<'_>| Evidence::at(PASSWD).says(format!("line {}: {}", record.line, name(record)));
        let evidence: Vec<Evidence> = all.by_ref().take(MAX_EVIDENCE).map(evidence).collect();
        let more = all.count() as u64;
        let count = evidence.len() as u64 + more;
        let finding = Finding::new(FindingKind::Account, format!("uid {wanted}"), evidence).count(Some(count));
        (count > 0).then_some(Finding { more, ..finding })
    })
}

/// Who the image starts as: by name where the table has the number, with the number where it has the name.
fn default_user(looker: &Looker<'_>, known: Option<&[Record<'_>]>) -> Option<Finding> {
    let config = looker.root.image_config()?;
    let written = config.user.as_deref().unwrap_or_default();
    let user = written.split_once(':').map_or(written, |(user, _)| user);
    let user = if user.is_empty() { "0" } else { user };
    let says = if written.is_empty() { "no User, so root".to_owned() } else { format!("User {written}") };
    let mut evidence = vec![Evidence::at(CONFIGURATION).says(says)];
    let number: Option<i64> = user.parse().ok();
    let is_it =
        |record: &&Record<'_>| record.field(0) == Some(user.as_bytes()) || (number.is_some() && uid(record) == number);
    let record = known.and_then(|records| records.iter().find(is_it));
    if let Some(record) = record {
        let uid = uid(record).map_or_else(|| "no uid".to_owned(), |uid| format!("uid {uid}"));
        evidence.push(Evidence::at(PASSWD).says(format!("line {}: {}, {uid}", record.line, name(record))));
    }
    let name = match (record, user) {
        (Some(record), _) => name(record),
        (None, "0") => "root".to_owned(),
        (None, user) => super::shown(user.as_bytes()),
    };
    Some(Finding::new(FindingKind::DefaultUser, name, evidence))
}
