package wasim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// Kinds of reach-out time locks seen in the field.
const (
	LockAllCompanions = "RESTRICT_ALL_COMPANIONS"
	LockWebCompanion  = "WEB_COMPANION_ONLY"
	LockBulkMessaging = "BULK_MESSAGING"
)

// errNewChat is what a locked account gets for a message to somebody new.
const errNewChat = 463

// timeLock is a reach-out time lock in force.
type timeLock struct {
	until  time.Time // zero: without a stated end
	active bool
}

// TimeLock puts the account under a reach-out time lock (or takes it away) and
// tells its companions. While it is active and until has not passed, messages of
// a companion to an account it has never exchanged one with get error 463, unless
// they carry a token that was given with [Phone.GiveToken]; chats that exist go
// on. A zero until is sent as no end at all.
func (p *Phone) TimeLock(until time.Time, kind string, active bool) error {
	notice := map[string]any{"enforcement_type": kind, "is_active": active}
	if !until.IsZero() {
		// A string: the client drops the whole notice when it is a number.
		notice["time_enforcement_ends"] = strconv.FormatInt(until.Unix(), 10)
	}
	p.s.mu.Lock()
	p.lock = timeLock{until: until, active: active}
	p.s.mu.Unlock()
	return p.mex("NotificationUserReachoutTimelockUpdate", "xwa2_notify_account_reachout_timelock", notice)
}

// Capping is an account's quota of new chats.
type Capping struct {
	Status   string    `json:"status"` // as the network words it
	Used     int       `json:"used"`
	Total    int       `json:"total"`
	CycleEnd time.Time `json:"cycleEnd"`
}

// CapNewChats tells the companions about the quota of new chats. The engine does
// not parse this notice. Its form follows reports only.
func (p *Phone) CapNewChats(c Capping) error {
	return p.mex("NotificationUserNewChatMessagesCappingInfoUpdate", "xwa2_notify_new_chat_messages_capping_info_update", map[string]any{
		"capping_status": c.Status, "used_quota": c.Used, "total_quota": c.Total,
		"cycle_end_timestamp": strconv.FormatInt(c.CycleEnd.Unix(), 10),
	})
}

// mex sends a notice of the kind that carries JSON to all companions.
func (p *Phone) mex(op, field string, notice map[string]any) error {
	raw, err := json.Marshal(map[string]any{"data": map[string]any{field: notice}})
	if err != nil {
		return fmt.Errorf("encode notice: %w", err)
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, d := range p.companions() {
		p.s.enqueue(d, notification("mex", types.ServerJID, waBinary.Node{
			Tag: "update", Attrs: waBinary.Attrs{"op_name": op}, Content: raw,
		}))
	}
	return nil
}

// GiveToken gives another account the token by which its companions may write to
// this phone although they are locked.
func (p *Phone) GiveToken(to *Phone, token []byte) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	to.given[p.lid.User] = slices.Clone(token)
	for _, d := range to.companions() {
		st := notification("privacy_token", p.pn, waBinary.Node{Tag: "tokens", Content: []waBinary.Node{{
			Tag: "token", Attrs: waBinary.Attrs{"type": "trusted_contact", "t": now()}, Content: token,
		}}})
		st.node.Attrs["sender_lid"] = p.lid
		p.s.enqueue(d, st)
	}
}

// IssuedToken is a token that a companion has asked the server to issue.
type IssuedToken struct {
	To   types.JID // for whom
	Type string    // "trusted_contact"
	Time time.Time // its time stamp
}

// IssuedTokens returns the tokens that this account's companions have issued, oldest first.
func (p *Phone) IssuedTokens() []IssuedToken {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return slices.Clone(p.issued)
}

// iqPrivacy answers the query for privacy settings and takes tokens that a
// companion issues to a contact.
func (s *Server) iqPrivacy(c *conn, n *waBinary.Node) iqAnswer {
	if stringAttr(n, "type") != "set" {
		var list []waBinary.Node
		for _, name := range []string{"groupadd", "last", "status", "profile", "readreceipts", "online", "calladd"} {
			list = append(list, waBinary.Node{Tag: "category", Attrs: waBinary.Attrs{"name": name, "value": "all"}})
		}
		return iqAnswer{content: []waBinary.Node{{Tag: "privacy", Content: list}}}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := n.GetChildByTag("tokens")
	for _, child := range tokens.GetChildrenByTag("token") {
		to, _ := child.Attrs["jid"].(types.JID)
		seconds, err := strconv.ParseInt(stringAttr(&child, "t"), 10, 64)
		if err != nil || c.device == nil {
			return iqAnswer{fail: 400}
		}
		p := c.device.phone
		p.issued = append(p.issued, IssuedToken{To: to, Type: stringAttr(&child, "type"), Time: time.Unix(seconds, 0)})
	}
	s.announce()
	return iqAnswer{}
}

// meets says that two accounts have a chat from now on. s.mu must be held.
func (p *Phone) meets(other *Phone) {
	p.knows[other.lid.User], other.knows[p.lid.User] = true, true
}

// locked says whether a message of this account to another is refused because
// of a time lock. s.mu must be held.
func (p *Phone) locked(to *Phone, n *waBinary.Node) bool {
	if !p.lock.active || to == nil || to == p || p.knows[to.lid.User] {
		return false
	}
	if !p.lock.until.IsZero() && time.Now().After(p.lock.until) {
		return false
	}
	token, ok := n.GetOptionalChildByTag("tctoken")
	return !ok || string(bytesOf(token)) != string(p.given[to.lid.User])
}
