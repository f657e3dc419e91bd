//go:build unix

package unspoken

import (
	"errors"
	"os"
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
// where others stopped in it must not matter. Buffers that were too small are
// wiped.
func (d descriptor) readAll() ([]byte, error) {
	if !d.memory {
		_ = syscall.SetNonblock(d.number, false)
	}
	buffer := make([]byte, 0, 64<<10)
	for {
		if len(buffer) == cap(buffer) {
			grown := make([]byte, len(buffer), 2*cap(buffer))
			copy(grown, buffer)
			clear(buffer)
			buffer = grown
		}
		count, err := d.read(buffer[len(buffer):cap(buffer)], int64(len(buffer)))
		if err != nil {
			clear(buffer)
			return nil, err
		}
		if count == 0 {
			return buffer, nil
		}
		buffer = buffer[:len(buffer)+count]
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
