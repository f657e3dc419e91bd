//! One credential of each kind, made from a seed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use unspoken_model::{EnvironmentName, Place, ProjectName};
use unspoken_seal::{Identity, KeyBundle, PlainToken, TokenKind};

use crate::crc::{base36, base62, crc32};

pub(super) struct Made {
    pub(super) kind: &'static str,
    /// What must stand before it, which is no part of it.
    pub(super) before: String,
    pub(super) token: String,
    pub(super) after: String,
    pub(super) has_checksum: bool,
    /// How many of its first bytes are the same in every token.
    pub(super) fixed: usize,
}

/// Characters as if drawn at random, the same for a seed each time.
pub(super) struct Source(u64);

const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const UPPER: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ALNUM: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const WORD: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
const BASE64: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

impl Source {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize
    }

    /// Characters of a set: the first three are a digit and both cases where the
    /// set has them, which some forms ask for.
    fn draw(&mut self, set: &[u8], count: usize) -> String {
        let mut text: Vec<u8> = (0..count).map(|_| set[self.next() % set.len()]).collect();
        let wanted = [b"7".as_slice(), b"K", b"q"].map(|c| set.contains(&c[0]).then_some(c[0]));
        if set.len() > 40 && count > 12 {
            for (at, c) in wanted.into_iter().enumerate() {
                text[at + 4] = c.unwrap_or(text[at + 4]);
            }
        }
        String::from_utf8(text).unwrap()
    }

    pub(super) fn github(&mut self, prefix: &str) -> String {
        self.summed(prefix, 30)
    }

    fn summed(&mut self, prefix: &str, count: usize) -> String {
        let body = self.draw(ALNUM, count);
        let sum = base62(crc32(body.as_bytes()));
        format!("{prefix}{body}{}", std::str::from_utf8(&sum).unwrap())
    }

    fn json(&mut self) -> String {
        format!("{{\"k\":\"{}\",\"id\":{}}}", self.draw(WORD, 160), self.draw(DIGITS, 6))
    }

    fn pem(&mut self, label: &str, newline: &str) -> String {
        let lines: Vec<_> = (0..12).map(|_| self.draw(BASE64, 64)).collect();
        let body = lines.join(newline);
        let dashes = "-".repeat(5);
        format!(
            "{dashes}BEGIN {label}{dashes}{newline}MIIEv{body}{newline}{dashes}END {label}{dashes}"
        )
    }
}

