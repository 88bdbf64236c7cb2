package wastore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/wastore"
)

func TestNewDeviceIsNotStoredAndHasNoStores(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a, b := e.c.NewDevice(), e.c.NewDevice()
	if a.Identities != nil || a.LIDs != nil || a.Container == nil || a.Initialized {
		t.Fatalf("new device is wired: %+v", a)
	}
	if *a.IdentityKey.Priv == *b.IdentityKey.Priv || bytes.Equal(a.AdvSecretKey, b.AdvSecretKey) {
		t.Fatal("two new devices share keys")
	}
	equal(t, "signed pre-key id", a.SignedPreKey.KeyID, 1)
	e.is(a.Save(ctx), wastore.ErrDeviceIDMustBeSet)
	e.is(e.c.DeleteDevice(ctx, a), wastore.ErrDeviceIDMustBeSet)
	equal(t, "device rows", e.rows("wa.dev"), 0)
}

func TestDeviceSurvivesReopenWithAllFields(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	jid := ourJID("100", 12)
	d := e.c.NewDevice()
	d.ID, d.Account = &jid, account()
	d.LID = types.JID{User: "900", Device: 12, Server: types.HiddenUserServer}
	d.Platform, d.BusinessName, d.PushName = "android", "Shop", "Ana"
	d.LIDMigrationTimestamp, d.CompanionMetaNonce = -5, "nonce"
	d.FacebookUUID[3] = 7
	e.ok(d.Save(ctx))
	e.reopen()
	got := e.load(jid)
	for what, same := range map[string]bool{
		"ID":           *got.ID == jid,
		"LID":          got.LID == d.LID,
		"noise":        *got.NoiseKey.Priv == *d.NoiseKey.Priv && *got.NoiseKey.Pub == *d.NoiseKey.Pub,
		"identity":     *got.IdentityKey.Priv == *d.IdentityKey.Priv,
		"signed":       *got.SignedPreKey.Priv == *d.SignedPreKey.Priv && *got.SignedPreKey.Signature == *d.SignedPreKey.Signature,
		"registration": got.RegistrationID == d.RegistrationID,
		"secret":       bytes.Equal(got.AdvSecretKey, d.AdvSecretKey),
		"account":      got.Account.String() == d.Account.String(),
		"names":        got.Platform == "android" && got.BusinessName == "Shop" && got.PushName == "Ana",
		"migration":    got.LIDMigrationTimestamp == -5 && got.CompanionMetaNonce == "nonce",
		"uuid":         got.FacebookUUID == d.FacebookUUID,
		"wired":        got.Initialized && got.LIDs != nil && got.Container != nil && got.NCTSalt != nil && got.EventBuffer != nil,
	} {
		if !same {
			t.Errorf("%s differs after reopening", what)
		}
	}
}

func TestUnknownDeviceIsErrNoDevice(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	_, err := e.c.Device(ctx, ourJID("1", 1))
	e.is(err, wastore.ErrNoDevice)
	if errors.Is(err, context.Canceled) {
		t.Fatal("an answer reads as a cancellation")
	}
	e.ok(e.c.Erase(ctx, ourJID("1", 1)))
}

func TestDevicesListsJIDs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if got := must(e.c.Devices(ctx)); len(got) != 0 {
		t.Fatalf("devices = %v", got)
	}
	d := e.pair(ourJID("200", 3))
	e.pair(ourJID("100", 1))
	must(d.PreKeys.GenOnePreKey(ctx)) // its side record must not show up
	want := []types.JID{ourJID("100", 1), ourJID("200", 3)}
	if got := must(e.c.Devices(ctx)); !slices.Equal(got, want) {
		t.Fatalf("devices = %v, want %v", got, want)
	}
}

func TestOneStorePerJID(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	if a, b := e.load(*d.ID), e.load(*d.ID); a.Sessions != b.Sessions || a.Sessions != d.Sessions || a == b {
		t.Fatal("devices of one JID do not share their store")
	}
}

