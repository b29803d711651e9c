//! Tokens: 256 random bits, or 122 in the form of a UUID, of which only the digest is kept.

use aws_lc_rs::{digest, rand};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::vault::VaultError;

/// A new token's text. It is shown to its owner once; the store keeps [`Token::hash`].
#[derive(Debug, Clone)]
pub struct Token(SecretString);

impl Token {
    /// Makes a token `<prefix>_<43 characters>`. The prefix tells people and scanners what it is (`decant_api`, …).
    pub fn generate(prefix: &str) -> Result<Self, VaultError> {
        let mut bits = Zeroizing::new([0_u8; 32]);
        rand::fill(bits.as_mut()).map_err(|_| VaultError::NoRandomness)?;
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(bits.as_ref()));
        Ok(Self(SecretString::from(format!("{prefix}_{}", text.as_str()))))
    }

    /// Makes a token that has the form of a UUID, version 4: 122 random bits.
    pub fn uuid() -> Result<Self, VaultError> {
        let mut bits = Zeroizing::new([0_u8; 16]);
        rand::fill(bits.as_mut()).map_err(|_| VaultError::NoRandomness)?;
        Ok(Self(SecretString::from(uuid::Builder::from_random_bytes(*bits).into_uuid().to_string())))
    }

    /// The text, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The digest to keep and to look up by.
    pub fn hash(&self) -> TokenHash {
        hash(self.expose())
    }
}

/// SHA-256 of a token's text in lower-case hex. Looking a token up by it gives nothing away by timing, and the token
/// can't be found from it: it has 122 random bits at least.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash(String);

impl TokenHash {
    /// The digest's 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The digest of a presented token.
pub fn hash(token: &str) -> TokenHash {
    TokenHash(hex(digest::digest(&digest::SHA256, token.as_bytes()).as_ref()))
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    text
}
