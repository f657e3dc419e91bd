//! Passkeys: with a real browser, and with everything that no browser would bring.

mod authenticator;
mod tab;

use serde_json::json;
use unspoken_testkit::{Chromium, Database, Vault};

use authenticator::{Authenticator, Fields, Key, PRESENT, Said, VERIFIED, lent, with};
use tab::{PASSWORD, Tab, person, rows};

/// What is made wrong.
type Change<'c> = &'c dyn Fn(&mut Said);

/// A vault that has a name, and its address.
fn named(database: Database) -> (Vault, String) {
    let mut vault = Vault::idle(database);
    let url = vault.start_named();
    (vault, url)
}

/// Adds a passkey to who has signed in.
fn add(tab: &mut Tab, url: &str, authenticator: &Authenticator, counter: u32) -> u16 {
    tab.open("/ways");
    let said = Said { counter, ..Said::at(url, tab.challenge("create")) };
    tab.submit("/passkeys", &lent(&authenticator.made("key", &said)))
}

/// Signs in with a passkey alone, after this was changed.
fn alone(tab: &mut Tab, url: &str, of: &Authenticator, change: impl FnOnce(&mut Said)) -> u16 {
    let mut said = Said::at(url, tab.challenge("alone"));
    change(&mut said);
    tab.submit("/passkey", &lent(&of.shown(&said)))
}

#[test]
fn a_person_signs_in_with_a_passkey_of_a_real_browser() {
    for database in Database::ALL {
        let (vault, url) = named(database);
        let ada = person(&vault, "ada@example.com");
        let mut browser = Chromium::start();
        let authenticator = browser.add_authenticator();
        let open = |browser: &mut Chromium| {
            let tab = Tab::new(&vault);
            browser.open(&format!("{url}/login/{}", tab.login));
        };
        let password = |browser: &mut Chromium| {
            browser.fill("email", "ada@example.com");
            browser.fill("password", PASSWORD);
        };
        open(&mut browser);
        password(&mut browser);
        browser.click("Sign in");
        browser.wait_for("Allow this sign-in?");
        browser.click("How you sign in");
        browser.wait_for("You have none yet.");
        browser.fill("name", "<b>laptop</b>");
        browser.click("Add a passkey");
        browser.wait_for("<b>laptop</b>");
        browser.wait_for("Not used yet.");
        // The same authenticator has no second one for the same person.
        browser.fill("name", "again");
        browser.click("Add a passkey");
        browser.wait_for("Perhaps this device has one for you already.");
        // The only second factor stays.
        browser.click("Remove");
        browser.wait_for("This is your only second factor.");
        browser.click("Back to the question");
        browser.wait_for("Allow this sign-in?");

        open(&mut browser);
        browser.click("Sign in with a passkey");
        browser.wait_for("Allow this sign-in?");
        browser.wait_for("ada@example.com");
        // A password alone is not enough any more.
        open(&mut browser);
        password(&mut browser);
        browser.click("Sign in");
        browser.wait_for("That did not work.");
        browser.fill("password", PASSWORD);
        browser.click("use a passkey in its place");
        browser.wait_for("Allow this sign-in?");
        // Who cannot be verified has no passkey alone.
        let asked = json!({ "authenticatorId": authenticator, "isUserVerified": false });
        browser.order("WebAuthn.setUserVerified", &asked);
        open(&mut browser);
        browser.click("Sign in with a passkey");
        browser.wait_for("Your browser gave no passkey.");
        let wide = "document.documentElement.scrollWidth > innerWidth";
        for width in [360, 1400] {
            let size =
                json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
            browser.order("Emulation.setDeviceMetricsOverride", &size);
            assert_eq!(browser.ask(wide), false, "{width}");
        }
        let signed = rows(&vault, "login.sign_in");
        let done = format!("done passkey {ada}");
        // Alone, and beside a password.
        assert_eq!(signed.iter().filter(|row| **row == done).count(), 2, "{signed:?}");
        // The record says which one was added, by the beginning of its id.
        let added = rows(&vault, "passkey.add");
        let which = added[0].strip_prefix("done ").and_then(|row| row.strip_suffix(&ada));
        assert_eq!(which.unwrap().trim_end().len(), 16, "{added:?}");
        assert_eq!(added.len(), 1);
        assert_eq!(rows(&vault, "passkey.remove"), [format!("refused  {ada}")]);
    }
}

