//! Integrations as data: load, check, describe; plan a request, read a page, recognise an error.
//!
//! An [`Integration`] is compiled from the YAML files of its folder (`integration.yaml`, `resources/*.yaml`). It knows no
//! HTTP client and no database: it says what to send ([`Integration::plan`]) and what an answer means
//! ([`Method::read_page`], [`Integration::recognise`]).

mod action;
mod capabilities;
mod catalog;
mod compiled;
mod credentials;
mod definition;
mod diagnosis;
mod error;
mod form;
pub mod install;
mod near;
pub mod oauth;
mod paging;
mod plan;
mod rate_limit;
mod recognise;
pub mod source;

pub use action::{Action, Step};
pub use capabilities::CapabilityFilter;
pub use catalog::Catalog;
pub use compiled::{Integration, Method, Resource};
pub use credentials::{CheckedCredentials, Credentials, FieldProblem};
pub use definition::{CredentialField, CredentialFormat, FieldType, FormFieldType, Parameter};
pub use diagnosis::{Diagnosis, Refusal};
pub use error::{DefinitionError, PlanError};
pub use form::{Choice, DataSource, FilledForm, Form, FormError, FormField};
pub use install::Install;
pub use near::Unknown;
pub use oauth::Oauth;
pub use paging::{BadAnswer, Page, PageRequest, Style};
pub use plan::{Inputs, Request};
pub use rate_limit::{Count, Limit, RateLimit, Told};
pub use recognise::{RemoteError, RemoteErrorKind};
