use super::*;
use proptest::prelude::*;

fn name(text: &str) -> EnvironmentName {
    EnvironmentName::parse(text).unwrap()
}

const FULL: &str = "# ours\n\
    project = \"acme-web\"\n\
    default = \"development\" # the usual\n\
    \n\
    [environments.development]\n\
    \n\
    [environments.staging]\n\
    inherits = \"development\"\n\
    \n\
    [environments.production]\n\
    inherits = \"staging\"\n\
    file = \"secrets/prod.env.enc\"\n\
    seal_key = \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n";

#[test]
fn parse_reads_every_field() {
    let file = ProjectFile::parse(FULL).unwrap();

    assert_eq!(file.project.as_str(), "acme-web");
    assert_eq!(file.default, name("development"));
    assert_eq!(file.document_path(&name("staging")), "secrets/staging.json");
    assert_eq!(file.document_path(&name("production")), "secrets/prod.env.enc");
    assert_eq!(file.entry(&name("production")).unwrap().seal_key, Some(SealKey::new([0; 32])));
    assert_eq!(
        file.ancestry(&name("production")).unwrap(),
        [name("production"), name("staging"), name("development")]
    );
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    #[track_caller]
    fn case(text: &str, line: usize, message: &str) {
        let error = ProjectFile::parse(text).unwrap_err();
        assert_eq!((error.line, error.problem.to_string().as_str()), (line, message));
    }

    case("", 1, "the key `project` is missing");
    case("project = 7\n", 1, "`project` must be a text in quotes");
    case(
        "project = \"A\"",
        1,
        "`project` is no name: 'A' at byte 0 cannot stand in it (a-z, then a-z, 0-9, `-` and `_`)",
    );
    case(&FULL.replace("default =", "defualt ="), 3, "unknown key `defualt`");
    case(
        &FULL.replace("seal_key", "sealkey"),
        13,
        "unknown key `sealkey` in `[environments.production]`",
    );
    case(&FULL.replace("AAA=", "AAA"), 13, "`seal_key` must be 32 bytes in base64");
    case(
        &FULL.replace("secrets/prod.env.enc", "../prod.env"),
        12,
        "`file` must be a plain path below the root that git can hold, `../prod.env` is not",
    );
    case(
        &FULL.replace("secrets/prod.env.enc", "/etc/prod.env"),
        12,
        "`file` must be a plain path below the root that git can hold, `/etc/prod.env` is not",
    );
    case(
        &FULL.replace("secrets/prod.env.enc", "secrets/prod.txt"),
        12,
        "`secrets/prod.txt` must end in `.json`, `.yaml`, `.yml`, `.env` or `.env.enc`",
    );
    case(
        &FULL.replace("secrets/prod.env.enc", "secrets/staging.json"),
        12,
        "two environments share the document `secrets/staging.json`",
    );
    case(
        &FULL.replace("\"staging\"", "\"stagin\""),
        11,
        "`environments.production.inherits` names `stagin`, which is not one of the environments",
    );
    case(
        &FULL.replace("\"development\" #", "\"dev\" #"),
        3,
        "`default` names `dev`, which is not one of the environments",
    );
    case(
        &FULL.replace(
            "[environments.development]\n",
            "[environments.development]\ninherits = \"production\"\n",
        ),
        6,
        "the environments inherit from each other in a circle: development → production → staging → development",
    );
}

#[test]
fn names_whose_values_may_be_seen_are_read() {
    let text = "project = \"acme\"\ndefault = \"dev\"\nvisible = [\"PORT\", \"AWS_REGION\"]\n\n[environments.dev]\n";
    let file = ProjectFile::parse(text).unwrap();
    assert!(file.visible.iter().map(SecretName::as_str).eq(["AWS_REGION", "PORT"]));
    let error = ProjectFile::parse(&text.replace("PORT", "port")).unwrap_err();
    assert_eq!(error.line, 3);
    assert!(error.to_string().contains("`visible` is no secret's name"), "{error}");
}

#[test]
fn the_run_mode_is_one_of_two() {
    let file = |line: &str| {
        ProjectFile::parse(&format!(
            "project = \"acme\"\ndefault = \"test\"\n{line}\n[environments.test]\n"
        ))
    };
    for (line, mode) in [
        ("", RunMode::Environment),
        ("run_mode = \"environment\"", RunMode::Environment),
        ("run_mode = \"fd\"", RunMode::Descriptor),
    ] {
        assert_eq!(file(line).unwrap().run_mode, mode, "{line}");
    }
    for line in ["run_mode = \"pipe\"", "run_mode = \"\"", "run_mode = \"FD\""] {
        let error = file(line).unwrap_err();
        assert_eq!((error.line, error.problem), (3, ProjectFileProblem::RunMode), "{line}");
    }
    assert!(matches!(
        file("run_mode = 3").unwrap_err().problem,
        ProjectFileProblem::NotText { .. }
    ));
}

