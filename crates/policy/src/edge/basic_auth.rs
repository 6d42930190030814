//! Basic authentication (RFC 7617) against a table of users.
//!
//! A password is kept as `pbkdf2_sha256$ROUNDS$SALT$BASE64` (RFC 8018 with HMAC-SHA-256). That is slow on purpose, so credentials that
//! were good are remembered, as a keyed digest only: a client pays once, whoever guesses pays each time. Names that do not
//! exist cost as much as wrong passwords.

use std::collections::{HashMap, HashSet};
use std::sync::RwLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

type Digest = [u8; 32];

/// Rounds for new hashes: about 2 ms on one core of 2020. Configs may say more.
pub const ROUNDS: u32 = 20_000;
/// More would let a typing error in the config stop a worker for seconds.
const MOST_ROUNDS: u32 = 2_000_000;
/// How many good credentials are remembered; a user has one, or two while a password changes.
const REMEMBERED: usize = 10_000;

/// A password, hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedPassword {
    rounds: u32,
    salt: String,
    digest: Digest,
}

impl HashedPassword {
    /// Hashes a password; the salt should be random, 16 characters or more, without `$`.
    pub fn new(password: &str, salt: &str, rounds: u32) -> Self {
        let digest = pbkdf2(password.as_bytes(), salt.as_bytes(), rounds);
        Self { rounds, salt: salt.to_owned(), digest }
    }

    fn fits(&self, password: &[u8]) -> bool {
        is_same(&pbkdf2(password, self.salt.as_bytes(), self.rounds), &self.digest)
    }
}

impl std::str::FromStr for HashedPassword {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || "a password must be written as `pbkdf2_sha256$ROUNDS$SALT$BASE64`".to_owned();
        let mut parts = text.split('$');
        let (kind, rounds, salt, digest) = (parts.next(), parts.next(), parts.next(), parts.next());
        if kind != Some("pbkdf2_sha256") || parts.next().is_some() {
            return Err(fault());
        }
        let rounds = rounds.and_then(|rounds| rounds.parse().ok()).ok_or_else(fault)?;
        if !(1..=MOST_ROUNDS).contains(&rounds) {
            return Err(format!("a password's rounds must be 1 to {MOST_ROUNDS}"));
        }
        let digest = digest.and_then(|digest| STANDARD.decode(digest).ok()).ok_or_else(fault)?;
        let digest = digest.try_into().map_err(|_| fault())?;
        Ok(Self { rounds, salt: salt.unwrap_or_default().to_owned(), digest })
    }
}

impl std::fmt::Display for HashedPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pbkdf2_sha256${}${}${}", self.rounds, self.salt, STANDARD.encode(self.digest))
    }
}

/// Who may sign in.
pub struct BasicUsers {
    users: HashMap<String, HashedPassword>,
    /// What a name that does not exist is measured against.
    nobody: HashedPassword,
    /// For the digests of good credentials.
    key: Digest,
    good: RwLock<HashSet<Digest>>,
}

impl BasicUsers {
    /// `key` must be random and of this process.
    pub fn new(users: HashMap<String, HashedPassword>, key: Digest) -> Self {
        let rounds = users.values().map(|password| password.rounds).max().unwrap_or(1);
        let nobody = HashedPassword { rounds, salt: String::new(), digest: key };
        Self { users, nobody, key, good: RwLock::default() }
    }

    /// The user whose name and password the value of `Authorization` has; none: 401 with [`challenge`].
    pub fn user(&self, authorization: Option<&http::HeaderValue>) -> Option<&str> {
        let (name, password) = credentials(authorization?.as_bytes())?;
        let (known, hashed) = match self.users.get_key_value(&name) {
            Some((name, hashed)) => (Some(name.as_str()), hashed),
            None => (None, &self.nobody),
        };
        let digest = self.digest(&name, &password);
        let is_remembered = self.good.read().is_ok_and(|good| good.contains(&digest));
        if !is_remembered {
            if !hashed.fits(&password) {
                return None;
            }
            self.remember(digest);
        }
        known
    }

