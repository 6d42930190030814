//! Paths in their one spelling, and paths that have none.

use proptest::prelude::*;

use super::*;

const STRICT: PathRules = PathRules { encoded_slash: false, parameters: false };
const LENIENT: PathRules = PathRules { encoded_slash: true, parameters: true };

#[test]
fn fault_12_every_spelling_of_a_path_becomes_the_same_one() {
    for (raw, normal) in [
        ("/", "/"),
        ("/v1/chat", "/v1/chat"),
        ("//v1/../admin", "/admin"),
        ("/v1/%2e%2e/admin", "/admin"),
        ("/v1/.%2E/admin", "/admin"),
        ("/a//b///c", "/a/b/c"),
        ("/a/./b/", "/a/b/"),
        ("/a/b/..", "/a/"),
        ("/a/.", "/a/"),
        ("/%61dmin", "/admin"),
        ("/models/x%3agenerate", "/models/x:generate"),
        ("/a%20b", "/a%20b"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/café", "/caf%C3%A9"),
        ("/a{b}", "/a%7Bb%7D"),
        ("/a+b%2bc", "/a+b%2Bc"),
        ("/.well-known/x", "/.well-known/x"),
        ("/...", "/..."),
        ("/100%25", "/100%25"),
        ("/a%3fb%23c", "/a%3Fb%23c"),
    ] {
        assert_eq!(normalise(raw, STRICT).as_deref(), Ok(normal), "{raw}");
    }
}

#[test]
fn fault_12_what_two_servers_may_read_differently_is_refused() {
    use PathFault as F;
    for (raw, fault) in [
        ("", F::Relative),
        ("admin", F::Relative),
        ("http://x/", F::Relative),
        ("/a%2fb", F::EncodedSlash),
        ("/..%2fadmin", F::EncodedSlash),
        ("/a\\b", F::Backslash),
        ("/a%5Cb", F::Backslash),
        ("/a%00", F::Character),
        ("/a%0d%0ab", F::Character),
        ("/a\u{0}", F::Character),
        ("/a b", F::Character),
        ("/a#b", F::Character),
        ("/admin;x", F::Parameters),
        ("/admin%3bx", F::Parameters),
        ("/%252e%252e/admin", F::EscapedTwice),
        ("/a%252fb", F::EscapedTwice),
        ("/a%25%32%66b", F::EscapedTwice),
        ("/a%25252f", F::EscapedTwice),
        ("/%c0%ae%c0%ae/", F::Overlong),
        ("/%e0%80%af", F::Overlong),
        ("/..", F::AboveRoot),
        ("/a/../../b", F::AboveRoot),
        ("/%2e%2e/", F::AboveRoot),
        ("/a%", F::Escape),
        ("/a%zz", F::Escape),
        ("/a%u002e", F::Escape),
    ] {
        assert_eq!(normalise(raw, STRICT), Err(fault), "{raw}");
    }
}

#[test]
fn fault_77_what_is_allowed_on_request_still_hides_no_dots() {
    for (raw, normal) in [("/@s%2fp", "/@s%2Fp"), ("/cart;id=1/x", "/cart;id=1/x"), ("/a%3bb", "/a%3Bb")] {
        assert_eq!(normalise(raw, LENIENT).as_deref(), Ok(normal), "{raw}");
    }
    for raw in ["/..%2fetc", "/a%2f..%2fb", "/a/..;x/b", "/%2e%2e%3bx/b", "/a/;x/b", "/a%2f%2e"] {
        assert!(normalise(raw, LENIENT).is_err(), "{raw}");
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/".to_owned()),
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just("%".to_owned()),
        Just("%25".to_owned()),
        Just(";".to_owned()),
        Just("+".to_owned()),
        "%[0-9a-fA-F]{2}",
        "[a-z0-9é]{1,3}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #[test]
    fn a_path_in_its_one_spelling_is_left_alone(raw in pieces(), lenient: bool) {
        let rules = if lenient { LENIENT } else { STRICT };
        if let Ok(normal) = normalise(&raw, rules) {
            let again = normalise(&normal, rules);
            prop_assert_eq!(again.as_deref(), Ok(&*normal));
            prop_assert!(normal.starts_with('/') && normal.is_ascii() && !normal.contains("//"), "{}", normal);
            prop_assert!(normal.split('/').all(|segment| segment != "." && segment != ".."), "{}", normal);
        }
    }

    #[test]
    fn no_text_makes_it_panic(raw in ".*") {
        let _ = normalise(&raw, LENIENT);
    }
}
