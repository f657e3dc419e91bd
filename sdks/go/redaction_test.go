package unspoken_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"expvar"
	"fmt"
	htmltemplate "html/template"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"text/template"

	unspoken "github.com/unspoken-dev/unspoken/sdks/go"
	"github.com/unspoken-dev/unspoken/sdks/go/unspokentest"
)

const (
	verbs   = "vTtbcdoOqxXUeEfFgGspw!"
	mark    = "[REDACTED]"
	nameKey = "SIGNING_KEY"
)

var flags = []string{"", "+", "#", " ", "-", "0", "+#", "# ", "40", "-40", "040", ".3", "40.3", "[1]"}

// canary is a text that occurs nowhere else.
func canary(tag string) string {
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		panic(err)
	}
	return "canary-" + tag + "-" + hex.EncodeToString(random)
}

// finds says whether a text holds a value in one of the ways in which Go prints
// texts and bytes.
func finds(text, value string) bool {
	raw := []byte(value)
	forms := []string{
		value, hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
		fmt.Sprintf("% x", raw), fmt.Sprintf("% X", raw), fmt.Sprintf("% #x", raw), fmt.Sprintf("% #X", raw),
		strings.Trim(fmt.Sprint(raw), "[]"), strings.Trim(fmt.Sprintf("%#v", raw), "[]byte{}"),
		base64.StdEncoding.EncodeToString(raw),
	}
	for _, form := range forms {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

type inner struct {
	Exported unspoken.Secret
	hidden   unspoken.Secret
}

type everything struct {
	unspoken.Secret
	Named    unspoken.Secret
	hidden   unspoken.Secret
	pointer  *unspoken.Secret
	Pointer  *unspoken.Secret
	twice    **unspoken.Secret
	array    [2]unspoken.Secret
	slice    []unspoken.Secret
	pointers []*unspoken.Secret
	byName   map[string]unspoken.Secret
	ByName   map[string]*unspoken.Secret
	inner    inner
	Inner    *inner
	any      any
	bag      unspoken.Secrets
	Bag      *unspoken.Secrets
}

// notPromoted has no methods of a secret, so that its fields are printed.
type notPromoted struct{ everything everything }

func shapes(set *unspoken.Secrets) map[string]any {
	secret := set.MustGet(nameKey)
	pointer := &secret
	all := everything{
		secret, secret, secret, pointer, pointer, &pointer, [2]unspoken.Secret{secret, secret},
		[]unspoken.Secret{secret}, []*unspoken.Secret{pointer}, map[string]unspoken.Secret{"a": secret},
		map[string]*unspoken.Secret{"a": pointer}, inner{secret, secret}, &inner{secret, secret}, secret, *set, set,
	}
	return map[string]any{
		"secret": secret, "pointer": pointer, "pointer to pointer": &pointer,
		"array": [1]unspoken.Secret{secret}, "pointer to array": &[1]unspoken.Secret{secret},
		"slice": []unspoken.Secret{secret}, "slice of pointers": []*unspoken.Secret{pointer}, "slice of any": []any{secret},
		"map": map[string]unspoken.Secret{"a": secret}, "map of pointers": map[string]*unspoken.Secret{"a": pointer},
		"struct": inner{secret, secret}, "pointer to struct": &inner{secret, secret},
		"embedded": all, "nested": notPromoted{all}, "pointer to nested": &notPromoted{all},
		"unnamed": struct{ secret any }{secret},
		"set":     *set, "pointer to set": set, "struct with set": struct{ set *unspoken.Secrets }{set},
		"chain": &struct{ next any }{&struct{ last *unspoken.Secret }{pointer}},
	}
}

func TestNoVerbPrintsAValue(t *testing.T) {
	value := canary("verb")
	set := unspokentest.New(map[string]string{nameKey: value})
	for shape, thing := range shapes(set) {
		for _, flag := range flags {
			for _, verb := range verbs {
				format := "%" + flag + string(verb)
				if text := fmt.Sprintf(format, thing); finds(text, value) {
					t.Errorf("%s of a %s shows the value", format, shape)
				}
				if text := fmt.Errorf(format, thing).Error(); finds(text, value) {
					t.Errorf("%s of a %s shows the value in an error", format, shape)
				}
			}
		}
		if text := fmt.Sprint(thing) + fmt.Sprintln(thing, thing); finds(text, value) {
			t.Errorf("Sprint of a %s shows the value", shape)
		}
	}
}

// A detector that finds nothing would pass the test above.
func TestTheDetectorFindsWhatIsNotWrapped(t *testing.T) {
	value := canary("detector")
	type bare struct{ hidden string }
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X"} {
		if !finds(fmt.Sprintf(format, bare{value}), value) {
			t.Errorf("%s of a plain text is not found", format)
		}
	}
	for _, format := range []string{"%v", "%d", "% x", "% #X"} {
		if !finds(fmt.Sprintf(format, []byte(value)), value) {
			t.Errorf("%s of bytes is not found", format)
		}
	}
	if !reaches(reflect.ValueOf(notSafe{&value}), value, map[uintptr]bool{}) {
		t.Error("the walk does not reach a text behind a pointer")
	}
}

type notSafe struct{ text *string }

func TestEveryVerbSaysRedacted(t *testing.T) {
	secret := unspokentest.New(map[string]string{nameKey: canary("says")}).MustGet(nameKey)
	for _, verb := range "vtbcdoOqxXUeEfFgGs" {
		for _, flag := range flags {
			format := "%" + flag + string(verb)
			for _, thing := range []any{secret, &secret} {
				if text := fmt.Sprintf(format, thing); text != mark {
					t.Errorf("%s of a %T prints %q", format, thing, text)
				}
			}
		}
	}
	if text := fmt.Sprintf("%v %+v", struct{ hidden unspoken.Secret }{secret}, inner{hidden: secret}); strings.Count(text, mark) != 3 {
		t.Errorf("fields that are not exported print as %q", text)
	}
	if secret.String() != mark || secret.GoString() != mark || fmt.Sprintf("%T", secret) != "unspoken.Secret" {
		t.Error("String, GoString or the type")
	}
}

// Packages such as spew print what reflection reaches, through pointers too.
func TestReflectionReachesNoValue(t *testing.T) {
	value := canary("reflect")
	for shape, thing := range shapes(unspokentest.New(map[string]string{nameKey: value})) {
		if reaches(reflect.ValueOf(thing), value, map[uintptr]bool{}) {
			t.Errorf("the value in a %s can be reached", shape)
		}
	}
}

func reaches(at reflect.Value, value string, seen map[uintptr]bool) bool {
	switch at.Kind() {
	case reflect.String:
		return strings.Contains(at.String(), value)
	case reflect.Pointer:
		if at.IsNil() || seen[at.Pointer()] {
			return false
		}
		seen[at.Pointer()] = true
		return reaches(at.Elem(), value, seen)
	case reflect.Interface:
		return !at.IsNil() && reaches(at.Elem(), value, seen)
	case reflect.Struct:
		for field := range at.NumField() {
			if reaches(at.Field(field), value, seen) {
				return true
			}
		}
	case reflect.Array, reflect.Slice:
		for item := range at.Len() {
			if reaches(at.Index(item), value, seen) {
				return true
			}
		}
	case reflect.Map:
		for _, key := range at.MapKeys() {
			if reaches(key, value, seen) || reaches(at.MapIndex(key), value, seen) {
				return true
			}
		}
	}
	return false
}

func TestLogsAndTemplatesShowNoValue(t *testing.T) {
	value := canary("log")
	set := unspokentest.New(map[string]string{nameKey: value})
	for shape, thing := range shapes(set) {
		var out bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			logger := slog.New(handler)
			logger.Info(shape, "thing", thing, slog.Any("again", thing), slog.Group("group", "thing", thing))
			logger.With("thing", thing).WithGroup("g").Error(shape, "err", fmt.Errorf("with %v", thing))
		}
		log.New(&out, "", 0).Println(thing)
		_ = template.Must(template.New("").Parse(`{{.}} {{print .}} {{printf "%s %#v" . .}} {{html .}} {{js .}}`)).
			Execute(&out, thing)
		_ = htmltemplate.Must(htmltemplate.New("").Parse(`<a href="/{{.}}">{{.}}</a><script>{{.}}</script>`)).
			Execute(&out, thing)
		out.WriteString(expvar.Func(func() any { return thing }).String())
		if finds(out.String(), value) {
			t.Errorf("a %s shows the value", shape)
		}
	}
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "key", set.MustGet(nameKey))
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "key", set.MustGet(nameKey))
	if strings.Count(out.String(), mark) != 2 {
		t.Errorf("slog prints %q", out.String())
	}
}

