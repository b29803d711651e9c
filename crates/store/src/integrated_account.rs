//! Integrated accounts: one connected account each, with its sealed credentials.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    ChangeKind, Listed, NewEvent, Page, Sealed, Secrets, Store, StoreError, TimeRange,
    database::{Database, Query, Row, Transaction, json_text},
    link_token,
    vault::Place,
};

const WHAT: &str = "integrated account";
/// Accounts swept in one look.
const SWEPT_AT_ONCE: u32 = 100;
const COLUMNS: &str = "SELECT a.id, a.environment_id, a.environment_integration_id, e.integration, a.tenant_id, \
                       a.authentication_method, a.region, a.status, a.is_sandbox, a.context, a.secrets, \
                       a.unified_model_override, a.integration_override, a.last_error, a.last_forbidden_error, \
                       a.last_action_result, a.attempt, a.activated_at, a.version, a.created_at, a.updated_at \
                       FROM integrated_account a JOIN environment_integration e ON e.id = a.environment_integration_id";

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// Post-install and validation are running.
    Connecting,
    /// Usable.
    Active,
    /// The post-install action failed.
    PostInstallError,
    /// The validation action failed.
    ValidationError,
    /// The platform refused the credentials.
    NeedsReauth,
}

impl AccountStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Connecting, Self::Active, Self::PostInstallError, Self::ValidationError, Self::NeedsReauth];

    /// Its name in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Active => "active",
            Self::PostInstallError => "post_install_error",
            Self::ValidationError => "validation_error",
            Self::NeedsReauth => "needs_reauth",
        }
    }
}

/// Not the name of a status.
#[derive(Debug, thiserror::Error)]
#[error(
    "unknown account status; known: connecting, active, post_install_error, validation_error, needs_reauth"
)]
pub struct UnknownAccountStatus;

impl FromStr for AccountStatus {
    type Err = UnknownAccountStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownAccountStatus)
    }
}