#[test]
fn only_plain_paths_that_git_can_hold_are_documents() {
    for (path, fits) in [
        ("secrets/prod.env.enc", true),
        ("secrets/prod.yaml", true),
        ("prod.yml", true),
        ("prod.yaml.enc", false),
        ("prod.YAML", false),
        (".env.enc", true),
        ("a/.env.prod.enc", false),
        (".env", false),
        ("a/.env.local.env", false),
        (".git/x.json", false),
        (".GIT/x.json", false),
        ("x;touch y.json", false),
        ("a\\nb.json", false),
        ("a//b.json", false),
        ("secrets/Staging.json", false),
    ] {
        let text = FULL.replace("secrets/prod.env.enc", path);
        assert_eq!(ProjectFile::parse(&text).is_ok(), fits, "{path}");
    }
}

#[test]
fn an_edit_keeps_comments_and_order() {
    let mut file = ProjectFile::parse(FULL).unwrap();
    file.pin(&name("staging"), SealKey::new([1; 32]));
    file.add(
        &name("preview"),
        EnvironmentEntry { inherits: Some(name("staging")), ..Default::default() },
    );

    let text = file.print();
    assert!(
        text.starts_with("# ours\nproject = \"acme-web\"\ndefault = \"development\" # the usual\n")
    );
    assert!(text.ends_with("\n\n[environments.preview]\ninherits = \"staging\"\n"), "{text}");
    let again = ProjectFile::parse(text).unwrap();
    assert_eq!(again.environments, file.environments);
}

#[test]
fn a_new_file_is_read_back() {
    let mut file = ProjectFile::new(ProjectName::parse("acme").unwrap(), name("development"));
    file.add(&name("production"), EnvironmentEntry::default());
    let again = ProjectFile::parse(file.print()).unwrap();
    assert_eq!(again.environments, file.environments);
    assert_eq!(again.default, name("development"));
}

#[test]
fn the_example_in_a_new_file_can_be_taken_as_it_is_whatever_was_added() {
    let mut file = ProjectFile::new(ProjectName::parse("acme").unwrap(), name("development"));
    file.introduce(&RecipientName::parse("bob").unwrap(), "age1bob");
    file.grant(&name("development"), &RecipientName::parse("bob").unwrap());
    assert!(file.visible.is_empty());
    let text = file.print().replace("# visible", "visible");
    let again = ProjectFile::parse(&text).unwrap();
    assert!(again.visible.iter().map(SecretName::as_str).eq(["LOG_LEVEL"]), "{text}");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,200}", cut in 0..FULL.len()) {
        drop(ProjectFile::parse(&text));
        let mut mixed = FULL.get(..cut).unwrap_or_default().to_owned();
        mixed.push_str(&text);
        drop(ProjectFile::parse(&mixed));
    }
}

const TEAM: &str = "project = \"acme-web\"\n\
    default = \"development\"\n\
    required = [\"DATABASE_URL\"]\n\
    \n\
    # who we are\n\
    [recipients]\n\
    alice = \"age1alice\" # on her laptop\n\
    \"bob@example.com\" = \"ssh-ed25519 AAAA bob\"\n\
    \n\
    [rotation]\n\
    STRIPE_KEY = \"tools/rotate-stripe\"\n\
    SESSION_KEY = [\"tools/rotate\", \"--length\", \"32\"]\n\
    \n\
    [environments.development]\n\
    recipients = [\"alice\", \"bob@example.com\"]\n\
    \n\
    [environments.production]\n\
    recipients = [\"alice\"]\n\
    required = [\"STRIPE_KEY\"]\n";

fn recipient(text: &str) -> RecipientName {
    RecipientName::parse(text).unwrap()
}

