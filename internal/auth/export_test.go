package auth

// PHC makes a hash at a cost of the test's choice.
func PHC(password string, salt []byte, time, memory uint32, threads uint8) string {
	c := cost{time: time, memory: memory, threads: threads}
	return c.phc(salt, c.key(password, salt, keyLength))
}

// Cheapen makes new hashes cost next to nothing, for tests about other things.
func (s *Service) Cheapen() { s.setCost(cost{time: 1, memory: 64, threads: 1}) }
