package wastore_test

// mutants are the planted mistakes: each is one that a second implementation
// of the engine's store is likely to make.
func mutants() []mutant {
	all := [][]mutant{stateMutants(), signalMutants(), peopleMutants(), eventMutants(), coreMutants()}
	var list []mutant
	for _, some := range all {
		list = append(list, some...)
	}
	return list
}

func stateMutants() []mutant {
	return []mutant{
		{"no cascade", "appstate.go",
			"return d.deletePrefix(flat(bucketMAC), macPrefix(name, nil))",
			`if mutated("no cascade") { return nil }; return d.deletePrefix(flat(bucketMAC), macPrefix(name, nil))`},
		{"mac version ignored", "appstate.go",
			"last = bytes.Clone(raw)",
			`if last == nil || !mutated("mac version ignored") { last = bytes.Clone(raw) }`},
		{"sync key ≥ for >", "appstate.go",
			"key.Timestamp <= old.Timestamp",
			`(key.Timestamp < old.Timestamp || key.Timestamp == old.Timestamp && !mutated("sync key ≥ for >"))`},
		{"oldest sync key", "appstate.go",
			"id == nil || at > newest",
			`id == nil || either("oldest sync key", at > newest, at < newest)`},
		{"macs of any version", "appstate.go",
			"d.alive && d.get(flat(bucketVersion), []byte(name)) == nil",
			`d.alive && !mutated("macs of any version") && d.get(flat(bucketVersion), []byte(name)) == nil`},
		{"duplicate mac accepted", "appstate.go",
			"!again && d.get(flat(bucketMAC), key) != nil",
			`!again && !mutated("duplicate mac accepted") && d.get(flat(bucketMAC), key) != nil`},
	}
}

func signalMutants() []mutant {
	return []mutant{
		{"prefix without colon", "identity.go",
			`flat(bucketIdentity), []byte(phone+":")`,
			`flat(bucketIdentity), []byte(phone+either("prefix without colon", ":", ""))`},
		{"strangers distrusted", "identity.go",
			"trusted = true",
			`trusted = !mutated("strangers distrusted")`},
		{"missing sessions left out", "session.go",
			"sessions[address] = session\n",
			`if session != nil || !mutated("missing sessions left out") { sessions[address] = session }` + "\n"},
		{"lid row wins", "migrate.go",
			"d.delete(flat(bucket), r.key)\n",
			"d.delete(flat(bucket), r.key)\n" +
				`if mutated("lid row wins") && d.get(flat(bucket), append(bytes.Clone(to), r.key[len(from):]...)) != nil { continue }` + "\n"},
		{"sender keys not moved", "migrate.go",
			`d.move(bucketSender, join(from+":"), join(to+":"))`,
			`d.move(bucketSender, join(from+either("sender keys not moved", ":", "::")), join(to+":"))`},
		{"moved twice", "migrate.go",
			"|| s.hasMigrated(from)",
			`|| s.hasMigrated(from) && !mutated("moved twice")`},
		{"pre-key ids restart", "prekey.go",
			"return uint32(f.uint()), f.err",
			`return either("pre-key ids restart", uint32(f.uint()), 0), f.err`},
		{"last pre-key not marked", "prekey.go",
			"binary.BigEndian.Uint32(id) > upToID",
			`binary.BigEndian.Uint32(id) > upToID - either("last pre-key not marked", uint32(0), min(upToID, 1))`},
		{"retry pre-key not uploaded", "prekey.go",
			"s.generate(ctx, 1, true)",
			`s.generate(ctx, 1, !mutated("retry pre-key not uploaded"))`},
	}
}