func TestMarshallingShowsNoValue(t *testing.T) {
	value := canary("marshal")
	set := unspokentest.New(map[string]string{nameKey: value})
	for shape, thing := range shapes(set) {
		var out bytes.Buffer
		_ = json.NewEncoder(&out).Encode(thing)
		_ = xml.NewEncoder(&out).Encode(thing)
		_ = gob.NewEncoder(&out).Encode(thing)
		if finds(out.String(), value) {
			t.Errorf("a %s is marshalled with its value", shape)
		}
	}
}

func TestMarshallingRedactsOrRefuses(t *testing.T) {
	set := unspokentest.New(map[string]string{nameKey: canary("forms")})
	secret := set.MustGet(nameKey)
	type config struct {
		Key  unspoken.Secret
		Attr unspoken.Secret `xml:"attr,attr"`
	}
	asJSON, err := json.Marshal(config{secret, secret})
	if err != nil || string(asJSON) != `{"Key":"[REDACTED]","Attr":"[REDACTED]"}` {
		t.Errorf("JSON: %s, %v", asJSON, err)
	}
	asXML, err := xml.Marshal(config{secret, secret})
	if err != nil || string(asXML) != `<config attr="[REDACTED]"><Key>[REDACTED]</Key></config>` {
		t.Errorf("XML: %s, %v", asXML, err)
	}
	bag, err := json.Marshal(set)
	if err != nil || string(bag) != `{"SIGNING_KEY":"[REDACTED]"}` {
		t.Errorf("the set: %s, %v", bag, err)
	}
	for _, thing := range []any{secret, &secret, config{secret, secret}, set, *set} {
		if err := gob.NewEncoder(&bytes.Buffer{}).Encode(thing); !errors.Is(err, unspoken.ErrRefused) {
			t.Errorf("gob of a %T: %v", thing, err)
		}
	}
	if _, err := secret.MarshalBinary(); !errors.Is(err, unspoken.ErrRefused) {
		t.Errorf("binary: %v", err)
	}
}

