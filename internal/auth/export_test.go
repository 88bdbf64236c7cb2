package auth

import (
	"context"
	"fmt"
)

// PHC makes a hash at a cost of the test's choice.
func PHC(password string, salt []byte, time, memory uint32, threads uint8) string {
	c := cost{time: time, memory: memory, threads: threads}
	return c.phc(salt, c.key(password, salt, keyLength))
}

// Cheapen makes new hashes cost next to nothing, for tests about other things.
func (s *Service) Cheapen() { s.setCost(cost{time: 1, memory: 64, threads: 1}) }

// MaxHashQueue is maxQueue.
const MaxHashQueue = maxQueue

// HoldHashes takes every place for a hash until release is called.
func (s *Service) HoldHashes(ctx context.Context) (release func(), err error) {
	for range maxHashes {
		if err := s.hasher.acquire(ctx); err != nil {
			return nil, err
		}
	}
	return func() {
		for range maxHashes {
			s.hasher.release()
		}
	}, nil
}

// OnDerive has note told the cost and the lengths of each key that is derived
// to check a password.
func (s *Service) OnDerive(note func(work string)) {
	s.hasher.derive = func(c cost, password string, salt []byte, length int) []byte {
		note(fmt.Sprintf("%+v, salt of %d, key of %d bytes", c, len(salt), length))
		return c.key(password, salt, length)
	}
}
