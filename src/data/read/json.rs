//! Labelled records in JSON Lines.

use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::Lines;
use super::{BadRecord, Column, ColumnRole, Intake, ReadError, Record, checked_label, checked_weight, error};

pub(super) fn read(input: &mut dyn BufRead, intake: &mut Intake<'_>) -> Result<(), ReadError> {
    let options = intake.options;
    let mut lines = Lines::new(input);
    let mut line = Vec::new();
    while let Some(number) = lines.next(&mut line).map_err(|error| intake.fail(None, error))? {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let values = str::from_utf8(&line).map_err(|_| BadRecord::JsonNotUtf8).and_then(|json| {
            let label = value(json, ColumnRole::Label, &options.label)?;
            let text = value(json, ColumnRole::Text, &options.text)?;
            let weight = match &options.weight {
                Some(weight) => checked_weight(value(json, ColumnRole::Weight, weight)?.as_bytes())?,
                None => 1.0,
            };
            Ok((label, text, weight))
        });
        let record = match &values {
            Ok((label, text, weight)) => checked_label(label.as_bytes()).map(|label| Record {
                label,
                text: text.as_bytes(),
                weight: *weight,
            }),
            Err(problem) => Err(problem.clone()),
        };
        intake.take(number, record)?;
    }
    Ok(())
}

/// The value of a field as text: strings without their quotes and escapes, others as written.
pub(crate) fn value<'a>(
    object: &'a str,
    role: ColumnRole,
    column: &Column,
) -> Result<Cow<'a, str>, BadRecord> {
    let path = match column {
        Column::Name(path) => path.as_str(),
        Column::Number(_) => "",
    };
    let no_field = || BadRecord::NoField { role, path: path.into(), found: field_names(object) };
    let named = |object: &'a str, name| {
        Ok(field(object, name).map_err(|error| not_an_object(object, &error))?.map(RawValue::get))
    };
    let mut value = None;
    for (depth, name) in path.split('.').enumerate() {
        value = match value {
            None if depth == 0 => named(object, name)?,
            Some(value) if value.starts_with('{') => named(value, name)?,
            _ => None,
        };
    }
    if value.is_none() && path.contains('.') {
        value = named(object, path)?;
    }
    let value = value.ok_or_else(no_field)?;
    match value.as_bytes() {
        [b'"', ..] => match serde_json::from_str::<&str>(value) {
            Ok(unescaped) => Ok(Cow::Borrowed(unescaped)),
            // The line has been parsed: what is left to find wrong with a string is the meaning of its escapes.
            Err(_) => serde_json::from_str(value)
                .map(Cow::Owned)
                .map_err(|_| BadRecord::LoneSurrogate { role, path: path.into() }),
        },
        [b'-' | b'0'..=b'9', ..] => Ok(Cow::Borrowed(value)),
        [b't' | b'f', ..] if role == ColumnRole::Label => Ok(Cow::Borrowed(value)),
        b"null" => Err(BadRecord::NullField { role, path: path.into() }),
        _ => Err(BadRecord::FieldType { role, path: path.into(), found: error::excerpt(value.as_bytes()) }),
    }
}

/// Whether an object has a field of this name.
pub(crate) fn has_field(object: &str, name: &str) -> bool {
    field(object, name).is_ok_and(|found| found.is_some())
}

/// The last field of this name.
fn field<'a>(object: &'a str, name: &str) -> serde_json::Result<Option<&'a RawValue>> {
    let mut found = None;
    for_each_field(object, |key, value| {
        if key == name {
            found = Some(value);
        }
    })?;
    Ok(found)
}

fn field_names(object: &str) -> Vec<String> {
    let mut names = Vec::new();
    // What precedes an error is still worth naming.
    let _ = for_each_field(object, |key, _| names.push(key.to_string()));
    error::excerpts(names.iter().map(String::as_bytes))
}

fn not_an_object(json: &str, parse_error: &serde_json::Error) -> BadRecord {
    let start = json.trim_ascii_start().as_bytes().first();
    if start == Some(&b'[') {
        return BadRecord::JsonArray;
    }
    // A value of another type, or an object that is cut short or damaged, is JSON that the parser says more of.
    if start != Some(&b'{') && !parse_error.is_data() {
        return BadRecord::Json { message: "not JSON".into(), column: parse_error.column() };
    }
    let message = parse_error.to_string();
    // The line that it names is the only one that it has seen.
    let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
    // It quotes a value that is no object, however long.
    BadRecord::Json { message: error::excerpt(message.as_bytes()), column: parse_error.column() }
}

/// Checks that `json` is an object and nothing more, and calls `take` with the name and value of each field.
fn for_each_field<'a>(json: &'a str, take: impl FnMut(&str, &'a RawValue)) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(Fields(take))?;
    deserializer.end()
}

struct Fields<F>(F);

impl<'a, F: FnMut(&str, &'a RawValue)> Visitor<'a> for Fields<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut fields: A) -> Result<(), A::Error> {
        #[derive(Deserialize)]
        struct Name<'b>(#[serde(borrow)] Cow<'b, str>);

        while let Some((Name(name), value)) = fields.next_entry()? {
            (self.0)(&name, value);
        }
        Ok(())
    }
}
