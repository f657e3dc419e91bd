//! `set`: one value, from standard input, exactly as it came.

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use proptest::prelude::*;
use unspoken_testkit::{Output, Project, canary};

#[test]
fn one_newline_at_the_end_is_removed_and_nothing_else() {
    let project = Project::with_environments(&["development"]);
    let c = canary("newline");
    for (typed, kept) in [
        (c.clone(), c.clone()),
        (format!("{c}\n"), c.clone()),
        (format!("{c}\n\n"), format!("{c}\n")),
        (format!("\n{c}"), format!("\n{c}")),
        (format!(" {c}\t\n"), format!(" {c}\t")),
        (format!("-----BEGIN\n{c}\n{c}\n-----END\n"), format!("-----BEGIN\n{c}\n{c}\n-----END")),
        (format!("{c} ü 🔑 \u{202e} \"'$`\\#="), format!("{c} ü 🔑 \u{202e} \"'$`\\#=")),
        (format!("{c}\x07\x1b[2J"), format!("{c}\x07\x1b[2J")),
        (format!("ENC[AES256_GCM,data:{c}"), format!("ENC[AES256_GCM,data:{c}")),
        ("\n".to_owned(), String::new()),
        (String::new(), String::new()),
    ] {
        let output = project
            .unspoken(["set", "A", "--empty"])
            .stdin(&typed)
            .run()
            .ok()
            .is_silent_on_values();
        assert!(output.stdout.is_empty());
        project.has("development", "A", &kept);
    }
}

#[test]
fn a_carriage_return_before_the_newline_is_not_lost_unseen() {
    let project = Project::with_environments(&["development"]);
    let value = canary("crlf");

    let output = project.unspoken(["set", "A"]).stdin(format!("{value}\r\n")).run().ok();

    output.says("warning").says("blanks at its start or end");
    project.has("development", "A", format!("{value}\r"));
}

#[test]
fn blank_ends_are_warned_of() {
    let project = Project::with_environments(&["development"]);
    let value = canary("blank");
    project.unspoken(["set", "A"]).stdin(format!("{value} \n")).run().ok().says("blanks");
    project.unspoken(["-q", "set", "A"]).stdin(format!(" {value}")).run().ok().says_nothing();
}

#[test]
fn a_value_that_did_not_come_is_not_taken_for_an_empty_one() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("kept"));
    let before = project.snapshot();
    for name in ["A", "B"] {
        for nothing in ["", "\n"] {
            let output = project.unspoken(["set", name]).stdin(nothing).run().fails_with(10);
            output.says("--empty");
        }
    }
    project.is_as(&before);
    project.unspoken(["set", "A", "--empty"]).run().ok();
    project.has("development", "A", "");
}

#[test]
fn keep_changes_the_expiry_alone() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("kept"));
    project.unspoken(["set", "A", "--keep", "--expires", "2031-01-31"]).run().ok();
    project.has("development", "A", canary("kept"));
    let listed = project.unspoken(["list", "-e", "development", "--json"]).run().ok().json();
    assert_eq!(listed["names"][0]["expiry"]["date"], "2031-01-31");
    let before = project.snapshot();
    project.unspoken(["set", "A", "--keep"]).run().fails_with(2);
    let absent = ["set", "ABSENT", "--keep", "--expires", "2031-01-31"];
    project.unspoken(absent).run().fails_with(3).says("`ABSENT`");
    project.is_as(&before);
}

#[test]
fn sixty_four_kib_fit_and_one_byte_more_does_not() {
    let project = Project::with_environments(&["development"]);
    let largest = canary("large") + &"x".repeat(65_536);
    let largest = largest.get(..65_536).unwrap();
    project.unspoken(["set", "A"]).stdin(format!("{largest}\n")).run().ok();
    project.has("development", "A", largest);
    let before = project.snapshot();

    for more in ["x", "x\n", "\n\n"] {
        let output = project.unspoken(["set", "A"]).stdin(format!("{largest}{more}")).run();
        output.fails_with(1).is_silent_on_values().says("65536 bytes");
    }
    let endless = vec![b'x'; 10_000_000];
    project.unspoken(["set", "A"]).stdin(endless).run().fails_with(1).says("65536 bytes");
    project.is_as(&before);
}

