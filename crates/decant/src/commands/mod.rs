//! The commands, one module each.

pub mod demo;
pub mod doctor;
pub mod environment;
pub mod key;
pub mod map;
pub mod openapi;
pub mod sandbox;
pub mod serve;
pub mod token;
