package unspokentest_test

import (
	"errors"
	"strings"
	"testing"

	unspoken "github.com/unspoken-dev/unspoken/sdks/go"
	"github.com/unspoken-dev/unspoken/sdks/go/internal/hook"
	"github.com/unspoken-dev/unspoken/sdks/go/unspokentest"
)

func TestUseLastsAsLongAsTheTest(t *testing.T) {
	t.Run("outer", func(t *testing.T) {
		set := unspokentest.Use(t, map[string]string{"A": "outer"})
		if set.Project() != "test" || set.Environment() != "test" || set.Outside() {
			t.Errorf("the set is %v", set)
		}
		t.Run("inner", func(t *testing.T) {
			unspokentest.Use(t, map[string]string{"A": "inner"})
			if unspoken.MustGet("A").Expose() != "inner" {
				t.Error("the inner set is not used")
			}
		})
		if unspoken.MustGet("A").Expose() != "outer" {
			t.Error("the outer set is not put back")
		}
		if _, err := unspoken.Get("B"); !errors.Is(err, unspoken.ErrMissing) {
			t.Errorf("what is missing gives %v", err)
		}
		if _, found, err := unspoken.Lookup("B"); found || err != nil {
			t.Errorf("what is optional gives %v, %v", found, err)
		}
	})
	_, err := unspoken.Get("A")
	if !errors.Is(err, unspoken.ErrOutside) || !strings.Contains(err.Error(), "unspoken run --fd -- <program>") {
		t.Errorf("afterwards there is %v", err)
	}
	if _, found, err := unspoken.Lookup("A"); found || err != nil {
		t.Errorf("outside, what is optional gives %v, %v", found, err)
	}
}

func TestMustGetPanicsWithTheError(t *testing.T) {
	defer func() {
		if err, isError := recover().(error); !isError || !errors.Is(err, unspoken.ErrMissing) {
			t.Errorf("it panics with %v", err)
		}
	}()
	unspokentest.Use(t, nil)
	unspoken.MustGet("A")
}

func TestOptionsSayWhatTheSetIs(t *testing.T) {
	set := unspokentest.Use(t, nil, unspokentest.Token("token"), unspokentest.Environment("staging"))
	if !unspoken.IsProbe("token") || unspoken.IsProbe("") || unspoken.IsProbe("toke") || set.Environment() != "staging" {
		t.Errorf("the set is %v", set)
	}
	if unspokentest.New(nil).IsProbe("") {
		t.Error("the empty text is a token where there is none")
	}
}

type recorder struct {
	testing.TB
	cleanups []func()
	failed   bool
}

func (r *recorder) Helper()                { _ = r }
func (r *recorder) Cleanup(cleanup func()) { r.cleanups = append(r.cleanups, cleanup) }
func (r *recorder) Error(...any)           { r.failed = true }

func TestUseInParallelFails(t *testing.T) {
	defer hook.Replace(nil)
	first, second := &recorder{TB: t}, &recorder{TB: t}
	unspokentest.Use(first, nil)
	unspokentest.Use(second, nil)
	first.cleanups[0]()
	second.cleanups[0]()
	if !first.failed {
		t.Error("nobody noticed")
	}
}
