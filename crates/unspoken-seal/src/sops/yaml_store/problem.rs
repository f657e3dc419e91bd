//! What is wrong in a YAML text.

use thiserror::Error;

use super::read::{DEPTH, NODES};

/// One thing that can be wrong in a YAML text, or that is not read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum YamlProblem {
    #[error("the text does not follow the rules of YAML")]
    Syntax,
    #[error("U+0085, U+2028 or U+2029, which is a line end to some readers and not to others")]
    LineEnd,
    #[error("a second document begins, and a file of secrets is one document")]
    SecondDocument,
    #[error("a document is a map of names and values")]
    NotMap,
    #[error("a key is not a text; put it in quotes")]
    KeyNotText,
    #[error("a key stands twice in one map")]
    Repeated,
    #[error("anchors (`&`) and aliases (`*`) are not read")]
    Alias,
    #[error("a merge key (`<<`) is not read")]
    Merge,
    #[error("tags (`!`) are not read")]
    Tag,
    #[error("a whole number that does not fit into 64 bits")]
    Number,
    #[error("nested deeper than {DEPTH} levels")]
    TooDeep,
    #[error("more than {NODES} values and comments")]
    TooMany,
}
