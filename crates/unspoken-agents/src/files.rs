//! The files of each agent, one module each.

pub(crate) mod claude;
pub(crate) mod codex;
pub(crate) mod copilot;
pub(crate) mod cursor;
pub(crate) mod gemini;
pub(crate) mod windsurf;

use crate::artifact::Artifact;
use crate::guidance::guidance;
use crate::rule::ignore_lines;
use crate::section::Comment;

/// The guidance, as a section of a file that people write as well.
fn words(path: &'static str) -> Artifact {
    Artifact::section(path, "guidance", Comment::Markdown, ("", guidance()))
}

/// The guidance, in a file of ours that begins with front matter.
fn words_behind(path: &'static str, front: &'static str) -> Artifact {
    Artifact::section(path, "guidance", Comment::Markdown, (front, guidance()))
}

/// The files that are not to be read, as an ignore file.
fn ignored(path: &'static str) -> Artifact {
    Artifact::section(path, "files", Comment::Hash, ("", ignore_lines().join("\n")))
}

#[cfg(test)]
mod tests {
    use crate::{Agent, EditError, State};

    fn is_json(path: &str) -> bool {
        path.rsplit('.').next() == Some("json")
    }

    /// Texts of users, in the form of each file.
    fn users(path: &str) -> Vec<String> {
        let texts: &[&str] = match path {
            _ if is_json(path) => &[
                "{\n  \"model\": \"x\",\n  \"hooks\": {\n    \"stop\": [{\"command\": \"a\"}]\n  },\n  \"permissions\": {\n    \"allow\": [\"Read(a)\"],\n    \"deny\": [ \"Bash(rm:*)\", \"Read(**/.env)\" ]\n  }\n}\n",
                "{\"version\":1,\"hooks\":{\"PreToolUse\":[{\"matcher\":\"Bash\",\"hooks\":[{\"type\":\"command\",\"command\":\"mine\"}]}],\"preToolUse\":[{\"bash\":\"mine\"}],\"BeforeTool\":[{\"hooks\":[]}],\"beforeShellExecution\":[{\"command\":\"b\"}],\"pre_run_command\":[{\"command\":\"c\"}]}}",
                "{\n\t\"a\": 1\n}",
                "",
            ],
            _ => &["", "# Mine\n\ntext", "one\r\ntwo\r\n", "\n", ".env\n"],
        };
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn setting_up_twice_changes_nothing_and_removing_restores_every_byte() {
        for agent in Agent::ALL {
            for artifact in agent.artifacts() {
                let path = artifact.path;
                let new = artifact.print();
                assert_eq!(artifact.state(None), Ok(State::Missing));
                assert_eq!(artifact.state(Some(&new)), Ok(State::InPlace), "{path}");
                assert_eq!(artifact.put(Some(&new)).as_ref(), Ok(&new), "{path}");
                assert_eq!(artifact.take(&new), Ok(None), "{path}: {new}");
                for old in users(path) {
                    assert_eq!(artifact.state(Some(&old)), Ok(State::Missing), "{path}: {old}");
                    let new = artifact.put(Some(&old)).unwrap();
                    assert_eq!(artifact.state(Some(&new)), Ok(State::InPlace), "{path}: {new}");
                    assert_eq!(artifact.put(Some(&new)).as_ref(), Ok(&new), "{path}");
                    let again = artifact.take(&new).unwrap();
                    // A file that was empty is not told from none.
                    assert!(
                        again.as_deref().unwrap_or_default() == old,
                        "{path}: {again:?} for {old:?}"
                    );
                    assert_eq!(artifact.take(&old), Ok(Some(old)), "{path}");
                }
            }
        }
    }

    #[test]
    fn json_with_comments_is_left_alone() {
        for artifact in Agent::ALL.into_iter().flat_map(Agent::artifacts) {
            if is_json(artifact.path) {
                let old = "{\n  // mine\n  \"a\": 1\n}\n";
                let comments = EditError::Comments { line: 2, column: 3 };
                assert_eq!(artifact.put(Some(old)), Err(comments));
                assert_eq!(artifact.state(Some(old)), Err(comments));
                assert_eq!(artifact.take(old), Err(comments));
                let broken = EditError::Json { line: 3, column: 1 };
                assert_eq!(artifact.put(Some("{\n  \"a\": [1]\n")).map_err(drop), Err(()));
                assert_eq!(artifact.put(Some("{\n  \"a\": 1,\n}")), Err(broken));
                assert!(matches!(
                    artifact.put(Some("{\"hooks\": 1, \"permissions\": 1}")),
                    Err(EditError::Shape { .. })
                ));
            }
        }
    }

    #[test]
    fn what_another_release_wrote_is_out_of_date_and_replaced() {
        for artifact in Agent::ALL.into_iter().flat_map(Agent::artifacts) {
            let new = artifact.print();
            let old = match artifact.path {
                path if is_json(path) => {
                    new.replace("agents hook", "agents hook --old").replacen("envrc", "other", 1)
                }
                _ => new.replace(".env", ".old").replace("\"get\"", "\"old\""),
            };
            assert_eq!(
                artifact.state(Some(&old)),
                Ok(State::OutOfDate),
                "{}: {old}",
                artifact.path
            );
            let again = artifact.put(Some(&old)).unwrap();
            assert_eq!(
                artifact.state(Some(&again)),
                Ok(State::InPlace),
                "{}: {again}",
                artifact.path
            );
        }
    }

    #[test]
    fn hooks_that_are_turned_off_are_told() {
        let artifacts = Agent::Claude.artifacts();
        let settings = artifacts.iter().find(|artifact| is_json(artifact.path)).unwrap();
        let with = |old: &str| settings.put(Some(old)).unwrap();
        let off = Err(EditError::HooksOff { key: "disableAllHooks" });
        assert_eq!(settings.state(Some(&with("{\"disableAllHooks\": true}"))), off);
        assert_eq!(settings.state(Some(&with("{\"disableAllHooks\": false}"))), Ok(State::InPlace));
        assert_eq!(settings.state(Some("{\"disableAllHooks\": true}")), Ok(State::Missing));
    }

    #[test]
    fn every_file_says_what_it_is_where_it_can() {
        for agent in Agent::ALL {
            let texts: Vec<String> = agent.artifacts().iter().map(super::Artifact::print).collect();
            assert!(texts.iter().any(|text| text.contains("guard-rail")), "{agent}");
            assert!(texts.iter().any(|text| text.contains(&agent.hook_command())), "{agent}");
        }
    }
}
