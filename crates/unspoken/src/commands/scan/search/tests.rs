use unspoken_model::{EnvironmentName, SecretName};
use unspoken_seal::{Secret, SecretSet};

use super::*;

pub(crate) const TOKEN: &str = "correct-horse-battery-9";

/// Blocks that a test can go through in no time.
const SMALL: usize = 4096;

pub(crate) fn search() -> Search {
    let mut set = SecretSet::new(EnvironmentName::parse("production").unwrap());
    let secret = Secret::new(TOKEN.as_bytes().to_vec()).unwrap();
    assert!(set.insert(SecretName::parse("A").unwrap(), secret));
    Search::new(Some(Known::new(&[set])), None)
}

fn places(search: &Search, text: &[u8]) -> Vec<(usize, usize)> {
    let spots = search.look(text, &mut Room::of(SMALL)).unwrap();
    spots.iter().map(|spot| (spot.position.line, spot.position.column)).collect()
}

#[test]
fn a_value_is_found_once_wherever_blocks_end() {
    let search = search();
    let step = TOKEN.len() - 1;
    let (ahead, kept) = (SMALL / AHEAD, SMALL / BEFORE);
    for edge in [SMALL, SMALL - ahead, SMALL - ahead - kept, 2 * SMALL - ahead] {
        for before in (edge - 40..edge + 20).step_by(step) {
            // A wide character where a block may be cut.
            let mut text = "é\n".repeat(before / 3).into_bytes();
            text.resize(before, b'.');
            let dots = before - before / 3 * 3;
            text.extend_from_slice(TOKEN.as_bytes());
            text.extend(vec![b'-'; SMALL]);
            assert_eq!(places(&search, &text), [(1 + before / 3, 1 + dots)], "{before}");
        }
    }
}

#[test]
fn columns_go_on_over_blocks_of_one_line() {
    let search = search();
    let mut text = "é".repeat(SMALL).into_bytes();
    text.extend_from_slice(TOKEN.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(TOKEN.as_bytes());
    assert_eq!(places(&search, &text), [(1, SMALL + 1), (2, 1)]);
}

#[test]
fn nothing_of_a_text_is_left_in_debug() {
    let mut room = Room::new();
    search().look(TOKEN.as_bytes(), &mut room).unwrap();
    assert!(!format!("{room:?} {:?}", search()).contains("correct"));
}
