//! The use cases: unified, proxy and custom calls; connecting an account; logs.
