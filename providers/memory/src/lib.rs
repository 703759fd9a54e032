//! An in-memory transport provider.
