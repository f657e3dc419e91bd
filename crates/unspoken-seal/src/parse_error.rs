//! What is wrong with a document's text.

use thiserror::Error;

use crate::block::BlockError;
use crate::json::JsonProblem;
use crate::limit;
use crate::sops::yaml_store::YamlProblem;

/// Why bytes are no document, and in which line.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("line {line}: {problem}")]
pub struct ParseError {
    pub line: usize,
    pub problem: ParseProblem,
}

/// One thing that can be wrong in a document's text.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ParseProblem {
    #[error("it is not UTF-8 text")]
    NotText,
    #[error("it is larger than {max} bytes", max = limit::BYTES)]
    TooLarge,
    #[error("it holds more than {max} values", max = limit::VALUES)]
    TooMany,
    #[error("git has left the marks of a merge conflict in it")]
    Conflict,
    #[error("not JSON: {0}")]
    Json(JsonProblem),
    #[error("not YAML that is read here: {0}")]
    Yaml(YamlProblem),
    #[error("a document is a JSON object")]
    NotMap,
    #[error("there is no sops metadata: this file is not encrypted")]
    NoMetadata,
    #[error("there is more than one `sops` block")]
    TwoMetadata,
    #[error("expected `NAME=value` or a comment")]
    NoEquals,
    #[error("a metadata key that cannot be taken apart")]
    FlatKey,
    #[error("a metadata key that stands there twice")]
    Repeated,
    #[error("a list in the metadata has a gap")]
    IndexGap,
    #[error("the lines end in CR LF: something changed the line ends of this file")]
    CarriageReturn,
    #[error("the `unspoken` block: {0}")]
    Block(BlockError),
}
