//! JSONata: parsed once a thread, evaluated within limits.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use serde_json::Value;

use crate::{functions, value};

/// An expression may compute for this long, in milliseconds: a mapping takes well under one.
const TIME_LIMIT: u64 = 1_000;
/// How deep an expression may nest its calls.
const DEPTH_LIMIT: usize = 512;
/// How long a sequence an expression may build.
const SEQUENCE_LIMIT: usize = 1_000_000;
/// Parsed expressions kept by a thread; more than all maps of a few integrations hold.
const CACHED: usize = 1_024;

/// A JSONata expression. Cheap to clone; the parsed form is kept by each thread that evaluates it, because the
/// engine's values are not shared between threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    source: Arc<str>,
}

/// The expression is not JSONata.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("not a JSONata expression: {message}")]
pub struct CompileError {
    /// The parser's own words, with the reference's error code where it has one.
    pub message: String,
}

/// The expression failed on its input, or went beyond its limits.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("the expression failed: {message}")]
pub struct EvaluateError {
    /// The engine's own words, with the reference's error code where it has one.
    pub message: String,
}

thread_local! {
    static PARSED: RefCell<HashMap<Arc<str>, Rc<AstNode>>> = RefCell::new(HashMap::new());
}

impl Expression {
    /// Checks that `source` is JSONata.
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        let expression = Self { source: Arc::from(source) };
        expression.parsed()?;
        Ok(expression)
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Evaluates against `input`, with `bindings` as `$name`. `None` is JSONata's "nothing".
    pub fn evaluate(
        &self,
        input: &Value,
        bindings: &[(&str, &Value)],
    ) -> Result<Option<Value>, EvaluateError> {
        let parsed = self.parsed().map_err(|error| EvaluateError { message: error.message })?;
        let mut context = Context::new();
        for (name, bound) in bindings {
            context.bind((*name).to_owned(), value::to_engine(bound));
        }
        let options = EvaluatorOptions {
            timeout_ms: Some(TIME_LIMIT),
            max_stack_depth: Some(DEPTH_LIMIT),
            max_sequence_length: Some(SEQUENCE_LIMIT),
            ..EvaluatorOptions::default()
        };
        let mut evaluator = Evaluator::with_options(context, options);
        functions::register(&mut evaluator).map_err(|error| EvaluateError { message: error.to_string() })?;
        match evaluator.evaluate(&parsed, &value::to_engine(input)) {
            Ok(JValue::Undefined) => Ok(None),
            Ok(result) => Ok(value::from_engine(&result)),
            Err(error) => Err(EvaluateError { message: error.message().to_owned() }),
        }
    }

    fn parsed(&self) -> Result<Rc<AstNode>, CompileError> {
        PARSED.with_borrow_mut(|cache| {
            if let Some(parsed) = cache.get(&self.source) {
                return Ok(Rc::clone(parsed));
            }
            let parsed = parser::parse(&self.source)
                .map_err(|error| CompileError { message: error.display_message() })?;
            if cache.len() >= CACHED {
                cache.clear();
            }
            let parsed = Rc::new(parsed);
            cache.insert(Arc::clone(&self.source), Rc::clone(&parsed));
            Ok(parsed)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn evaluate(source: &str, input: Value) -> Option<Value> {
        Expression::compile(source).unwrap().evaluate(&input, &[]).unwrap()
    }

    #[test]
    fn paths_sums_and_objects_work_as_in_the_reference() {
        let order = json!({"items": [{"price": 100, "quantity": 2}, {"price": 50, "quantity": 1}]});
        assert_eq!(evaluate("$sum(items.(price * quantity))", order.clone()), Some(json!(250)));
        assert_eq!(evaluate("{\"prices\": items.price}", order.clone()), Some(json!({"prices": [100, 50]})));
        assert_eq!(evaluate("missing", order), None);
    }

    #[test]
    fn bindings_are_variables() {
        let expression = Expression::compile("$context.currency & total").unwrap();
        let context = json!({"currency": "USD "});
        let result = expression.evaluate(&json!({"total": 5}), &[("context", &context)]).unwrap();
        assert_eq!(result, Some(json!("USD 5")));
    }

    #[test]
    fn large_whole_numbers_keep_their_digits() {
        assert_eq!(evaluate("id", json!({"id": 9_007_199_254_740_993_u64})), Some(json!("9007199254740993")));
        assert_eq!(
            evaluate("id", json!({"id": 9_007_199_254_740_992_u64})),
            Some(json!(9_007_199_254_740_992_u64))
        );
    }

    #[test]
    fn an_endless_expression_is_stopped() {
        let expression = Expression::compile("($f := function($n) { 1 + $f($n) }; $f(1))").unwrap();
        assert!(expression.evaluate(&json!({}), &[]).is_err());
    }

    #[test]
    fn mistakes_are_named_when_compiling() {
        let error = Expression::compile("{ \"a\": ").unwrap_err();
        assert!(error.to_string().starts_with("not a JSONata expression:"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(source in "\\PC{0,60}") {
            if let Ok(expression) = Expression::compile(&source) {
                let _ = expression.evaluate(&json!({"a": [1, {"b": "c"}]}), &[]);
            }
        }
    }
}
