//! The program as a person and a client meet it: real processes, real sockets, real databases.

mod layers;
