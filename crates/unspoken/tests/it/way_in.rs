//! `import` of what other tools keep: the real sops and the real dotenvx
//! encrypt, Tako's published example stands for Tako.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;
use unspoken_testkit::{Invocation, Output, Project, canary, peers};

/// Tako's example: the key of passphrase `tako-example`, and a value under it.
const TAKO_ID: &str = "b451c0de00000001";
const TAKO_KEY: &str = "s/KWTyNdLaaZ5gbtGfVtv8CwwyGUVMAcdr9tqoXdPpM=";
const TAKO_BLOB: &str = "B4R5kiKJ/KbtGpzPP/5iwvjvN0e+OtpeCO8VVvjGoLtGfddP1Xda3AMvHALMpNZf";
const TAKO_VALUE: &str = "sk-example-key-12345";

fn project() -> Project {
    Project::with_environments(&["development", "production"])
}

#[track_caller]
fn import(project: &Project, arguments: &[&str]) -> Output {
    project.unspoken([&["import"], arguments].concat()).run().is_silent_on_values()
}

/// The import fails, and everything is as it was.
#[track_caller]
fn refused(project: &Project, call: Invocation, code: i32) -> Output {
    let before = project.snapshot();
    let output = call.run().is_silent_on_values().fails_with(code);
    project.is_as(&before);
    output
}

