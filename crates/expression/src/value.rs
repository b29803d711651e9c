//! Between serde_json's values and the JSONata engine's.

use jsonata_core::value::{JArray, JValue};
use serde_json::{Map, Number, Value};

/// JSONata numbers are doubles, as in the reference: whole numbers beyond this lose digits.
const EXACT: u64 = 1 << 53;

/// A value as the engine sees it. Whole numbers that a double cannot hold go in as text, so that an id keeps its digits.
pub(crate) fn to_engine(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(flag) => JValue::Bool(*flag),
        Value::Number(number) => number_to_engine(number),
        Value::String(text) => JValue::string(text.as_str()),
        Value::Array(items) => JValue::array(items.iter().map(to_engine).collect()),
        Value::Object(fields) => {
            JValue::object(fields.iter().map(|(key, value)| (key.clone(), to_engine(value))).collect())
        }
    }
}

fn number_to_engine(number: &Number) -> JValue {
    let exact = match (number.as_u64(), number.as_i64()) {
        (Some(whole), _) => whole <= EXACT,
        (None, Some(whole)) => whole.unsigned_abs() <= EXACT,
        (None, None) => true,
    };
    match number.as_f64() {
        Some(double) if exact => JValue::from_f64(double),
        _ => JValue::string(number.to_string()),
    }
}

/// What the engine gave back; `None` is JSONata's "nothing". Functions have no JSON form and count as nothing.
pub(crate) fn from_engine(value: &JValue) -> Option<Value> {
    match value {
        JValue::Null => Some(Value::Null),
        JValue::Bool(flag) => Some(Value::Bool(*flag)),
        JValue::Number(double) => Some(number_from_engine(*double)),
        JValue::String(text) => Some(Value::String(text.to_string())),
        JValue::Array(items) => Some(array_from_engine(items)),
        JValue::Object(fields) => Some(Value::Object(
            fields
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), from_engine(value)?)))
                .collect::<Map<String, Value>>(),
        )),
        _ => None,
    }
}

fn array_from_engine(items: &JArray) -> Value {
    Value::Array(items.iter().filter_map(from_engine).collect())
}

/// Whole doubles are written without a fraction, as JavaScript does.
fn number_from_engine(double: f64) -> Value {
    if double.fract() == 0.0 && double.abs() <= EXACT as f64 {
        return Value::from(double as i64);
    }
    Number::from_f64(double).map_or(Value::Null, Value::Number)
}
