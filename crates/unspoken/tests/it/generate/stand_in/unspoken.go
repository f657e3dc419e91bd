// Package unspoken has the signatures of the library for Go, as far as generated functions need them.
package unspoken

// Secret is a value.
type Secret struct{ text string }

// Expose gives its text.
func (s Secret) Expose() string { return s.text }

// MustGet gives a secret.
func MustGet(name string) Secret { return Secret{} }

// Lookup gives a secret that may be absent.
func Lookup(name string) (Secret, bool, error) { return Secret{}, false, nil }