fn write_private(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

mod tako {
    use super::*;

    fn file(project: &Project) -> String {
        let text = json!({
            "production": {
                "key_id": TAKO_ID,
                "app": {
                    "API_KEY": TAKO_BLOB,
                    "DATED": { "value": TAKO_BLOB, "expires_on": "2031-01-31" },
                },
            },
        });
        fs::create_dir(project.root().join(".tako")).unwrap();
        project.write(".tako/secrets.json", text.to_string());
        ".tako/secrets.json".to_owned()
    }

    fn with_key(project: &Project) -> Invocation {
        write_private(&project.home().join("tako/keys").join(TAKO_ID), TAKO_KEY);
        let call = project.unspoken(["import", ".tako/secrets.json", "-e", "production"]);
        call.env("TAKO_HOME", project.home().join("tako"))
    }

    fn is_taken_over(project: &Project, environment: &str) {
        project.has(environment, "API_KEY", TAKO_VALUE);
        let listed = project.unspoken(["list", "-e", environment, "--json"]).run().ok();
        assert!(listed.text().contains("2031-01-31"), "{}", listed.text());
    }

    #[test]
    fn its_example_is_taken_over_with_the_key_of_its_home() {
        let project = project();
        let file = file(&project);
        let output = with_key(&project).run().ok();
        output.clone().says("API_KEY added\n").says("DATED added, until 2031-01-31");
        output.says("production: 2 added").says("still there, encrypted");
        is_taken_over(&project, "production");
        assert!(project.root().join(&file).exists());
        assert!(!project.read(".gitignore").contains("tako"));

        // In its default place it is found too, and the file goes where that is asked for.
        let home = project.home();
        write_private(&home.join(".local/share/tako/keys").join(TAKO_ID), TAKO_KEY);
        let arguments = [&file, "-e", "development", "--from-env", "production", "--remove"];
        import(&project, &arguments).ok().says("removed .tako/secrets.json");
        is_taken_over(&project, "development");
        assert!(!project.root().join(&file).exists());
    }

    #[test]
    fn a_passphrase_comes_from_a_file_or_a_pipe() {
        for text in ["tako-example\n", "tako-example"] {
            let project = project();
            let file = file(&project);
            let passphrase = project.home().join("passphrase");
            fs::write(&passphrase, text).unwrap();
            let passphrase = passphrase.to_str().unwrap();
            import(&project, &[&file, "-e", "production", "--passphrase-file", passphrase]).ok();
            is_taken_over(&project, "production");
        }
        let project = project();
        let file = file(&project);
        let arguments = ["import", &file, "-e", "production", "--passphrase-file", "/dev/fd/0"];
        project.unspoken(arguments).stdin("tako-example\n").run().ok();
        is_taken_over(&project, "production");
    }

    #[test]
    fn a_key_that_is_wrong_loose_or_missing_changes_nothing() {
        let project = project();
        let file = file(&project);
        let call = |project: &Project| project.unspoken(["import", &file, "-e", "production"]);
        refused(&project, call(&project), 4).says("not on this machine").says("--passphrase-file");
        let call = |project: &Project| call(project).env("TAKO_HOME", project.home().join("tako"));
        let key = project.home().join("tako/keys").join(TAKO_ID);
        write_private(&key, TAKO_KEY.replace("s/KW", "s/KX"));
        refused(&project, call(&project), 5).says("`API_KEY` does not open").says("`DATED`");
        write_private(&key, TAKO_KEY.replace("PpM=", ""));
        refused(&project, call(&project), 4).says("holds no key of Tako's");
        write_private(&key, TAKO_KEY);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        refused(&project, call(&project), 4).says("chmod 600");
        let empty = project.home().join("empty");
        fs::write(&empty, "\n").unwrap();
        for (path, code) in
            [(&empty, 10), (&project.home().join("absent"), 1), (&Path::new(&file).to_owned(), 5)]
        {
            let call = call(&project);
            let mut command = call.command();
            command.arg("--passphrase-file").arg(path);
            assert_eq!(command.output().unwrap().status.code(), Some(code), "{path:?}");
        }
    }

    #[test]
    fn a_changed_byte_an_unknown_environment_and_a_wrong_name_change_nothing() {
        let project = project();
        let file = file(&project);
        let whole = project.read(&file);
        project.write(&file, whole.replacen("B4R5", "B4R6", 1));
        let output = refused(&project, with_key(&project), 5);
        assert!(output.stderr.contains("`API_KEY` does not open"), "{output:?}");
        assert!(!output.stderr.contains("DATED"), "{output:?}");
        project.write(&file, whole.replacen("API_KEY", "api_key", 1));
        refused(&project, with_key(&project), 1).says("`api_key`").says("--rename OLD=NEW");
        project.write(&file, whole.replacen("2031-01-31", "2031-02-31", 1));
        refused(&project, with_key(&project), 1).says("`DATED`: that day");
        project.write(&file, &whole);
        let call = project.unspoken(["import", &file, "-e", "development"]);
        refused(&project, call, 3).says("no environment `development`").says("`production`");
        let call = project.unspoken(["import", &file, "--from-env", "production"]);
        refused(&project, call, 2);
    }

    #[test]
    fn what_else_is_in_the_file_keeps_it() {
        let project = project();
        let file = file(&project);
        let more = project.read(&file).replacen(
            "\"key_id\"",
            "\"storages\":{\"uploads\":{\"access_key_id\":\"x\"}},\"key_id\"",
            1,
        );
        project.write(&file, more);
        write_private(&project.home().join(".local/share/tako/keys").join(TAKO_ID), TAKO_KEY);
        let output = import(&project, &[&file, "-e", "production", "--remove"]).ok();
        output.says("`storages` is left out").says("is kept");
        assert!(project.root().join(&file).exists());
    }
}

mod sops {
    use super::*;

    const NAMES: [&str; 2] = ["json", "dotenv"];

    struct Sealed {
        project: Project,
        key: std::path::PathBuf,
        file: &'static str,
    }

    /// A project beside which lies a file that sops encrypted.
    fn sealed(form: &str, plain: &str) -> Sealed {
        let project = project();
        let key = project.home().join("age.txt");
        project.program(peers().age_keygen(), ["-o", key.to_str().unwrap()]).run().ok();
        let text = fs::read_to_string(&key).unwrap();
        let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        let file = if form == "json" { "old.json" } else { "old.env" };
        let flags = ["encrypt", "--age", recipient, "--input-type", form, "--output-type", form];
        let flags = [&flags[..], &["--filename-override", file, "/dev/stdin"]].concat();
        let sealed = project.program(peers().sops(), flags).stdin(plain).run().ok();
        project.write(file, sealed.stdout);
        Sealed { project, key, file }
    }

    fn plain(form: &str) -> String {
        let c = canary("sops");
        match form {
            "json" => format!("{{\"A\":\"{c}\\n#\",\"N\":7,\"T\":true,\"E\":\"\"}}"),
            _ => format!("A={c}\\n#\nN=7\n# a comment\nT=true\nE=\n"),
        }
    }

    impl Sealed {
        fn import(&self, arguments: &[&str]) -> Invocation {
            let arguments = [&["import", self.file], arguments].concat();
            self.project.unspoken(arguments).env("SOPS_AGE_KEY_FILE", &self.key)
        }
    }

    #[test]
    fn its_documents_are_opened_and_stay_where_they_are() {
        for form in NAMES {
            let sealed = sealed(form, &plain(form));
            let before = sealed.project.read(sealed.file);
            let output = sealed.import(&["-e", "production"]).run().ok().is_silent_on_values();
            output.says("production: 4 added").says("still there, encrypted");
            sealed.project.has("production", "A", format!("{}\n#", canary("sops")));
            sealed.project.has("production", "N", "7");
            sealed.project.has("production", "T", "true");
            sealed.project.has("production", "E", "");
            assert!(before == sealed.project.read(sealed.file), "{form}");

            let bytes = before.clone();
            let call = sealed.project.unspoken(["import", "-"]);
            let call = call.env("SOPS_AGE_KEY_FILE", &sealed.key).stdin(bytes);
            call.run().ok().says("4 added");
            sealed.import(&["-e", "production", "--remove"]).run().ok().says("4 unchanged");
            assert!(!sealed.project.root().join(sealed.file).exists(), "{form}");
        }
    }

    #[test]
    fn without_the_key_or_with_a_changed_byte_nothing_happens() {
        for form in NAMES {
            let sealed = sealed(form, &plain(form));
            let bare = || sealed.project.unspoken(["import", sealed.file]);
            let output = refused(&sealed.project, bare(), 4);
            output.says("it is for: age1").says("SOPS_AGE_KEY_FILE");
            let whole = sealed.project.read(sealed.file);
            for (what, changed, code) in [
                ("a byte", whole.replacen("data:", "data:AAAA", 1), 5),
                ("a name", whole.replacen("A=ENC", "B=ENC", 1).replacen("\"A\"", "\"B\"", 1), 5),
                ("a value is gone", without_a_line(&whole, "N"), 5),
                ("the MAC is gone", without_a_line(&whole, "mac"), 5),
            ] {
                assert!(changed != whole, "{form}: {what}");
                sealed.project.write(sealed.file, changed);
                refused(&sealed.project, sealed.import(&["--format", "sops"]), code);
            }
        }
    }

    fn without_a_line(text: &str, name: &str) -> String {
        let is_it = |line: &&str| {
            let line = line.trim_start().trim_start_matches('"').trim_start_matches("sops_");
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['=', '"']))
        };
        text.split_inclusive('\n').filter(|line| !is_it(line)).collect()
    }

    #[test]
    fn names_of_others_are_all_told_and_can_be_changed() {
        let c = canary("names");
        let text = format!("{{\"db-url\":\"{c}\",\"apiKey\":\"{c}\",\"OK\":\"{c}\"}}");
        let sealed = sealed("json", &text);
        let output = refused(&sealed.project, sealed.import(&[]), 1);
        output.says("2 things are wrong").says("`db-url`").says("`apiKey`").says("--uppercase");
        let call = sealed.import(&["--rename", "apiKey=API_KEY"]);
        refused(&sealed.project, call, 1).says("1 thing is wrong").says("`db-url`");
        let call = sealed.import(&["--uppercase", "--rename", "nothing=API_KEY"]);
        refused(&sealed.project, call, 2).says("no `nothing`");
        let call = sealed.import(&["--uppercase", "--rename", "apiKey=OK"]);
        refused(&sealed.project, call, 1).says("would both be `OK`");
        refused(&sealed.project, sealed.import(&["--rename", "apiKey=lower"]), 2);
        sealed.import(&["--uppercase", "--rename", "apiKey=API_KEY"]).run().ok();
        for name in ["DB_URL", "API_KEY", "OK"] {
            sealed.project.has("development", name, &c);
        }
    }

    #[test]
    fn what_is_not_flat_or_in_the_clear_is_told() {
        let c = canary("tree");
        let sealed = sealed("json", &format!("{{\"DB\":{{\"url\":\"{c}\"}},\"A\":\"{c}\"}}"));
        refused(&sealed.project, sealed.import(&[]), 1).says("`DB` is null, a list or an object");
        let sealed = self::sealed("json", &format!("{{\"a_unencrypted\":\"x\",\"A\":\"{c}\"}}"));
        let output = sealed.import(&["--rename", "a_unencrypted=PORT"]).run().ok();
        output.says("`PORT` stands in the file in plaintext");
    }

    #[test]
    fn a_document_of_our_own_is_not_taken_for_one_of_sops() {
        let project = project();
        project.set("production", "A", canary("own"));
        let call = project.unspoken(["import", "secrets/production.json"]);
        refused(&project, call, 10).says("the document of `production` in this project");
        let elsewhere = project.root().join("elsewhere.json");
        fs::copy(project.document("production"), elsewhere).unwrap();
        let call = project.unspoken(["import", "elsewhere.json"]);
        refused(&project, call, 10).says("`acme-web/production`").says("unspoken export");
    }
}