#[test]
fn passkeys_of_every_kind_sign_in_alone_and_beside_a_password() {
    for database in Database::ALL {
        let (vault, url) = named(database);
        let ada = person(&vault, "ada@example.com");
        let mut tab = Tab::new(&vault);
        assert_eq!(tab.sign_in("ada@example.com", &[]), 200);
        let all = [Key::es256(), Key::ed25519(), Key::rs256()];
        let all = all.map(|key| Authenticator::new(&ada, key));
        for (number, one) in all.iter().enumerate() {
            assert_eq!(add(&mut tab, &url, one, 0), 200, "{}", tab.page);
            assert_eq!(tab.page.matches(">Remove<").count(), number + 1);
        }
        for one in &all {
            let mut tab = Tab::new(&vault);
            assert_eq!(alone(&mut tab, &url, one, |_| {}), 200);
            assert!(tab.is_in());
            let mut tab = Tab::new(&vault);
            let said = Said { flags: PRESENT, ..Said::at(&url, tab.challenge("second")) };
            assert_eq!(tab.sign_in("ada@example.com", &lent(&one.shown(&said))), 200);
            assert!(tab.is_in());
        }
        // All but the last can be removed; with each goes its way in.
        let gone =
            base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &all[0].id);
        tab.open("/ways");
        assert_eq!(tab.submit("/passkeys/remove", &[("credential", &gone)]), 200);
        assert_eq!(tab.page.matches(">Remove<").count(), 2);
        assert_eq!(alone(&mut Tab::new(&vault), &url, &all[0], |_| {}), 401);
        let which = &gone[..16];
        assert_eq!(rows(&vault, "passkey.remove"), [format!("done {which} {ada}")]);
        // Who is invited anew has none.
        let owner = vault.owner();
        let team = owner.get("/v1/session").ok().text("/team");
        owner.post(&format!("/v1/teams/{team}/people/{ada}/invitation"), &json!({})).ok();
        assert_eq!(alone(&mut Tab::new(&vault), &url, &all[1], |_| {}), 401);
    }
}

