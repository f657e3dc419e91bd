//! From a document to the vault and back.

use unspoken_testkit::canary;

use super::ground::Linked;

#[test]
fn a_document_goes_to_the_vault_and_comes_back() {
    let linked = Linked::new();
    let (project, url) = (&linked.project, linked.server.url());
    linked.set("development", "A", &canary("a"), &["--expires", "2099-01-31"]);
    linked.set("development", "B", &canary("two\nlines"), &[]);
    linked.run(&["push", "development"]).fails_with(2).says("--vault");
    linked.run(&["push", "development", "--vault", &url]).fails_with(10).says("added: A, B");

    let pushed = linked.run(&["push", "development", "--vault", &url, "--yes", "--json"]);
    let report = pushed.ok().is_silent_on_values().json();
    assert_eq!(report["difference"]["added"][1], "B");
    assert_eq!((&report["revision"], &report["linked"]), (&1.into(), &false.into()));
    // The same again is nothing.
    let again = linked.run(&["push", "development", "--vault", &url, "--json"]).ok().json();
    assert_eq!(
        (&again["revision"], &again["difference"]["added"]),
        (&1.into(), &serde_json::json!([]))
    );

    let before = project.read("unspoken.toml");
    let linked_now = linked.run(&["push", "dev", "--vault", &url, "--link"]).ok();
    linked_now.says("git rm secrets/development.json");
    let file = project.read("unspoken.toml");
    assert!(file.contains("source = \"vault\"") && !file.contains("seal_key"), "{file}");
    assert!(project.document("development").exists());
    linked.has("development", "B", &canary("two\nlines"));
    linked.run(&["push", "development"]).fails_with(10).says("lives in the vault already");
    // It is the vault's now.
    linked.set("development", "A", &canary("changed"), &["--yes"]);
    linked.run(&["rm", "B", "--yes"]).ok();
    linked.set("development", "C", &canary("c"), &[]);

    linked.run(&["pull", "development"]).fails_with(10).says("--unlink");
    let there = linked.run(&["pull", "development", "--unlink", "--yes"]);
    there.fails_with(10).says("is there already");
    std::fs::remove_file(project.document("development")).unwrap();
    linked.run(&["pull", "development", "--unlink", "--yes"]).ok().is_silent_on_values();
    let file = project.read("unspoken.toml");
    assert!(!file.contains("source =") && file.contains("seal_key"), "{file}\n{before}");
    // No token is needed any more.
    project.has("development", "A", canary("changed"));
    project.has("development", "C", canary("c"));
    project.get("development", "B").fails_with(3);
    let list = project.unspoken(["list", "--json"]).run().ok();
    assert!(list.text().contains("2099-01-31"));

    // And from there, what differs alone.
    project.set("development", "D", canary("d"));
    linked.run(&["pull", "development"]).fails_with(10).says("removed: D");
    linked.run(&["pull", "development", "--keep"]).ok().says("is the same here");
    linked.run(&["push", "development", "--yes"]).ok();
    linked.run(&["pull", "development", "--json"]).ok();
    let environment = linked.id("development");
    let path = format!("/v1/environments/{environment}/names");
    let names = linked.server.owner("GET", &path, "");
    assert_eq!(names["names"].as_array().unwrap().len(), 3);
    assert_eq!(names["names"][0]["expiry"], "2099-01-31");
}
