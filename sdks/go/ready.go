package unspoken

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
)

var readyLock sync.Mutex

// Ready tells the supervisor that the program listens on this port, and closes
// the descriptor on which it said so. Without a supervisor, or when called again,
// it does nothing.
//
// It needs no secrets and does not read the bundle.
func Ready(port int) error {
	if port < 1 || port > 65535 {
		return fmt.Errorf("unspoken: %d is no port", port)
	}
	readyLock.Lock()
	defer readyLock.Unlock()
	if !inheritedReady.listed {
		return nil
	}
	claimed := inheritedReady
	inheritedReady = claim{}
	_ = os.Unsetenv(readyVariable)
	return claimed.say(port)
}

func (c claim) say(port int) error {
	if c.err != nil {
		return c.err
	}
	used, found := c.first()
	if !found {
		return errors.New("unspoken: no pipe is on the descriptors that `" + readyVariable + "` lists, " +
			"so something between the supervisor and this program closed them")
	}
	defer c.close(used)
	if err := used.write([]byte(strconv.Itoa(port) + "\n")); err != nil {
		return fmt.Errorf("unspoken: the supervisor cannot be told the port: %w", err)
	}
	return nil
}
