//go:build linux && unspoken

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestUnderUnspoken starts the server by the program that UNSPOKEN_BIN names.
func TestUnderUnspoken(t *testing.T) {
	program := os.Getenv("UNSPOKEN_BIN")
	if program == "" {
		t.Fatal("UNSPOKEN_BIN does not name the program")
	}
	key, folder := canary(t), t.TempDir()
	env := append(os.Environ(), "UNSPOKEN_HOME="+filepath.Join(folder, "keys"), asServer+"=1", "PORT=0")
	project := filepath.Join(folder, "project")
	if err := os.Mkdir(project, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, call := range [][]string{
		{"init", "--project", "acme-web", "-e", "production"}, {"set", "SIGNING_KEY", "-e", "production"},
	} {
		command := exec.Command(program, call...)
		command.Dir, command.Env, command.Stdin = project, env, strings.NewReader(key)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", call[0], err, out)
		}
	}
	server := exec.Command(program, "run", "--fd", "-e", "production", "--", os.Args[0])
	server.Dir, server.Env = project, env
	said := start(t, server)
	pid, port := said.listening(t)
	check(t, pid, port, key)
	finish(t, server, said, key)
}

var listening = regexp.MustCompile(`listening pid=(\d+) port=(\d+)\n`)

// listening waits for the line of the log that says so.
func (o *output) listening(t *testing.T) (pid int, port string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if found := listening.FindStringSubmatch(o.text(t)); found != nil {
			pid, err := strconv.Atoi(found[1])
			if err != nil {
				t.Fatal(err)
			}
			return pid, found[2]
		}
	}
	t.Fatalf("it does not listen: %s", o.text(t))
	return 0, ""
}
