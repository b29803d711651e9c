//! Unified models and field maps, compiled into plans that read a record straight from its text.