    fn digest(&self, name: &str, password: &[u8]) -> Digest {
        // A name has no colon, hence no two credentials have the same text.
        mac(&self.key, &[name.as_bytes(), b":", password])
    }

    fn remember(&self, digest: Digest) {
        if let Ok(mut good) = self.good.write() {
            if good.len() >= REMEMBERED {
                good.clear();
            }
            good.insert(digest);
        }
    }
}

/// Never shows whom it knows.
impl std::fmt::Debug for BasicUsers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BasicUsers({})", self.users.len())
    }
}

/// The value of `WWW-Authenticate` with 401. Quotes and backslashes in the realm are left out.
pub fn challenge(realm: &str) -> String {
    let realm: String = realm.chars().filter(|c| !matches!(c, '"' | '\\') && !c.is_control()).collect();
    format!("Basic realm=\"{realm}\", charset=\"UTF-8\"")
}

fn credentials(value: &[u8]) -> Option<(String, Vec<u8>)> {
    let (scheme, token) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let plain = STANDARD.decode(token.trim_ascii()).ok()?;
    let colon = plain.iter().position(|byte| *byte == b':')?;
    let name = std::str::from_utf8(&plain[..colon]).ok()?.to_owned();
    Some((name, plain[colon + 1..].to_vec()))
}

/// One block of PBKDF2 (RFC 8018, section 5.2): its length is that of the digest.
fn pbkdf2(password: &[u8], salt: &[u8], rounds: u32) -> Digest {
    let mut block = mac(password, &[salt, &1u32.to_be_bytes()]);
    let mut all = block;
    for _ in 1..rounds {
        block = mac(password, &[&block]);
        all.iter_mut().zip(block).for_each(|(all, byte)| *all ^= byte);
    }
    all
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Digest {
    // Keys of any length are good for HMAC, so that there is always one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Takes as long for every pair.
fn is_same(a: &Digest, b: &Digest) -> bool {
    let difference = a.iter().zip(b).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    difference == 0
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn header(text: &str) -> HeaderValue {
        format!("Basic {}", STANDARD.encode(text)).parse().unwrap()
    }

    #[test]
    fn hashes_are_those_that_everybody_computes() {
        // Vectors of RFC 6070's form for HMAC-SHA-256.
        let hex = |digest: Digest| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(pbkdf2(b"password", b"salt", 1)),
            "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"
        );
        assert_eq!(
            hex(pbkdf2(b"password", b"salt", 4096)),
            "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"
        );
        let hashed = HashedPassword::new("x", "s", 7);
        assert_eq!(hashed.to_string().parse(), Ok(hashed));
        for bad in
            ["", "x", "pbkdf2_sha256$0$s$AA==", "pbkdf2_sha256$1$s$AA==", "pbkdf2_sha256$99999999$s$AA=="]
        {
            assert!(bad.parse::<HashedPassword>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_user_signs_in_with_the_right_password_only() {
        let users = [("anna".to_owned(), HashedPassword::new("a:b", "salt", 10))];
        let users = BasicUsers::new(users.into(), [7; 32]);
        for _ in 0..2 {
            assert_eq!(users.user(Some(&header("anna:a:b"))), Some("anna"));
            for wrong in ["anna:a", "anna:", "anna", "bob:a:b", ":a:b", "ANNA:a:b"] {
                assert_eq!(users.user(Some(&header(wrong))), None, "{wrong}");
            }
        }
        assert_eq!(users.good.read().unwrap().len(), 1);
        assert_eq!(users.user(None), None);
        for wrong in ["Basic", "Basic !!!", "Bearer YW5uYTphOmI="] {
            assert_eq!(users.user(Some(&wrong.parse().unwrap())), None);
        }
        let lower = header("anna:a:b").to_str().unwrap().replace("Basic", "basic");
        assert_eq!(users.user(Some(&lower.parse().unwrap())), Some("anna"));
    }

    #[test]
    fn a_realm_stays_in_its_quotes() {
        assert_eq!(challenge("a\"b\\c"), "Basic realm=\"abc\", charset=\"UTF-8\"");
    }
}
