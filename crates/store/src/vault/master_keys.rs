//! Master keys: read from text or from a file that only its owner may read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::cipher::{KEY_LENGTH, KeyBytes, random_key};
use crate::{VaultError, token::hex};

/// Where the master key is.
#[derive(Debug, Clone)]
pub enum MasterKeySource {
    /// Given by the operator, from `DECANT_MASTER_KEY`.
    Given(MasterKeys),
    /// In a file, made on first start.
    File(PathBuf),
}

/// Master keys: the first one seals, all of them open.
#[derive(Clone)]
pub struct MasterKeys {
    keys: Vec<MasterKey>,
    origin: String,
}

/// One master key. Its id is given with it, or made from it.
#[derive(Clone)]
pub(super) struct MasterKey {
    pub id: String,
    pub bytes: KeyBytes,
}

impl MasterKeys {
    /// Reads `base64` or `id:base64`, several separated by commas, each 32 bytes; the first one is current.
    pub fn parse(text: &SecretString) -> Result<Self, VaultError> {
        Self::read(text.expose_secret(), "DECANT_MASTER_KEY".to_owned())
    }

    /// Also takes one key a line, and lines of comment (`#`).
    fn read(text: &str, origin: String) -> Result<Self, VaultError> {
        let mut keys: Vec<MasterKey> = Vec::new();
        let texts = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|text| !text.is_empty());
        for (index, text) in texts.enumerate() {
            let bad = |reason| VaultError::BadMasterKey { number: index + 1, origin: origin.clone(), reason };
            let key = MasterKey::read(text).map_err(bad)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(bad("has the same id as one before it"));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(missing(&origin));
        }
        Ok(Self { keys, origin })
    }

    /// The key that seals.
    pub(super) fn current(&self) -> Result<&MasterKey, VaultError> {
        self.keys.first().ok_or_else(|| missing(&self.origin))
    }

    /// The key of an id; [`VaultError::UnknownMasterKey`] when it is not among them.
    pub(super) fn get(&self, id: &str) -> Result<&MasterKey, VaultError> {
        self.keys.iter().find(|key| key.id == id).ok_or_else(|| VaultError::UnknownMasterKey {
            needed: id.to_owned(),
            origin: self.origin.clone(),
            known: self.keys.iter().map(|key| format!("{:?}", key.id)).collect::<Vec<_>>().join(", "),
        })
    }

    /// Where the keys are from, for messages.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }
}

impl MasterKey {
    fn read(text: &str) -> Result<Self, &'static str> {
        let (id, key) = match text.split_once(':') {
            Some((id, key)) => (Some(id), key),
            None => (None, text),
        };
        if id.is_some_and(|id| !is_id(id)) {
            return Err("has an id that is not 1 to 64 letters, digits, '-' or '_'");
        }
        let decoded = Zeroizing::new(STANDARD.decode(key).map_err(|_| "is not base64")?);
        if decoded.len() != KEY_LENGTH {
            return Err("is not 32 bytes long");
        }
        let mut bytes = KeyBytes::default();
        bytes.copy_from_slice(&decoded);
        Ok(Self { id: id.map_or_else(|| fingerprint(&bytes), str::to_owned), bytes })
    }

    fn generate() -> Result<Self, VaultError> {
        let bytes = random_key()?;
        Ok(Self { id: fingerprint(&bytes), bytes })
    }

    /// The key's line in a file.
    fn line(&self) -> Zeroizing<String> {
        let text = Zeroizing::new(STANDARD.encode(self.bytes.as_ref()));
        Zeroizing::new(format!("{}:{}\n", self.id, text.as_str()))
    }
}

fn missing(origin: &str) -> VaultError {
    VaultError::BadMasterKey { number: 1, origin: origin.to_owned(), reason: "is missing" }
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// An id for a key that was given without one: it is the same wherever the key is, and tells nothing of it.
fn fingerprint(bytes: &KeyBytes) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"decant master key id");
    context.update(bytes.as_ref());
    let mut id = hex(context.finish().as_ref());
    id.truncate(12);
    id
}

