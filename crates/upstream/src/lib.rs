//! The way out: sends a planned request under the outbound address policy and time limits.
