//! The parsers of single files.

use std::net::IpAddr;

use assay::parse::directives::Kind;
use assay::parse::sshd_match::Connection;
use assay::parse::version::Scheme;
use assay::parse::{self, MAX_ROWS, ParseError};
use assay::pattern::Pattern;
use assay::value::{Value, from_lossless, lossless, parse_date, parse_mode};

use super::{parts, same};

/// What holds for every document: an error has words and a line of the text, a value can be written.
fn document(data: &[u8], parse: impl Fn(&[u8]) -> Result<Value, ParseError>) -> Option<Value> {
    match same(|| parse(data)) {
        Ok(value) => {
            let _ = (value.inspect(), value.plain());
            Some(value)
        }
        Err(error) => {
            check_error(data, &error);
            None
        }
    }
}

fn check_error(data: &[u8], error: &ParseError) {
    assert!(!error.what.is_empty(), "an error without words");
    let lines = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    // An error at the end stands in the line that would follow.
    assert!(error.line.is_none_or(|line| (1..=lines + 1).contains(&line)), "{error}: there are {lines} lines");
}

pub fn json(data: &[u8]) {
    if document(data, parse::structured::json).is_some() {
        let read = serde_json::from_slice::<serde_json::Value>(data);
        assert!(read.is_ok(), "{read:?}");
    }
}

pub fn yaml(data: &[u8]) {
    document(data, parse::structured::yaml);
}

pub fn toml(data: &[u8]) {
    document(data, parse::toml::toml);
}

pub fn xml(data: &[u8]) {
    document(data, parse::xml::xml);
}

pub fn csv(data: &[u8]) {
    for header in [true, false] {
        match same(|| parse::csv::csv(data, header)) {
            Ok(sheet) => {
                assert!(sheet.rows.len() <= MAX_ROWS);
                assert!(sheet.rows.iter().all(|(line, cells)| *line > 0 && cells.len() == sheet.columns.len()));
            }
            Err(error) => check_error(data, &error),
        }
    }
}

pub fn accounts(data: &[u8]) {
    for records in [parse::accounts::records, parse::accounts::groups] {
        for record in records(data).iter().flatten() {
            for index in 0..12 {
                let _ = (record.id(index), record.days(index));
                let members = parse::accounts::members(record.field(index).unwrap_or_default());
                assert!(members.into_iter().all(|name| !name.contains(&b',')));
            }
        }
    }
}

pub fn directives(data: &[u8]) {
    for parse in [parse::directives::nginx, parse::directives::apache] {
        match same(|| parse(data)) {
            Ok(statements) => {
                let mut depth = 0_usize;
                for statement in statements {
                    match statement.kind {
                        Kind::Simple => assert!(!statement.words.is_empty(), "a directive without a name"),
                        Kind::Begin => depth += 1,
                        Kind::End => depth -= 1,
                    }
                }
                assert_eq!(depth, 0, "a block that does not end");
            }
            Err(error) => check_error(data, &error),
        }
    }
    for parse in [parse::time_servers::chrony, parse::time_servers::ntp] {
        match same(|| parse(data)) {
            Ok(lines) => assert!(lines.iter().all(|(_, text)| !text.is_empty())),
            Err(error) => check_error(data, &error),
        }
    }
}

pub fn databases(data: &[u8]) {
    if let Err(error) = same(|| parse::mysql::options(data)) {
        check_error(data, &error);
    }
    if let Err(error) = same(|| parse::postgres::settings(data)) {
        check_error(data, &error);
    }
    match same(|| parse::postgres::records(data)) {
        Ok(records) => assert!(records.iter().all(|(_, words)| !words.is_empty())),
        Err(error) => check_error(data, &error),
    }
}

pub fn dpkg(data: &[u8]) {
    for package in parse::dpkg::packages(data).iter().flatten() {
        assert!(!package.name.is_empty(), "a package without a name");
        let _ = (package.is_installed(), package.is_held());
    }
    if let Err(error) = same(|| parse::dpkg::diversions(data)) {
        check_error(data, &error);
    }
}

pub fn apk(data: &[u8]) {
    match same(|| parse::apk::packages(data)) {
        Ok(packages) => assert!(packages.iter().all(|package| !package.name.is_empty() && !package.version.is_empty())),
        Err(error) => check_error(data, &error),
    }
}

pub fn pam(data: &[u8]) {
    for with_service in [true, false] {
        match same(|| parse::pam::entries(data, with_service)) {
            Ok(entries) => assert!(entries.iter().all(|entry| entry.line > 0 && !entry.module.is_empty())),
            Err(error) => check_error(data, &error),
        }
    }
}

