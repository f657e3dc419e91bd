//! Generated text and the real compilers: what is right builds, a misspelt name
//! does not, and a description is never code.
//!
//! Each compiler sees our library where it is in the tree, and else the
//! signatures that it has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use unspoken_testkit::{Project, canary, peers};

use super::{configure, project};

/// Descriptions that would be code if they left their comment, or were taken
/// for an example.
const HOSTILE: &str = r#"
[descriptions]
DATABASE_URL = """
The main one */ let x: number = "no"; /*
\"\"\" raise SystemExit(1) \"\"\"
>>> raise SystemExit(1)

```
compile_error!("a description was taken for code");
```
-     compile_error!("the same");
@deprecated {@link x} \\N{x} \u202e \ufeff"""
"#;

/// Names that are words of a language, or of the text around them.
const WORDS: &str = "
    ABSTRACT AND ANY AS ASSERT ASYNC AWAIT BECOME BOOL BOX BREAK CASE CHAN CLASS CONST CONTINUE
    CORE CRATE DEF DEFAULT DEFER DEL DO DYN ELIF ELSE ENUM ERR ERROR EXCEPT EXPOSE EXTERN FALSE
    FALLTHROUGH FINAL FINALLY FN FOR FROM FUNC GEN GET GLOBAL GO GOTO IF IMPL IMPORT IN INIT
    INTERFACE IS LAMBDA LET LITERAL LOOKUP LOOP MACRO MAIN MAP MATCH MOD MODULE MOVE MUST_GET MUT
    NAMES NEVER NEW NIL NONE NONLOCAL NOT NUMBER OBJECT OK OPTION OPTIONAL OR OVERRIDE PACKAGE PASS
    PRIV PROPERTY PUB RAISE RANGE READONLY REF RESULT RETURN SECRET SECRETS SELECT SELF SOME STATIC
    STD STR STRING STRUCT SUPER SWITCH SYMBOL THEN THIS TO_JSON TRAIT TRUE TRY TYPE TYPEOF UNION
    UNSAFE UNSIZED UNSPOKEN UNSPOKEN_SDK USE VAR VIRTUAL VOID WHERE WHILE WITH YIELD";

fn generated(language: &str, file: &str) -> Project {
    let project = project();
    let words: serde_json::Map<String, serde_json::Value> =
        WORDS.split_whitespace().map(|word| (word.to_owned(), canary(word).into())).collect();
    let words = serde_json::Value::Object(words).to_string();
    for environment in ["development", "production"] {
        let import = ["import", "-", "--format", "json", "-e", environment];
        project.unspoken(import).stdin(&words).run().ok();
    }
    configure(&project, HOSTILE);
    let path = project.root().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    project.unspoken(["generate", language, "--out", file]).run().ok();
    project
}

/// Where our library for a language is, if it is in the tree.
fn sdk(language: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdks").join(language);
    folder.is_dir().then(|| folder.canonicalize().unwrap())
}

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[track_caller]
fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// Demands that a program builds, and that it does not with another word in it,
/// for the reason that is expected.
#[track_caller]
fn case(right: &str, wrong: &[(&str, &str, &str)], build: impl Fn(&str) -> Output) {
    let output = build(right);
    assert!(output.status.success(), "{}", said(&output));
    for (word, other, reason) in wrong {
        assert!(right.contains(word), "{word}");
        let output = build(&right.replacen(word, other, 1));
        assert!(!output.status.success(), "`{other}` was accepted");
        assert!(said(&output).contains(reason), "{other}: {}", said(&output));
    }
}

