package unspoken

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/unspoken-dev/unspoken/sdks/go/internal/hook"
)

// Secrets is a set of secrets by name, and where it comes from.
//
// It does not change once it was read. Printing, logging and marshalling list
// the names; no method gives the values all at once. The zero Secrets is the set
// of a program that was not started by Unspoken.
type Secrets struct {
	inside      bool
	project     string
	environment string
	revision    uint64
	token       Secret
	hasToken    bool
	byName      map[string]Secret
}

// replaced is what package unspokentest put in the place of the set that was read.
var replaced atomic.Pointer[Secrets]

func init() {
	hook.Of = func(set hook.Set) any {
		secrets := &Secrets{inside: true, project: set.Project, environment: set.Environment}
		secrets.setToken(set.Token)
		secrets.byName = make(map[string]Secret, len(set.Texts))
		for name, text := range set.Texts {
			secrets.byName[name] = newSecret(text)
		}
		return secrets
	}
	hook.Replace = func(set any) any {
		secrets, _ := set.(*Secrets)
		return replaced.Swap(secrets)
	}
}

// Get returns the secret with this name, or a [*MissingError], or [ErrOutside].
func (s Secrets) Get(name string) (Secret, error) {
	secret, found := s.byName[name]
	switch {
	case found:
		return secret, nil
	case !s.inside:
		return Secret{}, fmt.Errorf("unspoken: no secret %s: %w", shown(name), ErrOutside)
	}
	return Secret{}, &MissingError{
		Name: name, Project: s.project, Environment: s.environment, Nearest: nearest(name, s.Names()),
	}
}

// MustGet is like [Secrets.Get] and panics with the error.
func (s Secrets) MustGet(name string) Secret {
	secret, err := s.Get(name)
	if err != nil {
		panic(err)
	}
	return secret
}

// Lookup returns the secret with this name and whether there is one.
func (s Secrets) Lookup(name string) (Secret, bool) {
	secret, found := s.byName[name]
	return secret, found
}

// Names returns the names in order.
func (s Secrets) Names() []string { return slices.Sorted(maps.Keys(s.byName)) }

// Outside says whether the program was not started by Unspoken.
func (s Secrets) Outside() bool { return !s.inside }

// Project returns the project's name, empty outside.
func (s Secrets) Project() string { return s.project }

// Environment returns the environment's name, empty outside.
func (s Secrets) Environment() string { return s.environment }

// Revision returns the environment's revision when it was opened, 0 if unknown.
func (s Secrets) Revision() uint64 { return s.revision }

// Token returns this instance's own token and whether there is one: nothing
// supervises a program without it.
func (s Secrets) Token() (Secret, bool) { return s.token, s.hasToken }

// IsProbe says whether text is this instance's token, see [IsProbe].
func (s Secrets) IsProbe(text string) bool { return s.token.Matches(text) && s.hasToken }

func (s *Secrets) setToken(text string) {
	if text != "" {
		s.token, s.hasToken = newSecret(text), true
	}
}

// String lists the names, never a value.
func (s Secrets) String() string {
	if !s.inside {
		return "Secrets(not started by Unspoken)"
	}
	var names strings.Builder
	for _, name := range s.Names() {
		fmt.Fprintf(&names, " %s=%s", escaped(name), redacted)
	}
	return fmt.Sprintf("Secrets(%s/%s:%s)", escaped(s.project), escaped(s.environment), names.String())
}

// GoString lists the names, never a value.
func (s Secrets) GoString() string { return s.String() }

// Format prints what String returns, for every verb.
func (s Secrets) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue is what String returns.
func (s Secrets) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON gives an object of the names, each with the text [REDACTED].
func (s Secrets) MarshalJSON() ([]byte, error) {
	byName := s.byName
	if byName == nil {
		byName = map[string]Secret{}
	}
	return json.Marshal(byName)
}

// MarshalText gives what String returns.
func (s Secrets) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalBinary gives [ErrRefused].
func (s Secrets) MarshalBinary() ([]byte, error) { return nil, ErrRefused }

// GobEncode gives [ErrRefused].
func (s Secrets) GobEncode() ([]byte, error) { return nil, ErrRefused }

// UnmarshalJSON gives [ErrRefused].
func (s *Secrets) UnmarshalJSON([]byte) error { return ErrRefused }

// UnmarshalText gives [ErrRefused].
func (s *Secrets) UnmarshalText([]byte) error { return ErrRefused }

// UnmarshalBinary gives [ErrRefused].
func (s *Secrets) UnmarshalBinary([]byte) error { return ErrRefused }

// GobDecode gives [ErrRefused].
func (s *Secrets) GobDecode([]byte) error { return ErrRefused }
