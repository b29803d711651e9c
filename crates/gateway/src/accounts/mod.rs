//! Integrated accounts: connecting them, reading and changing their records.

mod view;

use serde_json::{Map, Value};

pub use self::view::{Account, AccountChange, CredentialsChange, EnvironmentIntegrationId, NewAccount};
use crate::{Caller, Error, Gateway, ListOf};

impl Gateway {
    /// Connects an account with given credentials: checks them against the definition's form, keeps them sealed, runs the
    /// `post_install` and `validation` actions and gives the account with the status that came of it. It ends `active`,
    /// `post_install_error` or `validation_error`, with `last_error` saying why.
    pub async fn create_account(&self, caller: &Caller, new: NewAccount) -> Result<Account, Error> {
        let _ = (caller, new);
        todo!()
    }

    /// The environment's accounts. Query: `tenant_id`, `environment_id`, `is_sandbox`, `integration.name` (or
    /// `integration[name]`), `environment_integration_id`, `status`, `created_at`, `updated_at`, `limit`, `next_cursor`.
    pub async fn accounts(
        &self,
        caller: &Caller,
        query: &Map<String, Value>,
    ) -> Result<ListOf<Account>, Error> {
        let _ = (caller, query);
        todo!()
    }

    /// The account of an id; `me` is the account of an account token.
    pub async fn account(&self, caller: &Caller, id: &str) -> Result<Account, Error> {
        let _ = (caller, id);
        todo!()
    }

    /// Changes an account: `context` is merged at its root (facts, Truto 8.4), overrides are checked before they are kept.
    pub async fn update_account(
        &self,
        caller: &Caller,
        id: &str,
        change: AccountChange,
    ) -> Result<Account, Error> {
        let _ = (caller, id, change);
        todo!()
    }

    /// Gives an account new credentials and connects it again, as [`Gateway::create_account`] does.
    pub async fn update_credentials(
        &self,
        caller: &Caller,
        id: &str,
        change: CredentialsChange,
    ) -> Result<Account, Error> {
        let _ = (caller, id, change);
        todo!()
    }

    /// Runs `post_install` and `validation` again.
    pub async fn run_post_install_actions(&self, caller: &Caller, id: &str) -> Result<Account, Error> {
        let _ = (caller, id);
        todo!()
    }

    /// Renews what the platform issues for a time. Static keys have nothing to renew: the account is validated instead, and
    /// [`Error::Remote`] tells when the platform refuses them.
    pub async fn refresh_credentials(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let _ = (caller, id);
        todo!()
    }

    /// Deletes an account with its credentials and tokens.
    pub async fn delete_account(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let _ = (caller, id);
        todo!()
    }

    /// Deletes several accounts; those that are not there count as deleted.
    pub async fn delete_accounts(&self, caller: &Caller, ids: &[String]) -> Result<(), Error> {
        let _ = (caller, ids);
        todo!()
    }
}
