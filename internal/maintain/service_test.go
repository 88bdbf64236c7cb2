package maintain_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"pombal/internal/audit"
	"pombal/internal/maintain"
	"pombal/internal/store"
	"pombal/internal/upkeep"
)

// open opens a data file whose clock is moved by the test.
func open(t *testing.T) (s *maintain.Service, db *store.DB, path string, now *time.Time) {
	t.Helper()
	clock := time.Now()
	path = filepath.Join(t.TempDir(), "pombal.db")
	db, err := store.Open(path, store.Options{Now: func() time.Time { return clock }, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s = maintain.NewService(db, path, slog.New(slog.DiscardHandler), func() time.Time { return clock })
	return s, db, path, &clock
}

// What a policy is said to delete is what the next sweep deletes.
func TestPolicyDeletesWhatItSays(t *testing.T) {
	s, db, _, now := open(t)
	ctx := t.Context()
	start := *now
	for i := range 5 {
		if err := db.AppendAudit(ctx, audit.Entry{Action: "test", Actor: "t", At: start.Add(time.Duration(i) * 24 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	*now = start.Add(5 * 24 * time.Hour)
	if p, err := s.Policy(ctx); err != nil || p[upkeep.Audit] != 365 || p[upkeep.Events] != 30 {
		t.Fatalf("the policy of a new file is %v, %v", p, err)
	}
	strict := upkeep.Policy{upkeep.Events: 30, upkeep.Deliveries: 0, upkeep.Audit: 3, upkeep.Secrets: 90}
	doomed, err := s.Doomed(ctx, strict)
	if err != nil || doomed[upkeep.Audit] != 2 {
		t.Fatalf("%v would go, %v; want 2 entries of the audit log", doomed, err)
	}
	if err := s.SetPolicy(ctx, upkeep.Policy{upkeep.Events: 30, upkeep.Audit: 3}); err == nil {
		t.Error("a policy without deliveries was taken")
	}
	if err := s.SetPolicy(ctx, strict); err != nil {
		t.Fatal(err)
	}
	p, err := s.Policy(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Sweep(ctx, store.RetentionOf(p)); err != nil {
		t.Fatal(err)
	}
	usage, err := s.Usage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range usage {
		if u.Kind == upkeep.Audit && (u.Rows != 3 || !u.Oldest.Equal(start.Add(48*time.Hour)) || u.Bytes == 0) {
			t.Errorf("after the sweep: %+v, want the 3 newest", u)
		}
	}
}

// A backup made while the file is in use is a data file with the same content;
// one that was damaged since is told from it; nothing else in the folder can be
// reached by its name.
func TestBackupsBesideTheFile(t *testing.T) {
	s, db, path, now := open(t)
	ctx := context.Background()
	if err := db.AppendAudit(ctx, audit.Entry{Action: "before the backup", Actor: "t", At: *now}); err != nil {
		t.Fatal(err)
	}
	made, err := s.MakeBackup(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.MakeBackup(ctx); !errors.Is(err, upkeep.ErrBusy) {
		t.Errorf("a second one in the same second: %v", err)
	}
	content, size, err := s.OpenBackup(made.Name)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(content)
	if err = errors.Join(err, content.Close()); err != nil || int64(len(raw)) != size || size != made.Size {
		t.Fatalf("%d bytes of %d, made with %d: %v", len(raw), size, made.Size, err)
	}
	other := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(other, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	copied, err := store.Open(other, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := copied.AuditEntries(ctx, 10)
	if err = errors.Join(err, copied.Close()); err != nil || len(entries) != 1 || entries[0].Action != "before the backup" {
		t.Errorf("the backup holds %v, %v", entries, err)
	}
	if list, err := s.Backups(); err != nil || len(list) != 1 || list[0].Checked.IsZero() || list[0].Damage != "" {
		t.Errorf("the backups are %+v, %v", list, err)
	}
	if err := os.Truncate(filepath.Join(filepath.Dir(path), made.Name), size/2); err != nil {
		t.Fatal(err)
	}
	if b, err := s.CheckBackup(ctx, made.Name); err != nil || b.Damage == "" {
		t.Errorf("a cut-off backup is found %+v, %v", b, err)
	}
	for _, name := range []string{"", "pombal.db", "../pombal.db", "pombal.db.backup-", "pombal.db.backup-../x", "pombal.db.backup-20260101-000000"} {
		if _, _, err := s.OpenBackup(name); !errors.Is(err, upkeep.ErrNoBackup) {
			t.Errorf("OpenBackup(%q) = %v", name, err)
		}
		if err := s.DeleteBackup(name); !errors.Is(err, upkeep.ErrNoBackup) {
			t.Errorf("DeleteBackup(%q) = %v", name, err)
		}
	}
	if err := s.DeleteBackup(made.Name); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Backups(); err != nil || len(list) != 0 {
		t.Errorf("after deleting: %v, %v", list, err)
	}
}

// A disk without room for another copy is told before anything is written.
func TestNoRoomForABackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pombal.db")
	var free atomic.Uint64 // the file's own watch of the disk asks, too
	free.Store(1 << 40)
	db, err := store.Open(path, store.Options{NoSync: true, Space: func(string) (uint64, uint64, error) { return free.Load(), 1 << 41, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := maintain.NewService(db, path, slog.New(slog.DiscardHandler), time.Now)
	free.Store(1 << 20)
	if _, err := s.MakeBackup(t.Context()); !errors.Is(err, upkeep.ErrNoRoom) {
		t.Errorf("without room: %v", err)
	}
	if list, err := s.Backups(); err != nil || len(list) != 0 {
		t.Errorf("it left %v, %v", list, err)
	}
}

// Secrets go by whole months, and never before their days are over.
func TestSecretsAreKeptForMonths(t *testing.T) {
	for days, months := range map[int]int{1: 1, 30: 1, 31: 2, 365: 12, 0: 1200} {
		if got := (upkeep.Policy{upkeep.Secrets: days}).Months(upkeep.Secrets); got != months {
			t.Errorf("%d days are %d months, want %d", days, got, months)
		}
	}
}