pub fn crontab(data: &[u8]) {
    for with_user in [true, false] {
        match same(|| parse::crontab::jobs(data, with_user)) {
            Ok(jobs) => assert!(jobs.iter().all(|job| job.line > 0 && job.user.is_some() == with_user)),
            Err(error) => check_error(data, &error),
        }
    }
}

pub fn inetd(data: &[u8]) {
    match same(|| parse::inetd::entries(data)) {
        Ok(entries) => assert!(entries.iter().all(|(line, _)| *line > 0)),
        Err(error) => check_error(data, &error),
    }
}

pub fn xinetd(data: &[u8]) {
    match same(|| parse::xinetd::statements(data)) {
        Ok(statements) => assert!(statements.iter().all(|(line, _)| *line > 0)),
        Err(error) => check_error(data, &error),
    }
}

pub fn oracle_net(data: &[u8]) {
    document(data, parse::oracle_net::parameters);
}

/// Interfaces, their addresses, routes of IPv4, routes of IPv6.
pub fn network(data: &[u8]) {
    let [dev, inet6, ipv4, ipv6] = parts(data);
    if let Err(error) = same(|| parse::network::interfaces(dev, Some(inet6))) {
        check_error(if error.what.contains("address") { inet6 } else { dev }, &error);
    }
    for (part, read) in [(ipv4, parse::network::ipv4_routes as fn(&[u8]) -> _), (ipv6, parse::network::ipv6_routes)] {
        match same(|| read(part)) {
            Ok(routes) => assert!(routes.len() <= MAX_ROWS && routes.iter().all(|route| route.prefix_length <= 128)),
            Err(error) => check_error(part, &error),
        }
    }
    if let Some((address, length)) = std::str::from_utf8(data).ok().and_then(parse::network::cidr) {
        assert!(length <= if address.is_ipv4() { 32 } else { 128 });
    }
}

pub fn hosts_access(data: &[u8]) {
    match same(|| parse::hosts_access::rules(data)) {
        Ok(rules) => assert!(rules.iter().all(|rule| rule.line > 0)),
        Err(error) => check_error(data, &error),
    }
}

pub fn aide(data: &[u8]) {
    match same(|| parse::aide::statements(data)) {
        Ok(statements) => {
            for (line, statement) in statements {
                assert!(line > 0);
                if let parse::aide::Statement::Group(_, expression) = statement {
                    assert!(parse::aide::terms(expression).count() <= expression.len());
                }
            }
        }
        Err(error) => check_error(data, &error),
    }
}

pub fn mail_aliases(data: &[u8]) {
    match same(|| parse::mail_aliases::aliases(data)) {
        Ok(aliases) => assert!(aliases.iter().all(|alias| alias.line > 0)),
        Err(error) => check_error(data, &error),
    }
}

pub fn postfix(data: &[u8]) {
    document(data, parse::postfix::parameters);
    document(data, parse::auditd::keys);
}

pub fn apt_sources(data: &[u8]) {
    for parse in [parse::apt_sources::of_lines, parse::apt_sources::of_stanzas] {
        match same(|| parse(data)) {
            Ok(sources) => assert!(sources.iter().all(|source| source.line > 0 && !source.uris.is_empty())),
            Err(error) => check_error(data, &error),
        }
    }
}

pub fn modprobe(data: &[u8]) {
    match same(|| parse::modprobe::settings(data)) {
        Ok(settings) => {
            assert!(settings.iter().all(|(line, _)| *line > 0));
            for (_, setting) in settings {
                if let parse::modprobe::Setting::Install(pattern, _) = setting {
                    let _ = parse::modprobe::meets(b"usb_storage", &pattern);
                }
            }
        }
        Err(error) => check_error(data, &error),
    }
}

pub fn sections(data: &[u8]) {
    match same(|| parse::sections::sections(data)) {
        Ok(sections) => assert!(sections.iter().all(|section| section.line > 0)),
        Err(error) => check_error(data, &error),
    }
}

pub fn sudoers(data: &[u8]) {
    match same(|| parse::sudoers::statements(data)) {
        Ok(statements) => assert!(statements.iter().all(|(line, _)| *line > 0)),
        Err(error) => check_error(data, &error),
    }
}

pub fn pacman(data: &[u8]) {
    if let Ok(package) = same(|| parse::pacman::package(data)) {
        assert!(!package.name.is_empty() && !package.version.is_empty());
    }
}

