//! Which characters stand for themselves in a path (RFC 3986, sections 2.3 and 3.3).

/// Letters, digits, `-._~`: an escape of them means nothing else than they do.
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What may stand in a segment as itself and never has a meaning of its own there that an escape would take away.
pub(super) const fn is_settled(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b':' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b',' | b'=')
}

/// What stays as it is when it comes unescaped.
pub(super) const fn is_plain(byte: u8) -> bool {
    PLAIN[byte as usize]
}

const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_settled(byte as u8) || byte == b'+' as usize;
        byte += 1;
    }
    table
};
