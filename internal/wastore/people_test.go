package wastore_test

import (
	"fmt"
	"testing"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/wastore"
)

func TestPushAndBusinessNameReportTheChange(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	jid := pnJID("7")
	for name, put := range map[string]func(string) (bool, string, error){
		"push":     func(n string) (bool, string, error) { return d.Contacts.PutPushName(ctx, jid, n) },
		"business": func(n string) (bool, string, error) { return d.Contacts.PutBusinessName(ctx, jid, n) },
	} {
		for _, step := range []struct {
			put  string
			want string
		}{{"", "false  <nil>"}, {"a", "true  <nil>"}, {"a", "false  <nil>"}, {"b", "true a <nil>"}, {"", "true b <nil>"}} {
			changed, previous, err := put(step.put)
			equal(t, name+" "+step.put, fmt.Sprint(changed, " ", previous, " ", err), step.want)
			if step.put == "" && step.want[0] == 'f' && name == "push" && e.rows("wa.cont") > 1 {
				t.Fatal("an empty name of an unknown contact made a row")
			}
		}
	}
}

func TestEmptyNameOfUnknownContactMakesNoRow(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	_, _, err := d.Contacts.PutPushName(ctx, pnJID("7"), "")
	e.ok(err)
	e.ok(d.Contacts.PutContactName(ctx, pnJID("7"), "", ""))
	equal(t, "Found", must(d.Contacts.GetContact(ctx, pnJID("7"))).Found, false)
	// A batch makes the row all the same.
	e.ok(d.Contacts.PutAllContactNames(ctx, []wmstore.ContactEntry{{JID: pnJID("7")}}))
	equal(t, "Found", must(d.Contacts.GetContact(ctx, pnJID("7"))).Found, true)
}

func TestContactNameTakesFirstNameFirst(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.Contacts.PutContactName(ctx, pnJID("7"), "Ana", "Ana Silva"))
	got := must(d.Contacts.GetContact(ctx, pnJID("7")))
	equal(t, "contact", got, types.ContactInfo{Found: true, FirstName: "Ana", FullName: "Ana Silva"})
}

func TestContactBatchesFirstEntryWinsAndOtherFieldsStay(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	jid := pnJID("7")
	_, _, err := d.Contacts.PutPushName(ctx, jid, "push")
	e.ok(err)
	e.ok(d.Contacts.PutAllContactNames(ctx, []wmstore.ContactEntry{{JID: jid, FirstName: "1", FullName: "11"}, {JID: jid, FirstName: "2"}}))
	e.ok(d.Contacts.PutManyRedactedPhones(ctx, []wmstore.RedactedPhoneEntry{{JID: jid, RedactedPhone: "+1"}, {JID: jid, RedactedPhone: "+2"}}))
	want := types.ContactInfo{Found: true, FirstName: "1", FullName: "11", PushName: "push", RedactedPhone: "+1"}
	equal(t, "contact", must(d.Contacts.GetContact(ctx, jid)), want)
	e.reopen()
	d = e.load(*d.ID)
	equal(t, "contact after reopening", must(d.Contacts.GetContact(ctx, jid)), want)
}

func TestAllContactsWithAndWithoutDevice(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	if got := must(d.Contacts.GetAllContacts(ctx)); got == nil || len(got) != 0 {
		t.Fatalf("all of none = %#v", got)
	}
	// A contact's JID is taken as given.
	for _, jid := range []types.JID{pnJID("7"), ourJID("7", 3), lidJID("7")} {
		_, _, err := d.Contacts.PutPushName(ctx, jid, jid.String())
		e.ok(err)
	}
	all := must(d.Contacts.GetAllContacts(ctx))
	equal(t, "count", len(all), 3)
	for jid, c := range all {
		equal(t, "name", c.PushName, jid.String())
	}
}

func TestChatSettings(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	chat := pnJID("7")
	equal(t, "unknown", must(d.ChatSettings.GetChatSettings(ctx, chat)), types.LocalChatSettings{})
	for name, step := range map[string]struct{ put, want time.Time }{
		"forever":    {wmstore.MutedForever, wmstore.MutedForever},
		"none":       {time.Time{}, time.Time{}},
		"epoch":      {time.Unix(0, 5), time.Time{}},
		"sub-second": {time.Unix(1000, 999), time.Unix(1000, 0)},
		"negative":   {time.Unix(-9, 0), wmstore.MutedForever},
	} {
		e.ok(d.ChatSettings.PutMutedUntil(ctx, chat, step.put))
		equal(t, name, must(d.ChatSettings.GetChatSettings(ctx, chat)), types.LocalChatSettings{Found: true, MutedUntil: step.want})
	}
	e.ok(d.ChatSettings.PutMutedUntil(ctx, chat, wmstore.MutedForever))
	e.ok(d.ChatSettings.PutPinned(ctx, chat, true))
	e.ok(d.ChatSettings.PutArchived(ctx, chat, true))
	e.ok(d.ChatSettings.PutPinned(ctx, chat, false))
	e.reopen()
	d = e.load(*d.ID)
	want := types.LocalChatSettings{Found: true, MutedUntil: wmstore.MutedForever, Archived: true}
	equal(t, "settings", must(d.ChatSettings.GetChatSettings(ctx, chat)), want)
	equal(t, "with device", must(d.ChatSettings.GetChatSettings(ctx, ourJID("7", 1))).Found, false)
}

