package unspoken

import (
	"errors"
	"strings"
	"testing"
)

func TestNearestFindsASlip(t *testing.T) {
	names := []string{"DATABASE_URL", "SENTRY_DSN", "STRIPE_KEY", "a"}
	for name, expected := range map[string]string{
		"DATBASE_URL": "DATABASE_URL", "database_url": "DATABASE_URL", "STRIPE_KEYS": "STRIPE_KEY",
		"NO_SUCH_SECRET": "", "": "a", "REDIS_URL": "", strings.Repeat("A", 1000): "",
	} {
		if found := nearest(name, names); found != expected {
			t.Errorf("nearest to %.20q is %q, not %q", name, found, expected)
		}
	}
}

func TestMissingErrorSaysWhatToDo(t *testing.T) {
	secrets := Secrets{inside: true, project: "acme", environment: "production",
		byName: map[string]Secret{"DATABASE_URL": newSecret("x")}}
	_, err := secrets.Get("DATBASE_URL")
	expected := "unspoken: no secret `DATBASE_URL` in `acme/production` (did you mean `DATABASE_URL`?)" +
		"; to add it: unspoken set DATBASE_URL -e production"
	if err == nil || err.Error() != expected {
		t.Errorf("the message is %v", err)
	}
	var missing *MissingError
	if !errors.Is(err, ErrMissing) || !errors.As(err, &missing) || missing.Name != "DATBASE_URL" {
		t.Errorf("%#v is no MissingError", err)
	}
}

func TestMissingErrorWithoutAPlace(t *testing.T) {
	_, err := Secrets{inside: true}.Get("REDIS_URL")
	if err == nil || err.Error() != "unspoken: no secret `REDIS_URL`; to add it: unspoken set REDIS_URL" {
		t.Errorf("the message is %v", err)
	}
}

// What is pasted into a shell or seen in a terminal must do nothing there.
func TestMissingErrorIsHarmless(t *testing.T) {
	secrets := Secrets{inside: true, project: "a\x1b[31m", environment: "p;rm"}
	_, err := secrets.Get("X`$(id)\n\u202e" + strings.Repeat("y", 500))
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\n\u202e") || len(err.Error()) > 400 ||
		strings.Contains(err.Error(), "unspoken set") {
		t.Errorf("the message is %q", err)
	}
}
