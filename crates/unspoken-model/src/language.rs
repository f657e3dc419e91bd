//! The languages that types are generated for.

use std::fmt;

/// A language that types are generated for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Language {
    TypeScript,
    Go,
    Python,
    Rust,
}

impl Language {
    pub const ALL: [Self; 4] = [Self::TypeScript, Self::Go, Self::Python, Self::Rust];

    /// What it is called on the command line and in the project file.
    pub fn key(self) -> &'static str {
        match self {
            Self::TypeScript => "typescript",
            Self::Go => "go",
            Self::Python => "python",
            Self::Rust => "rust",
        }
    }

    /// What the names of its files end in.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Self::TypeScript => &[".ts", ".mts", ".cts"],
            Self::Go => &[".go"],
            Self::Python => &[".py", ".pyi"],
            Self::Rust => &[".rs"],
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::TypeScript => "TypeScript",
            Self::Go => "Go",
            Self::Python => "Python",
            Self::Rust => "Rust",
        })
    }
}
