//! /proc/PID/net/{dev,if_inet6,route,ipv6_route} (proc_net(5)): the interfaces and the routes of a network namespace.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::parse::{MAX_ROWS, ParseError, lines};

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: Vec<u8>,
    /// Its IPv6 addresses, each with the length of its network's prefix.
    pub ipv6: Vec<(IpAddr, u8)>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The network that it is for.
    pub destination: IpAddr,
    /// How many bits of it count.
    pub prefix_length: u8,
    /// By whom; unspecified for one that is reached directly.
    pub gateway: IpAddr,
    /// Bits of include/uapi/linux/route.h and ipv6_route.h.
    pub flags: u32,
    /// The lower one is preferred.
    pub metric: u32,
    /// By which interface; `*` by none.
    pub interface: Vec<u8>,
}

/// What is sent by such a route is refused.
const REJECT: u32 = 0x200;

/// Flags and their letters.
pub const FLAGS: [(u32, char); 11] = [
    (REJECT, '!'),
    (0x1, 'U'),
    (0x2, 'G'),
    (0x4, 'H'),
    (0x8, 'R'),
    (0x10, 'D'),
    (0x20, 'M'),
    (0x1_0000, 'D'),
    (0x4_0000, 'A'),
    (0x100_0000, 'C'),
    (0x20_0000, 'n'),
];

impl Route {
    /// Its flags in the letters of route(8), where `!` stands in the place of `U`.
    pub fn letters(&self) -> String {
        let of_up = |letter: char| letter == 'U' && self.flags & REJECT != 0;
        let is = |(bit, letter): &&(u32, char)| self.flags & bit != 0 && !of_up(*letter);
        FLAGS.iter().filter(is).map(|(_, letter)| letter).collect()
    }
}

/// The interfaces of `dev`, with the addresses of `if_inet6`; without the latter, the kernel has no IPv6.
///
/// Errors: a line that is none of it; an address of an interface that is not there.
pub fn interfaces(dev: &[u8], inet6: Option<&[u8]>) -> Result<Vec<Interface>, ParseError> {
    let mut found = Vec::new();
    let mut places = HashMap::new();
    for (number, line) in rows(dev)?.skip(2) {
        let name = line.iter().position(|byte| *byte == b':').and_then(|at| line.get(..at));
        let name = name.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty()).ok_or_else(|| odd(number))?;
        places.insert(name, found.len());
        found.push(Interface { name: name.to_vec(), ipv6: Vec::new() });
    }
    for (number, line) in inet6.map(rows).transpose()?.into_iter().flatten() {
        let fields = fields(line);
        let address = (|| Some((ipv6(fields.first()?)?, prefix(fields.get(2)?, 128)?)))().ok_or_else(|| odd(number))?;
        let interface = fields.get(5).and_then(|name| places.get(name)).and_then(|place| found.get_mut(*place));
        let gone =
            || ParseError { line: Some(number), what: "an address of an interface that is not there".to_owned() };
        interface.ok_or_else(gone)?.ipv6.push(address);
    }
    Ok(found)
}

/// The routes of `route`: those of the main table, the first of several next hops.
///
/// Errors: a line that is none of it.
pub fn ipv4_routes(bytes: &[u8]) -> Result<Vec<Route>, ParseError> {
    let route = |line: &[u8]| {
        let fields = fields(line);
        let mask = u32::from_be_bytes(ipv4(fields.get(7)?)?);
        let length = mask.leading_ones();
        Some(Route {
            destination: IpAddr::from(ipv4(fields.get(1)?)?),
            prefix_length: u8::try_from(length).ok().filter(|_| mask.count_ones() == length)?,
            gateway: IpAddr::from(ipv4(fields.get(2)?)?),
            flags: u32::from_str_radix(text(fields.get(3)?)?, 16).ok()?,
            metric: text(fields.get(6)?)?.parse().ok()?,
            interface: fields.first()?.to_vec(),
        })
    };
    rows(bytes)?.skip(1).map(|(number, line)| route(line).ok_or_else(|| odd(number))).collect()
}

/// The routes of `ipv6_route`: those of all tables.
///
/// Errors: a line that is none of it.
pub fn ipv6_routes(bytes: &[u8]) -> Result<Vec<Route>, ParseError> {
    let route = |line: &[u8]| {
        let fields = fields(line);
        let hex = |place: usize| u32::from_str_radix(text(fields.get(place)?)?, 16).ok();
        Some(Route {
            destination: ipv6(fields.first()?)?,
            prefix_length: prefix(fields.get(1)?, 128)?,
            gateway: ipv6(fields.get(4)?)?,
            flags: hex(8)?,
            metric: hex(5)?,
            interface: fields.get(9)?.to_vec(),
        })
    };
    rows(bytes)?.map(|(number, line)| route(line).ok_or_else(|| odd(number))).collect()
}

