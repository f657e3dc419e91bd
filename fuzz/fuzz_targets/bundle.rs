//! What a process is handed: the list of descriptors, and the bundle that is on
//! them. What is read prints as what reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_wire::{Bundle, Descriptors};

fuzz_target!(|bytes: &[u8]| {
    if let Some(list) =
        std::str::from_utf8(bytes).ok().and_then(|text| Descriptors::parse(text).ok())
    {
        assert_eq!(Descriptors::parse(&list.to_string()), Ok(list));
    }
    let Ok(bundle) = Bundle::parse(bytes) else { return };
    let printed = bundle.print();
    let again = Bundle::parse(&printed).expect("what is printed is a bundle");
    assert_eq!(bundle.origin, again.origin);
    assert_eq!(bundle.secrets.len(), again.secrets.len());
    for (name, secret) in &bundle.secrets {
        assert!(again.get(name).is_some_and(|found| found.expose() == secret.expose()));
    }
    assert_eq!(bundle.token.is_some(), again.token.is_some());
    assert!(*printed == *again.print());
});
