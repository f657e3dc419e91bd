//! A real browser, a real provider, and what changes how somebody signs in.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use unspoken_testkit::{Chromium, Database, Vault, canary};

use super::real::Provider;
use super::{Ground, REDIRECT, now};

#[test]
fn a_real_browser_is_asked_anew_before_its_person_changes_something() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let (listen, url) = (format!("127.0.0.1:{port}"), format!("http://localhost:{port}"));
    let provider = Provider::for_vault(&url, "client_secret_basic");
    let (vault, secret) = (Vault::idle(Database::Sqlite), canary("client-secret"));
    let mut ground = Ground::idle(vault, &provider.as_configured(&[]), &secret);
    ground.start_at(&["--listen", &listen, "--url", &url]);
    let ground = ground.begun();
    let (_, invitation) = ground.invite("ada@x");

    let mut browser = Chromium::start();
    browser.add_authenticator();
    let open = |browser: &mut Chromium| {
        let login = ground.begin(Some(REDIRECT)).login;
        browser.open(&format!("{url}/login/{login}"));
    };
    let be_ada = |browser: &mut Chromium| {
        browser.wait("document.getElementsByName('login').length === 1");
        browser.fill("login", "ada");
        browser.fill("password", "whatever");
        browser.click("Sign-in");
    };
    open(&mut browser);
    browser.click("Use your invitation");
    browser.wait_for("Paste the invitation");
    browser.fill("invitation", &invitation);
    browser.click("Use Acme & Sons instead of a password");
    be_ada(&mut browser);
    browser.wait_for("Authorize");
    browser.click("Continue");
    browser.wait_for("Allow this sign-in?");
    // The provider counts in seconds: one who signed in in this one need not do so again.
    let since = now();
    while now() == since {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Whoever sits there now is let in without being asked, and is shown what there is.
    open(&mut browser);
    browser.click("Sign in with Acme & Sons");
    browser.wait_for("Allow this sign-in?");
    browser.click("How you sign in");
    browser.wait_for("Before something is changed here, show once more that it is you.");
    let buttons = "[...document.querySelectorAll('button')].map((it) => it.innerText).join()";
    assert_eq!(browser.ask(buttons), "Sign in again at Acme & Sons");
    look(&mut browser);
    browser.click("Sign in again at Acme & Sons");
    be_ada(&mut browser);
    browser.wait_for("How you sign in");
    browser.fill("name", "laptop");
    browser.click("Add a passkey");
    browser.wait_for("laptop");
    look(&mut browser);
    browser.ask("document.querySelector('[aria-label=\"Remove Acme & Sons\"]').click()");
    browser.wait_for("None is linked to you yet.");
    browser.wait_for("Sign in with Acme & Sons from now on");
    open(&mut browser);
    browser.click("Sign in with Acme & Sons");
    browser.wait_for("does not open this vault");
    browser.click("Sign in with a passkey");
    browser.wait_for("Allow this sign-in?");
    browser.click("How you sign in");
    browser.wait_for("Sign in with Acme & Sons from now on");
}

/// Demands that nothing lies beside the page, however narrow it is.
fn look(browser: &mut Chromium) {
    for width in [360, 800] {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        browser.order("Emulation.setDeviceMetricsOverride", &size);
        let wide = "document.documentElement.scrollWidth > innerWidth";
        assert_eq!(browser.ask(wide), false, "{width}");
    }
}
