package unspoken

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[REDACTED]"

// ErrRefused is what marshalling a secret to a binary format gives, and what
// unmarshalling into one gives.
var ErrRefused = errors.New("unspoken: a secret is not marshalled or unmarshalled; what needs its text calls Expose")

// Secret is a value that must not be seen.
//
// [Secret.Expose] is the one way to its text. Every fmt verb, log/slog,
// encoding/json, encoding/xml and text marshalling give [REDACTED]; binary
// marshalling and encoding/gob refuse, and so does unmarshalling of any kind.
//
// Secrets cannot be compared by == or be the key of a map, which does not
// compile; reflect.DeepEqual says that no two are equal. Use [Secret.Equal].
// The zero Secret is an empty text.
type Secret struct {
	// fmt prints unexported fields without calling methods, so this is what
	// is seen of a secret in a field that is not exported.
	shown string
	// What a function captured cannot be reached by reflection.
	reveal func() string
}

func newSecret(text string) Secret {
	return Secret{shown: redacted, reveal: func() string { return text }}
}

// Expose returns the plain text. Do not log, store or format it.
func (s Secret) Expose() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Equal says whether both have the same text, in a time that does not depend on
// where they differ.
func (s Secret) Equal(other Secret) bool {
	return s.Matches(other.Expose())
}

// Matches says whether text is the secret's text, in a time that does not depend
// on where they differ.
func (s Secret) Matches(text string) bool {
	// The digests have one length, so not even the secret's length shows.
	mine, theirs := sha256.Sum256([]byte(s.Expose())), sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(mine[:], theirs[:]) == 1
}

// String returns [REDACTED].
func (s Secret) String() string { return redacted }

// GoString returns [REDACTED].
func (s Secret) GoString() string { return redacted }

// Format prints [REDACTED] for every verb.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, redacted) }

// LogValue is [REDACTED].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON gives the text [REDACTED].
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText gives [REDACTED].
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalBinary gives [ErrRefused].
func (s Secret) MarshalBinary() ([]byte, error) { return nil, ErrRefused }

// GobEncode gives [ErrRefused].
func (s Secret) GobEncode() ([]byte, error) { return nil, ErrRefused }

// UnmarshalJSON gives [ErrRefused]: what is read from a document is no secret of
// Unspoken's.
func (s *Secret) UnmarshalJSON([]byte) error { return ErrRefused }

// UnmarshalText gives [ErrRefused].
func (s *Secret) UnmarshalText([]byte) error { return ErrRefused }

// UnmarshalBinary gives [ErrRefused].
func (s *Secret) UnmarshalBinary([]byte) error { return ErrRefused }

// GobDecode gives [ErrRefused].
func (s *Secret) GobDecode([]byte) error { return ErrRefused }
