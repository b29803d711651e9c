//! Exact decimals: money never passes through a float, in either direction.

use std::fmt;
use std::str::FromStr;

/// A decimal number: `digits` × 10^-`scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    digits: i128,
    scale: u32,
}

/// The text is no decimal, or one beyond 38 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number")]
pub struct NotDecimal;

/// More decimal places than any price has; keeps arithmetic far from overflow.
const MAX_SCALE: u32 = 18;

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { digits: 0, scale: 0 };

    /// The exact sum; `None` beyond 38 digits.
    pub fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let digits = self.at_scale(scale)?.checked_add(other.at_scale(scale)?)?;
        Some(Self { digits, scale })
    }

    /// The exact product; `None` beyond 38 digits.
    pub fn times(self, other: Self) -> Option<Self> {
        Some(Self { digits: self.digits.checked_mul(other.digits)?, scale: self.scale + other.scale })
    }

    /// Divides by 10^`places`: cents become dollars with `places` of 2.
    #[must_use]
    pub fn shifted(self, places: u32) -> Self {
        Self { digits: self.digits, scale: self.scale + places }
    }

    /// As a whole number of units of 10^-`places`: dollars become cents with `places` of 2. `None` when something is left over.
    pub fn minor_units(self, places: u32) -> Option<i64> {
        let minor =
            Self { digits: self.digits.checked_mul(10_i128.checked_pow(places)?)?, scale: self.scale };
        minor.is_whole().then(|| minor.to_text(0).parse().ok())?
    }

    /// With at least `places` decimal places and no zero beyond them: `12.30`, `12.3333`.
    pub fn to_text(self, places: u32) -> String {
        let mut value = self;
        while value.scale > places && value.digits % 10 == 0 {
            value = Self { digits: value.digits / 10, scale: value.scale - 1 };
        }
        if let Some(digits) = value.at_scale(value.scale.max(places)) {
            value = Self { digits, scale: value.scale.max(places) };
        }
        let sign = if value.digits < 0 { "-" } else { "" };
        let digits = value.digits.unsigned_abs().to_string();
        let scale = value.scale as usize;
        if scale == 0 {
            return format!("{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        format!("{sign}{whole}.{fraction}")
    }

    /// Whether there is nothing behind the point.
    pub fn is_whole(self) -> bool {
        self.scale == 0 || 10_i128.checked_pow(self.scale).is_some_and(|unit| self.digits % unit == 0)
    }

    fn at_scale(self, scale: u32) -> Option<i128> {
        self.digits.checked_mul(10_i128.checked_pow(scale.checked_sub(self.scale)?)?)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.to_text(0))
    }
}

impl FromStr for Decimal {
    type Err = NotDecimal;

    /// Reads JSON's number grammar, exponents included.
    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| NotDecimal)?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() || (unsigned.contains('.') && fraction.is_empty()) {
            return Err(NotDecimal);
        }
        let mut digits: i128 = 0;
        for letter in whole.bytes().chain(fraction.bytes()) {
            let digit = letter.is_ascii_digit().then(|| i128::from(letter - b'0')).ok_or(NotDecimal)?;
            digits = digits.checked_mul(10).and_then(|digits| digits.checked_add(digit)).ok_or(NotDecimal)?;
        }
        let scale =
            i32::try_from(fraction.len()).map_err(|_| NotDecimal)?.checked_sub(exponent).ok_or(NotDecimal)?;
        let digits = if negative { -digits } else { digits };
        if scale < 0 {
            let factor = 10_i128.checked_pow(scale.unsigned_abs()).ok_or(NotDecimal)?;
            return Ok(Self { digits: digits.checked_mul(factor).ok_or(NotDecimal)?, scale: 0 });
        }
        let scale = scale.unsigned_abs();
        if scale > MAX_SCALE && digits != 0 {
            return Err(NotDecimal);
        }
        Ok(Self { digits, scale: scale.min(MAX_SCALE) })
    }
}

/// The minor digits of a currency (ISO 4217); 2 for one that is not known.
pub fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor: &str, places: u32) -> String {
        minor.parse::<Decimal>().unwrap().shifted(places).to_text(places)
    }

    #[test]
    fn cents_become_exact_text() {
        assert_eq!(money("8510", 2), "85.10");
        assert_eq!(money("-5", 2), "-0.05");
        assert_eq!(money("0", 2), "0.00");
        assert_eq!(money("1233.33", 2), "12.3333");
        assert_eq!(money("8510", 0), "8510");
        assert_eq!(money("85101", 3), "85.101");
        assert_eq!(money("1e3", 2), "10.00");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".5", "1.", "1e", "0x1", "1 ", "١", "1e400", "1.2.3"] {
            assert_eq!(text.parse::<Decimal>(), Err(NotDecimal), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_cents_come_back(cents in any::<i64>()) {
            let text = money(&cents.to_string(), 2);
            let back = text.parse::<Decimal>().unwrap();
            prop_assert_eq!(back.to_text(2), text.clone());
            prop_assert_eq!(text.replace('.', "").parse::<i64>().unwrap_or(cents), cents);
        }

        #[test]
        fn sums_and_products_are_those_of_whole_numbers(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000) {
            let (left, right) = (money(&a.to_string(), 2), money(&b.to_string(), 2));
            let sum = left.parse::<Decimal>().unwrap().plus(right.parse().unwrap()).unwrap();
            prop_assert_eq!(sum.to_text(2), money(&(a + b).to_string(), 2));
            let product = a.to_string().parse::<Decimal>().unwrap().times(b.to_string().parse().unwrap()).unwrap();
            prop_assert_eq!(product.to_text(0), (a * b).to_string());
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9.eE]{0,50}") {
            if let Ok(number) = text.parse::<Decimal>() {
                let _ = number.shifted(2).to_text(2);
            }
        }
    }
}
