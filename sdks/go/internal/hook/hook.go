// Package hook lets unspokentest reach what package unspoken keeps to itself.
package hook

// Set is what a set of secrets for a test is made of.
type Set struct {
	Project, Environment string
	Token                string
	Texts                map[string]string
}

// Of makes a set of secrets, a *unspoken.Secrets.
var Of func(set Set) any

// Replace puts a set, or nil for none, in the place of what was read, and
// returns what was there before.
var Replace func(set any) (before any)