func peopleMutants() []mutant {
	return []mutant{
		{"last contact wins", "contact.go",
			"if _, again := seen[user]; again {",
			`if _, again := seen[user]; again && !mutated("last contact wins") {`},
		{"batch wipes other names", "contact.go",
			"apply(e, &contact)",
			`if mutated("batch wipes other names") { contact = types.ContactInfo{} }; apply(e, &contact)`},
		{"names swapped", "contact.go",
			"contact.FirstName, contact.FullName = firstName, fullName\n",
			`contact.FirstName, contact.FullName = either("names swapped", firstName, fullName), either("names swapped", fullName, firstName)` + "\n"},
		{"muted in milliseconds", "chat.go",
			"muted = mutedUntil.Unix()",
			`muted = either("muted in milliseconds", mutedUntil.Unix(), mutedUntil.UnixMilli())`},
		{"token > for ≥", "privacytoken.go",
			"row.at < old.at",
			`(row.at < old.at || mutated("token > for ≥") && row.at == old.at)`},
		{"sender time not kept", "privacytoken.go",
			"if row.sent <= 0 {\n\t\t\trow.sent = old.sent",
			"if row.sent <= 0 && !mutated(\"sender time not kept\") {\n\t\t\trow.sent = old.sent"},
		{"cutoff included", "privacytoken.go",
			"row.at < cutoff.Unix()",
			`row.at < cutoff.Unix() + either("cutoff included", int64(0), 1)`},
		{"old twin kept", "lid.go",
			"change.byPN[oldPN] = \"\"",
			`if !mutated("old twin kept") { change.byPN[oldPN] = "" }`},
		{"twin ignored", "secret.go",
			"!twin.IsEmpty()",
			`!twin.IsEmpty() && !mutated("twin ignored")`},
		{"device number lost", "lid.go",
			"return types.JID{User: user, Device: jid.Device, Server: server}",
			`return types.JID{User: user, Device: either("device number lost", jid.Device, 0), Server: server}`},
		{"keys overwritten", "device.go",
			"row := *r\n",
			`row := *r; row.noise = either("keys overwritten", r.noise, from.noise)` + "\n"},
	}
}

func eventMutants() []mutant {
	return []mutant{
		{"last secret wins", "secret.go",
			"if _, raw := d.find(bucketSecret, months, key); raw != nil {\n\t\t\t\tcontinue",
			"if _, raw := d.find(bucketSecret, months, key); raw != nil && !mutated(\"last secret wins\") {\n\t\t\t\tcontinue"},
		{"sender with device", "secret.go",
			"return join(chat.ToNonAD().String(), id, sender.ToNonAD().String())",
			`return join(chat.ToNonAD().String(), id, either("sender with device", sender.ToNonAD(), sender).String())`},
		{"duplicate hash upserts", "eventbuffer.go",
			"raw != nil {\n\t\t\treturn fmt.Errorf(\"buffered event",
			"raw != nil && !mutated(\"duplicate hash upserts\") {\n\t\t\treturn fmt.Errorf(\"buffered event"},
		{"clear keeps plaintext", "eventbuffer.go",
			"event.Plaintext = nil\n",
			`if !mutated("clear keeps plaintext") { event.Plaintext = nil }` + "\n"},
		{"alt chat ignored", "outgoing.go",
			"[]types.JID{chatJID, altChatJID}",
			`[]types.JID{chatJID, either("alt chat ignored", altChatJID, chatJID)}`},
		{"buffer swept a day early", "sweep.go",
			"bucketBuffer:   dayOf(now.AddDate(0, 0, -bufferDays))",
			`bucketBuffer: dayOf(now.AddDate(0, 0, either("buffer swept a day early", -bufferDays, 1-bufferDays)))`},
	}
}

func coreMutants() []mutant {
	return []mutant{
		{"copy omitted", "codec.go",
			"return append(make([]byte, 0, len(field)), field...)",
			`if mutated("copy omitted") { return field }; return append(make([]byte, 0, len(field)), field...)`},
		{"transaction ignored", "nctsalt.go",
			"err = s.view(ctx, func",
			`err = s.view(either("transaction ignored", ctx, context.Background()), func`},
		{"lid cache not rolled back", "txn.go",
			"t.held = nil\n",
			`t.held = nil; if mutated("lid cache not rolled back") { t.c.lids.adopt(&t.lids) }` + "\n"},
		{"half a call", "txn.go",
			"if err == nil {\n\t\tt.set.merge(own)",
			"if err == nil || mutated(\"half a call\") {\n\t\tt.set.merge(own)"},
		{"old rows under new", "overlay.go",
			"_, over := changed[string(key)]; over {",
			`_, over := changed[string(key)]; over && !mutated("old rows under new") {`},
		{"stale device writes", "device.go",
			"number != 0 && number == s.number.Load()",
			`number != 0 && (number == s.number.Load() || mutated("stale device writes"))`},
	}
}
