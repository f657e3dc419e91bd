// Package unspoken reads the secrets that `unspoken run --fd` hands to a program.
//
// The secrets arrive on a pipe, are read once, at the first use, and stay in this
// process's memory: nothing is in the environment, in the arguments or on a disk.
//
//	key, err := unspoken.Get("STRIPE_KEY")
//	if err != nil {
//		return err
//	}
//	client := stripe.New(key.Expose())
//
// A value is a [Secret]. Its text comes from [Secret.Expose] alone; printing,
// logging and marshalling give [REDACTED].
//
// # What happens when
//
//   - When the package is initialised, the descriptors that UNSPOKEN_FD lists are
//     looked up, and pipes among them are marked to be closed in children. A child
//     that is started before the first use does not get the secrets, and finds
//     UNSPOKEN_FD with nothing behind it: it gets [ErrClosed].
//   - At the first use the bundle is read, its descriptors are closed, and
//     UNSPOKEN_FD and UNSPOKEN_BUNDLE are removed from the environment.
//   - A program that was not started by Unspoken gets [ErrOutside] for what it
//     asks for, and nothing for what is optional.
//   - A bundle that cannot be read, because it is broken, newer than this package
//     or was read by another process, ends the program with exit code 78
//     (EX_CONFIG) and a message on standard error.
//
// All functions may be called by several goroutines at once.
package unspoken

import "sync"

var readOnce = sync.OnceValues(readBundle)

// Load returns the set of secrets that this process was given, and reads it if
// nobody has yet.
//
// Outside Unspoken the set is empty and [Secrets.Outside] is true. The error is
// [ErrVariable] or [ErrClosed], and the same for every call: then not even what
// is optional is known to be absent.
func Load() (*Secrets, error) {
	if secrets := replaced.Load(); secrets != nil {
		return secrets, nil
	}
	return readOnce()
}

// Get returns the secret with this name.
//
// A name that is not in the set gives a [*MissingError], a program that was not
// started by Unspoken [ErrOutside].
func Get(name string) (Secret, error) {
	secrets, err := Load()
	if err != nil {
		return Secret{}, err
	}
	return secrets.Get(name)
}

// MustGet is like [Get] and panics with the error. It is meant for start-up and
// for generated code.
func MustGet(name string) Secret {
	secret, err := Get(name)
	if err != nil {
		panic(err)
	}
	return secret
}

// Lookup returns the secret with this name and whether there is one.
//
// It is an error only where nothing can be said, see [Load].
func Lookup(name string) (Secret, bool, error) {
	secrets, err := Load()
	if err != nil {
		return Secret{}, false, err
	}
	secret, found := secrets.Lookup(name)
	return secret, found, nil
}

// IsProbe says whether text is this instance's token, so that a request that
// carries it comes from the supervisor. It takes the same time for every wrong
// text, and is false where there is no token.
func IsProbe(text string) bool {
	secrets, err := Load()
	return err == nil && secrets.IsProbe(text)
}
