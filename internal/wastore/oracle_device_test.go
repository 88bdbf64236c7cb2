package wastore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/wastore"
)

// blank makes a Device that is not stored yet, like another's.
func blank(like *wmstore.Device) *wmstore.Device {
	d := *like
	d.Initialized, d.Container = false, nil
	id := *like.ID
	d.ID = &id
	return &d
}

// dress sets what a later save may change, from N of the step.
func dress(d *wmstore.Device, n int64) {
	d.PushName, d.BusinessName, d.Platform = "", "", ""
	d.LID, d.LIDMigrationTimestamp, d.CompanionMetaNonce = types.JID{}, 0, ""
	if n > 0 {
		d.PushName, d.BusinessName, d.Platform = fmt.Sprint("push ", n), "biz", "android"
		d.LID = types.JID{User: "L777", Device: uint16(n), Server: types.HiddenUserServer}
		d.LIDMigrationTimestamp, d.CompanionMetaNonce = n*1000, strings.Repeat("n", int(n))
	}
}

// change does one of the steps about device rows on both sides.
func (w *world) change(s *step) (ours, ref outcome) {
	slot := &w.slots[s.Dev]
	ours, ref = outcome{step: s, device: "live"}, outcome{step: s}
	over, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.Dead {
		cancel()
	}
	switch s.Call {
	case "pair":
		ours.err, ref.err = w.pair(over, s, slot)
	case "save":
		ours.err, ref.err = w.save(over, s, slot)
	case "delete":
		ours.err, ref.err = w.remove(over, s, slot)
	case "erase":
		ours.err = w.c.Erase(over, slot.jid)
		ref.err = w.ref.c.DeleteDevice(over, &wmstore.Device{ID: &slot.jid})
		w.died(s.Dev, ref.err)
	case "load":
		ours.text, ours.err = w.loadOurs(slot.jid)
		ref.text, ref.err = w.loadRef(slot.jid)
	case "devices":
		ours.text, ours.err = w.listOurs()
		ref.text, ref.err = w.listRef()
	}
	ours.class, ref.class = classOf(ours.err), classOf(ref.err)
	return ours, ref
}

func (w *world) pair(ctx context.Context, s *step, slot *slot) (ourErr, refErr error) {
	fresh := w.c.NewDevice()
	id := slot.jid
	fresh.ID, fresh.Account = &id, account()
	if s.N == 2 {
		fresh.FacebookUUID = uuid.UUID(bytes.Repeat([]byte{7}, 16))
	}
	if s.End == "bad" {
		fresh.Account.DeviceSignature = fresh.Account.DeviceSignature[1:]
	}
	dress(fresh, s.N)
	rs, twin := &w.ref.slots[s.Dev], blank(fresh)
	ourErr = w.c.PutDevice(ctx, fresh)
	refErr = w.ref.c.PutDevice(ctx, twin)
	if slot.row == 0 && slot.cur.gen != 0 {
		slot.stale, rs.stale = slot.cur, rs.cur
	}
	if slot.row == 0 && refErr == nil {
		w.gens++
		slot.row = w.gens
		rs.cur = nil
	}
	keys := slot.cur.keys
	if slot.row == 0 || slot.cur.gen != slot.row {
		keys = map[uint32][32]byte{}
	}
	slot.cur = device{fresh, slot.row, keys}
	if rs.device = twin; rs.cur == nil || slot.row == 0 {
		rs.cur = w.ref.newStore(slot.jid, slot.row != 0)
	}
	return ourErr, refErr
}

func (w *world) save(ctx context.Context, s *step, slot *slot) (ourErr, refErr error) {
	d := slot.handle(s.Stale)
	dress(d.Device, s.N)
	d.Account = account()
	ourErr = w.c.PutDevice(ctx, d.Device)
	if d.gen != 0 && d.gen != slot.row {
		w.allow.hit("stale device")
		if refErr = errRefGone; s.Dead {
			refErr = context.Canceled
		}
		return ourErr, refErr
	}
	rs := &w.ref.slots[s.Dev]
	rs.device.Account = account()
	dress(rs.device, s.N)
	if refErr = w.ref.c.PutDevice(ctx, rs.device); refErr == nil && slot.row == 0 {
		w.gens++
		slot.row, slot.cur.gen = w.gens, w.gens
		rs.cur = w.ref.newStore(slot.jid, true)
	}
	return ourErr, refErr
}

