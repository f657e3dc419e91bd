//! Where code and packages are kept.

use super::Set::{Alnum, Hex, Word};
use super::check::{crc_base36, crc_base62, crc_base62_or_shape, crc_hex, macaroon, mixed, shape};
use super::{Any, Kind, Part, Rule, Run, Text};

const GITHUB: Kind =
    Kind::new("github-token", "a GitHub token", "Revoke it at https://github.com/settings/tokens.");
const GITHUB_FINE: Kind = Kind::new(
    "github-fine-grained-token",
    "a fine-grained GitHub token",
    "Revoke it at https://github.com/settings/personal-access-tokens.",
);
const GITLAB: Kind = Kind::new(
    "gitlab-token",
    "a GitLab token",
    "Revoke it under Access tokens in the settings of the user, group or project.",
);
const NPM: Kind = Kind::new("npm-token", "an npm token", "Revoke it with `npm token revoke`.");
const CRATES: Kind = Kind::new(
    "crates-io-token",
    "a crates.io token",
    "Revoke it at https://crates.io/settings/tokens.",
);
const PYPI: Kind =
    Kind::new("pypi-token", "a PyPI token", "Remove it at https://pypi.org/manage/account/.");
const RUBYGEMS: Kind = Kind::new(
    "rubygems-key",
    "a RubyGems key",
    "Delete it at https://rubygems.org/profile/api_keys.",
);
const DOCKER: Kind = Kind::new(
    "docker-token",
    "a Docker Hub token",
    "Delete it at https://app.docker.com/settings/personal-access-tokens.",
);
const ATLASSIAN: Kind = Kind::new(
    "atlassian-token",
    "an Atlassian token",
    "Revoke it at https://id.atlassian.com/manage-profile/security/api-tokens.",
);
const JFROG: Kind = Kind::new(
    "jfrog-key",
    "a JFrog API key",
    "Revoke it in the user's profile of the JFrog platform.",
);
const BUILDKITE: Kind = Kind::new(
    "buildkite-token",
    "a Buildkite token",
    "Revoke it at https://buildkite.com/user/api-access-tokens.",
);
const CIRCLECI: Kind = Kind::new(
    "circleci-token",
    "a CircleCI token",
    "Delete it at https://app.circleci.com/settings/user/tokens.",
);
const POSTMAN: Kind = Kind::new(
    "postman-key",
    "a Postman key",
    "Delete it under API keys in the account settings of Postman.",
);

const TWENTY: &[Part] = &[Run(Word, 20, 20)];

pub(super) const RULES: &[Rule] = &[
    Rule::form(&[GITHUB], &["ghp_", "gho_", "ghu_"], &[Run(Alnum, 36, 36)], crc_base62),
    Rule::form(&[GITHUB], &["ghr_"], &[Run(Alnum, 36, 96)], crc_base62),
    Rule::form(&[GITHUB], &["ghs_"], &[Run(Alnum, 36, 36)], crc_base62_or_shape),
    Rule::form(
        &[GITHUB_FINE],
        &["github_pat_"],
        &[Run(Alnum, 22, 22), Text("_"), Run(Alnum, 59, 59)],
        mixed,
    ),
    Rule::form(
        &[GITLAB],
        &["glpat-"],
        &[Run(Word, 27, 300), Text(".01."), Run(Alnum, 9, 9)],
        crc_base36,
    ),
    Rule::form(&[GITLAB], &["glpat-", "gldt-", "glrt-"], TWENTY, shape),
    Rule::form(&[GITLAB], &["glcbt-"], &[Run(Alnum, 1, 5), Text("_"), Run(Word, 20, 20)], shape),
    Rule::form(&[GITLAB], &["glptt-"], &[Run(Hex, 40, 40)], shape),
    Rule::form(&[NPM], &["npm_"], &[Run(Alnum, 36, 36)], crc_base62),
    Rule::form(&[CRATES], &["cio"], &[Run(Alnum, 32, 32)], mixed),
    Rule::form(&[PYPI], &["pypi-AgE"], &[Run(Word, 80, 1000)], macaroon),
    Rule::form(&[RUBYGEMS], &["rubygems_"], &[Run(Hex, 48, 48)], shape),
    Rule::form(&[DOCKER], &["dckr_"], &[Text("pat_"), Run(Word, 27, 27)], shape),
    Rule::form(&[DOCKER], &["dckr_"], &[Text("oat_"), Run(Word, 32, 32)], shape),
    Rule::form(
        &[ATLASSIAN],
        &["ATATT3", "ATCTT3"],
        &[Run(Word, 50, 300), Text("="), Run(Alnum, 8, 8)],
        crc_hex,
    ),
    Rule::form(&[JFROG], &["AKCp"], &[Run(Alnum, 69, 69)], mixed),
    Rule::form(&[BUILDKITE], &["bkua_"], &[Run(Hex, 40, 40)], shape),
    Rule::form(
        &[CIRCLECI],
        &["CCIP"],
        &[Any(&["AT_", "RJ_"]), Run(Alnum, 20, 24), Text("_"), Run(Hex, 40, 40)],
        shape,
    ),
    Rule::form(&[POSTMAN], &["PMAK-"], &[Run(Hex, 24, 24), Text("-"), Run(Hex, 34, 34)], shape),
];
