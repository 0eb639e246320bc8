//! /proc/PID/net/{tcp,tcp6,udp,udp6} (proc_net(5)): the sockets of a network namespace.

use std::net::IpAddr;

use crate::parse::{ParseError, lines};

/// The files, and with them the protocols in InSpec's words.
pub const PROTOCOLS: [&str; 4] = ["tcp", "tcp6", "udp", "udp6"];

/// A socket that waits for others: a TCP server, or a UDP socket that is bound to no peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `tcp`, `tcp6`, `udp`, `udp6`.
    pub protocol: &'static str,
    /// Where it waits; `0.0.0.0` and `::` are all addresses.
    pub address: IpAddr,
    /// On which port.
    pub port: u16,
    /// The user that made it.
    pub uid: u32,
    /// Its inode, by which a descriptor is known to be of it.
    pub inode: u64,
}

/// States of include/net/tcp_states.h: TCP_LISTEN, and TCP_CLOSE for a UDP socket without a peer.
const LISTEN: &str = "0A";
const CLOSE: &str = "07";

/// Reads the table of one protocol and keeps those that listen.
///
/// Errors: a line that is none of it.
pub fn listeners(protocol: &'static str, bytes: &[u8]) -> Result<Vec<Listener>, ParseError> {
    let state = if protocol.starts_with("udp") { CLOSE } else { LISTEN };
    let mut found = Vec::new();
    for (number, line) in lines(bytes).skip(1) {
        let odd = || ParseError { line: Some(number), what: "this is no line of a table of sockets".to_owned() };
        let text = std::str::from_utf8(line).map_err(|_| odd())?;
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let field = |place: usize| fields.get(place).copied().ok_or_else(odd);
        if field(3)? != state {
            continue;
        }
        let (address, port) = field(1)?.split_once(':').ok_or_else(odd)?;
        found.push(Listener {
            protocol,
            address: address_of(address).ok_or_else(odd)?,
            port: u16::from_str_radix(port, 16).map_err(|_| odd())?,
            uid: field(7)?.parse().map_err(|_| odd())?,
            inode: field(9)?.parse().map_err(|_| odd())?,
        });
    }
    Ok(found)
}

/// An address as the kernel writes it: words of 32 bits, each in the machine's own byte order.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |place: usize| {
        let digits = hex.get(place * 8..place * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn line(address: &[u8], port: u16, state: &str) -> String {
        let words = address.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap()));
        let hex: String = words.map(|word| format!("{word:08X}")).collect();
        format!(
            "   0: {hex}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000   33        0 641 1 0 100\n"
        )
    }

    #[test]
    fn those_that_listen_are_kept() {
        let text = [HEAD.to_owned(), line(&[127, 0, 0, 1], 8080, "0A"), line(&[10, 0, 0, 1], 8080, "01")].concat();
        let found = listeners("tcp", text.as_bytes()).unwrap();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(found, [Listener { protocol: "tcp", address, port: 8080, uid: 33, inode: 641 }]);
        let text = [HEAD.to_owned(), line(&Ipv6Addr::LOCALHOST.octets(), 53, "07")].concat();
        assert_eq!(listeners("udp6", text.as_bytes()).unwrap()[0].address, IpAddr::V6(Ipv6Addr::LOCALHOST));
        assert_eq!(listeners("tcp6", text.as_bytes()), Ok(vec![]));
    }

    #[test]
    fn an_odd_line_is_an_error() {
        for odd in ["x", "0: 1:1 0:0 0A 0 0 0 0 0 0", "0: 0100007F:1F90 0:0 0A 0 0"] {
            assert_eq!(listeners("tcp", format!("{HEAD}{odd}").as_bytes()).unwrap_err().line, Some(2));
        }
    }
}