/// One connected account. Field names are the API's.
#[derive(Debug, Clone, PartialEq)]
pub struct IntegratedAccount {
    /// Id.
    pub id: String,
    /// The environment it belongs to.
    pub environment_id: String,
    /// The installed integration it connects through.
    pub environment_integration_id: String,
    /// The name of the integration's definition.
    pub integration: String,
    /// The product's own id for its customer; not unique.
    pub tenant_id: String,
    /// Which of the definition's credential formats it uses.
    pub authentication_method: String,
    /// Where it is kept, if that matters.
    pub region: Option<String>,
    /// Where it stands.
    pub status: AccountStatus,
    /// Whether writes are refused.
    pub is_sandbox: bool,
    /// What is known of the account and is no secret.
    pub context: Map<String, Value>,
    /// Credentials, sealed; see [`Store::open_account_secrets`].
    pub secrets: Option<Sealed>,
    /// What this account changes in the field maps.
    pub unified_model_override: Map<String, Value>,
    /// What this account changes in the integration's definition.
    pub integration_override: Map<String, Value>,
    /// The last error that changed the status.
    pub last_error: Option<Value>,
    /// The last refusal for missing rights.
    pub last_forbidden_error: Option<Value>,
    /// What the last action gave.
    pub last_action_result: Option<Value>,
    /// Raised each time it is connected: with [`AccountStatus::Connecting`].
    pub attempt: i64,
    /// When it first became active.
    pub activated_at: Option<Timestamp>,
    /// Raised by each change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl IntegratedAccount {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            environment_id: row.get("environment_id")?,
            environment_integration_id: row.get("environment_integration_id")?,
            integration: row.get("integration")?,
            tenant_id: row.get("tenant_id")?,
            authentication_method: row.get("authentication_method")?,
            region: row.get("region")?,
            status: row.parse("status")?,
            is_sandbox: row.get("is_sandbox")?,
            context: row.json("context")?,
            secrets: row.get::<Option<String>>("secrets")?.map(Sealed::from_column),
            unified_model_override: row.json("unified_model_override")?,
            integration_override: row.json("integration_override")?,
            last_error: row.json_or_null("last_error")?,
            last_forbidden_error: row.json_or_null("last_forbidden_error")?,
            last_action_result: row.json_or_null("last_action_result")?,
            attempt: row.get("attempt")?,
            activated_at: row.time_or_null("activated_at")?,
            version: row.get("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

/// An account to make.
#[derive(Debug, Clone)]
pub struct NewIntegratedAccount {
    /// The environment.
    pub environment_id: String,
    /// An installed integration of that environment.
    pub environment_integration_id: String,
    /// The product's own id for its customer.
    pub tenant_id: String,
    /// Which of the definition's credential formats it uses.
    pub authentication_method: String,
    /// Where it is kept, if that matters.
    pub region: Option<String>,
    /// Where it stands.
    pub status: AccountStatus,
    /// Whether writes are refused.
    pub is_sandbox: bool,
    /// What is known of the account and is no secret.
    pub context: Map<String, Value>,
    /// Credentials; sealed before they are written.
    pub secrets: Secrets,
    /// What this account changes in the field maps.
    pub unified_model_override: Map<String, Value>,
    /// What this account changes in the integration's definition.
    pub integration_override: Map<String, Value>,
    /// The link token that it is made by: tried with, and not yet another account's.
    pub link_token_id: Option<String>,
}

/// What to change of an account: `None` keeps, `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub struct AccountPatch {
    /// The product's own id for its customer.
    pub tenant_id: Option<String>,
    /// Which of the definition's credential formats it uses.
    pub authentication_method: Option<String>,
    /// Where it stands.
    pub status: Option<AccountStatus>,
    /// Whether writes are refused.
    pub is_sandbox: Option<bool>,
    /// The whole new context.
    pub context: Option<Map<String, Value>>,
    /// The whole new credentials.
    pub secrets: Option<Secrets>,
    /// The whole new override of field maps.
    pub unified_model_override: Option<Map<String, Value>>,
    /// The whole new override of the integration's definition.
    pub integration_override: Option<Map<String, Value>>,
    /// The last error that changed the status.
    pub last_error: Option<Option<Value>>,
    /// The last refusal for missing rights.
    pub last_forbidden_error: Option<Option<Value>>,
    /// What the last action gave.
    pub last_action_result: Option<Option<Value>>,
    /// The link token by which it is connected again.
    pub link_token_id: Option<String>,
}

impl AccountPatch {
    /// Applies everything but the secrets.
    fn apply(&self, account: &mut IntegratedAccount) {
        replace(&mut account.tenant_id, &self.tenant_id);
        replace(&mut account.authentication_method, &self.authentication_method);
        replace(&mut account.status, &self.status);
        replace(&mut account.is_sandbox, &self.is_sandbox);
        replace(&mut account.context, &self.context);
        replace(&mut account.unified_model_override, &self.unified_model_override);
        replace(&mut account.integration_override, &self.integration_override);
        replace(&mut account.last_error, &self.last_error);
        replace(&mut account.last_forbidden_error, &self.last_forbidden_error);
        replace(&mut account.last_action_result, &self.last_action_result);
        if self.status == Some(AccountStatus::Connecting) {
            account.attempt += 1;
        }
    }
}

fn replace<T: Clone>(value: &mut T, new: &Option<T>) {
    if let Some(new) = new {
        value.clone_from(new);
    }
}

/// Which accounts to list; those conditions that are given hold together.
#[derive(Debug, Clone, Default)]
pub struct AccountFilter {
    /// Of this customer of the product.
    pub tenant_id: Option<String>,
    /// Of the integration with this name.
    pub integration: Option<String>,
    /// Through this installed integration.
    pub environment_integration_id: Option<String>,
    /// In this status.
    pub status: Option<AccountStatus>,
    /// Sandbox accounts, or only others.
    pub is_sandbox: Option<bool>,
    /// Made within.
    pub created_at: TimeRange,
    /// Last changed within.
    pub updated_at: TimeRange,
}

impl Store {
    /// Makes an account; its secrets are sealed. [`StoreError::NotFound`] when the environment has no such installed
    /// integration, or the link token can't be tried with. `events` says what to tell of it.
    pub async fn create_integrated_account(
        &self,
        new: &NewIntegratedAccount,
        events: impl FnOnce(&IntegratedAccount) -> Vec<NewEvent>,
    ) -> Result<IntegratedAccount, StoreError> {
        let now = self.now();
        let id = self.new_id(now);
        let secrets = self.vault().seal(Place::integrated_account(&id), &new.secrets)?;
        let mut transaction = self.database().begin().await?;
        let query = Query::new(
            "INSERT INTO integrated_account (id, environment_id, environment_integration_id, tenant_id, \
             authentication_method, region, status, is_sandbox, context, secrets, unified_model_override, \
             integration_override, attempt, activated_at, version, created_at, updated_at) \
             SELECT $1, e.environment_id, e.id, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $14, 1, $13, $13 \
             FROM environment_integration e WHERE e.environment_id = $2 AND e.id = $3",
        )
        .bind(&id)
        .bind(&new.environment_id)
        .bind(&new.environment_integration_id)
        .bind(&new.tenant_id)
        .bind(&new.authentication_method)
        .bind(&new.region)
        .bind(new.status.as_str())
        .bind(new.is_sandbox)
        .bind(json_text(&new.context))
        .bind(secrets.into_column())
        .bind(json_text(&new.unified_model_override))
        .bind(json_text(&new.integration_override))
        .bind(now)
        .bind((new.status == AccountStatus::Active).then_some(now));
        if transaction.execute(query).await? == 0 {
            return Err(StoreError::NotFound { what: "environment integration" });
        }
        let account = read_in(&mut transaction, &id).await?;
        if let Some(link_token) = &new.link_token_id {
            self.claim_link_token(&mut transaction, link_token, &account).await?;
        }
        self.note_events(&mut transaction, &account.environment_id, events(&account)).await?;
        transaction.commit().await?;
        Ok(account)
    }

