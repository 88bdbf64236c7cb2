package wastore_test

import (
	"bytes"
	"errors"
	"testing"

	wmstore "go.mau.fi/whatsmeow/store"

	"pombal/internal/wastore"
)

func syncKey(at int64, data string) wmstore.AppStateSyncKey {
	return wmstore.AppStateSyncKey{Data: []byte(data), Fingerprint: []byte("f"), Timestamp: at}
}

func mac(index, value byte) wmstore.AppStateMutationMAC {
	return wmstore.AppStateMutationMAC{IndexMAC: bytes.Repeat([]byte{index}, 32), ValueMAC: bytes.Repeat([]byte{value}, 32)}
}

func TestSyncKeyReplacedOnlyByNewer(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	id := []byte{1, 2}
	if got := must(d.AppStateKeys.GetAppStateSyncKey(ctx, id)); got != nil {
		t.Fatalf("key = %v", got)
	}
	for _, step := range []struct {
		put  wmstore.AppStateSyncKey
		want string
	}{{syncKey(5, "a"), "a"}, {syncKey(5, "equal"), "a"}, {syncKey(4, "older"), "a"}, {syncKey(6, "newer"), "newer"}} {
		e.ok(d.AppStateKeys.PutAppStateSyncKey(ctx, id, step.put))
		equal(t, "data", string(must(d.AppStateKeys.GetAppStateSyncKey(ctx, id)).Data), step.want)
	}
	e.is(d.AppStateKeys.PutAppStateSyncKey(ctx, id, wmstore.AppStateSyncKey{Data: []byte{1}, Timestamp: 9}), wastore.ErrInvalid)
	e.is(d.AppStateKeys.PutAppStateSyncKey(ctx, id, wmstore.AppStateSyncKey{Fingerprint: []byte{1}, Timestamp: 9}), wastore.ErrInvalid)
}

func TestLatestSyncKeyAndOrder(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	equalBytes(t, "latest of none", must(d.AppStateKeys.GetLatestAppStateSyncKeyID(ctx)), nil)
	if got := must(d.AppStateKeys.GetAllAppStateSyncKeys(ctx)); got != nil {
		t.Fatalf("all of none = %v", got)
	}
	for id, at := range map[byte]int64{1: -3, 2: 7, 3: 7, 4: 2} {
		e.ok(d.AppStateKeys.PutAppStateSyncKey(ctx, []byte{id}, syncKey(at, string(rune('0'+id)))))
	}
	equalBytes(t, "latest", must(d.AppStateKeys.GetLatestAppStateSyncKeyID(ctx)), []byte{2})
	order := ""
	for _, k := range must(d.AppStateKeys.GetAllAppStateSyncKeys(ctx)) {
		order += string(k.Data)
	}
	equal(t, "order", order, "2341")
}

func TestAppStateVersion(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	version, hash, err := d.AppState.GetAppStateVersion(ctx, "regular")
	if version != 0 || hash != [128]byte{} || err != nil {
		t.Fatalf("missing = %d, %v", version, err)
	}
	e.is(d.AppState.PutAppStateVersion(ctx, "regular", 0, hash), wastore.ErrInvalid)
	hash[127] = 9
	e.ok(d.AppState.PutAppStateVersion(ctx, "regular", 1<<63, hash))
	version, got, err := d.AppState.GetAppStateVersion(ctx, "regular")
	if version != 1<<63 || got != hash || err != nil {
		t.Fatalf("stored = %d, %v", version, err)
	}
	if version, _, _ := d.AppState.GetAppStateVersion(ctx, "regular_low"); version != 0 {
		t.Fatal("a name is taken for its prefix")
	}
}

func TestDeleteAppStateVersionTakesItsMACsOnly(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	for _, name := range []string{"regular", "regular_low"} {
		e.ok(d.AppState.PutAppStateVersion(ctx, name, 1, [128]byte{}))
		e.ok(d.AppState.PutAppStateMutationMACs(ctx, name, 1, []wmstore.AppStateMutationMAC{mac(1, 1), mac(2, 2)}))
	}
	e.ok(d.AppState.DeleteAppStateVersion(ctx, "regular"))
	equalBytes(t, "deleted", must(d.AppState.GetAppStateMutationMAC(ctx, "regular", mac(1, 1).IndexMAC)), nil)
	equalBytes(t, "kept", must(d.AppState.GetAppStateMutationMAC(ctx, "regular_low", mac(1, 1).IndexMAC)), mac(1, 1).ValueMAC)
	equal(t, "rows", e.rows("wa.amac"), 2)
	e.ok(d.AppState.DeleteAppStateVersion(ctx, "none"))
}

func TestMutationMACHighestVersionWins(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.AppState.PutAppStateVersion(ctx, "n", 1, [128]byte{}))
	for _, v := range []struct {
		version uint64
		value   byte
	}{{2, 20}, {256, 25}, {10, 10}} {
		e.ok(d.AppState.PutAppStateMutationMACs(ctx, "n", v.version, []wmstore.AppStateMutationMAC{mac(1, v.value)}))
	}
	equalBytes(t, "value", must(d.AppState.GetAppStateMutationMAC(ctx, "n", mac(1, 0).IndexMAC)), mac(1, 25).ValueMAC)
	e.ok(d.AppState.DeleteAppStateMutationMACs(ctx, "n", [][]byte{mac(1, 0).IndexMAC, mac(9, 0).IndexMAC, nil}))
	equal(t, "all versions deleted", e.rows("wa.amac"), 0)
	equalBytes(t, "short index", must(d.AppState.GetAppStateMutationMAC(ctx, "n", []byte{1})), nil)
}

func TestMutationMACRules(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	short := wmstore.AppStateMutationMAC{IndexMAC: []byte{1}, ValueMAC: mac(1, 1).ValueMAC}
	e.is(d.AppState.PutAppStateMutationMACs(ctx, "n", 1, []wmstore.AppStateMutationMAC{mac(1, 1)}), wastore.ErrInvalid)
	e.ok(d.AppState.PutAppStateVersion(ctx, "n", 1, [128]byte{}))
	e.is(d.AppState.PutAppStateMutationMACs(ctx, "n", 1, []wmstore.AppStateMutationMAC{mac(1, 1), short}), wastore.ErrInvalid)
	equal(t, "nothing of a bad batch", e.rows("wa.amac"), 0)
	// One index twice in a call: the last counts.
	e.ok(d.AppState.PutAppStateMutationMACs(ctx, "n", 1, []wmstore.AppStateMutationMAC{mac(1, 1), mac(1, 2), mac(1, 1), mac(1, 3)}))
	equalBytes(t, "last", must(d.AppState.GetAppStateMutationMAC(ctx, "n", mac(1, 0).IndexMAC)), mac(1, 3).ValueMAC)
	// The same row in a later call: an error, and nothing of that call.
	for _, value := range []byte{3, 4} {
		err := d.AppState.PutAppStateMutationMACs(ctx, "n", 1, []wmstore.AppStateMutationMAC{mac(2, 2), mac(1, value)})
		if err == nil || errors.Is(err, wastore.ErrInvalid) {
			t.Fatalf("duplicate: error = %v", err)
		}
	}
	equal(t, "rows", e.rows("wa.amac"), 1)
}