func TestUnmarshallingRefuses(t *testing.T) {
	var into struct {
		Key unspoken.Secret
		Bag unspoken.Secrets
	}
	for _, err := range []error{
		json.Unmarshal([]byte(`{"Key":"text"}`), &into),
		json.Unmarshal([]byte(`{"Bag":{"A":"text"}}`), &into),
		xml.Unmarshal([]byte(`<c><Key>text</Key></c>`), &into),
		into.Key.UnmarshalText(nil), into.Key.UnmarshalBinary(nil), into.Key.GobDecode(nil),
		into.Bag.UnmarshalText(nil), into.Bag.UnmarshalBinary(nil), into.Bag.GobDecode(nil),
	} {
		if !errors.Is(err, unspoken.ErrRefused) {
			t.Errorf("unmarshalling gives %v", err)
		}
	}
}

func TestEqualityGoesByTheText(t *testing.T) {
	set := unspokentest.New(map[string]string{"A": "same", "B": "same", "C": "samE", "D": "", "E": "same and more"})
	equal := func(left, right string) bool { return set.MustGet(left).Equal(set.MustGet(right)) }
	if !equal("A", "B") || !equal("A", "A") || equal("A", "C") || equal("A", "D") || equal("A", "E") {
		t.Error("Equal")
	}
	if !set.MustGet("A").Matches("same") || set.MustGet("A").Matches("other") {
		t.Error("Matches")
	}
	if !set.MustGet("D").Equal(unspoken.Secret{}) || (unspoken.Secret{}).Expose() != "" {
		t.Error("the zero secret is the empty text")
	}
	if reflect.TypeOf(unspoken.Secret{}).Comparable() {
		t.Error("secrets must not be comparable by ==")
	}
	if reflect.DeepEqual(set.MustGet("A"), set.MustGet("A")) {
		t.Error("reflect.DeepEqual compares texts")
	}
}

func TestAPanicShowsNoValue(t *testing.T) {
	if value := os.Getenv("UNSPOKEN_GO_TEST_PANIC"); value != "" {
		panic(unspokentest.New(map[string]string{nameKey: value}).MustGet(nameKey))
	}
	value := canary("panic")
	program := exec.Command(os.Args[0], "-test.run=^TestAPanicShowsNoValue$")
	program.Env = append(os.Environ(), "UNSPOKEN_GO_TEST_PANIC="+value)
	said, err := program.CombinedOutput()
	if err == nil || finds(string(said), value) || !strings.Contains(string(said), mark) {
		t.Errorf("a panic with a secret ends with %v, and shows or does not redact", err)
	}
}
