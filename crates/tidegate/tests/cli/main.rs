//! The command as people run it: one process for each test, on free ports.

mod commands;
mod drain;
mod gateway;
mod reload;
mod start;
