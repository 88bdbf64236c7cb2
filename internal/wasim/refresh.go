package wasim

import (
	"context"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// RefreshChild is the child of a companion_reg_refresh notification. Both kinds
// occur in the field and mean the same.
type RefreshChild string

// The children of [Phone.DemandRefreshAs].
const (
	RefreshReg RefreshChild = "companion_reg_refresh"
	RefreshQR  RefreshChild = "pair-device-rotate-qr"
)

// DemandRefresh makes the phone do what some phones do since July 2026: it
// refuses the secret of the first code it scans from a client and has the server
// send a companion_reg_refresh notification. The same picture is refused again;
// a code with another secret (and the same reference) links. Scan returns
// [ErrRefreshDemanded] meanwhile.
func (p *Phone) DemandRefresh(on bool) {
	if on {
		p.DemandRefreshAs(RefreshReg)
		return
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.refused = nil
}

// DemandRefreshAs is [Phone.DemandRefresh] with the given child in the notification.
func (p *Phone) DemandRefreshAs(child RefreshChild) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.refused, p.refreshChild = map[[32]byte][32]byte{}, child
}

// refuses applies DemandRefresh. The server never learns secrets, so it is the
// phone that remembers which one it refuses for a client. s.mu must be held.
func (p *Phone) refuses(c *conn, code code) bool {
	if p.refused == nil {
		return false
	}
	old, known := p.refused[code.noise]
	if !known {
		p.refused[code.noise] = code.secret
		c.send(notification("companion_reg_refresh", types.ServerJID, waBinary.Node{Tag: string(p.refreshChild)}).node)
		return true
	}
	return old == code.secret
}

// ScanWithOldApp scans a code with an app that is too old to link devices: the
// client is told so, and the code stays valid. The error is as with [Phone.Scan].
func (p *Phone) ScanWithOldApp(_ context.Context, qrText string) error {
	code, err := parseCode(qrText)
	if err != nil {
		return err
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	switch r := p.s.refs[code.ref]; {
	case r == nil:
		return ErrUnknownCode
	case r.spent:
		return ErrSpentCode
	case r.conn == nil || r.conn.ctx.Err() != nil:
		return ErrExpiredCode
	default:
		r.conn.send(ib("downgrade_webclient", nil))
		return nil
	}
}