/// An address with the length of its prefix: `fe80::1/64`.
pub fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let length = length.parse().ok().filter(|length| *length <= if address.is_ipv4() { 32 } else { 128 })?;
    Some((address, length))
}

fn rows(bytes: &[u8]) -> Result<impl Iterator<Item = (usize, &[u8])>, ParseError> {
    match lines(bytes).nth(MAX_ROWS) {
        Some(_) => Err(ParseError::new(format!("more than {MAX_ROWS} lines"))),
        None => Ok(lines(bytes)),
    }
}

fn odd(line: usize) -> ParseError {
    ParseError { line: Some(line), what: "this is no line of this table".to_owned() }
}

fn fields(line: &[u8]) -> Vec<&[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).take(11).collect()
}

fn text<'a>(field: &&'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(field).ok()
}

/// An IPv4 address as the kernel writes it: a word in the machine's own byte order.
fn ipv4(field: &&[u8]) -> Option<[u8; 4]> {
    let digits = text(field).filter(|digits| digits.len() == 8)?;
    Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
}

/// An IPv6 address: its bytes in their order.
fn ipv6(field: &&[u8]) -> Option<IpAddr> {
    let digits = text(field).filter(|digits| digits.len() == 32)?;
    Some(IpAddr::from(u128::from_str_radix(digits, 16).ok()?.to_be_bytes()))
}

fn prefix(field: &&[u8], most: u8) -> Option<u8> {
    u8::from_str_radix(text(field)?, 16).ok().filter(|length| *length <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &[u8] = b"Inter-|   Receive\n face |bytes\n    lo:       0 0\n  eth0: 126 1\n";

    #[test]
    fn interfaces_have_their_addresses() {
        let inet6 = b"00000000000000000000000000000001 01 80 10 80       lo\n\
            fe800000000000000000000000000001 02 40 20 80     eth0\n";
        let found = interfaces(DEV, Some(inet6)).unwrap();
        let shown: Vec<String> =
            found.iter().map(|found| format!("{} {:?}", String::from_utf8_lossy(&found.name), found.ipv6)).collect();
        assert_eq!(shown, ["lo [(::1, 128)]", "eth0 [(fe80::1, 64)]"]);
        assert!(interfaces(DEV, None).unwrap().iter().all(|found| found.ipv6.is_empty()));
        let other = b"00000000000000000000000000000001 01 80 10 80 eth1\n";
        assert!(interfaces(DEV, Some(other)).unwrap_err().what.contains("not there"));
        for odd in [&b"0 01 80 10 80 lo\n"[..], b"00000000000000000000000000000001 01 81 10 80 lo\n"] {
            assert_eq!(interfaces(DEV, Some(odd)).unwrap_err().line, Some(1));
        }
        assert_eq!(interfaces(b"a\nb\nc\n", None).unwrap_err().line, Some(3));
    }

    #[test]
    fn routes_are_read() {
        let word = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let (none, gateway, mask) = (word([0; 4]), word([10, 88, 0, 1]), word([255, 255, 0, 0]));
        let network = word([10, 88, 0, 0]);
        let text = format!(
            "Iface\tDestination\n\
            eth0\t{none}\t{gateway}\t0003\t0\t0\t100\t{none}\t0\t0\t0   \n\
            eth0\t{network}\t{none}\t0001\t0\t0\t0\t{mask}\t0\t0\t0   \n"
        );
        let found = ipv4_routes(text.as_bytes()).unwrap();
        let shown = |route: &Route| {
            let interface = String::from_utf8_lossy(&route.interface);
            let (to, length, by) = (route.destination, route.prefix_length, route.gateway);
            format!("{to}/{length} {by} {} {} {interface}", route.letters(), route.metric)
        };
        assert_eq!(shown(&found[0]), "0.0.0.0/0 10.88.0.1 UG 100 eth0");
        assert_eq!(shown(&found[1]), "10.88.0.0/16 0.0.0.0 U 0 eth0");
        let zero = "0".repeat(32);
        let text = format!("fe80{} 40 {zero} 00 {zero} 00000100 00000001 00000000 00200200     eth0\n", "0".repeat(28));
        assert_eq!(shown(&ipv6_routes(text.as_bytes()).unwrap()[0]), "fe80::/64 :: !n 256 eth0");
        let holes = format!("x\neth0\t{none}\t{none}\t1\t0\t0\t0\t{}\n", word([255, 0, 255, 0]));
        assert_eq!(ipv4_routes(holes.as_bytes()).unwrap_err().line, Some(2));
        assert_eq!(ipv6_routes(b"x\n").unwrap_err().line, Some(1));
        assert_eq!(cidr("10.0.0.0/8"), Some(("10.0.0.0".parse().unwrap(), 8)));
        assert_eq!((cidr("10.0.0.0/33"), cidr("::1")), (None, None));
    }
}
