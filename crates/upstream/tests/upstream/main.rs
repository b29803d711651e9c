//! The way out, over real sockets.
