//! TLS to the database: a real PostgreSQL that lets nobody in without.

use unspoken_testkit::{Vault, canary};

/// What `check` says of the same database at another address.
fn check(vault: &Vault, url: &str) -> (bool, String) {
    let (cluster, _) = vault.cluster();
    let mut command = std::process::Command::new(unspoken_testkit::vault_binary());
    command.args(["check", "--database", url, "--master-key-file"]).arg(vault.master_key());
    command.env_clear().env("PGPASSWORD", cluster.password());
    let said = command.output().unwrap();
    let text = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
    assert!(!text.contains(cluster.password()), "it repeats a password");
    (said.status.success(), text)
}

#[test]
fn a_database_is_reached_by_tls_and_believed_by_its_certificate() {
    let mut vault = Vault::on_cluster_by_tls();
    let ground = vault.ground();
    ground.set("KEY", &canary("database-tls"));
    ground.has(&ground.owner, "KEY", &canary("database-tls"));
    // It comes back by TLS as well.
    vault.cluster().0.crash();
    ground.owner.get(&ground.secret("KEY")).is(503);
    vault.cluster().0.start();
    let answered = (0..100).find(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        ground.owner.get(&ground.secret("KEY")).status == 200
    });
    assert!(answered.is_some());
    vault.stop();

    let (cluster, database) = vault.cluster();
    let (right, wrong) = (cluster.root(true), cluster.root(false));
    let (right, wrong) = (right.display(), wrong.display());
    let url = |host: &str, query: &str| cluster.far_url(host, database, query);
    // The session is tied to the certificate, and `require` checks it too.
    for query in [
        format!("sslmode=require&sslrootcert={right}&channel_binding=require"),
        format!("sslrootcert={right}"),
    ] {
        let (is_fine, said) = check(&vault, &url("localhost", &query));
        assert!(is_fine, "{query}: {said}");
    }
    for (host, query, expected) in [
        // Somebody else's root, the system's, and a name that is not in the certificate.
        ("localhost", format!("sslmode=require&sslrootcert={wrong}"), "no TLS with it"),
        ("localhost", "sslmode=verify-full".to_owned(), "no TLS with it"),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={right}"), "no TLS with it"),
        // The server wants TLS.
        ("localhost", "sslmode=disable".to_owned(), "PostgreSQL: 28000"),
        ("localhost", "application_name=x".to_owned(), "PostgreSQL: 28000"),
        ("localhost", "sslmode=prefer".to_owned(), "is one of"),
    ] {
        let (is_fine, said) = check(&vault, &url(host, &query));
        assert!(!is_fine && said.contains(expected), "{query}: {said}");
    }
}

#[test]
fn a_database_without_tls_is_none_that_tls_was_asked_of() {
    let vault = Vault::idle(unspoken_testkit::Database::Postgres);
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    // What every PostgreSQL without TLS answers to who asks for it.
    std::thread::spawn(move || {
        for mut stream in server.incoming().map_while(Result::ok) {
            let _ = std::io::Read::read_exact(&mut stream, &mut [0; 8]);
            let _ = std::io::Write::write_all(&mut stream, b"N");
        }
    });
    let key = vault.master_key();
    let mut command = std::process::Command::new(unspoken_testkit::vault_binary());
    let url = format!("postgres://vault@localhost:{port}/vault?sslmode=require");
    command.args(["check", "--database", &url, "--master-key-file"]).arg(key).env_clear();
    let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(said.contains("it speaks no TLS"), "{said}");
}
