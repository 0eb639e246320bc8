//! The criteria of a Match line of sshd_config(5) against what is known of a connection.

use std::net::IpAddr;

use crate::parse::trim;

/// What is known of a connection. Of one of which nothing is known, only criteria match that everybody meets; when something
/// is, all else that Match asks for must be known, but for the routing domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Name of the user.
    pub user: Option<Vec<u8>>,
    /// Name of the client's host.
    pub host: Option<Vec<u8>>,
    /// Address of the client.
    pub address: Option<IpAddr>,
    /// Address of the server that the client came to.
    pub local_address: Option<IpAddr>,
    /// Port of the server that the client came to.
    pub local_port: Option<u16>,
    /// Routing domain in which the connection came in.
    pub routing_domain: Option<Vec<u8>>,
}

/// Says which groups a user has, or why that cannot be found out.
pub type Groups<'a> = &'a dyn Fn(&[u8]) -> Result<Vec<Vec<u8>>, String>;

/// What a Match line comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// It says `all`.
    All,
    /// All its criteria match.
    Yes,
    /// One of them does not.
    No,
}

/// Holds the criteria of a Match line against a connection. `groups` says which groups its user has.
///
/// Errors: what sshd refuses, and what `groups` could not find out.
pub fn matched(criteria: &[u8], connection: &Connection, groups: Groups<'_>) -> Result<Matched, String> {
    let mut rest = criteria;
    let mut result = Matched::Yes;
    let mut count = 0;
    while let Some(name) = word(&mut rest)?.filter(|name| !name.starts_with(b"#")) {
        let name = String::from_utf8_lossy(&name).to_ascii_lowercase();
        count += 1;
        if name == "invalid-user" {
            if *connection != Connection::default() {
                return Err("Match asks whether the user is invalid, which is not known".to_owned());
            }
            result = Matched::No;
            continue;
        }
        let value = word(&mut rest)?.filter(|value| !value.starts_with(b"#"));
        if name == "all" {
            return match (count, value) {
                (1, None) => Ok(Matched::All),
                _ => Err("Match: `all` stands alone".to_owned()),
            };
        }
        let Some(value) = value else { return Err(format!("Match: {name} has no value")) };
        let unknown = match name.as_str() {
            "user" | "group" => connection.user.is_none(),
            "host" => connection.host.is_none(),
            "address" => connection.address.is_none(),
            "localaddress" => connection.local_address.is_none(),
            "localport" => connection.local_port.is_none(),
            // Few connections are in a routing domain.
            _ => false,
        };
        let everybody = match name.as_str() {
            "user" | "group" | "host" => unknown && is_everybody(&value),
            "address" | "localaddress" => unknown && is_everywhere(&value)?,
            _ => false,
        };
        if everybody {
            continue;
        }
        if unknown && *connection != Connection::default() {
            return Err(format!("Match asks for {name}, and the check says of the connection all but that"));
        }
        let of_text =
            |known: &Option<Vec<u8>>| known.as_ref().is_some_and(|known| listed(known, &value) == Listed::Yes);
        let holds = match name.as_str() {
            "user" => of_text(&connection.user),
            "rdomain" => of_text(&connection.routing_domain),
            "host" => {
                let lower = |text: &[u8]| text.to_ascii_lowercase();
                let host = connection.host.as_deref().map(lower);
                host.is_some_and(|host| listed(&host, &lower(&value)) == Listed::Yes)
            }
            "group" => match &connection.user {
                Some(user) => any_listed(&groups(user)?, &value),
                None => false,
            },
            "address" => address_listed(connection.address, &value)?,
            "localaddress" => address_listed(connection.local_address, &value)?,
            "localport" => {
                let port = std::str::from_utf8(&value).ok().and_then(|text| text.parse::<u16>().ok());
                let port = port.filter(|port| *port > 0).ok_or("Match: localport is no port")?;
                connection.local_port == Some(port)
            }
            other => return Err(format!("Match: unknown criterion {other:?}")),
        };
        if !holds {
            result = Matched::No;
        }
    }
    if count == 0 { Err("Match: there is no criterion".to_owned()) } else { Ok(result) }
}

/// Takes the next word: up to a blank or one `=`; quotes fall away. None at the end.
fn word(rest: &mut &[u8]) -> Result<Option<Vec<u8>>, String> {
    let text = trim(rest);
    if text.is_empty() {
        return Ok(None);
    }
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'=');
    let (before, after) = text.split_at(text.iter().position(ends).unwrap_or(text.len()));
    if let Some(quoted) = after.strip_prefix(b"\"") {
        let end = quoted.iter().position(|byte| *byte == b'"').ok_or("Match: a quote is not closed")?;
        let (inner, after) = quoted.split_at(end);
        *rest = after.get(1..).unwrap_or_default();
        return Ok(Some([before, inner].concat()));
    }
    let after = trim(after);
    *rest = after.strip_prefix(b"=").unwrap_or(after);
    Ok(Some(before.to_vec()))
}

/// What a list of patterns says of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    Yes,
    No,
    /// A pattern with `!` matches: no other can make up for it.
    Refused,
}

