//! One value: quoted or not, where it ends, and what others would make of it.

use zeroize::Zeroizing;

use super::{LineProblem, WarningKind};

/// A value as npm reads it.
pub(super) struct Reading {
    pub(super) value: Zeroizing<Vec<u8>>,
    pub(super) kinds: Vec<WarningKind>,
    /// Whether it stands in single quotes.
    pub(super) literal: bool,
}

/// Line ends to a regular expression in JavaScript, but not to an editor.
pub(super) const SEPARATORS: [char; 2] = ['\u{2028}', '\u{2029}'];

/// What JavaScript ends a line at, once carriage returns are gone.
const LINE_ENDS: [char; 3] = ['\n', SEPARATORS[0], SEPARATORS[1]];

/// The text up to the end of the line.
pub(super) fn line_of(text: &str) -> &str {
    text.split('\n').next().unwrap_or(text)
}

/// White space to JavaScript, except for the line end.
pub(super) fn is_blank(c: char) -> bool {
    // JavaScript counts the byte order mark, and not U+0085 as Unicode does.
    c == '\u{feff}' || (c.is_whitespace() && c != '\n' && c != '\u{85}')
}

/// Reads the value that starts here, and says how many bytes its lines take up.
pub(super) fn read(text: &str) -> (Result<Reading, LineProblem>, usize) {
    let line = line_of(text);
    let start = line.len() - line.trim_start_matches(is_blank).len();
    let quote = line.chars().find(|&c| !is_blank(c)).filter(|c| ['\'', '"', '`'].contains(c));
    let Some(quote) = quote else {
        return (unquoted(line, None), line.len());
    };
    let open = start + quote.len_utf8();
    match text.get(open..).and_then(|inner| Some((inner, closing(inner, quote)?))) {
        Some((inner, close)) => {
            let (value, after) = inner.split_at_checked(close).unwrap_or((inner, ""));
            let after = line_of(after);
            (quoted(quote, value, after), open + close + after.len())
        }
        None => (unquoted(line, Some(quote)), line.len()),
    }
}

/// Where the quote that closes is, if one does.
///
/// npm's expression first takes every quote behind a backslash for a part of
/// the value, up to the first one that is not. When text follows there, it
/// goes back, and the last quote that ends its line closes after all.
fn closing(inner: &str, quote: char) -> Option<usize> {
    let mut escaped = Vec::new();
    let mut before = None;
    for (at, c) in inner.char_indices() {
        if c == quote && before == Some('\\') {
            escaped.push(at);
        } else if c == quote {
            escaped.push(at);
            break;
        }
        before = Some(c);
    }
    // No more is looked at than the blanks up to the next character: a long
    // line has room for many quotes.
    let closes = |&at: &usize| {
        let mut after = inner.get(at + quote.len_utf8()..).unwrap_or("").chars();
        let next = after.find(|c| LINE_ENDS.contains(c) || !is_blank(*c));
        next.is_none_or(|c| c == '#' || LINE_ENDS.contains(&c))
    };
    escaped.into_iter().rev().find(closes)
}

fn quoted(quote: char, value: &str, after: &str) -> Result<Reading, LineProblem> {
    if after.contains(SEPARATORS) {
        return Err(LineProblem::LineSeparator);
    }
    let mut kinds = disagreements(Some(quote), value);
    if after.contains('#') {
        kinds.push(WarningKind::CommentDropped);
    }
    let value = if quote == '"' { expand(value) } else { plain(value) };
    Ok(Reading { value, kinds, literal: quote == '\'' })
}

/// A value up to the end of the line or the first `#`. With `quote` it starts
/// like a quoted value that is not closed at the end of a line.
fn unquoted(line: &str, quote: Option<char>) -> Result<Reading, LineProblem> {
    if line.contains(SEPARATORS) {
        return Err(LineProblem::LineSeparator);
    }
    let hash = line.find('#');
    let raw = hash.and_then(|at| line.get(..at)).unwrap_or(line);
    let trimmed = raw.trim_matches(is_blank);
    let mut value = trimmed;
    let mut kinds = Vec::new();
    if let Some(quote) = quote {
        let inner = trimmed.strip_prefix(quote).unwrap_or(trimmed);
        if !inner.contains(quote) {
            return Err(LineProblem::UnclosedQuote { quote });
        }
        value = inner.strip_suffix(quote).unwrap_or(trimmed);
        kinds.push(WarningKind::TextAfterQuote);
    }
    kinds.extend(disagreements(quote, value));
    if hash.is_some() {
        let apart = raw.ends_with(is_blank);
        kinds.push(if apart { WarningKind::CommentDropped } else { WarningKind::HashCut });
    }
    let value = if quote == Some('"') { expand(value) } else { plain(value) };
    Ok(Reading { value, kinds, literal: quote == Some('\'') })
}

/// What other readers would see differently in the text of a value.
fn disagreements(quote: Option<char>, value: &str) -> Vec<WarningKind> {
    let backslash = match quote {
        Some('"') => has_pair(value, b'\\', |c| b"\\\"'`$abftv".contains(&c)),
        Some('\'') => has_pair(value, b'\\', |c| b"\\'".contains(&c)),
        _ => value.contains('\\'),
    };
    // In single quotes only python-dotenv inserts, and only `${…}`.
    let bare = quote != Some('\'');
    let variable = |c: u8| c == b'{' || (bare && (c == b'_' || c.is_ascii_alphabetic()));
    [
        (quote == Some('`'), WarningKind::Backticks),
        (has_pair(value, b'$', variable), WarningKind::Interpolation),
        (backslash, WarningKind::Backslash),
        (value.is_empty(), WarningKind::Empty),
    ]
    .into_iter()
    .filter_map(|(applies, kind)| applies.then_some(kind))
    .collect()
}

fn has_pair(value: &str, first: u8, second: impl Fn(u8) -> bool) -> bool {
    value.as_bytes().windows(2).any(|pair| pair[0] == first && second(pair[1]))
}

fn plain(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

/// Puts line ends in for `\n` and `\r`. The result is never longer than the
/// text, so the buffer does not move and leaves no copy behind.
fn expand(text: &str) -> Zeroizing<Vec<u8>> {
    let mut value = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let end = match (byte, bytes.peek()) {
            (b'\\', Some(b'n')) => b'\n',
            (b'\\', Some(b'r')) => b'\r',
            _ => {
                value.push(byte);
                continue;
            }
        };
        bytes.next();
        value.push(end);
    }
    value
}
