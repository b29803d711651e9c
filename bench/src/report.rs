//! Tables, and which targets are met.

use comfy_table::{CellAlignment, Table, presets};

/// Prints a section: a title, a table, numbers to the right.
pub fn section(title: &str, header: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("\n{title}\n\n{table}");
}

/// What is to be reached, and what was seen.
pub struct Target {
    pub what: String,
    pub wanted: String,
    pub seen: String,
    pub met: bool,
}

impl Target {
    /// `seen` is to be `wanted` or more.
    pub fn at_least(what: &str, wanted: f64, seen: f64) -> Self {
        let met = seen >= wanted;
        Self { what: what.to_owned(), wanted: format!("at least {wanted}"), seen: format!("{seen:.3}"), met }
    }

    /// `seen` is to be `wanted` or less.
    pub fn at_most(what: &str, wanted: f64, seen: f64) -> Self {
        let met = seen <= wanted;
        let seen = if seen.fract() == 0.0 { whole(seen) } else { format!("{seen:.3}") };
        Self { what: what.to_owned(), wanted: format!("at most {wanted}"), seen, met }
    }

    /// What was to be seen did not show.
    pub fn unseen(what: &str) -> Self {
        Self { what: what.to_owned(), wanted: "to be seen".to_owned(), seen: "-".to_owned(), met: false }
    }

    /// `seen` is to be below `wanted`.
    pub fn below(what: &str, wanted: f64, seen: f64, unit: &str) -> Self {
        Self {
            what: what.to_owned(),
            wanted: format!("below {wanted} {unit}"),
            seen: format!("{seen:.1} {unit}"),
            met: seen < wanted,
        }
    }
}

/// Prints the targets.
pub fn targets(targets: &[Target]) {
    let rows = targets
        .iter()
        .map(|target| {
            let met = if target.met { "met" } else { "not met" };
            vec![target.what.clone(), target.wanted.clone(), target.seen.clone(), met.to_owned()]
        })
        .collect();
    section("Targets", &["", "wanted", "seen", ""], rows);
}

/// The middle one of some figures.
pub fn median(figures: &mut [f64]) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// The figure that a share of them, 0 to 1, does not exceed; none of none.
pub fn quantile(figures: &mut [f64], share: f64) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get((figures.len().saturating_sub(1) as f64 * share) as usize).copied()
}

/// 12345.6 as 12,346.
pub fn whole(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
