//! By what a person can come in, and whether anything would be left.

/// What somebody has. Pure: who asks has looked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaysIn {
    pub(crate) has_password: bool,
    pub(crate) has_codes: bool,
    pub(crate) passkeys: usize,
    /// Whether browsers keep passkeys for the vault's address.
    pub(crate) takes_passkeys: bool,
    /// Accounts at providers that are set up. Another one opens nothing.
    pub(crate) accounts: usize,
}

impl WaysIn {
    /// Whether any of it lets its person in without more than they have.
    pub(crate) fn is_any(self) -> bool {
        let by_passkey = self.passkeys > 0 && self.takes_passkeys;
        // Who has a passkey is asked for one, or for a code, beside the password.
        let by_password = self.has_password && (self.has_codes || self.passkeys == 0 || by_passkey);
        by_passkey || by_password || self.accounts > 0
    }
}

#[test]
fn a_way_in_is_what_opens_without_more() {
    let nothing = WaysIn {
        has_password: false,
        has_codes: false,
        passkeys: 0,
        takes_passkeys: true,
        accounts: 0,
    };
    let (password, passkey) =
        (WaysIn { has_password: true, ..nothing }, WaysIn { passkeys: 1, ..nothing });
    for (ways, expected) in [
        (nothing, false),
        (WaysIn { has_codes: true, ..nothing }, false),
        (password, true),
        (passkey, true),
        (WaysIn { accounts: 1, ..nothing }, true),
        (WaysIn { takes_passkeys: false, ..passkey }, false),
        (WaysIn { passkeys: 1, ..password }, true),
        (WaysIn { passkeys: 1, takes_passkeys: false, ..password }, false),
        (WaysIn { passkeys: 1, takes_passkeys: false, has_codes: true, ..password }, true),
    ] {
        assert_eq!(ways.is_any(), expected, "{ways:?}");
    }
}
