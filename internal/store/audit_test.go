package store_test

import (
	"testing"

	"go.etcd.io/bbolt"

	"pombal/internal/audit"
	"pombal/internal/store/storetest"
)

func TestAuditIsAChain(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for _, action := range []string{"login", "instance.create", "instance.logout", "instance.delete"} {
		if err := db.AppendAudit(t.Context(), audit.Entry{ID: 77, At: start, Action: action, Detail: map[string]string{"a": "<b>"}}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := db.AuditEntries(t.Context(), 2)
	if err != nil || len(list) != 2 {
		t.Fatalf("entries: got %v, %v", list, err)
	}
	wantEqual(t, "newest id", list[0].ID, 4)
	wantEqual(t, "newest action", list[0].Action, "instance.delete")
	wantEqual(t, "detail", list[0].Detail["a"], "<b>")
	wantEqual(t, "next action", list[1].Action, "instance.logout")
	if broken, err := db.VerifyAudit(t.Context()); err != nil || broken != 0 {
		t.Errorf("verify: got %d, %v", broken, err)
	}
}

func TestVerifyAuditNamesTheRow(t *testing.T) {
	t.Parallel()
	second, third := []byte{0, 0, 0, 0, 0, 0, 0, 2}, []byte{0, 0, 0, 0, 0, 0, 0, 3}
	tests := []struct {
		name   string
		tamper func(*bbolt.Bucket) error
		want   uint64
	}{
		{"altered", func(b *bbolt.Bucket) error {
			raw := append([]byte(nil), b.Get(second)...)
			raw[len(raw)-4] ^= 1
			return b.Put(second, raw)
		}, 2},
		{"taken out", func(b *bbolt.Bucket) error { return b.Delete(second) }, 3},
		{"replaced", func(b *bbolt.Bucket) error { return b.Put(third, b.Get(second)) }, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.Open(t)
			for range 4 {
				if err := db.AppendAudit(t.Context(), audit.Entry{Action: "login"}); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Update(t.Context(), func(tx *bbolt.Tx) error { return tt.tamper(tx.Bucket([]byte("audit"))) }); err != nil {
				t.Fatal(err)
			}
			broken, err := db.VerifyAudit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, "broken row", broken, tt.want)
		})
	}
}
