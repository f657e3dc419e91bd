//! The bundle as text, for where no descriptor can be passed.

use unspoken_seal::SecretSet;
use unspoken_wire::{Bundle, Origin};
use zeroize::Zeroizing;

/// Prints a whole set as one bundle, and wipes it.
pub fn print_bundle(origin: Origin, set: SecretSet) -> Zeroizing<Vec<u8>> {
    let secrets = set.into_iter().map(|(name, secret)| (name.to_string(), secret)).collect();
    Bundle { origin, token: None, secrets }.print()
}
