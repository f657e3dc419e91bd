//! The bundle's text: one JSON object, read strictly.
//!
//! - The version is read before anything else, so that a newer shape is called newer, not wrong.
//! - A value is never copied to where it is not wiped: `serde_json` finds where its literal stands
//!   and this file unescapes it. Its own strings pass through a buffer that nobody wipes.
//! - `serde_json`'s messages quote what they found, so they are dropped; places are kept.
//! - Keys that are not known are passed over.

use std::{cell::Cell, collections::BTreeMap, fmt};

use serde_core::de::{
    Deserialize, DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor,
};
use serde_json::{Deserializer, error::Category, value::RawValue};
use zeroize::Zeroizing;

use crate::{
    Secret, Secrets,
    refusal::{MOST, Refusal, VERSION},
};

/// The key that is being read, and what it must be.
type Place = Cell<(&'static str, &'static str)>;

/// The place of a secret that is one too many.
const TOO_MANY: (&str, &str) = ("secrets", "fewer");

/// Reads the content of a bundle.
pub(crate) fn parse(content: &[u8]) -> Result<Secrets, Refusal> {
    let text = std::str::from_utf8(content).map_err(|_| Refusal::Encoding)?;
    let place = Place::new(("", "an object"));
    let found = read(text, VersionOnly { place: &place }, &place)?;
    if found != VERSION {
        return Err(Refusal::Version { found });
    }
    place.set(("", "an object"));
    read(text, Whole { place: &place }, &place)
}

fn read<'a, V: Visitor<'a>>(text: &'a str, visitor: V, place: &Place) -> Result<V::Value, Refusal> {
    let mut reader = Deserializer::from_str(text);
    let read = reader.deserialize_map(visitor);
    read.and_then(|value| reader.end().map(|()| value)).map_err(|error| match error.classify() {
        Category::Data => match place.get() {
            TOO_MANY => Refusal::Many,
            (key, expected) => Refusal::Shape { key, expected },
        },
        _ => Refusal::Syntax { line: error.line(), column: error.column() },
    })
}

struct VersionOnly<'p> {
    place: &'p Place,
}

impl<'de> Visitor<'de> for VersionOnly<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<u64, M::Error> {
        let mut version = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "version" {
                self.place.set(("version", "an integer"));
                version = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        self.place.set(("version", "an integer"));
        version.ok_or_else(|| M::Error::missing_field("version"))
    }
}

struct Whole<'p> {
    place: &'p Place,
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Secrets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Secrets, M::Error> {
        let mut secrets = Secrets { inside: true, ..Secrets::default() };
        let mut values = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "project" => {
                    self.place.set(("project", "a text"));
                    secrets.project = map.next_value()?;
                }
                "environment" => {
                    self.place.set(("environment", "a text"));
                    secrets.environment = map.next_value()?;
                }
                "revision" => {
                    self.place.set(("revision", "an integer that is not negative"));
                    secrets.revision = map.next_value()?;
                }
                "token" => {
                    self.place.set(("token", "a text"));
                    let Value(token) = map.next_value()?;
                    secrets.token = Some(token).filter(|token| !token.expose().is_empty());
                }
                "secrets" => {
                    self.place.set(("secrets", "an object of texts"));
                    values = Some(map.next_value_seed(Values { place: self.place })?);
                }
                "storages" => {
                    self.place.set(("storages", "an object"));
                    map.next_value::<BTreeMap<String, IgnoredAny>>()?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        self.place.set(("secrets", "an object of texts"));
        secrets.values = values.ok_or_else(|| M::Error::missing_field("secrets"))?;
        Ok(secrets)
    }
}

/// The secrets, which are counted as they come.
struct Values<'p> {
    place: &'p Place,
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = BTreeMap<String, Secret>;

    fn deserialize<D: serde_core::Deserializer<'de>>(
        self,
        reader: D,
    ) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = BTreeMap<String, Secret>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut values = BTreeMap::new();
        while let Some((name, Value(value))) = map.next_entry()? {
            values.insert(name, value);
            if values.len() > MOST {
                self.place.set(TOO_MANY);
                return Err(M::Error::custom("too many"));
            }
        }
        Ok(values)
    }
}

/// A text in the bundle that is a value. Private, so that [`Secret`] has no `Deserialize`.
struct Value(Secret);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde_core::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let literal = <&RawValue>::deserialize(reader)?.get();
        let text = unescape(literal).ok_or_else(|| D::Error::custom("not a text"))?;
        Ok(Self(Secret::new(text)))
    }
}

/// Reads a JSON string literal into a text that never moves: unescaped it is never longer.
fn unescape(literal: &str) -> Option<Zeroizing<String>> {
    let mut rest = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = Zeroizing::new(String::with_capacity(rest.len()));
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut after = escape.chars();
        text.push(match after.next()? {
            plain @ ('"' | '\\' | '/') => plain,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (found, behind) = unescape_unicode(after.as_str())?;
                after = behind.chars();
                found
            }
            _ => return None,
        });
        rest = after.as_str();
    }
    text.push_str(rest);
    Some(text)
}

/// Reads what follows `\u`: one unit of UTF-16, or two with another `\u` between them.
fn unescape_unicode(text: &str) -> Option<(char, &str)> {
    let (first, behind) = unit(text)?;
    if let Some(found) = char::from_u32(first.into()) {
        return Some((found, behind));
    }
    let (second, behind) = unit(behind.strip_prefix("\\u")?)?;
    let found = char::decode_utf16([first, second]).next()?.ok()?;
    Some((found, behind))
}

fn unit(text: &str) -> Option<(u16, &str)> {
    let (digits, behind) = text.split_at_checked(4)?;
    let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    Some((u16::from_str_radix(digits, 16).ok().filter(|_| hex)?, behind))
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
