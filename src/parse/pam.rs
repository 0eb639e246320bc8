//! Files of pam.d(5) and pam.conf(5): a type, a control, a module and its arguments a line.

use crate::parse::{MAX_ROWS, ParseError, refuse_long_lines, refuse_nul, refuse_rare_blanks};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub line: usize,
    /// The service, in the one file that names it.
    pub service: Option<Vec<u8>>,
    /// auth, account, password or session; none for `@include`, which takes lines of all types.
    pub kind: Option<Vec<u8>>,
    /// Whether a `-` stands before the type: a module that is missing is no error then.
    pub may_be_missing: bool,
    /// A word in lower case, `@include`, or `[value=action …]` with single blanks.
    pub control: Vec<u8>,
    /// The module, or the file that is included.
    pub module: Vec<u8>,
    /// The module's arguments; those in brackets without them.
    pub arguments: Vec<Vec<u8>>,
}

const TYPES: [&[u8]; 4] = [b"auth", b"account", b"password", b"session"];
const CONTROLS: [&[u8]; 6] = [b"required", b"requisite", b"sufficient", b"optional", b"include", b"substack"];

/// The return values of modules in controls, and what may be done about them beside a jump.
const RETURNS: [&[u8]; 33] = [
    b"success",
    b"open_err",
    b"symbol_err",
    b"service_err",
    b"system_err",
    b"buf_err",
    b"perm_denied",
    b"auth_err",
    b"cred_insufficient",
    b"authinfo_unavail",
    b"user_unknown",
    b"maxtries",
    b"new_authtok_reqd",
    b"acct_expired",
    b"session_err",
    b"cred_unavail",
    b"cred_expired",
    b"cred_err",
    b"no_module_data",
    b"conv_err",
    b"authtok_err",
    b"authtok_recover_err",
    b"authtok_lock_busy",
    b"authtok_disable_aging",
    b"try_again",
    b"ignore",
    b"abort",
    b"authtok_expired",
    b"module_unknown",
    b"bad_item",
    b"conv_again",
    b"incomplete",
    b"default",
];
const ACTIONS: [&[u8]; 6] = [b"ignore", b"ok", b"done", b"bad", b"die", b"reset"];

/// The longest line that older releases of libpam take.
const MAX_LINE: usize = 1_022;

/// The lines that hold something, joined where they go on, each with the number of its first one.
///
/// A backslash before the end of the line, blanks between or not, goes on with the next; a comment always ends the line.
fn assembled(bytes: &[u8]) -> Result<Vec<(usize, Vec<u8>)>, ParseError> {
    refuse_nul(bytes)?;
    refuse_rare_blanks(bytes)?;
    refuse_long_lines(bytes, MAX_LINE)?;
    let mut assembled = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (number, line) in crate::parse::lines(bytes) {
        if number > MAX_ROWS {
            return Err(ParseError::new(format!("more than {MAX_ROWS} lines")));
        }
        let (text, comment) = match line.iter().position(|byte| *byte == b'#') {
            Some(at) => (line.get(..at).unwrap_or_default(), true),
            None => (line, false),
        };
        let goes_on = if comment { None } else { text.trim_ascii_end().strip_suffix(b"\\") };
        let whole = &mut open.get_or_insert((number, Vec::new())).1;
        whole.extend_from_slice(goes_on.unwrap_or(text).trim_ascii_start());
        match goes_on {
            Some(_) => whole.push(b' '),
            None => assembled.extend(open.take().filter(|(_, text)| !text.trim_ascii().is_empty())),
        }
    }
    match open {
        None => Ok(assembled),
        Some((line, _)) => {
            Err(ParseError { line: Some(line), what: "the file ends where the line goes on".to_owned() })
        }
    }
}

/// The lines of a file, in order. Those of pam.conf begin with the name of a service.
///
/// Errors: a line that PAM does not understand; more than [`MAX_ROWS`] lines or words.
pub fn entries(bytes: &[u8], with_service: bool) -> Result<Vec<Entry>, ParseError> {
    let mut entries = Vec::new();
    let mut count = 0;
    for (line, text) in assembled(bytes)? {
        let error = |what: String| ParseError { line: Some(line), what };
        let mut words = Words(&text);
        let mut next = || words.next_word().map_err(|what| error(what.to_owned()));
        let short = || error("a type, a control and a module are expected".to_owned());
        let mut first = next()?.ok_or_else(short)?;
        let service = match with_service {
            true => Some(std::mem::replace(&mut first, next()?.ok_or_else(short)?).to_ascii_lowercase()),
            false => None,
        };
        if first.eq_ignore_ascii_case(b"@include") {
            let module = next()?.ok_or_else(short)?;
            let control = b"@include".to_vec();
            let arguments = Vec::new();
            entries.push(Entry { line, service, kind: None, may_be_missing: false, control, module, arguments });
            continue;
        }
        let kind = first.strip_prefix(b"-").unwrap_or(&first).to_ascii_lowercase();
        if !TYPES.contains(&kind.as_slice()) {
            return Err(error("the type is none of auth, account, password, session".to_owned()));
        }
        let control = control(&next()?.ok_or_else(short)?).map_err(error)?;
        let module = next()?.ok_or_else(short)?;
        let mut arguments = Vec::new();
        while let Some(word) = next()? {
            count += 1;
            if count > MAX_ROWS {
                return Err(error(format!("more than {MAX_ROWS} arguments")));
            }
            arguments.push(word);
        }
        let may_be_missing = first.starts_with(b"-");
        entries.push(Entry { line, service, kind: Some(kind), may_be_missing, control, module, arguments });
    }
    Ok(entries)
}