#[test]
fn what_no_variable_can_carry_is_refused() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("kept"));
    let before = project.snapshot();
    let bad: [&[u8]; 4] = [b"\0", b"a\0b", b"\xff", b"caf\xc3"];
    for value in bad {
        let value = [canary("bad").as_bytes(), value].concat();
        let output = project.unspoken(["set", "A"]).stdin(value).run().fails_with(1);
        output.is_silent_on_values().says("`A`");
    }
    project.is_as(&before);
}

#[track_caller]
fn is_not_repeated(output: Output, value: &str) {
    let output = output.fails_with(2);
    assert!(output.stdout.is_empty());
    assert!(!output.stderr.contains(value), "the argument is repeated");
}

#[test]
fn a_value_as_an_argument_is_refused_and_never_repeated() {
    let project = Project::with_environments(&["development"]);
    let before = project.snapshot();
    let c = canary("argument");
    let flag = format!("--{c}");
    let glued = format!("A={c}");
    let shouted = format!("{c}!");
    let expires = format!("--expires={c}");
    let generate = format!("--generate={c}");
    let json = ["set", "A", &c, "--json"];
    let cases: [&[&str]; 14] = [
        &["set", "A", &c],
        &["set", "A", &c, "-e", "development"],
        &["set", "-e", "development", "A", &c],
        &["set", "A", "--", &c],
        &["set", "A", "B", "C", &c],
        &["set", "A", &flag],
        &["set", &flag],
        &["set", &flag, "A"],
        &["set", &c],
        &["set", &glued],
        &["set", "A", "-e", &shouted],
        &["set", "A", &generate],
        &["set", "A", &expires],
        &json,
    ];
    for arguments in cases {
        is_not_repeated_or_json(project.unspoken(arguments).run(), &c);
    }
    project.is_as(&before);
}

#[track_caller]
fn is_not_repeated_or_json(output: Output, value: &str) {
    if output.stderr.starts_with('{') {
        assert!(!output.stderr.contains(value), "the argument is repeated");
        assert_eq!(output.json_error()["code"], 2);
    } else {
        is_not_repeated(output, value);
    }
}

#[test]
fn the_refusal_explains_why() {
    let project = Project::with_environments(&["development"]);
    let output = project.unspoken(["set", "A", "x"]).run().fails_with(2);
    output.says("never given as an argument").says("history").says("unspoken set");
}

#[test]
fn bad_names_are_usage_errors() {
    let project = Project::with_environments(&["development"]);
    let long = "A".repeat(129);
    let bad = [
        "",
        "a",
        "2FA",
        "API-KEY",
        "A B",
        "Ä",
        "A.B",
        "SOPS_X",
        "A_unencrypted",
        "A_UNENCRYPTED",
        &long,
    ];
    for name in bad {
        for command in ["set", "get"] {
            let output = project.unspoken([command, name]).stdin(canary("name")).run();
            assert_eq!(output.code, 2, "{command} {name:?}: {output:?}");
        }
    }
    let longest = "A".repeat(128);
    project.set("development", &longest, canary("long"));
    project.has("development", &longest, canary("long"));
}

#[test]
fn generated_values_are_random_text_that_nobody_sees() {
    let project = Project::with_environments(&["development"]);
    let mut seen = Vec::new();
    for (flag, length) in
        [("--generate", 43), ("--generate=16", 22), ("--generate=8", 11), ("--generate=4096", 5462)]
    {
        let output = project.unspoken(["set", "A", flag, "--yes"]).run().ok();
        let value = project.get("development", "A").ok();
        let text = value.text();
        assert_eq!(text.len(), length, "{flag}");
        assert!(
            text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            "{flag}"
        );
        assert!(output.stdout.is_empty() && !output.stderr.contains(text), "{flag}: it is shown");
        assert!(!seen.contains(&text.to_owned()));
        seen.push(text.to_owned());
    }
    for flag in ["--generate=0", "--generate=7", "--generate=4097", "--generate=-1"] {
        project.unspoken(["set", "A", flag, "--yes"]).run().fails_with(2);
    }
}

