//! Answers about usage as files: CSV, JSON, and the columns of FOCUS for cost tools. Pure functions.

mod cells;
pub mod csv;
pub mod focus;
pub mod json;