func token(user types.JID, data string, at, sent int64) wmstore.PrivacyToken {
	tok := wmstore.PrivacyToken{User: user, Token: []byte(data), Timestamp: time.Unix(at, 0)}
	if sent != 0 {
		tok.SenderTimestamp = time.Unix(sent, 0)
	}
	return tok
}

func showToken(tok *wmstore.PrivacyToken) string {
	if tok == nil {
		return "none"
	}
	sent := "-"
	if !tok.SenderTimestamp.IsZero() {
		sent = fmt.Sprint(tok.SenderTimestamp.Unix())
	}
	return fmt.Sprintf("%s %s %d %s", tok.User.User, tok.Token, tok.Timestamp.Unix(), sent)
}

func TestPrivacyTokenUpsert(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	u := ourJID("7", 4)
	for _, step := range []struct {
		name string
		put  []wmstore.PrivacyToken
		want string
	}{
		{"first", []wmstore.PrivacyToken{token(u, "a", 5, 50)}, "7 a 5 50"},
		{"older changes nothing", []wmstore.PrivacyToken{token(u, "b", 4, 90)}, "7 a 5 50"},
		{"equal replaces, sender time kept", []wmstore.PrivacyToken{token(u, "c", 5, 0)}, "7 c 5 50"},
		{"smaller sender time replaces", []wmstore.PrivacyToken{token(u, "c", 5, 40)}, "7 c 5 40"},
		{"sender time of the epoch is none", []wmstore.PrivacyToken{{User: u, Token: []byte("c"), Timestamp: time.Unix(5, 0), SenderTimestamp: time.Unix(0, 0)}}, "7 c 5 40"},
		{"negative sender time is none", []wmstore.PrivacyToken{token(u, "c", 5, -4)}, "7 c 5 40"},
		{"9, 3, 9 ends as the third", []wmstore.PrivacyToken{token(u, "x", 9, 0), token(u, "y", 3, 0), token(u, "z", 9, 0)}, "7 z 9 40"},
	} {
		e.ok(d.PrivacyTokens.PutPrivacyTokens(ctx, step.put...))
		equal(t, step.name, showToken(must(d.PrivacyTokens.GetPrivacyToken(ctx, u))), step.want)
	}
	e.is(d.PrivacyTokens.PutPrivacyTokens(ctx, token(pnJID("8"), "a", 1, 0), wmstore.PrivacyToken{User: u}), wastore.ErrInvalid)
	equal(t, "all or nothing", showToken(must(d.PrivacyTokens.GetPrivacyToken(ctx, pnJID("8")))), "none")
}

func TestPrivacyTokenOfEitherTwin(t *testing.T) {
	t.Parallel()
	pn, lid := pnJID("7"), lidJID("9")
	for _, tc := range []struct {
		name           string
		underPN, under wmstore.PrivacyToken
		byPN, byLID    string
	}{
		{"newer wins", token(pn, "pn", 5, 0), token(lid, "lid", 6, 0), "7 lid 6 -", "9 lid 6 -"},
		{"tie: later sender time", token(pn, "pn", 5, 0), token(lid, "lid", 5, 1), "7 lid 5 1", "9 lid 5 1"},
		{"tie: the asked JID", token(pn, "pn", 5, 0), token(lid, "lid", 5, 0), "7 pn 5 -", "9 lid 5 -"},
	} {
		e, d := one(t)
		e.ok(d.PrivacyTokens.PutPrivacyTokens(ctx, tc.underPN, tc.under))
		equal(t, tc.name+", pair unknown", showToken(must(d.PrivacyTokens.GetPrivacyToken(ctx, pn)))[:4], "7 pn")
		e.ok(d.LIDs.PutLIDMapping(ctx, lid, pn))
		equal(t, tc.name, showToken(must(d.PrivacyTokens.GetPrivacyToken(ctx, pn))), tc.byPN)
		equal(t, tc.name, showToken(must(d.PrivacyTokens.GetPrivacyToken(ctx, lid))), tc.byLID)
	}
}

