package unspoken

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	fdVariable     = "UNSPOKEN_FD"
	bundleVariable = "UNSPOKEN_BUNDLE"
	readyVariable  = "UNSPOKEN_READY_FD"

	// exitConfig is EX_CONFIG of sysexits.h.
	exitConfig = 78
)

// What was inherited is looked up before anything else can open a descriptor
// with a number that a launcher has closed.
var (
	inheritedBundle = claimVariable(fdVariable, reading)
	inheritedReady  = claimVariable(readyVariable, writing)
)

// direction is what a descriptor is for, seen from this process.
type direction int

const (
	reading direction = iota
	writing
)

// descriptor is an open file by its number, and which file it was when looked up.
type descriptor struct {
	number int
	file   fileID
	memory bool
}

type fileID struct{ device, inode uint64 }

// claim is what a variable lists that is there.
type claim struct {
	listed bool
	found  []descriptor
	err    error
}

func claimVariable(name string, way direction) claim {
	list, listed := os.LookupEnv(name)
	if !listed {
		return claim{}
	}
	numbers, err := parseNumbers(list)
	if err != nil {
		return claim{listed: true, err: fmt.Errorf("unspoken: `%s` is %w", name, err)}
	}
	return claim{listed: true, found: claimDescriptors(numbers, way)}
}

// claimDescriptors finds what is ours among these numbers: where a launcher closed
// ours, a number stands for something else. A child must not get a pipe; a memory
// file is there to be read by several.
func claimDescriptors(numbers []int, way direction) []descriptor {
	var found []descriptor
	times := map[fileID]int{}
	for _, number := range numbers {
		if kind, file := inherited(number, way); kind != otherKind {
			found = append(found, descriptor{number: number, file: file, memory: kind == memoryKind})
			times[file]++
		}
	}
	// A pipe on two numbers of the list was put there, so nobody looks further.
	found = slices.DeleteFunc(found, func(d descriptor) bool {
		return !d.memory && times[d.file] < 2 && hasOtherEnd(d.file, way)
	})
	for _, pipe := range found {
		if !pipe.memory {
			closeOnExec(pipe.number)
		}
	}
	return found
}

func parseNumbers(list string) ([]int, error) {
	var numbers []int
	for _, digits := range strings.Split(list, ",") {
		number, err := strconv.ParseUint(digits, 10, 31)
		if err != nil || number < 3 {
			return nil, ErrVariable
		}
		if !slices.Contains(numbers, int(number)) {
			numbers = append(numbers, int(number))
		}
	}
	return numbers, nil
}

// first returns the first descriptor that is still the file it was.
func (c claim) first() (descriptor, bool) {
	for _, candidate := range c.found {
		if candidate.isSame(candidate.file) {
			return candidate, true
		}
	}
	return descriptor{}, false
}

// close closes everything that is the same file as the one that was used.
func (c claim) close(used descriptor) {
	for _, other := range c.found {
		if other.isSame(used.file) {
			closeDescriptor(other.number)
		}
	}
}

// isSame says whether the number still stands for this file.
func (d descriptor) isSame(file fileID) bool {
	kind, now := look(d.number)
	return kind != otherKind && now == file
}

// readBundle takes the bundle that this process was given, once, and removes
// every trace of it from the process. It ends the process where there is one
// that cannot be read.
func readBundle() (*Secrets, error) {
	content, from, err := takeContent()
	_ = os.Unsetenv(bundleVariable)
	if !errors.Is(err, ErrVariable) && !errors.Is(err, ErrClosed) {
		// Otherwise a child must find that something is wrong as well.
		_ = os.Unsetenv(fdVariable)
	}
	if errors.Is(err, ErrOutside) {
		return &Secrets{}, nil
	}
	if errors.Is(err, errUnreadable) {
		exit(from, errUnreadable)
	}
	if err != nil {
		return nil, err
	}
	secrets, err := parseBundle(content)
	if err != nil {
		exit(from, err)
	}
	return secrets, nil
}

const errUnreadable bundleError = "cannot be read from the descriptor that it is on"

func takeContent() (content []byte, from string, err error) {
	if inheritedBundle.err != nil {
		return nil, fdVariable, inheritedBundle.err
	}
	if used, found := inheritedBundle.first(); found {
		content, err = used.readAll()
		inheritedBundle.close(used)
		if err != nil {
			return nil, fdVariable, errUnreadable
		}
		return content, fdVariable, nil
	}
	if text, found := os.LookupEnv(bundleVariable); found {
		return []byte(text), bundleVariable, nil
	}
	if inheritedBundle.listed {
		return nil, fdVariable, ErrClosed
	}
	return nil, "", ErrOutside
}

// exit ends the process, whatever else is running in it: a program that goes on
// without its configuration does harm.
func exit(from string, err error) {
	if from == bundleVariable && errors.Is(err, errEmpty) {
		err = errNotJSON
	}
	fmt.Fprintf(os.Stderr, "unspoken: the bundle of secrets (`%s`) %v\n", from, err)
	os.Exit(exitConfig)
}