/// A header, and a database of headers.
pub fn rpm(data: &[u8]) {
    let _ = same(|| parse::rpm::package(data).map(|package| package.full_version()));
    for file in same(|| parse::rpm::files(data)).iter().flatten() {
        assert!(file.path.len() <= 2 * data.len());
    }
    assert!(parse::rpm::database_folders(data).iter().all(|(line, _)| *line > 0));
    for header in parse::rpm::ndb(data).iter().flatten() {
        let _ = (parse::rpm::package(header), parse::rpm::files(header));
    }
}

pub fn berkeley(data: &[u8]) {
    let mut bytes = 0;
    let _ = parse::berkeley::values(data, &mut |value| {
        bytes += value.len();
        true
    });
    assert!(bytes <= data.len(), "more than there is");
}

pub fn sqlite(data: &[u8]) {
    let mut bytes = 0;
    let _ = parse::sqlite::blobs(data, "Packages", &mut |blob| {
        bytes += blob.len();
        true
    });
    assert!(bytes <= data.len(), "more than there is");
}

/// What is written in names, certificates, keys.
pub fn x509(data: &[u8]) {
    if let Ok(certificate) = parse::x509::certificate(data) {
        let digits = certificate.serial.strip_prefix('-').unwrap_or(&certificate.serial);
        assert!(!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
        let _ = parse::x509_purposes::purposes(&certificate);
        let _ = parse::x509::in_slashes(&certificate.subject);
    }
}

pub fn keys(data: &[u8]) {
    let _ = same(|| parse::keys::first(data));
    if let Ok(params) = same(|| parse::dh::dh_params(data))
        // Longer ones take long.
        && params.prime.len() <= 128
    {
        let _ = same(|| params.are_valid());
    }
}

pub fn zip(data: &[u8]) {
    for member in parse::zip::members(data).iter().flatten().take(16) {
        if let Ok(content) = member.content(data, 1 << 16) {
            assert!(content.len() <= 1 << 16);
        }
    }
}

pub fn language_packages(data: &[u8]) {
    use parse::language_packages as packages;
    let _ = same(|| (packages::field(data, "Version"), packages::property(data, "version"), packages::gem(data)));
    if let Some(version) = packages::perl_version(data, "A::B") {
        assert!(!version.is_empty());
    }
    assert_eq!(packages::python_name(&packages::python_name(data)), packages::python_name(data));
}

pub fn elf(data: &[u8]) {
    if let Ok(elf) = same(|| parse::elf::elf(data)) {
        assert!(elf.needed.iter().all(|name| name.len() <= data.len()));
    }
    let _ = same(|| parse::build_info::go(data));
    let _ = same(|| parse::build_info::cargo(data));
}

pub fn os_release(data: &[u8]) {
    if let Ok(assignments) = parse::os_release::assignments(data) {
        for (key, _) in &assignments {
            let key = std::str::from_utf8(key).expect("names are ASCII");
            assert!(parse::os_release::get(&assignments, key).is_some());
        }
    }
}

pub fn cgroup(data: &[u8]) {
    if let Some(found) = same(|| parse::container_id::of_cgroup(data)) {
        assert!(parse::container_id::is_id(&found.id));
    }
    if let Some((uid, name)) = parse::container_id::kubernetes_name(data) {
        assert!(!uid.is_empty() && !name.is_empty() && !uid.contains('/') && !name.contains('/'));
    }
}

pub fn mountinfo(data: &[u8]) {
    match same(|| parse::mountinfo::parse(data)) {
        Ok(mounts) => assert!(mounts.len() <= MAX_ROWS),
        Err(error) => check_error(data, &error),
    }
}

pub fn limits(data: &[u8]) {
    if let Err(error) = same(|| parse::limits::parse(data)) {
        check_error(data, &error);
    }
}

pub fn sockets(data: &[u8]) {
    for protocol in parse::sockets::PROTOCOLS {
        if let Err(error) = same(|| parse::sockets::listeners(protocol, data)) {
            check_error(data, &error);
        }
    }
}

pub fn id_map(data: &[u8]) {
    match same(|| parse::id_map::parse(data)) {
        Ok(ranges) => {
            let _ = same(|| (parse::id_map::outside(&ranges, 0), parse::id_map::inside(&ranges, u32::MAX)));
        }
        Err(error) => check_error(data, &error),
    }
}

pub fn proc_status(data: &[u8]) {
    if let Err(error) = same(|| parse::proc_status::parse(data)) {
        check_error(data, &error);
    }
    let _ = same(|| parse::proc_status::start_time(data));
}

/// Flags, a pattern of assignments, the text.
pub fn key_value(data: &[u8]) {
    let [flags, assignment, text] = parts(data);
    let flag = |bit: u8| flags.first().is_some_and(|byte| byte & 1 << bit != 0);
    let mut options = parse::key_value::Options::inspec().expect("the defaults are patterns");
    if flag(0) {
        let Some(Ok(regex)) =
            std::str::from_utf8(assignment).ok().map(|text| Pattern::new(text).and_then(|p| p.regex()))
        else {
            return;
        };
        options.assignment = regex;
    }
    options.multiple_values = flag(1);
    options.standalone_comments = flag(2);
    options.key_values = 1 + usize::from(flag(3)) + usize::from(flag(4));
    if flag(5) {
        options.value_separator = Pattern::new("[ ,]*").and_then(|pattern| pattern.regex()).ok();
    }
    if flag(6) {
        options.line_separators = vec![b';', b'\0'];
    }
    document(text, |text| parse::key_value::keys([text, text], &options));
}

pub fn sshd_config(data: &[u8]) {
    for directive in parse::sshd_config::directives(data).iter().flatten() {
        let _ = same(|| parse::sshd_config::words(directive.arguments));
    }
}

/// The criteria, a user, a host, an address, the groups of the user.
pub fn sshd_match(data: &[u8]) {
    let [criteria, user, host, address, groups] = parts(data);
    let given = |part: &[u8]| Some(part.to_vec()).filter(|part| !part.is_empty());
    let address: Option<IpAddr> = std::str::from_utf8(address).ok().and_then(|text| text.parse().ok());
    let connection = Connection {
        user: given(user),
        host: given(host),
        address,
        local_address: address,
        local_port: address.map(|_| 22),
        routing_domain: None,
    };
    let groups = |_: &[u8]| Ok(groups.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect());
    let _ = same(|| parse::sshd_match::matched(criteria, &connection, &groups));
}

pub fn capability(data: &[u8]) {
    if let Ok(names) = same(|| parse::capability::names(data)) {
        assert!(names.iter().all(|name| name.starts_with("cap_")) && names.is_sorted_by(|a, b| a != b));
    }
}

pub fn acl(data: &[u8]) {
    if let Ok(entries) = same(|| parse::acl::entries(data)) {
        assert_eq!(entries.len(), (data.len() - 4) / 8);
        for entry in &entries {
            assert!(parse::acl::text(entry).contains(':'));
        }
        for wanted in 0..8 {
            for uid in [0, 1, 1000] {
                // Who may do more may do less.
                let allows = |wanted| parse::acl::allows(&entries, 0, 0, uid, &[0, 50], wanted);
                assert!(!allows(7) || allows(wanted));
            }
        }
    }
}

/// Three versions: their order is one.
pub fn version(data: &[u8]) {
    let [a, b, c] = parts(data);
    let all = [
        Scheme::General,
        Scheme::Dpkg,
        Scheme::Rpm,
        Scheme::Apk,
        Scheme::Pacman,
        Scheme::Python,
        Scheme::R,
        Scheme::Perl,
    ];
    for scheme in all {
        let compare = |left, right| parse::version::compare(scheme, left, right);
        for (left, right) in [(a, b), (b, c), (a, c), (a, a)] {
            let valid = [left, right].iter().all(|text| parse::version::is_version(scheme, text));
            let order = compare(left, right);
            assert_eq!(order.is_some(), valid, "compared what is none, or not what is one");
            assert_eq!(order.map(std::cmp::Ordering::reverse), compare(right, left), "no order");
        }
        assert!(compare(a, a).is_none_or(std::cmp::Ordering::is_eq));
        if let (Some(first), Some(second)) = (compare(a, b), compare(b, c))
            && (first == second || second.is_eq())
        {
            assert_eq!(compare(a, c), Some(first), "no order of three");
        }
    }
}

/// Bytes written as text come back.
pub fn value(data: &[u8]) {
    let text = lossless(data);
    assert_eq!(from_lossless(&text), data);
    let value = Value::text(data);
    assert!(value.inspect().starts_with('"') && value.inspect().ends_with('"'));
    if let Ok(text) = std::str::from_utf8(data) {
        if let Some(seconds) = parse_date(text) {
            assert_eq!(parse_date(&assay::value::date_text(seconds)), Some(seconds), "{text}");
        }
        assert!(parse_mode(text).is_none_or(|mode| mode <= 0o7777));
        let scalar = assay::check::core_scalar(text);
        let _ = (scalar.inspect(), scalar.plain());
    }
}
