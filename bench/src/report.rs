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
    pub what: &'static str,
    pub wanted: String,
    pub seen: String,
    pub met: bool,
}

impl Target {
    /// `seen` is to be `wanted` or more.
    pub fn at_least(what: &'static str, wanted: f64, seen: f64) -> Self {
        Self { what, wanted: format!("at least {wanted}"), seen: format!("{seen:.2}"), met: seen >= wanted }
    }

    /// `seen` is to be below `wanted`.
    pub fn below(what: &'static str, wanted: f64, seen: f64, unit: &str) -> Self {
        Self {
            what,
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
            vec![target.what.to_owned(), target.wanted.clone(), target.seen.clone(), met.to_owned()]
        })
        .collect();
    section("Targets", &["", "wanted", "seen", ""], rows);
}

/// The middle one of some figures.
pub fn median(figures: &mut [f64]) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
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
