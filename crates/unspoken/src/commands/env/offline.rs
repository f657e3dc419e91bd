//! `unspoken env offline`: for how long an environment's values may be used without its vault.

use clap_complete::ArgValueCandidates;
use jiff::SignedDuration;
use serde_json::json;
use unspoken_model::{EnvironmentName, ProjectName, shown};
use unspoken_wire::vault::EnvironmentChange;

use crate::complete;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::vault::{VaultFlag, environment_of, parse_span};

/// Show or set how long a vault's environment may be used while the vault does not answer
///
/// A machine learns it with the next answer of the vault. What it keeps until then is good for as
/// long as it was told before.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken env offline staging\n  unspoken env offline staging 2h\n  unspoken env offline production 0"
)]
pub(crate) struct Offline {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    name: EnvironmentName,

    /// A time such as `2h` or `7d`, at most 30 days; `0` for never
    #[arg(value_name = "TIME", value_parser = parse)]
    time: Option<SignedDuration>,

    /// The project [default: the one of this folder]
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectName>,

    #[command(flatten)]
    vault: VaultFlag,
}

impl Offline {
    pub(super) fn run(self, cx: &Context) -> Result<(), Failure> {
        let session = cx.session(&self.vault)?;
        let project = session.project(cx, self.project.as_ref())?;
        let environment = environment_of(&project, &self.name)?;
        let told = |seconds: i64| {
            json!({
                "project": shown(&project.name),
                "environment": self.name.as_str(),
                "offline_seconds": seconds,
            })
        };
        let Some(time) = self.time else {
            let seconds = environment.offline_seconds.ok_or_else(|| {
                let message = format!("the vault `{}` does not say it", session.client.url());
                Failure::new(Code::Other, message)
                    .hint("It is older than this program: have it updated.")
            })?;
            if cx.ui.json {
                return cx.ui.print_json(&told(seconds));
            }
            return cx.ui.print(&format!("{}\n", said(seconds)));
        };
        let change = EnvironmentChange { offline_seconds: time.as_secs() };
        session.client.tell("PATCH", &format!("/v1/environments/{}", environment.id), &change)?;
        let text = match time.as_secs() {
            0 => format!("`{}` is never used while its vault does not answer", self.name),
            seconds => format!(
                "`{}` may be used for {} after its vault has answered last",
                self.name,
                said(seconds)
            ),
        };
        cx.ui.report(&told(time.as_secs()), &text)
    }
}

fn parse(text: &str) -> Result<SignedDuration, String> {
    const MOST: SignedDuration = SignedDuration::from_hours(30 * 24);
    if text == "0" {
        return Ok(SignedDuration::ZERO);
    }
    let time = parse_span(text)?;
    if time > MOST { Err("at most 30 days".to_owned()) } else { Ok(time) }
}

/// A time in the largest unit that it is a whole number of.
fn said(seconds: i64) -> String {
    if seconds == 0 {
        return "0".to_owned();
    }
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let fitting = units.iter().find(|(unit, _)| seconds % unit == 0);
    fitting.map(|(unit, name)| format!("{}{name}", seconds / unit)).unwrap_or_default()
}

#[test]
fn a_time_is_said_as_it_is_typed() {
    for text in ["1s", "90s", "15m", "36h", "30d"] {
        assert_eq!(said(parse(text).unwrap().as_secs()), text);
    }
    assert_eq!(parse("0"), Ok(SignedDuration::ZERO));
    assert_eq!((said(24 * 3600), said(0)), ("1d".to_owned(), "0".to_owned()));
    for wrong in ["31d", "-1h", "", "1", "0s"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