mod envless {
    use super::*;

    /// A repository as `envless init` and `envless set` leave it.
    fn repository(project: &Project, environments: &[&str]) -> String {
        let key = project.root().join(".envless/identity.key");
        fs::create_dir(project.root().join(".envless")).unwrap();
        project.program(peers().age_keygen(), ["-o", key.to_str().unwrap()]).run().ok();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let text = fs::read_to_string(&key).unwrap();
        let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        project.write(".envless/recipients", format!("{recipient}\n"));
        for environment in environments {
            let flags = ["encrypt", "--age", recipient, "--input-type", "dotenv"];
            let flags = [&flags[..], &["--output-type", "dotenv", "/dev/stdin"]].concat();
            let plain = format!("A={}\nONLY=in {environment}\n", canary(environment));
            let sealed = project.program(peers().sops(), flags).stdin(plain).run().ok();
            project.write(format!("secrets/{environment}.env.enc"), sealed.stdout);
        }
        recipient.to_owned()
    }

    #[test]
    fn all_its_environments_are_taken_over() {
        let project = Project::with_environments(&["dev", "prod"]);
        repository(&project, &["dev", "prod"]);
        let output = import(&project, &["."]).ok();
        output.says("dev: 2 added").says("prod: 2 added").says("still there, encrypted");
        for environment in ["dev", "prod"] {
            project.has(environment, "A", canary(environment));
            project.has(environment, "ONLY", format!("in {environment}"));
        }
        let output = import(&project, &[".", "--json", "--remove"]).ok();
        let said = output.json();
        assert_eq!(said["environments"][1]["environment"], "prod");
        assert_eq!(said["environments"][1]["removed"], true);
        assert!(!project.root().join("secrets/dev.env.enc").exists());
        assert!(project.root().join(".envless/identity.key").exists());
    }

