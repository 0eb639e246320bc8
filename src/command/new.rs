//! `assay new`: a profile to begin with. Nothing that exists is touched.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::New;
use crate::command::{complain, print, usage};
use crate::exit_code::ExitCode;

/// What a profile is made of; `NAME` becomes the name of its folder.
const FILES: [(&str, &str); 4] = [
    ("profile.yaml", include_str!("new/profile.yaml")),
    ("controls/example.yaml", include_str!("new/example.yaml")),
    ("tests/sound.yaml", include_str!("new/sound.yaml")),
    ("tests/open.yaml", include_str!("new/open.yaml")),
];

pub(super) fn run(arguments: &New) -> ExitCode {
    let folder = &arguments.folder;
    let shown = folder.display();
    match is_free(folder) {
        Ok(true) => {}
        Ok(false) => return usage(&format_args!("{shown} is there already, and is no empty folder")),
        Err(error) => return usage(&format_args!("{shown}: {error}")),
    }
    for (name, text) in FILES {
        let path = folder.join(name);
        if let Err(error) = write(&path, &text.replace("NAME", &profile_name(folder))) {
            complain(&format_args!("error: cannot write {}: {error}", path.display()));
            return ExitCode::Internal;
        }
    }
    let files: String = FILES.iter().map(|(name, _)| format!("  {}\n", folder.join(name).display())).collect();
    print(&format!(
        "{files}\nNext:\n  assay test {shown}                what the controls come to on the trees of tests/\n  \
         assay check {shown}               whether the profile loads\n  \
         assay scan {shown} --rootfs DIR   what they come to on a root filesystem\n  \
         assay resources                   what controls can ask\n  \
         assay schema                      the JSON Schema of profiles, for your editor\n"
    ))
}

/// Whether nothing is there, or a folder without entries.
#[expect(clippy::disallowed_methods, reason = "the author's own folder")]
fn is_free(folder: &Path) -> io::Result<bool> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

/// The folder's name, if it needs no quotes in YAML.
fn profile_name(folder: &Path) -> String {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    // A name of one word, such as null or 1, could be read as something else.
    let sound = name.contains('-') && name.starts_with(|first: char| first.is_ascii_alphabetic());
    if sound && name.chars().all(plain) { name.to_owned() } else { "my-baseline".to_owned() }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
