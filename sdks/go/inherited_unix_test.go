//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package unspoken

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestParseNumbers(t *testing.T) {
	for list, count := range map[string]int{
		"3": 1, "3,20": 2, "2147483647": 1,
		"": 0, "2": 0, "0,1,2": 0, "3,": 0, ",3": 0, "+3": 0, "3 ,20": 0, "three": 0, "-3": 0, "3,2": 0,
		"2147483648": 0, "99999999999999999999": 0, "0x3": 0, "3_0": 0,
	} {
		numbers, err := parseNumbers(list)
		if len(numbers) != count || (err == nil) != (count > 0) || (err != nil && !errors.Is(err, ErrVariable)) {
			t.Errorf("%q gives %v, %v", list, numbers, err)
		}
	}
}

func pipe(t *testing.T) (read, write int) {
	t.Helper()
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		t.Fatal(err)
	}
	return ends[0], ends[1]
}

func TestAPipeIsReadToItsEndAndClosedEverywhere(t *testing.T) {
	read, write := pipe(t)
	again, err := syscall.Dup(read)
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	go func() {
		writer := os.NewFile(uintptr(write), "pipe")
		_, _ = writer.Write(content)
		_ = writer.Close()
	}()
	// A writer that is slow must not end the reading, whoever shares the pipe.
	if err := syscall.SetNonblock(read, true); err != nil {
		t.Fatal(err)
	}
	claimed := claim{listed: true, found: claimDescriptors([]int{read, again}, reading)}
	used, found := claimed.first()
	if !found {
		t.Fatal("the pipe is not found")
	}
	got, err := used.readAll()
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("read %d bytes, %v", len(got), err)
	}
	claimed.close(used)
	for _, number := range []int{read, again} {
		if kind, _ := look(number); kind == pipeKind {
			t.Errorf("%d is still open", number)
		}
	}
}

func TestAPipeIsMarkedToBeClosedInChildren(t *testing.T) {
	read, write := pipe(t)
	defer closeDescriptor(read)
	closeDescriptor(write)
	if closesOnExec(t, read) {
		t.Fatal("marked before")
	}
	claimDescriptors([]int{read}, reading)
	if !closesOnExec(t, read) {
		t.Error("a child would inherit the pipe")
	}
}

func closesOnExec(t *testing.T, number int) bool {
	t.Helper()
	flags, err := fcntl(number, syscall.F_GETFD)
	if err != nil {
		t.Fatal(err)
	}
	return flags&syscall.FD_CLOEXEC != 0
}

// A number that was closed and given to another file since is not ours.
func TestAReusedNumberIsLeftAlone(t *testing.T) {
	read, write := pipe(t)
	closeDescriptor(write)
	claimed := claim{listed: true, found: claimDescriptors([]int{read}, reading)}
	if _, found := claimed.first(); !found {
		t.Fatal("the pipe is not found")
	}
	otherRead, otherWrite := pipe(t)
	defer closeDescriptor(otherWrite)
	defer closeDescriptor(read)
	if err := syscall.Dup2(otherRead, read); err != nil {
		t.Fatal(err)
	}
	if used, found := claimed.first(); found {
		t.Errorf("%v is taken for the bundle", used)
	}
	closeDescriptor(otherRead)
}

// A number that a launcher has freed is the next pipe's that is opened.
func TestAPipeOfThisProcessIsNotOurs(t *testing.T) {
	refuse := func(about string, number int, way direction) {
		t.Helper()
		before := closesOnExec(t, number)
		// Twice the same number is not two.
		numbers, err := parseNumbers(fmt.Sprintf("%d,%d", number, number))
		if err != nil {
			t.Fatal(err)
		}
		if found := claimDescriptors(numbers, way); len(found) != 0 {
			t.Errorf("%s: claimed %v", about, found)
		}
		if closesOnExec(t, number) != before {
			t.Errorf("%s: marked", about)
		}
	}
	read, write := pipe(t)
	refuse("both ends", read, reading)
	refuse("both ends", write, writing)
	refuse("the writing end", write, reading)
	refuse("the reading end", read, writing)
	closeDescriptor(write)
	syscall.CloseOnExec(read)
	refuse("opened here", read, reading)
	closeDescriptor(read)

	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	both, err := syscall.Open(path, syscall.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeDescriptor(both)
	refuse("both directions", both, reading)
	refuse("both directions", both, writing)
}

func TestNoMoreThanTheLimitIsRead(t *testing.T) {
	read, write := pipe(t)
	go func() {
		defer closeDescriptor(write)
		part := make([]byte, 1<<20)
		for {
			if _, err := syscall.Write(write, part); err != nil {
				return
			}
		}
	}()
	content, err := descriptor{number: read}.readAll()
	closeDescriptor(read)
	if err != nil || len(content) != maxBytes+1 {
		t.Errorf("read %d bytes, %v", len(content), err)
	}
}

func TestAFileIsNotOurs(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "memfd:unspoken"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if found := claimDescriptors([]int{int(file.Fd()), 1 << 20}, reading); len(found) != 0 {
		t.Errorf("claimed %v", found)
	}
}

// A child that found no list would take itself to be outside, and go on.
func TestAListThatFailedStaysForChildren(t *testing.T) {
	before := inheritedBundle
	defer func() { inheritedBundle = before }()
	for _, failing := range []claim{{listed: true}, {listed: true, err: ErrVariable}} {
		t.Setenv(fdVariable, "99")
		t.Setenv(bundleVariable, "")
		if failing.err == nil {
			_ = os.Unsetenv(bundleVariable)
		}
		inheritedBundle = failing
		if _, err := readBundle(); !errors.Is(err, ErrClosed) && !errors.Is(err, ErrVariable) {
			t.Errorf("%v gives %v", failing, err)
		}
		if os.Getenv(fdVariable) != "99" {
			t.Error("the list is gone")
		}
		if _, found := os.LookupEnv(bundleVariable); found {
			t.Error("the bundle is still in the environment")
		}
	}
}

func TestReadySaysThePortOnce(t *testing.T) {
	read, write := pipe(t)
	again, err := syscall.Dup(write)
	if err != nil {
		t.Fatal(err)
	}
	claimed := claim{listed: true, found: claimDescriptors([]int{write, again}, writing)}
	if err := claimed.say(8080); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 16)
	count, err := syscall.Read(read, said)
	if err != nil || string(said[:count]) != "8080\n" {
		t.Errorf("said %q, %v", said[:count], err)
	}
	if count, _ = syscall.Read(read, said); count != 0 {
		t.Error("the descriptor is still open")
	}
	closeDescriptor(read)
	if err := claimed.say(8080); err == nil {
		t.Error("a descriptor that is gone is no error")
	}
}

func TestReadyToNobody(t *testing.T) {
	if err := Ready(8080); err != nil {
		t.Error(err)
	}
	for _, port := range []int{0, -1, 65536} {
		if Ready(port) == nil {
			t.Errorf("%d is a port", port)
		}
	}
	read, write := pipe(t)
	closeDescriptor(read)
	claimed := claim{listed: true, found: claimDescriptors([]int{write}, writing)}
	if err := claimed.say(8080); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a supervisor that is gone gives %v", err)
	}
}
