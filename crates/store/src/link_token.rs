//! Link tokens: the right to connect one account from a browser, once.
//!
//! A token may be tried with until its account becomes active. Each try that is taken ([`NewIntegratedAccount::link_token_id`] and
//! [`AccountPatch::link_token_id`]) is an attempt of the account; the token is used up in the very transaction that makes the account
//! active by the token's last attempt.
//!
//! [`NewIntegratedAccount::link_token_id`]: crate::NewIntegratedAccount::link_token_id
//! [`AccountPatch::link_token_id`]: crate::AccountPatch::link_token_id

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    IntegratedAccount, Sealed, Secrets, Store, StoreError, TokenHash,
    database::{Query, Row, Transaction, json_text},
    vault::Place,
};

/// What [`StoreError::NotFound`] calls a token that can't be tried with.
pub const WHAT: &str = "link token";

/// A right to connect an account. The token's text is shown once; only the digest is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkToken {
    /// Id.
    pub id: String,
    /// The environment.
    pub environment_id: String,
    /// The product's own id for its customer.
    pub tenant_id: String,
    /// The account to connect again, or the one that was made by the first try.
    pub integrated_account_id: Option<String>,
    /// Whether the account was there before.
    pub is_reconnect: bool,
    /// What its maker asked for and is no secret.
    pub settings: Map<String, Value>,
    /// What goes into the account's context, sealed; see [`Store::open_link_token_context`].
    pub secrets: Option<Sealed>,
    /// When it ends. The store gives out ended and used tokens: the caller of [`Store::find_link_token`] compares.
    pub expires_at: Timestamp,
    /// When its account became active.
    pub used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A link token to make.
#[derive(Debug, Clone)]
pub struct NewLinkToken {
    /// The environment.
    pub environment_id: String,
    /// Whose account it is: the product's own id for its customer, or the account to connect again.
    pub target: LinkTarget,
    /// What is asked for and is no secret.
    pub settings: Map<String, Value>,
    /// What goes into the account's context, which may hold credentials; sealed.
    pub context: Secrets,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What a link token connects.
#[derive(Debug, Clone)]
pub enum LinkTarget {
    /// A new account of this customer of the product.
    Tenant(String),
    /// An account that is there, again.
    Account(String),
}

impl LinkToken {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            environment_id: row.get("environment_id")?,
            tenant_id: row.get("tenant_id")?,
            integrated_account_id: row.get("integrated_account_id")?,
            is_reconnect: row.get("is_reconnect")?,
            settings: row.json("settings")?,
            secrets: row.get::<Option<String>>("secrets")?.map(Sealed::from_column),
            expires_at: row.time("expires_at")?,
            used_at: row.time_or_null("used_at")?,
            created_at: row.time("created_at")?,
        })
    }
}

impl Store {
    /// Keeps the digest of a new token. [`StoreError::NotFound`] when the environment has no such account.
    pub async fn create_link_token(
        &self,
        new: &NewLinkToken,
        hash: &TokenHash,
    ) -> Result<LinkToken, StoreError> {
        let now = self.now();
        let id = self.new_id(now);
        let secrets = self.vault().seal(Place::link_token(&id), &new.context)?.into_column();
        let (insert, target, what) = match &new.target {
            LinkTarget::Tenant(tenant_id) => (
                "INSERT INTO link_token (id, environment_id, tenant_id, is_reconnect, hash, settings, secrets, expires_at, created_at) \
                 SELECT $1, e.id, $3, $4, $5, $6, $7, $8, $9 FROM environment e WHERE e.id = $2",
                tenant_id,
                "environment",
            ),
            LinkTarget::Account(id) => (
                "INSERT INTO link_token (id, environment_id, integrated_account_id, tenant_id, is_reconnect, hash, settings, secrets, \
                 expires_at, created_at) SELECT $1, a.environment_id, a.id, a.tenant_id, $4, $5, $6, $7, $8, $9 \
                 FROM integrated_account a WHERE a.environment_id = $2 AND a.id = $3",
                id,
                "integrated account",
            ),
        };
        let query = Query::new(insert)
            .bind(&id)
            .bind(&new.environment_id)
            .bind(target)
            .bind(matches!(new.target, LinkTarget::Account(_)))
            .bind(hash.as_str())
            .bind(json_text(&new.settings))
            .bind(secrets)
            .bind(crate::store::whole_milliseconds(new.expires_at))
            .bind(now);
        if self.database().execute(query).await? == 0 {
            return Err(StoreError::NotFound { what });
        }
        self.find_link_token(hash).await?.ok_or(StoreError::NotFound { what: WHAT })
    }

    /// The token of a digest, if there is one; used and ended ones too until they are swept.
    pub async fn find_link_token(&self, hash: &TokenHash) -> Result<Option<LinkToken>, StoreError> {
        let query = Query::new(
            "SELECT id, environment_id, tenant_id, integrated_account_id, is_reconnect, settings, secrets, expires_at, used_at, \
             created_at FROM link_token WHERE hash = $1",
        );
        self.database()
            .fetch_optional(query.bind(hash.as_str()))
            .await?
            .as_ref()
            .map(LinkToken::read)
            .transpose()
    }

    /// Opens what a token's account gets into its context.
    pub async fn open_link_token_context(&self, token: &LinkToken) -> Result<Secrets, StoreError> {
        match &token.secrets {
            Some(sealed) => self.vault().open(Place::link_token(&token.id), sealed).await,
            None => Ok(Secrets::default()),
        }
    }

    /// Deletes the tokens that ended before `before`; how many.
    pub async fn sweep_link_tokens(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.database().execute(Query::new("DELETE FROM link_token WHERE expires_at < $1").bind(before)).await
    }

    /// Takes a try: the account's present attempt is the token's last. [`StoreError::NotFound`] when the token is used up, has ended, or
    /// is another account's by now.
    pub(crate) async fn claim_link_token(
        &self,
        transaction: &mut Transaction,
        id: &str,
        account: &IntegratedAccount,
    ) -> Result<(), StoreError> {
        let query = Query::new(
            "UPDATE link_token SET integrated_account_id = $2, attempt = $3 WHERE id = $1 AND used_at IS NULL \
             AND expires_at > $4 AND (integrated_account_id IS NULL OR integrated_account_id = $2)",
        );
        let query = query.bind(id).bind(&account.id).bind(account.attempt).bind(self.now());
        match transaction.execute(query).await? {
            0 => Err(StoreError::NotFound { what: WHAT }),
            _ => Ok(()),
        }
    }
}

/// Uses up the token whose last attempt made the account active, if there is one.
pub(crate) async fn use_up(
    transaction: &mut Transaction,
    account: &IntegratedAccount,
) -> Result<(), StoreError> {
    let query = Query::new(
        "UPDATE link_token SET used_at = $3 WHERE integrated_account_id = $1 AND attempt = $2 AND used_at IS NULL",
    );
    transaction.execute(query.bind(&account.id).bind(account.attempt).bind(account.updated_at)).await?;
    Ok(())
}
