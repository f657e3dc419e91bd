//! What a program keeps to itself while somebody signs in for it in a browser: RFC 7636 with
//! `S256`, and the state of RFC 6749.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::hazmat;

/// What proves at the end of a sign-in that it is the program that began it. Wiped on drop.
///
/// What is sent at the beginning is its challenge, from which nobody finds it.
pub struct Verifier(Zeroizing<String>);

/// What the browser has to bring back: a page that did not come by this sign-in does not
/// know it. Wiped on drop.
pub struct SignInState(Zeroizing<String>);

impl Verifier {
    pub fn random() -> Self {
        Self(random_text())
    }

    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(hazmat::sha256(self.0.as_bytes()))
    }

    /// Lends what is sent at the end. Never log, store or format what this returns.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl SignInState {
    pub fn random() -> Self {
        Self(random_text())
    }

    /// Lends what is sent at the beginning.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is what was sent, without telling by time how nearly.
    pub fn fits(&self, brought: &[u8]) -> bool {
        let sums = [self.0.as_bytes(), brought].map(hazmat::sha256);
        hazmat::is_same(&sums[0], &sums[1])
    }
}

/// 256 bits, as 43 characters.
fn random_text() -> Zeroizing<String> {
    let bytes = Zeroizing::new(hazmat::random::<32>());
    Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes))
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier([REDACTED])")
    }
}

impl fmt::Debug for SignInState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInState([REDACTED])")
    }
}

#[test]
fn a_challenge_is_what_the_standard_says() {
    // RFC 7636, appendix B.
    let text = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let verifier = Verifier(Zeroizing::new(text.to_owned()));
    assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let random = Verifier::random();
    assert_eq!((random.expose().len(), random.challenge().len()), (43, 43));
    assert_ne!(random.expose(), Verifier::random().expose());
}

#[test]
fn a_state_fits_what_was_sent_and_nothing_else() {
    let state = SignInState::random();
    assert!(state.fits(state.expose().as_bytes()));
    let shorter: String = state.expose().chars().skip(1).collect();
    for wrong in ["", "a", &shorter, &format!("{}a", state.expose())] {
        assert!(!state.fits(wrong.as_bytes()));
    }
    assert!(!format!("{state:?}").contains(state.expose()));
}
