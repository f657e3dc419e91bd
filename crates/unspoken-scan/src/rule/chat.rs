//! Where people and machines talk to each other.

use std::ops::Range;

use memchr::{memchr_iter, memmem};

use super::Set::{Alnum, Digit, Hex, Upper, Word};
use super::check::{decode_url_safe, mixed, shape};
use super::{Any, Kind, Rule, Run, Text, begins, seen};
use crate::floor;
use crate::sighting::{Sighting, Verified};

const SLACK: Kind = Kind::new(
    "slack-token",
    "a Slack token",
    "Revoke it in the app's settings at https://api.slack.com/apps.",
);
const SLACK_HOOK: Kind = Kind::new(
    "slack-webhook",
    "the address of a Slack webhook",
    "Remove it in the app's settings at https://api.slack.com/apps.",
);
const DISCORD: Kind = Kind::new(
    "discord-bot-token",
    "a Discord bot token",
    "Reset it at https://discord.com/developers/applications.",
);
const DISCORD_HOOK: Kind = Kind::new(
    "discord-webhook",
    "the address of a Discord webhook",
    "Delete it under Integrations in the settings of the channel.",
);
const TELEGRAM: Kind = Kind::new(
    "telegram-bot-token",
    "a Telegram bot token",
    "Revoke it with `/revoke` at @BotFather.",
);
const TWILIO: Kind = Kind::new(
    "twilio-token",
    "a Twilio auth token or key secret",
    "Rotate it under API keys & tokens at https://console.twilio.com.",
);
const MAILCHIMP: Kind = Kind::new(
    "mailchimp-key",
    "a Mailchimp key",
    "Disable it at https://admin.mailchimp.com/account/api.",
);

/// How far behind a service's name its token may stand.
const NEAR: usize = 200;

pub(super) const RULES: &[Rule] = &[
    Rule::form(
        &[SLACK],
        &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-"],
        &[Run(Digit, 9, 14), Text("-"), Run(Word, 20, 120)],
        mixed,
    ),
    Rule::form(&[SLACK], &["xoxa-", "xoxr-"], &[Text("2-"), Run(Word, 40, 160)], shape),
    Rule::form(
        &[SLACK],
        &["xoxe.", "xoxe-"],
        &[Any(&["xoxb-1-", "xoxp-1-", "1-"]), Run(Alnum, 100, 300)],
        mixed,
    ),
    Rule::form(
        &[SLACK],
        &["xapp-"],
        &[
            Run(Digit, 1, 1),
            Text("-A"),
            Run(Upper, 8, 12),
            Text("-"),
            Run(Digit, 9, 14),
            Text("-"),
            Run(Hex, 64, 64),
        ],
        shape,
    ),
    Rule::look(&[SLACK_HOOK], &["hooks.slack.com/"], slack_hook),
    Rule::look(&[DISCORD], &["iscord", "ISCORD"], discord),
    Rule::look(&[DISCORD_HOOK], &["/api/webhooks/"], discord_hook),
    Rule::look(&[TELEGRAM], &[":AA"], telegram),
    Rule::look(&[TWILIO], &["wilio", "WILIO"], twilio),
    Rule::look(&[MAILCHIMP], &["-us"], mailchimp),
];

/// `services/T…/B…/` and 24 characters. What is secret is the whole path.
fn slack_hook(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let rest = text.get(anchor.end..)?;
    let start = anchor.end;
    let mut at = ["services/T", "workflows/T", "triggers/T"]
        .iter()
        .find(|kind| rest.starts_with(kind.as_bytes()))?
        .len();
    at += Upper.run(rest.get(at..)?, 14);
    if rest.get(at..at + 2)? != b"/B" {
        return None;
    }
    at += 2;
    at += Upper.run(rest.get(at..)?, 14);
    if *rest.get(at)? != b'/' {
        return None;
    }
    let key = Alnum.run(rest.get(at + 1..)?, 64);
    let end = start + at + 1 + key;
    let fits = key >= 20 && floor::is_random(text.get(start + at + 1..end)?);
    fits.then(|| seen(SLACK_HOOK, start..end, Verified::Shape))?
}

