package unspoken

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// bundleVersion is the newest version of the bundle that this package reads.
const bundleVersion = 1

// What a bundle may hold. More is a mistake or meant to exhaust the memory.
const (
	maxBytes = 64 << 20
	maxNames = 100_000
)

// bundleError says why a content is no bundle. It never holds any part of it.
type bundleError string

func (e bundleError) Error() string { return string(e) }

const (
	errNotJSON bundleError = "is not one JSON object in UTF-8"
	errVersion bundleError = "does not say its version"
	errLarge   bundleError = "is larger than 64 MiB"
	errNames   bundleError = "holds more than 100000 secrets"
	errEmpty   bundleError = "is empty, so another process has already read it: it can be read once"
)

// parseBundle reads the content of a bundle, and wipes it.
//
// Names of keys are exact, unknown keys are ignored, a known key has its type,
// and nothing of the JSON package's errors is passed on, since they quote.
func parseBundle(content []byte) (*Secrets, error) {
	defer clear(content)
	if len(content) == 0 {
		return nil, errEmpty
	}
	if len(content) > maxBytes {
		return nil, errLarge
	}
	keys, err := parseObject(content)
	if err != nil {
		return nil, err
	}
	defer wipe(keys)
	if err := checkVersion(keys["version"]); err != nil {
		return nil, err
	}
	secrets := &Secrets{inside: true}
	token := ""
	for key, into := range map[string]*string{
		"project": &secrets.project, "environment": &secrets.environment, "token": &token,
	} {
		if value, found := keys[key]; found && !parseText(value, into) {
			return nil, wrongShape(key, "a text")
		}
	}
	secrets.setToken(token)
	if value, found := keys["revision"]; found {
		if secrets.revision, err = strconv.ParseUint(string(value), 10, 64); err != nil {
			return nil, wrongShape("revision", "a number from 0 on")
		}
	}
	if value, found := keys["storages"]; found && value[0] != '{' {
		return nil, wrongShape("storages", "an object")
	}
	secrets.byName, err = parseSecrets(keys["secrets"])
	return secrets, err
}

func parseSecrets(value json.RawMessage) (map[string]Secret, error) {
	values, err := parseObject(value)
	if err != nil {
		return nil, wrongShape("secrets", "an object")
	}
	defer wipe(values)
	if len(values) > maxNames {
		return nil, errNames
	}
	// The JSON package would replace half of a pair in a name as well.
	if !wholePairs(value) {
		return nil, wrongShape("secrets", "an object of texts")
	}
	byName := make(map[string]Secret, len(values))
	for name, value := range values {
		text := ""
		if !parseText(value, &text) {
			return nil, wrongShape("secrets", "an object of texts")
		}
		byName[name] = newSecret(text)
	}
	return byName, nil
}

func checkVersion(value json.RawMessage) error {
	version, err := strconv.ParseInt(string(value), 10, 64)
	switch {
	case err != nil || version < 1:
		return errVersion
	case version > bundleVersion:
		return bundleError(fmt.Sprintf("has version %d and this library reads version %d: update the library",
			version, bundleVersion))
	}
	return nil
}

// parseObject reads one level of an object. The JSON package would replace what
// is no Unicode, and so change a value; here it is refused.
func parseObject(content []byte) (map[string]json.RawMessage, error) {
	var keys map[string]json.RawMessage
	start := bytes.TrimLeft(content, " \t\r\n")
	if len(start) == 0 || start[0] != '{' || !utf8.Valid(content) || json.Unmarshal(content, &keys) != nil {
		return nil, errNotJSON
	}
	return keys, nil
}

func parseText(value json.RawMessage, into *string) bool {
	return value[0] == '"' && wholePairs(value) && json.Unmarshal(value, into) == nil
}

// wholePairs says whether every escaped surrogate stands in a pair.
func wholePairs(text []byte) bool {
	for at := bytes.IndexByte(text, '\\'); at >= 0 && at+1 < len(text); {
		first, isSurrogate := surrogate(text[at:])
		switch {
		case !isSurrogate:
			at += 2
		case first >= 0xdc00:
			return false
		default:
			if second, paired := surrogate(text[at+6:]); !paired || second < 0xdc00 {
				return false
			}
			at += 12
		}
		next := bytes.IndexByte(text[at:], '\\')
		if next < 0 {
			break
		}
		at += next
	}
	return true
}

// surrogate reads an escape such as `\ud83d` at the start of text.
func surrogate(text []byte) (uint64, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit, err == nil && unit >= 0xd800 && unit <= 0xdfff
}

func wrongShape(key, expected string) bundleError {
	return bundleError("is not as expected: `" + key + "` is not " + expected)
}

// wipe overwrites what was copied out of a content on the way.
func wipe(values map[string]json.RawMessage) {
	for _, value := range values {
		clear(value)
	}
}
