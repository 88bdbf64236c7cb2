package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pombal/internal/audit"
)

// fakeStore keeps entries in memory; it fails with err when that is set.
type fakeStore struct {
	list []audit.Entry
	err  error
}

func (s *fakeStore) AppendAudit(_ context.Context, e audit.Entry) error {
	s.list = append(s.list, e)
	return s.err
}

func (s *fakeStore) AuditEntries(_ context.Context, limit int) ([]audit.Entry, error) {
	return s.list[:min(limit, len(s.list))], s.err
}

func TestLogSetsTheTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.FixedZone("BRT", -3*3600))
	store := &fakeStore{}
	log := audit.NewLog(store, func() time.Time { return at })
	forged := audit.Entry{Action: "instance.logout", Actor: "user:ana@example.org", At: at.AddDate(-1, 0, 0)}
	if err := log.Append(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	list, err := log.List(t.Context(), 5)
	if err != nil || len(list) != 1 {
		t.Fatalf("list: got %v, %v", list, err)
	}
	if got := list[0]; !got.At.Equal(at) || got.At.Location() != time.UTC || got.Action != "instance.logout" {
		t.Errorf("entry: got %+v", got)
	}
}

func TestLogPassesErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk is full")
	log := audit.NewLog(&fakeStore{err: broken}, time.Now)
	if err := log.Append(t.Context(), audit.Entry{}); !errors.Is(err, broken) {
		t.Errorf("append: got %v", err)
	}
	if _, err := log.List(t.Context(), 1); !errors.Is(err, broken) {
		t.Errorf("list: got %v", err)
	}
}
