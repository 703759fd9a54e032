//! The layer `fault`: makes networks bad in ways that can be asked for and repeated.
//!
//! [`faults`] are what can go wrong, [`rules`] say where and when, [`link`] decides of each transfer; [`random`] repeats a run, and what is
//! late waits in [`delays`].

pub mod delays;
pub mod faults;
pub mod link;
pub mod random;
pub mod rules;