#[test]
fn a_generated_value_replaces_another_only_when_that_is_confirmed() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("kept"));
    let before = project.snapshot();

    let output = project.unspoken(["set", "A", "--generate"]).run();

    output.fails_with(10).says("confirmation").says("--yes");
    project.is_as(&before);
    project.unspoken(["set", "B", "--generate"]).run().ok();
}

#[test]
fn the_same_value_again_leaves_every_byte() {
    let project = Project::with_environments(&["development"]);
    for name in ["A", "B"] {
        project.set("development", name, canary(name));
    }
    let before = project.snapshot();

    let output = project.unspoken(["set", "A"]).stdin(canary("A")).run().ok();

    output.says("A unchanged in development");
    project.is_as(&before);
}

#[test]
fn setting_one_value_keeps_the_bytes_of_all_others() {
    let project = Project::with_environments(&["development"]);
    for name in ["A", "B", "C"] {
        project.set("development", name, canary(name));
    }
    let line = |name: &str| {
        let text = project.read(project.document("development"));
        text.lines().find(|line| line.contains(&format!("\"{name}\""))).unwrap().to_owned()
    };
    let before = ["A", "B", "C"].map(line);

    project
        .unspoken(["set", "B"])
        .stdin(canary("new"))
        .run()
        .ok()
        .says("B replaced in development");

    let after = ["A", "B", "C"].map(line);
    assert!(before[0] == after[0] && before[1] != after[1] && before[2] == after[2]);
}

#[test]
fn an_expiry_is_a_date_or_a_number_of_days_or_never() {
    let project = Project::with_environments(&["development"]);
    let date = || {
        let listed = project.unspoken(["list", "-e", "development", "--json"]).run().ok().json();
        listed["names"][0]["expiry"]["date"].as_str().map(str::to_owned)
    };
    let today = || Timestamp::now().to_zoned(TimeZone::UTC).date();
    let set = |when: &str| {
        let output =
            project.unspoken(["set", "A", "--expires", when]).stdin(canary("expiry")).run();
        output.is_silent_on_values()
    };

    set("2031-01-31").ok();
    assert_eq!(date().as_deref(), Some("2031-01-31"));
    let earliest = today();
    set("in 90 days").ok().says("expiry changed");
    let allowed = [earliest, today()].map(|day| day.checked_add(90.days()).unwrap().to_string());
    assert!(allowed.contains(&date().unwrap()));
    let before = project.snapshot();
    for wrong in ["tomorrow", "2031-02-30", "2031-1-1", "in -1 days", "in 90", ""] {
        set(wrong).fails_with(2).says("--expires");
    }
    project.is_as(&before);
    // A new value alone leaves the date.
    project.set("development", "A", canary("other"));
    assert!(date().is_some());
    set("never").ok();
    assert_eq!(date(), None);
}

#[test]
fn an_expired_secret_is_told_of_when_it_is_used() {
    let project = Project::with_environments(&["development"]);
    let set = project.unspoken(["set", "A", "--expires", "2020-01-31"]).stdin(canary("old"));
    set.run().ok();

    project.unspoken(["run", "--", "true"]).run().ok().says("`A` expired on 2020-01-31");
    project.unspoken(["list"]).run().ok().text().contains("EXPIRED").then_some(()).unwrap();
    let doctor = project.unspoken(["doctor"]).run().fails_with(1);
    assert!(doctor.text().contains("`A` expired"));
}

#[test]
fn every_write_counts_the_revision_up_by_one() {
    let project = Project::with_environments(&["development"]);
    let set = |value: &str| {
        project.unspoken(["set", "A", "--json"]).stdin(value).run().ok().json()["revision"].as_u64()
    };
    let first = set(&canary("1")).unwrap();
    assert_eq!(set(&canary("1")), Some(first));
    assert_eq!(set(&canary("2")), Some(first + 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_text_comes_back_byte_for_byte(value in "(?s)[^\0]{0,200}") {
        let project = Project::with_environments(&["development"]);
        let set = project.unspoken(["set", "A", "--empty"]);
        set.stdin(format!("{value}\n")).run().ok();
        let found = project.get("development", "A").ok();
        prop_assert!(found.stdout == value.as_bytes());
    }
}
