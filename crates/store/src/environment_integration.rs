//! Environment integrations: an integration installed in an environment, with what the environment overrides of it.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    ChangeKind, Listed, NewEvent, Page, Sealed, Secrets, Store, StoreError,
    database::{Query, Row, Transaction, json_text},
    vault::Place,
};

const WHAT: &str = "environment integration";
const COLUMNS: &str = "SELECT id, environment_id, integration, is_enabled, show_in_catalog, override, secrets, version, \
                       created_at, updated_at FROM environment_integration";

/// An integration installed in an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentIntegration {
    /// Id.
    pub id: String,
    /// The environment it is installed in.
    pub environment_id: String,
    /// The name of the integration's definition.
    pub integration: String,
    /// Whether its accounts may be used.
    pub is_enabled: bool,
    /// Whether people connecting an account are offered it.
    pub show_in_catalog: bool,
    /// What this environment changes in the definition.
    pub overrides: Map<String, Value>,
    /// Secret values of the override, sealed; see [`Store::open_environment_integration_secrets`].
    pub secrets: Option<Sealed>,
    /// Raised by each change.
    pub version: i64,
    /// When it was installed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl EnvironmentIntegration {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            environment_id: row.get("environment_id")?,
            integration: row.get("integration")?,
            is_enabled: row.get("is_enabled")?,
            show_in_catalog: row.get("show_in_catalog")?,
            overrides: row.json("override")?,
            secrets: row.get::<Option<String>>("secrets")?.map(Sealed::from_column),
            version: row.get("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

/// What to install.
#[derive(Debug, Clone)]
pub struct NewEnvironmentIntegration {
    /// The environment.
    pub environment_id: String,
    /// The name of the integration's definition.
    pub integration: String,
    /// Whether its accounts may be used.
    pub is_enabled: bool,
    /// Whether people connecting an account are offered it.
    pub show_in_catalog: bool,
    /// What this environment changes in the definition.
    pub overrides: Map<String, Value>,
    /// Secret values of the override.
    pub secrets: Option<Secrets>,
}

/// What to change; `None` keeps.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentIntegrationPatch {
    /// Whether its accounts may be used.
    pub is_enabled: Option<bool>,
    /// Whether people connecting an account are offered it.
    pub show_in_catalog: Option<bool>,
    /// The whole new override.
    pub overrides: Option<Map<String, Value>>,
    /// The whole new set of secret values.
    pub secrets: Option<Secrets>,
}

impl Store {
    /// Installs an integration. Installing it again changes nothing and gives the row there is. `events` says what to tell of a new one.
    pub async fn install_integration(
        &self,
        new: &NewEnvironmentIntegration,
        events: impl FnOnce(&EnvironmentIntegration) -> Vec<NewEvent>,
    ) -> Result<EnvironmentIntegration, StoreError> {
        let now = self.now();
        let id = self.new_id(now);
        let secrets = match &new.secrets {
            Some(secrets) => Some(self.vault().seal(Place::environment_integration(&id), secrets)?),
            None => None,
        };
        let mut transaction = self.database().begin().await?;
        let query = Query::new(
            "INSERT INTO environment_integration (id, environment_id, integration, is_enabled, show_in_catalog, override, \
             secrets, version, created_at, updated_at) \
             SELECT $1, environment.id, $3, $4, $5, $6, $7, 1, $8, $8 FROM environment WHERE environment.id = $2 \
             ON CONFLICT (environment_id, integration) DO NOTHING",
        )
        .bind(id)
        .bind(&new.environment_id)
        .bind(&new.integration)
        .bind(new.is_enabled)
        .bind(new.show_in_catalog)
        .bind(json_text(&new.overrides))
        .bind(secrets.map(Sealed::into_column))
        .bind(now);
        let is_new = transaction.execute(query).await? > 0;
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE environment_id = ").push_bind(&new.environment_id);
        query.push(" AND integration = ").push_bind(&new.integration);
        let row = transaction.fetch_optional(query).await?;
        let installed =
            EnvironmentIntegration::read(&row.ok_or(StoreError::NotFound { what: "environment" })?)?;
        if is_new {
            self.note_events(&mut transaction, &new.environment_id, events(&installed)).await?;
        }
        transaction.commit().await?;
        Ok(installed)
    }

