//! Converts between CBOR and JSON, for services that speak Smithy's protocol `rpc-v2-cbor`. Never keeps the
//! type of a time: in JSON it is the seconds since 1970, and the name of its member says that it is a time.

use std::convert::Infallible;

use minicbor::data::{IanaTag, Type};
use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder};
use serde_json::{Map, Value};

/// Parses one value. Fails if other bytes follow it.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, decode::Error> {
    let mut decoder = Decoder::new(bytes);
    let value = value(&mut decoder)?;
    if decoder.position() < bytes.len() {
        return Err(decode::Error::message("bytes follow the value"));
    }
    Ok(value)
}

fn value(decoder: &mut Decoder<'_>) -> Result<Value, decode::Error> {
    match decoder.datatype()? {
        Type::Null => decoder.skip().map(|()| Value::Null),
        Type::Bool => decoder.bool().map(Value::from),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => decoder.u64().map(Value::from),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => decoder.i64().map(Value::from),
        Type::F32 | Type::F64 => decoder.f64().map(Value::from),
        Type::String | Type::StringIndef => text(decoder).map(Value::from),
        Type::Array | Type::ArrayIndef => {
            let (count, mut items) = (decoder.array()?, Vec::new());
            while has_another(decoder, count, items.len())? {
                items.push(value(decoder)?);
            }
            Ok(Value::from(items))
        }
        Type::Map | Type::MapIndef => {
            let (count, mut read, mut members) = (decoder.map()?, 0, Map::new());
            while has_another(decoder, count, read)? {
                members.insert(text(decoder)?, value(decoder)?);
                read += 1;
            }
            Ok(Value::from(members))
        }
        Type::Tag => {
            decoder.tag()?;
            value(decoder)
        }
        other => Err(decode::Error::message(format!("a value of the type {other}"))),
    }
}

fn text(decoder: &mut Decoder<'_>) -> Result<String, decode::Error> {
    decoder.str_iter()?.collect()
}

/// True if a list or a map has another entry. Skips the mark at its end, if its length is not known.
fn has_another(decoder: &mut Decoder<'_>, count: Option<u64>, read: usize) -> Result<bool, decode::Error> {
    match count {
        Some(count) => Ok((read as u64) < count),
        None if decoder.datatype()? == Type::Break => decoder.skip().map(|()| false),
        None => Ok(true),
    }
}

/// Formats a value.
pub(crate) fn write(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encode("", value, &mut encoder).expect("a vector takes all bytes");
    encoder.into_writer()
}

/// `name` is the name of the member that has the value, or a list with it.
fn encode(
    name: &str,
    value: &Value,
    encoder: &mut Encoder<Vec<u8>>,
) -> Result<(), encode::Error<Infallible>> {
    match value {
        Value::Null => encoder.null()?.ok(),
        Value::Bool(flag) => encoder.bool(*flag)?.ok(),
        Value::Number(number) => {
            let float = number.as_f64().unwrap_or_default();
            match number.as_i64() {
                _ if name.contains("Timestamp") => encoder.tag(IanaTag::Timestamp)?.f64(float)?.ok(),
                Some(whole) => encoder.i64(whole)?.ok(),
                None => encoder.f64(float)?.ok(),
            }
        }
        Value::String(text) => encoder.str(text)?.ok(),
        Value::Array(items) => {
            encoder.array(items.len() as u64)?;
            items.iter().try_for_each(|item| encode(name, item, encoder))
        }
        Value::Object(members) => {
            encoder.map(members.len() as u64)?;
            members.iter().try_for_each(|(name, member)| encode(name, member, encoder.str(name)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({
            "Names": ["a", "\u{e9}"], "Empty": {}, "Enabled": true, "Nothing": null, "Least": -7, "Most": 500,
            "Values": [0.5, 3.0],
        });
        assert_eq!(read(&write(&value)).unwrap(), value);
    }

    #[test]
    fn a_time_is_tagged() {
        assert_eq!(write(&json!({"Timestamp": 1}))[11..13], [0xc1, 0xfb]);
    }

    /// Most of the bytes are from RFC 8949, appendix A.
    #[track_caller]
    fn check(bytes: &[u8], expected: Option<Value>) {
        assert_eq!(read(bytes).ok(), expected, "{bytes:x?}");
    }

    #[test]
    fn lengths_may_be_unknown() {
        let list = [0x9f, 0x01, 0x82, 0x02, 0x03, 0x9f, 0x04, 0x05, 0xff, 0xff];
        check(&list, Some(json!([1, [2, 3], [4, 5]])));
        let map = [0xbf, 0x61, 0x61, 0x01, 0x61, 0x62, 0x9f, 0x02, 0x03, 0xff, 0xff];
        check(&map, Some(json!({"a": 1, "b": [2, 3]})));
        check(&[0x7f, 0x61, 0x61, 0x61, 0x62, 0xff], Some(json!("ab")));
    }

    #[test]
    fn a_time_is_a_number() {
        check(&[0xc1, 0x1a, 0x51, 0x4b, 0x67, 0xb0], Some(json!(1_363_896_240)));
        check(&[0xc1, 0xfb, 0x41, 0xd4, 0x52, 0xd9, 0xec, 0x20, 0x00, 0x00], Some(json!(1_363_896_240.5)));
    }

    #[test]
    fn what_is_no_cbor_is_refused() {
        check(b"", None);
        check(b"{}", None);
        check(&[0xa1, 0x61, 0x61], None);
        check(&[0xf6, 0xf6], None);
    }
}
