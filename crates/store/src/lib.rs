//! SQLite and PostgreSQL behind one set of functions; migrations; the vault.
//!
//! Everything Decant keeps is a row of one of the tables below; each table has a module whose functions are methods
//! on [`Store`]. The same SQL text serves both databases (`$1` works on both), so a table is written once.
//!
//! | table | module | one row is |
//! |---|---|---|
//! | `environment` | [`environment`] | a separate set of accounts and tokens (production, staging, …) |
//! | `api_token` | [`api_token`] | a caller's token for one environment, kept as a digest |
//! | `environment_integration` | [`environment_integration`] | an integration installed in an environment |
//! | `integrated_account` | [`integrated_account`] | one connected account with its sealed credentials |
//! | `integrated_account_token` | [`account_token`] | a short-lived token for one account, kept as a digest |
//! | `link_token` | [`link_token`] | the right to connect one account from a browser, kept as a digest |
//! | `event` | [`event`] | something that happened, to be told |
//! | `idempotency_key` | [`idempotency_key`] | a write that its caller named, with its sealed answer for repeats |
//! | `map_override` | [`map_override`] | what an environment changes in the map of a unified resource |
//! | `log` | [`log`] | one call that passed the gateway |
//! | `data_key` | [`vault`] | a key that seals credentials, wrapped by the master key |
//! | `change`, `change_head` | [`change`] | what changed, so that every node can forget what it had at hand |
//!
//! # How rows are kept
//! * ids are UUID version 7 in text: they sort by the time of their making;
//! * times are microseconds since 1970 (`bigint`), [`jiff::Timestamp`] in Rust;
//! * JSON is text; credentials are sealed by the [`vault`] before they reach a statement.
//!
//! # How to add a table
//! 1. Add a file of the same name to `migrations/sqlite` and `migrations/postgres`. Name a unique index after its
//!    table and columns (`table_column_column`): that name is what [`StoreError::Conflict`] tells on both databases.
//! 2. Write a module with the row's struct and `impl Store { … }`. A write that a node may have cached a reading of ends
//!    with a note of the change, in the same transaction (see [`change`]).
//! 3. Add its tests to `tests/store/`; the suite runs each over both databases.

pub mod account_token;
pub mod api_token;
pub mod budget;
pub mod change;
pub mod clock;
mod database;
pub mod environment;
pub mod environment_integration;
mod error;
pub mod event;
pub mod idempotency_key;
pub mod install_credential;
pub mod integrated_account;
pub mod lease;
pub mod link_token;
pub mod log;
pub mod map_override;
mod migrations;
pub mod oauth_state;
pub mod page;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;
pub mod vault;

pub use account_token::AccountToken;
pub use api_token::ApiToken;
pub use budget::{BudgetMerge, BudgetRecord, BudgetWrite};
pub use change::{Change, ChangeKind, Changes};
pub use clock::{Clock, SystemClock};
pub use environment::Environment;
pub use environment_integration::{
    EnvironmentIntegration, EnvironmentIntegrationPatch, NewEnvironmentIntegration,
};
pub use error::StoreError;
pub use event::{Event, EventFilter, NewEvent};
pub use idempotency_key::{Claim, Holding, KeptAnswer, NewClaim};
pub use integrated_account::{
    AccountFilter, AccountPatch, AccountStatus, IntegratedAccount, NewIntegratedAccount,
};
pub use lease::Lease;
pub use link_token::{LinkTarget, LinkToken, NewLinkToken};
pub use log::{LogEntry, LogFilter, NewLogEntry};
pub use map_override::{MapOverride, MapOverrideFilter, MapTarget};
pub use oauth_state::OauthState;
pub use page::{Listed, Page, TimeRange};
pub use store::{Options, Store};
pub use token::{Token, TokenHash};
pub use vault::{MasterKeySource, MasterKeys, Rotation, Sealed, Secrets, VaultError};
