//! Objects, one a line.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::memrchr;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::Batch;
use crate::data::Column;
use crate::data::read::{BadRecord, ColumnRole, json};

/// Which field of an object has the text, and which names it must leave free.
#[derive(Debug, Clone)]
pub(in crate::stream) struct Fields {
    text: Column,
    /// The names on the way to the text.
    path: Vec<Box<[u8]>>,
    /// The name with dots in it of a field that has the text where there is none on that way.
    dotted: Option<Box<[u8]>>,
    /// Names that are to be added to the object.
    added: Vec<String>,
}

impl Fields {
    /// The field at a dotted path.
    pub(in crate::stream) fn new(path: &str, added: Vec<String>) -> Fields {
        let names = path.split('.').map(|name| name.as_bytes().into()).collect();
        let dotted = path.contains('.').then(|| path.as_bytes().into());
        Fields { text: Column::Name(path.into()), path: names, dotted, added }
    }

    fn text<'l>(&self, line: &'l [u8]) -> Result<Cow<'l, [u8]>, BadRecord> {
        let mut found = Found { text: None, dotted: None, taken: None };
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        let dotted = self.dotted.as_deref();
        let level = Level { path: &self.path, dotted, added: &self.added, found: &mut found };
        let parsed = level.deserialize(&mut deserializer).and_then(|()| deserializer.end());
        match (parsed, found.taken, found.text.or(found.dotted)) {
            (Ok(()), Some(name), _) if !has_control_in_string(line) => {
                Err(BadRecord::FieldTaken(name.into()))
            }
            (Ok(()), None, Some(text)) if !has_control_in_string(line) => Ok(text),
            // Something is amiss, or the text is a number: what reads labelled data tells which.
            _ => {
                let line = String::from_utf8_lossy(line);
                // Of what is no JSON nothing is said to be taken.
                if let Some(name) = self.added.iter().find(|name| json::has_field(&line, name)) {
                    return Err(BadRecord::FieldTaken(name.clone()));
                }
                let text = json::value(&line, ColumnRole::Text, &self.text)?;
                Ok(Cow::Owned(text.into_owned().into_bytes()))
            }
        }
    }
}

/// Whether a string in JSON that was parsed, its strings taken as bytes, holds a control character as it is, which is none.
fn has_control_in_string(json: &[u8]) -> bool {
    // Without a way out of it, the loop takes many bytes at a time.
    let has_control = json.iter().fold(false, |found, &byte| found | (byte < 0x20));
    let (mut is_in_string, mut is_escaped) = (false, false);
    has_control
        && json.iter().any(|&byte| {
            let is_quote = byte == b'"' && !is_escaped;
            is_escaped = is_in_string && byte == b'\\' && !is_escaped;
            is_in_string ^= is_quote;
            is_in_string && byte < 0x20
        })
}

/// Takes a line. One of white space alone is no record.
pub(super) fn push(
    fields: &Fields,
    block: &[u8],
    line: &Range<usize>,
    body: &Range<usize>,
    batch: &mut Batch,
) {
    let object = &block[body.clone()];
    if object.trim_ascii().is_empty() {
        return;
    }
    let insert_at = memrchr(b'}', object).map_or(body.end, |at| body.start + at);
    match fields.text(object) {
        Ok(text) => batch.push(line, insert_at, Ok(&text)),
        Err(problem) => batch.push(line, insert_at, Err(problem)),
    }
}

struct Found<'f, 'l> {
    text: Option<Cow<'l, [u8]>>,
    dotted: Option<Cow<'l, [u8]>>,
    taken: Option<&'f str>,
}

/// An object on the way to the text: the last field of a name counts.
struct Level<'s, 'f, 'l> {
    path: &'f [Box<[u8]>],
    dotted: Option<&'f [u8]>,
    added: &'f [String],
    found: &'s mut Found<'f, 'l>,
}

impl<'l> DeserializeSeed<'l> for Level<'_, '_, 'l> {
    type Value = ();

    fn deserialize<D: Deserializer<'l>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'l> Visitor<'l> for Level<'_, '_, 'l> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'l>>(self, mut object: A) -> Result<(), A::Error> {
        let Level { path, dotted, added, found } = self;
        let Some((name, inner)) = path.split_first() else { return Ok(()) };
        while let Some(key) = object.next_key_seed(Key { name, dotted, added })? {
            match key {
                Named::Other => {
                    object.next_value::<IgnoredAny>()?;
                }
                Named::Added(name) => {
                    found.taken = Some(name);
                    object.next_value::<IgnoredAny>()?;
                }
                Named::Dotted => found.dotted = Some(object.next_value_seed(Text)?),
                Named::OnTheWay => {
                    found.text = None;
                    if inner.is_empty() {
                        found.text = Some(object.next_value_seed(Text)?);
                    } else {
                        object.next_value_seed(Level { path: inner, dotted: None, added: &[], found })?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a field's name means.
enum Named<'f> {
    OnTheWay,
    Dotted,
    Added(&'f str),
    Other,
}

struct Key<'f> {
    name: &'f [u8],
    dotted: Option<&'f [u8]>,
    added: &'f [String],
}

impl<'l, 'f> DeserializeSeed<'l> for Key<'f> {
    type Value = Named<'f>;

    fn deserialize<D: Deserializer<'l>>(self, deserializer: D) -> Result<Named<'f>, D::Error> {
        // As bytes: names that are skipped need not be checked to be UTF-8.
        deserializer.deserialize_bytes(self)
    }
}

impl<'f> Visitor<'_> for Key<'f> {
    type Value = Named<'f>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Named<'f>, E> {
        if let Some(added) = self.added.iter().find(|added| added.as_bytes() == name) {
            return Ok(Named::Added(added));
        }
        Ok(match name {
            _ if name == self.name => Named::OnTheWay,
            _ if Some(name) == self.dotted => Named::Dotted,
            _ => Named::Other,
        })
    }
}

struct Text;

impl<'l> DeserializeSeed<'l> for Text {
    type Value = Cow<'l, [u8]>;

    fn deserialize<D: Deserializer<'l>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'l> Visitor<'l> for Text {
    type Value = Cow<'l, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E: Error>(self, text: &'l [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_vec()))
    }
}
