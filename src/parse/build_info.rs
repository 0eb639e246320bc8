//! What builders leave in programs of what they are made of: Go's build information, and that of cargo-auditable.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use crate::parse::{MAX_ROWS, ParseError, elf, lines};

/// A module or a crate: its name and version.
pub type Module = (Vec<u8>, Vec<u8>);

/// What a program is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// The compiler's version, where it is told.
    pub compiler: Vec<u8>,
    /// What it is made of, itself first where it tells its own name.
    pub modules: Vec<Module>,
    /// Those in whose place others stand, with the versions of these.
    pub replaced: Vec<Module>,
    /// Whether the first of them is itself.
    pub own: bool,
    /// How it was built: NAME=VALUE.
    pub settings: Vec<Vec<u8>>,
}

/// What Go leaves in a program (section .go.buildinfo); nothing when Go has not made it.
///
/// Errors: it is no ELF file; Go before 1.18 made it; what it left is broken.
pub fn go(bytes: &[u8]) -> Result<Option<BuildInfo>, ParseError> {
    let Some(section) = elf::section(bytes, ".go.buildinfo")? else { return Ok(None) };
    let wrong = || ParseError::new("its .go.buildinfo is broken");
    if !section.starts_with(b"\xff Go buildinf:") {
        return Err(wrong());
    }
    if section.get(15).is_none_or(|flags| flags & 2 == 0) {
        return Err(ParseError::new("it was made by Go before 1.18, whose information is not read"));
    }
    let rest = section.get(32..).ok_or_else(wrong)?;
    let (compiler, rest) = text(rest).ok_or_else(wrong)?;
    let (modules, _) = text(rest).ok_or_else(wrong)?;
    let mut info = BuildInfo { compiler: compiler.to_vec(), ..BuildInfo::default() };
    // Between two marks of 16 bytes; without modules there is nothing.
    let inner = modules.get(16..modules.len().saturating_sub(16)).unwrap_or_default();
    for (_, line) in lines(inner) {
        let mut words = line.split(|byte| *byte == b'\t');
        let (kind, name, version) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let module = || (name.to_vec(), version.to_vec());
        match kind {
            Some(b"mod") if !info.own => {
                info.modules.insert(0, module());
                info.own = true;
            }
            Some(b"dep") => info.modules.push(module()),
            // It stands in the place of the one before it.
            Some(b"=>") => {
                if let Some(last) = info.modules.last_mut() {
                    let (original, _) = std::mem::replace(last, module());
                    info.replaced.push((original, version.to_vec()));
                }
            }
            Some(b"build") => info.settings.push(name.to_vec()),
            _ => {}
        }
        if info.modules.len() + info.settings.len() > MAX_ROWS {
            return Err(wrong());
        }
    }
    Ok(Some(info))
}

/// A text behind its length, which is written in groups of seven bits, the lowest first.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (place, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return bytes.get(place + 1..)?.split_at_checked(length);
        }
    }
    None
}

/// The most bytes of what cargo-auditable leaves: 20 times what a program of 500 crates has.
const MAX_AUDIT: usize = 1 << 20;

/// What cargo-auditable leaves in a program (section .dep-v0); nothing when it was built without.
///
/// Errors: it is no ELF file; what was left is broken.
pub fn cargo(bytes: &[u8]) -> Result<Option<BuildInfo>, ParseError> {
    let Some(section) = elf::section(bytes, ".dep-v0")? else { return Ok(None) };
    let wrong = |what: &str| ParseError::new(format!("its .dep-v0 is broken: {what}"));
    let json = decompress_to_vec_zlib_with_limit(section, MAX_AUDIT).map_err(|error| wrong(&error.to_string()))?;
    let document: serde_json::Value = serde_json::from_slice(&json).map_err(|error| wrong(&error.to_string()))?;
    let packages = document.get("packages").and_then(serde_json::Value::as_array);
    let mut info = BuildInfo::default();
    for package in packages.ok_or_else(|| wrong("it has no packages"))? {
        let field =
            |name: &str| package.get(name).and_then(serde_json::Value::as_str).map(|text| text.as_bytes().to_vec());
        let module = field("name").zip(field("version")).ok_or_else(|| wrong("a package without name and version"))?;
        let root = package.get("root").and_then(serde_json::Value::as_bool) == Some(true);
        let place = if root && !info.own { 0 } else { info.modules.len() };
        info.own |= root;
        info.modules.insert(place, module);
    }
    Ok(Some(info))
}
