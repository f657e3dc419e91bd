package unspoken

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	// ErrOutside says that there are no secrets to ask for.
	ErrOutside = errors.New(
		"this program was handed none; start it with: unspoken run --fd -- <program> (without --fd, run and dev set variables, which are not read here)")

	// ErrMissing is what every [*MissingError] is.
	ErrMissing = errors.New("unspoken: no such secret")

	// ErrVariable says that a variable of Unspoken's does not list descriptors.
	ErrVariable = errors.New(
		"not decimal numbers from 3 on with commas between them; leave setting it to `unspoken run --fd`")

	// ErrClosed says that the descriptors that UNSPOKEN_FD lists did not arrive.
	ErrClosed = errors.New("unspoken: no bundle is on the descriptors that `UNSPOKEN_FD` lists, " +
		"so something between `unspoken run` and this program closed them; start the program directly " +
		"(in a script by exec), choose a descriptor that passes by `unspoken run --fd=N`, " +
		"or look at what `unspoken doctor` says")
)

// MissingError says that a set lacks a name.
type MissingError struct {
	// Name is what was asked for.
	Name string
	// Project and Environment say which set lacks it.
	Project, Environment string
	// Nearest is a name in the set that may have been meant, or empty.
	Nearest string
}

// Error names the secret, the set, the nearest name and the command to add it.
func (e *MissingError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "unspoken: no secret %s", shown(e.Name))
	if place := strings.Trim(e.Project+"/"+e.Environment, "/"); place != "" {
		fmt.Fprintf(&text, " in %s", shown(place))
	}
	if e.Nearest != "" {
		fmt.Fprintf(&text, " (did you mean %s?)", shown(e.Nearest))
	}
	// A command is meant to be pasted, so nothing in it may mean something to a shell.
	switch {
	case !plainName.MatchString(e.Name):
	case e.Environment == "":
		fmt.Fprintf(&text, "; to add it: unspoken set %s", e.Name)
	case plainEnvironment.MatchString(e.Environment):
		fmt.Fprintf(&text, "; to add it: unspoken set %s -e %s", e.Name, e.Environment)
	}
	return text.String()
}

// Is makes errors.Is(err, ErrMissing) true.
func (e *MissingError) Is(target error) bool { return target == ErrMissing }

var (
	plainName        = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,127}$`)
	plainEnvironment = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
)

// shown quotes a text of somebody else's for a message.
func shown(text string) string {
	return "`" + strings.ReplaceAll(escaped(text), "`", "'") + "`"
}

// escaped is a text on one line, without control characters, and not too long.
func escaped(text string) string {
	const most = 128
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

// nearest finds the name that a slip of the hand makes of another, or nothing.
func nearest(name string, names []string) string {
	const most = 128
	found, least := "", 1+utf8.RuneCountInString(name)/4
	for _, other := range names {
		if len(name) > most || len(other) > most {
			continue
		}
		if far := distance(strings.ToUpper(name), strings.ToUpper(other)); far <= least {
			found, least = other, far-1
		}
	}
	return found
}

// distance counts the characters to insert, remove or replace between two texts.
func distance(from, to string) int {
	target := []rune(to)
	row := make([]int, len(target)+1)
	for at := range row {
		row[at] = at
	}
	line := 0
	for _, letter := range from {
		line++
		diagonal := row[0]
		row[0] = line
		for at, other := range target {
			replace := diagonal
			if letter != other {
				replace++
			}
			diagonal = row[at+1]
			row[at+1] = min(replace, row[at]+1, diagonal+1)
		}
	}
	return row[len(target)]
}
