//! Signing in by a browser: what a program begins, and what it gets for it.

use serde::{Deserialize, Serialize};

use super::{PlainText, body, request};

body! {
    /// Where a person allows it, and by what they know that it is this.
    LoginBegun {
        login: String,
        /// The page to open.
        url: String,
        /// The program and the page show the same one.
        number: i64,
        /// What a person types into the page, where the page is opened elsewhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_code: Option<String>,
        /// How many seconds to wait between two questions, where nobody brings the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interval: Option<i64>,
        expires: i64,
    }
}

request! {
    LoginRequest {
        /// What a person calls the machine.
        device: String,
        /// The verifier's SHA-256, as base64url: RFC 7636, `S256`.
        challenge: String,
        /// Where the browser brings the code: `http://127.0.0.1:PORT/callback` or
        /// `http://[::1]:PORT/callback`. Absent where the browser runs elsewhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        redirect: Option<String>,
        /// What the browser brings along, unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<String>,
    }

    /// What proves that this is who began.
    LoginFinish {
        verifier: PlainText,
        /// What the browser brought.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<PlainText>,
    }
}
