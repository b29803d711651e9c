//! What a person runs: test, audit, bench.
fn main() {}
