//! Documents that the real sops has encrypted.

use super::*;

const NAMES: [&str; 3] = ["json", "dotenv", "yaml"];

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
    let file = match form {
        "json" => "old.json",
        "yaml" => "old.yaml",
        _ => "old.env",
    };
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
        "yaml" => format!("A: \"{c}\\n#\"\n# a comment\nN: 7\nT: true\nE: \"\"\n"),
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
            (
                "a name",
                whole
                    .replacen("A=ENC", "B=ENC", 1)
                    .replacen("\"A\"", "\"B\"", 1)
                    .replacen("A: ENC", "B: ENC", 1),
                5,
            ),
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
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['=', '"', ':']))
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
