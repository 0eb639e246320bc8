//! modprobe.d(5): what is said of kernel modules, as far as it keeps them from being loaded.

use crate::parse::ParseError;
use crate::parse::continued::{continued, first_word, unless_hash};

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The module is not loaded for what it offers to drive.
    Blacklist(Vec<u8>),
    /// What is run instead of loading the modules of this pattern.
    Install(Vec<u8>, Vec<u8>),
}

/// The settings of a file with their lines; names have `_` for `-`, which are the same to the kernel.
///
/// Errors: too many lines.
pub fn settings(bytes: &[u8]) -> Result<Vec<(usize, Setting)>, ParseError> {
    let setting = |(line, text): (usize, Vec<u8>)| {
        let (keyword, rest) = first_word(&text);
        let (name, command) = first_word(rest);
        match keyword {
            _ if name.is_empty() => None,
            b"blacklist" => Some((line, Setting::Blacklist(plain(name)))),
            b"install" => Some((line, Setting::Install(plain(name), command.to_vec()))),
            _ => None,
        }
    };
    Ok(continued(bytes, unless_hash)?.into_iter().filter_map(setting).collect())
}

/// The name as the kernel has it.
pub fn plain(name: &[u8]) -> Vec<u8> {
    name.iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let text = b"# c\nblacklist usb-storage\ninstall cramfs \\\n /bin/true\nalias a b\nblacklist\n";
        let expected = [
            (2, Setting::Blacklist(b"usb_storage".to_vec())),
            (3, Setting::Install(b"cramfs".to_vec(), b"/bin/true".to_vec())),
        ];
        assert_eq!(settings(text).unwrap(), expected);
    }
}
