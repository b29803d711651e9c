//! The form that a person fills in once an account is connected (facts, Truto 7.4): which of the account's own records to use, and what
//! else the product wants to know. Asking the platform for them is the gateway's.

use std::collections::BTreeSet;

use expression::{Expression, Scope, Template};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::compiled::Mistake;
use crate::credentials::{Credentials, FieldProblem};
use crate::definition::{
    DataSourceDefinition, FormDefinition, FormFieldDefinition, FormFieldType, OptionsDefinition,
};

/// The longest text that is taken, in characters.
const LONGEST_TEXT: usize = 10_000;
/// The most options that one field is given.
const MOST_CHOICES: usize = 5_000;

/// A form.
#[derive(Debug, Clone)]
pub struct Form {
    /// The fields, in order.
    pub fields: Vec<FormField>,
    validation: Option<Expression>,
    transform: Option<Expression>,
}

/// One field of a form.
#[derive(Debug, Clone)]
pub struct FormField {
    /// The key in the account's context.
    pub name: String,
    /// How it is shown and kept.
    pub kind: FormFieldType,
    /// What a person reads.
    pub label: String,
    /// Shown below the field.
    pub help_text: Option<String>,
    /// Shown in the empty field.
    pub placeholder: Option<String>,
    /// Whether the form can't be without it.
    pub required: bool,
    /// The value before there is one.
    pub default: Option<Value>,
    /// The fields without whose values it has no options.
    pub depends_on: Vec<String>,
    /// Where its options come from, if from records.
    pub data_source: Option<DataSource>,
    /// Shown while it has no options for want of those values.
    pub disabled_text: Option<String>,
    options: Options,
}

/// Records that become options.
#[derive(Debug, Clone)]
pub struct DataSource {
    /// Whether the resource is a unified one, `model/resource`, or one of the platform's own.
    pub is_unified: bool,
    /// The resource.
    pub resource: String,
    /// One of its methods that give a list.
    pub method: String,
    query: Template,
}

#[derive(Debug, Clone)]
enum Options {
    None,
    Fixed(Vec<Choice>),
    OfRecords { value: Expression, label: Expression, sub_text: Option<Expression> },
}

/// One option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What is kept.
    pub value: String,
    /// What a person reads.
    pub label: String,
    /// What a person reads below it.
    #[serde(rename = "subText", default, skip_serializing_if = "Option::is_none")]
    pub sub_text: Option<String>,
}

/// What was filled in and fits the form.
#[derive(Debug)]
pub struct FilledForm {
    /// What goes into the account's context; `null` takes a field away.
    pub context: Map<String, Value>,
    /// The secret fields.
    pub secrets: Credentials,
}

/// A form that its definition's own expressions hinder.
#[derive(Debug, thiserror::Error)]
#[error("the form's field {field:?} can't be made: {reason}")]
pub struct FormError {
    field: String,
    reason: String,
}

impl Form {
    /// Checks a form; `at` is where it stands, `taken` are names that its fields can't have, and `check_method` says what is wrong with a
    /// resource's method.
    pub(crate) fn compile(
        at: &[&str],
        form: &FormDefinition,
        taken: &BTreeSet<&str>,
        check_method: impl Fn(&DataSourceDefinition) -> Result<(), String>,
    ) -> Result<Self, Mistake> {
        let mut compiled: Vec<FormField> = Vec::new();
        for (index, field) in form.fields.iter().enumerate() {
            let index = index.to_string();
            let at = [at, &["fields", &index]].concat();
            let refuse = |reason: String| Mistake::at(&at, reason);
            if taken.contains(field.name.as_str()) {
                return Err(refuse(format!(
                    "{:?} is what an account is connected with: choose another name",
                    field.name
                )));
            }
            if compiled.iter().any(|other| other.name == field.name) {
                return Err(refuse(format!("{:?} is there twice", field.name)));
            }
            for needed in &field.depends_on {
                if !compiled.iter().any(|other| other.name == *needed) {
                    return Err(refuse(format!("depends_on: there is no field {needed:?} before this one")));
                }
            }
            if let Some(source) = &field.data_source {
                check_method(source).map_err(refuse)?;
            }
            compiled.push(FormField::compile(&at, field)?);
        }
        Ok(Self {
            fields: compiled,
            validation: compile_optional(at, "validation_expression", form.validation_expression.as_ref())?,
            transform: compile_optional(at, "transform_expression", form.transform_expression.as_ref())?,
        })
    }

