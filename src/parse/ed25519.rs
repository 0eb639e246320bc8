//! The public key of a private one of Ed25519 (RFC 8032, 5.1.5): the seed's digest, times the base point.

use sha2::{Digest, Sha512};

use crate::parse::modulus::Modulus;

/// 2^255 - 19; d of the curve; the base point.
const PRIME: &str = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
const D: &str = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";
const X: &str = "216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a";
const Y: &str = "6666666666666666666666666666666666666666666666666666666666666658";

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or_default() as u8;
    hex.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |all, next| all << 4 | digit(next))).collect()
}

/// The public key of a seed; nothing for one that has not 32 bytes.
pub(super) fn public(seed: &[u8]) -> Option<Vec<u8>> {
    if seed.len() != 32 {
        return None;
    }
    let mut scalar: Vec<u8> = Sha512::digest(seed).iter().take(32).copied().collect();
    *scalar.first_mut()? &= 0xf8;
    *scalar.last_mut()? = scalar.last()? & 0x7f | 0x40;
    scalar.reverse();

    let field = Modulus::new(&bytes(PRIME))?;
    let number = |hex: &str| field.number(&bytes(hex));
    let (d, base) = (number(D), [number(X), number(Y), field.one().to_vec()]);
    let minus = |value: &[u64]| field.minus(value);
    let times = |left: &[u64], right: &[u64]| field.multiply(left, right);
    // The sum of two points, x and y each over z: one formula for all points of this curve.
    let sum = |[x1, y1, z1]: &[Vec<u64>; 3], [x2, y2, z2]: &[Vec<u64>; 3]| {
        let (a, c, e) = (times(z1, z2), times(x1, x2), times(y1, y2));
        let (b, k) = (times(&a, &a), times(&d, &times(&c, &e)));
        let (f, g) = (field.add(&b, &minus(&k)), field.add(&b, &k));
        let mixed = times(&field.add(x1, y1), &field.add(x2, y2));
        let mixed = field.add(&mixed, &minus(&field.add(&c, &e)));
        [times(&times(&a, &f), &mixed), times(&times(&a, &g), &field.add(&e, &c)), times(&f, &g)]
    };
    let mut point = [field.number(&[]), field.one().to_vec(), field.one().to_vec()];
    for byte in &scalar {
        for bit in (0..8).rev() {
            point = sum(&point, &point);
            if byte >> bit & 1 == 1 {
                point = sum(&point, &base);
            }
        }
    }
    let [x, y, z] = point;
    let mut exponent = bytes(PRIME);
    *exponent.last_mut()? -= 2;
    let inverse = field.power(&z, &exponent);
    let (x, y) = (field.plain(&times(&x, &inverse)), field.plain(&times(&y, &inverse)));
    // y, the lowest byte first, and the lowest bit of x above it.
    let mut public: Vec<u8> = y.iter().take(4).flat_map(|digit| digit.to_le_bytes()).collect();
    *public.last_mut()? |= (*x.first()? as u8 & 1) << 7;
    Some(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_standard() {
        for (seed, wanted) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            ),
        ] {
            assert_eq!(public(&bytes(seed)).unwrap(), bytes(wanted));
        }
        assert_eq!(public(&[0; 31]), None);
    }
}
