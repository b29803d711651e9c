//! Conversions: from a value as the provider wrote it to a unified value, text to text.

use std::io::Write as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::exact::Decimal;
use crate::model::FieldType;
use crate::shape::unquoted;

/// A value that does not fit its conversion: what was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misfit(pub &'static str);

/// Writes `raw` as a value of `kind`. Money has `minor` minor digits. `false`: there is no value (empty text).
pub(crate) fn write(kind: FieldType, raw: &str, minor: u32, out: &mut Vec<u8>) -> Result<bool, Misfit> {
    match kind {
        FieldType::String => return text(raw, out),
        FieldType::Money => {
            let amount: Decimal =
                number(raw).parse().map_err(|_| Misfit("an amount in minor units, such as 8510"))?;
            quote(&amount.shifted(minor).to_text(minor), out);
        }
        FieldType::Integer => {
            let whole: Decimal = number(raw).parse().map_err(|_| Misfit("a whole number"))?;
            if !whole.is_whole() {
                return Err(Misfit("a whole number"));
            }
            out.extend_from_slice(whole.to_text(0).as_bytes());
        }
        FieldType::Number => {
            let number: Decimal = number(raw).parse().map_err(|_| Misfit("a number"))?;
            out.extend_from_slice(number.to_text(0).as_bytes());
        }
        FieldType::Boolean => out.extend_from_slice(match raw {
            "true" | "1" | "\"true\"" => b"true",
            "false" | "0" | "\"false\"" => b"false",
            _ => return Err(Misfit("true or false")),
        }),
        FieldType::Datetime => return datetime(raw, out),
        FieldType::Date => return date(raw, out),
        FieldType::Object | FieldType::Array | FieldType::Json => out.extend_from_slice(raw.as_bytes()),
    }
    Ok(true)
}

/// Digits, also when the provider wrote them as text.
fn number(raw: &str) -> &str {
    raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw)
}

/// Text as it stands, escapes and all; numbers and truth values become text. Empty text is no value.
fn text(raw: &str, out: &mut Vec<u8>) -> Result<bool, Misfit> {
    match raw.as_bytes() {
        b"\"\"" => return Ok(false),
        [b'"', ..] => out.extend_from_slice(raw.as_bytes()),
        [b'{' | b'[', ..] => return Err(Misfit("text")),
        _ => {
            out.push(b'"');
            out.extend_from_slice(raw.as_bytes());
            out.push(b'"');
        }
    }
    Ok(true)
}

/// RFC 3339 in UTC with milliseconds. A bare date is its midnight in UTC.
fn datetime(raw: &str, out: &mut Vec<u8>) -> Result<bool, Misfit> {
    const WANTED: Misfit = Misfit("a date and time, such as 2026-01-31T12:00:00.000Z");
    let written = unquoted(raw).ok_or(WANTED)?;
    if written.is_empty() {
        return Ok(false);
    }
    if is_canonical(written.as_bytes()) {
        quote(&written, out);
        return Ok(true);
    }
    let instant = instant(&written).ok_or(WANTED)?;
    // Writing to memory cannot fail.
    let _ = write!(out, "\"{instant:.3}\"");
    Ok(true)
}

/// Reads a point in time as people and platforms write it.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })
}

/// `2026-01-31T12:00:00.000Z`: what most platforms write, and what is written out.
fn is_canonical(text: &[u8]) -> bool {
    const PATTERN: &[u8] = b"0000-00-00T00:00:00.000Z";
    text.len() == PATTERN.len()
        && text.iter().zip(PATTERN).all(|(letter, pattern)| match pattern {
            b'0' => letter.is_ascii_digit(),
            fixed => letter == fixed,
        })
}

/// `YYYY-MM-DD`, cut from a date and time where that is what there is.
fn date(raw: &str, out: &mut Vec<u8>) -> Result<bool, Misfit> {
    const WANTED: Misfit = Misfit("a date, such as 1980-05-17");
    let written = unquoted(raw).ok_or(WANTED)?;
    if written.is_empty() {
        return Ok(false);
    }
    let day = written.get(..10).ok_or(WANTED)?;
    day.parse::<jiff::civil::Date>().map_err(|_| WANTED)?;
    quote(day, out);
    Ok(true)
}

/// Writes text that needs no escapes.
fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(kind: FieldType, raw: &str) -> Result<Option<String>, Misfit> {
        let mut out = Vec::new();
        write(kind, raw, 2, &mut out).map(|there| there.then(|| String::from_utf8(out).unwrap()))
    }

    #[test]
    fn times_become_utc_with_milliseconds() {
        let time = |raw| convert(FieldType::Datetime, raw).unwrap().unwrap();
        assert_eq!(time("\"2018-05-22T18:57:01.420Z\""), "\"2018-05-22T18:57:01.420Z\"");
        assert_eq!(time("\"2017-01-01T00:00:00-08:00\""), "\"2017-01-01T08:00:00.000Z\"");
        assert_eq!(time("\"2017-01-01\""), "\"2017-01-01T00:00:00.000Z\"");
        assert!(convert(FieldType::Datetime, "\"yesterday\"").is_err());
        assert!(convert(FieldType::Datetime, "12").is_err());
    }

    #[test]
    fn truth_comes_as_words_and_as_numbers() {
        assert_eq!(convert(FieldType::Boolean, "1").unwrap().unwrap(), "true");
        assert_eq!(convert(FieldType::Boolean, "false").unwrap().unwrap(), "false");
        assert!(convert(FieldType::Boolean, "2").is_err());
    }

    #[test]
    fn text_keeps_its_escapes_and_empty_text_is_no_value() {
        assert_eq!(convert(FieldType::String, r#""a\"b""#).unwrap().unwrap(), r#""a\"b""#);
        assert_eq!(convert(FieldType::String, "1041").unwrap().unwrap(), "\"1041\"");
        assert_eq!(convert(FieldType::String, "\"\"").unwrap(), None);
        assert!(convert(FieldType::String, "{}").is_err());
    }

    #[test]
    fn misfits_are_told() {
        assert_eq!(
            convert(FieldType::Money, "\"abc\""),
            Err(Misfit("an amount in minor units, such as 8510"))
        );
        assert_eq!(convert(FieldType::Integer, "1.5"), Err(Misfit("a whole number")));
        assert_eq!(convert(FieldType::Integer, "2.0").unwrap().unwrap(), "2");
    }
}
