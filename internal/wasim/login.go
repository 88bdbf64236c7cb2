package wasim

import (
	"strconv"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/types"
)

func revision(p *waWa6.ClientPayload) uint32 { return p.GetUserAgent().GetAppVersion().GetTertiary() }

func version(p *waWa6.ClientPayload) string {
	v := p.GetUserAgent().GetAppVersion()
	return strconv.Itoa(int(v.GetPrimary())) + "." + strconv.Itoa(int(v.GetSecondary())) + "." + strconv.Itoa(int(v.GetTertiary()))
}

// login answers the login of a linked device. The Noise key of the handshake
// must be the one registered for the device: that is the only proof of identity.
func (s *Server) login(c *conn) {
	p := c.keys.payload
	s.mu.Lock()
	var d *device
	if phone := s.phones[strconv.FormatUint(p.GetUsername(), 10)]; phone != nil {
		d = phone.devices[uint16(p.GetDevice())]
	}
	if d == nil || d.noise != c.static {
		s.mu.Unlock()
		// What a device finds that was unlinked while it was away.
		c.sendLast(Failure{Reason: 401}.node())
		return
	}
	if f := s.loginFailure(d, revision(p)); f != nil {
		if f.Reason == 401 || f.Reason == 403 || f.Reason == 406 {
			// The client erases its keys now, so the link is over on this side too.
			s.unlink(d)
		}
		s.announce()
		s.mu.Unlock()
		c.sendLast(f.node())
		return
	}
	older := d.conn
	if older != nil {
		older.active = false
	}
	c.device, d.conn = d, c
	d.version = version(p)
	d.logins++
	for _, st := range d.queue {
		st.written = false // unanswered on the old connection: sent again
	}
	s.announce()
	s.mu.Unlock()
	c.displace(older)
	c.send(waBinary.Node{Tag: "success", Attrs: waBinary.Attrs{
		"t": now(), "lid": d.lid(), "creation": strconv.FormatInt(d.phone.created.Unix(), 10), "location": "sim",
	}})
}

// activate hands out what has waited for the device, between a preview and an
// end mark, and lets new stanzas through. It runs after the answer to "active".
func (s *Server) activate(c *conn) {
	s.mu.Lock()
	d := c.device
	if d == nil || d.conn != c || c.active {
		s.mu.Unlock()
		return
	}
	first := !d.provisioned
	d.provisioned = true
	counts := map[string]int{}
	for _, st := range d.queue {
		counts[st.class]++
	}
	total := len(d.queue)
	if s.faults.StallMessages {
		total, counts = 0, map[string]int{}
	}
	c.send(ib("offline_preview", waBinary.Attrs{
		"count": total, "message": counts["message"], "notification": counts["notification"],
		"receipt": counts["receipt"], "appdata": 0, "call": 0,
	}))
	c.active = true
	for _, st := range d.queue {
		st.offline = true
	}
	s.flush(d)
	c.send(ib("offline", waBinary.Attrs{"count": total}))
	s.announce()
	s.mu.Unlock()
	if first {
		if err := d.phone.provision(c.ctx, d); err != nil {
			s.log.Error("provision a new device", "device", d.pn(), "error", err)
		}
	}
}

func ib(tag string, attrs waBinary.Attrs) waBinary.Node {
	return waBinary.Node{
		Tag: "ib", Attrs: waBinary.Attrs{"from": types.ServerJID},
		Content: []waBinary.Node{{Tag: tag, Attrs: attrs}},
	}
}

// now is the time as stanzas carry it: unix seconds.
func now() string { return strconv.FormatInt(time.Now().Unix(), 10) }
