// Package hook lets unspokentest reach what package unspoken keeps to itself.
package hook

// Of makes a set of secrets, a *unspoken.Secrets, from names and texts.
var Of func(texts map[string]string) any

// Replace puts a set, or nil for none, in the place of what was read, and
// returns what was there before.
var Replace func(set any) (before any)
