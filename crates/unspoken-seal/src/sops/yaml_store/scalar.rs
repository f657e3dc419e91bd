//! What a plain scalar means to the sops program, whose rules are those of
//! YAML 1.2 with some of 1.1: `yes` is a text, `014` is a number.

use std::borrow::Cow;

use super::number::{self, Number};
use super::problem::YamlProblem;
use super::time;
use crate::node::Node;

/// Reads a scalar that stands without quotes.
pub(super) fn resolve(text: Cow<'_, str>) -> Result<Node<'_>, YamlProblem> {
    Ok(match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => Node::Null,
        "true" | "True" | "TRUE" => Node::Bool(true),
        "false" | "False" | "FALSE" => Node::Bool(false),
        other => {
            if let Some(time) = time::parse(other) {
                return Ok(Node::Time(time.into()));
            }
            match number::parse(other) {
                Some(Number::Whole(number)) => Node::Number(number.to_string().into()),
                // This spelling always reads back as a fraction.
                Some(Number::Real(number)) => Node::Number(format!("{number:?}").into()),
                Some(Number::TooLarge) => return Err(YamlProblem::Number),
                None => Node::Text(text),
            }
        }
    })
}

/// Whether a text would be taken for something else without quotes, by sops or
/// by readers of YAML 1.1.
pub(super) fn needs_quotes(text: &str) -> bool {
    const OLD_BOOLEANS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];
    OLD_BOOLEANS.iter().any(|word| text.eq_ignore_ascii_case(word))
        || text == "<<"
        || number::looks_like_one(text)
        || !matches!(resolve(Cow::Borrowed(text)), Ok(Node::Text(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_typed_as_sops_types_them() {
        #[track_caller]
        fn case(text: &str, expected: &Node<'_>) {
            assert_eq!(resolve(Cow::Borrowed(text)).unwrap(), *expected, "{text:?}");
        }
        let number = |text: &'static str| Node::Number(text.into());
        let time = |text: &'static str| Node::Time(text.into());

        for text in ["", "~", "null", "NULL"] {
            case(text, &Node::Null);
        }
        case("True", &Node::Bool(true));
        case("FALSE", &Node::Bool(false));
        for text in ["yes", "on", "y", "tRue", "nULL", "a", "1.2.3", "0x", "08x", "-", "+", "."] {
            case(text, &Node::text(text));
        }
        for (text, value) in [
            ("42", "42"),
            ("+42", "42"),
            ("-0", "0"),
            ("1_000", "1000"),
            ("0x1F", "31"),
            ("-0x1f", "-31"),
            ("0o14", "12"),
            ("014", "12"),
            ("0b101", "5"),
            ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("1.50", "1.5"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("-.5e3", "-500.0"),
            ("1e21", "1e21"),
            ("08", "8.0"),
            (".inf", "inf"),
            ("-.Inf", "-inf"),
            (".NaN", "NaN"),
            ("18446744073709551616", "1.8446744073709552e19"),
        ] {
            case(text, &number(value));
        }
        for (text, value) in [
            ("2020-01-02", "2020-01-02T00:00:00Z"),
            ("2020-1-2", "2020-01-02T00:00:00Z"),
            ("2020-01-02 03:04:05", "2020-01-02T03:04:05Z"),
            ("2020-01-02T03:04:05.120+02:00", "2020-01-02T03:04:05.12+02:00"),
            ("2020-01-02t3:4:5-00:00", "2020-01-02T03:04:05Z"),
        ] {
            case(text, &time(value));
        }
        for text in ["2020-13-02", "2020-02-30", "2020-01-02T25:00:00Z", "2020-01", "20-01-02"] {
            case(text, &Node::text(text));
        }
        for text in ["9223372036854775808", "18446744073709551615"] {
            assert_eq!(resolve(Cow::Borrowed(text)), Err(YamlProblem::Number));
        }
    }
}
