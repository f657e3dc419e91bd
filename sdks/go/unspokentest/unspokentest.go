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

// Option says something of a set besides its secrets.
type Option func(*hook.Set)

// Token gives the set an instance's token, as a supervisor would, for tests of
// what unspoken.IsProbe lets in.
func Token(text string) Option { return func(set *hook.Set) { set.Token = text } }

// Environment names the set's environment, which is test otherwise.
func Environment(name string) Option { return func(set *hook.Set) { set.Environment = name } }

// New makes a set of secrets, for code that takes a [*unspoken.Secrets] as an
// argument. Its project is named test.
func New(texts map[string]string, options ...Option) *unspoken.Secrets {
	set := hook.Set{Project: "test", Environment: "test", Texts: texts}
	for _, option := range options {
		option(&set)
	}
	return hook.Of(set).(*unspoken.Secrets)
}

// Use makes this set what unspoken.Get and the other functions of the package
// find, until the test and its subtests have ended.
//
// The set is the whole process's: tests that call Use must not run in parallel
// with each other. Where they did, they fail.
func Use(t testing.TB, texts map[string]string, options ...Option) *unspoken.Secrets {
	t.Helper()
	set := New(texts, options...)
	before := hook.Replace(set)
	t.Cleanup(func() {
		if mine := hook.Replace(before); mine != any(set) {
			t.Error("another test called unspokentest.Use at the same time")
		}
	})
	return set
}
