//! What a person reads on standard output: plain tables.

use comfy_table::{Table, presets};

/// A table without frames, as `kubectl` or `psql -A` users expect; empty tables print their header alone.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}
