//! By which password a platform tells of accounts that installed the product's app: one for each installed integration.

use crate::{EnvironmentIntegration, Store, StoreError, TokenHash, database::Query};

impl Store {
    /// Keeps the digest of a new password, in place of the one before. [`StoreError::NotFound`] when the environment has no such
    /// installed integration.
    pub async fn set_install_credential(
        &self,
        environment_id: &str,
        environment_integration_id: &str,
        hash: &TokenHash,
    ) -> Result<(), StoreError> {
        let query = Query::new(
            "INSERT INTO install_credential (environment_integration_id, hash, created_at) \
             SELECT e.id, $3, $4 FROM environment_integration e WHERE e.environment_id = $1 AND e.id = $2 \
             ON CONFLICT (environment_integration_id) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at",
        );
        let query = query.bind(environment_id).bind(environment_integration_id);
        match self.database().execute(query.bind(hash.as_str()).bind(self.now())).await? {
            0 => Err(StoreError::NotFound { what: "environment integration" }),
            _ => Ok(()),
        }
    }

    /// The installed integration of an id, in whichever environment, if its password has this digest.
    pub async fn find_by_install_credential(
        &self,
        environment_integration_id: &str,
        hash: &TokenHash,
    ) -> Result<Option<EnvironmentIntegration>, StoreError> {
        let query = Query::new(
            "SELECT e.environment_id FROM install_credential c \
             JOIN environment_integration e ON e.id = c.environment_integration_id \
             WHERE c.environment_integration_id = $1 AND c.hash = $2",
        );
        let query = query.bind(environment_integration_id).bind(hash.as_str());
        match self.database().fetch_optional(query).await? {
            Some(row) => {
                let environment_id: String = row.get("environment_id")?;
                self.get_environment_integration(&environment_id, environment_integration_id).await.map(Some)
            }
            None => Ok(None),
        }
    }
}
