//go:build linux

package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test program is the example when this is set.
const asServer = "NETHTTP_EXAMPLE"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestTheProcessLeaksNothing starts the server with a pipe on descriptor 3.
func TestTheProcessLeaksNothing(t *testing.T) {
	key := canary(t)
	content, err := json.Marshal(map[string]any{
		"version": 1, "project": "acme-web", "environment": "test", "secrets": map[string]string{"SIGNING_KEY": key},
	})
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = write.Write(content)
		_ = write.Close()
	}()
	portRead, portWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(os.Args[0])
	server.ExtraFiles = []*os.File{read, portWrite}
	server.Env = append(os.Environ(), asServer+"=1", "PORT=0", "UNSPOKEN_FD=3", "UNSPOKEN_READY_FD=4")
	said := start(t, server)
	_, _ = read.Close(), portWrite.Close()
	_ = portRead.SetReadDeadline(time.Now().Add(30 * time.Second))
	port, err := io.ReadAll(portRead)
	if err != nil {
		t.Fatal(err)
	}
	check(t, server.Process.Pid, strings.TrimSpace(string(port)), key)
	finish(t, server, said, key)
}

func start(t *testing.T, server *exec.Cmd) *output {
	t.Helper()
	said := &output{}
	file, err := os.CreateTemp(t.TempDir(), "output")
	if err != nil {
		t.Fatal(err)
	}
	said.path = file.Name()
	server.Stdout, server.Stderr = file, file
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	t.Cleanup(func() { _ = server.Process.Kill() })
	return said
}

type output struct{ path string }

func (o *output) text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(o.path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// check asks the server for a signature and looks at what the system shows of it.
func check(t *testing.T, pid int, port, key string) {
	t.Helper()
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%s/sign?text=hello", port))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || strings.TrimSpace(string(body)) != sign(key, "hello") {
		t.Errorf("the answer is %q, %v", body, err)
	}
	for _, file := range []string{"environ", "cmdline"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil || len(content) == 0 || bytes.Contains(content, []byte(key)) {
			t.Errorf("/proc/PID/%s cannot be read or holds the key: %v", file, err)
		}
	}
	for number := 3; number <= 20; number++ {
		link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, number))
		if strings.HasPrefix(link, "pipe:") {
			t.Errorf("the pipe on %d is still open", number)
		}
	}
}

func finish(t *testing.T, server *exec.Cmd, said *output, key string) {
	t.Helper()
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	text := said.text(t)
	if strings.Contains(text, key) || strings.Contains(text, hex.EncodeToString([]byte(key))) {
		t.Error("the log holds the key")
	}
	if strings.Count(text, "[REDACTED]") < 4 {
		t.Errorf("the log does not show the redacted configuration: %s", text)
	}
}

func canary(t *testing.T) string {
	t.Helper()
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	return "canary-nethttp-" + hex.EncodeToString(random)
}

func sign(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
