//! Arithmetic modulo a large odd number (Montgomery's way), as much as a test for primes needs. Nothing here is secret:
//! its time depends on the numbers.

use sha2::{Digest, Sha256};

/// An odd number above 1, modulo which is reckoned. Numbers are digits of 64 bits, the lowest first, as many as the
/// modulus has, and two more, which are zero; they are below the modulus.
pub(super) struct Modulus {
    digits: Vec<u64>,
    /// What the lowest digit times this makes is -1.
    inverse: u64,
    /// 1 and R² in this form, where R is the first power of 2^64 above the modulus.
    one: Vec<u64>,
    square: Vec<u64>,
}

/// How often a number is tested: a composite one passes by chance of less than 2^-48, whoever made it.
const ROUNDS: u8 = 24;

impl Modulus {
    /// Of a number in bytes, the highest first; nothing for an even one and for 1.
    pub(super) fn new(bytes: &[u8]) -> Option<Modulus> {
        let mut digits = digits(bytes);
        while digits.last() == Some(&0) {
            digits.pop();
        }
        let lowest = *digits.first()?;
        if lowest & 1 == 0 || digits == [1] {
            return None;
        }
        // Newton's: each step doubles the bits that are right, of which there are three at first.
        let mut inverse = lowest;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(lowest.wrapping_mul(inverse)));
        }
        digits.extend([0, 0]);
        let length = digits.len();
        let mut modulus = Modulus { digits, inverse: inverse.wrapping_neg(), one: Vec::new(), square: Vec::new() };
        let doubled = |mut number: Vec<u64>| {
            for _ in 0..64 * (length - 2) {
                number = modulus.add(&number, &number);
            }
            number
        };
        let mut plain = vec![0; length];
        if let Some(lowest) = plain.first_mut() {
            *lowest = 1;
        }
        let one = doubled(plain);
        let square = doubled(one.clone());
        (modulus.one, modulus.square) = (one, square);
        Some(modulus)
    }

    /// 1.
    pub(super) fn one(&self) -> &[u64] {
        &self.one
    }

    /// A number in bytes, the highest first, which must be below the modulus.
    pub(super) fn number(&self, bytes: &[u8]) -> Vec<u64> {
        let mut digits = digits(bytes);
        digits.resize(self.digits.len(), 0);
        self.multiply(&digits, &self.square)
    }

    /// The sum of two.
    pub(super) fn add(&self, left: &[u64], right: &[u64]) -> Vec<u64> {
        let mut carry = 0;
        let sum = left.iter().zip(right).map(|(left, right)| {
            let sum = u128::from(*left) + u128::from(*right) + carry;
            carry = sum >> 64;
            sum as u64
        });
        self.reduced(sum.collect())
    }

    /// What added to a number makes zero.
    pub(super) fn minus(&self, number: &[u64]) -> Vec<u64> {
        self.reduced(less(&self.digits, number))
    }

    /// A number as it is, the lowest digit first, rather than in the form in which it is reckoned with.
    pub(super) fn plain(&self, number: &[u64]) -> Vec<u64> {
        let mut one = vec![0; self.digits.len()];
        if let Some(lowest) = one.first_mut() {
            *lowest = 1;
        }
        self.multiply(number, &one)
    }

    /// The product of two.
    pub(super) fn multiply(&self, left: &[u64], right: &[u64]) -> Vec<u64> {
        let mut sum = vec![0_u64; self.digits.len()];
        let lowest = left.first().copied().unwrap_or_default();
        for digit in right.iter().take(self.digits.len() - 2) {
            // So many times the modulus make the lowest digit of the sum zero.
            let times = sum.first().copied().unwrap_or_default().wrapping_add(lowest.wrapping_mul(*digit));
            let times = u128::from(times.wrapping_mul(self.inverse));
            let (mut carry, mut carry_of_modulus) = (0, 0);
            for ((sum, left), modulus) in sum.iter_mut().zip(left).zip(&self.digits) {
                carry += u128::from(*sum) + u128::from(*left) * u128::from(*digit);
                carry_of_modulus += u128::from(carry as u64) + u128::from(*modulus) * times;
                *sum = carry_of_modulus as u64;
                (carry, carry_of_modulus) = (carry >> 64, carry_of_modulus >> 64);
            }
            sum.rotate_left(1);
        }
        self.reduced(sum)
    }

    /// A number to the power of another one, which is in bytes, the highest first.
    pub(super) fn power(&self, base: &[u64], exponent: &[u8]) -> Vec<u64> {
        // Four bits at once.
        let mut powers = vec![self.one.clone()];
        while let Some(last) = powers.last().filter(|_| powers.len() < 16) {
            powers.push(self.multiply(last, base));
        }
        let mut power = self.one.clone();
        for bits in exponent.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            for _ in 0..4 {
                power = self.multiply(&power, &power);
            }
            if let Some(factor) = powers.get(usize::from(bits)).filter(|_| bits > 0) {
                power = self.multiply(&power, factor);
            }
        }
        power
    }

    /// A number below twice the modulus, below it.
    fn reduced(&self, number: Vec<u64>) -> Vec<u64> {
        if number.iter().rev().lt(self.digits.iter().rev()) { number } else { less(&number, &self.digits) }
    }

    /// Whether the modulus, which must have more than 256 bits, is a prime, by Miller's and Rabin's test.
    pub(super) fn is_prime(&self) -> bool {
        let minus_one = less(&self.digits, &self.one);
        // Without its zeros at the end, the modulus less one; how many zeros there were.
        let mut odd = self.digits.clone();
        if let Some(lowest) = odd.first_mut() {
            *lowest -= 1;
        }
        let mut zeros = 0;
        while odd.first().is_some_and(|lowest| lowest & 1 == 0) {
            let above: Vec<u64> = odd.iter().skip(1).copied().chain([0]).collect();
            odd.iter_mut().zip(above).for_each(|(digit, above)| *digit = *digit >> 1 | above << 63);
            zeros += 1;
        }
        let exponent: Vec<u8> = odd.iter().rev().flat_map(|digit| digit.to_be_bytes()).collect();
        (0..ROUNDS).all(|round| {
            // What it is tested with comes from itself: nobody chooses a number for that.
            let seed = Sha256::new().chain_update([round]).chain_update(&exponent).finalize();
            let mut power = self.power(&self.number(&seed), &exponent);
            if power == self.one {
                return true;
            }
            for _ in 1..zeros {
                if power == minus_one {
                    break;
                }
                power = self.multiply(&power, &power);
            }
            power == minus_one
        })
    }
}

