//! Environments: separate sets of accounts and tokens.

use jiff::Timestamp;

use serde_json::{Map, Value};

use crate::{
    Listed, Page, Store, StoreError,
    database::{Query, Row, json_text},
};

const WHAT: &str = "environment";
const COLUMNS: &str = "SELECT id, name, link, created_at, updated_at FROM environment";

/// A separate set of accounts, installed integrations and tokens (production, staging, …).
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Id.
    pub id: String,
    /// Name, unique.
    pub name: String,
    /// Where its accounts may be connected from, and how that looks.
    pub link: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Environment {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            link: row.json("link")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

impl Store {
    /// Makes an environment. [`StoreError::Conflict`] (`environment_name`) when the name is taken.
    pub async fn create_environment(&self, name: &str) -> Result<Environment, StoreError> {
        let now = self.now();
        let environment = Environment {
            id: self.new_id(now),
            name: name.to_owned(),
            link: Map::new(),
            created_at: now,
            updated_at: now,
        };
        let mut transaction = self.database().begin().await?;
        transaction
            .execute(
                Query::new(
                    "INSERT INTO environment (id, name, created_at, updated_at) VALUES ($1, $2, $3, $3)",
                )
                .bind(&environment.id)
                .bind(&environment.name)
                .bind(now),
            )
            .await?;
        transaction.commit().await?;
        Ok(environment)
    }

    /// All environments, oldest first.
    pub async fn list_environments(&self, page: &Page) -> Result<Listed<Environment>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE 1 = 1");
        page.push_to(&mut query, " AND id > ", " ORDER BY id");
        let rows = self.database().fetch_all(query).await?;
        let items = rows.iter().map(Environment::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Listed::cut(items, page.limit, |environment| environment.id.clone()))
    }

    /// The environment of an id.
    pub async fn get_environment(&self, id: &str) -> Result<Environment, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE id = ").push_bind(id);
        let row = self.database().fetch_optional(query).await?;
        Environment::read(&row.ok_or(StoreError::NotFound { what: WHAT })?)
    }

    /// The environment of a name, if there is one.
    pub async fn find_environment(&self, name: &str) -> Result<Option<Environment>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE name = ").push_bind(name);
        self.database().fetch_optional(query).await?.as_ref().map(Environment::read).transpose()
    }

    /// Changes where an environment's accounts may be connected from, and how that looks.
    pub async fn update_environment(
        &self,
        id: &str,
        link: &Map<String, Value>,
    ) -> Result<Environment, StoreError> {
        let query = Query::new(
            "UPDATE environment SET link = $2, updated_at = $3 WHERE id = $1 RETURNING id, name, link, created_at, updated_at",
        );
        let query = query.bind(id).bind(json_text(link)).bind(self.now());
        let row = self.database().change_optional(query).await?;
        Environment::read(&row.ok_or(StoreError::NotFound { what: WHAT })?)
    }
}
