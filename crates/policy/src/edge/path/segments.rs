//! Segments: `.`, `..` and empty ones are resolved (RFC 3986, section 5.2.4), never above the root.

use super::PathFault;

/// The path without dot segments and empty segments. A last segment that vanishes leaves its slash.
pub(super) fn resolve(path: &[u8]) -> Result<String, PathFault> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let mut segments = path[1..].split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"" | b"." => {}
            b".." => {
                let parent = out.iter().rposition(|byte| *byte == b'/').ok_or(PathFault::AboveRoot)?;
                out.truncate(parent);
            }
            _ => {
                refuse_hidden_dots(segment)?;
                out.push(b'/');
                out.extend_from_slice(segment);
                continue;
            }
        }
        if is_last {
            out.push(b'/');
        }
    }
    String::from_utf8(out).map_err(|_| PathFault::Character)
}

/// Refuses segments in which a server that undoes `%2F`, or cuts `;` off, finds `..`.
fn refuse_hidden_dots(segment: &[u8]) -> Result<(), PathFault> {
    let Some(fault) = hiding_place(segment) else { return Ok(()) };
    let text = String::from_utf8_lossy(segment).replace("%2F", "/").replace("%3B", ";");
    let mut parts = text.split(['/', ';']);
    if parts.any(|part| matches!(part, "." | "..")) || text.starts_with(';') { Err(fault) } else { Ok(()) }
}

fn hiding_place(segment: &[u8]) -> Option<PathFault> {
    if segment.contains(&b';') || segment.windows(3).any(|three| three == b"%3B") {
        return Some(PathFault::Parameters);
    }
    segment.windows(3).any(|three| three == b"%2F").then_some(PathFault::EncodedSlash)
}
