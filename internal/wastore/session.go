package wastore

import (
	"context"
)

// GetSession returns the session with an address, nil when there is none.
func (s *deviceStore) GetSession(ctx context.Context, address string) (session []byte, err error) {
	defer guard("GetSession", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		session, err = d.blob(bucketSession, []byte(address))
		return err
	})
	return session, err
}

// HasSession tells whether there is a session with an address, even a null one.
func (s *deviceStore) HasSession(ctx context.Context, address string) (has bool, err error) {
	defer guard("HasSession", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		has = d.get(flat(bucketSession), []byte(address)) != nil
		return nil
	})
	return has, err
}

// GetManySessions returns an entry for every address asked for, nil where there
// is no session: the engine's session cache relies on it.
func (s *deviceStore) GetManySessions(ctx context.Context, addresses []string) (sessions map[string][]byte, err error) {
	defer guard("GetManySessions", &err)
	if len(addresses) == 0 {
		return nil, nil
	}
	err = s.view(ctx, func(d *deviceTx) error {
		sessions = make(map[string][]byte, len(addresses))
		for _, address := range addresses {
			session, err := d.blob(bucketSession, []byte(address))
			if err != nil {
				return err
			}
			sessions[address] = session
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sessions, nil
}

// PutSession stores the session with an address.
func (s *deviceStore) PutSession(ctx context.Context, address string, session []byte) (err error) {
	defer guard("PutSession", &err)
	return s.update(ctx, waits, func(d *deviceTx) error {
		return d.put(flat(bucketSession), []byte(address), blob(session))
	})
}

// PutManySessions stores sessions, all or none.
func (s *deviceStore) PutManySessions(ctx context.Context, sessions map[string][]byte) (err error) {
	defer guard("PutManySessions", &err)
	if len(sessions) == 0 {
		return nil
	}
	return s.update(ctx, waits, func(d *deviceTx) error {
		for address, session := range sessions {
			if err := d.put(flat(bucketSession), []byte(address), blob(session)); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteSession forgets the session with one address.
func (s *deviceStore) DeleteSession(ctx context.Context, address string) (err error) {
	defer guard("DeleteSession", &err)
	return s.update(ctx, waits, func(d *deviceTx) error {
		d.delete(flat(bucketSession), []byte(address))
		return nil
	})
}

// DeleteAllSessions forgets the sessions with all devices of a Signal user.
func (s *deviceStore) DeleteAllSessions(ctx context.Context, phone string) (err error) {
	defer guard("DeleteAllSessions", &err)
	return s.deletePrefix(ctx, waits, flat(bucketSession), []byte(phone+":"))
}

// blob reads a row of one field, nil when there is none.
func (d *deviceTx) blob(bucket string, key []byte) ([]byte, error) {
	raw := d.get(flat(bucket), key)
	if raw == nil {
		return nil, nil
	}
	return parseBlob(raw)
}