fn digits(bytes: &[u8]) -> Vec<u64> {
    bytes.rchunks(8).map(|piece| piece.iter().fold(0, |all, byte| (all << 8) | u64::from(*byte))).collect()
}

/// The difference of two, of which the second is not the larger one.
fn less(left: &[u64], right: &[u64]) -> Vec<u64> {
    let mut borrow = false;
    let difference = left.iter().zip(right).map(|(left, right)| {
        let (difference, first) = left.overflowing_sub(*right);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        borrow = first | second;
        difference
    });
    difference.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(power: usize, less: u8) -> Vec<u8> {
        let mut bytes = vec![0_u8; power / 8 + 1];
        bytes[0] = 1 << (power % 8);
        let mut borrow = less;
        for byte in bytes.iter_mut().rev() {
            let (difference, more) = byte.overflowing_sub(borrow);
            (*byte, borrow) = (difference, u8::from(more));
        }
        bytes
    }

    #[test]
    fn numbers_are_multiplied() {
        assert!(Modulus::new(&[4]).is_none() && Modulus::new(&[0, 1]).is_none() && Modulus::new(&[]).is_none());
        // 3^5 is 243, which is 5 modulo 17 and 9 modulo 13.
        for (modulus, rest) in [(17, 5), (13, 9), (251, 243)] {
            let modulus = Modulus::new(&[0, modulus]).unwrap();
            assert_eq!(modulus.power(&modulus.number(&[3]), &[5]), modulus.number(&[rest]));
            assert_eq!(modulus.power(&modulus.number(&[3]), &[0]), modulus.one());
        }
        // 2^127 is 1 modulo 2^127 - 1.
        let mersenne = Modulus::new(&number(127, 1)).unwrap();
        assert_eq!(mersenne.power(&mersenne.number(&[2]), &[127]), mersenne.one());
        assert_eq!(mersenne.add(&mersenne.number(&number(127, 2)), &mersenne.number(&[2])), mersenne.one());
    }

    #[test]
    fn primes_are_told_from_others() {
        for (power, less, prime) in [(521, 1, true), (607, 1, true), (523, 1, false), (512, 1, false), (1024, 1, false)]
        {
            assert_eq!(Modulus::new(&number(power, less)).unwrap().is_prime(), prime, "2^{power} - {less}");
        }
        // (2^521 - 1)^2 = 2^1042 - 2^522 + 1.
        let mut square = vec![0xff; 66];
        square[0] = 3;
        square[65] = 0xfc;
        square.extend([0; 65]);
        square[130] = 1;
        assert!(!Modulus::new(&square).unwrap().is_prime());
    }
}
