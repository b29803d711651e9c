//! The program as a person and a client meet it: real processes, real sockets, real databases.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod browser;
mod budget;
mod commands;
mod definitions;
mod demo;
mod docs;
mod layers;
mod limits;
mod maps;
mod once;
mod program;
mod serve;
