//! The vault: seals credentials before they are written, opens them where a request is built.
//!
//! Envelope encryption: a *data key* seals values; data keys stand in the database wrapped by the *master key*, which never
//! does. A value is AES-256-GCM under a random nonce, with the row it belongs to as associated data, so that it opens
//! nowhere else. It is kept as `v1.<data key id>.<base64url>`.
//!
//! The newest data key seals, all of them open. A rotation wraps every data key by another master key and adds a new data key;
//! other processes learn of it through [`crate::change`], or when they meet a value sealed by a data key they don't
//! know. Master keys from a file are read when they are needed and not kept in memory.
//!
//! A master key that does not fit is refused when the database is opened: unwrapping fails, or the id that stands with
//! each data key is not among those given. Nothing is written in that case.

mod cipher;
mod error;
mod master_keys;
mod sealed;
mod secrets;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use uuid::Uuid;
use zeroize::Zeroizing;

pub(crate) use self::sealed::Place;
use self::{
    cipher::{Cipher, KeyBytes, random_key},
    master_keys::MasterKey,
};
pub use self::{
    error::VaultError,
    master_keys::{MasterKeySource, MasterKeys},
    sealed::Sealed,
    secrets::Secrets,
};
use crate::{
    ChangeKind, Clock, Store, StoreError,
    database::{Database, Query, Row, Transaction},
};

const VERSION: &str = "v1";

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Id of the master key that now wraps all data keys.
    pub master_key_id: String,
    /// How many data keys were wrapped anew.
    pub rewrapped: usize,
    /// Id of the new data key.
    pub data_key_id: String,
}

/// Seals and opens. See the module.
#[derive(Debug)]
pub(crate) struct Vault {
    database: Database,
    source: MasterKeySource,
    clock: Arc<dyn Clock>,
    ring: RwLock<Arc<Ring>>,
}

/// The data keys of this process.
#[derive(Debug, Clone, Default)]
struct Ring {
    ciphers: HashMap<String, Arc<Cipher>>,
    /// Id of the newest, which seals.
    current: String,
}

/// A data key as it stands in the database.
struct Wrapped {
    id: String,
    master_key_id: String,
    wrapped: String,
}

impl Vault {
    /// Checks the master key against the database, and starts both when there is nothing yet.
    pub async fn unlock(
        database: Database,
        source: MasterKeySource,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let vault = Self { database, source, clock, ring: RwLock::default() };
        let mut transaction = vault.lock().await?;
        let mut wrapped = Wrapped::all(&mut transaction).await?;
        let masters = vault.master_keys(wrapped.last())?;
        if wrapped.is_empty() {
            wrapped.push(vault.add_data_key(&mut transaction, &masters).await?);
        }
        let ring = Ring::default().with(&wrapped, &masters)?;
        transaction.commit().await?;
        vault.keep(ring);
        Ok(vault)
    }

    /// Seals secrets for a place.
    pub fn seal(&self, place: Place<'_>, secrets: &Secrets) -> Result<Sealed, VaultError> {
        self.ring().seal(place, secrets)
    }

