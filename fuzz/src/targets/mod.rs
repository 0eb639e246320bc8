//! The targets: each takes any bytes and panics when assay breaks a promise.
//!
//! `fuzz/src/main.rs` hands them to libFuzzer, `tests/corpus.rs` runs the kept corpus through them.

#![allow(unreachable_pub, reason = "a part of a program, and of a test")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is a finding"
)]
#![allow(clippy::disallowed_methods, reason = "they make files of their own")]

mod image;
mod parse;
mod path;
mod profile;
mod report;
mod scratch;

/// A target and its name, which is that of its folder in `fuzz/corpus` too.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

pub const TARGETS: &[Target] = &[
    target("accounts", parse::accounts),
    target("acl", parse::acl),
    target("aide", parse::aide),
    target("apk", parse::apk),
    target("berkeley", parse::berkeley),
    target("apt_sources", parse::apt_sources),
    target("capability", parse::capability),
    target("cgroup", parse::cgroup),
    target("crontab", parse::crontab),
    target("csv", parse::csv),
    target("databases", parse::databases),
    target("directives", parse::directives),
    target("dpkg", parse::dpkg),
    target("hosts_access", parse::hosts_access),
    target("elf", parse::elf),
    target("id_map", parse::id_map),
    target("inetd", parse::inetd),
    target("json", parse::json),
    target("keys", parse::keys),
    target("key_value", parse::key_value),
    target("language_packages", parse::language_packages),
    target("limits", parse::limits),
    target("mail_aliases", parse::mail_aliases),
    target("modprobe", parse::modprobe),
    target("mountinfo", parse::mountinfo),
    target("network", parse::network),
    target("oracle_net", parse::oracle_net),
    target("os_release", parse::os_release),
    target("pacman", parse::pacman),
    target("pam", parse::pam),
    target("postfix", parse::postfix),
    target("proc_status", parse::proc_status),
    target("rpm", parse::rpm),
    target("sections", parse::sections),
    target("sockets", parse::sockets),
    target("sqlite", parse::sqlite),
    target("sshd_config", parse::sshd_config),
    target("sshd_match", parse::sshd_match),
    target("sudoers", parse::sudoers),
    target("toml", parse::toml),
    target("value", parse::value),
    target("version", parse::version),
    target("x509", parse::x509),
    target("xinetd", parse::xinetd),
    target("xml", parse::xml),
    target("yaml", parse::yaml),
    target("zip", parse::zip),
    target("document_path", path::document_path),
    target("glob", path::glob),
    target("pattern", path::pattern),
    target("xpath", path::xpath),
    target("image_archive", image::archive),
    target("image_config", image::config),
    target("image_documents", image::documents),
    target("image_gzip", image::gzip),
    target("image_layer", image::layer),
    target("image_zstd", image::zstd),
    target("inputs", profile::inputs),
    target("profile", profile::profile),
    target("profile_archive", profile::profile_archive),
    target("profile_test", profile::profile_test),
    target("scan", profile::scan),
    target("selection", profile::selection),
    target("waivers", profile::waivers),
    target("report", report::report),
    target("threshold", report::threshold),
];

/// What separates the parts of an input that has several: no byte of UTF-8, so that texts can hold anything else.
const SEPARATOR: u8 = 0xff;

/// The parts of an input; those that it lacks are empty.
fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut rest = data.splitn(N, |byte| *byte == SEPARATOR);
    std::array::from_fn(|_| rest.next().unwrap_or_default())
}

/// An answer that must be the same when it is asked for again.
fn same<T: std::fmt::Debug>(ask: impl Fn() -> T) -> T {
    let answer = ask();
    assert_eq!(format!("{answer:?}"), format!("{:?}", ask()), "asked twice, it differs");
    answer
}