func TestPutDeviceNeverOverwritesKeysAndAccount(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	other := e.c.NewDevice()
	other.ID, other.Account = d.ID, account()
	other.Account.Details = []byte("other")
	other.PushName = "New"
	e.ok(other.Save(ctx))
	got := e.load(*d.ID)
	if *got.IdentityKey.Priv != *d.IdentityKey.Priv || string(got.Account.Details) != "details" {
		t.Fatal("keys or account were overwritten")
	}
	equal(t, "push name", got.PushName, "New")
}

func TestPutDeviceBlanksEmptyValues(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	d.LID, d.LIDMigrationTimestamp, d.CompanionMetaNonce = lidJID("9"), 5, "x"
	e.ok(d.Save(ctx))
	d.LID, d.LIDMigrationTimestamp, d.CompanionMetaNonce = types.EmptyJID, 0, ""
	e.ok(d.Save(ctx))
	got := e.load(*d.ID)
	if !got.LID.IsEmpty() || got.LIDMigrationTimestamp != 0 || got.CompanionMetaNonce != "" {
		t.Fatalf("values kept: %v %v %q", got.LID, got.LIDMigrationTimestamp, got.CompanionMetaNonce)
	}
	e.unchanged("saving an unchanged device", func() { e.ok(d.Save(ctx)) })
}

func TestPutDeviceRefusesBrokenDevices(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for name, spoil := range map[string]func(*wmstore.Device){
		"no account":       func(d *wmstore.Device) { d.Account = nil },
		"short signature":  func(d *wmstore.Device) { d.Account.AccountSignature = []byte{1} },
		"no device sig":    func(d *wmstore.Device) { d.Account.DeviceSignature = nil },
		"no key":           func(d *wmstore.Device) { d.Account.AccountSignatureKey = nil },
		"no details":       func(d *wmstore.Device) { d.Account.Details = nil },
		"no noise key":     func(d *wmstore.Device) { d.NoiseKey = nil },
		"large pre-key id": func(d *wmstore.Device) { d.SignedPreKey.KeyID = 1 << 24 },
	} {
		jid := ourJID("1", 1)
		d := e.c.NewDevice()
		d.ID, d.Account = &jid, account()
		spoil(d)
		if err := d.Save(ctx); !errors.Is(err, wastore.ErrInvalid) {
			t.Errorf("%s: error = %v", name, err)
		}
	}
	equal(t, "device rows", e.rows("wa.dev"), 0)
}

func TestFailedFirstSaveInitialisesAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	jid := ourJID("1", 1)
	d := e.c.NewDevice()
	d.ID, d.Account = &jid, account()
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	e.is(d.Save(cancelled), context.Canceled)
	if !d.Initialized || d.Identities == nil {
		t.Fatal("not initialised after a failed save")
	}
	e.is(d.Identities.PutIdentity(ctx, "2:0", key32(1)), wastore.ErrDeviceGone)
	e.ok(d.Save(ctx))
	e.ok(d.Identities.PutIdentity(ctx, "2:0", key32(1)))
}

