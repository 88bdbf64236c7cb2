package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"time"

	"pombal/internal/wasim"
)

// provocation is something that can happen to a linked number and that a person
// cannot wait for: one button of the phone page.
type provocation struct {
	Key string // names its text, "demo.act.<key>"
	do  func(ctx context.Context, d *Demo, p *wasim.Phone) error
}

// provocations are the buttons in their groups, "demo.group.<key>".
type provocations struct {
	Key  string
	Acts []provocation
}

// Lengths of what the demo provokes: long enough to be seen, short enough to be
// waited for.
const (
	demoBan  = 2 * time.Minute
	demoLock = 10 * time.Minute
	demoSlow = 5 * time.Second
	scanWait = 3 * time.Second
)

// allProvocations lists every button of the page.
func allProvocations() []provocations {
	return []provocations{
		{"account", []provocation{
			{"ban", onDevices(func(d *Demo, jid wasim.Address) bool { return d.Network.Ban(jid, 104, demoBan) })},
			{"unban", onDevices(func(d *Demo, jid wasim.Address) bool { d.Network.Unban(jid); return true })},
			{"lock", func(_ context.Context, _ *Demo, p *wasim.Phone) error {
				return p.TimeLock(time.Now().Add(demoLock), wasim.LockWebCompanion, true)
			}},
			{"unlock", func(_ context.Context, _ *Demo, p *wasim.Phone) error {
				return p.TimeLock(time.Time{}, wasim.LockWebCompanion, false)
			}},
			{"gone", refuse(401)},
			{"primary", refuse(403)},
			{"banned", refuse(406)},
			{"refused", refuse(409)},
			{"outdated", func(_ context.Context, d *Demo, _ *wasim.Phone) error {
				d.fault(func(f *wasim.Faults) { f.MinRevision = 4_000_000_000 })
				d.Network.DropAll()
				return nil
			}},
		}},
		{"line", []provocation{
			{"conflict", onDevices(func(d *Demo, jid wasim.Address) bool { return d.Network.Conflict(jid) })},
			{"stream", onDevices(func(d *Demo, jid wasim.Address) bool { return d.Network.StreamError(jid, "777") })},
			{"busy", onDevices(func(d *Demo, jid wasim.Address) bool { return d.Network.StreamError(jid, "503") })},
			{"front", func(_ context.Context, d *Demo, _ *wasim.Phone) error {
				d.fault(func(f *wasim.Faults) { f.RefuseDial, f.RefuseTimes = http.StatusTooManyRequests, 1 })
				d.Network.DropAll()
				return nil
			}},
			{"slow", func(_ context.Context, d *Demo, _ *wasim.Phone) error {
				d.fault(func(f *wasim.Faults) { f.SlowHandshake = demoSlow })
				d.Network.DropAll()
				return nil
			}},
			{"silent", func(_ context.Context, d *Demo, _ *wasim.Phone) error {
				d.fault(func(f *wasim.Faults) { f.SilentIQ = []string{"w:p"} })
				return nil
			}},
			{"closing", func(_ context.Context, d *Demo, _ *wasim.Phone) error {
				d.fault(func(f *wasim.Faults) { f.CloseAfterHandshake = true })
				d.Network.DropAll()
				return nil
			}},
		}},
		{"linking", []provocation{
			{"passkey", func(_ context.Context, _ *Demo, p *wasim.Phone) error {
				return p.RequirePasskey(wasim.PasskeyOptions{})
			}},
			{"passkey_compare", func(_ context.Context, _ *Demo, p *wasim.Phone) error {
				return p.RequirePasskey(wasim.PasskeyOptions{Swallow: 1})
			}},
			{"passkey_off", func(_ context.Context, _ *Demo, p *wasim.Phone) error { p.DropPasskey(); return nil }},
			{"refresh", func(_ context.Context, _ *Demo, p *wasim.Phone) error { p.DemandRefresh(true); return nil }},
			{"spoil", func(_ context.Context, _ *Demo, p *wasim.Phone) error { p.SpoilProof(wasim.SpoiledHMAC); return nil }},
			{"old_app", func(ctx context.Context, d *Demo, p *wasim.Phone) error {
				all := d.onScreen()
				if len(all) == 0 {
					return errNoScreen
				}
				return p.ScanWithOldApp(ctx, all[0].Code)
			}},
			{"code_fails", func(_ context.Context, d *Demo, _ *wasim.Phone) error {
				d.fault(func(f *wasim.Faults) { f.FailCode = http.StatusTooManyRequests })
				return nil
			}},
		}},
		{"messages", messageProvocations()},
	}
}