#[test]
fn a_passkey_that_does_not_fit_lets_nobody_in() {
    for database in Database::ALL {
        let (vault, url) = named(database);
        let (ada, eve) = (person(&vault, "ada@example.com"), person(&vault, "eve@example.com"));
        let (one, hers) =
            (Authenticator::new(&ada, Key::es256()), Authenticator::new(&eve, Key::es256()));
        for (email, of) in [("ada@example.com", &one), ("eve@example.com", &hers)] {
            let mut tab = Tab::new(&vault);
            tab.sign_in(email, &[]);
            assert_eq!(add(&mut tab, &url, of, 0), 200);
        }
        let mut tab = Tab::new(&vault);
        let before = tab.page.clone();
        let other_port = url.rsplit_once(':').unwrap().0.to_owned();
        let changes: [(&str, Change<'_>); 12] = [
            ("origin", &|said| said.origin = "https://evil.example".into()),
            ("port", &|said| said.origin.clone_from(&other_port)),
            ("slash", &|said| said.origin.push('/')),
            ("party", &|said| said.party = "evil.example".into()),
            ("unverified", &|said| said.flags = PRESENT),
            ("absent", &|said| said.flags = VERIFIED & !PRESENT),
            ("kind", &|said| said.kind = "webauthn.create"),
            ("embedded", &|said| said.is_embedded = true),
            ("backup", &|said| said.flags |= 0x08),
            ("challenge", &|said| said.challenge = "A".repeat(43)),
            ("more", &|said| said.rest = vec![0]),
            ("extension", &|said| {
                said.flags |= 0x80;
                said.rest = vec![0xbf; 7000];
            }),
        ];
        for (what, change) in changes {
            assert_eq!(alone(&mut tab, &url, &one, change), 401, "{what}");
            assert!(tab.page.contains("This passkey was not accepted."), "{what}");
        }
        assert_ne!(before, tab.page);
        // Another's key, another's handle, no handle, another purpose, a signature that is not one.
        let said = |tab: &Tab| Said::at(&url, tab.challenge("alone"));
        let fields = |tab: &Tab| one.shown(&said(tab));
        let tries: [&dyn Fn(&Tab) -> Fields; 6] = [
            &|tab| with(&fields(tab), "credential", &hers.shown(&said(tab))[0].1),
            &|tab| with(&fields(tab), "user", &hers.shown(&said(tab))[4].1),
            &|tab| with(&fields(tab), "user", ""),
            &|tab| one.shown(&Said::at(&url, tab.challenge("second"))),
            &|tab| with(&fields(tab), "signature", "AAAA"),
            &|tab| Authenticator::new(&ada, Key::es256()).shown(&said(tab)),
        ];
        for (number, made) in tries.iter().enumerate() {
            let sent = made(&tab);
            assert_eq!(tab.submit("/passkey", &lent(&sent)), 401, "{number}");
        }
        // With the password of one, the passkey of another.
        let second = Said::at(&url, tab.challenge("second"));
        assert_eq!(tab.sign_in("ada@example.com", &lent(&hers.shown(&second))), 401);
        assert!(tab.page.contains("That did not work."));
        // After all that it still works, once: what was signed is good for nothing else.
        let good = fields(&tab);
        let (cookie, seal) = (tab.cookie(), tab.value("name=\"seal\" value=\""));
        assert_eq!(tab.submit("/passkey", &lent(&good)), 200);
        assert!(tab.is_in());
        tab.set_cookie(cookie);
        let again = [lent(&good), vec![("seal", seal.as_str())]].concat();
        assert_eq!(tab.post("/passkey", &again), 401);
        let mut other = Tab::new(&vault);
        assert_eq!(other.submit("/passkey", &lent(&good)), 401);
        // One that another browser was shown.
        let mut stolen = Tab::new(&vault);
        stolen.login.clone_from(&other.login);
        stolen.open("");
        assert_ne!(stolen.challenge("alone"), other.challenge("alone"));
        let sent = fields(&other);
        assert_eq!(stolen.submit("/passkey", &lent(&sent)), 401);
    }
}

#[test]
fn a_counter_that_goes_back_is_refused_and_recorded() {
    for database in Database::ALL {
        let (vault, url) = named(database);
        let ada = person(&vault, "ada@example.com");
        let one = Authenticator::new(&ada, Key::es256());
        let mut tab = Tab::new(&vault);
        tab.sign_in("ada@example.com", &[]);
        add(&mut tab, &url, &one, 7);
        for (counter, status) in [(8, 200), (8, 401), (7, 401), (0, 401), (9, 200)] {
            let mut tab = Tab::new(&vault);
            assert_eq!(
                alone(&mut tab, &url, &one, |said| said.counter = counter),
                status,
                "{counter}"
            );
        }
        let mut tab = Tab::new(&vault);
        let said = Said { counter: 9, ..Said::at(&url, tab.challenge("second")) };
        assert_eq!(tab.sign_in("ada@example.com", &lent(&one.shown(&said))), 401);
        let found = rows(&vault, "login.sign_in");
        let gone_back = format!("refused passkey counter {ada}");
        assert_eq!(found.iter().filter(|row| **row == gone_back).count(), 4, "{found:?}");
    }
}

#[test]
fn a_new_passkey_that_does_not_fit_is_not_kept() {
    for database in Database::ALL {
        let (vault, url) = named(database);
        let (ada, eve) = (person(&vault, "ada@example.com"), person(&vault, "eve@example.com"));
        let one = Authenticator::new(&ada, Key::es256());
        let mut tab = Tab::new(&vault);
        tab.sign_in("ada@example.com", &[]);
        tab.open("/ways");
        let changes: [(&str, Change<'_>); 8] = [
            ("origin", &|said| said.origin = "http://localhost:1".into()),
            ("party", &|said| said.party = "evil.example".into()),
            ("unverified", &|said| said.flags = PRESENT),
            ("absent", &|said| said.flags = 4),
            ("kind", &|said| said.kind = "webauthn.create"),
            ("challenge", &|said| said.challenge = "A".repeat(43)),
            ("attested", &|said| said.form = "packed"),
            ("more", &|said| said.rest = vec![0; 40]),
        ];
        let said = |tab: &Tab| Said::at(&url, tab.challenge("create"));
        for (what, change) in changes {
            let mut said = said(&tab);
            change(&mut said);
            assert_eq!(tab.submit("/passkeys", &lent(&one.made("k", &said))), 400, "{what}");
        }
        // Keys of no kind that is taken, or no keys: another algorithm under the same form, a point
        // beside the curve, a list in place of a map, as long as it can be.
        let mut beside = Key::es256().public();
        beside[40] ^= 1;
        let mut another = Key::es256().public();
        another[4] = 0x27;
        let lists = vec![0x81; 6000];
        for key in [
            &beside,
            &another,
            &lists,
            &vec![],
            &one.made("k", &said(&tab))[0].1.clone().into_bytes(),
        ] {
            let fields = one.made_as("k", &said(&tab), key);
            assert_eq!(tab.submit("/passkeys", &lent(&fields)), 400);
        }
        // Cut anywhere.
        let whole = one.made("k", &said(&tab));
        let cut = whole[2].1.get(..whole[2].1.len() - 8).unwrap();
        assert_eq!(tab.submit("/passkeys", &lent(&with(&whole, "attestation", cut))), 400);
        assert!(tab.page.contains("This passkey cannot be used here."));
        tab.open("/ways");
        assert!(tab.page.contains("You have none yet."));
        // One that is somebody's is nobody else's.
        assert_eq!(add(&mut tab, &url, &one, 0), 200);
        let mut hers = Tab::new(&vault);
        hers.sign_in("eve@example.com", &[]);
        assert_eq!(add(&mut hers, &url, &one, 0), 400);
        assert!(hers.page.contains("This passkey is known already."));
        // Nor can she remove it.
        let id = one.shown(&said(&tab))[0].1.clone();
        assert_eq!(hers.submit("/passkeys/remove", &[("credential", &id)]), 200);
        assert_eq!(alone(&mut Tab::new(&vault), &url, &one, |_| {}), 200);
        assert_eq!(
            rows(&vault, "passkey.add").iter().filter(|row| row.starts_with("done")).count(),
            1
        );
        assert!(!eve.is_empty());
        // Without having signed in, nothing is shown or taken.
        let mut nobody = Tab::new(&vault);
        let fields = one.made("k", &said(&tab));
        assert_eq!(nobody.submit("/passkeys", &lent(&fields)), 403);
        nobody.open("/ways");
        assert_eq!(nobody.status, 403);
    }
}

#[test]
fn nobody_is_told_who_has_a_passkey() {
    let (vault, url) = named(Database::Sqlite);
    let ada = person(&vault, "ada@example.com");
    let one = Authenticator::new(&ada, Key::es256());
    let mut tab = Tab::new(&vault);
    tab.sign_in("ada@example.com", &[]);
    add(&mut tab, &url, &one, 0);
    let stranger = Authenticator::new(&ada, Key::ed25519());
    let read = |email: &str, password: &str, of: Option<&Authenticator>| {
        let mut tab = Tab::new(&vault);
        let asked = tab.challenge("second");
        let said = Said::at(&url, asked.clone());
        let fields = of.map(|of| of.shown(&said)).unwrap_or_default();
        let typed = [("email", email), ("password", password)];
        assert_eq!(tab.submit("/sign-in", &[&typed[..], &lent(&fields)].concat()), 401);
        let page = tab.page.replace(email, "EMAIL").replace(&tab.login, "LOGIN");
        let seal = tab.value("name=\"seal\" value=\"");
        let page = page.replace(&seal, "SEAL").replace(&tab.challenge("alone"), "ALONE");
        // It is asked something else by each who showed one, and by nobody else.
        assert_eq!(tab.challenge("second") != asked, of.is_some(), "the challenge tells");
        page.replace(&tab.challenge("second"), "SECOND")
    };
    // The right password without the passkey reads as the wrong one, and as nobody's.
    let expected = read("nobody@example.com", "not the password", None);
    assert_eq!(read("ada@example.com", "not the password", None), expected);
    assert_eq!(read("ada@example.com", PASSWORD, None), expected);
    assert_eq!(read("ada@example.com", PASSWORD, Some(&stranger)), expected);
    assert_eq!(read("ada@example.com", "not the password", Some(&one)), expected);
    assert_eq!(read("nobody@example.com", PASSWORD, Some(&one)), expected);
    // Pages run the one script whose hash they name.
    let answer = vault.client().get(&format!("/login/{}", Tab::new(&vault).login));
    let policy = answer.header("content-security-policy").unwrap().to_owned();
    let page = String::from_utf8(answer.body).unwrap();
    let script = page.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, script.as_bytes());
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash);
    assert!(policy.contains(&format!("script-src 'sha256-{hash}'; form-action")), "{policy}");
    assert!(page.matches("<script").count() == 1 && !policy.contains("unsafe"));
}
