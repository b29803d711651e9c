//! Actions: what is done when an account is connected. Carrying them out is the gateway's.

use expression::Expression;
use serde_json::{Map, Value};

/// A named sequence of steps, such as `post_install` and `validation`.
#[derive(Debug, Clone)]
pub struct Action {
    /// What it is for.
    pub description: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// One step of an action.
#[derive(Debug, Clone)]
pub enum Step {
    /// Calls a method of the integration; the answer's body is `$previous` for what follows.
    Request {
        /// A resource of the integration.
        resource: String,
        /// One of its methods.
        method: String,
        /// The call's query.
        query: Map<String, Value>,
    },
    /// Merges the expression's result into the account's context.
    UpdateContext(Expression),
    /// Makes the expression's result `$previous` for what follows.
    Transform(Expression),
}