#[test]
fn the_access_list_and_what_is_required_are_read() {
    let file = ProjectFile::parse(TEAM).unwrap();

    let access = |environment| {
        let access = file.access(&name(environment)).into_iter();
        access.map(|(name, key)| format!("{name} {key}")).collect::<Vec<_>>()
    };
    assert_eq!(access("development"), ["alice age1alice", "bob@example.com ssh-ed25519 AAAA bob"]);
    assert_eq!(access("production"), ["alice age1alice"]);
    assert_eq!(file.name_of("age1alice"), Some(&recipient("alice")));
    let required = |environment| {
        let names = file.required(&name(environment));
        names.into_iter().map(SecretName::as_str).collect::<Vec<_>>()
    };
    assert_eq!(required("development"), ["DATABASE_URL"]);
    assert_eq!(required("production"), ["DATABASE_URL", "STRIPE_KEY"]);
    let hook = |name| file.rotation.get(&SecretName::parse(name).unwrap()).unwrap().join(" ");
    assert_eq!(hook("STRIPE_KEY"), "tools/rotate-stripe");
    assert_eq!(hook("SESSION_KEY"), "tools/rotate --length 32");
}

#[test]
fn a_wrong_access_list_is_refused_with_its_line() {
    #[track_caller]
    fn case(from: &str, to: &str, line: usize, message: &str) {
        let text = TEAM.replace(from, to);
        assert_ne!(text, TEAM);
        let error = ProjectFile::parse(&text).unwrap_err();
        assert_eq!((error.line, error.problem.to_string().as_str()), (line, message));
    }

    case(
        "alice = ",
        "Alice = ",
        7,
        "`recipients.Alice` is no recipient's name: 'A' at byte 0 cannot stand in it (a-z or 0-9, \
         then also `-`, `_`, `.`, `@`, `+`)",
    );
    case(
        "ssh-ed25519 AAAA bob",
        "age1alice",
        8,
        "`alice` and `bob@example.com` have the same public key",
    );
    case("age1alice", "", 7, "`recipients.alice` must be a public key in one line");
    case("age1alice", "age1\\n", 7, "`recipients.alice` must be a public key in one line");
    case("\"age1alice\"", "7", 7, "`recipients.alice` must be a text in quotes");
    case(
        "age1alice",
        "AGE-SECRET-KEY-1CANARY",
        7,
        "`recipients.alice` holds a private key, where the public one belongs",
    );
    case(
        "[\"alice\"]",
        "[\"carol\"]",
        18,
        "`environments.production.recipients` names `carol`, which is not in `[recipients]`",
    );
    case(
        "[\"alice\"]",
        "\"alice\"",
        18,
        "`environments.production.recipients` must be a list of texts in quotes",
    );
    case(
        "[\"STRIPE_KEY\"]",
        "[\"2FA\"]",
        19,
        "`environments.production.required` is no secret's name: '2' at byte 0 cannot stand in a \
         secret name (A-Z, then A-Z, 0-9 and `_`)",
    );
    for wrong in ["/bin/sh", "../rotate", "a b", ""] {
        case(
            "tools/rotate-stripe",
            wrong,
            11,
            "`rotation.STRIPE_KEY` must be a program's plain path below the root, then its arguments",
        );
    }
}

#[test]
fn access_is_changed_in_a_line_that_can_be_reviewed() {
    let mut file = ProjectFile::parse(TEAM).unwrap();
    file.introduce(&recipient("carol"), "age1carol");
    file.grant(&name("production"), &recipient("carol"));
    file.grant(&name("production"), &recipient("carol"));

    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let before = lines(TEAM);
    let text = file.print().to_owned();
    let added: Vec<_> = lines(&text).into_iter().filter(|line| !before.contains(line)).collect();
    assert_eq!(added, ["carol = \"age1carol\"", "recipients = [\"alice\", \"carol\"]"]);
    let again = ProjectFile::parse(&text).unwrap();
    assert_eq!((&again.environments, &again.recipients), (&file.environments, &file.recipients));

    file.forget(&recipient("carol"));
    assert_eq!(file.print(), TEAM);
    file.forget(&recipient("alice"));
    let again = ProjectFile::parse(file.print()).unwrap();
    assert_eq!(again.access(&name("production")), []);
    assert_eq!(again.environments, file.environments);
}

#[test]
fn the_first_recipient_makes_the_table_before_the_environments() {
    let mut file = ProjectFile::new(ProjectName::parse("acme").unwrap(), name("development"));
    file.introduce(&recipient("alice"), "age1alice");
    file.introduce(&recipient("bob@example.com"), "age1bob");
    file.grant(&name("development"), &recipient("alice"));
    assert!(
        file.print().ends_with(
            "default = \"development\"\n\n[recipients]\nalice = \"age1alice\"\n\
             \"bob@example.com\" = \"age1bob\"\n\n[environments.development]\n\
             recipients = [\"alice\"]\n"
        ),
        "{}",
        file.print()
    );
    assert_eq!(ProjectFile::parse(file.print()).unwrap().recipients, file.recipients);
}

