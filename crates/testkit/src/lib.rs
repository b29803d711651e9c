//! For tests: throw-away databases, the running gateway and sandbox with typed calls.

pub mod database;
