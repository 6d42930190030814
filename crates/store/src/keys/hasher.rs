//! Keys are stored as HMAC-SHA256 under a secret that is not in the database.

use std::fs::{self, OpenOptions};
use std::hash::BuildHasherDefault;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tidegate_core::Secret;

use super::credential::chance;
use super::{KeysError, settings};
use crate::Database;

/// The file in the data directory that holds the secret.
pub const SECRET_FILE: &str = "key-secret";
/// Shortest secret that is taken.
const SHORTEST_SECRET: usize = 16;
/// What is hashed to tell one secret from another. No key looks like it.
const CHECK: &str = "the secret that the keys of this database are hashed with";

/// The hash of a presented key. To find keys by it is constant in time by construction: whoever guesses does not know the secret, and
/// so has no hold on how far a comparison of hashes gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Hash([u8; 32]);

impl std::hash::Hash for Hash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        // One part of it is as good as another, and unknown to guessers.
        state.write_u64(self.words()[0]);
    }
}

/// For tables of what is a keyed hash already: takes it as it is.
pub(super) type Taken = BuildHasherDefault<TakenAsItIs>;

/// See [`Taken`].
#[derive(Default)]
pub(super) struct TakenAsItIs(u64);

impl std::hash::Hasher for TakenAsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }
}

impl Hash {
    /// As four numbers.
    pub(super) fn words(self) -> [u64; 4] {
        let (words, _) = self.0.as_chunks::<8>();
        std::array::from_fn(|place| words.get(place).map_or(0, |word| u64::from_le_bytes(*word)))
    }

    /// 64 lower-case hex digits, as in the database.
    pub(super) fn hex(self) -> String {
        use std::fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Compares in constant time.
    pub(super) fn fits(self, other: Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hash]")
    }
}

/// Hashes keys. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hasher {
    key: hmac::Key,
    origin: Origin,
}

/// Where the secret comes from.
#[derive(Clone, Debug)]
enum Origin {
    Given,
    File(PathBuf),
}

impl Hasher {
    /// Takes a given secret (`TIDEGATE_KEY_SECRET`), which all instances on one database must share.
    pub fn given(secret: &Secret) -> Result<Self, KeysError> {
        if secret.expose().len() < SHORTEST_SECRET {
            return Err(KeysError::ShortSecret(SHORTEST_SECRET));
        }
        Ok(Self::of(secret.expose(), Origin::Given))
    }

    /// Reads the secret from the data directory, which must exist; makes one at the first start, readable by its owner only.
    pub fn in_folder(folder: &Path) -> Result<Self, KeysError> {
        let file = folder.join(SECRET_FILE);
        let trouble = |error| KeysError::SecretFile(file.clone(), error);
        let secret = match fs::read_to_string(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => first_secret(&file)?,
            read => read.map_err(trouble)?,
        };
        let secret = secret.trim();
        if secret.len() < SHORTEST_SECRET {
            return Err(KeysError::ShortSecret(SHORTEST_SECRET));
        }
        let mode = fs::metadata(&file).map_err(trouble)?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(file = %file.display(), "others can read the secret that keys are hashed with: chmod 600");
        }
        Ok(Self::of(secret, Origin::File(file)))
    }

    fn of(secret: &str, origin: Origin) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), origin }
    }

    /// Makes sure that the database's keys were hashed with this secret; the first instance writes down a check value. A database without
    /// keys can still be taken over with a given secret.
    pub async fn confirm(&self, database: &Database) -> Result<(), KeysError> {
        let check = self.check();
        if settings::write_first(database, settings::KEY_CHECK, &check).await? {
            return Ok(());
        }
        if settings::read(database, settings::KEY_CHECK).await?.as_deref() == Some(&check) {
            return Ok(());
        }
        if matches!(self.origin, Origin::Given) && settings::take_over(database, &check).await? {
            tracing::warn!("the database had no keys yet: from now on they are hashed with the given secret");
            return Ok(());
        }
        Err(KeysError::WrongSecret(match &self.origin {
            Origin::Given => "the given secret (TIDEGATE_KEY_SECRET)".to_owned(),
            Origin::File(file) => format!("the secret in {}", file.display()),
        }))
    }

    /// A value that tells this secret from another and helps nobody to find either.
    pub(super) fn check(&self) -> String {
        self.hash(CHECK).hex()
    }

    pub(super) fn hash(&self, presented: &str) -> Hash {
        let tag = hmac::sign(&self.key, presented.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        Hash(bytes)
    }
}

/// Writes a new secret beside its place and moves it there, so that nobody reads half of it; who comes second takes what is there.
fn first_secret(file: &Path) -> Result<String, KeysError> {
    let trouble = |error| KeysError::SecretFile(file.to_owned(), error);
    let secret = URL_SAFE_NO_PAD.encode(chance::<32>()?);
    let draft = file.with_extension(format!("new-{}", URL_SAFE_NO_PAD.encode(chance::<6>()?)));
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut new| {
            writeln!(new, "{secret}")?;
            new.sync_all()
        });
    // A hard link fails when the file is there already; a rename would replace it.
    let linked = written.and_then(|()| fs::hard_link(&draft, file));
    fs::remove_file(&draft).ok();
    match linked {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => fs::read_to_string(file).map_err(trouble),
        Err(error) => Err(trouble(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let hashes: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Hasher::in_folder(folder.path()).unwrap().hash("tg-x").hex()))
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "two instances made two secrets");
        let file = folder.path().join(SECRET_FILE);
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a draft was left behind");
    }

    #[test]
    fn a_hash_goes_to_hex_and_back_and_depends_on_the_secret() {
        let hasher = Hasher::given(&Secret::new("0123456789abcdef")).unwrap();
        let other = Hasher::given(&Secret::new("0123456789abcdeF")).unwrap();
        let hash = hasher.hash("tg-x");
        assert!(Hash::from_hex(&hash.hex()).unwrap().fits(hash));
        assert!(!other.hash("tg-x").fits(hash));
        assert!(Hash::from_hex("zz").is_none());
        assert!(matches!(Hasher::given(&Secret::new("short")), Err(KeysError::ShortSecret(_))));
    }

    #[test]
    fn the_hash_is_hmac_sha256() {
        // Made with Python's hmac.
        let hasher = Hasher::given(&Secret::new("0123456789abcdef")).unwrap();
        assert_eq!(
            hasher.hash("tg-x").hex(),
            "58252e9bb5a879be759979c99d6c5509db2f5b31d87267ae699471b871e6d4bf"
        );
    }
}