const VAULT: &str = "project = \"acme\"\ndefault = \"dev\"\n\n# Ours.\n[vault]\n\
                     url = \"https://Vault.example.com/\"\nproject = \"proj_0123456789ab\"\n\n\
                     [environments.dev]\n\n[environments.staging] # shared\nsource = \"vault\"\n\
                     inherits = \"dev\"\n";

#[test]
fn an_environment_says_that_it_lives_in_a_vault() {
    #[track_caller]
    fn case(from: &str, to: &str, line: usize, problem: &str) {
        let text = VAULT.replace(from, to);
        assert_ne!(text, VAULT, "{from}");
        let error = ProjectFile::parse(&text).unwrap_err();
        assert_eq!(error.to_string(), format!("line {line}: {problem}"));
    }

    let file = ProjectFile::parse(VAULT).unwrap();
    let vault = file.vault.as_ref().unwrap();
    assert_eq!(vault.url.as_str(), "https://vault.example.com");
    assert_eq!(vault.project.unwrap().to_string(), "proj_0123456789ab");
    assert!(file.is_in_vault(&name("staging")) && !file.is_in_vault(&name("dev")));
    let document = VAULT.replace("source = \"vault\"", "source = \"document\"");
    assert!(!ProjectFile::parse(&document).unwrap().is_in_vault(&name("staging")));

    let beside =
        |key: &str| format!("`{key}` belongs to a document, and this environment lives in a vault");
    case("\"vault\"", "\"Vault\"", 12, "`source` must be `document` or `vault`");
    case("inherits = \"dev\"", "file = \"a.json\"", 13, &beside("file"));
    case("inherits = \"dev\"", "recipients = []", 13, &beside("recipients"));
    case("inherits = \"dev\"", "seal_key = \"x\"", 13, &beside("seal_key"));
    case(
        "https://",
        "http://",
        6,
        "`vault.url`: a vault's address has no TLS (`http://`) at this machine alone: 127.0.0.1, [::1] or localhost",
    );
    case(
        "proj_0",
        "env_0",
        7,
        "`vault.project`: an id of this kind is `proj_` and 12 letters and digits",
    );
    case("url =", "ulr =", 6, "unknown key `ulr` in `[vault]`");
    let bare = VAULT
        .replace("url = \"https://Vault.example.com/\"\nproject = \"proj_0123456789ab\"\n", "");
    assert!(
        ProjectFile::parse(&bare)
            .unwrap_err()
            .to_string()
            .ends_with("the key `vault.url` is missing")
    );
    let none = bare.replace("[vault]\n", "");
    let error = ProjectFile::parse(&none).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 9: `staging` lives in a vault, and no `[vault]` says in which"
    );
}

#[test]
fn an_environment_moves_to_the_vault_and_back_and_comments_stay() {
    let text = TEAM.replacen("[recipients]", "# Who.\n[recipients]", 1);
    let mut file = ProjectFile::parse(&text).unwrap();
    let entry =
        VaultEntry { url: crate::VaultUrl::parse("https://v.example.com").unwrap(), project: None };
    file.set_vault(entry.clone());
    file.move_to_vault(&name("production"));
    let again = ProjectFile::parse(file.print()).unwrap();
    assert_eq!((&again.environments, &again.vault), (&file.environments, &Some(entry)));
    assert!(again.is_in_vault(&name("production")) && file.print().contains("# Who."));
    assert_eq!(again.access(&name("production")), []);
    let project = crate::ProjectId::new([1; 16]);
    file.set_vault(VaultEntry { project: Some(project), ..file.vault.clone().unwrap() });
    file.move_to_document(&name("production"));
    let again = ProjectFile::parse(file.print()).unwrap();
    assert_eq!(again.vault.as_ref().unwrap().project, Some(project));
    assert!(!again.is_in_vault(&name("production")));
    let mut new = ProjectFile::new(ProjectName::parse("acme").unwrap(), name("dev"));
    new.set_vault(again.vault.unwrap());
    new.add(&name("prod"), EnvironmentEntry { source: Source::Vault, ..Default::default() });
    assert_eq!(ProjectFile::parse(new.print()).unwrap().environments, new.environments);
}
