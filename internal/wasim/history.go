package wasim

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// historyPurpose is the label under which keys of histories are derived.
const historyPurpose = "WhatsApp History Keys"

// HistoryOptions describes a history for [Phone.SendHistory].
type HistoryOptions struct {
	// Kind is the name of the kind: INITIAL_BOOTSTRAP (also when empty), RECENT,
	// FULL, PUSH_NAME, NON_BLOCKING_DATA, ON_DEMAND, …
	Kind string `json:"kind,omitempty"`
	// Chats are what the history is about.
	Chats []HistoryChat `json:"chats,omitempty"`
	// PushNames adds the names of everybody on the network.
	PushNames bool `json:"pushNames,omitempty"`
	// Chunks is the number of notices that the chats are spread over, 1 when 0.
	Chunks int `json:"chunks,omitempty"`
	// Life is how long the blobs can be fetched: 0 for ever, negative not at all.
	Life time.Duration `json:"life,omitempty"`
	// InflateTo pads each blob so that it inflates to at least that many bytes; the
	// padding weighs almost nothing on the wire.
	InflateTo int64 `json:"inflateTo,omitempty"`
	// Device limits the history to one companion; the zero JID means all.
	Device types.JID `json:"device,omitzero"`
}

// HistoryChat is a chat in a history.
type HistoryChat struct {
	JID      types.JID        `json:"jid"`
	Name     string           `json:"name,omitempty"`
	Unread   uint32           `json:"unread,omitempty"`
	Archived bool             `json:"archived,omitempty"`
	Messages []HistoryMessage `json:"messages"` // in any order
}

// HistoryMessage is a text in a history.
type HistoryMessage struct {
	ID     string    `json:"id"`
	FromMe bool      `json:"fromMe,omitempty"`
	Sender types.JID `json:"sender,omitzero"` // in groups
	Name   string    `json:"name,omitempty"`  // push name of the sender
	Text   string    `json:"text"`
	Time   time.Time `json:"time"` // to the second
}

