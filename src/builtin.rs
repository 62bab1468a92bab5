//! Built-in.
