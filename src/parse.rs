//! Bytes to tables. No IO here: every parser takes the bytes of one file, never panics and says where it stopped.

pub mod accounts;
pub mod acl;
pub mod aide;
pub mod apk;
pub mod auditd;
pub mod berkeley;
pub mod binary;
pub mod build_info;
pub mod apt_sources;
pub mod capability;
pub mod container_id;
pub mod continued;
pub mod crontab;
pub mod csv;
pub mod directives;
pub mod dpkg;
pub mod hosts_access;
pub mod der;
pub mod dh;
mod ed25519;
pub mod elf;
pub mod id_map;
pub mod inetd;
pub mod key_value;
pub mod keys;
pub mod language_packages;
pub mod limits;
pub mod mail_aliases;
pub mod modprobe;
mod modulus;
pub mod mountinfo;
pub mod mysql;
pub mod network;
pub mod oracle_net;
pub mod os_release;
pub mod pacman;
pub mod pam;
pub mod pem;
pub mod postfix;
pub mod postgres;
pub mod proc_status;
pub mod rpm;
pub mod sections;
pub mod sockets;
pub mod sqlite;
pub mod sshd_config;
pub mod sshd_match;
pub mod structured;
pub mod sudoers;
pub mod time_servers;
pub mod toml;
pub mod version;
pub mod x509;
pub mod x509_purposes;
pub mod xinetd;
pub mod xml;
mod yaml_limits;
pub mod zip;

use std::fmt;

pub(crate) use yaml_limits::refuse_bombs;

/// The most rows that one table holds. Ten times the largest account database that is known to us; more rows are an
/// error, because they would let a target decide how much memory the scanner takes.
pub const MAX_ROWS: usize = 200_000;

/// Why a file's bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl ParseError {
    pub(crate) fn new(what: impl Into<String>) -> ParseError {
        ParseError { line: None, what: what.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(out, "line {line}: {}", self.what),
            None => out.write_str(&self.what),
        }
    }
}

impl std::error::Error for ParseError {}

/// The lines of a file with their numbers, without their ends (LF or CR LF); the last may lack its end.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let empty = bytes.is_empty();
    body.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(move |_| !empty)
}

/// Refuses a NUL: programs in C take a line, or all that follows, to end there.
///
/// Errors: the first line with one.
pub(crate) fn refuse_nul(bytes: &[u8]) -> Result<(), ParseError> {
    refuse(bytes, |byte| byte == 0, "a NUL stands there")
}

/// Refuses carriage returns, form feeds and vertical tabs, of which some programs make blanks and others parts of words.
///
/// Errors: the first line with one.
pub(crate) fn refuse_rare_blanks(bytes: &[u8]) -> Result<(), ParseError> {
    refuse(
        bytes,
        |byte| matches!(byte, b'\r' | 0x0b | 0x0c),
        "a carriage return, form feed or vertical tab stands there",
    )
}

fn refuse(bytes: &[u8], refused: fn(u8) -> bool, what: &str) -> Result<(), ParseError> {
    let Some(at) = bytes.iter().position(|byte| refused(*byte)) else { return Ok(()) };
    let before = bytes.get(..at).unwrap_or_default();
    Err(ParseError { line: Some(before.iter().filter(|byte| **byte == b'\n').count() + 1), what: what.to_owned() })
}

/// Errors: a byte of a line that the program takes for a blank, and almost nobody else.
pub(crate) fn refuse_blanks_of(line: usize, text: &[u8], rare: &[u8]) -> Result<(), ParseError> {
    match text.iter().find(|byte| rare.contains(byte)) {
        Some(byte) => {
            Err(ParseError { line: Some(line), what: format!("the byte {byte:#04x}, a blank, stands there") })
        }
        None => Ok(()),
    }
}

/// Refuses lines that do not fit into the program's buffer, so that it reads several of them, or less.
///
/// Errors: the first line with more bytes than `most`, its end not counted.
pub(crate) fn refuse_long_lines(bytes: &[u8], most: usize) -> Result<(), ParseError> {
    let long = bytes.split(|byte| *byte == b'\n').position(|line| line.len() > most);
    long.map_or(Ok(()), |at| {
        Err(ParseError { line: Some(at + 1), what: format!("the line has more than {most} bytes") })
    })
}

/// The text without white space at its ends.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}
