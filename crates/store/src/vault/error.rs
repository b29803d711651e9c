//! Why something could not be sealed or opened, and what a person can do about it.

use std::path::PathBuf;

/// Why something could not be sealed or opened. No message holds a key or a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The master key that the database needs is not at hand.
    #[error(
        "this database's credentials are sealed under the master key {needed:?}, but {origin} holds only {known}. \
         Give the key they were sealed with; nothing was changed and nothing is lost"
    )]
    UnknownMasterKey {
        /// Id of the key that is needed.
        needed: String,
        /// Where keys were looked for.
        origin: String,
        /// The ids found there.
        known: String,
    },
    /// A master key has the right id but is another key.
    #[error(
        "the master key {id:?} in {origin} is not the one that sealed this database's credentials, although its id is \
         the same. Give the key they were sealed with; nothing was changed and nothing is lost"
    )]
    WrongMasterKey {
        /// Its id.
        id: String,
        /// Where it was found.
        origin: String,
    },
    /// The key file is missing although the database has sealed credentials.
    #[error(
        "the key file {path} is missing, but this database's credentials are sealed under the master key {needed:?}. \
         Put the file back or give the key in DECANT_MASTER_KEY; no new file was made, because a new key can't open them"
    )]
    KeyFileMissing {
        /// Where it was looked for.
        path: PathBuf,
        /// Id of the key that is needed.
        needed: String,
    },
    /// Others than its owner may read the key file.
    #[error("the key file {path} can be read by others (mode {mode:03o}); run: chmod 600 {path}")]
    KeyFileExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file can't be read or written.
    #[error("the key file {path} can't be {action}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What was tried, as a participle.
        action: &'static str,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A master key is not written as it has to be.
    #[error(
        "the master key number {number} in {origin} {reason}; a key is 32 random bytes in base64 (openssl rand -base64 32), \
         with an id before it if you like: id:base64; several are separated by commas, the first one seals"
    )]
    BadMasterKey {
        /// Its place, from 1.
        number: usize,
        /// Where it stands.
        origin: String,
        /// What is wrong, as a predicate.
        reason: &'static str,
    },
    /// The data key of a sealed value is not in the database.
    #[error(
        "a credential is sealed by the data key {id:?}, which this database does not have; was part of it restored?"
    )]
    UnknownDataKey {
        /// The key's id.
        id: String,
    },
    /// A sealed value was altered, or belongs to another row.
    #[error("a sealed credential does not open: it was altered or moved from another row")]
    Tampered,
    /// What was sealed is not a set of secrets.
    #[error("a sealed credential does not hold what this program writes")]
    NotSecrets,
    /// The system gives no random bytes, or the cipher can't be used.
    #[error("the system gives no random bytes")]
    NoRandomness,
}