/// Holds a text against patterns with `*`, `?` and `!`, separated by commas.
fn listed(text: &[u8], patterns: &[u8]) -> Listed {
    let mut found = Listed::No;
    for pattern in patterns.split(|byte| *byte == b',') {
        match pattern.strip_prefix(b"!") {
            Some(refused) if is_match(text, refused) => return Listed::Refused,
            None if is_match(text, pattern) => found = Listed::Yes,
            _ => {}
        }
    }
    found
}

/// Whether a pattern is met by every text that is not empty.
pub(crate) fn is_any(pattern: &[u8]) -> bool {
    pattern.contains(&b'*') && pattern.iter().all(|byte| matches!(byte, b'*' | b'?'))
}

/// Whether a list of patterns matches whoever is not named in it.
pub(crate) fn is_everybody(patterns: &[u8]) -> bool {
    let mut patterns = patterns.split(|byte| *byte == b',');
    let refused = patterns.clone().any(|pattern| pattern.strip_prefix(b"!").is_some_and(is_any));
    !refused && patterns.any(is_any)
}

/// The same of a list of addresses. Errors: it matches all of one family alone.
fn is_everywhere(list: &[u8]) -> Result<bool, String> {
    let (mut four, mut six) = (false, false);
    for entry in list.split(|byte| *byte == b',') {
        let (negated, entry) = entry.strip_prefix(b"!").map_or((false, entry), |entry| (true, entry));
        let only = |separator: u8| {
            entry.contains(&b'*') && entry.iter().all(|byte| matches!(byte, b'*' | b'?') || *byte == separator)
        };
        let (of_four, of_six) = match network(entry)? {
            Some((network, 0)) => (network.is_ipv4(), network.is_ipv6()),
            Some(_) => continue,
            None => (only(b'.'), only(b':')),
        };
        if negated && (of_four || of_six) {
            return Ok(false);
        }
        four |= of_four;
        six |= of_six;
    }
    match (four, six) {
        (true, true) => Ok(true),
        (false, false) => Ok(false),
        _ => Err("Match asks for all addresses of one family: the check must say which the connection has".to_owned()),
    }
}

fn any_listed(texts: &[Vec<u8>], patterns: &[u8]) -> bool {
    let all: Vec<Listed> = texts.iter().map(|text| listed(text, patterns)).collect();
    all.contains(&Listed::Yes) && !all.contains(&Listed::Refused)
}

/// Whether a pattern of `*` and `?` is met by the whole text, in time of the product of their lengths.
pub(crate) fn is_match(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut of) = (0, 0);
    // Where the last star stands, and from where on it was tried.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(of) {
            Some(b'*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(byte) if *byte == b'?' || Some(byte) == text.get(at) => {
                at += 1;
                of += 1;
            }
            _ => match star {
                Some((place, tried)) => {
                    star = Some((place, tried + 1));
                    at = tried + 1;
                    of = place + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(of).all(|byte| *byte == b'*')
}

/// Holds an address against addresses, networks and patterns, separated by commas.
fn address_listed(address: Option<IpAddr>, list: &[u8]) -> Result<bool, String> {
    let mut found = false;
    for entry in list.split(|byte| *byte == b',') {
        let (negated, entry) = entry.strip_prefix(b"!").map_or((false, entry), |entry| (true, entry));
        if entry.is_empty() {
            return Err("Match: an address is empty".to_owned());
        }
        let matches = |address: IpAddr| match network(entry)? {
            Some((network, bits)) => Ok::<bool, String>(within(address, network, bits)),
            None => Ok(is_match(address.to_string().as_bytes(), entry)),
        };
        // Without an address, the list is only checked.
        let Some(address) = address else {
            network(entry)?;
            continue;
        };
        match (matches(address)?, negated) {
            (true, true) => return Ok(false),
            (true, false) => found = true,
            _ => {}
        }
    }
    Ok(found)
}

/// `10.0.0.0/8`, or an address alone; none for what is neither.
fn network(text: &[u8]) -> Result<Option<(IpAddr, u32)>, String> {
    let Ok(text) = std::str::from_utf8(text) else { return Ok(None) };
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else { return Ok(None) };
    let all = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => all,
        Some(bits) if !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()) => match bits.parse() {
            Ok(bits) if bits <= 128 => bits,
            _ => return Ok(None),
        },
        Some(_) => return Ok(None),
    };
    let beyond = number(address).1.checked_shl(128 - all + bits).unwrap_or(0);
    if bits > all || beyond != 0 {
        return Err(format!("Match: {text} has bits beyond its mask"));
    }
    Ok(Some((address, bits)))
}

/// Whether an address is IPv4, and its bits.
fn number(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(address) => (true, u128::from(address.to_bits())),
        IpAddr::V6(address) => (false, address.to_bits()),
    }
}

