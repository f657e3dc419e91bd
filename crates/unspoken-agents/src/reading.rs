//! Which of a program's arguments are files that it would show, copy or send.

use crate::rule::{COPIERS, PATTERN_FIRST, READERS, is_env_file, is_secret_file};

/// What a program does with a file that must not be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reading<'w> {
    Shown(&'w str),
    /// An `.env` file that would be made from another one.
    Made(&'w str),
}

/// The first file among the arguments that is one of `kept`.
pub(crate) fn reading<'w>(
    name: &str,
    arguments: &'w [String],
    kept: fn(&str) -> bool,
) -> Option<Reading<'w>> {
    let of_process = |word: &&String| word.starts_with("/proc/") && is_secret_file(word);
    if let Some(word) = arguments.iter().find(of_process) {
        return kept(word).then_some(Reading::Shown(word));
    }
    let in_git = if name == "git" { Some(git(arguments)?) } else { None };
    let sends = matches!(name, "curl" | "wget" | "http");
    let loops = matches!(name, "perl" | "ruby") && arguments.iter().any(|word| is_loop(word));
    if !READERS.contains(&name) && in_git.is_none() && !sends && !loops {
        return None;
    }
    let (reader, own) = in_git.unwrap_or((name, arguments));
    let has_pattern = PATTERN_FIRST.contains(&reader)
        && !own.iter().any(|word| matches!(word.as_str(), "-e" | "-f"));
    let mut skip = usize::from(has_pattern || loops);
    for (at, word) in own.iter().enumerate() {
        let chosen = at.checked_sub(1).and_then(|before| own.get(before));
        let is_chosen = chosen.is_some_and(|option| CHOOSING.contains(&option.as_str()));
        if skip > 0 && !word.starts_with('-') && !(has_pattern && is_chosen) {
            skip -= 1;
            continue;
        }
        let mut parts = word.split(['=', '@', ':', ',']);
        if word.contains('{') && kept(word) {
            return Some(Reading::Shown(word));
        }
        // A certificate is sent with; a file behind `@` is sent.
        let first = if sends { parts.next().map(|_| "") } else { parts.next() };
        let Some(part) = first.into_iter().chain(parts).find(|part| kept(part)) else { continue };
        let is_target = at > 0 && at + 1 == own.len() && COPIERS.contains(&name);
        return Some(match part {
            part if is_target && part == word && is_env_file(part) => Reading::Made(part),
            part => Reading::Shown(part),
        });
    }
    None
}

/// Options of searching programs that name the files to be searched.
const CHOOSING: &[&str] = &["-g", "--glob", "--iglob", "--include"];

/// Whether an option has a script run over each line of files.
fn is_loop(word: &str) -> bool {
    let Some(letters) = word.strip_prefix('-') else { return false };
    !letters.starts_with(['-', 'M', 'm', 'I', 'r']) && letters.contains(['n', 'p'])
}

/// The command of git, and its arguments, when it shows what a file holds and not
/// its name alone.
fn git(arguments: &[String]) -> Option<(&str, &[String])> {
    let mut rest = arguments;
    let (command, own) = loop {
        match rest.split_first()? {
            (word, behind)
                if matches!(word.as_str(), "-C" | "-c" | "--git-dir" | "--work-tree") =>
            {
                rest = behind.get(1..)?;
            }
            (word, behind) if word.starts_with('-') => rest = behind,
            (word, behind) => break (word.as_str(), behind),
        }
    };
    let options = || own.iter().map(String::as_str).take_while(|word| *word != "--");
    let has = |known: &[&str]| {
        options().any(|word| known.contains(&word.split('=').next().unwrap_or(word)))
    };
    let patch = has(&["-p", "-u", "--patch", "--patch-with-stat", "--cc", "-U", "--unified"])
        || options().any(|word| word.starts_with("-L") || word.starts_with("-U"));
    let shows = match command {
        "log" | "whatchanged" | "reflog" => patch,
        "show" | "diff" => patch || !has(NAMES_ALONE),
        "grep" => !has(&["-l", "-L", "-c", "--files-with-matches", "--count", "-q"]),
        "cat-file" => !has(&["-t", "-s", "-e"]),
        "blame" | "annotate" => true,
        _ => false,
    };
    // What git calls `grep` takes a pattern first, as the program does.
    shows.then_some((command, own))
}

/// Options of `git show` and `git diff` that leave content out.
const NAMES_ALONE: &[&str] = &[
    "--stat",
    "--shortstat",
    "--numstat",
    "--summary",
    "--name-only",
    "--name-status",
    "--no-patch",
    "-s",
    "--quiet",
];

#[test]
fn what_is_shown_is_told_from_what_is_named() {
    #[track_caller]
    fn case(text: &str, expected: Option<Reading<'_>>) {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        assert_eq!(reading(&words[0], &words[1..], is_secret_file), expected, "{text}");
    }

    let shown = Some(Reading::Shown(".env"));
    case("cat a .env", shown);
    case("cp .env .env", shown);
    case("cp .env", shown);
    case("scp host:.env .env", shown);
    case("rg -g .env KEY", shown);
    case("rg --glob .env KEY src", shown);
    case("grep -r --include .env KEY .", shown);
    case("perl -pe 1 .env", shown);
    case("perl -n -e print .env", shown);
    case("ruby -ne 'puts' .env", shown);
    case("cat .e*", Some(Reading::Shown(".e*")));
    case("cat app/.{env,envrc}", Some(Reading::Shown("app/.{env,envrc}")));
    case("cp -n .env.example .env", Some(Reading::Made(".env")));
    case("cp a server.key", Some(Reading::Shown("server.key")));
    case("git -C app show HEAD:.env", shown);
    case("git -c a.b=c log -p -- .env", shown);
    case("git log -L1,3:.env", shown);
    case("git log --stat -U5 .env", shown);
    case("git diff --stat -p .env", shown);
    case("git grep KEY .env", shown);
    case("git grep -e KEY .env", shown);
    case("git blame .env", shown);
    for text in [
        "rg -g !.env KEY",
        "rg -g *.rs .env",
        "perl -pe s/a/.env/ x",
        "perl x.pl .env",
        "perl -Mopen x.pl .env",
        "cat .env.{example,sample}",
        "git log -- .env",
        "git log --oneline .env",
        "git log -- -p .env",
        "git ls-files .env",
        "git check-ignore -v .env",
        "git status .env",
        "git add .env",
        "git rm --cached .env",
        "git show --stat HEAD -- .env",
        "git diff --name-only .env",
        "git grep .env",
        "git grep -l KEY .env",
        "git cat-file -e HEAD:.env",
        "git -C",
        "git",
        "ls .env",
    ] {
        case(text, None);
    }
}