// messageProvocations are what other people do: the chosen phone receives.
func messageProvocations() []provocation {
	from := func(do func(ctx context.Context, friend, p *wasim.Phone) error) func(context.Context, *Demo, *wasim.Phone) error {
		return func(ctx context.Context, d *Demo, p *wasim.Phone) error {
			friend := d.friend(p)
			if friend == nil {
				return errNoPhone
			}
			return do(ctx, friend, p)
		}
	}
	return []provocation{
		{"flood", from(func(ctx context.Context, friend, p *wasim.Phone) error {
			for i := range 20 {
				if _, err := friend.SendText(ctx, p, fmt.Sprintf("%d / 20", i+1)); err != nil {
					return err
				}
			}
			return nil
		})},
		{"group", from(func(ctx context.Context, friend, p *wasim.Phone) error {
			_, err := friend.SendGroupText(ctx, friend.NewGroup("Demo "+time.Now().Format("15:04:05"), p), "Hello, group!")
			return err
		})},
		{"picture", from(func(ctx context.Context, friend, p *wasim.Phone) error {
			raw, err := demoPicture()
			if err != nil {
				return err
			}
			_, err = friend.SendMedia(ctx, p, wasim.Media{Kind: "image", Data: raw, Mime: "image/png", Caption: "Demo"})
			return err
		})},
		{"history", from(func(ctx context.Context, friend, p *wasim.Phone) error {
			now := time.Now()
			var past []wasim.HistoryMessage
			for i := range 10 {
				past = append(past, wasim.HistoryMessage{
					ID: fmt.Sprintf("DEMO%X%02d", now.Unix(), i), Text: fmt.Sprintf("%d", i+1), Time: now.Add(-time.Duration(i+1) * time.Hour),
				})
			}
			return p.SendHistory(ctx, wasim.HistoryOptions{
				Kind: "RECENT", Chats: []wasim.HistoryChat{{JID: friend.JID(), Name: friend.Name(), Messages: past}},
			})
		})},
		{"read", from(func(ctx context.Context, friend, _ *wasim.Phone) error {
			for _, m := range friend.Inbox() {
				if err := friend.Read(ctx, m.ID); err != nil && !errors.Is(err, wasim.ErrUnknownMessage) {
					return err
				}
			}
			return nil
		})},
		{"typing", from(func(_ context.Context, friend, p *wasim.Phone) error {
			friend.SetPresence(true, time.Time{})
			friend.SetTyping(p, wasim.Composing)
			return nil
		})},
		{"call", from(func(_ context.Context, friend, p *wasim.Phone) error {
			friend.HangUp(p, friend.Ring(p, false), "")
			return nil
		})},
		{"once", from(func(ctx context.Context, friend, p *wasim.Phone) error {
			_, err := friend.SendUnavailable(ctx, p, "once", "view_once")
			return err
		})},
		{"garbled", from(func(ctx context.Context, friend, p *wasim.Phone) error {
			_, err := friend.SendGarbled(ctx, p, "This came garbled first.")
			return err
		})},
		{"identity", from(func(_ context.Context, friend, _ *wasim.Phone) error { friend.TellIdentityChange(); return nil })},
		{"contact", from(func(ctx context.Context, friend, p *wasim.Phone) error {
			return p.SetContact(ctx, friend, friend.Name(), friend.Name()+" "+time.Now().Format("15:04"))
		})},
		{"rename", func(ctx context.Context, _ *Demo, p *wasim.Phone) error {
			return p.SetName(ctx, "Demo "+time.Now().Format("15:04:05"))
		}},
	}
}