#[test]
fn typescript_refuses_a_misspelt_name() {
    let project = generated("typescript", "src/unspoken.d.ts");
    let root = project.root();
    let tsc = peers().tsc();
    let package = root.join("node_modules/unspoken");
    match sdk("typescript") {
        Some(library) => {
            let types = ["--noCheck", "--declaration", "--emitDeclarationOnly", "--target"];
            let modules = ["es2022", "--module", "nodenext", "--outDir"];
            let mut emit = Command::new(&tsc);
            emit.args(types).args(modules).arg(&package).arg(library.join("src/index.ts"));
            emit.args(["--rootDir".as_ref(), library.join("src").as_os_str()]);
            let output = run(emit.current_dir(&root));
            assert!(output.status.success(), "{}", said(&output));
        }
        None => write(package.join("index.d.ts"), include_str!("stand_in/index.d.ts")),
    }
    let manifest = r#"{ "name": "unspoken", "type": "module", "types": "./index.d.ts" }"#;
    write(package.join("package.json"), manifest);
    write(root.join("package.json"), r#"{ "type": "module" }"#);
    let right = "import { optional, secrets, type Secret } from \"unspoken\";\n\
                 const url: string = secrets.DATABASE_URL.expose();\n\
                 const dsn: Secret | undefined = optional(\"SENTRY_DSN\");\n\
                 export const used = [url, dsn?.expose()];\n";
    let wrong = [
        ("secrets.DATABASE_URL", "secrets.DATBASE_URL", "DATBASE_URL"),
        // An optional one must be asked for as such.
        ("secrets.DATABASE_URL", "secrets.SENTRY_DSN", "SENTRY_DSN"),
        ("\"SENTRY_DSN\"", "\"SENTRY_DNS\"", "SENTRY_DNS"),
        ("Secret | undefined", "Secret", "undefined"),
    ];
    case(right, &wrong, |text| {
        fs::write(root.join("src/app.ts"), text).unwrap();
        let options = ["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext"];
        let files = ["--types", "", "src/app.ts", "src/unspoken.d.ts"];
        run(Command::new(&tsc).args(options).args(files).current_dir(&root))
    });
}

#[test]
fn go_refuses_a_misspelt_name() {
    let project = generated("go", "internal/secrets/secrets.go");
    let root = project.root();
    let library = sdk("go").unwrap_or_else(|| {
        let folder = project.folder().join("sdk");
        write(
            folder.join("go.mod"),
            "module github.com/unspoken-dev/unspoken/sdks/go\n\ngo 1.21\n",
        );
        write(folder.join("unspoken.go"), include_str!("stand_in/unspoken.go"));
        folder
    });
    let name = "github.com/unspoken-dev/unspoken/sdks/go";
    let module = format!(
        "module acme.invalid/web\n\ngo 1.23\n\nrequire {name} v0.0.0\n\nreplace {name} => {}\n",
        library.display()
    );
    write(root.join("go.mod"), &module);
    let right = "package main\n\nimport \"acme.invalid/web/internal/secrets\"\n\n\
                 func main() {\n\tvar url string = secrets.DatabaseURL().Expose()\n\
                 \tdsn, found := secrets.SentryDSN()\n\t_, _, _ = url, dsn.Expose(), found\n}\n";
    let wrong = [
        ("DatabaseURL", "DatbaseURL", "DatbaseURL"),
        ("secrets.DatabaseURL()", "secrets.SentryDSN()", "SentryDSN"),
    ];
    let go = |arguments: &[&str]| {
        let mut go = Command::new("go");
        go.args(arguments).current_dir(&root);
        run(go.env("GOPROXY", "off").env("GOFLAGS", "-mod=mod").env("GOWORK", "off"))
    };
    case(right, &wrong, |text| {
        write(root.join("main.go"), text);
        go(&["vet", "./..."])
    });
    // Go's own tools know it for generated text.
    let listed = go(&["list", "-f", "{{.Name}}", "./internal/secrets"]);
    assert_eq!(said(&listed).trim(), "secrets");
}

#[test]
fn python_refuses_a_misspelt_name() {
    let project = generated("python", "app/names.py");
    let root = project.root();
    // A stub beside a module that takes the library's own object.
    project.unspoken(["generate", "python", "--out", "app/bag.pyi"]).run().ok();
    write(root.join("app/__init__.py"), "");
    write(root.join("app/bag.py"), "from unspoken import secrets as secrets\n");
    let library = if let Some(folder) = sdk("python") {
        folder.join("src")
    } else {
        let folder = project.folder().join("sdk");
        write(folder.join("unspoken/__init__.py"), include_str!("stand_in/unspoken.py"));
        write(folder.join("unspoken/py.typed"), "");
        folder
    };
    let right = "from app.bag import secrets as bag\nfrom app.names import secrets\n\n\
                 url: str = secrets.DATABASE_URL.expose()\n\
                 dsn = secrets.SENTRY_DSN\n\
                 used = [url, dsn.expose() if dsn is not None else None]\n\
                 more: str = bag.STRIPE_KEY.expose() + bag[\"DATABASE_URL\"].expose()\n\
                 maybe = bag.optional(\"SENTRY_DSN\")\n";
    let wrong = [
        ("secrets.DATABASE_URL", "secrets.DATBASE_URL", "DATBASE_URL"),
        ("dsn.expose() if dsn is not None else None", "dsn.expose()", "union-attr"),
        ("bag.STRIPE_KEY", "bag.STRIPE_KYE", "STRIPE_KYE"),
        ("bag[\"DATABASE_URL\"]", "bag[\"SENTRY_DSN\"]", "SENTRY_DSN"),
        ("\"SENTRY_DSN\"", "\"SENTRY_DNS\"", "SENTRY_DNS"),
    ];
    let python = |arguments: &[&str]| {
        let mut python = Command::new(peers().python());
        python.args(arguments).current_dir(&root).env("PYTHONDONTWRITEBYTECODE", "1");
        run(python.env("MYPYPATH", &library).env("PYTHONPATH", &library))
    };
    let cache = project.tmp().join("mypy");
    case(right, &wrong, |text| {
        write(root.join("main.py"), text);
        let files = ["app/names.py", "app/bag.pyi", "main.py"];
        let mypy = ["-m", "mypy", "--strict", "--cache-dir", cache.to_str().unwrap()];
        python(&[mypy.as_slice(), &files].concat())
    });
    let tested = python(&["-m", "doctest", "-v", "app/names.py"]);
    assert!(tested.status.success() && said(&tested).contains("0 tests"), "{}", said(&tested));
}

/// Our library's interface as rustc reads it, and where its own libraries are.
fn rust_library(project: &Project) -> (PathBuf, Vec<String>) {
    if let Some(folder) = sdk("rust") {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-rust");
        let mut cargo = Command::new("cargo");
        cargo.args(["check", "--lib", "--locked", "--message-format=json", "--target-dir"]);
        let output = run(cargo.arg(&target).current_dir(folder).env_remove("RUSTFLAGS"));
        assert!(output.status.success(), "{}", said(&output));
        let messages = String::from_utf8(output.stdout).unwrap();
        let artifact = |line: &str| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            let files = message["filenames"].as_array()?;
            let is_ours = message["target"]["name"] == "unspoken_sdk";
            files.iter().filter(|_| is_ours).find_map(|file| file.as_str().map(PathBuf::from))
        };
        let file = messages.lines().find_map(artifact).unwrap();
        let deps = format!("dependency={}", target.join("debug/deps").display());
        return (file, vec!["-L".to_owned(), deps]);
    }
    let source = project.folder().join("sdk/lib.rs");
    write(source.clone(), include_str!("stand_in/unspoken_sdk.rs"));
    let file = project.folder().join("sdk/libunspoken_sdk.rmeta");
    let kind = ["--edition=2024", "--crate-type=rlib", "--crate-name=unspoken_sdk"];
    let mut rustc = Command::new("rustc");
    let output = run(rustc.args(kind).arg("--emit=metadata").arg("-o").arg(&file).arg(source));
    assert!(output.status.success(), "{}", said(&output));
    (file, Vec::new())
}

