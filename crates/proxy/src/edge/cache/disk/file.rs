//! One kept answer as a file: a line that says what follows, what is known of the answer as JSON, and its body.
//!
//! `tidegate-answer 1 META BODY CRC\n`: lengths in bytes, and the CRC-32 of all that follows the line, in decimal.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use bytes::Bytes;
use flate2::Crc;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use tidegate_policy::edge::caching::Freshness;

use crate::edge::cache::key::Key;
use crate::edge::cache::stored::Stored;

const NAME: &str = "tidegate-answer";
const VERSION: &str = "1";
/// The longest first line, and the most that is known of an answer, in bytes. Both are far above what is ever written.
const LINE: u64 = 128;
const META: usize = 1 << 20;

/// What is known of an answer. Bytes that need not be text are written as the characters of the same numbers.
#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    key: String,
    status: u16,
    headers: Vec<(String, String)>,
    names: Vec<String>,
    variant: String,
    #[serde(flatten)]
    freshness: Freshness,
}

/// Writes an answer under a temporary name, and gives it its own once it is whole; says how long the file is.
pub fn write(path: &Path, key: &str, stored: &Stored) -> io::Result<u64> {
    let meta = serde_json::to_vec(&Meta::of(key, stored))?;
    let mut crc = Crc::new();
    crc.update(&meta);
    crc.update(&stored.body);
    let line = format!("{NAME} {VERSION} {} {} {}\n", meta.len(), stored.body.len(), crc.sum());
    let unfinished = path.with_extension("part");
    let written = (|| {
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(line.as_bytes())?;
        file.write_all(&meta)?;
        file.write_all(&stored.body)?;
        drop(file);
        std::fs::rename(&unfinished, path)
    })();
    if let Err(error) = written {
        let _ = std::fs::remove_file(&unfinished);
        return Err(error);
    }
    Ok((line.len() + meta.len() + stored.body.len()) as u64)
}

/// Reads an answer. One that is cut, changed or not ours is an error.
pub fn read(path: &Path) -> io::Result<(Key, Stored)> {
    open(path, true)
}

/// The same without its body, which is not looked at beyond its length; and how long the file is.
pub fn read_head(path: &Path) -> io::Result<(Key, Stored, u64)> {
    let length = std::fs::metadata(path)?.len();
    open(path, false).map(|(key, stored)| (key, stored, length))
}

fn open(path: &Path, with_body: bool) -> io::Result<(Key, Stored)> {
    let file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    reader.by_ref().take(LINE).read_line(&mut line)?;
    let mut words = line.trim_end().split(' ');
    let is_ours = words.next() == Some(NAME) && words.next() == Some(VERSION);
    let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).ok_or_else(wrong);
    let (meta_length, body_length, sum) = (number()?, number()?, number()?);
    let announced = meta_length.checked_add(body_length).and_then(|both| both.checked_add(line.len() as u64));
    if !is_ours || meta_length > META as u64 || announced != Some(length) {
        return Err(wrong());
    }
    let mut meta = vec![0; meta_length as usize];
    reader.read_exact(&mut meta)?;
    let mut body = Vec::new();
    if with_body {
        body.reserve_exact(body_length as usize);
        reader.read_to_end(&mut body)?;
        let mut crc = Crc::new();
        crc.update(&meta);
        crc.update(&body);
        if u64::from(crc.sum()) != sum {
            return Err(wrong());
        }
    }
    let meta: Meta = serde_json::from_slice(&meta)?;
    meta.stored(body.into()).ok_or_else(wrong)
}

fn wrong() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

impl Meta {
    fn of(key: &str, stored: &Stored) -> Self {
        Self {
            key: key.to_owned(),
            status: stored.status.as_u16(),
            headers: stored
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
                .collect(),
            names: stored.names.iter().map(|name| name.as_str().to_owned()).collect(),
            variant: text(&stored.variant),
            freshness: stored.freshness,
        }
    }

    fn stored(self, body: Bytes) -> Option<(Key, Stored)> {
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_bytes(&bytes(value)?).ok()?,
            );
        }
        let names = self.names.iter().map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        let stored = Stored {
            status: StatusCode::from_u16(self.status).ok()?,
            headers,
            body,
            freshness: self.freshness,
            names: names.collect::<Option<_>>()?,
            variant: bytes(&self.variant)?,
        };
        Some((self.key.into(), stored))
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}