    #[test]
    fn one_environment_goes_where_it_is_sent() {
        let project = project();
        repository(&project, &["dev", "prod"]);
        let call = project.unspoken(["import", "."]);
        refused(&project, call, 3).says("no environment `dev`").says("unspoken env add dev");
        let call = project.unspoken(["import", ".", "-e", "production"]);
        refused(&project, call, 3).says("no environment `production`").says("`dev`, `prod`");
        import(&project, &[".", "-e", "production", "--from-env", "prod"]).ok();
        project.has("production", "A", canary("prod"));
        import(&project, &["secrets/dev.env.enc", "-e", "development"]).ok();
        project.has("development", "A", canary("dev"));
    }

    #[test]
    fn a_conflict_or_a_fault_in_one_leaves_all_as_they_were() {
        let project = Project::with_environments(&["dev", "prod"]);
        repository(&project, &["dev", "prod"]);
        project.set("prod", "ONLY", canary("other"));
        let call = project.unspoken(["import", "."]);
        refused(&project, call, 10).says("in `prod`: ONLY");
        let file = "secrets/prod.env.enc";
        let whole = project.read(file);
        project.write(file, whole.replacen("data:", "data:AAAA", 1));
        let call = project.unspoken(["import", ".", "--on-conflict", "overwrite"]);
        refused(&project, call, 5);
        project.write(file, whole);
        let key = project.root().join(".envless/identity.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        refused(&project, project.unspoken(["import", "."]), 4).says("chmod 600");
        fs::remove_file(&key).unwrap();
        refused(&project, project.unspoken(["import", "."]), 4).says("it is for: age1");
    }

    #[test]
    fn a_document_that_the_project_itself_uses_is_not_removed() {
        let project = project();
        repository(&project, &["dev"]);
        let toml = project.read("unspoken.toml");
        let entry = "\n[environments.dev]\nfile = \"secrets/dev.env.enc\"\n";
        project.write("unspoken.toml", format!("{toml}{entry}"));
        for file in [".", "secrets/dev.env.enc", "./secrets/../secrets/dev.env.enc"] {
            let call = project.unspoken(["import", file, "--remove"]);
            refused(&project, call, 10).says("the document of `dev`").says("unspoken accept");
        }
    }

    #[test]
    fn a_folder_without_one_is_told_of() {
        let project = project();
        refused(&project, project.unspoken(["import", "."]), 2).says("is a folder");
        let call = project.unspoken(["import", ".", "--format", "envless"]);
        refused(&project, call, 3).says("secrets/*.env.enc");
    }
}

mod dotenvx {
    use super::*;