    /// Finds a field.
    pub fn field(&self, name: &str) -> Option<&FormField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The names of the secret fields.
    pub fn secret_fields(&self) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(|field| field.kind == FormFieldType::Password)
            .map(|field| field.name.as_str())
    }

    /// Checks what was filled in. `context` is the account's; a secret that it has may stay as it is. Everything that is wrong is told at
    /// once.
    pub fn check(
        &self,
        given: &Map<String, Value>,
        context: &Value,
        has_secret: impl Fn(&str) -> bool,
    ) -> Result<FilledForm, Vec<FieldProblem>> {
        let mut problems: Vec<FieldProblem> = given
            .keys()
            .filter(|name| self.field(name).is_none())
            .map(|name| problem(name, format!("{name:?} is no field of this form")))
            .collect();
        let (mut filled, mut secrets) = (Map::new(), Map::new());
        for field in &self.fields {
            let is_secret = field.kind == FormFieldType::Password;
            let given = given.get(&field.name).filter(|value| !is_blank(value));
            let value = given.or(field.default.as_ref().filter(|_| field.kind == FormFieldType::Hidden));
            match value {
                None if is_secret && has_secret(&field.name) => {}
                None if field.required => {
                    problems.push(problem(&field.name, format!("{} is required", field.label)));
                }
                None if !is_secret => {
                    filled.insert(field.name.clone(), field.blank());
                }
                None => {}
                Some(value) => match field.check(value) {
                    Ok(value) if is_secret => {
                        secrets.insert(field.name.clone(), value);
                    }
                    Ok(value) => {
                        filled.insert(field.name.clone(), value);
                    }
                    Err(message) => problems.push(problem(&field.name, message)),
                },
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let filled = Value::Object(filled);
        if let Some(validation) = &self.validation {
            let found = evaluate(validation, &filled, context)?;
            let problems = found.map(problems_of).unwrap_or_default();
            if !problems.is_empty() {
                return Err(problems);
            }
        }
        let kept = match &self.transform {
            Some(transform) => evaluate(transform, &filled, context)?.unwrap_or_default(),
            None => filled,
        };
        let Value::Object(context) = kept else {
            return Err(vec![problem("", "the form's transform_expression gives no object".to_owned())]);
        };
        Ok(FilledForm { context, secrets: Credentials::new(secrets) })
    }
}

fn compile_optional(at: &[&str], key: &str, source: Option<&String>) -> Result<Option<Expression>, Mistake> {
    source
        .map(|source| Expression::compile(source))
        .transpose()
        .map_err(|error| Mistake::at(&[at, &[key]].concat(), error.to_string()))
}

fn evaluate(
    expression: &Expression,
    filled: &Value,
    context: &Value,
) -> Result<Option<Value>, Vec<FieldProblem>> {
    expression
        .evaluate(filled, &[("context", context)])
        .map_err(|error| vec![problem("", format!("the form's own expression does not work: {error}"))])
}

/// What a validation found: a list of `{field, message}`, or one of them.
fn problems_of(found: Value) -> Vec<FieldProblem> {
    match found {
        Value::Array(items) => items.into_iter().flat_map(problems_of).collect(),
        Value::Object(found) => {
            let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            vec![FieldProblem { field: text("field"), message: text("message") }]
        }
        _ => Vec::new(),
    }
}

fn problem(field: &str, message: String) -> FieldProblem {
    FieldProblem { field: field.to_owned(), message }
}

/// Whether nothing was filled in or chosen. A tick that is not set is an answer unless it is required.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(ticked) => !ticked,
        _ => false,
    }
}

impl FormField {
    fn compile(at: &[&str], field: &FormFieldDefinition) -> Result<Self, Mistake> {
        let expression = |source: &String| {
            Expression::compile(source)
                .map_err(|error| Mistake::at(&[at, &["options"]].concat(), error.to_string()))
        };
        let is_select = matches!(field.kind, FormFieldType::SingleSelect | FormFieldType::MultiSelect);
        let options = match (&field.options, &field.data_source) {
            (None, None) if is_select => return Err(Mistake::at(at, "a select needs options")),
            (Some(_), _) | (_, Some(_)) if !is_select => {
                return Err(Mistake::at(at, "only a single_select or a multi_select has options"));
            }
            (None, None) => Options::None,
            (Some(OptionsDefinition::Fixed(choices)), None) => Options::Fixed(choices.clone()),
            (Some(OptionsDefinition::OfRecords { value, label, sub_text }), Some(_)) => Options::OfRecords {
                value: expression(value)?,
                label: expression(label)?,
                sub_text: sub_text.as_ref().map(expression).transpose()?,
            },
            (Some(OptionsDefinition::OfRecords { .. }), None) => {
                return Err(Mistake::at(at, "options of records need a data_source"));
            }
            (_, Some(_)) => {
                return Err(Mistake::at(
                    at,
                    "a data_source needs options: {value: …, label: …}, expressions over a record",
                ));
            }
        };
        let data_source = match &field.data_source {
            None => None,
            Some(source) => Some(DataSource {
                is_unified: source.is_unified(),
                resource: source.resource.clone(),
                method: source.method.clone(),
                query: Template::parse(&Value::Object(source.query.clone())).map_err(|error| {
                    Mistake::at(&[at, &["data_source", "query"]].concat(), error.to_string())
                })?,
            }),
        };
        Ok(Self {
            name: field.name.clone(),
            kind: field.kind,
            label: field.label.clone(),
            help_text: field.help_text.clone(),
            placeholder: field.placeholder.clone(),
            required: field.required,
            default: field.default.clone(),
            depends_on: field.depends_on.clone(),
            data_source,
            disabled_text: field.disabled_text.clone(),
            options,
        })
    }

