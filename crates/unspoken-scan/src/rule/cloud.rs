//! Where programs run, and what keeps their secrets.

use std::ops::Range;

use super::Set::{Alnum, Base64, Digit, Hex, Loose, Upper, Word};
use super::check::{json, mixed, shape};
use super::{Any, Kind, Rule, Run, Set, Text, begins, seen};
use crate::floor;
use crate::sighting::{Sighting, Verified};

const GOOGLE: Kind = Kind::new(
    "google-api-key",
    "a Google API key",
    "Delete it at https://console.cloud.google.com/apis/credentials.",
);
const GOOGLE_OAUTH: Kind = Kind::new(
    "google-oauth-secret",
    "a Google OAuth client secret",
    "Reset it at https://console.cloud.google.com/apis/credentials.",
);
const AZURE_STORAGE: Kind = Kind::new(
    "azure-storage-key",
    "a key of an Azure storage account",
    "Rotate it with `az storage account keys renew`.",
);
const AZURE_SHARED: Kind = Kind::new(
    "azure-shared-access-key",
    "a shared access key of Azure",
    "Renew it under Shared access policies in the Azure portal.",
);
const AZURE_CLIENT: Kind = Kind::new(
    "azure-client-secret",
    "a client secret of an Azure application",
    "Remove it with `az ad app credential delete`.",
);
const DIGITALOCEAN: Kind = Kind::new(
    "digitalocean-token",
    "a DigitalOcean token",
    "Delete it at https://cloud.digitalocean.com/account/api/tokens.",
);
const HEROKU: Kind =
    Kind::new("heroku-key", "a Heroku key", "Revoke it with `heroku authorizations:revoke`.");
const NETLIFY: Kind = Kind::new(
    "netlify-token",
    "a Netlify token",
    "Revoke it at https://app.netlify.com/user/applications.",
);
const FLY: Kind = Kind::new("fly-token", "a Fly.io token", "Revoke it with `fly tokens revoke`.");
const CLOUDFLARE: Kind = Kind::new(
    "cloudflare-token",
    "a Cloudflare token",
    "Roll or delete it at https://dash.cloudflare.com/profile/api-tokens.",
);
const SUPABASE: Kind = Kind::new(
    "supabase-key",
    "a Supabase key",
    "Revoke it at https://supabase.com/dashboard/account/tokens.",
);
const PLANETSCALE: Kind = Kind::new(
    "planetscale-token",
    "a PlanetScale token or password",
    "Delete it in the settings of the organisation at PlanetScale.",
);
const DATABRICKS: Kind = Kind::new(
    "databricks-token",
    "a Databricks token",
    "Revoke it with `databricks tokens delete`.",
);
const VAULT: Kind =
    Kind::new("vault-token", "a HashiCorp Vault token", "Revoke it with `vault token revoke`.");
const TERRAFORM: Kind = Kind::new(
    "terraform-token",
    "an HCP Terraform token",
    "Delete it at https://app.terraform.io/app/settings/tokens.",
);
const DOPPLER: Kind = Kind::new(
    "doppler-token",
    "a Doppler token",
    "Revoke it with `doppler configs tokens revoke`, or in the dashboard.",
);
const ONEPASSWORD: Kind = Kind::new(
    "onepassword-token",
    "a 1Password service account token",
    "Revoke it in the service account's page at https://my.1password.com.",
);
const TAILSCALE: Kind = Kind::new(
    "tailscale-key",
    "a Tailscale key",
    "Revoke it at https://login.tailscale.com/admin/settings/keys.",
);
const PULUMI: Kind = Kind::new(
    "pulumi-token",
    "a Pulumi token",
    "Delete it at https://app.pulumi.com/account/tokens.",
);
const DYNATRACE: Kind = Kind::new(
    "dynatrace-token",
    "a Dynatrace token",
    "Delete it under Access tokens in Dynatrace.",
);

