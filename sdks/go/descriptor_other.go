//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package unspoken

import "errors"

type fileKind int

const (
	otherKind fileKind = iota
	pipeKind
	memoryKind
)

// No descriptor can be inherited by its number here, or none can be told from another, so only UNSPOKEN_BUNDLE works.

func inherited(int, direction) (fileKind, fileID) { return otherKind, fileID{} }

func hasOtherEnd(fileID, direction) bool { return false }

func look(int) (fileKind, fileID) { return otherKind, fileID{} }

func (d descriptor) readAll() ([]byte, error) { return nil, errors.ErrUnsupported }

func (d descriptor) write([]byte) error { return errors.ErrUnsupported }

func closeOnExec(int) {}

func closeDescriptor(int) {}
