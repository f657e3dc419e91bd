//! Rules by which jobs of others get tokens, and the exchange.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{PlainText, body, request};

body! {
    TrustBody {
        id: String,
        name: String,
        issuer: String,
        audience: String,
        claims: BTreeMap<String, String>,
        environments: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        names: Option<Vec<String>>,
        lifetime_seconds: i64,
        author: String,
        made: i64,
    }

    TrustList {
        rules: Vec<TrustBody>,
    }

    TrustMade {
        id: String,
    }
}

request! {
    /// Whose proofs are taken, and what they give. All of it is compared as it is.
    TrustRequest {
        name: String,
        /// As `https://token.actions.githubusercontent.com`.
        issuer: String,
        audience: String,
        /// Claims and what they have to be: `sub`, or a numeric id, and more where wanted.
        claims: BTreeMap<String, String>,
        /// The ids of environments.
        environments: Vec<String>,
        /// Absent for all names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        names: Option<Vec<String>>,
        lifetime_seconds: i64,
    }

    ExchangeRequest {
        /// The signed proof, a JWT.
        proof: PlainText,
        /// The id of the rule that is meant; absent for any that fits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
    }
}
