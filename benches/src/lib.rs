//! Benchmarks of Windlass.
