//! Launchers that do not let a descriptor through.

use std::ffi::OsString;
use std::path::Path;

/// Programs that start another one and close what is open, and what to do
/// instead.
const CLOSING: &[(&str, &str)] = &[
    ("sudo", "put `sudo` in front of `unspoken run`"),
    ("doas", "put `doas` in front of `unspoken run`"),
    ("su", "run `unspoken run` as that user"),
    ("docker", "run `unspoken run --fd` inside the container, or pipe a bundle into it"),
    ("podman", "run `unspoken run --fd` inside the container, or pipe a bundle into it"),
    ("kubectl", "run `unspoken run --fd` inside the container, or pipe a bundle into it"),
    ("ssh", "run `unspoken run --fd` on the other machine"),
    ("systemd-run", "let the unit start `unspoken run --fd`"),
    ("tox", "put `unspoken run --fd` into its commands"),
    ("nox", "put `unspoken run --fd` into its commands"),
    ("screen", "start `unspoken run --fd` inside it"),
    ("tmux", "start `unspoken run --fd` inside it"),
];

/// What to say of a command that would leave its program without the bundle.
pub(crate) fn closes_descriptors(command: &[OsString]) -> Option<String> {
    let name = Path::new(command.first()?).file_name()?.to_str()?;
    let (_, instead) = CLOSING.iter().find(|(closing, _)| *closing == name)?;
    Some(format!("`{name}` closes the descriptors that the secrets are on: {instead}"))
}

#[test]
fn a_launcher_is_known_by_its_name_alone() {
    let said =
        |words: &[&str]| closes_descriptors(&words.iter().map(OsString::from).collect::<Vec<_>>());
    assert!(said(&["/usr/bin/sudo", "node"]).unwrap().contains("`sudo` closes"));
    assert_eq!(said(&["npm", "run", "sudo"]), None);
    assert_eq!(said(&[]), None);
}