    /// The account of an id.
    pub async fn get_integrated_account(
        &self,
        environment_id: &str,
        id: &str,
    ) -> Result<IntegratedAccount, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE a.environment_id = ").push_bind(environment_id).push(" AND a.id = ").push_bind(id);
        let row = self.database().fetch_optional(query).await?;
        IntegratedAccount::read(&row.ok_or(StoreError::NotFound { what: WHAT })?)
    }

    /// An environment's accounts, oldest first.
    pub async fn list_integrated_accounts(
        &self,
        environment_id: &str,
        filter: &AccountFilter,
        page: &Page,
    ) -> Result<Listed<IntegratedAccount>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE a.environment_id = ").push_bind(environment_id);
        for (condition, value) in [
            (" AND a.tenant_id = ", filter.tenant_id.as_deref()),
            (" AND e.integration = ", filter.integration.as_deref()),
            (" AND a.environment_integration_id = ", filter.environment_integration_id.as_deref()),
            (" AND a.status = ", filter.status.map(AccountStatus::as_str)),
        ] {
            if let Some(value) = value {
                query.push(condition).push_bind(value);
            }
        }
        if let Some(is_sandbox) = filter.is_sandbox {
            query.push(" AND a.is_sandbox = ").push_bind(is_sandbox);
        }
        filter.created_at.push_to(&mut query, "a.created_at");
        filter.updated_at.push_to(&mut query, "a.updated_at");
        page.push_to(&mut query, " AND a.id > ", " ORDER BY a.id");
        let rows = self.database().fetch_all(query).await?;
        let items = rows.iter().map(IntegratedAccount::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Listed::cut(items, page.limit, |account| account.id.clone()))
    }

    /// The accounts of an installed integration whose context has this text in this field, oldest first.
    pub async fn find_integrated_accounts_by_context(
        &self,
        environment_integration_id: &str,
        field: &str,
        text: &str,
    ) -> Result<Vec<IntegratedAccount>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE a.environment_integration_id = ").push_bind(environment_integration_id);
        match self.database() {
            Database::Sqlite { .. } => {
                // Read as a path of JSON: a name within quotation marks is one key.
                query.push(" AND json_extract(a.context, ").push_bind(format!("$.\"{field}\"")).push(")");
            }
            Database::Postgres(_) => {
                query.push(" AND CAST(a.context AS jsonb) ->> ").push_bind(field);
            }
        }
        query.push(" = ").push_bind(text).push(" ORDER BY a.id");
        let rows = self.database().fetch_all(query).await?;
        rows.iter().map(IntegratedAccount::read).collect()
    }

    /// Changes an account. With `version`, [`StoreError::Stale`] when it has another by now. `events` as in
    /// [`Store::modify_integrated_account`].
    pub async fn update_integrated_account(
        &self,
        environment_id: &str,
        id: &str,
        version: Option<i64>,
        patch: AccountPatch,
        events: impl FnOnce(&IntegratedAccount, &IntegratedAccount) -> Vec<NewEvent>,
    ) -> Result<IntegratedAccount, StoreError> {
        let decide = |account: &IntegratedAccount| match version {
            Some(expected) if expected != account.version => {
                Err(StoreError::Stale { what: WHAT, expected, found: account.version })
            }
            _ => Ok(patch),
        };
        self.modify_integrated_account(environment_id, id, decide, events).await
    }

    /// Changes an account by what it is now: `decide` gets the row while nobody else can change it and gives the change. Nothing
    /// is written (and the version stays) when the change makes no difference. `events` says what to tell of the change, or of there being
    /// none, from the row before and after it.
    pub async fn modify_integrated_account<E: From<StoreError>>(
        &self,
        environment_id: &str,
        id: &str,
        decide: impl FnOnce(&IntegratedAccount) -> Result<AccountPatch, E>,
        events: impl FnOnce(&IntegratedAccount, &IntegratedAccount) -> Vec<NewEvent>,
    ) -> Result<IntegratedAccount, E> {
        let (transaction, before) = self.lock_integrated_account(environment_id, id).await?;
        let patch = decide(&before)?;
        let after = self.changed_account(&before, &patch)?;
        let events = events(&before, &after);
        let change = AccountChange { before, after, patch, events };
        Ok(self.keep_account_change(transaction, change).await?)
    }

    /// A transaction in which nobody else can change an account, and the account.
    async fn lock_integrated_account(
        &self,
        environment_id: &str,
        id: &str,
    ) -> Result<(Transaction, IntegratedAccount), StoreError> {
        let mut transaction = self.database().begin().await?;
        // The update takes the row's lock, with the same words on both databases.
        let query = Query::new(
            "UPDATE integrated_account SET version = version + 1 WHERE environment_id = $1 AND id = $2",
        );
        if transaction.execute(query.bind(environment_id).bind(id)).await? == 0 {
            return Err(StoreError::NotFound { what: WHAT });
        }
        let mut account = read_in(&mut transaction, id).await?;
        account.version -= 1;
        Ok((transaction, account))
    }

    /// What a change makes of an account; the same where it makes no difference.
    fn changed_account(
        &self,
        before: &IntegratedAccount,
        patch: &AccountPatch,
    ) -> Result<IntegratedAccount, StoreError> {
        let mut account = before.clone();
        patch.apply(&mut account);
        if account == *before && patch.secrets.is_none() {
            return Ok(account);
        }
        if let Some(secrets) = &patch.secrets {
            account.secrets = Some(self.vault().seal(Place::integrated_account(&account.id), secrets)?);
        }
        account.version += 1;
        account.updated_at = self.now();
        if becomes_active(before, &account) {
            account.activated_at.get_or_insert(account.updated_at);
        }
        Ok(account)
    }

    async fn keep_account_change(
        &self,
        mut transaction: Transaction,
        change: AccountChange,
    ) -> Result<IntegratedAccount, StoreError> {
        let AccountChange { before, after, patch, events } = change;
        let is_changed = after.version != before.version;
        if !is_changed && events.is_empty() {
            return Ok(after);
        }
        write(&mut transaction, &after).await?;
        if is_changed {
            if let Some(link_token) = &patch.link_token_id {
                self.claim_link_token(&mut transaction, link_token, &after).await?;
            }
            if becomes_active(&before, &after) {
                link_token::use_up(&mut transaction, &after).await?;
            }
        }
        self.note_events(&mut transaction, &after.environment_id, events).await?;
        if is_changed {
            transaction.note_change(ChangeKind::IntegratedAccount, &after.id).await?;
        }
        transaction.commit().await?;
        Ok(after)
    }

    /// Deletes an account with its tokens. `events` is what to tell of it.
    pub async fn delete_integrated_account(
        &self,
        environment_id: &str,
        id: &str,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database().begin().await?;
        let query = Query::new("DELETE FROM integrated_account WHERE environment_id = $1 AND id = $2");
        if transaction.execute(query.bind(environment_id).bind(id)).await? == 0 {
            return Err(StoreError::NotFound { what: WHAT });
        }
        self.note_events(&mut transaction, environment_id, events).await?;
        transaction.note_change(ChangeKind::IntegratedAccount, id).await?;
        transaction.commit().await
    }

    /// Accounts that are `connecting` and were not heard of since `before`: whoever connected them is gone. Some of them, where there are
    /// many.
    pub async fn abandoned_integrated_accounts(
        &self,
        before: Timestamp,
    ) -> Result<Vec<IntegratedAccount>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE a.status = ").push_bind(AccountStatus::Connecting.as_str());
        query.push(" AND a.updated_at < ").push_bind(before);
        query.push(" ORDER BY a.updated_at LIMIT ").push_bind(SWEPT_AT_ONCE);
        let rows = self.database().fetch_all(query).await?;
        rows.iter().map(IntegratedAccount::read).collect()
    }

    /// Deletes the accounts that never became active and were left alone since `before`; how many. `events` says what to tell of each,
    /// by its id.
    pub async fn sweep_integrated_accounts(
        &self,
        before: Timestamp,
        events: impl Fn(&str) -> Vec<NewEvent>,
    ) -> Result<u64, StoreError> {
        let mut swept = 0;
        loop {
            let query = Query::new(
                "SELECT id FROM integrated_account WHERE activated_at IS NULL AND updated_at < $1 LIMIT $2",
            );
            let found = self.database().fetch_all(query.bind(before).bind(SWEPT_AT_ONCE)).await?;
            for row in &found {
                let id: String = row.get("id")?;
                let mut transaction = self.database().begin().await?;
                // As it is now: someone may have connected it meanwhile.
                let query = Query::new(
                    "DELETE FROM integrated_account WHERE id = $1 AND activated_at IS NULL AND updated_at < $2 \
                     RETURNING environment_id",
                );
                let Some(row) = transaction.fetch_optional(query.bind(&id).bind(before)).await? else {
                    continue;
                };
                let environment_id: String = row.get("environment_id")?;
                self.note_events(&mut transaction, &environment_id, events(&id)).await?;
                transaction.note_change(ChangeKind::IntegratedAccount, &id).await?;
                transaction.commit().await?;
                swept += 1;
            }
            if found.len() < SWEPT_AT_ONCE as usize {
                return Ok(swept);
            }
        }
    }

    /// Opens an account's credentials. Asks the database only when they were sealed by a data key that this process has
    /// not seen yet.
    pub async fn open_account_secrets(&self, account: &IntegratedAccount) -> Result<Secrets, StoreError> {
        match &account.secrets {
            Some(sealed) => self.vault().open(Place::integrated_account(&account.id), sealed).await,
            None => Ok(Secrets::default()),
        }
    }
}

