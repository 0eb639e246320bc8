//! ELF: how a program or library was linked (elf(5) and the generic ABI). Sections are taken where they are there;
//! what the loader goes by is taken from the segments.

use crate::parse::ParseError;
use crate::parse::binary::Binary;

/// What a file in ELF says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elf<'a> {
    /// EXEC, DYN, REL, CORE, or a number.
    pub kind: String,
    /// x86_64, aarch64 …, or a number.
    pub architecture: String,
    /// Whether it is a program that can be loaded anywhere.
    pub pie: bool,
    /// none, partial or full.
    pub relro: &'static str,
    /// Whether it says that its stack is not executable.
    pub nx: bool,
    /// The program that loads it.
    pub interpreter: Option<&'a [u8]>,
    /// Libraries that it needs.
    pub needed: Vec<&'a [u8]>,
    /// Where libraries are looked for first, in the old way.
    pub rpath: Option<&'a [u8]>,
    /// Where libraries are looked for.
    pub runpath: Option<&'a [u8]>,
    /// Its build-id.
    pub build_id: Option<&'a [u8]>,
    /// Whether it lacks its table of symbols.
    pub stripped: bool,
    /// Whether it uses the check of the stack; nothing where no symbols tell.
    pub stack_protector: Option<bool>,
    /// Whether it uses checked functions of the C library; nothing where no symbols tell.
    pub fortify: Option<bool>,
}

/// The most libraries and symbols that are taken.
const MAX_NEEDED: usize = 4096;
const MAX_TEXT: usize = 4096;

/// Places of a file in ELF, by its class.
struct File<'a> {
    bytes: Binary<'a>,
    /// Bytes of an address: 4 or 8.
    word: usize,
}

/// A segment or a section.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    kind: usize,
    flags: usize,
    offset: usize,
    address: usize,
    size: usize,
    /// Of a section: the place of its name, and the section that it belongs to.
    name: usize,
    link: usize,
}

const KINDS: [(usize, &str); 4] = [(1, "REL"), (2, "EXEC"), (3, "DYN"), (4, "CORE")];
const ARCHITECTURES: [(usize, &str); 10] = [
    (3, "i386"),
    (8, "mips"),
    (20, "ppc"),
    (21, "ppc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv"),
    (258, "loongarch"),
];

const LOAD: usize = 1;
const DYNAMIC: usize = 2;
const INTERPRETER: usize = 3;
const NOTE: usize = 4;
const GNU_STACK: usize = 0x6474_e551;
const GNU_RELRO: usize = 0x6474_e552;

const SYMBOLS: usize = 2;
const DYNAMIC_SYMBOLS: usize = 11;

impl<'a> File<'a> {
    fn new(bytes: &'a [u8]) -> Result<File<'a>, ParseError> {
        let Some([0x7f, b'E', b'L', b'F', class, order, ..]) = bytes.get(..16) else {
            return Err(ParseError::new("it is no ELF file"));
        };
        let bytes = match order {
            1 => Binary::little_endian(bytes),
            2 => Binary::big_endian(bytes),
            _ => return Err(ParseError::new("an ELF file of an unknown byte order")),
        };
        match class {
            1 => Ok(File { bytes, word: 4 }),
            2 => Ok(File { bytes, word: 8 }),
            _ => Err(ParseError::new("an ELF file of an unknown class")),
        }
    }

    fn word(&self, at: usize) -> Result<usize, ParseError> {
        self.bytes.place(at, self.word)
    }

    /// One of two numbers, by the class.
    fn by_class(&self, small: usize, large: usize) -> usize {
        if self.word == 4 { small } else { large }
    }

    fn segments(&self) -> Result<Vec<Part>, ParseError> {
        let table = self.word(self.by_class(28, 32))?;
        let count = self.bytes.u16(self.by_class(44, 56))?;
        let size = self.bytes.u16(self.by_class(42, 54))?;
        let mut segments = Vec::new();
        for index in 0..count {
            let at = table.saturating_add(index * size);
            segments.push(Part {
                kind: self.bytes.u32(at)?,
                flags: self.bytes.u32(at + self.by_class(24, 4))?,
                offset: self.word(at + self.by_class(4, 8))?,
                address: self.word(at + self.by_class(8, 16))?,
                size: self.word(at + self.by_class(16, 32))?,
                ..Part::default()
            });
        }
        Ok(segments)
    }

    fn sections(&self) -> Result<Vec<Part>, ParseError> {
        let table = self.word(self.by_class(32, 40))?;
        let count = self.bytes.u16(self.by_class(48, 60))?;
        let size = self.bytes.u16(self.by_class(46, 58))?;
        let mut sections = Vec::new();
        for index in 0..if table == 0 { 0 } else { count } {
            let at = table.saturating_add(index * size);
            sections.push(Part {
                name: self.bytes.u32(at)?,
                kind: self.bytes.u32(at + 4)?,
                address: self.word(at + self.by_class(12, 16))?,
                offset: self.word(at + self.by_class(16, 24))?,
                size: self.word(at + self.by_class(20, 32))?,
                link: self.bytes.u32(at + self.by_class(24, 40))?,
                ..Part::default()
            });
        }
        Ok(sections)
    }

    /// The text at a place, up to its zero byte and no longer than is kept.
    fn text(&self, at: usize, most: usize) -> Result<&'a [u8], ParseError> {
        let length = most.min(self.bytes.len().saturating_sub(at));
        let piece = self.bytes.piece(at, length)?;
        let end = piece.iter().position(|byte| *byte == 0);
        end.and_then(|end| piece.get(..end)).ok_or_else(|| ParseError::new(format!("the text at byte {at} has no end")))
    }
}

