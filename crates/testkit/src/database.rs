//! Throw-away databases: `store`'s own, so that its tests need not build what stands above it.

pub use store::{
    over_both_databases,
    testing::{POSTGRES_URL, TestDatabase},
};