#[test]
fn rust_refuses_a_misspelt_name() {
    let project = generated("rust", "src/secrets.rs");
    let root = project.root();
    let (library, search) = rust_library(&project);
    let library = format!("--extern=unspoken_sdk={}", library.display());
    let right = "mod secrets;\n\nfn main() -> Result<(), unspoken_sdk::Error> {\n    \
                 let url = secrets::database_url()?;\n    let _: &str = url.expose();\n    \
                 let dsn: Option<unspoken_sdk::Secret> = secrets::sentry_dsn()?;\n    \
                 let _ = (dsn, secrets::r#type()?);\n    Ok(())\n}\n";
    let wrong = [
        ("database_url", "datbase_url", "datbase_url"),
        ("secrets::database_url", "secrets::sentry_dsn", "expose"),
    ];
    // Not every function is used: that is no warning.
    case(right, &wrong, |text| {
        write(root.join("src/main.rs"), text);
        let mut rustc = Command::new("rustc");
        let kind = ["--edition=2024", "--emit=metadata", "-Dwarnings", "src/main.rs", "-o"];
        run(rustc
            .args(kind)
            .arg(project.tmp().join("main"))
            .arg(&library)
            .args(&search)
            .current_dir(&root))
    });
    let mut rustdoc = Command::new("rustdoc");
    rustdoc.args(["--test", "--edition=2024", "src/secrets.rs"]).arg(&library).args(&search);
    let tested = run(rustdoc.current_dir(&root));
    assert!(
        tested.status.success() && said(&tested).contains("running 0 tests"),
        "{}",
        said(&tested)
    );
}
