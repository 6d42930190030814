//! Hides keys that stand in a config file before its lines are shown to anybody.

/// Last words of the names whose values are never shown.
const SECRET_NAMES: &[&str] = &["key", "apikey", "token", "secret", "password", "authorization", "cookie"];

/// The text with every character of a secret replaced by `*`, byte for byte, so that places stay right.
///
/// Works on the text alone, so that it also holds for a file that is not YAML.
pub(super) fn mask(text: &str) -> String {
    let mut is_list = false;
    text.split_inclusive('\n').map(|line| mask_line(line, &mut is_list)).collect()
}

/// Names whose values are lists of secrets.
const SECRET_LISTS: &[&str] = &["api_keys"];

/// Hides the items of such a list; `is_list`: the lines before this one were in it.
fn mask_list(line: &str, bytes: &mut [u8], is_list: &mut bool) {
    let items = if *is_list { line.trim_start().strip_prefix('-') } else { None };
    if let Some(item) = items {
        hide(bytes, line.len() - item.len(), line.len());
        return;
    }
    *is_list = false;
    for name in SECRET_LISTS {
        let Some(at) = line.find(name) else { continue };
        let Some(colon) = line[at..].find(':') else { continue };
        let mut start = at + colon + 1;
        *is_list = !line[start..].contains('[') && line[start..].trim().is_empty();
        let end = start + line[start..].find(']').unwrap_or(line.len() - start);
        while start < end {
            let item = start + line[start..end].find([',', '[']).unwrap_or(end - start);
            hide(bytes, start, item);
            start = item + 1;
        }
    }
}

fn mask_line(line: &str, is_list: &mut bool) -> String {
    let mut bytes = line.as_bytes().to_vec();
    mask_list(line, &mut bytes, is_list);
    let lower = line.to_ascii_lowercase();
    for (colon, _) in lower.match_indices(':') {
        if is_secret_name(&lower[..colon]) {
            let start = colon + 1;
            let end = start + lower[start..].find([',', '}']).unwrap_or(lower.len() - start);
            if name_before(&lower[..colon]) != "key" || !is_file(&lower[start..end]) {
                hide(&mut bytes, start, end);
            }
        }
    }
    for (start, _) in lower.match_indices("sk-") {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let end = start + lower[start..].find(|c| !is_word(c)).unwrap_or(lower.len() - start);
        hide(&mut bytes, start, end);
    }
    for (start, _) in lower.match_indices("://") {
        let start = start + 3;
        let authority = lower[start..].find(['/', ' ', '"', '\'', '\n']).unwrap_or(lower.len() - start);
        if let Some(at) = lower[start..start + authority].rfind('@') {
            hide(&mut bytes, start, start + at);
        }
    }
    // Only whole characters were replaced by as many `*` as they have bytes.
    String::from_utf8(bytes).unwrap_or_else(|_| "*".repeat(line.len()))
}

/// Whether a mapping's key that ends here names a secret: `api_key`, `OPENAI_KEY`, `x-api-key`, but not `monkey`.
fn is_secret_name(before_colon: &str) -> bool {
    let name = name_before(before_colon);
    let last_word = name.rsplit(['_', '-']).next().unwrap_or_default();
    SECRET_NAMES.contains(&last_word) && name != "first_token"
}

/// The mapping's key that ends here.
fn name_before(before_colon: &str) -> &str {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let trimmed = before_colon.trim_end_matches(['"', '\'', ' ']);
    let start = trimmed.rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
    trimmed.get(start..).unwrap_or_default()
}

/// Whether a value is the name of a file with a key, which is no secret: `tls/app.key`.
fn is_file(value: &str) -> bool {
    let bare = value.trim().trim_matches(['"', '\'']);
    [".key", ".pem"].iter().any(|end| bare.ends_with(end)) && !bare.contains([' ', '#'])
}

/// Replaces a value by `*`, but leaves what only points at a secret (`${NAME}`) and what surrounds the value.
fn hide(bytes: &mut [u8], start: usize, end: usize) {
    let Some(value) = bytes.get(start..end) else { return };
    let text = String::from_utf8_lossy(value);
    let bare = text.trim().trim_matches(['"', '\'']);
    if bare.starts_with("${")
        && !bare.contains([' '])
        && !bare.contains(":-")
        && bare.matches("${").count() == 1
    {
        return;
    }
    for byte in &mut bytes[start..end] {
        if !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'') {
            *byte = b'*';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_80_a_key_in_the_file_is_not_shown() {
        assert_eq!(mask("a: 1\napi_key: sk-canary\n"), "a: 1\napi_key: *********\n");
        assert_eq!(
            mask("openai: { api_key: \"abc d\", base_url: http://x }"),
            "openai: { api_key: \"*** *\", base_url: http://x }"
        );
        assert_eq!(mask("  Authorization: Bearer é1"), "  Authorization: ****** ***");
        assert_eq!(
            mask("a: { api_keys: [canary, \"${B}\", \"c d\"], b: c }"),
            "a: { api_keys: [******, \"${B}\", \"* *\"], b: c }"
        );
        assert_eq!(
            mask("api_keys:\n  - canary\n  - \"${B}\"\nb:\n  - c\n"),
            "api_keys:\n  - ******\n  - \"${B}\"\nb:\n  - c\n"
        );
        assert_eq!(mask("api_key: canary.key"), "api_key: **********");
        assert_eq!(mask("models: sk-canary-1/x"), "models: ***********/x");
        assert_eq!(mask("url: http://me:pw@host/x"), "url: http://*****@host/x");
    }

    #[test]
    fn what_points_at_a_key_is_shown() {
        for line in [
            "api_key: \"${OPENAI_API_KEY}\"",
            "api_key: ${file:/run/key}",
            "{ api_key: \"${KEY}\", a: b }",
            "monkey: 1",
            "first_token: 1s",
            "- { cert: a.pem, key: tls/a.key }",
        ] {
            assert_eq!(mask(line), line);
        }
    }
}
