//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package unspoken

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

type fileKind int

const (
	otherKind fileKind = iota
	pipeKind
	memoryKind
)

// memoryPrefix is how the system names the memory files that `unspoken` makes.
const memoryPrefix = "/memfd:unspoken"

const (
	// The system's names are missing in package syscall, or outside of Linux.
	getSeals  = 1034
	sealWrite = 0x8

	// lowNumbers are looked at where the system does not list what is open.
	lowNumbers = 256
)

// inherited says what another program left to this one under a number, for use
// in one direction. What Go itself opens passes to no child, and so is not that;
// a memory file that can be written to is not one of ours.
func inherited(number int, way direction) (fileKind, fileID) {
	kind, file := look(number)
	flags, err := fcntl(number, syscall.F_GETFD)
	ours := err == nil && flags&syscall.FD_CLOEXEC == 0
	switch kind {
	case pipeKind:
		ours = ours && goes(number, way)
	case memoryKind:
		seals, err := fcntl(number, getSeals)
		ours = ours && way == reading && err == nil && seals&sealWrite != 0
	}
	if !ours {
		return otherKind, file
	}
	return kind, file
}

// hasOtherEnd says whether this process holds a pipe's other end as well, so that
// nobody sent it. Make's jobserver is such a pipe.
func hasOtherEnd(pipe fileID, way direction) bool {
	return slices.ContainsFunc(openNumbers(), func(number int) bool {
		kind, file := look(number)
		return kind == pipeKind && file == pipe && !goes(number, way)
	})
}

// goes says whether a descriptor is for this direction and no other.
func goes(number int, way direction) bool {
	access := syscall.O_RDONLY
	if way == writing {
		access = syscall.O_WRONLY
	}
	flags, err := fcntl(number, syscall.F_GETFL)
	return err == nil && flags&syscall.O_ACCMODE == access
}

func openNumbers() []int {
	var numbers []int
	for _, folder := range []string{"/proc/self/fd", "/dev/fd"} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if number, err := strconv.Atoi(entry.Name()); err == nil {
				numbers = append(numbers, number)
			}
		}
		return numbers
	}
	for number := range lowNumbers {
		numbers = append(numbers, number)
	}
	return numbers
}

func fcntl(number, command int) (int, error) {
	value, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(number), uintptr(command), 0)
	if errno != 0 {
		return 0, errno
	}
	return int(value), nil
}

// look says what stands behind a number, without reading from it.
func look(number int) (fileKind, fileID) {
	var stat syscall.Stat_t
	if err := retry(func() error { return syscall.Fstat(number, &stat) }); err != nil {
		return otherKind, fileID{}
	}
	file := fileID{device: uint64(stat.Dev), inode: uint64(stat.Ino)}
	if uint32(stat.Mode)&syscall.S_IFMT == syscall.S_IFIFO {
		return pipeKind, file
	}
	target, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(number))
	if err == nil && strings.HasPrefix(target, memoryPrefix) {
		return memoryKind, file
	}
	return otherKind, file
}

// readAll reads to the end of the pipe, or the memory file from its beginning:
// where others stopped in it must not matter. It stops just past what a bundle may
// hold. Buffers that were too small are wiped.
func (d descriptor) readAll() ([]byte, error) {
	if !d.memory {
		_ = syscall.SetNonblock(d.number, false)
	}
	buffer := make([]byte, 0, 64<<10)
	for {
		if len(buffer) == cap(buffer) {
			grown := make([]byte, len(buffer), min(2*cap(buffer), maxBytes+1))
			copy(grown, buffer)
			clear(buffer)
			buffer = grown
		}
		count, err := d.read(buffer[len(buffer):cap(buffer)], int64(len(buffer)))
		if err != nil {
			clear(buffer)
			return nil, err
		}
		buffer = buffer[:len(buffer)+count]
		if count == 0 || len(buffer) > maxBytes {
			return buffer, nil
		}
	}
}

func (d descriptor) read(into []byte, offset int64) (count int, err error) {
	err = retry(func() (err error) {
		if d.memory {
			count, err = syscall.Pread(d.number, into, offset)
		} else {
			count, err = syscall.Read(d.number, into)
		}
		return err
	})
	return count, err
}

func (d descriptor) write(content []byte) error {
	for len(content) > 0 {
		count := 0
		err := retry(func() (err error) {
			count, err = syscall.Write(d.number, content)
			return err
		})
		if err != nil {
			return err
		}
		content = content[count:]
	}
	return nil
}

func closeOnExec(number int) { syscall.CloseOnExec(number) }

func closeDescriptor(number int) { _ = syscall.Close(number) }

// retry repeats what a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
