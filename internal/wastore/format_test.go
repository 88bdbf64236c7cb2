package wastore_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	wmstore "go.mau.fi/whatsmeow/store"

	"pombal/internal/wastore"
)

// keysOf shows the keys of a bucket, parts as "part/key".
func keysOf(e *env, bucket string) []string {
	var keys []string
	e.ok(e.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucket)).ForEach(func(key, value []byte) error {
			if value != nil {
				keys = append(keys, fmt.Sprintf("%q", key))
				return nil
			}
			return tx.Bucket([]byte(bucket)).Bucket(key).ForEach(func(inner, _ []byte) error {
				keys = append(keys, fmt.Sprintf("%s/%q", key, inner))
				return nil
			})
		})
	}))
	return keys
}

// The keys are in files out there: a change needs a migration.
func TestKeysOfTheFile(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	hash := key32('h')
	e.ok(d.Sessions.PutSession(ctx, "7_1:5", []byte("s")))
	e.ok(d.Identities.PutIdentity(ctx, "7_1:5", key32(1)))
	e.ok(d.SenderKeys.PutSenderKey(ctx, "g@g.us", "7:0", []byte("k")))
	_, err := d.PreKeys.GetOrGenPreKeys(ctx, 1)
	e.ok(err)
	e.ok(d.AppStateKeys.PutAppStateSyncKey(ctx, []byte("id"), syncKey(1, "k")))
	e.ok(d.AppState.PutAppStateVersion(ctx, "regular", 3, [128]byte{}))
	e.ok(d.AppState.PutAppStateMutationMACs(ctx, "regular", 258, []wmstore.AppStateMutationMAC{mac('i', 'v')}))
	e.ok(d.Contacts.PutContactName(ctx, ourJID("7", 2), "a", "b"))
	e.ok(d.ChatSettings.PutPinned(ctx, group, true))
	e.ok(d.PrivacyTokens.PutPrivacyTokens(ctx, token(ourJID("7", 2), "t", 1, 0)))
	e.ok(d.NCTSalt.PutNCTSalt(ctx, []byte("salt")))
	e.ok(d.EventBuffer.AddOutgoingEvent(ctx, group, "ID", "wa", []byte("p")))
	e.ok(d.MsgSecrets.PutMessageSecret(ctx, group, ourJID("7", 2), "ID", []byte("s")))
	e.ok(d.EventBuffer.PutBufferedEvent(ctx, hash, []byte("p"), time.Unix(1, 0)))
	e.ok(d.LIDs.PutLIDMapping(ctx, lidJID("9"), pnJID("7")))
	gone := e.pair(ourJID("300", 1))
	e.ok(e.c.Erase(ctx, *gone.ID))

	const dev = `\x00\x00\x00\x01`
	i32, h32 := strings.Repeat("i", 32), strings.Repeat("h", 32)
	for bucket, want := range map[string][]string{
		"wa.dev":   {`"\x00` + dev + `"`, `"100:1@s.whatsapp.net"`},
		"wa.gone":  {`"\x00\x00\x00\x02"`},
		"wa.sess":  {`"` + dev + `7_1:5"`},
		"wa.ident": {`"` + dev + `7_1:5"`},
		"wa.skey":  {`"` + dev + `7:0\x00g@g.us"`},
		"wa.pkey":  {`"` + dev + `\x00\x00\x00\x01"`},
		"wa.akey":  {`"` + dev + `id"`},
		"wa.aver":  {`"` + dev + `regular"`},
		"wa.amac":  {`"` + dev + `regular\x00` + i32 + `\x00\x00\x00\x00\x00\x00\x01\x02"`},
		"wa.cont":  {`"` + dev + `7:2@s.whatsapp.net"`},
		"wa.chat":  {`"` + dev + `1203630@g.us"`},
		"wa.ptok":  {`"` + dev + `7@s.whatsapp.net"`},
		"wa.nct":   {`"` + dev + `"`},
		"wa.retry": {`20260815/"` + dev + `1203630@g.us\x00ID"`},
		"wa.sec":   {`202608/"` + dev + `1203630@g.us\x00ID\x007@s.whatsapp.net"`},
		"wa.evb":   {`20260815/"` + dev + h32 + `"`},
		"wa.lid":   {`"l9"`, `"p7"`},
	} {
		if got := keysOf(e, bucket); !slices.Equal(got, want) {
			t.Errorf("%s = %s, want %s", bucket, got, want)
		}
	}
}

func TestValuesStartWithAVersion(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	fill(e, d)
	e.ok(d.LIDs.PutLIDMapping(ctx, lidJID("9"), pnJID("7")))
	var walk func(name string, b *bbolt.Bucket) error
	walk = func(name string, b *bbolt.Bucket) error {
		return b.ForEach(func(key, value []byte) error {
			if value == nil {
				return walk(name, b.Bucket(key))
			}
			if value[0] != 1 {
				t.Errorf("%s %q = %s", name, key, hex.EncodeToString(value))
			}
			return nil
		})
	}
	e.ok(e.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if !strings.HasPrefix(string(name), "wa.") {
				return nil
			}
			return walk(string(name), b)
		})
	}))
}

// setRow overwrites a row behind the container's back.
func (e *env) setRow(bucket string, key, value []byte) {
	e.Helper()
	e.ok(e.db.Update(ctx, func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Put(key, value) }))
}

func TestPreKeyIDsWrapBelowThreeBytesAndSkipThoseInUse(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	equal(t, "first", ids(must(d.PreKeys.GetOrGenPreKeys(ctx, 2))), "[1 2]")
	e.ok(d.PreKeys.RemovePreKey(ctx, 1))
	last := binary.AppendUvarint(nil, 1<<24-3)
	e.setRow("wa.dev", []byte{0, 0, 0, 0, 1}, append([]byte{1, byte(len(last) + 1)}, last...))
	var got []uint32
	for range 4 {
		got = append(got, must(d.PreKeys.GenOnePreKey(ctx)).KeyID)
	}
	equal(t, "ids", fmt.Sprint(got), fmt.Sprint([]uint32{1<<24 - 2, 1<<24 - 1, 1, 3}))
}

func TestDamagedRowsAreErrorsThatLeaveTheMessageWithTheServer(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.setRow("wa.sess", append([]byte{0, 0, 0, 1}, "7:0"...), []byte{9})
	e.setRow("wa.ident", append([]byte{0, 0, 0, 1}, "7:0"...), []byte{1, 2, 3})
	_, err := d.Sessions.GetSession(ctx, "7:0")
	if e.is(err, ctxCanceled); !strings.Contains(err.Error(), "GetSession") {
		t.Errorf("error = %v", err)
	}
	trusted, err := d.Identities.IsTrustedIdentity(ctx, "7:0", [32]byte{3})
	e.is(err, ctxCanceled)
	equal(t, "trusted", trusted, false)
	e.setRow("wa.dev", []byte("5@s.whatsapp.net"), []byte{1, 2, 9})
	_, err = e.c.Device(ctx, pnJID("5"))
	e.is(err, ctxCanceled)
}

func TestLIDMapIsLoadedByNew(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.unchanged("a second container", func() {
		_, err := wastore.New(e.db, wastore.Options{})
		e.ok(err)
	})
	e.setRow("wa.lid", []byte("l9"), []byte{8})
	_, err := wastore.New(e.db, wastore.Options{})
	if err == nil {
		t.Fatal("damaged LID map accepted")
	}
	e.setRow("wa.lid", []byte("l9"), []byte{1, 2, '7'})
}
