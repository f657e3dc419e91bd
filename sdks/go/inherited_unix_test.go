//go:build unix

package unspoken

import (
	"bytes"
	"errors"
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
	claimed := claim{listed: true, found: claimDescriptors([]int{read, again}, true)}
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
	defer closeDescriptor(write)
	if closesOnExec(t, read) {
		t.Fatal("marked before")
	}
	claimDescriptors([]int{read}, true)
	if !closesOnExec(t, read) {
		t.Error("a child would inherit the pipe")
	}
}

func closesOnExec(t *testing.T, number int) bool {
	t.Helper()
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(number), syscall.F_GETFD, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return flags&syscall.FD_CLOEXEC != 0
}

// A number that was closed and given to another file since is not ours.
func TestAReusedNumberIsLeftAlone(t *testing.T) {
	read, write := pipe(t)
	defer closeDescriptor(write)
	claimed := claim{listed: true, found: claimDescriptors([]int{read}, true)}
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

func TestAFileIsNotOurs(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "memfd:unspoken"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if found := claimDescriptors([]int{int(file.Fd()), 1 << 20}, true); len(found) != 0 {
		t.Errorf("claimed %v", found)
	}
}

func TestReadySaysThePortOnce(t *testing.T) {
	read, write := pipe(t)
	claimed := claim{listed: true, found: claimDescriptors([]int{write}, false)}
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
	claimed := claim{listed: true, found: claimDescriptors([]int{write}, false)}
	if err := claimed.say(8080); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a supervisor that is gone gives %v", err)
	}
}
