// Command probe shows what this library makes of a bundle, for conformance/run.py.
// What it prints is described in conformance/README.md.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"

	unspoken "github.com/unspoken-dev/unspoken/sdks/go"
)

type report struct {
	Outside     bool              `json:"outside"`
	Project     string            `json:"project"`
	Environment string            `json:"environment"`
	Revision    uint64            `json:"revision"`
	Token       string            `json:"token"`
	Secrets     map[string]digest `json:"secrets"`
	Missing     string            `json:"missing"`
	Optional    bool              `json:"optional"`
	Again       bool              `json:"again"`
	Printed     []string          `json:"printed"`
	Variables   []string          `json:"variables"`
	Child       []string          `json:"child"`
}

type digest struct {
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func main() {
	mode := "report"
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	answer, err := perform(mode)
	if err != nil {
		answer = map[string]string{"error": err.Error()}
	}
	if answer != nil {
		if broken := json.NewEncoder(os.Stdout).Encode(answer); broken != nil {
			os.Exit(2)
		}
	}
	if err != nil {
		os.Exit(1)
	}
}

func perform(mode string) (any, error) {
	switch mode {
	case "threads":
		return threads(), nil
	case "ready":
		return nil, unspoken.Ready(8080)
	case "report":
		return reportOn(os.Args[2])
	}
	return nil, fmt.Errorf("no mode `%s`", mode)
}

func reportOn(child string) (*report, error) {
	_, found, err := unspoken.Lookup("NO_SUCH_SECRET")
	if err != nil {
		return nil, err
	}
	_, missing := unspoken.Get("NO_SUCH_SECRET")
	bag, err := unspoken.Load()
	if err != nil {
		return nil, err
	}
	first, err := digests()
	if err != nil {
		return nil, err
	}
	second, err := digests()
	if err != nil {
		return nil, err
	}
	made := &report{
		Outside: bag.Outside(), Project: bag.Project(), Environment: bag.Environment(), Revision: bag.Revision(),
		Secrets: first, Missing: missing.Error(), Optional: !found, Again: maps.Equal(first, second),
		Printed: printed(bag), Variables: variables(),
	}
	if token, found := bag.Token(); found {
		made.Token = sha(token.Expose())
	}
	lines, err := exec.Command(child).Output()
	if err != nil {
		return nil, err
	}
	made.Child = strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n")
	return made, nil
}

func digests() (map[string]digest, error) {
	bag, err := unspoken.Load()
	if err != nil {
		return nil, err
	}
	all := map[string]digest{}
	for _, name := range bag.Names() {
		secret, err := unspoken.Get(name)
		if err != nil {
			return nil, err
		}
		all[name] = digest{Bytes: len(secret.Expose()), SHA256: sha(secret.Expose())}
	}
	return all, nil
}

// both holds the set and a value, seen by marshalling and not.
type both struct {
	Bag    *unspoken.Secrets
	Secret unspoken.Secret
	hidden unspoken.Secret
	bag    *unspoken.Secrets
}

func printed(bag *unspoken.Secrets) []string {
	things := []any{bag, *bag}
	for _, name := range bag.Names() {
		secret := bag.MustGet(name)
		things = append(things, secret, &secret, both{bag, secret, secret, bag})
	}
	var all []string
	for _, thing := range things {
		all = append(all, everyWay(thing))
	}
	return all
}

// everyWay is one text: the runner looks for every value in every text.
func everyWay(thing any) string {
	var texts []string
	for _, verb := range "vsqxXdboOcUeEfFgGtpT" {
		for _, flag := range []string{"", "+", "#", " "} {
			texts = append(texts, fmt.Sprintf("%"+flag+string(verb), thing))
		}
	}
	if text, err := json.Marshal(thing); err == nil {
		texts = append(texts, string(text))
	}
	if text, err := xml.Marshal(thing); err == nil {
		texts = append(texts, string(text))
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "thing", thing)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "thing", thing)
	return strings.Join(append(texts, log.String()), "\n")
}

// variables are those of ours that are left.
func variables() []string {
	left := []string{}
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "UNSPOKEN_") {
			left = append(left, name)
		}
	}
	return left
}

func threads() any {
	const count = 64
	var answers sync.Map
	var start, done sync.WaitGroup
	start.Add(1)
	for range count {
		done.Add(1)
		go func() {
			defer done.Done()
			start.Wait()
			answers.Store(answer(), true)
		}()
	}
	start.Done()
	done.Wait()
	distinct := 0
	answers.Range(func(any, any) bool { distinct++; return true })
	return map[string]int{"threads": count, "distinct": distinct}
}

func answer() string {
	all, err := digests()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(all)
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