pub(super) const RULES: &[Rule] = &[
    Rule::form(&[GOOGLE], &["AIza"], &[Run(Word, 35, 35)], shape),
    Rule::form(&[GOOGLE_OAUTH], &["GOCSPX-"], &[Run(Word, 28, 28)], shape),
    Rule::named(&[AZURE_STORAGE], &["AccountKey="], &[Run(Base64, 86, 86), Text("==")], shape),
    Rule::named(&[AZURE_SHARED], &["SharedAccessKey="], &[Run(Base64, 43, 43), Text("=")], shape),
    Rule::look(&[AZURE_CLIENT], &["7Q~", "8Q~"], azure_client),
    Rule::form(&[DIGITALOCEAN], &["dop_v1_", "doo_v1_", "dor_v1_"], &[Run(Hex, 64, 64)], shape),
    Rule::form(&[HEROKU], &["HRKU-"], &[Run(Word, 36, 80)], shape),
    Rule::form(&[NETLIFY], &["nfp_"], &[Run(Alnum, 36, 36)], mixed),
    Rule::form(&[FLY], &["fm2_", "fm1r_", "fm1a_"], &[Run(Base64, 100, 2000)], shape),
    Rule::form(&[FLY], &["fo1_"], &[Run(Word, 43, 43)], mixed),
    Rule::form(&[CLOUDFLARE], &["cfk_", "cfut_", "cfat_"], &[Run(Alnum, 48, 48)], mixed),
    Rule::form(
        &[CLOUDFLARE],
        &["v1.0-"],
        &[Run(Hex, 24, 24), Text("-"), Run(Hex, 146, 146)],
        shape,
    ),
    Rule::form(&[SUPABASE], &["sbp_"], &[Run(Hex, 40, 40)], shape),
    Rule::form(
        &[SUPABASE],
        &["sb_secret_"],
        &[Run(Alnum, 22, 22), Text("_"), Run(Alnum, 8, 8)],
        shape,
    ),
    Rule::form(&[SUPABASE], &["sb_secret_"], &[Run(Word, 31, 31)], mixed),
    Rule::form(
        &[PLANETSCALE],
        &["pscale_"],
        &[Any(&["tkn_", "pw_", "oauth_"]), Run(Loose, 32, 64)],
        shape,
    ),
    Rule::form(&[DATABRICKS], &["dapi"], &[Run(Hex, 32, 32), Text("-"), Run(Digit, 1, 1)], shape),
    Rule::form(&[DATABRICKS], &["dapi"], &[Run(Hex, 32, 32)], shape),
    Rule::form(&[VAULT], &["hvs.", "hvb."], &[Run(Word, 24, 300)], mixed),
    Rule::look(&[TERRAFORM], &[".atlasv1."], terraform),
    Rule::form(&[DOPPLER], &["dp.pt.", "dp.ct.", "dp.sa."], &[Run(Alnum, 40, 44)], shape),
    Rule::form(&[DOPPLER], &["dp.st."], &[Run(Word, 2, 35), Text("."), Run(Alnum, 40, 44)], shape),
    Rule::form(&[DOPPLER], &["dp.st."], &[Run(Alnum, 40, 44)], shape),
    Rule::form(&[ONEPASSWORD], &["ops_"], &[Text("eyJ"), Run(Base64, 200, 4000)], json),
    Rule::form(
        &[TAILSCALE],
        &["tskey-"],
        &[
            Any(&["auth-", "api-", "client-", "scim-", "webhook-"]),
            Run(Alnum, 8, 24),
            Text("-"),
            Run(Alnum, 20, 64),
        ],
        mixed,
    ),
    Rule::form(&[PULUMI], &["pul-"], &[Run(Hex, 40, 40)], shape),
    Rule::form(
        &[DYNATRACE],
        &["dt0c01."],
        &[Run(Upper, 24, 24), Text("."), Run(Upper, 64, 64)],
        shape,
    ),
];

/// Three characters, a digit, `Q~` and at least 31 more.
fn azure_client(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let start = anchor.start.checked_sub(3)?;
    let set = |byte: &u8| byte.is_ascii_alphanumeric() || b"_~.-".contains(byte);
    let rest = text.get(anchor.end..)?.iter().take(40).take_while(|byte| set(byte)).count();
    let head = text.get(start..anchor.start)?;
    let end = anchor.end + rest;
    let is_free = begins(text, start) && !text.get(..start)?.ends_with(b"~");
    let fits = (31..=34).contains(&rest) && head.iter().all(set) && is_free;
    if !fits || !floor::is_random(text.get(anchor.end..end)?) {
        return None;
    }
    mixed(text.get(start..end)?).and_then(|sure| seen(AZURE_CLIENT, start..end, sure))
}

/// Fourteen letters and digits, `.atlasv1.` and some 67 more.
fn terraform(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let head = Alnum.run_back(text.get(..anchor.start)?, 15);
    let rest = Set::Loose.run(text.get(anchor.end..)?, 80);
    let start = anchor.start.checked_sub(14)?;
    let end = anchor.end + rest;
    let fits = head >= 14 && (60..=72).contains(&rest) && begins(text, start);
    (fits && floor::is_random(text.get(anchor.end..end)?))
        .then(|| seen(TERRAFORM, start..end, Verified::Shape))?
}