    fn plain() -> String {
        let c = canary("dotenvx");
        format!(
            "# a comment\nA={c}\nLITERAL='{c} ${{A}} \\$'\nLINES=\"{c}\n{c}\"\nEMPTY=\n\
             DOLLAR={c}\\$A\nINSERTS=\"{c} ${{A}}\"\n"
        )
    }

    /// A file that the real dotenvx has encrypted.
    fn encrypted(project: &Project, file: &str, plain: &str) {
        let root = project.root();
        fs::write(root.join(file), plain).unwrap();
        let call = project.program(peers().dotenvx(), ["encrypt", "-f", file]);
        call.env("DOTENVX_NO_ARMOR", "true").run().ok();
        let text = project.read(file);
        assert!(text.contains("encrypted:") && !text.contains(&canary("dotenvx")));
    }

    /// What the real dotenvx reads there.
    fn read(project: &Project, file: &str) -> serde_json::Value {
        let call = project.program(peers().dotenvx(), ["get", "-f", file]);
        call.env("DOTENVX_NO_ARMOR", "true").run().ok().json()
    }

    #[test]
    fn what_it_encrypted_is_what_arrives() {
        let project = project();
        encrypted(&project, ".env.production", &plain());
        encrypted(&project, ".env", &plain());
        let read = read(&project, ".env.production");
        let output = import(&project, &[".env.production", "-e", "production"]).ok();
        output
            .says("`DOTENV_PUBLIC_KEY_PRODUCTION` is left out")
            .says("`INSERTS`: `$` is kept")
            .says("production: 6 added")
            .says("still there, encrypted");
        for name in ["A", "LITERAL", "LINES", "EMPTY", "DOLLAR"] {
            let value = read[name].as_str().unwrap();
            // What dotenvx itself would have inserted is not in it.
            project.has("production", name, value);
        }
        project.has("production", "INSERTS", format!("{} ${{A}}", canary("dotenvx")));
        import(&project, &[".env", "--remove"]).ok().says("removed .env");
        project.has("development", "A", canary("dotenvx"));
        assert!(project.root().join(".env.keys").exists());
    }

    #[test]
    fn the_keys_may_lie_elsewhere_and_older_ones_are_tried() {
        let project = project();
        encrypted(&project, ".env", &plain());
        let keys = project.read(".env.keys");
        fs::remove_file(project.root().join(".env.keys")).unwrap();
        let elsewhere = project.home().join("keys");
        let older = format!("DOTENV_PRIVATE_KEY={},", "07".repeat(32));
        write_private(&elsewhere, keys.replacen("DOTENV_PRIVATE_KEY=", &older, 1));
        let call = project.unspoken(["import", ".env"]);
        refused(&project, call, 4).says(".env.keys").says("--keys-file");
        import(&project, &[".env", "--keys-file", elsewhere.to_str().unwrap()]).ok();
        project.has("development", "LINES", format!("{0}\n{0}", canary("dotenvx")));
    }

