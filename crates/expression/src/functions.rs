//! Functions beside JSONata's own: corrections where the engine differs from the reference, and the helpers of
//! Truto's dialect that commerce mappings use (`$mapValues`, `$firstNonEmpty`, `$removeEmpty`, `$pick`, …).

use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::JValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

type Outcome = Result<JValue, EvaluatorError>;

/// The characters that JavaScript's `encodeURIComponent` leaves alone.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The characters that JavaScript's `encodeURI` leaves alone: those above and the reserved ones.
const WHOLE: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b',')
    .remove(b'#');

/// The longest text `$pad` may build, in characters.
const PAD_LIMIT: f64 = 10_000.0;

/// Makes the functions known to `evaluator`.
pub(crate) fn register(evaluator: &mut Evaluator) -> Result<(), EvaluatorError> {
    // The engine escapes `- _ . ! ~ * ' ( )` too, and leaves blanks alone in `$encodeUrl`.
    evaluator
        .register_fn_override("encodeUrlComponent", |arguments: &[JValue]| encode(arguments, COMPONENT))?;
    evaluator.register_fn_override("encodeUrl", |arguments: &[JValue]| encode(arguments, WHOLE))?;
    // The engine puts no bound on the result.
    evaluator.register_fn_override("pad", pad)?;
    // A mapping is a function of its input: the same record maps to the same result.
    evaluator.register_fn_override("random", |_: &[JValue]| {
        Err(EvaluatorError::EvaluationError("$random has no place in a mapping".to_owned()))
    })?;

    evaluator.register_fn("mapValues", map_values)?;
    evaluator.register_fn("firstNonEmpty", |arguments: &[JValue]| {
        Ok(arguments.iter().find(|value| !is_empty(value)).cloned().unwrap_or(JValue::Undefined))
    })?;
    evaluator.register_fn("removeEmpty", remove_empty)?;
    evaluator.register_fn("removeEmptyItems", remove_empty_items)?;
    evaluator.register_fn("toNumber", to_number)?;
    evaluator.register_fn("convertCurrencyToSubunit", |arguments: &[JValue]| scale(arguments, 100.0))?;
    evaluator.register_fn("convertCurrencyFromSubunit", |arguments: &[JValue]| scale(arguments, 0.01))?;
    evaluator.register_fn("pick", |arguments: &[JValue]| select(arguments, true))?;
    evaluator.register_fn("omit", |arguments: &[JValue]| select(arguments, false))?;
    evaluator.register_fn("keyBy", key_by)?;
    evaluator.register_fn("flatten", flatten)?;
    evaluator.register_fn("clone", |arguments: &[JValue]| Ok(first(arguments)))
}

fn failure(message: &str) -> EvaluatorError {
    EvaluatorError::EvaluationError(message.to_owned())
}

fn first(arguments: &[JValue]) -> JValue {
    arguments.first().cloned().unwrap_or(JValue::Undefined)
}

fn text(arguments: &[JValue]) -> Option<&str> {
    arguments.first().and_then(JValue::as_str)
}