// everyPut calls each method that writes a row.
func everyPut(d *wmstore.Device) map[string]func() error {
	jid := pnJID("7")
	return map[string]func() error{
		"PutIdentity":        func() error { return d.Identities.PutIdentity(ctx, "7:0", key32(9)) },
		"PutSession":         func() error { return d.Sessions.PutSession(ctx, "7:0", []byte("s")) },
		"PutManySessions":    func() error { return d.Sessions.PutManySessions(ctx, map[string][]byte{"7:1": {1}}) },
		"GetOrGenPreKeys":    func() error { _, err := d.PreKeys.GetOrGenPreKeys(ctx, 2); return err },
		"GenOnePreKey":       func() error { _, err := d.PreKeys.GenOnePreKey(ctx); return err },
		"PutSenderKey":       func() error { return d.SenderKeys.PutSenderKey(ctx, "g", "7:0", []byte("k")) },
		"PutAppStateSyncKey": func() error { return d.AppStateKeys.PutAppStateSyncKey(ctx, []byte{1}, syncKey(1, "k")) },
		"PutAppStateVersion": func() error { return d.AppState.PutAppStateVersion(ctx, "regular", 1, [128]byte{}) },
		"PutAppStateMutationMACs": func() error {
			return d.AppState.PutAppStateMutationMACs(ctx, "regular", 1, []wmstore.AppStateMutationMAC{mac(1, 1)})
		},
		"PutPushName":     func() error { _, _, err := d.Contacts.PutPushName(ctx, jid, "x"); return err },
		"PutBusinessName": func() error { _, _, err := d.Contacts.PutBusinessName(ctx, jid, "x"); return err },
		"PutContactName":  func() error { return d.Contacts.PutContactName(ctx, jid, "a", "b") },
		"PutAllContactNames": func() error {
			return d.Contacts.PutAllContactNames(ctx, []wmstore.ContactEntry{{JID: jid, FirstName: "c"}})
		},
		"PutManyRedactedPhones": func() error {
			return d.Contacts.PutManyRedactedPhones(ctx, []wmstore.RedactedPhoneEntry{{JID: jid, RedactedPhone: "+"}})
		},
		"PutMutedUntil":    func() error { return d.ChatSettings.PutMutedUntil(ctx, jid, time.Unix(5, 0)) },
		"PutPinned":        func() error { return d.ChatSettings.PutPinned(ctx, jid, true) },
		"PutArchived":      func() error { return d.ChatSettings.PutArchived(ctx, jid, true) },
		"PutMessageSecret": func() error { return d.MsgSecrets.PutMessageSecret(ctx, jid, jid, "id", []byte("s")) },
		"PutMessageSecrets": func() error {
			return d.MsgSecrets.PutMessageSecrets(ctx, []wmstore.MessageSecretInsert{{Chat: jid, Sender: jid, ID: "2", Secret: []byte{1}}})
		},
		"PutPrivacyTokens": func() error {
			return d.PrivacyTokens.PutPrivacyTokens(ctx, wmstore.PrivacyToken{User: jid, Token: []byte{1}, Timestamp: time.Unix(9, 0)})
		},
		"PutNCTSalt":       func() error { return d.NCTSalt.PutNCTSalt(ctx, []byte("salt")) },
		"PutBufferedEvent": func() error { return d.EventBuffer.PutBufferedEvent(ctx, key32(1), []byte("p"), time.Unix(1, 0)) },
		"AddOutgoingEvent": func() error { return d.EventBuffer.AddOutgoingEvent(ctx, jid, "id", "wa", []byte("p")) },
	}
}

var deviceBuckets = []string{
	"wa.sess", "wa.ident", "wa.skey", "wa.pkey", "wa.akey", "wa.aver", "wa.amac", "wa.cont", "wa.chat", "wa.ptok",
	"wa.nct", "wa.retry", "wa.sec", "wa.evb",
}

// fill puts at least one row into every bucket of a device.
func fill(e *env, d *wmstore.Device) {
	puts := everyPut(d)
	e.ok(puts["PutAppStateVersion"]())
	for name, put := range puts {
		if err := put(); err != nil {
			e.Fatalf("%s: %v", name, err)
		}
	}
	for _, bucket := range deviceBuckets {
		if e.rows(bucket) == 0 {
			e.Fatalf("no row in %s", bucket)
		}
	}
}

func TestPutForGoneDeviceFailsAndCreatesNothing(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	copyOfD := e.load(*d.ID)
	err := d.Delete(ctx)
	for _, want := range []error{wastore.ErrDeviceGone, wmstore.ErrDeviceDeleted, context.Canceled} {
		e.is(err, want)
	}
	if d.Deleted || d.ID == nil {
		t.Fatal("the Device was rewritten")
	}
	for name, put := range everyPut(copyOfD) {
		err := put()
		if !errors.Is(err, wastore.ErrDeviceGone) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error = %v", name, err)
		}
	}
	for _, bucket := range deviceBuckets {
		equal(t, "rows in "+bucket, e.rows(bucket), 0)
	}
	e.is(copyOfD.Save(ctx), wastore.ErrDeviceGone)
	e.is(copyOfD.Delete(ctx), wastore.ErrDeviceGone)
	_, err = e.c.Device(ctx, *d.ID)
	e.is(err, wastore.ErrNoDevice)
}

