use unspoken_testkit::Project;

use super::*;

#[test]
fn what_is_no_repository_is_told_from_one_that_git_cannot_read() {
    let project = Project::empty();
    assert!(Repository::find(&project.home()).unwrap().is_none());
    let found = Repository::find(&project.root()).unwrap().unwrap();
    assert_eq!((found.prefix.as_str(), found.is_shallow), ("", false));

    project.write(".git/config", "[core\n");
    let error = Repository::find(&project.root()).unwrap_err();
    assert!(matches!(error, GitError::Failed { .. }), "{error:?}");
}

#[test]
fn objects_are_handed_out_one_by_one_within_their_limit() {
    let project = Project::empty();
    let inner = project.root().join("a b");
    std::fs::create_dir(&inner).unwrap();
    project.write("a b/one", "first\n");
    project.write("a b/two", [0, 10, 255]);
    project.git(["add", "."]);
    project.git(["commit", "--quiet", "-m", "x"]);
    let repository = Repository::find(&inner).unwrap().unwrap();
    assert_eq!(repository.prefix, "a b/");
    let mut objects = repository.objects().unwrap();
    let mut read = |name: &str, limit| match objects.read(name, limit).unwrap() {
        Object::Content(bytes) => Some(bytes),
        Object::Missing => None,
        Object::Other => Some(b"other".to_vec()),
    };
    assert_eq!(read("HEAD:./one", 6).unwrap(), b"first\n");
    assert_eq!(read("HEAD:./one", 5).unwrap(), b"other");
    assert_eq!(read("HEAD:./two", 6).unwrap(), [0, 10, 255]);
    assert_eq!(read("HEAD:./three", 6), None);
    assert_eq!(read("HEAD:./", 600).unwrap(), b"other");
    assert_eq!(read("HEAD", 600).unwrap(), b"other");
    assert_eq!(read("HEAD:./one", 6).unwrap(), b"first\n");
}

#[test]
fn an_answer_that_does_not_come_is_an_error_and_no_wait() {
    let project = Project::empty();
    let repository = Repository::find(&project.root()).unwrap().unwrap();
    let mut objects = repository.objects().unwrap();
    objects.child.kill().unwrap();
    objects.child.wait().unwrap();
    assert!(matches!(objects.read("HEAD", 1), Err(GitError::Ended)));
}
