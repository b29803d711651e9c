//! AES-256-GCM with random nonces, as text.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::VaultError;

/// Bytes of a key.
pub(super) const KEY_LENGTH: usize = 32;

/// A key's bytes, wiped when dropped.
pub(super) type KeyBytes = Zeroizing<[u8; KEY_LENGTH]>;

/// A key ready for use. The cipher library wipes its own copy.
pub(super) struct Cipher(RandomizedNonceKey);

/// New random key bytes.
pub(super) fn random_key() -> Result<KeyBytes, VaultError> {
    let mut bytes = KeyBytes::default();
    rand::fill(bytes.as_mut()).map_err(|_| VaultError::NoRandomness)?;
    Ok(bytes)
}

impl Cipher {
    pub fn new(key: &KeyBytes) -> Result<Self, VaultError> {
        RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).map(Self).map_err(|_| VaultError::NoRandomness)
    }

    /// Base64url of nonce, ciphertext and tag. `text` becomes the ciphertext, so that it leaves no copy in the open.
    pub fn seal(&self, associated_data: &str, mut text: Zeroizing<Vec<u8>>) -> Result<String, VaultError> {
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(associated_data), &mut *text)
            .map_err(|_| VaultError::NoRandomness)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref(), text.as_slice()].concat()))
    }

    /// The text that was sealed with the same associated data; [`VaultError::Tampered`] otherwise.
    pub fn open(&self, associated_data: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(sealed).map_err(|_| VaultError::Tampered)?);
        let (nonce, rest) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(VaultError::Tampered)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Tampered)?;
        let length = self
            .0
            .open_in_place(nonce, Aad::from(associated_data), rest)
            .map_err(|_| VaultError::Tampered)?
            .len();
        bytes.drain(..NONCE_LEN);
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Cipher(…)")
    }
}