    /// The options that are always the same; `None` where they are of records, or there are none.
    pub fn fixed_choices(&self) -> Option<&[Choice]> {
        match &self.options {
            Options::Fixed(choices) => Some(choices),
            _ => None,
        }
    }

    /// The options that records give.
    pub fn choices(&self, records: &[Value]) -> Result<Vec<Choice>, FormError> {
        let Options::OfRecords { value, label, sub_text } = &self.options else { return Ok(Vec::new()) };
        let text = |expression: &Expression, record: &Value| {
            let found = expression.evaluate(record, &[]).map_err(|error| self.error(error.to_string()))?;
            Ok(found.and_then(|value| match value {
                Value::String(text) => Some(text),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(flag) => Some(flag.to_string()),
                _ => None,
            }))
        };
        let mut choices = Vec::new();
        for record in records.iter().take(MOST_CHOICES) {
            // A record without a value can't be chosen.
            let Some(value) = text(value, record)? else { continue };
            let label = text(label, record)?.unwrap_or_else(|| value.clone());
            let sub_text = match sub_text {
                Some(expression) => text(expression, record)?,
                None => None,
            };
            choices.push(Choice { value, label, sub_text });
        }
        Ok(choices)
    }

    fn error(&self, reason: String) -> FormError {
        FormError { field: self.name.clone(), reason }
    }

    /// What is kept of a field that was left empty.
    fn blank(&self) -> Value {
        match self.kind {
            FormFieldType::MultiSelect => Value::Array(Vec::new()),
            FormFieldType::Checkbox => Value::Bool(false),
            _ => Value::Null,
        }
    }

    /// A value as it is kept, or what is wrong with it.
    fn check(&self, value: &Value) -> Result<Value, String> {
        let label = &self.label;
        let is_text = |value: &Value| value.as_str().is_some_and(|text| text.chars().count() <= LONGEST_TEXT);
        let is_offered = |value: &Value| {
            self.fixed_choices()
                .is_none_or(|choices| choices.iter().any(|choice| value.as_str() == Some(&choice.value)))
        };
        Ok(match (self.kind, value) {
            (FormFieldType::Checkbox, Value::Bool(_)) | (FormFieldType::Hidden, _) => value.clone(),
            (FormFieldType::Text | FormFieldType::Password, Value::String(text)) if is_text(value) => {
                Value::String(text.trim().to_owned())
            }
            (FormFieldType::SingleSelect, _) if is_text(value) && is_offered(value) => value.clone(),
            (FormFieldType::MultiSelect, Value::Array(items))
                if items.len() <= MOST_CHOICES
                    && items.iter().all(|item| is_text(item) && is_offered(item)) =>
            {
                value.clone()
            }
            (FormFieldType::SingleSelect | FormFieldType::MultiSelect, _) => {
                return Err(format!("{label}: choose from what is offered"));
            }
            (FormFieldType::Checkbox, _) => return Err(format!("{label} has to be true or false")),
            (FormFieldType::Text | FormFieldType::Password, _) => {
                return Err(format!("{label} has to be text of at most {LONGEST_TEXT} characters"));
            }
        })
    }
}

impl DataSource {
    /// The query, with fields of the account's context and those filled in so far in place of `{{name}}`.
    pub fn query(&self, context: &Value, form: &Map<String, Value>) -> Map<String, Value> {
        let mut scope = Scope::new();
        // The first of a name counts.
        for (name, value) in form.iter().chain(context.as_object().into_iter().flatten()) {
            scope = scope.with(name, value);
        }
        match self.query.render(&scope) {
            Ok(Some(Value::Object(query))) => query,
            _ => Map::new(),
        }
    }
}