// SendHistory sends a history to the companions: for each chunk a blob on the
// media host and a notice that names it. The chats are also kept for questions
// about older messages ([Phone.KeepHistory]).
func (p *Phone) SendHistory(ctx context.Context, o HistoryOptions) error {
	kind, ok := waHistorySync.HistorySync_HistorySyncType_value[cmp.Or(o.Kind, "INITIAL_BOOTSTRAP")]
	if !ok {
		return fmt.Errorf("unknown kind of history %q", o.Kind)
	}
	p.KeepHistory(o.Chats...)
	p.s.mu.Lock()
	targets := p.companions()
	p.s.mu.Unlock()
	chunks := max(o.Chunks, 1)
	for i := range chunks {
		h := &waHistorySync.HistorySync{
			SyncType: waHistorySync.HistorySync_HistorySyncType(kind).Enum(), ChunkOrder: proto.Uint32(uint32(i + 1)),
			Progress: proto.Uint32(uint32(100 * (i + 1) / chunks)),
		}
		for k := i; k < len(o.Chats); k += chunks {
			h.Conversations = append(h.Conversations, o.Chats[k].proto())
		}
		if o.PushNames {
			h.Pushnames = p.s.pushNames()
		}
		for _, d := range targets {
			if !o.Device.IsEmpty() && !d.is(o.Device) {
				continue
			}
			if err := p.sendBlob(ctx, d, h, o, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// HistoryOnLink makes the phone send histories to every companion that links
// later, after its keys. Device is ignored. Calling it again replaces them.
func (p *Phone) HistoryOnLink(list ...HistoryOptions) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.onLink = slices.Clone(list)
}

// sendOnLink sends what HistoryOnLink has set.
func (p *Phone) sendOnLink(ctx context.Context, d *device) error {
	p.s.mu.Lock()
	list := p.onLink
	p.s.mu.Unlock()
	for _, o := range list {
		o.Device = d.pn()
		if err := p.SendHistory(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// sendBlob sends one chunk through the media host. session is the id of the
// request that it answers, if any.
func (p *Phone) sendBlob(ctx context.Context, d *device, h *waHistorySync.HistorySync, o HistoryOptions, session string) error {
	raw, err := proto.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode history: %w", err)
	}
	blob, err := deflate(raw, o.InflateTo)
	if err != nil {
		return err
	}
	f, err := p.s.putSealed(historyPurpose, blob, o.Life)
	if err != nil {
		return err
	}
	kind := waE2E.HistorySyncType(h.GetSyncType())
	return p.sendPeer(ctx, d, &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION.Enum(),
		HistorySyncNotification: &waE2E.HistorySyncNotification{
			SyncType: &kind, ChunkOrder: h.ChunkOrder, Progress: h.Progress, DirectPath: &f.path, MediaKey: f.key,
			FileSHA256: f.sha, FileEncSHA256: f.encSHA, FileLength: &f.length, PeerDataRequestSessionID: orNil(session),
		},
	})
}

// padField is a field that no version of the message has.
const padField = 19_000 - 1

// deflate packs raw, padded with an unknown field of zeroes up to a size.
func deflate(raw []byte, size int64) ([]byte, error) {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if rest := size - int64(len(raw)); rest > 0 {
		raw = protowire.AppendVarint(protowire.AppendTag(raw, padField, protowire.BytesType), uint64(rest))
		if _, err := z.Write(raw); err != nil {
			return nil, fmt.Errorf("pack history: %w", err)
		}
		if _, err := io.CopyN(z, zeroes{}, rest); err != nil {
			return nil, fmt.Errorf("pack history: %w", err)
		}
	} else if _, err := z.Write(raw); err != nil {
		return nil, fmt.Errorf("pack history: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack history: %w", err)
	}
	return packed.Bytes(), nil
}

// zeroes reads zeroes without end.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// proto writes the chat with its newest message first.
func (c HistoryChat) proto() *waHistorySync.Conversation {
	out := &waHistorySync.Conversation{
		ID: proto.String(c.JID.String()), Name: orNil(c.Name), UnreadCount: &c.Unread, Archived: &c.Archived,
	}
	messages := slices.Clone(c.Messages)
	slices.SortStableFunc(messages, func(a, b HistoryMessage) int { return b.Time.Compare(a.Time) })
	for i, m := range messages {
		if i == 0 {
			out.ConversationTimestamp = proto.Uint64(uint64(m.Time.Unix()))
			out.LastMsgTimestamp = out.ConversationTimestamp
		}
		out.Messages = append(out.Messages, &waHistorySync.HistorySyncMsg{
			Message: m.proto(c.JID), MsgOrderID: proto.Uint64(uint64(len(messages) - i)),
		})
	}
	return out
}

func (m HistoryMessage) proto(chat types.JID) *waWeb.WebMessageInfo {
	out := &waWeb.WebMessageInfo{
		Key:     &waCommon.MessageKey{RemoteJID: proto.String(chat.String()), FromMe: &m.FromMe, ID: &m.ID},
		Message: &waE2E.Message{Conversation: &m.Text}, MessageTimestamp: proto.Uint64(uint64(m.Time.Unix())), PushName: orNil(m.Name),
	}
	if !m.Sender.IsEmpty() && !m.FromMe {
		out.Participant = proto.String(m.Sender.String())
		out.Key.Participant = out.Participant
	}
	return out
}

// KeepHistory gives the phone messages of the past without sending them. A
// companion that asks for messages before one of them gets them as a history of
// the kind ON_DEMAND.
func (p *Phone) KeepHistory(chats ...HistoryChat) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, c := range chats {
		key := c.JID.String()
		kept := p.past[key]
		for _, m := range c.Messages {
			if !slices.ContainsFunc(kept, func(k HistoryMessage) bool { return k.ID == m.ID }) {
				kept = append(kept, m)
			}
		}
		slices.SortStableFunc(kept, func(a, b HistoryMessage) int { return a.Time.Compare(b.Time) })
		p.past[key] = kept
	}
}
