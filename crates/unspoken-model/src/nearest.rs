//! Suggestions: which known word somebody meant.

/// The candidate that is nearest to `word`, when one is near enough to help.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = 1 + word.chars().count() / 4;
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|&(distance, candidate)| {
            distance <= allowed || (word.len() > 1 && candidate.starts_with(word))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

#[test]
fn a_slip_of_the_finger_is_understood_and_a_stranger_is_not() {
    let names = ["DATABASE_URL", "STRIPE_KEY"];
    assert_eq!(nearest("DATBASE_URL", names), Some("DATABASE_URL"));
    assert_eq!(nearest("DATABASE", names), Some("DATABASE_URL"));
    assert_eq!(nearest("STRIPEKEY", names), Some("STRIPE_KEY"));
    assert_eq!(nearest("SENTRY_DSN", names), None);
    assert_eq!(nearest("prod", ["development", "production"]), Some("production"));
}
