//! Where a repository is, in one spelling, so that all who cloned it name the same.

use std::fmt;

/// A repository's address without how it is reached: `git.example.com/acme/web`.
///
/// Invariant: a host and a path of plain characters. Who connects, with which password, by which
/// protocol and port is not part of it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GitRemote(String);

/// How long one is at most.
const MAX: usize = 512;

impl GitRemote {
    /// Reads an address as git takes it: a URL, or `host:path`. `None` for what names no
    /// host, such as a folder.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (place, path) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let known = ["https", "http", "ssh", "git", "git+ssh"];
                if !known.iter().any(|one| scheme.eq_ignore_ascii_case(one)) {
                    return None;
                }
                rest.split_once('/')?
            }
            None => text.split_once(':').filter(|(place, _)| !place.contains('/'))?,
        };
        let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
        let host = host.split_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
        let is_plain =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-~+".contains(&b));
        let is_folder = |part: &str| !matches!(part, "" | "." | "..") && is_plain(part);
        let is_good = !host.is_empty() && is_plain(&host) && path.split('/').all(is_folder);
        let spelled = format!("{host}/{path}");
        (is_good && spelled.len() <= MAX).then_some(Self(spelled))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GitRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_one_spelling_and_no_password_in_it() {
        #[track_caller]
        fn case(text: &str, expected: Option<&str>) {
            let read = GitRemote::parse(text);
            assert_eq!(read.as_ref().map(GitRemote::as_str), expected, "{text}");
        }

        let one = Some("git.example.com/acme/web");
        case("git@git.example.com:acme/web.git", one);
        case("git.example.com:acme/web", one);
        case("https://git.example.com/acme/web.git", one);
        case("https://bob:canary@Git.Example.com/acme/web/", one);
        case("ssh://git@git.example.com:2222/acme/web.git\n", one);
        case("https://git.example.com:8443/acme/web", one);
        case("https://git.example.com/acme/Web", Some("git.example.com/acme/Web"));
        for none in
            ["", "/srv/git/web.git", "../web.git", "file:///srv/web", "C:/x y", "https://a", "a:"]
        {
            case(none, None);
        }
        case("https://a/b?token=canary", None);
        case("ext::sh -c id", None);
        case("https://a/../b", None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_is_read_is_read_again(text in ".{0,60}", plain in "[a-z@:/.]{0,40}") {
            for text in [text, plain] {
                if let Some(remote) = GitRemote::parse(&text) {
                    let again = GitRemote::parse(&format!("https://{remote}"));
                    assert!(again.is_none_or(|again| again.as_str().len() <= remote.as_str().len()));
                    assert!(!remote.as_str().contains(['@', ':', ' ']));
                }
            }
        }
    }
}