/// The content of a section; nothing when there is none of this name.
///
/// Errors: it is no ELF file, or the section lies outside.
pub(crate) fn section<'a>(bytes: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, ParseError> {
    let file = File::new(bytes)?;
    let sections = file.sections()?;
    let names = sections.get(file.bytes.u16(file.by_class(50, 62))?);
    let Some(names) = names else { return Ok(None) };
    for section in &sections {
        // A section of another name may have a broken one.
        if file.text(names.offset.saturating_add(section.name), 64).is_ok_and(|found| found == name.as_bytes()) {
            return file.bytes.piece(section.offset, section.size).map(Some);
        }
    }
    Ok(None)
}

/// What a file in ELF says of itself.
///
/// Errors: it is none, or a part of it lies outside.
pub fn elf(bytes: &[u8]) -> Result<Elf<'_>, ParseError> {
    let file = File::new(bytes)?;
    let named = |known: &[(usize, &str)], number: usize| {
        known
            .iter()
            .find(|(known, _)| *known == number)
            .map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
    };
    let (kind, architecture) = (file.bytes.u16(16)?, file.bytes.u16(18)?);
    let mut found = Elf {
        kind: named(&KINDS, kind),
        architecture: named(&ARCHITECTURES, architecture),
        relro: "none",
        stripped: true,
        ..Elf::default()
    };
    let segments = file.segments()?;
    let mut relro = false;
    let mut dynamic = Dynamic::default();
    for segment in &segments {
        match segment.kind {
            // The kernel goes by the first.
            INTERPRETER if found.interpreter.is_none() => {
                found.interpreter = Some(file.text(segment.offset, MAX_TEXT)?)
            }
            GNU_STACK => found.nx = segment.flags & 1 == 0,
            GNU_RELRO => relro = true,
            DYNAMIC if offset_of(&segments, segment.address)? != segment.offset => {
                return Err(ParseError::new("its dynamic section lies elsewhere in memory than in the file"));
            }
            DYNAMIC => dynamic = Dynamic::new(&file, segment)?,
            NOTE if found.build_id.is_none() => found.build_id = build_id(&file, segment)?,
            _ => {}
        }
    }
    if relro {
        found.relro = if dynamic.now { "full" } else { "partial" };
    }
    found.pie = kind == 3 && (dynamic.pie || (found.interpreter.is_some() && !dynamic.has_name));
    let strings = dynamic.strings.map(|address| offset_of(&segments, address)).transpose()?;
    let text = |at: usize| match strings {
        Some(strings) => file.text(strings.saturating_add(at), MAX_TEXT),
        None => Err(ParseError::new("its dynamic section has no table of texts")),
    };
    found.needed = dynamic.needed.iter().map(|at| text(*at)).collect::<Result<_, _>>()?;
    found.rpath = dynamic.rpath.map(text).transpose()?;
    found.runpath = dynamic.runpath.map(text).transpose()?;
    symbols(&file, &mut found)?;
    Ok(found)
}

