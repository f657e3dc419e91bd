//! The vault from outside: the real program, over real databases.

mod operations;