func TestReadsAndDeletesForGoneDeviceFindNothing(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	fill(e, d)
	e.ok(e.c.Erase(ctx, *d.ID))
	equal(t, "device rows", e.rows("wa.dev"), 0)
	jid := pnJID("7")
	if got := must(d.Sessions.GetSession(ctx, "7:0")); got != nil {
		t.Errorf("session = %v", got)
	}
	equal(t, "HasSession", must(d.Sessions.HasSession(ctx, "7:0")), false)
	equal(t, "IsTrustedIdentity", must(d.Identities.IsTrustedIdentity(ctx, "7:0", key32(1))), true)
	equal(t, "UploadedPreKeyCount", must(d.PreKeys.UploadedPreKeyCount(ctx)), 0)
	equal(t, "GetContact", must(d.Contacts.GetContact(ctx, jid)).Found, false)
	equal(t, "GetAllContacts", len(must(d.Contacts.GetAllContacts(ctx))), 0)
	equal(t, "GetChatSettings", must(d.ChatSettings.GetChatSettings(ctx, jid)).Found, false)
	equal(t, "GetPrivacyToken", must(d.PrivacyTokens.GetPrivacyToken(ctx, jid)), nil)
	equal(t, "GetBufferedEvent", must(d.EventBuffer.GetBufferedEvent(ctx, key32(1))), nil)
	_, _, err := d.EventBuffer.GetOutgoingEvent(ctx, jid, types.EmptyJID, "id")
	e.is(err, wastore.ErrNotFound)
	e.ok(d.Sessions.DeleteAllSessions(ctx, "7"))
	e.ok(d.PreKeys.RemovePreKey(ctx, 1))
	e.ok(d.PreKeys.MarkPreKeysAsUploaded(ctx, 99))
	e.ok(d.AppState.DeleteAppStateVersion(ctx, "regular"))
	e.ok(d.EventBuffer.ClearBufferedEventPlaintext(ctx, key32(1)))
	e.ok(d.NCTSalt.DeleteNCTSalt(ctx))
	e.ok(d.Sessions.MigratePNToLID(ctx, jid, lidJID("9")))
}

func TestRepairingWithTheSameJIDStartsEmptyAndLeavesTheOldDeviceGone(t *testing.T) {
	t.Parallel()
	e, old := one(t)
	fill(e, old)
	e.ok(e.c.Erase(ctx, *old.ID))
	fresh := e.pair(*old.ID)
	if got := must(fresh.Sessions.GetSession(ctx, "7:0")); got != nil {
		t.Fatalf("session of the old pairing: %v", got)
	}
	e.is(old.Sessions.PutSession(ctx, "7:0", []byte("x")), wastore.ErrDeviceGone)
	e.is(old.Save(ctx), wastore.ErrDeviceGone)
	e.is(old.Delete(ctx), wastore.ErrDeviceGone)
	e.ok(fresh.Sessions.PutSession(ctx, "7:0", []byte("y")))
	for left := true; left; {
		left = must(e.c.Sweep(ctx, 3))
	}
	equalBytes(t, "session after the sweep", must(fresh.Sessions.GetSession(ctx, "7:0")), []byte("y"))
}

func TestEraseAndDeleteAreIdempotent(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	for range 2 {
		e.is(d.Delete(ctx), wastore.ErrDeviceGone)
		e.ok(e.c.Erase(ctx, *d.ID))
	}
	e.reopen()
	equal(t, "devices", len(must(e.c.Devices(ctx))), 0)
}

func TestDeviceNumbersAreNeverReused(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for i := range 5 {
		d := e.pair(ourJID("1", 1))
		if got := must(d.Sessions.GetSession(ctx, "s")); got != nil {
			t.Fatalf("round %d sees %q", i, got)
		}
		e.ok(d.Sessions.PutSession(ctx, "s", fmt.Append(nil, i)))
		e.ok(e.c.Erase(ctx, *d.ID))
		e.reopen()
	}
	equal(t, "tombstones", e.rows("wa.gone"), 5)
}

