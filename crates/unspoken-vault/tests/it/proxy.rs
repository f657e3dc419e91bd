//! A vault behind proxies: who asks is who the proxies say, where they are believed.

use serde_json::json;
use unspoken_testkit::{Client, Vault, canary};

/// What a client is told that comes through a proxy on this machine.
fn through(client: &Client, path: &str, said: &str) -> u16 {
    client.get_with(path, ("X-Forwarded-For", said)).status
}

#[test]
fn who_asks_is_said_by_proxies_that_are_believed_and_by_nobody_else() {
    Vault::each(|mut vault| {
        let ground = vault.ground();
        ground.set("KEY", &canary("proxy"));
        let four = ground.agent_with(&json!({ "addresses": ["198.51.100.0/24"] })).client;
        let six = ground.agent_with(&json!({ "addresses": ["2001:db8::/32"] })).client;
        let path = ground.secret("KEY");
        // Nobody is believed who is not named.
        assert_eq!(through(&four, &path, "198.51.100.7"), 401);
        assert_eq!(through(&four, &path, "nonsense"), 401);
        let refused = |range| {
            let said = vault.run(&["serve", "--listen", "127.0.0.1:0", "--trusted-proxy", range]);
            assert_eq!(said.status.code(), Some(2), "{range}");
        };
        ["0.0.0.0/0", "::/0", "nonsense", "10.0.0.0/33"].into_iter().for_each(refused);

        let far = vault.start_limited_with(0, &["--trusted-proxy", "10.0.0.0/8"]);
        assert_eq!(through(&four.at(far), &path, "198.51.100.7"), 401);
        assert_eq!(through(&four.at(far), &path, "nonsense"), 401);

        let believed = ["--trusted-proxy", "127.0.0.1", "--trusted-proxy", "fd00::/8"];
        let near = vault.start_limited_with(0, &believed);
        let (four, six) = (four.at(near), six.at(near));
        for (said, expected) in [
            ("198.51.100.7", 200),
            ("198.51.100.7:4711", 200),
            ("192.0.2.1", 401),
            // What a client says of itself, and what a proxy says of it.
            ("198.51.100.7, 192.0.2.1", 401),
            ("nonsense, 198.51.100.7", 200),
            // Several proxies, and one of them somebody else's.
            ("198.51.100.7, fd00::2, 127.0.0.1", 200),
            ("198.51.100.7, 203.0.113.9, 127.0.0.1", 401),
            ("nonsense", 400),
            ("", 400),
            ("198.51.100.7, unknown", 400),
            ("198.51.100.7,", 400),
        ] {
            assert_eq!(through(&four, &path, said), expected, "{said}");
        }
        assert_eq!(through(&six, &path, "2001:db8::7"), 200);
        assert_eq!(through(&six, &path, "[2001:db8::7]:443, [fd00::2]:80"), 200);
        assert_eq!(through(&six, &path, "2001:dead::7"), 401);
        // Without the header it is the proxy itself that asks.
        four.get(&path).is(401);
        assert_eq!(through(&four, "/readyz", "198.51.100.7"), 200);
        assert_eq!(through(&four, "/readyz", "nonsense"), 400);
        // Two headers are one list.
        let two = [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "fd00::2")];
        four.send("GET", &path, &two, b"").is(200);

        let rows = ground.audit();
        let has = |address: &str| rows.iter().any(|row| row["address"] == address);
        assert!(has("198.51.100.7") && has("2001:db8::7") && has("203.0.113.9"));
    });
}

#[test]
fn each_client_of_a_proxy_has_a_rate_of_its_own() {
    let mut vault = Vault::idle(unspoken_testkit::Database::Sqlite);
    let address = vault.start_limited_with(5, &["--trusted-proxy", "127.0.0.0/8"]);
    let client = Client::new(address);
    let ask = |said: &str| through(&client, "/v1/session", said);
    let busy = (0..40).map(|_| ask("198.51.100.1")).filter(|status| *status == 429).count();
    assert!(busy > 0);
    assert_eq!(ask("198.51.100.2"), 401);
    // Who says that they are somebody else is still one.
    let spoofed = |number: u32| ask(&format!("203.0.113.{number}, 198.51.100.3"));
    let busy = (0..40).map(spoofed).filter(|status| *status == 429).count();
    assert!(busy > 0);
}