    /// Opens what was sealed for a place. Reads the data keys again when it meets one it does not know.
    pub async fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<Secrets, StoreError> {
        match self.ring().open(place, sealed) {
            Err(VaultError::UnknownDataKey { .. }) => {
                Box::pin(self.load()).await?;
                Ok(self.ring().open(place, sealed)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Reads the data keys again after a rotation elsewhere. When that fails this process goes on with the keys it has,
    /// which is safe, and says so.
    pub async fn refresh(&self) {
        if let Err(error) = self.load().await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "keys were rotated, but the new ones can't be read"
            );
        }
    }

    async fn load(&self) -> Result<(), StoreError> {
        let rows = self.database.fetch_all(Query::new(Wrapped::SELECT)).await?;
        let wrapped = rows.iter().map(Wrapped::read).collect::<Result<Vec<_>, _>>()?;
        let masters = self.master_keys(wrapped.last())?;
        let known = Ring::clone(&self.ring());
        self.keep(known.with(&wrapped, &masters)?);
        Ok(())
    }

    /// Wraps all data keys by the current master key (with a key file: a new one, made here) and adds a data key.
    async fn rotate(&self) -> Result<Rotation, StoreError> {
        let mut transaction = self.lock().await?;
        let wrapped = Wrapped::all(&mut transaction).await?;
        let before = self.master_keys(wrapped.last())?;
        // Opens every key before anything is written.
        let bytes = wrapped.iter().map(|key| key.unwrap(&before)).collect::<Result<Vec<_>, _>>()?;
        if let MasterKeySource::File(path) = &self.source {
            MasterKeySource::add_new_key(path)?;
        }
        let masters = self.master_keys(wrapped.last())?;
        let current = masters.current()?;
        for (key, bytes) in wrapped.iter().zip(&bytes) {
            let wrapped = Wrapped::wrap(&key.id, bytes, current)?;
            let query = Query::new("UPDATE data_key SET master_key_id = $2, wrapped = $3 WHERE id = $1");
            transaction
                .execute(query.bind(&wrapped.id).bind(&wrapped.master_key_id).bind(&wrapped.wrapped))
                .await?;
        }
        let added = self.add_data_key(&mut transaction, &masters).await?;
        let ring = Ring::default().with(&Wrapped::all(&mut transaction).await?, &masters)?;
        transaction.commit().await?;
        self.keep(ring);
        Ok(Rotation { master_key_id: current.id.clone(), rewrapped: wrapped.len(), data_key_id: added.id })
    }

    /// A transaction that no other start or rotation runs beside.
    async fn lock(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.database.begin().await?;
        transaction.execute(Query::new("UPDATE change_head SET sequence = sequence")).await?;
        Ok(transaction)
    }

    /// The master keys. A missing file is made only while the database has nothing sealed.
    fn master_keys(&self, newest: Option<&Wrapped>) -> Result<MasterKeys, VaultError> {
        if let Some(keys) = self.source.read()? {
            return Ok(keys);
        }
        match (&self.source, newest) {
            (MasterKeySource::File(path), Some(newest)) => {
                Err(VaultError::KeyFileMissing { path: path.clone(), needed: newest.master_key_id.clone() })
            }
            (MasterKeySource::File(path), None) => {
                MasterKeySource::create(path)?;
                self.source.read()?.ok_or(VaultError::NoRandomness)
            }
            (MasterKeySource::Given(keys), _) => Ok(keys.clone()),
        }
    }

    async fn add_data_key(
        &self,
        transaction: &mut Transaction,
        masters: &MasterKeys,
    ) -> Result<Wrapped, StoreError> {
        let now = self.clock.now();
        let key = Wrapped::wrap(&Uuid::now_v7().to_string(), &random_key()?, masters.current()?)?;
        let query = Query::new(
            "INSERT INTO data_key (id, master_key_id, wrapped, created_at) VALUES ($1, $2, $3, $4)",
        );
        transaction
            .execute(query.bind(&key.id).bind(&key.master_key_id).bind(&key.wrapped).bind(now))
            .await?;
        transaction.note_change(ChangeKind::DataKey, &key.id).await?;
        Ok(key)
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}

impl Ring {
    /// Adds the keys it lacks.
    fn with(mut self, wrapped: &[Wrapped], masters: &MasterKeys) -> Result<Self, VaultError> {
        for key in wrapped {
            if !self.ciphers.contains_key(&key.id) {
                let cipher = Cipher::new(&key.unwrap(masters)?)?;
                self.ciphers.insert(key.id.clone(), Arc::new(cipher));
            }
            self.current.clone_from(&key.id);
        }
        Ok(self)
    }

    fn cipher(&self, id: &str) -> Result<&Cipher, VaultError> {
        let cipher = self.ciphers.get(id).ok_or_else(|| VaultError::UnknownDataKey { id: id.to_owned() })?;
        Ok(cipher)
    }

    fn seal(&self, place: Place<'_>, secrets: &Secrets) -> Result<Sealed, VaultError> {
        let id = &self.current;
        let text = self.cipher(id)?.seal(&place.associated_data(), secrets.to_text())?;
        Ok(Sealed::from_column(format!("{VERSION}.{id}.{text}")))
    }

    fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<Secrets, VaultError> {
        let (id, text) = sealed
            .as_str()
            .strip_prefix(VERSION)
            .and_then(|rest| rest.strip_prefix('.')?.split_once('.'))
            .ok_or(VaultError::Tampered)?;
        Secrets::from_text(&self.cipher(id)?.open(&place.associated_data(), text)?)
    }
}

impl Wrapped {
    /// Oldest first.
    const SELECT: &str = "SELECT id, master_key_id, wrapped FROM data_key ORDER BY created_at, id";

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            master_key_id: row.get("master_key_id")?,
            wrapped: row.get("wrapped")?,
        })
    }

