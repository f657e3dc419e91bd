//! Models and those who serve them.

use std::ops::Range;

use super::Set::{Alnum, Hex, Word};
use super::check::{mixed, shape};
use super::{Any, Kind, Part, Rule, Run, Text, begins, seen};
use crate::floor;
use crate::sighting::Sighting;

const HUGGING_FACE: Kind = Kind::new(
    "hugging-face-token",
    "a Hugging Face token",
    "Delete it at https://huggingface.co/settings/tokens.",
);
const OPENAI: Kind =
    Kind::new("openai-key", "an OpenAI key", "Revoke it at https://platform.openai.com/api-keys.");
const ANTHROPIC: Kind = Kind::new(
    "anthropic-key",
    "an Anthropic key",
    "Delete it at https://console.anthropic.com/settings/keys.",
);
const REPLICATE: Kind = Kind::new(
    "replicate-token",
    "a Replicate token",
    "Disable it at https://replicate.com/account/api-tokens.",
);
const GROQ: Kind =
    Kind::new("groq-key", "a Groq key", "Delete it at https://console.groq.com/keys.");
const XAI: Kind = Kind::new("xai-key", "an xAI key", "Delete it at https://console.x.ai.");
const PERPLEXITY: Kind = Kind::new(
    "perplexity-key",
    "a Perplexity key",
    "Delete it at https://www.perplexity.ai/settings/api.",
);
const OPENROUTER: Kind = Kind::new(
    "openrouter-key",
    "an OpenRouter key",
    "Delete it at https://openrouter.ai/settings/keys.",
);
const NVIDIA: Kind = Kind::new(
    "nvidia-key",
    "an NVIDIA API key",
    "Delete it at https://build.nvidia.com/settings/api-keys.",
);
const LANGSMITH: Kind = Kind::new(
    "langsmith-key",
    "a LangSmith key",
    "Delete it under API keys in the settings of LangSmith.",
);

/// For programs, for administrators, and for those who have signed in.
const ANTHROPIC_PARTS: &[Part] =
    &[Any(&["api03-", "admin01-", "oat01-", "ort01-"]), Run(Word, 95, 95)];

pub(super) const RULES: &[Rule] = &[
    Rule::form(&[HUGGING_FACE], &["hf_"], &[Run(Alnum, 34, 34)], two_cases),
    Rule::form(&[HUGGING_FACE], &["api_org_"], &[Run(Alnum, 34, 34)], two_cases),
    Rule::look(&[OPENAI], &["T3BlbkFJ"], openai),
    Rule::form(&[ANTHROPIC], &["sk-ant-"], ANTHROPIC_PARTS, ends_in_aa),
    Rule::form(&[REPLICATE], &["r8_"], &[Run(Alnum, 37, 37)], mixed),
    Rule::form(&[GROQ], &["gsk_"], &[Run(Alnum, 52, 52)], mixed),
    Rule::form(&[XAI], &["xai-"], &[Run(Alnum, 80, 80)], mixed),
    Rule::form(&[PERPLEXITY], &["pplx-"], &[Run(Alnum, 48, 48)], mixed),
    Rule::form(&[OPENROUTER], &["sk-or-v1-"], &[Run(Hex, 64, 64)], shape),
    Rule::form(&[NVIDIA], &["nvapi-"], &[Run(Word, 64, 64)], mixed),
    Rule::form(
        &[LANGSMITH],
        &["lsv2_"],
        &[Any(&["pt_", "sk_"]), Run(Hex, 32, 32), Text("_"), Run(Hex, 10, 10)],
        shape,
    ),
];

fn two_cases(token: &[u8]) -> Option<crate::Verified> {
    let body = token.get(3..)?;
    let both = body.iter().any(u8::is_ascii_uppercase) && body.iter().any(u8::is_ascii_lowercase);
    both.then(|| shape(token))?
}

fn ends_in_aa(token: &[u8]) -> Option<crate::Verified> {
    token.ends_with(b"AA").then(|| shape(token))?
}

/// `sk-`, characters, the vendor's mark, as many again.
fn openai(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let head = Word.run_back(text.get(..anchor.start)?, 200);
    let word = text.get(anchor.start - head..anchor.start)?;
    let at = word.windows(3).rposition(|part| part == b"sk-")?;
    let start = anchor.start - head + at;
    let rest = Word.run(text.get(anchor.end..)?, 200);
    let end = anchor.end + rest;
    let front = anchor.start - start - 3;
    // Old keys have 20 on both sides, project keys 58 or 74.
    if !begins(text, start) || front < 20 || !(20..=160).contains(&rest) {
        return None;
    }
    let is_random = floor::is_random(text.get(anchor.end..end)?);
    let sure = mixed(text.get(start..end)?).filter(|_| is_random)?;
    seen(OPENAI, start..end, sure)
}