/// A bot's number in base64, six characters, and its key.
fn discord(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let window = text.get(anchor.end..text.len().min(anchor.end + NEAR))?;
    memchr_iter(b'.', window).find_map(|dot| {
        let dot = anchor.end + dot;
        let head = Word.run_back(text.get(..dot)?, 33);
        let start = dot - head;
        let time = Word.run(text.get(dot + 1..)?, 8);
        let second = dot + 1 + time;
        let key = Word.run(text.get(second + 1..)?, 60);
        let fits = (24..=32).contains(&head) && (5..=7).contains(&time);
        if !fits || text.get(second) != Some(&b'.') || !(27..=45).contains(&key) {
            return None;
        }
        let number = decode_url_safe(text.get(start..dot)?)?;
        let is_number = number.len() >= 16 && number.iter().all(u8::is_ascii_digit);
        let end = second + 1 + key;
        let sure = is_number && floor::is_random(text.get(second + 1..end)?);
        sure.then(|| seen(DISCORD, start..end, Verified::Shape))?
    })
}

/// The number of a webhook, and its key.
fn discord_hook(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let before = text.get(anchor.start.saturating_sub(40)..anchor.start)?;
    memmem::rfind(before, b"discord")?;
    let number = Digit.run(text.get(anchor.end..)?, 21);
    let at = anchor.end + number;
    if !(17..=20).contains(&number) || text.get(at) != Some(&b'/') {
        return None;
    }
    let key = Word.run(text.get(at + 1..)?, 80);
    let end = at + 1 + key;
    let fits = (60..=72).contains(&key) && floor::is_random(text.get(at + 1..end)?);
    fits.then(|| seen(DISCORD_HOOK, anchor.end..end, Verified::Shape))?
}

/// A bot's number, `:`, and 35 characters that begin with `AA`.
fn telegram(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let number = Digit.run_back(text.get(..anchor.start)?, 11);
    let start = anchor.start - number;
    let key = Word.run(text.get(anchor.start + 1..)?, 36);
    let end = anchor.start + 1 + key;
    // In an address the number stands behind `bot`.
    let is_free = begins(text, start) || text.get(..start)?.ends_with(b"bot");
    if !(8..=10).contains(&number) || key != 35 || !is_free {
        return None;
    }
    floor::is_random(text.get(anchor.end..end)?)
        .then(|| seen(TELEGRAM, start..end, Verified::Shape))?
}

/// 32 hex digits that are called a token or a secret behind the service's name.
fn twilio(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let window = text.get(anchor.end..text.len().min(anchor.end + NEAR))?;
    let names: [&[u8]; 5] = [b"oken", b"OKEN", b"ecret", b"ECRET", b"AC"];
    let from = names.iter().filter_map(|name| memmem::find(window, name)).min()?;
    let mut at = anchor.end + from;
    while at < anchor.end + window.len() {
        let run = Hex.run(text.get(at..)?, 33);
        let end = at + run;
        let ends = !text.get(end).is_some_and(|&byte| Alnum.has(byte));
        if run == 32 && ends && begins(text, at) && floor::is_random(text.get(at..end)?) {
            return seen(TWILIO, at..end, Verified::Shape);
        }
        at = end + 1;
    }
    None
}

/// 32 hex digits, `-us`, and the number of a data centre.
fn mailchimp(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let number = Digit.run(text.get(anchor.end..text.len().min(anchor.end + 3))?, 3);
    if !(1..=2).contains(&number) {
        return None;
    }
    let start = anchor.start - Hex.run_back(text.get(..anchor.start)?, 33);
    let end = anchor.end + number;
    let goes_on = text.get(end).is_some_and(|&byte| Word.has(byte));
    let key = text.get(start..anchor.start)?;
    let fits = key.len() == 32 && begins(text, start) && !goes_on && floor::is_random(key);
    fits.then(|| seen(MAILCHIMP, start..end, Verified::Shape))?
}