// demoPicture is a small picture.
func demoPicture() ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		img.Set(i%64, i/64, color.RGBA{R: uint8(4 * (i % 64)), G: 110, B: uint8(4 * (i / 64)), A: 255})
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("draw a picture: %w", err)
	}
	return out.Bytes(), nil
}

// onDevices does something to each linked device of the phone.
func onDevices(do func(*Demo, wasim.Address) bool) func(context.Context, *Demo, *wasim.Phone) error {
	return func(_ context.Context, d *Demo, p *wasim.Phone) error {
		done := false
		for _, jid := range p.Devices() {
			done = do(d, jid) || done
		}
		if !done {
			return errNoDevice
		}
		return nil
	}
}

// refuse drops the phone's devices and refuses their next login.
func refuse(reason int) func(context.Context, *Demo, *wasim.Phone) error {
	return onDevices(func(d *Demo, jid wasim.Address) bool {
		d.fault(func(f *wasim.Faults) { f.LoginFailure = &wasim.Failure{Reason: reason, Device: jid, Times: 1} })
		return d.Network.Drop(jid)
	})
}

// fault adds to the faults of the network.
func (d *Demo) fault(change func(*wasim.Faults)) {
	f := d.Network.Faults()
	change(&f)
	d.Network.SetFaults(f)
}

// heal makes everything well again: no faults, no bans, no conditions.
func (d *Demo) heal(*http.Request) (string, error) {
	d.Network.SetFaults(wasim.Faults{})
	for _, p := range d.Network.Phones() {
		p.DropPasskey()
		p.DemandRefresh(false)
		p.SpoilProof(wasim.NotSpoiled)
		for _, jid := range p.Devices() {
			d.Network.Unban(jid)
		}
	}
	return "healed", nil
}

// provoke presses one of the buttons.
func (d *Demo) provoke(r *http.Request) (string, error) {
	phone := d.Network.Phone(r.FormValue("number"))
	if phone == nil {
		return "", errNoPhone
	}
	for _, group := range allProvocations() {
		for _, act := range group.Acts {
			if act.Key == r.FormValue("what") {
				return "acted", act.do(r.Context(), d, phone)
			}
		}
	}
	return "", errNoAct
}

// friend is somebody else than p.
func (d *Demo) friend(p *wasim.Phone) *wasim.Phone {
	for _, other := range d.Network.Phones() {
		if other != p && len(other.Devices()) == 0 {
			return other
		}
	}
	for _, other := range d.Network.Phones() {
		if other != p {
			return other
		}
	}
	return nil
}

// onScreen are the codes that could be scanned now.
func (d *Demo) onScreen() []Screen {
	d.mu.Lock()
	screens := d.screens
	d.mu.Unlock()
	if screens == nil {
		return nil
	}
	return screens()
}

// patiently lets a phone link: at once it says how that went, later nobody
// waits for it. A passkey step takes as long as its operator; the demo ends it
// when it closes.
func (d *Demo) patiently(link func(context.Context) error) (string, error) {
	done := make(chan error, 1)
	d.links.Go(func() { done <- link(d.linking) })
	select {
	case err := <-done:
		return "scanned", err
	case <-time.After(scanWait):
		return "waiting", nil
	}
}

// enterCode types a pairing code on a phone.
func (d *Demo) enterCode(r *http.Request) (string, error) {
	phone, code := d.Network.Phone(r.FormValue("number")), r.FormValue("code")
	if phone == nil {
		return "", errNoPhone
	}
	return d.patiently(func(ctx context.Context) error {
		_, err := phone.EnterCode(ctx, code)
		return err
	})
}