/// A change that was decided on.
struct AccountChange {
    before: IntegratedAccount,
    after: IntegratedAccount,
    patch: AccountPatch,
    events: Vec<NewEvent>,
}

fn becomes_active(before: &IntegratedAccount, after: &IntegratedAccount) -> bool {
    after.status == AccountStatus::Active && before.status != after.status
}

async fn read_in(transaction: &mut Transaction, id: &str) -> Result<IntegratedAccount, StoreError> {
    let mut query = Query::new(COLUMNS);
    query.push(" WHERE a.id = ").push_bind(id);
    let row = transaction.fetch_optional(query).await?;
    IntegratedAccount::read(&row.ok_or(StoreError::NotFound { what: WHAT })?)
}

async fn write(transaction: &mut Transaction, account: &IntegratedAccount) -> Result<(), StoreError> {
    let query = Query::new(
        "UPDATE integrated_account SET tenant_id = $2, authentication_method = $3, status = $4, is_sandbox = $5, \
         context = $6, secrets = $7, unified_model_override = $8, integration_override = $9, last_error = $10, \
         last_forbidden_error = $11, last_action_result = $12, attempt = $13, activated_at = $14, version = $15, updated_at = $16 \
         WHERE id = $1",
    )
    .bind(&account.id)
    .bind(&account.tenant_id)
    .bind(&account.authentication_method)
    .bind(account.status.as_str())
    .bind(account.is_sandbox)
    .bind(json_text(&account.context))
    .bind(account.secrets.clone().map(Sealed::into_column))
    .bind(json_text(&account.unified_model_override))
    .bind(json_text(&account.integration_override))
    .bind(account.last_error.as_ref())
    .bind(account.last_forbidden_error.as_ref())
    .bind(account.last_action_result.as_ref())
    .bind(account.attempt)
    .bind(account.activated_at)
    .bind(account.version)
    .bind(account.updated_at);
    transaction.execute(query).await?;
    Ok(())
}
