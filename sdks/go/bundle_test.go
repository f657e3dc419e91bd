package unspoken

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseBundleTakesWhatIsWhole(t *testing.T) {
	content := []byte(` {"version":1,"project":"acme","environment":"production","revision":7,"token":"tok",
		"secrets":{"B":"two\n\ud83d\ude00","A":""},"storages":{},"later":[null]}` + "\n")
	secrets, err := parseBundle(content)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(secrets.Names(), []string{"A", "B"}) || secrets.MustGet("B").Expose() != "two\n😀" {
		t.Errorf("the secrets are %v", secrets)
	}
	token, found := secrets.Token()
	if !found || token.Expose() != "tok" || !secrets.IsProbe("tok") || secrets.IsProbe("") || secrets.IsProbe("tok2") {
		t.Error("the token")
	}
	if secrets.Project() != "acme" || secrets.Environment() != "production" || secrets.Revision() != 7 || secrets.Outside() {
		t.Errorf("the set is %v", secrets)
	}
	if slices.ContainsFunc(content, func(b byte) bool { return b != 0 }) {
		t.Error("the content is not wiped")
	}
}

func TestParseBundleRefuses(t *testing.T) {
	refuse := func(content, because string) {
		t.Helper()
		_, err := parseBundle([]byte(content))
		var refused bundleError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), because) {
			t.Errorf("%q gives %v", content, err)
		}
	}
	refuse("", "already")
	refuse(" ", "JSON")
	refuse("null", "JSON")
	refuse("[]", "JSON")
	refuse(`{"version":1,"secrets":{}} {}`, "JSON")
	refuse("\ufeff"+`{"version":1,"secrets":{}}`, "JSON")
	refuse("{\"version\":1,\"secrets\":{\"A\":\"\xff\"}}", "JSON")
	refuse(`{"secrets":{}}`, "version")
	refuse(`{"Version":1,"secrets":{}}`, "version")
	refuse(`{"version":"1","secrets":{}}`, "version")
	refuse(`{"version":1.0,"secrets":{}}`, "version")
	refuse(`{"version":true,"secrets":{}}`, "version")
	refuse(`{"version":0,"secrets":{}}`, "version")
	refuse(`{"version":2,"secrets":5}`, "has version 2 and this library reads version 1: update the library")
	refuse(`{"version":1}`, "`secrets` is not an object")
	refuse(`{"version":1,"Secrets":{}}`, "`secrets` is not an object")
	refuse(`{"version":1,"secrets":null}`, "`secrets` is not an object")
	refuse(`{"version":1,"secrets":{"A":null}}`, "`secrets` is not an object of texts")
	refuse(`{"version":1,"secrets":{"A":["x"]}}`, "`secrets` is not an object of texts")
	refuse(`{"version":1,"secrets":{"A":"\ud83d"}}`, "`secrets` is not an object of texts")
	refuse(`{"version":1,"secrets":{"A":"\ude00\ud83d"}}`, "`secrets` is not an object of texts")
	refuse(`{"version":1,"secrets":{"A\udc00":"x"}}`, "`secrets` is not an object of texts")
	refuse(strings.Repeat(" ", maxBytes+1), "larger than 64 MiB")
	refuse(manySecrets(maxNames+1), "more than 100000 secrets")
	refuse(`{"version":1,"secrets":{},"project":null}`, "`project`")
	refuse(`{"version":1,"secrets":{},"environment":{}}`, "`environment`")
	refuse(`{"version":1,"secrets":{},"token":1}`, "`token`")
	refuse(`{"version":1,"secrets":{},"revision":-1}`, "`revision`")
	refuse(`{"version":1,"secrets":{},"revision":1.5}`, "`revision`")
	refuse(`{"version":1,"secrets":{},"revision":"1"}`, "`revision`")
	refuse(`{"version":1,"secrets":{},"storages":[]}`, "`storages`")
	refuse(`{"version":1,"secrets":{},"storages":null}`, "`storages`")
}

func TestParseBundleTakesAsManyAsAreAllowed(t *testing.T) {
	secrets, err := parseBundle([]byte(manySecrets(maxNames)))
	if err != nil || len(secrets.Names()) != maxNames {
		t.Error(err)
	}
}

func manySecrets(count int) string {
	var text strings.Builder
	text.WriteString(`{"version":1,"secrets":{"A":""`)
	for number := range count - 1 {
		fmt.Fprintf(&text, `,"A%d":""`, number)
	}
	return text.String() + "}}"
}

func TestWholePairs(t *testing.T) {
	for text, whole := range map[string]bool{
		`"plain"`: true, `"\\ud83d"`: true, `"\ud83d\ude00"`: true, `"\u00e9\n"`: true, `"\\\ud83d\ude00"`: true,
		`"\ud83d"`: false, `"\ude00"`: false, `"\ud83d\ud83d\ude00"`: false, `"\ud83d\n"`: false, `"\\\ud83d"`: false,
		`"\uD83D\uDE00"`: true, `"\uD83Dx"`: false,
	} {
		if wholePairs([]byte(text)) != whole {
			t.Errorf("%s is not %v", text, whole)
		}
	}
}

// FuzzParseBundle holds that any content gives a set or an error of ours that
// quotes nothing, and that a set has the texts that another reader finds.
func FuzzParseBundle(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", `{"version":1,"secrets":{"A":"b"}}`, `{"version":2}`, `{"version":1,"secrets":{"A":"\ud83d\ude00"}}`,
		`{"version":1,"secrets":{},"token":"t","project":"p","environment":"e","revision":3,"storages":{"a":{}}}`,
		`{"version":1,"secrets":{"A":"\ud800"}}`, "{\"a\":\xff}", `{"version":1,"secrets":{"A":1}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var other struct {
			Secrets map[string]string `json:"secrets"`
		}
		wellTyped := json.Unmarshal(content, &other) == nil
		secrets, err := parseBundle(slices.Clone(content))
		var refused bundleError
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("an error that is not ours: %T", err)
		}
		if err != nil || !wellTyped {
			return
		}
		for _, name := range secrets.Names() {
			if text, found := other.Secrets[name]; found && text != secrets.MustGet(name).Expose() {
				t.Error("another text than the other reader's")
			}
		}
	})
}