func TestExpiredPrivacyTokensStrictlyBeforeCutoff(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	other := e.pair(ourJID("200", 1))
	for i := range int64(4) {
		e.ok(d.PrivacyTokens.PutPrivacyTokens(ctx, token(pnJID(fmt.Sprint(i)), "t", 10+i, 0)))
	}
	e.ok(other.PrivacyTokens.PutPrivacyTokens(ctx, token(pnJID("0"), "t", 1, 0)))
	equal(t, "deleted", must(d.PrivacyTokens.DeleteExpiredPrivacyTokens(ctx, time.Unix(12, 999))), 2)
	equal(t, "left", e.rows("wa.ptok"), 3)
	equal(t, "deleted again", must(d.PrivacyTokens.DeleteExpiredPrivacyTokens(ctx, time.Unix(12, 0))), 0)
}

func TestNCTSalt(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	equalBytes(t, "missing", must(d.NCTSalt.GetNCTSalt(ctx)), nil)
	e.is(d.NCTSalt.PutNCTSalt(ctx, nil), wastore.ErrInvalid)
	e.ok(d.NCTSalt.PutNCTSalt(ctx, []byte("a")))
	e.ok(d.NCTSalt.PutNCTSalt(ctx, []byte("b")))
	d.PushName = "x"
	e.ok(d.Save(ctx))
	e.reopen()
	d = e.load(*d.ID)
	equalBytes(t, "salt", must(d.NCTSalt.GetNCTSalt(ctx)), []byte("b"))
	e.ok(d.NCTSalt.DeleteNCTSalt(ctx))
	e.ok(d.NCTSalt.DeleteNCTSalt(ctx))
	equalBytes(t, "deleted", must(d.NCTSalt.GetNCTSalt(ctx)), nil)
}

func TestMessageSecretFirstWriteWins(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	a, b := ourJID("7", 3), pnJID("8")
	secret, sender, err := d.MsgSecrets.GetMessageSecret(ctx, a, b, "id")
	if secret != nil || !sender.IsEmpty() || err != nil {
		t.Fatalf("missing = %v %v %v", secret, sender, err)
	}
	e.is(d.MsgSecrets.PutMessageSecret(ctx, a, b, "id", nil), wastore.ErrInvalid)
	e.ok(d.MsgSecrets.PutMessageSecret(ctx, a, b, "id", []byte("1")))
	e.ok(d.MsgSecrets.PutMessageSecrets(ctx, []wmstore.MessageSecretInsert{
		{Chat: a.ToNonAD(), Sender: b, ID: "id", Secret: []byte("2")},
		{Chat: a, Sender: b, ID: "id2", Secret: []byte("3")},
		{Chat: a, Sender: b, ID: "id2", Secret: []byte("4")},
	}))
	e.clock.advance(31 * 24 * time.Hour)
	e.ok(d.MsgSecrets.PutMessageSecret(ctx, a, b, "id", []byte("5")))
	for id, want := range map[string]string{"id": "1", "id2": "3"} {
		secret, sender, err := d.MsgSecrets.GetMessageSecret(ctx, ourJID("7", 9), ourJID("8", 9), id)
		e.ok(err)
		equal(t, id, string(secret), want)
		equal(t, "sender", sender, b)
	}
}

func TestMessageSecretByAnyTwinReturnsTheStoredSender(t *testing.T) {
	t.Parallel()
	e, d := one(t)
	e.ok(d.LIDs.PutManyLIDMappings(ctx, []wmstore.LIDMapping{{LID: lidJID("L7"), PN: pnJID("7")}, {LID: lidJID("L8"), PN: pnJID("8")}}))
	forms := func(u string) []types.JID { return []types.JID{pnJID(u), lidJID("L" + u)} }
	for i, chat := range forms("7") {
		for j, sender := range forms("8") {
			id := fmt.Sprint(i, j)
			e.ok(d.MsgSecrets.PutMessageSecret(ctx, chat, sender, id, []byte(id)))
			for _, askedChat := range forms("7") {
				for _, askedSender := range forms("8") {
					secret, real, err := d.MsgSecrets.GetMessageSecret(ctx, askedChat, askedSender, id)
					e.ok(err)
					equal(t, "secret", string(secret), id)
					equal(t, "sender", real, sender)
				}
			}
		}
	}
	secret, _, err := d.MsgSecrets.GetMessageSecret(ctx, group, pnJID("8"), "00")
	e.ok(err)
	equalBytes(t, "other chat", secret, nil)
}
