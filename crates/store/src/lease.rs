//! Leases: what only one node does at a time. They end by themselves, so that a node that dies holds nobody up for long.

use jiff::SignedDuration;
use uuid::Uuid;

use crate::{Store, StoreError, database::Query};

/// A lease that is held. Nothing happens when it is dropped: give it back with [`Store::give_back_lease`], or it ends.
#[derive(Debug)]
pub struct Lease {
    name: String,
    holder: String,
}

impl Store {
    /// Takes a lease, unless someone holds it.
    pub async fn take_lease(&self, name: &str, lasts: SignedDuration) -> Result<Option<Lease>, StoreError> {
        let now = self.now();
        let lease = Lease { name: name.to_owned(), holder: Uuid::new_v4().to_string() };
        let query = Query::new(
            "INSERT INTO lease (name, holder, expires_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
             SET holder = excluded.holder, expires_at = excluded.expires_at WHERE lease.expires_at <= $4",
        );
        let query =
            query.bind(&lease.name).bind(&lease.holder).bind(now.saturating_add(lasts).unwrap_or(now));
        let taken = self.database().execute(query.bind(now)).await?;
        Ok((taken > 0).then_some(lease))
    }

    /// Lets others have it. Nothing happens to a lease that ended and that another holds by now.
    pub async fn give_back_lease(&self, lease: Lease) -> Result<(), StoreError> {
        let query = Query::new("DELETE FROM lease WHERE name = $1 AND holder = $2");
        self.database().execute(query.bind(&lease.name).bind(&lease.holder)).await.map(drop)
    }
}
