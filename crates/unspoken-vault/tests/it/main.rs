//! What a vault promises, shown on the real program and real databases.

mod raw;
mod story;
