//! Numbers and addresses as text, for what is written with every request: a tenth of the instructions of `core::fmt`.

use std::io::Write;
use std::net::IpAddr;

/// Appends `number` with zeros in front up to `width` digits, at most 20.
pub fn push_number(out: &mut Vec<u8>, number: u64, width: usize) {
    let (digits, first) = digits(number);
    let first = if number == 0 { digits.len() } else { first };
    out.extend_from_slice(&digits[first.min(digits.len().saturating_sub(width))..]);
}

/// Appends `number`.
pub fn push_digits(out: &mut String, number: u64) {
    let (digits, first) = digits(number);
    // Digits are always text.
    out.push_str(std::str::from_utf8(&digits[first..]).unwrap_or_default());
}

/// Appends an address without a port.
pub fn push_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            out.extend_from_slice(Dotted::new(address.octets()).as_str().as_bytes());
        }
        // Writing to memory cannot fail.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}

/// `00` to `99`: to look two digits up takes half the instructions of reckoning them.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// The digits of a number with zeros in front, and where it begins.
fn digits(number: u64) -> ([u8; 20], usize) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    let mut rest = number;
    while rest >= 100 {
        first -= 2;
        [digits[first], digits[first + 1]] = PAIRS[(rest % 100) as usize];
        rest /= 100;
    }
    first -= 2;
    [digits[first], digits[first + 1]] = PAIRS[rest as usize];
    (digits, first + usize::from(rest < 10))
}

/// An IPv4 address as text, without an allocation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dotted {
    text: [u8; "255.255.255.255".len()],
    length: usize,
}

impl Dotted {
    /// The text of these octets.
    pub fn new(octets: [u8; 4]) -> Self {
        let mut dotted = Self::default();
        for (place, octet) in octets.into_iter().enumerate() {
            if place > 0 {
                dotted.push(b'.');
            }
            let [tens, ones] = PAIRS[usize::from(octet % 100)];
            if octet >= 100 {
                dotted.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                dotted.push(tens);
            }
            dotted.push(ones);
        }
        dotted
    }

    fn push(&mut self, byte: u8) {
        self.text[self.length] = byte;
        self.length += 1;
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Digits and points are always text.
        std::str::from_utf8(&self.text[..self.length]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_of_an_address_is_written_as_the_standard_library_writes_it() {
        for octet in 0..=u8::MAX {
            for octets in [[octet; 4], [octet, 0, 255, 7], [10, 99, octet, 100]] {
                assert_eq!(Dotted::new(octets).as_str(), std::net::Ipv4Addr::from(octets).to_string());
            }
        }
    }

    #[test]
    fn digits_are_appended_to_text() {
        for number in [0, 7, 10, 999, 1_000_000_007, u64::MAX] {
            let mut out = "n=".to_owned();
            push_digits(&mut out, number);
            assert_eq!(out, format!("n={number}"));
        }
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for text in ["0.0.0.0", "127.0.0.1", "192.0.2.10", "255.255.255.255", "::1", "2001:db8::7"] {
            let mut out = Vec::new();
            push_address(&mut out, text.parse().unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for number in [0, 7, 10, 999, 1_000_000_007, u64::MAX] {
            for width in [0, 1, 2, 9, 20, 30] {
                let mut out = Vec::new();
                push_number(&mut out, number, width);
                let expected = if width == 0 && number == 0 {
                    String::new()
                } else {
                    format!("{number:0w$}", w = width.min(20))
                };
                assert_eq!(String::from_utf8(out).unwrap(), expected, "{number} {width}");
            }
        }
    }
}
