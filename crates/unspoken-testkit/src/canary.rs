//! Canary values: secrets of the tests, which must not be found on any disk
//! when the suite is over.

/// The marker, spelt backwards: neither the source nor a test's binary holds
/// what is searched for.
const BACKWARDS: &str = "59c7a1d0e83b-yranac-nekopsnu";

/// A secret value for a test. The tag tells where a stray one comes from.
pub fn canary(tag: &str) -> String {
    format!("{}-{tag}", canary_marker())
}

/// What all canary values have in common.
pub fn canary_marker() -> String {
    std::hint::black_box(BACKWARDS).chars().rev().collect()
}

#[test]
fn this_binary_does_not_hold_the_marker() {
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let holds = |text: &str| own.windows(text.len()).any(|window| window == text.as_bytes());

    assert!(canary("a").starts_with(&canary_marker()));
    assert!(canary("a") != canary("b"));
    assert!(holds(BACKWARDS), "the search does not work");
    assert!(!holds(&canary_marker()));
}