/// A kind, its prefix, and characters of sets with what follows them.
type Plain = (&'static str, &'static str, &'static [(&'static [u8], usize, &'static str)]);

/// Kinds that are a prefix and characters of sets.
const PLAIN: &[Plain] = &[
    ("github-fine-grained-token", "github_pat_", &[(ALNUM, 22, "_"), (ALNUM, 59, "")]),
    ("gitlab-token", "glpat-", &[(WORD, 20, "")]),
    ("gitlab-token", "glcbt-", &[(ALNUM, 2, "_"), (WORD, 20, "")]),
    ("gitlab-token", "glptt-", &[(HEX, 40, "")]),
    ("crates-io-token", "cio", &[(ALNUM, 32, "")]),
    ("rubygems-key", "rubygems_", &[(HEX, 48, "")]),
    ("docker-token", "dckr_pat_", &[(WORD, 27, "")]),
    ("jfrog-key", "AKCp", &[(ALNUM, 69, "")]),
    ("buildkite-token", "bkua_", &[(HEX, 40, "")]),
    ("circleci-token", "CCIPAT_", &[(ALNUM, 22, "_"), (HEX, 40, "")]),
    ("postman-key", "PMAK-", &[(HEX, 24, "-"), (HEX, 34, "")]),
    ("google-api-key", "AIza", &[(WORD, 35, "")]),
    ("google-oauth-secret", "GOCSPX-", &[(WORD, 28, "")]),
    ("digitalocean-token", "dop_v1_", &[(HEX, 64, "")]),
    ("heroku-key", "HRKU-AA", &[(WORD, 58, "")]),
    ("netlify-token", "nfp_", &[(ALNUM, 36, "")]),
    ("fly-token", "fm2_", &[(BASE64, 120, "")]),
    ("fly-token", "fo1_", &[(WORD, 43, "")]),
    ("cloudflare-token", "cfut_", &[(ALNUM, 40, ""), (HEX, 8, "")]),
    ("cloudflare-token", "v1.0-", &[(HEX, 24, "-"), (HEX, 146, "")]),
    ("supabase-key", "sbp_", &[(HEX, 40, "")]),
    ("supabase-key", "sb_secret_", &[(ALNUM, 22, "_"), (ALNUM, 8, "")]),
    ("planetscale-token", "pscale_tkn_", &[(ALNUM, 43, "")]),
    ("databricks-token", "dapi", &[(HEX, 32, "-2")]),
    ("databricks-token", "dapi", &[(HEX, 32, "")]),
    ("vault-token", "hvs.", &[(WORD, 90, "")]),
    ("doppler-token", "dp.pt.", &[(ALNUM, 43, "")]),
    ("doppler-token", "dp.st.prd.", &[(ALNUM, 43, "")]),
    ("tailscale-key", "tskey-auth-", &[(ALNUM, 16, "-"), (ALNUM, 32, "")]),
    ("pulumi-token", "pul-", &[(HEX, 40, "")]),
    ("dynatrace-token", "dt0c01.", &[(UPPER, 24, "."), (UPPER, 64, "")]),
    ("stripe-key", "sk_live_", &[(ALNUM, 99, "")]),
    ("stripe-key", "rk_live_", &[(ALNUM, 24, "")]),
    ("webhook-secret", "whsec_", &[(ALNUM, 32, "")]),
    ("sendgrid-key", "SG.", &[(WORD, 22, "."), (WORD, 43, "")]),
    ("mailgun-key", "key-", &[(HEX, 32, "")]),
    ("brevo-key", "xkeysib-", &[(HEX, 64, "-"), (ALNUM, 16, "")]),
    ("shopify-token", "shpat_", &[(HEX, 32, "")]),
    ("square-token", "sq0atp-", &[(WORD, 22, "")]),
    ("square-token", "sq0csp-", &[(WORD, 43, "")]),
    ("linear-key", "lin_api_", &[(ALNUM, 40, "")]),
    ("notion-token", "ntn_", &[(DIGITS, 11, ""), (ALNUM, 35, "")]),
    ("notion-token", "secret_", &[(ALNUM, 43, "")]),
    ("figma-token", "figd_", &[(WORD, 40, "")]),
    ("sentry-token", "sntryu_", &[(HEX, 64, "")]),
    ("new-relic-key", "NRAK-", &[(UPPER, 27, "")]),
    ("easypost-key", "EZAK", &[(ALNUM, 54, "")]),
    ("hugging-face-token", "hf_", &[(LETTERS, 34, "")]),
    ("openai-key", "sk-", &[(ALNUM, 20, "T3BlbkFJ"), (ALNUM, 20, "")]),
    ("openai-key", "sk-proj-", &[(WORD, 74, "T3BlbkFJ"), (WORD, 74, "")]),
    ("anthropic-key", "sk-ant-api03-", &[(WORD, 93, "AA")]),
    ("anthropic-key", "sk-ant-oat01-", &[(WORD, 93, "AA")]),
    ("replicate-token", "r8_", &[(ALNUM, 37, "")]),
    ("groq-key", "gsk_", &[(ALNUM, 52, "")]),
    ("xai-key", "xai-", &[(ALNUM, 80, "")]),
    ("perplexity-key", "pplx-", &[(ALNUM, 48, "")]),
    ("openrouter-key", "sk-or-v1-", &[(HEX, 64, "")]),
    ("nvidia-key", "nvapi-", &[(WORD, 64, "")]),
    ("langsmith-key", "lsv2_pt_", &[(HEX, 32, "_"), (HEX, 10, "")]),
    ("aws-bedrock-key", "ABSK", &[(BASE64, 128, "")]),
    ("slack-token", "xoxb-", &[(DIGITS, 12, "-"), (DIGITS, 13, "-"), (ALNUM, 24, "")]),
    ("slack-token", "xoxe.xoxp-1-", &[(ALNUM, 160, "")]),
    ("slack-token", "xapp-1-A", &[(UPPER, 10, "-"), (DIGITS, 13, "-"), (HEX, 64, "")]),
];

/// Credentials of every kind.
pub(super) fn made(seed: u64) -> Vec<Made> {
    let mut source = Source::new(seed);
    let mut all = Vec::new();
    for (kind, prefix, parts) in PLAIN {
        let drawn = parts.iter().map(|(set, count, end)| source.draw(set, *count) + end);
        let token = (*prefix).to_owned() + &drawn.collect::<String>();
        all.push(plain(kind, prefix.len(), token));
    }
    all.extend(summed(&mut source));
    all.extend(named(&mut source));
    all.extend(structured(&mut source));
    all.extend(keys(&mut source));
    all
}

fn plain(kind: &'static str, fixed: usize, token: String) -> Made {
    let (before, after) = (String::new(), String::new());
    Made { kind, before, token, after, has_checksum: false, fixed }
}

fn with(before: String, made: Made, after: &str) -> Made {
    Made { before, after: after.to_owned(), ..made }
}

/// With a checksum.
fn summed(source: &mut Source) -> Vec<Made> {
    let mut tokens: Vec<_> =
        ["ghp_", "gho_", "ghu_"].map(|prefix| ("github-token", 4, source.github(prefix))).into();
    tokens.push(("github-token", 4, source.summed("ghr_", 70)));
    tokens.push(("npm-token", 4, source.summed("npm_", 30)));
    let routable = format!("glpat-{}.01.0w", source.draw(WORD, 32));
    let sum = base36(crc32(routable.as_bytes()));
    let token = format!("{routable}{}", std::str::from_utf8(&sum).unwrap());
    tokens.push(("gitlab-token", 6, token));
    let body = format!("ATATT3xFfGF0{}=", source.draw(WORD, 171));
    tokens.push(("atlassian-token", 12, format!("{body}{:08X}", crc32(body.as_bytes()))));
    let body = format!("glsa_{}", source.draw(ALNUM, 32));
    let sum = crc32(body.as_bytes()).swap_bytes();
    tokens.push(("grafana-token", 5, format!("{body}_{sum:08x}")));
    for kind in TokenKind::ALL {
        let token = PlainToken::random(kind);
        tokens.push(("unspoken-token", kind.prefix().len(), token.expose().to_string()));
        tokens.push(("unspoken-token", 6, token.auth().expose().to_string()));
    }
    let made = |(kind, fixed, token)| Made { has_checksum: true, ..plain(kind, fixed, token) };
    tokens.into_iter().map(made).collect()
}

/// Known by what stands beside them.
fn named(source: &mut Source) -> Vec<Made> {
    let secret = |source: &mut Source| plain("aws-secret-key", 0, source.draw(BASE64, 40));
    let id = format!("AKIA{}", source.draw(BASE32, 16));
    let storage = source.draw(BASE64, 86) + "==";
    let shared = source.draw(BASE64, 43) + "=";
    let azure = format!("{}8Q~{}", source.draw(ALNUM, 3), source.draw(ALNUM, 34));
    let hook = format!("T{}/B{}/", source.draw(UPPER, 10), source.draw(UPPER, 10));
    let hook = format!("services/{hook}{}", source.draw(ALNUM, 24));
    let number = URL_SAFE_NO_PAD.encode(format!("1{}", source.draw(DIGITS, 17)));
    let bot = format!("{number}.{}.{}", source.draw(ALNUM, 6), source.draw(WORD, 38));
    let discord = format!("1{}/", source.draw(DIGITS, 18));
    let telegram = format!("1{}:AA", source.draw(DIGITS, 9));
    let data_centre = source.draw(HEX, 32) + "-us21";
    vec![
        with("aws_secret_access_key = \"".into(), secret(source), "\""),
        with("secretAccessKey: '".into(), secret(source), "'"),
        with(format!("{id}\n"), secret(source), "\n"),
        with("AccountName=a;AccountKey=".into(), plain("azure-storage-key", 0, storage), ";E=x"),
        with("SharedAccessKey=".into(), plain("azure-shared-access-key", 0, shared), ";E=x"),
        plain("azure-client-secret", 6, azure),
        with("https://hooks.slack.com/".into(), plain("slack-webhook", 0, hook), ""),
        with("DISCORD_TOKEN=".into(), plain("discord-bot-token", 0, bot), ""),
        with(
            "https://discord.com/api/webhooks/".into(),
            plain("discord-webhook", discord.len(), discord + &source.draw(WORD, 68)),
            "",
        ),
        plain("telegram-bot-token", telegram.len(), telegram + &source.draw(WORD, 33)),
        with("TWILIO_AUTH_TOKEN=".into(), plain("twilio-token", 0, source.draw(HEX, 32)), ""),
        plain("mailchimp-key", 0, data_centre),
        with(
            "postgres://app:".into(),
            plain("url-password", 0, source.draw(ALNUM, 16)),
            "@db.acme.dev:5432/app",
        ),
        plain("terraform-token", 14, source.draw(ALNUM, 14) + ".atlasv1." + &source.draw(WORD, 67)),
    ]
}

/// With something inside that reads.
fn structured(source: &mut Source) -> Vec<Made> {
    let mut macaroon = b"\x02\x01\x08pypi.org\x02\x24".to_vec();
    macaroon.extend_from_slice(source.draw(WORD, 120).as_bytes());
    let pypi = format!("pypi-{}", URL_SAFE_NO_PAD.encode(macaroon));
    let account = format!("ops_{}", STANDARD_NO_PAD.encode(source.json().repeat(2)));
    let cloud = format!("glc_{}", STANDARD.encode(source.json()));
    let sentry = STANDARD.encode(source.json());
    let sentry = format!("sntrys_{sentry}_{}", source.draw(BASE64, 43));
    let header = URL_SAFE_NO_PAD.encode("{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
    let payload = URL_SAFE_NO_PAD.encode(source.json());
    let jwt = format!("{header}.{payload}.{}", source.draw(WORD, 43));
    let fixed = jwt.len() - 43;
    vec![
        plain("pypi-token", 8, pypi),
        plain("onepassword-token", 7, account),
        plain("grafana-token", 7, cloud),
        plain("sentry-token", 10, sentry),
        with("ghs_12345_".into(), plain("json-web-token", fixed, jwt.clone()), ""),
        plain("json-web-token", fixed, jwt),
    ]
}

fn keys(source: &mut Source) -> Vec<Made> {
    let dashes = "-".repeat(5);
    let pgp = format!(
        "{dashes}BEGIN PGP {0}{dashes}\n\n{1}\n=aB3d\n{dashes}END PGP {0}{dashes}",
        "PRIVATE KEY BLOCK",
        source.draw(BASE64, 64) + "\n" + &source.draw(BASE64, 64),
    );
    let account = "{\"private_key_id\": \"0\", \"private_key\": \"".to_owned();
    let (project, environment) = ("acme", "production");
    let place = Place {
        project: ProjectName::parse(project).unwrap(),
        environment: EnvironmentName::parse(environment).unwrap(),
    };
    let bundle = KeyBundle::new(place, Identity::generate()).unwrap();
    let age = [Identity::generate(), Identity::generate_post_quantum()];
    let age = age.map(|key| plain("age-secret-key", 16, key.expose().to_string()));
    let bundle = plain("unspoken-key-bundle", 15, bundle.print().to_string());
    let sealed = age.into_iter().chain([bundle]).map(|made| Made { has_checksum: true, ..made });
    let mut all = vec![
        plain("private-key", 27, source.pem("PRIVATE KEY", "\n")),
        plain("private-key", 31, source.pem("EC PRIVATE KEY", "\\n")),
        plain("pgp-private-key", 37, pgp),
        with(
            account,
            plain("gcp-service-account-key", 27, source.pem("PRIVATE KEY", "\\n")),
            "\\n\"}",
        ),
    ];
    all.extend(sealed);
    all
}