/// A keyword, or values and what is done about them, which brackets only hold together: `[required]` is `required`.
fn control(word: &[u8]) -> Result<Vec<u8>, String> {
    let lower = word.to_ascii_lowercase();
    if CONTROLS.contains(&lower.as_slice()) {
        return Ok(lower);
    }
    let (mut rest, mut pairs, mut known) = (word.trim_ascii(), Vec::new(), Vec::new());
    while !rest.is_empty() {
        let unknown = || "the control is unknown".to_owned();
        let at = rest.iter().position(|byte| *byte == b'=').ok_or_else(unknown)?;
        let (value, action) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        let (value, action) = (value.trim_ascii(), action.trim_ascii_start());
        let end = action.iter().position(u8::is_ascii_whitespace).unwrap_or(action.len());
        let (action, after) = action.split_at(end);
        let jump = !action.starts_with(b"0") && !action.is_empty() && action.iter().all(u8::is_ascii_digit);
        if !RETURNS.contains(&value) || !(jump || ACTIONS.contains(&action)) {
            return Err(unknown());
        }
        if known.contains(&value) {
            return Err(format!("the control says {} twice", String::from_utf8_lossy(value)));
        }
        known.push(value);
        pairs.push([value, b"=", action].concat());
        rest = after.trim_ascii_start();
    }
    if pairs.is_empty() {
        Err("the control is empty".to_owned())
    } else {
        Ok([b"[", &*pairs.join(&b' '), b"]"].concat())
    }
}

/// What is left of a line.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    /// The next word; one that begins with a bracket goes up to the one that closes it, and loses both. `\]` closes nothing.
    fn next_word(&mut self) -> Result<Option<Vec<u8>>, &'static str> {
        let text = self.0.trim_ascii_start();
        if text.is_empty() {
            self.0 = text;
            return Ok(None);
        }
        let Some(inner) = text.strip_prefix(b"[") else {
            let (word, rest) = text.split_at(text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len()));
            self.0 = rest;
            return Ok(Some(word.to_vec()));
        };
        let mut word = Vec::new();
        let mut bytes = inner.iter().copied().enumerate().peekable();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b']' => {
                    self.0 = inner.get(at + 1..).unwrap_or_default();
                    return Ok(Some(word));
                }
                b'\\' => word.push(bytes.next_if(|(_, next)| *next == b']').map_or(byte, |(_, next)| next)),
                byte => word.push(byte),
            }
        }
        Err("a bracket is not closed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, with_service: bool) -> Result<Vec<String>, String> {
        let entries = entries(text.as_bytes(), with_service).map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let one = |entry: &Entry| {
            let words: Vec<String> = entry.arguments.iter().map(|word| text(word)).collect();
            let [service, kind] = [&entry.service, &entry.kind].map(|word| text(word.as_deref().unwrap_or(b"?")));
            let [control, module] = [&entry.control, &entry.module].map(|word| text(word));
            format!("{} {service} {kind} {} {control} {module} {}", entry.line, entry.may_be_missing, words.join("|"))
        };
        Ok(entries.iter().map(one).collect())
    }

    #[test]
    fn lines_are_read_as_pam_reads_them() {
        let text = "# c\nauth Required pam_env.so # x\n-session\t[ success=1  default=ignore ] pam_unix.so a [b c\\]] \\\n d=1\n@include common-auth\n";
        let expected = [
            "2 ? auth false required pam_env.so ",
            "3 ? session true [success=1 default=ignore] pam_unix.so a|b c]|d=1",
            "5 ? ? false @include common-auth ",
        ];
        assert_eq!(shown(text, false).unwrap(), expected);
        // A comment ends the line, whatever stands before it; brackets hold words together and are no part of them.
        let text = "auth required a.so \\ # x\nauth [sufficient] [b.so] c \\\t\n# y\nauth [include] d\n";
        let expected =
            ["1 ? auth false required a.so \\", "2 ? auth false sufficient b.so c", "4 ? auth false include d "];
        assert_eq!(shown(text, false).unwrap(), expected);
        assert_eq!(shown("auth [default = 2] e", false).unwrap(), ["1 ? auth false [default=2] e "]);
        let of_file = shown("LOGIN auth include system-auth\n", true);
        assert_eq!(of_file.unwrap(), ["1 login auth false include system-auth "]);
    }

    #[test]
    fn what_pam_refuses_is_an_error() {
        for text in ["auth required", "auths required x", "auth maybe x", "auth [a=b x", "@include", "auth"]
            .into_iter()
            .chain([
                "auth [] x",
                "auth [success=0] x",
                "auth [success=ok succes=ok] x",
                "auth [success=ok success=die] x",
            ])
            .chain(["auth required x \\", "auth required x\r\n", "auth required x\0"])
        {
            assert!(shown(text, false).unwrap_err().starts_with("line 1: "), "{text}");
        }
        let many = format!("auth required x {}\n", format!("{}\\\n", "a ".repeat(400)).repeat(MAX_ROWS / 400 + 1));
        assert!(shown(&many, false).unwrap_err().contains("more than 200000 arguments"));
        let long = format!("#{}auth sufficient pam_permit.so\n", " ".repeat(MAX_LINE));
        assert_eq!(shown(&long, false).unwrap_err(), "line 1: the line has more than 1022 bytes");
    }
}
