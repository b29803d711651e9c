//! Map overrides: what an environment changes in how the records of an integration become unified ones.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    ChangeKind, Listed, Page, Store, StoreError,
    database::{Query, Row, Transaction, json_text},
};

const WHAT: &str = "environment unified model resource method";
const COLUMNS: &str = "SELECT id, environment_id, integration, model, resource, method, config, version, created_at, updated_at \
                       FROM map_override";

/// What an environment changes in the map of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct MapOverride {
    /// Id.
    pub id: String,
    /// The environment.
    pub environment_id: String,
    /// What is overridden.
    pub target: MapTarget,
    /// The lines.
    pub config: Map<String, Value>,
    /// Raised by each change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The map that an override is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapTarget {
    /// The name of the integration's definition.
    pub integration: String,
    /// The unified model.
    pub model: String,
    /// Its resource.
    pub resource: String,
    /// The only method that it is for; `None`: all of them.
    pub method: Option<String>,
}

/// Which overrides are meant; `None` stands for any.
#[derive(Debug, Clone, Default)]
pub struct MapOverrideFilter {
    /// The name of the integration's definition.
    pub integration: Option<String>,
    /// The unified model.
    pub model: Option<String>,
    /// Its resource.
    pub resource: Option<String>,
    /// The method; the empty text stands for all methods.
    pub method: Option<String>,
}

impl MapOverride {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            environment_id: row.get("environment_id")?,
            target: MapTarget {
                integration: row.get("integration")?,
                model: row.get("model")?,
                resource: row.get("resource")?,
                method: Some(row.get::<String>("method")?).filter(|method| !method.is_empty()),
            },
            config: row.json("config")?,
            version: row.get("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

impl Store {
    /// Keeps a new override. [`StoreError::Conflict`] when there is one for the same map and method.
    pub async fn create_map_override(
        &self,
        environment_id: &str,
        target: &MapTarget,
        config: &Map<String, Value>,
    ) -> Result<MapOverride, StoreError> {
        let now = self.now();
        let id = self.new_id(now);
        let mut transaction = self.database().begin().await?;
        let query = Query::new(
            "INSERT INTO map_override (id, environment_id, integration, model, resource, method, config, version, created_at, \
             updated_at) SELECT $1, environment.id, $3, $4, $5, $6, $7, 1, $8, $8 FROM environment WHERE environment.id = $2",
        )
        .bind(&id)
        .bind(environment_id)
        .bind(&target.integration)
        .bind(&target.model)
        .bind(&target.resource)
        .bind(target.method.as_deref().unwrap_or_default())
        .bind(json_text(config))
        .bind(now);
        if transaction.execute(query).await? == 0 {
            return Err(StoreError::NotFound { what: "environment" });
        }
        let made = read_back(&mut transaction, &id).await?;
        transaction.note_change(ChangeKind::MapOverride, environment_id).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// An environment's overrides, oldest first.
    pub async fn list_map_overrides(
        &self,
        environment_id: &str,
        filter: &MapOverrideFilter,
        page: &Page,
    ) -> Result<Listed<MapOverride>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE environment_id = ").push_bind(environment_id);
        for (column, wanted) in [
            (" AND integration = ", &filter.integration),
            (" AND model = ", &filter.model),
            (" AND resource = ", &filter.resource),
            (" AND method = ", &filter.method),
        ] {
            if let Some(wanted) = wanted {
                query.push(column).push_bind(wanted);
            }
        }
        page.push_to(&mut query, " AND id > ", " ORDER BY id");
        let rows = self.database().fetch_all(query).await?;
        let items = rows.iter().map(MapOverride::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Listed::cut(items, page.limit, |item| item.id.clone()))
    }

    /// All overrides of an integration's maps in an environment: those for all methods first.
    pub async fn map_overrides_of(
        &self,
        environment_id: &str,
        integration: &str,
    ) -> Result<Vec<MapOverride>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE environment_id = ").push_bind(environment_id);
        query.push(" AND integration = ").push_bind(integration);
        query.push(" ORDER BY model, resource, method");
        self.database().fetch_all(query).await?.iter().map(MapOverride::read).collect()
    }

    /// The override of an id.
    pub async fn get_map_override(&self, environment_id: &str, id: &str) -> Result<MapOverride, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE environment_id = ").push_bind(environment_id).push(" AND id = ").push_bind(id);
        let row = self.database().fetch_optional(query).await?;
        MapOverride::read(&row.ok_or(StoreError::NotFound { what: WHAT })?)
    }

    /// Gives an override other lines. [`StoreError::Stale`] when it has another version by now.
    pub async fn update_map_override(
        &self,
        environment_id: &str,
        id: &str,
        version: i64,
        config: &Map<String, Value>,
    ) -> Result<MapOverride, StoreError> {
        let mut transaction = self.database().begin().await?;
        let query = Query::new(
            "UPDATE map_override SET config = $3, version = version + 1, updated_at = $4 WHERE environment_id = $1 AND id = $2",
        )
        .bind(environment_id)
        .bind(id)
        .bind(json_text(config))
        .bind(self.now());
        if transaction.execute(query).await? == 0 {
            return Err(StoreError::NotFound { what: WHAT });
        }
        let updated = read_back(&mut transaction, id).await?;
        if updated.version != version + 1 {
            return Err(StoreError::Stale { what: WHAT, expected: version, found: updated.version - 1 });
        }
        transaction.note_change(ChangeKind::MapOverride, environment_id).await?;
        transaction.commit().await?;
        Ok(updated)
    }

    /// Deletes an override.
    pub async fn delete_map_override(&self, environment_id: &str, id: &str) -> Result<(), StoreError> {
        let mut transaction = self.database().begin().await?;
        let query = Query::new("DELETE FROM map_override WHERE environment_id = $1 AND id = $2");
        if transaction.execute(query.bind(environment_id).bind(id)).await? == 0 {
            return Err(StoreError::NotFound { what: WHAT });
        }
        transaction.note_change(ChangeKind::MapOverride, environment_id).await?;
        transaction.commit().await
    }
}

async fn read_back(transaction: &mut Transaction, id: &str) -> Result<MapOverride, StoreError> {
    let mut query = Query::new(COLUMNS);
    query.push(" WHERE id = ").push_bind(id);
    let row = transaction.fetch_optional(query).await?;
    MapOverride::read(&row.ok_or(StoreError::NotFound { what: WHAT })?)
}