    #[test]
    fn another_key_a_changed_byte_and_no_key_change_nothing() {
        let project = project();
        encrypted(&project, ".env", &plain());
        let keys = project.read(".env.keys");
        for (text, code, said) in [
            (format!("DOTENV_PRIVATE_KEY={}\n", "07".repeat(32)), 5, "`LINES` does not open"),
            (format!("DOTENV_PRIVATE_KEY={}\n", "00".repeat(32)), 4, "line 1"),
            ("DOTENV_PRIVATE_KEY=x\n".to_owned(), 4, "64 hexadecimal"),
            ("# nothing\n".to_owned(), 4, "holds no `DOTENV_PRIVATE_KEY`"),
        ] {
            project.write(".env.keys", text);
            refused(&project, project.unspoken(["import", ".env"]), code).says(said);
        }
        project.write(".env.keys", keys);
        let whole = project.read(".env");
        let at = whole.find("A=encrypted:").unwrap() + 150;
        let other = if whole.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut flipped = whole.clone();
        flipped.replace_range(at..=at, other);
        project.write(".env", flipped);
        let output = refused(&project, project.unspoken(["import", ".env"]), 5);
        output.says("1 thing is wrong").says("`A` does not open");
        project.write(".env", whole.replacen("\nA=", "\nlower=", 1));
        refused(&project, project.unspoken(["import", ".env"]), 1).says("`lower`");
    }
}

mod exports {
    use super::*;

    #[test]
    fn doppler_and_infisical_are_plaintext_and_are_removed() {
        let project = project();
        let c = canary("export");
        let names = ["DOPPLER_PROJECT", "DOPPLER_ENVIRONMENT", "DOPPLER_CONFIG"];
        let mut flat = json!({ "A": c, "B": format!("{c}\n") });
        let mut full = json!({ "A": { "computed": c, "raw": "${B}" } });
        for name in names {
            flat[name] = json!("x");
            full[name] = json!({ "computed": "x" });
        }
        let list = json!([{ "key": "A", "value": c, "type": "shared", "workspace": "w" }]);
        for (file, text, left_out) in [
            ("flat.json", flat.to_string(), true),
            ("full.json", full.to_string(), true),
            ("list.json", list.to_string(), false),
        ] {
            project.write(file, text);
            let output = import(&project, &[file]).ok();
            assert!(output.stderr.contains("`DOPPLER_CONFIG` is left out") == left_out, "{file}");
            project.has("development", "A", &c);
            assert!(!project.root().join(file).exists(), "{file} is still there");
        }
        project.get("development", "DOPPLER_PROJECT").fails_with(3);
        let call = project.unspoken(["import", "-", "--format", "infisical"]).stdin("{}");
        refused(&project, call, 1).says("`key` and a `value`");
    }

    #[test]
    fn flags_without_a_meaning_and_names_that_meet_are_refused() {
        let project = project();
        let c = canary("flags");
        project.write(".env", format!("a-b={c}\nA_B={c}\n"));
        for flags in [
            &["-e", "production", "--from-env", "x"][..],
            &["--passphrase-file", "x"],
            &["--keys-file", "x"],
            &["--keep", "--remove"],
            &["--format", "envless"],
        ] {
            let call = project.unspoken([&["import", ".env"], flags].concat());
            let before = project.snapshot();
            assert!(call.run().is_silent_on_values().code != 0, "{flags:?}");
            project.is_as(&before);
        }
        let call = project.unspoken(["import", ".env", "--uppercase"]);
        refused(&project, call, 1).says("line 2: `A_B`: the name is that of another value");
        import(&project, &[".env", "--rename", "a-b=OTHER"]).ok().says("line 1: OTHER added");
        project.has("development", "OTHER", &c);
    }

    #[test]
    fn init_does_not_take_an_encrypted_file_for_a_plaintext_one() {
        let project = Project::empty();
        project.write(".env", "A=encrypted:BCYRhyqp\n");
        let call = project.unspoken(["init", "--project", "acme", "--import", ".env"]);
        refused(&project, call, 2).says("is encrypted");
    }
}