fn within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let all = if network.is_ipv4() { 32 } else { 128 };
    let ((of, address), (kind, network)) = (number(address), number(network));
    of == kind && (bits == 0 || (address ^ network).checked_shr(all - bits) == Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(criteria: &str) -> Result<Matched, String> {
        let connection = Connection {
            user: Some(b"alice".to_vec()),
            host: Some(b"Box.Example.Org".to_vec()),
            address: Some("10.1.2.3".parse().unwrap()),
            local_address: Some("2001:db8::1".parse().unwrap()),
            local_port: Some(22),
            routing_domain: Some(b"red".to_vec()),
        };
        matched(criteria.as_bytes(), &connection, &|user| match user {
            b"alice" => Ok(vec![b"wheel".to_vec(), b"staff".to_vec()]),
            _ => Err("no groups".to_owned()),
        })
    }

    #[test]
    fn criteria_match_as_sshd_config_says() {
        for (criteria, expected) in [
            ("all", Matched::All),
            ("ALL # comment", Matched::All),
            ("User alice", Matched::Yes),
            ("user=alice", Matched::Yes),
            ("user = \"alice\" # bob", Matched::Yes),
            ("user bob,al?ce", Matched::Yes),
            ("user *,!alice", Matched::No),
            ("user !bob", Matched::No),
            ("user Alice", Matched::No),
            ("host *.example.org", Matched::Yes),
            ("host *.EXAMPLE.org,!box.*", Matched::No),
            ("group wheel", Matched::Yes),
            ("group *,!staff", Matched::No),
            ("group nobody", Matched::No),
            ("address 10.0.0.0/8", Matched::Yes),
            ("address 10.0.0.0/8,!10.1.2.3", Matched::No),
            ("address 10.1.*", Matched::Yes),
            ("address 0.0.0.0/0", Matched::Yes),
            ("address ::/0", Matched::No),
            ("address 10.1.2.3/32", Matched::Yes),
            ("address 10.1.2.2/31", Matched::Yes),
            ("address 10.1.2.0/31", Matched::No),
            ("localaddress 2001:db8::/32", Matched::Yes),
            ("localaddress 2001:db8::2", Matched::No),
            ("localport 22", Matched::Yes),
            ("localport 2222", Matched::No),
            ("rdomain r*", Matched::Yes),
            ("user alice address 10.0.0.0/8", Matched::Yes),
            ("user alice address 192.168.0.0/16", Matched::No),
        ] {
            assert_eq!(ask(criteria), Ok(expected), "{criteria}");
        }
    }

    #[test]
    fn what_everybody_meets_holds_for_nobody_in_particular() {
        let nobody = |criteria: &str| matched(criteria.as_bytes(), &Connection::default(), &|_| Ok(vec![]));
        for (criteria, expected) in [
            ("user *", Matched::Yes),
            ("user=\"*\"", Matched::Yes),
            ("group ?*", Matched::Yes),
            ("user *,!root", Matched::Yes),
            ("user !*,*", Matched::No),
            ("user a*", Matched::No),
            ("user !root", Matched::No),
            ("host * address *", Matched::Yes),
            ("address 0.0.0.0/0,::/0", Matched::Yes),
            ("localaddress *.*.*.*,*:*", Matched::Yes),
            ("address *,!*", Matched::No),
            ("user * address 10.0.0.0/8", Matched::No),
            ("user * localport 22", Matched::No),
            ("rdomain *", Matched::No),
            ("invalid-user", Matched::No),
        ] {
            assert_eq!(nobody(criteria), Ok(expected), "{criteria}");
        }
        assert!(nobody("address 0.0.0.0/0").unwrap_err().contains("one family"));
        assert!(ask("invalid-user").is_err());
        let only = Connection { address: Some("10.1.2.3".parse().unwrap()), ..Connection::default() };
        assert_eq!(matched(b"user * address 10.*", &only, &|_| Ok(vec![])), Ok(Matched::Yes));
    }

    #[test]
    fn what_sshd_refuses_is_an_error() {
        for criteria in [
            "",
            "# user alice",
            "user",
            "user # alice",
            "all user alice",
            "user alice all",
            "colour blue",
            "user bob colour blue",
            "localport x",
            "localport 0",
            "address 10.1.2.3/8",
            "address 10.0.0.0/33",
            "address 10.0.0.0/8,",
            "user \"alice",
        ] {
            assert!(ask(criteria).is_err(), "{criteria}");
        }
        let only = Connection { user: Some(b"bob".to_vec()), ..Connection::default() };
        assert!(matched(b"group x", &only, &|_| Err("no groups".to_owned())).is_err());
        assert!(matched(b"user alice address 10.0.0.0/8", &only, &|_| Ok(vec![])).unwrap_err().contains("address"));
        assert_eq!(matched(b"group x address 10.0.0.0/8", &Connection::default(), &|_| Ok(vec![])), Ok(Matched::No));
    }

    #[test]
    fn patterns_take_no_time_out_of_proportion() {
        let (text, pattern) = ("a".repeat(10_000), "*a".repeat(1_000) + "b");
        assert!(!is_match(text.as_bytes(), pattern.as_bytes()));
        assert!(is_match(b"", b"*") && is_match(b"ab", b"a*b*") && !is_match(b"ab", b"a"));
    }
}
