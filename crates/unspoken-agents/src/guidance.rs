//! What agents are told in words, from the one list of rules.

use crate::rule::{BARE, COMMANDS, DOUBTFUL, ENDINGS, NAMES, OPEN};

/// The guidance, as Markdown.
pub(crate) fn guidance() -> String {
    let mut text = String::from(
        "## Secrets\n\n\
         Secrets of this project are kept by Unspoken, encrypted. Work with their names, never with their \
         values: whatever you print or read goes into your transcript, and from there to others.\n\n\
         - Run what needs secrets with `unspoken run -- COMMAND`. In your hands its output has `[REDACTED:NAME]` in place of each value; on a terminal that is not known to be yours, use `unspoken run --redact always -- COMMAND`.\n\
         - `unspoken list` tells which names there are, `unspoken why NAME` where one comes from.\n\
         - A value is missing or wrong? Ask the person you work for to run `unspoken set NAME` in a terminal of their own. Never ask for the value in the conversation.\n\
         - In code, read the variable by its name, and write no value into a file, a test or an example.\n\n\
         Do not:\n\n",
    );
    let commands = COMMANDS.iter().map(|rule| format!("`{}`", rule.words.join(" ")));
    let commands: Vec<String> = commands.collect();
    text.push_str(&format!("- run {}", commands.join(", ")));
    let bare: Vec<String> = BARE.iter().map(|name| format!("`{name}`")).collect();
    text.push_str(&format!(
        "; nor {} alone, which print every variable, but behind `unspoken run --`\n",
        bare.join(", ")
    ));
    let names = NAMES.iter().map(|name| format!("`{name}`"));
    let endings = ENDINGS.iter().map(|end| format!("`*{end}`"));
    let names: Vec<String> = names.chain(["`.env.*`".to_owned()]).chain(endings).collect();
    let open: Vec<String> = OPEN.iter().map(|open| format!("`.env.{open}`")).collect();
    text.push_str(&format!(
        "- read, copy or send {} (but {} may be read), nor the folders of private keys, nor `/proc/*/environ`\n\
         - read `*{DOUBTFUL}` without asking: some are certificates, and some are private keys\n\
         - look for a way around a refusal: say what you need, and ask\n\n",
        names.join(", "),
        open.join(", ")
    ));
    text.push_str(
        "This is a guard-rail, which keeps an agent that means well from seeing values by accident. It is no \
         wall against one that does not.\n",
    );
    text
}
