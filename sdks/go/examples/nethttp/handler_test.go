package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/unspoken-dev/unspoken/sdks/go/unspokentest"
)

// How a program's own tests give it secrets.
func TestSign(t *testing.T) {
	unspokentest.Use(t, map[string]string{"SIGNING_KEY": "key"})
	config, err := loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	handler(config).ServeHTTP(answer, httptest.NewRequest("GET", "/sign?text=hello", nil))
	if expected := sign("key", "hello"); strings.TrimSpace(answer.Body.String()) != expected {
		t.Errorf("the answer is %q", answer.Body)
	}
}

func TestWithoutTheKeyItDoesNotStart(t *testing.T) {
	unspokentest.Use(t, map[string]string{"SIGNING_KY": "key"})
	if _, err := loadConfig(); err == nil || !strings.Contains(err.Error(), "did you mean `SIGNING_KY`") {
		t.Errorf("the error is %v", err)
	}
}