/// What the dynamic section says; texts by their place in the table.
#[derive(Default)]
struct Dynamic {
    needed: Vec<usize>,
    rpath: Option<usize>,
    runpath: Option<usize>,
    strings: Option<usize>,
    has_name: bool,
    now: bool,
    pie: bool,
}

impl Dynamic {
    fn new(file: &File<'_>, segment: &Part) -> Result<Dynamic, ParseError> {
        let mut dynamic = Dynamic::default();
        for index in 0..segment.size / (2 * file.word) {
            let at = segment.offset.saturating_add(index * 2 * file.word);
            let (tag, value) = (file.word(at)?, file.word(at + file.word)?);
            match tag {
                0 => return Ok(dynamic),
                1 if dynamic.needed.len() == MAX_NEEDED => {
                    return Err(ParseError::new(format!("it needs more than {MAX_NEEDED} libraries")));
                }
                1 => dynamic.needed.push(value),
                5 => dynamic.strings = Some(value),
                14 => dynamic.has_name = true,
                15 => dynamic.rpath = Some(value),
                24 => dynamic.now = true,
                29 => dynamic.runpath = Some(value),
                30 => dynamic.now |= value & 8 != 0,
                0x6fff_fffb => {
                    dynamic.now |= value & 1 != 0;
                    dynamic.pie = value & 0x0800_0000 != 0;
                }
                _ => {}
            }
        }
        // The loader reads on until it finds one.
        Err(ParseError::new("its dynamic section has no end"))
    }
}

/// The place in the file of an address in memory.
fn offset_of(segments: &[Part], address: usize) -> Result<usize, ParseError> {
    let holds = |segment: &&Part| {
        segment.kind == LOAD && address.checked_sub(segment.address).is_some_and(|inside| inside < segment.size)
    };
    // Of two that overlap, the later one is mapped over the other.
    let segment = segments.iter().rfind(holds);
    let segment = segment.ok_or_else(|| ParseError::new(format!("address {address:#x} is in no segment")))?;
    Ok(segment.offset.saturating_add(address - segment.address))
}

fn build_id<'a>(file: &File<'a>, segment: &Part) -> Result<Option<&'a [u8]>, ParseError> {
    let end = segment.offset.saturating_add(segment.size);
    let mut at = segment.offset;
    while at.saturating_add(12) <= end {
        let (name, size, kind) = (file.bytes.u32(at)?, file.bytes.u32(at + 4)?, file.bytes.u32(at + 8)?);
        let content = (at + 12).saturating_add(name.next_multiple_of(4));
        if kind == 3 && name == 4 && file.bytes.piece(at + 12, 4)? == b"GNU\0" {
            return file.bytes.piece(content, size.min(64)).map(Some);
        }
        at = content.saturating_add(size.next_multiple_of(4));
    }
    Ok(None)
}

/// Whether there are symbols, and those that tell of protections.
fn symbols(file: &File<'_>, found: &mut Elf<'_>) -> Result<(), ParseError> {
    let sections = file.sections()?;
    let size = file.by_class(16, 24);
    for section in sections.iter().filter(|section| matches!(section.kind, SYMBOLS | DYNAMIC_SYMBOLS)) {
        found.stripped &= section.kind != SYMBOLS;
        let Some(names) = sections.get(section.link) else { continue };
        let (mut guarded, mut checked) = (false, false);
        let count = section.size / size;
        for index in 0..count {
            let name = names.offset.saturating_add(file.bytes.u32(section.offset.saturating_add(index * size))?);
            // Longer names are none of those that are looked for.
            let Ok(name) = file.text(name, 64) else { continue };
            // Symbols of a version: name@VERSION.
            let name = name.split(|byte| *byte == b'@').next().unwrap_or_default();
            if matches!(name, b"__stack_chk_fail" | b"__stack_chk_fail_local" | b"__stack_chk_guard") {
                guarded = true;
            } else if name.starts_with(b"__") && name.ends_with(b"_chk") {
                checked = true;
            }
        }
        if count > 1 {
            found.stack_protector = Some(found.stack_protector == Some(true) || guarded);
            found.fortify = Some(found.fortify == Some(true) || checked);
        }
    }
    Ok(())
}
