//! Parameters of Diffie-Hellman (PKCS#3, X9.42) in PEM or DER, and whether they are sound.

use sha2::{Digest, Sha256};

use crate::parse::der::{self, Elements, INTEGER, SEQUENCE};
use crate::parse::keys::without_zeros;
use crate::parse::modulus::Modulus;
use crate::parse::{ParseError, pem};

/// What they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhParams {
    /// The prime, without zeros in front.
    pub prime: Vec<u8>,
    /// The generator, likewise.
    pub generator: Vec<u8>,
    /// Whether they name the order of the generator, as X9.42 has it.
    has_order: bool,
}

/// SHA-256 of the primes of RFC 3526 (from 1536 bits on) and of RFC 7919, all of them safe.
const KNOWN: [&str; 11] = [
    "64fcc83ec403930bf18393dbc883ccaa1fbb08ac876f77f7aa99748ca945019b",
    "d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60890e",
    "48cf8b092fbce4359d9871abf74f98e25b6163379eaa15cd9087e800c6d1c55c",
    "4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec23919e33",
    "d1bfe6d0925ce7e4da262b62861514a7755e35831e429f343e7b864848657efd",
    "39ab4feab950a3128fb71accb9fc3965d857012e081998a85996e3ea8b3c3bcf",
    "9cd3b7f336872f46c09428d1bbc19877a4d440512cda8d1c1cf0cd6e33698966",
    "0eaf67db3a839156d5013494a5318a772b5697d270d721f37f092efc69ea5a17",
    "4648414224ac881b3d0dc59b466f96d06a558278776807797ecf1f66ff397b3e",
    "227ac9066b3ddd9e193670cda2388fa884f65ba0cf98b742d1fe77a6687c79c7",
    "770b14efaf6f049929c523113b3fa99a8d11dab1b18af3609590122075d19833",
];

/// The longest prime that is tested, in bits: the time grows with the third power of it, and is some seconds here.
const LONGEST: usize = 4096;

/// The first parameters of a file, in PEM or DER.
pub fn dh_params(bytes: &[u8]) -> Result<DhParams, ParseError> {
    let block;
    let (der, x9_42) = if pem::is_pem(bytes) {
        let wanted = |label: &[u8]| matches!(label, b"DH PARAMETERS" | b"X9.42 DH PARAMETERS");
        let found = pem::first(bytes, &wanted)?;
        block = found.ok_or_else(|| ParseError::new("it holds no Diffie-Hellman parameters"))?;
        (block.bytes.as_slice(), block.label != b"DH PARAMETERS")
    } else {
        (bytes, false)
    };
    let mut numbers = Elements::new(der).enter(SEQUENCE)?;
    let (prime, generator) = (numbers.take(INTEGER)?, numbers.take(INTEGER)?);
    // The third number of PKCS#3 is a length.
    let has_order = x9_42 || numbers.optional(INTEGER)?.is_some_and(|third| third.len() > 4);
    let number = |number: &[u8]| without_zeros(number).to_vec();
    Ok(DhParams { prime: number(prime), generator: number(generator), has_order })
}

impl DhParams {
    /// Whether `openssl dhparam -check` takes them: a safe prime of at least 512 bits, and a generator above 1 and below
    /// the prime less one.
    ///
    /// Errors: that is not established.
    pub fn are_valid(&self) -> Result<bool, ParseError> {
        if self.has_order {
            return Err(ParseError::new("parameters of X9.42 are not checked"));
        }
        let (prime, bits) = (self.prime.as_slice(), der::bits(&self.prime));
        let Some((last, head)) = prime.split_last().filter(|(last, _)| *last & 1 == 1) else { return Ok(false) };
        let minus_one = [head, &[last - 1]].concat();
        let size = |number: &[u8]| (number.len(), number.to_vec());
        let generates = size(&[1]) < size(&self.generator) && size(&self.generator) < size(&minus_one);
        if !generates || !(512..=10_000).contains(&bits) {
            return Ok(false);
        }
        let digest: String = Sha256::digest(prime).iter().map(|byte| format!("{byte:02x}")).collect();
        if KNOWN.contains(&digest.as_str()) {
            return Ok(true);
        }
        if bits > LONGEST {
            return Err(ParseError::new(format!(
                "whether a number of {bits} bits is a prime is not established: it is of no standard, and longer than {LONGEST}"
            )));
        }
        Ok(is_safe_prime(prime, &minus_one))
    }
}

/// Whether an odd number is a prime of which half, rounded down, is one, too. If the half is, then one power of 2 proves
/// that the number is (Pocklington's criterion, for which 3 must not divide it).
fn is_safe_prime(number: &[u8], minus_one: &[u8]) -> bool {
    // 256 is 1 modulo 3.
    if number.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 3 == 0 {
        return false;
    }
    let Some(modulus) = Modulus::new(number) else { return false };
    if modulus.power(&modulus.number(&[2]), minus_one) != modulus.one() {
        return false;
    }
    let above = std::iter::once(&0).chain(number);
    let half: Vec<u8> = number.iter().zip(above).map(|(byte, above)| byte >> 1 | above << 7).collect();
    Modulus::new(&half).is_some_and(|half| half.is_prime())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_not_said() {
        let params = |bytes: usize| DhParams { prime: vec![0xff; bytes], generator: vec![2], has_order: false };
        assert_eq!(params(512).are_valid(), Ok(false));
        assert!(params(513).are_valid().is_err());
        assert_eq!(params(1300).are_valid(), Ok(false));
        assert!(DhParams { has_order: true, ..params(64) }.are_valid().is_err());
    }
}