func TestClosedContainerAndClosedFile(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(e.c.Close())
	for _, err := range []error{
		d.Sessions.PutSession(ctx, "a", nil), d.Save(ctx), e.c.Erase(ctx, *d.ID),
		d.EventBuffer.DoDecryptionTxn(ctx, func(context.Context) error { return nil }),
		d.LIDs.PutLIDMapping(ctx, lidJID("1"), pnJID("2")),
	} {
		e.is(err, wastore.ErrClosed)
		e.is(err, context.Canceled)
	}
	_, err := d.LIDs.GetLIDForPN(ctx, pnJID("2"))
	e.is(err, wastore.ErrClosed)

	other := newEnv(t)
	dev := other.pair(ourJID("1", 1))
	other.ok(other.db.Close())
	_, err = dev.Sessions.GetSession(ctx, "a")
	other.is(err, context.Canceled)
	other.is(dev.Sessions.PutSession(ctx, "a", []byte{1}), context.Canceled)
	other.open()
}

func TestCancelledContext(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	e.is(d.Sessions.PutSession(cancelled, "a", []byte{1}), context.Canceled)
	_, err := d.Sessions.GetSession(cancelled, "a")
	e.is(err, context.Canceled)
	expired, stop := context.WithTimeout(ctx, -time.Second)
	defer stop()
	err = d.Sessions.PutSession(expired, "a", []byte{1})
	e.is(err, context.DeadlineExceeded)
	e.is(err, context.Canceled)
	equal(t, "HasSession", must(d.Sessions.HasSession(ctx, "a")), false)
}

func TestEmptyBatchesCommitNothing(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.unchanged("empty batches", func() {
		e.ok(d.Sessions.PutManySessions(ctx, nil))
		e.ok(d.AppState.PutAppStateMutationMACs(ctx, "none", 1, nil))
		e.ok(d.AppState.DeleteAppStateMutationMACs(ctx, "none", nil))
		e.ok(d.Contacts.PutAllContactNames(ctx, nil))
		e.ok(d.Contacts.PutManyRedactedPhones(ctx, nil))
		e.ok(d.MsgSecrets.PutMessageSecrets(ctx, nil))
		e.ok(d.PrivacyTokens.PutPrivacyTokens(ctx))
		e.ok(d.LIDs.PutManyLIDMappings(ctx, nil))
		e.ok(d.EventBuffer.DeleteOldBufferedHashes(ctx))
		e.ok(d.EventBuffer.DeleteOldOutgoingEvents(ctx))
		e.ok(d.EventBuffer.DoDecryptionTxn(ctx, func(context.Context) error { return nil }))
		equal(t, "tokens", must(d.PrivacyTokens.DeleteExpiredPrivacyTokens(ctx, time.Unix(1, 0))), 0)
		if got, err := d.Sessions.GetManySessions(ctx, nil); got != nil || err != nil {
			t.Errorf("GetManySessions = %v, %v", got, err)
		}
		if got, err := d.LIDs.GetManyLIDsForPNs(ctx, nil); got != nil || err != nil {
			t.Errorf("GetManyLIDsForPNs = %v, %v", got, err)
		}
		if got, err := d.PreKeys.GetOrGenPreKeys(ctx, 0); got != nil || err != nil {
			t.Errorf("GetOrGenPreKeys = %v, %v", got, err)
		}
	})
}

func TestUnchangedValuesCommitNothing(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	jid := pnJID("7")
	put := func() {
		e.ok(d.Identities.PutIdentity(ctx, "7:0", key32(1)))
		e.ok(d.Sessions.PutSession(ctx, "7:0", []byte("s")))
		e.ok(d.SenderKeys.PutSenderKey(ctx, "g", "7:0", []byte("k")))
		must(d.Contacts.GetAllContacts(ctx))
		e.ok(d.Contacts.PutContactName(ctx, jid, "a", "b"))
		_, _, err := d.Contacts.PutPushName(ctx, jid, "p")
		e.ok(err)
		e.ok(d.ChatSettings.PutPinned(ctx, jid, true))
		e.ok(d.MsgSecrets.PutMessageSecret(ctx, jid, jid, "id", []byte("s")))
		e.ok(d.NCTSalt.PutNCTSalt(ctx, []byte("s")))
		e.ok(d.LIDs.PutLIDMapping(ctx, lidJID("9"), jid))
		e.ok(d.PrivacyTokens.PutPrivacyTokens(ctx, wmstore.PrivacyToken{User: jid, Token: []byte{1}, Timestamp: time.Unix(9, 0)}))
		e.ok(d.Sessions.DeleteSession(ctx, "none"))
	}
	put()
	e.unchanged("the same again", put)
}