    /// An environment's installed integrations, oldest first; with an integration's name, only that one.
    pub async fn list_environment_integrations(
        &self,
        environment_id: &str,
        integration: Option<&str>,
        page: &Page,
    ) -> Result<Listed<EnvironmentIntegration>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE environment_id = ").push_bind(environment_id);
        if let Some(integration) = integration {
            query.push(" AND integration = ").push_bind(integration);
        }
        page.push_to(&mut query, " AND id > ", " ORDER BY id");
        let rows = self.database().fetch_all(query).await?;
        let items = rows.iter().map(EnvironmentIntegration::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Listed::cut(items, page.limit, |item| item.id.clone()))
    }

    /// The installed integration of an id.
    pub async fn get_environment_integration(
        &self,
        environment_id: &str,
        id: &str,
    ) -> Result<EnvironmentIntegration, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE environment_id = ").push_bind(environment_id).push(" AND id = ").push_bind(id);
        let row = self.database().fetch_optional(query).await?;
        EnvironmentIntegration::read(&row.ok_or(StoreError::NotFound { what: WHAT })?)
    }

    /// The environment that an installed integration is in.
    pub async fn environment_of_integration(&self, id: &str) -> Result<Option<String>, StoreError> {
        let query = Query::new("SELECT environment_id FROM environment_integration WHERE id = $1").bind(id);
        self.database().fetch_optional(query).await?.map(|row| row.get("environment_id")).transpose()
    }

    /// Changes an installed integration. With `version`, [`StoreError::Stale`] when it has another by now. `events` says what to tell of
    /// it, changed.
    pub async fn update_environment_integration(
        &self,
        environment_id: &str,
        id: &str,
        version: Option<i64>,
        patch: &EnvironmentIntegrationPatch,
        events: impl FnOnce(&EnvironmentIntegration) -> Vec<NewEvent>,
    ) -> Result<EnvironmentIntegration, StoreError> {
        // Where there are none, calls have nothing to open.
        let secrets = match patch.secrets.as_ref().filter(|secrets| !secrets.is_empty()) {
            Some(secrets) => Some(self.vault().seal(Place::environment_integration(id), secrets)?),
            None => None,
        };
        let mut transaction = self.database().begin().await?;
        let query = Query::new(
            "UPDATE environment_integration SET is_enabled = COALESCE($3, is_enabled), \
             show_in_catalog = COALESCE($4, show_in_catalog), override = COALESCE($5, override), \
             secrets = CASE WHEN $6 THEN $7 ELSE secrets END, version = version + 1, updated_at = $8 \
             WHERE environment_id = $1 AND id = $2",
        )
        .bind(environment_id)
        .bind(id)
        .bind(patch.is_enabled)
        .bind(patch.show_in_catalog)
        .bind(patch.overrides.as_ref().map(json_text))
        .bind(patch.secrets.is_some())
        .bind(secrets.map(Sealed::into_column))
        .bind(self.now());
        if transaction.execute(query).await? == 0 {
            return Err(StoreError::NotFound { what: WHAT });
        }
        let updated = read_back(&mut transaction, id).await?;
        if let Some(expected) = version
            && updated.version != expected + 1
        {
            return Err(StoreError::Stale { what: WHAT, expected, found: updated.version - 1 });
        }
        self.note_events(&mut transaction, environment_id, events(&updated)).await?;
        transaction.note_change(ChangeKind::EnvironmentIntegration, id).await?;
        transaction.commit().await?;
        Ok(updated)
    }

    /// Deletes an installed integration with all its accounts and their tokens. `events` says what to tell, by the ids of those accounts.
    pub async fn delete_environment_integration(
        &self,
        environment_id: &str,
        id: &str,
        events: impl FnOnce(&[String]) -> Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database().begin().await?;
        let accounts =
            Query::new("DELETE FROM integrated_account WHERE environment_integration_id = $1 RETURNING id");
        let accounts = transaction.fetch_all(accounts.bind(id)).await?;
        let query = Query::new("DELETE FROM environment_integration WHERE environment_id = $1 AND id = $2");
        if transaction.execute(query.bind(environment_id).bind(id)).await? == 0 {
            return Err(StoreError::NotFound { what: WHAT });
        }
        let accounts = accounts.iter().map(|row| row.get("id")).collect::<Result<Vec<String>, _>>()?;
        self.note_events(&mut transaction, environment_id, events(&accounts)).await?;
        for account in &accounts {
            transaction.note_change(ChangeKind::IntegratedAccount, account).await?;
        }
        transaction.note_change(ChangeKind::EnvironmentIntegration, id).await?;
        transaction.commit().await
    }

    /// Opens the secret values of an installed integration's override; empty when it has none.
    pub async fn open_environment_integration_secrets(
        &self,
        row: &EnvironmentIntegration,
    ) -> Result<Secrets, StoreError> {
        match &row.secrets {
            Some(sealed) => self.vault().open(Place::environment_integration(&row.id), sealed).await,
            None => Ok(Secrets::default()),
        }
    }
}

async fn read_back(transaction: &mut Transaction, id: &str) -> Result<EnvironmentIntegration, StoreError> {
    let mut query = Query::new(COLUMNS);
    query.push(" WHERE id = ").push_bind(id);
    let row = transaction.fetch_optional(query).await?;
    EnvironmentIntegration::read(&row.ok_or(StoreError::NotFound { what: WHAT })?)
}
