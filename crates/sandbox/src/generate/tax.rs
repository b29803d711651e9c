//! Taxes and the arithmetic of money: integer cents, half up, for each line and tax (facts 8.1).

/// What a line is taxed as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TaxType {
    #[default]
    Wine,
    GeneralMerchandise,
    Food,
    NotTaxable,
}

impl TaxType {
    /// Commerce7's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wine => "Wine",
            Self::GeneralMerchandise => "General Merchandise",
            Self::Food => "Food",
            Self::NotTaxable => "Not Taxable",
        }
    }
}

/// One tax: rates in thousandths of a percent; of a flat one, cents a bottle.
#[derive(Debug, PartialEq)]
pub(crate) struct Tax {
    pub title: &'static str,
    pub country: &'static str,
    pub state: Option<&'static str>,
    pub freight: i64,
    pub food: i64,
    pub general: i64,
    pub wine: i64,
    pub bottles: Bottles,
    /// Takes the place of the country's tax instead of being added to it.
    pub is_instead_of: bool,
}

/// What a flat tax counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bottles {
    /// It is no flat tax.
    None,
    /// Those under 24 ounces (710 ml).
    Small,
    /// Those of 24 ounces and more.
    Large,
}

const fn sales(state: &'static str, freight: i64, general: i64, wine: i64) -> Tax {
    Tax {
        title: "Sales Tax",
        country: "US",
        state: Some(state),
        freight,
        food: 0,
        general,
        wine,
        bottles: Bottles::None,
        is_instead_of: false,
    }
}

const fn provincial(state: &'static str, title: &'static str, freight: i64, general: i64, wine: i64) -> Tax {
    Tax {
        title,
        country: "CA",
        state: Some(state),
        freight,
        food: 0,
        general,
        wine,
        bottles: Bottles::None,
        is_instead_of: false,
    }
}

const fn harmonised(state: &'static str, rate: i64) -> Tax {
    Tax {
        title: "HST",
        country: "CA",
        state: Some(state),
        freight: rate,
        food: 0,
        general: rate,
        wine: rate,
        bottles: Bottles::None,
        is_instead_of: true,
    }
}

/// California's bottle fee on wine.
const fn redemption(title: &'static str, cents: i64, bottles: Bottles) -> Tax {
    Tax {
        title,
        country: "US",
        state: Some("CA"),
        freight: 0,
        food: 0,
        general: 0,
        wine: cents,
        bottles,
        is_instead_of: false,
    }
}

/// The first moment of California's fee on wine bottles: 2024-01-01T08:00Z, midnight there.
const REDEMPTION_FROM: i64 = 1_704_096_000_000;

/// The taxes of all destinations.
pub(crate) const TAXES: &[Tax] = &[
    sales("CA", 0, 7_750, 7_750),
    redemption("CRV", 10, Bottles::Large),
    redemption("CRV (under 24 oz)", 5, Bottles::Small),
    sales("WA", 8_900, 8_900, 8_900),
    sales("TX", 8_250, 8_250, 8_250),
    sales("CO", 0, 4_810, 4_810),
    sales("AZ", 0, 8_600, 8_600),
    sales("NY", 8_875, 8_875, 8_875),
    sales("FL", 7_000, 7_000, 7_000),
    sales("VA", 0, 6_000, 6_000),
    sales("MN", 6_875, 6_875, 9_375),
    sales("TN", 9_750, 9_750, 9_750),
    Tax {
        title: "GST",
        country: "CA",
        state: None,
        freight: 5_000,
        food: 5_000,
        general: 5_000,
        wine: 5_000,
        bottles: Bottles::None,
        is_instead_of: false,
    },
    provincial("BC", "PST", 7_000, 7_000, 10_000),
    provincial("MB", "PST", 7_000, 7_000, 7_000),
    harmonised("ON", 13_000),
    harmonised("NB", 15_000),
];

/// The taxes of a destination at a moment.
pub(crate) fn taxes_of(country: &str, state: &str, at: i64) -> Vec<&'static Tax> {
    let here = TAXES.iter().filter(|tax| {
        tax.country == country
            && tax.state.is_none_or(|of| of == state)
            && (tax.bottles == Bottles::None || at >= REDEMPTION_FROM)
    });
    let here: Vec<_> = here.collect();
    if here.iter().any(|tax| tax.is_instead_of) {
        here.into_iter().filter(|tax| tax.is_instead_of).collect()
    } else {
        here
    }
}

impl Tax {
    /// Whether it is cents a bottle.
    pub fn is_flat(&self) -> bool {
        self.bottles != Bottles::None
    }

    /// Cents on a line: `amount` cents of `quantity` bottles of `volume` millilitres.
    pub fn on_line(&self, tax_type: TaxType, amount: i64, quantity: i64, volume: Option<i64>) -> i64 {
        let volume = volume.unwrap_or_default();
        let counts = match self.bottles {
            Bottles::None => {
                let rate = match tax_type {
                    TaxType::Wine => self.wine,
                    TaxType::GeneralMerchandise => self.general,
                    TaxType::Food => self.food,
                    TaxType::NotTaxable => 0,
                };
                return share(amount, rate, 100_000);
            }
            Bottles::Small => (1..710).contains(&volume),
            Bottles::Large => volume >= 710,
        };
        if counts && tax_type == TaxType::Wine { self.wine * quantity } else { 0 }
    }

    /// Cents on freight.
    pub fn on_freight(&self, amount: i64) -> i64 {
        if self.is_flat() { 0 } else { share(amount, self.freight, 100_000) }
    }
}

/// `amount` × `part` / `whole`, half up in size: a refund is the exact negative of its sale.
pub(crate) fn share(amount: i64, part: i64, whole: i64) -> i64 {
    let size = (amount.abs() * part * 2 + whole) / (whole * 2);
    size * amount.signum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_order_adds_up() {
        // Two bottles at 4675 in British Columbia: 233.75 → 234 and 467.5 → 468 a line of one.
        let taxes = taxes_of("CA", "BC", 0);
        let on_one: Vec<i64> =
            taxes.iter().map(|tax| tax.on_line(TaxType::Wine, 4_675, 1, Some(750))).collect();
        assert_eq!(on_one, [234, 468]);
    }

    #[test]
    fn a_refund_is_the_negative_of_its_sale() {
        for amount in 0..2_000 {
            assert_eq!(share(-amount, 7_750, 100_000), -share(amount, 7_750, 100_000));
        }
    }

    #[test]
    fn harmonised_tax_stands_alone_and_the_bottle_fee_has_a_first_day() {
        assert_eq!(taxes_of("CA", "ON", 0).iter().map(|tax| tax.title).collect::<Vec<_>>(), ["HST"]);
        assert_eq!(taxes_of("CA", "AB", 0).iter().map(|tax| tax.title).collect::<Vec<_>>(), ["GST"]);
        assert_eq!(taxes_of("US", "CA", REDEMPTION_FROM - 1).len(), 1);
        assert_eq!(taxes_of("US", "CA", REDEMPTION_FROM).len(), 3);
        assert!(taxes_of("US", "OR", 0).is_empty());
    }
}
