//! Services: money, mail, watching, documents.

use super::Set::{Alnum, Base64, Digit, Hex, Upper, Word};
use super::check::{crc_hex_turned, json, mixed, shape};
use super::{Any, Kind, Part, Rule, Run, Text};

const STRIPE: Kind = Kind::new(
    "stripe-key",
    "a Stripe live key",
    "Roll it at https://dashboard.stripe.com/apikeys.",
);
const STRIPE_HOOK: Kind = Kind::new(
    "webhook-secret",
    "a webhook signing secret",
    "Roll it in the settings of the webhook.",
);
const SENDGRID: Kind = Kind::new(
    "sendgrid-key",
    "a SendGrid key",
    "Delete it at https://app.sendgrid.com/settings/api_keys.",
);
const MAILGUN: Kind = Kind::new(
    "mailgun-key",
    "a Mailgun key",
    "Delete it at https://app.mailgun.com/settings/api_security.",
);
const BREVO: Kind =
    Kind::new("brevo-key", "a Brevo key", "Delete it at https://app.brevo.com/settings/keys/api.");
const SHOPIFY: Kind = Kind::new(
    "shopify-token",
    "a Shopify token",
    "Rotate it in the settings of the app at Shopify.",
);
const SQUARE: Kind = Kind::new(
    "square-token",
    "a Square token",
    "Replace it at https://developer.squareup.com/apps.",
);
const LINEAR: Kind = Kind::new(
    "linear-key",
    "a Linear key",
    "Revoke it at https://linear.app/settings/account/security.",
);
const NOTION: Kind = Kind::new(
    "notion-token",
    "a Notion token",
    "Refresh it at https://www.notion.so/profile/integrations.",
);
const FIGMA: Kind =
    Kind::new("figma-token", "a Figma token", "Revoke it under Security in the settings of Figma.");
const GRAFANA: Kind = Kind::new(
    "grafana-token",
    "a Grafana token",
    "Delete it under Service accounts, or Access policies, in Grafana.",
);
const SENTRY: Kind = Kind::new(
    "sentry-token",
    "a Sentry token",
    "Revoke it under Auth tokens in the settings of Sentry.",
);
const NEWRELIC: Kind = Kind::new(
    "new-relic-key",
    "a New Relic user key",
    "Delete it at https://one.newrelic.com/api-keys.",
);
const EASYPOST: Kind = Kind::new(
    "easypost-key",
    "an EasyPost key",
    "Delete it at https://app.easypost.com/account/settings.",
);

const HEX_32: &[Part] = &[Run(Hex, 32, 32)];

pub(super) const RULES: &[Rule] = &[
    Rule::form(&[STRIPE], &["sk_live_", "rk_live_"], &[Run(Alnum, 24, 247)], mixed),
    Rule::form(&[STRIPE_HOOK], &["whsec_"], &[Run(Base64, 32, 64)], mixed),
    Rule::form(&[SENDGRID], &["SG."], &[Run(Word, 22, 22), Text("."), Run(Word, 43, 43)], mixed),
    Rule::form(&[MAILGUN], &["key-"], HEX_32, shape),
    Rule::form(&[BREVO], &["xkeysib-"], &[Run(Hex, 64, 64), Text("-"), Run(Alnum, 16, 16)], shape),
    Rule::form(&[SHOPIFY], &["shpat_", "shpca_", "shppa_", "shpss_"], HEX_32, shape),
    Rule::form(&[SQUARE], &["sq0atp-"], &[Run(Word, 22, 22)], shape),
    Rule::form(&[SQUARE], &["sq0csp-"], &[Run(Word, 43, 43)], shape),
    Rule::form(&[LINEAR], &["lin_api_"], &[Run(Alnum, 40, 40)], mixed),
    Rule::form(&[NOTION], &["ntn_"], &[Run(Digit, 11, 11), Run(Alnum, 35, 35)], shape),
    Rule::form(&[NOTION], &["secret_"], &[Run(Alnum, 43, 43)], mixed),
    Rule::form(&[FIGMA], &["figd_"], &[Run(Word, 40, 48)], mixed),
    Rule::form(
        &[GRAFANA],
        &["glsa_"],
        &[Run(Alnum, 32, 32), Text("_"), Run(Hex, 8, 8)],
        crc_hex_turned,
    ),
    Rule::form(
        &[GRAFANA],
        &["glc_"],
        &[Text("eyJ"), Run(Base64, 40, 400), Any(&["==", "=", ""])],
        json,
    ),
    Rule::form(
        &[SENTRY],
        &["sntry"],
        &[Text("s_eyJ"), Run(Base64, 60, 400), Any(&["==_", "=_", "_"]), Run(Base64, 43, 43)],
        json,
    ),
    Rule::form(&[SENTRY], &["sntry"], &[Text("u_"), Run(Hex, 64, 64)], shape),
    Rule::form(&[NEWRELIC], &["NRAK-"], &[Run(Upper, 27, 27)], shape),
    Rule::form(&[EASYPOST], &["EZAK"], &[Run(Alnum, 54, 54)], shape),
];
