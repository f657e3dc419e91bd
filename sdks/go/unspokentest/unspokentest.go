// Package unspokentest gives secrets to the tests of programs that use package
// unspoken.
//
//	func TestSign(t *testing.T) {
//		unspokentest.Use(t, map[string]string{"SIGNING_KEY": "only for this test"})
//		...
//	}
//
// Nothing is read from the environment of the test.
package unspokentest

import (
	"testing"

	unspoken "github.com/unspoken-dev/unspoken/sdks/go"
	"github.com/unspoken-dev/unspoken/sdks/go/internal/hook"
)

// New makes a set of secrets, for code that takes a [*unspoken.Secrets] as an
// argument. Its project and its environment are named test.
func New(texts map[string]string) *unspoken.Secrets {
	return hook.Of(texts).(*unspoken.Secrets)
}

// Use makes this set what unspoken.Get and the other functions of the package
// find, until the test and its subtests have ended.
//
// The set is the whole process's: tests that call Use must not run in parallel
// with each other. Where they did, they fail.
func Use(t testing.TB, texts map[string]string) *unspoken.Secrets {
	t.Helper()
	set := New(texts)
	before := hook.Replace(set)
	t.Cleanup(func() {
		if mine := hook.Replace(before); mine != any(set) {
			t.Error("another test called unspokentest.Use at the same time")
		}
	})
	return set
}