fn is_empty(value: &JValue) -> bool {
    match value {
        JValue::Null | JValue::Undefined => true,
        JValue::String(text) => text.is_empty(),
        JValue::Array(items) => items.is_empty(),
        JValue::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn encode(arguments: &[JValue], set: &'static AsciiSet) -> Outcome {
    Ok(text(arguments)
        .map_or(JValue::Undefined, |plain| JValue::string(utf8_percent_encode(plain, set).to_string())))
}

/// `$pad(text, width[, filler])`: a negative width pads on the left.
fn pad(arguments: &[JValue]) -> Outcome {
    let Some(plain) = text(arguments) else { return Ok(JValue::Undefined) };
    let width = arguments.get(1).and_then(JValue::as_f64).unwrap_or(0.0);
    if width.abs() > PAD_LIMIT {
        return Err(failure("$pad: the width is beyond 10,000 characters"));
    }
    let filler = arguments.get(2).and_then(JValue::as_str).filter(|filler| !filler.is_empty()).unwrap_or(" ");
    let missing = (width.abs() as usize).saturating_sub(plain.chars().count());
    let padding: String = filler.chars().cycle().take(missing).collect();
    Ok(JValue::string(if width < 0.0 { padding + plain } else { plain.to_owned() + &padding }))
}

/// `$mapValues(value, {from: to, …}[, lowerCase[, default]])`; a value without a mapping passes through.
fn map_values(arguments: &[JValue]) -> Outcome {
    let value = first(arguments);
    let Some(JValue::Object(table)) = arguments.get(1) else {
        return Err(failure("$mapValues: the second argument is the table of values"));
    };
    let lower = arguments.get(2).and_then(JValue::as_bool).unwrap_or(false);
    let one = |value: &JValue| -> JValue {
        let Some(key) = value.as_str() else { return value.clone() };
        let key = if lower { key.to_lowercase() } else { key.to_owned() };
        table.get(&key).or_else(|| arguments.get(3)).cloned().unwrap_or_else(|| value.clone())
    };
    Ok(match &value {
        JValue::Array(items) => JValue::array(items.iter().map(one).collect()),
        other => one(other),
    })
}

fn remove_empty(arguments: &[JValue]) -> Outcome {
    Ok(match first(arguments) {
        JValue::Object(fields) => JValue::object(
            fields
                .iter()
                .filter(|(_, value)| !is_empty(value))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        ),
        other => other,
    })
}

fn remove_empty_items(arguments: &[JValue]) -> Outcome {
    Ok(match first(arguments) {
        JValue::Array(items) => JValue::array(items.iter().filter(|item| !is_empty(item)).cloned().collect()),
        other => other,
    })
}

fn to_number(arguments: &[JValue]) -> Outcome {
    Ok(match first(arguments) {
        JValue::String(text) => text.trim().parse().map_or(JValue::Undefined, JValue::from_f64),
        number @ JValue::Number(_) => number,
        _ => JValue::Undefined,
    })
}

/// For Truto's mappings, whose money is a number. Our own maps convert money exactly and never come here.
fn scale(arguments: &[JValue], factor: f64) -> Outcome {
    let number = to_number(arguments)?;
    Ok(number
        .as_f64()
        .map_or(JValue::Undefined, |amount| JValue::from_f64((amount * factor * 1e4).round() / 1e4)))
}

fn select(arguments: &[JValue], keep: bool) -> Outcome {
    let JValue::Object(fields) = first(arguments) else { return Ok(JValue::Undefined) };
    let named = |key: &str| match arguments.get(1) {
        Some(JValue::Array(names)) => names.iter().any(|name| name.as_str() == Some(key)),
        Some(JValue::String(name)) => &**name == key,
        _ => false,
    };
    Ok(JValue::object(
        fields
            .iter()
            .filter(|(key, _)| named(key) == keep)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    ))
}

fn key_by(arguments: &[JValue]) -> Outcome {
    let (JValue::Array(items), Some(name)) = (first(arguments), arguments.get(1).and_then(JValue::as_str))
    else {
        return Ok(JValue::Undefined);
    };
    Ok(JValue::object(
        items.iter().filter_map(|item| Some((item.get(name)?.as_str()?.to_owned(), item.clone()))).collect(),
    ))
}

fn flatten(arguments: &[JValue]) -> Outcome {
    let JValue::Array(items) = first(arguments) else { return Ok(first(arguments)) };
    let mut flat = Vec::new();
    for item in items.iter() {
        match item {
            JValue::Array(inner) => flat.extend(inner.iter().cloned()),
            other => flat.push(other.clone()),
        }
    }
    Ok(JValue::array(flat))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Expression;

    fn evaluate(source: &str) -> Value {
        Expression::compile(source).unwrap().evaluate(&json!({}), &[]).unwrap().unwrap_or(json!("nothing"))
    }

    #[test]
    fn urls_are_encoded_as_javascript_does() {
        assert_eq!(evaluate("$encodeUrlComponent(\"a-b_c.d !é/\")"), json!("a-b_c.d%20!%C3%A9%2F"));
        assert_eq!(
            evaluate("$encodeUrl(\"https://x.test/a b?q=\\\"1\\\"\")"),
            json!("https://x.test/a%20b?q=%221%22")
        );
    }

    #[test]
    fn padding_has_a_bound() {
        assert_eq!(evaluate("$pad(\"7\", -3, \"0\")"), json!("007"));
        let error =
            Expression::compile("$pad(\"x\", 1000000000)").unwrap().evaluate(&json!({}), &[]).unwrap_err();
        assert!(error.to_string().contains("10,000"), "{error}");
    }

    #[test]
    fn helpers_of_trutos_dialect_work() {
        assert_eq!(evaluate("$mapValues(\"Paid\", {\"paid\": \"done\"}, true)"), json!("done"));
        assert_eq!(evaluate("$mapValues(\"Odd\", {\"paid\": \"done\"})"), json!("Odd"));
        assert_eq!(evaluate("$firstNonEmpty(null, \"\", \"a\")"), json!("a"));
        assert_eq!(evaluate("$removeEmpty({\"a\": null, \"b\": 1})"), json!({"b": 1}));
        assert_eq!(evaluate("$pick({\"a\": 1, \"b\": 2}, [\"a\"])"), json!({"a": 1}));
        assert_eq!(evaluate("$omit({\"a\": 1, \"b\": 2}, [\"a\"])"), json!({"b": 2}));
        assert_eq!(evaluate("$convertCurrencyToSubunit(\"12.34\")"), json!(1234));
        assert_eq!(evaluate("$base64decode($base64encode(\"vin\"))"), json!("vin"));
    }
}
