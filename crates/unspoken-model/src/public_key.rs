//! Public keys as texts: when two of them are one key.

/// Whether two public keys are the same. Of an ssh key the comment, which its
/// owner may change, is no part.
pub fn is_same_key(one: &str, other: &str) -> bool {
    let key = |text: &str| text.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    one == other || one.starts_with("ssh-") && key(one) == key(other)
}

#[test]
fn a_comment_makes_no_other_key() {
    assert!(is_same_key("ssh-ed25519 AAAA ada@home office", "ssh-ed25519 AAAA"));
    assert!(!is_same_key("ssh-ed25519 AAAA ada", "ssh-ed25519 AAAB ada"));
    assert!(!is_same_key("age1x", "age1y"));
}
