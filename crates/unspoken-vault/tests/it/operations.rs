//! What whoever runs a vault does with it: the signed record, backups, checks and new keys.

mod audit;
mod backup;
mod rewrap;
mod vault;
