//! JSONata expressions and `{{placeholder}}` templates: compiled once, bounded in time and depth.
//!
//! Both are the small languages in which an integration's definition says what a path and a conversion cannot:
//! [`Expression`] is JSONata, [`Template`] fills placeholders into a JSON value or a piece of text.

mod functions;
mod jsonata;
mod template;
mod value;

pub use jsonata::{CompileError, EvaluateError, Expression};
pub use template::{Placeholder, Scope, Template, TemplateError, TextTemplate};
