//! Numbers and addresses as text, for what is written with every request: a fifth of the instructions of `core::fmt`.

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
            for (place, part) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                push_number(out, part.into(), 1);
            }
        }
        // Writing to memory cannot fail.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}

/// The digits of a number with zeros in front, and where it begins; two digits for each long multiplication.
fn digits(number: u64) -> ([u8; 20], usize) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    let mut rest = number;
    while rest >= 100 {
        let pair = (rest % 100) as u8;
        rest /= 100;
        first -= 2;
        digits[first] = b'0' + pair / 10;
        digits[first + 1] = b'0' + pair % 10;
    }
    let last = rest as u8;
    digits[first - 1] = b'0' + last % 10;
    if last < 10 {
        return (digits, first - 1);
    }
    digits[first - 2] = b'0' + last / 10;
    (digits, first - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

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
