//! Escapes: undone where they change nothing, written one way where they stay, refused where readers differ.

use super::alphabet::{is_plain, is_settled};
use super::{PathFault, PathRules};

/// The path with each character in its one spelling; segments are as they were.
pub(super) fn respell(raw: &[u8], rules: PathRules) -> Result<Vec<u8>, PathFault> {
    let mut out = Vec::with_capacity(raw.len() + 16);
    let mut previous = 0;
    let mut place = 0;
    while let Some(&byte) = raw.get(place) {
        let meant = if byte == b'%' {
            let meant = hex_pair(raw.get(place + 1..place + 3)).ok_or(PathFault::Escape)?;
            place += 3;
            push_escaped(meant, rules, &mut out)?;
            meant
        } else {
            place += 1;
            push_literal(byte, rules, &mut out)?;
            byte
        };
        if is_overlong(previous, meant) {
            return Err(PathFault::Overlong);
        }
        previous = meant;
    }
    if is_escaped_twice(&out) { Err(PathFault::EscapedTwice) } else { Ok(out) }
}

fn push_literal(byte: u8, rules: PathRules, out: &mut Vec<u8>) -> Result<(), PathFault> {
    match byte {
        b'/' => out.push(byte),
        b'\\' => return Err(PathFault::Backslash),
        b';' if rules.parameters => out.push(byte),
        b';' => return Err(PathFault::Parameters),
        0..=b' ' | 0x7f | b'#' | b'?' => return Err(PathFault::Character),
        _ if is_plain(byte) => out.push(byte),
        _ => push_escape(byte, out),
    }
    Ok(())
}

fn push_escaped(meant: u8, rules: PathRules, out: &mut Vec<u8>) -> Result<(), PathFault> {
    match meant {
        0..0x20 | 0x7f => return Err(PathFault::Character),
        b'/' if !rules.encoded_slash => return Err(PathFault::EncodedSlash),
        b'\\' => return Err(PathFault::Backslash),
        b';' if !rules.parameters => return Err(PathFault::Parameters),
        _ if is_settled(meant) => out.push(meant),
        _ => push_escape(meant, out),
    }
    Ok(())
}

/// Looks at what was written, as the digits behind `%25` may have been escapes themselves.
fn is_escaped_twice(out: &[u8]) -> bool {
    out.windows(5).any(|five| {
        five.starts_with(b"%25")
            && hex_pair(five.get(3..)).is_some_and(|meant| {
                meant < 0x20 || matches!(meant, 0x7f | b'.' | b'/' | b'\\' | b';' | b'%')
            })
    })
}

/// Whether two bytes begin a character that UTF-8 writes in fewer (RFC 3629, section 4).
fn is_overlong(first: u8, second: u8) -> bool {
    match first {
        0xc0 | 0xc1 => (0x80..=0xbf).contains(&second),
        0xe0 => (0x80..=0x9f).contains(&second),
        0xf0 => (0x80..=0x8f).contains(&second),
        _ => false,
    }
}

/// The byte that two hexadecimal digits mean.
pub(crate) fn hex_pair(digits: Option<&[u8]>) -> Option<u8> {
    let &[high, low] = digits? else { return None };
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Appends `%` and two capital hexadecimal digits.
pub(crate) fn push_escape(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}
