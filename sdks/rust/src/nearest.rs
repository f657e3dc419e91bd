//! Which name was probably meant.

/// Names above this length are not compared: the work is the product of both lengths.
const LONGEST: usize = 128;

/// Finds the name that is fewest edits away, if it is few enough to be a slip.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (wanted.len() / 3).max(1);
    if wanted.len() > LONGEST {
        return None;
    }
    names
        .filter(|name| name.len() <= LONGEST)
        .map(|name| (distance(wanted, name), name))
        .filter(|&(edits, _)| edits <= most)
        .min()
        .map(|(_, name)| name)
}

/// How many bytes must be put in, left out or changed, letter case apart.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, old) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, new) in to.bytes().enumerate() {
            let changed = diagonal + usize::from(!old.eq_ignore_ascii_case(&new));
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_name_is_not() {
        #[track_caller]
        fn case(wanted: &str, expected: Option<&str>) {
            let names = ["DATABASE_URL", "STRIPE_KEY", "A"].into_iter();
            assert_eq!(nearest(wanted, names), expected, "{wanted}");
        }

        case("DATBASE_URL", Some("DATABASE_URL"));
        case("database_url", Some("DATABASE_URL"));
        case("STRIPE_KEYS", Some("STRIPE_KEY"));
        case("NO_SUCH_SECRET", None);
        case("B", Some("A"));
        case("", Some("A"));
        case(&"A".repeat(LONGEST + 1), None);
    }
}