    async fn all(transaction: &mut Transaction) -> Result<Vec<Self>, StoreError> {
        let rows = transaction.fetch_all(Query::new(Self::SELECT)).await?;
        rows.iter().map(Self::read).collect()
    }

    fn wrap(id: &str, bytes: &KeyBytes, master: &MasterKey) -> Result<Self, VaultError> {
        let text = Zeroizing::new(bytes.to_vec());
        let sealed = Cipher::new(&master.bytes)?.seal(&Place::data_key(id).associated_data(), text)?;
        Ok(Self {
            id: id.to_owned(),
            master_key_id: master.id.clone(),
            wrapped: format!("{VERSION}.{sealed}"),
        })
    }

    fn unwrap(&self, masters: &MasterKeys) -> Result<KeyBytes, VaultError> {
        let wrong = || VaultError::WrongMasterKey {
            id: self.master_key_id.clone(),
            origin: masters.origin().to_owned(),
        };
        let master = masters.get(&self.master_key_id)?;
        let sealed =
            self.wrapped.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix('.')).ok_or_else(wrong)?;
        let opened = Cipher::new(&master.bytes)?
            .open(&Place::data_key(&self.id).associated_data(), sealed)
            .map_err(|_| wrong())?;
        let mut bytes = KeyBytes::default();
        if opened.len() != bytes.len() {
            return Err(wrong());
        }
        bytes.copy_from_slice(&opened);
        Ok(bytes)
    }
}

impl Store {
    /// Rotates keys while other processes keep serving: all data keys are wrapped by another master key, and a new data
    /// key seals from now on.
    ///
    /// With a key file a new master key is made and put first in the file. With given keys the first of them is used: give the new key before the
    /// old one to every process first, and drop the old one afterwards.
    pub async fn rotate_keys(&self) -> Result<Rotation, StoreError> {
        self.vault().rotate().await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn ring() -> Ring {
        let cipher = Cipher::new(&random_key().unwrap()).unwrap();
        let current = Uuid::now_v7().to_string();
        Ring { ciphers: HashMap::from([(current.clone(), Arc::new(cipher))]), current }
    }

    fn secrets() -> impl Strategy<Value = Secrets> {
        proptest::collection::hash_map(".{0,8}", ".{0,40}", 0..4).prop_map(|values| {
            Secrets::from(
                values.into_iter().map(|(name, value)| (name, value.into())).collect::<Map<_, Value>>(),
            )
        })
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_in_its_place_and_in_no_other(secrets in secrets(), id in ".{0,20}", other in ".{0,20}") {
            let ring = ring();
            let place = Place::integrated_account(&id);
            let sealed = ring.seal(place, &secrets).unwrap();
            prop_assert_eq!(ring.open(place, &sealed).unwrap(), secrets);
            prop_assume!(id != other);
            prop_assert!(ring.open(Place::integrated_account(&other), &sealed).is_err());
            prop_assert!(ring.open(Place::environment_integration(&id), &sealed).is_err());
        }

        #[test]
        fn no_character_can_be_altered(secrets in secrets(), at in any::<prop::sample::Index>(), character in "[ -~]") {
            let ring = ring();
            let place = Place::integrated_account("id");
            let sealed = ring.seal(place, &secrets).unwrap();
            let at = at.index(sealed.as_str().len());
            let mut altered = sealed.as_str().to_owned();
            altered.replace_range(at..=at, &character);
            prop_assume!(altered != sealed.as_str());
            prop_assert!(ring.open(place, &Sealed::from_column(altered)).is_err());
        }

        #[test]
        fn nothing_else_opens_or_panics(text in ".{0,100}") {
            prop_assert!(ring().open(Place::integrated_account("id"), &Sealed::from_column(text)).is_err());
        }
    }

    #[test]
    fn the_same_secrets_never_look_the_same() {
        let (ring, place) = (ring(), Place::integrated_account("id"));
        let secrets = Secrets::from(Map::from_iter([("key".to_owned(), Value::from("value"))]));
        assert_ne!(ring.seal(place, &secrets).unwrap(), ring.seal(place, &secrets).unwrap());
    }
}