func (w *world) remove(ctx context.Context, s *step, slot *slot) (ourErr, refErr error) {
	d := slot.handle(s.Stale)
	ourErr = w.c.DeleteDevice(ctx, d.Device)
	if d.gen != 0 && d.gen != slot.row {
		w.allow.hit("stale device")
		return ourErr, ctx.Err()
	}
	refErr = w.ref.c.DeleteDevice(ctx, w.ref.slots[s.Dev].device)
	w.died(s.Dev, refErr)
	return ourErr, refErr
}

// died notes that a device's row is gone. The reference forgets its tokens,
// too, which have no foreign key.
func (w *world) died(dev int, err error) {
	slot := &w.slots[dev]
	if err != nil || slot.row == 0 {
		return
	}
	slot.row = 0
	res, err := w.ref.db.Exec(ctx, "DELETE FROM whatsmeow_privacy_tokens WHERE our_jid=$1", slot.jid.String())
	if err != nil {
		panic(err)
	}
	if n, err := res.RowsAffected(); err == nil && n > 0 {
		w.allow.hit("tokens of the deleted")
	}
	w.ref.slots[dev].cur.die()
}

func showDevice(d *wmstore.Device) string {
	return fmt.Sprint(d.ID, d.LID, d.RegistrationID, wastore.Show(d.NoiseKey.Priv[:]), wastore.Show(d.NoiseKey.Pub[:]),
		wastore.Show(d.IdentityKey.Priv[:]), d.SignedPreKey.KeyID, wastore.Show(d.SignedPreKey.Signature[:]),
		wastore.Show(d.SignedPreKey.Pub[:]), wastore.Show(d.AdvSecretKey), wastore.Show(d.Account.Details),
		wastore.Show(d.Account.AccountSignature), wastore.Show(d.Account.AccountSignatureKey),
		wastore.Show(d.Account.DeviceSignature), d.FacebookUUID, d.Platform, d.BusinessName, d.PushName,
		d.LIDMigrationTimestamp, d.CompanionMetaNonce, d.Initialized, d.Deleted)
}

func (w *world) loadOurs(jid types.JID) (string, error) {
	d, err := w.c.Device(ctx, jid)
	if errors.Is(err, wastore.ErrNoDevice) {
		return "none", nil
	} else if err != nil {
		return "", err
	}
	return showDevice(d), nil
}

func (w *world) loadRef(jid types.JID) (string, error) {
	d, err := w.ref.c.GetDevice(ctx, jid)
	if d == nil {
		return "none", err
	}
	return showDevice(d), err
}

func (w *world) listOurs() (string, error) {
	jids, err := w.c.Devices(ctx)
	return showJIDs(jids), err
}

func (w *world) listRef() (string, error) {
	devices, err := w.ref.c.GetAllDevices(ctx)
	var jids []types.JID
	for _, d := range devices {
		jids = append(jids, *d.ID)
	}
	return showJIDs(jids), err
}

func showJIDs(jids []types.JID) string {
	var names []string
	for _, jid := range jids {
		names = append(names, jid.String())
	}
	slices.Sort(names)
	return fmt.Sprint(names)
}

// reopen makes the caches of both sides cold. A phone without a row gets a
// Device whose first save failed: those of before belong to the closed file.
func (w *world) reopen() error {
	if err := errors.Join(w.closeOurs(), w.open()); err != nil {
		return err
	}
	w.ref.restart()
	for i := range w.slots {
		slot, rs := &w.slots[i], &w.ref.slots[i]
		slot.stale, rs.stale = device{}, nil
		if slot.row == 0 {
			slot.cur.gen = 0
			if o, r := w.change(&step{Call: "pair", Dev: i, End: "bad"}); o.class != r.class {
				return fmt.Errorf("first save: %w against %w", o.err, r.err)
			}
			continue
		}
		d, err := w.c.Device(ctx, slot.jid)
		if err != nil {
			return err
		}
		slot.cur.Device = d
		keys := rs.cur.keys
		rs.cur = w.ref.newStore(slot.jid, true)
		rs.cur.keys = keys
		if rs.device, err = w.ref.c.GetDevice(ctx, slot.jid); err != nil {
			return err
		}
	}
	return nil
}