impl MasterKeySource {
    /// The keys there are; `None` when the file is missing.
    pub(super) fn read(&self) -> Result<Option<MasterKeys>, VaultError> {
        let path = match self {
            Self::Given(keys) => return Ok(Some(keys.clone())),
            Self::File(path) => path,
        };
        let failed = |source| VaultError::KeyFile { path: path.clone(), action: "read", source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(VaultError::KeyFileExposed { path: path.clone(), mode });
        }
        let text = Zeroizing::new(io::read_to_string(file).map_err(failed)?);
        MasterKeys::read(&text, format!("the key file {}", path.display())).map(Some)
    }

    /// Makes the file with a new key. When another process makes it at the same time, that one's is taken.
    pub(super) fn create(path: &Path) -> Result<(), VaultError> {
        let failed = |source| VaultError::KeyFile { path: path.to_owned(), action: "made", source };
        let folder = folder_of(path);
        fs::create_dir_all(folder).map_err(failed)?;
        let text = [
            "# Decant's master key: it opens the credentials in the database. Without it they are lost: keep a copy elsewhere.\n",
            &MasterKey::generate()?.line(),
        ];
        let draft = write_draft(path, &text).map_err(failed)?;
        // Unlike a rename, a link never replaces a file.
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft).map_err(failed)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
            _ => sync_folder(folder).map_err(failed),
        }
    }

    /// Puts a new key first in the file, whole or not at all; the keys before stay, for backups of the database.
    pub(super) fn add_new_key(path: &Path) -> Result<(), VaultError> {
        let failed = |source| VaultError::KeyFile { path: path.to_owned(), action: "written", source };
        // Two databases may share a file: one rotation at a time, so that no key gets lost.
        let lock = File::open(folder_of(path)).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let before = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        let owner = fs::metadata(path).map_err(failed)?;
        let draft = write_draft(path, &[&MasterKey::generate()?.line(), &before]).map_err(failed)?;
        // Root may rotate for a service that runs as someone else and has to read the file again.
        chown(&draft, Some(owner.uid()), Some(owner.gid())).map_err(failed)?;
        fs::rename(&draft, path).map_err(failed)?;
        sync_folder(folder_of(path)).map_err(failed)
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file beside `path` that only its owner may read, down to the disk.
fn write_draft(path: &Path, texts: &[&str]) -> io::Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", uuid::Uuid::new_v4().simple()));
    let draft = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    for text in texts {
        file.write_all(text.as_bytes())?;
    }
    file.sync_all()?;
    Ok(draft)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    fn parse(text: &str) -> Result<MasterKeys, VaultError> {
        MasterKeys::parse(&SecretString::from(text))
    }

    #[test]
    fn the_first_key_is_current_and_ids_are_given_or_made_of_the_key() {
        let keys = parse(&format!("{ONE}, old:{TWO}")).unwrap();
        let made = keys.current().unwrap().id.clone();
        assert_eq!(made.len(), 12);
        assert_eq!(keys.get("old").unwrap().bytes.as_ref(), &[2; 32]);
        assert_eq!(parse(ONE).unwrap().current().unwrap().id, made);
        assert_ne!(parse(TWO).unwrap().current().unwrap().id, made);
    }

    #[test]
    fn bad_keys_are_refused_without_being_shown() {
        for (text, reason) in [
            ("", "number 1 in DECANT_MASTER_KEY is missing"),
            (" , ", "number 1 in DECANT_MASTER_KEY is missing"),
            ("c2VjcmV0", "is not 32 bytes long"),
            ("not base64!", "is not base64"),
            (&format!("{ONE},two:"), "number 2 in DECANT_MASTER_KEY is not 32 bytes long"),
            (&format!(":{ONE}"), "has an id that"),
            (&format!("a b:{ONE}"), "has an id that"),
            (&format!("a:{ONE},a:{TWO}"), "has the same id"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(reason), "{text:?}: {message}");
            assert!(text.len() < 4 || !message.contains(text), "{message}");
        }
    }

    #[test]
    fn debug_shows_ids_only() {
        let keys = parse(&format!("mine:{ONE}")).unwrap();
        assert_eq!(format!("{:?}", MasterKeySource::Given(keys)), r#"Given(["mine"])"#);
    }
}
