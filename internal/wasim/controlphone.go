package wasim

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/types"
)

// phoneBody holds the fields of control requests about what a phone does.
type phoneBody struct {
	To     string    `json:"to"` // a number
	Chat   string    `json:"chat"`
	Kind   string    `json:"kind"`
	Text   string    `json:"text"`
	ID     string    `json:"id"`
	IDs    []string  `json:"ids"`
	Name   string    `json:"name"`
	First  string    `json:"first"`
	State  Typing    `json:"state"`
	Until  time.Time `json:"until"`
	Last   time.Time `json:"last"`
	On     bool      `json:"on"`
	FromMe bool      `json:"fromMe"`
	Sender string    `json:"sender"`
	Data   []byte    `json:"data"` // base64
	Mime   string    `json:"mime"`
	Colour int32     `json:"colour"`
	Call   Call      `json:"call"`
	Reason string    `json:"reason"`
}

// soloRoutes are the routes about one phone.
func soloRoutes() map[string]func(context.Context, *Phone, phoneBody) (any, error) {
	return map[string]func(context.Context, *Phone, phoneBody) (any, error){
		"timelock": func(_ context.Context, p *Phone, in phoneBody) (any, error) {
			return nothing, p.TimeLock(in.Until, in.Kind, in.On)
		},
		"mark": func(ctx context.Context, p *Phone, in phoneBody) (any, error) {
			return nothing, p.Mark(ctx, in.Kind, in.IDs...)
		},
		"presence": func(_ context.Context, p *Phone, in phoneBody) (any, error) {
			p.SetPresence(in.On, in.Last)
			return nothing, nil
		},
		"holdreceipts": func(_ context.Context, p *Phone, in phoneBody) (any, error) {
			p.HoldReceipts(in.On)
			return nothing, nil
		},
		"picture": func(_ context.Context, p *Phone, in phoneBody) (any, error) {
			return map[string]string{"id": p.SetPicture(in.Data)}, nil
		},
		"identity": func(_ context.Context, p *Phone, _ phoneBody) (any, error) {
			p.TellIdentityChange()
			return nothing, nil
		},
		"oldscan": func(ctx context.Context, p *Phone, in phoneBody) (any, error) {
			return nothing, p.ScanWithOldApp(ctx, in.Text)
		},
		"change": postChange,
	}
}

// controlPhones adds the routes about what a phone does.
func (s *Server) controlPhones(mux *http.ServeMux) {
	for name, do := range soloRoutes() {
		mux.HandleFunc("POST /phones/{number}/"+name, control(func(r *http.Request, in phoneBody) (any, error) {
			p, err := s.phoneOf(r)
			if err != nil {
				return nil, err
			}
			return do(r.Context(), p, in)
		}))
	}
	for name, do := range pairRoutes() {
		mux.HandleFunc("POST /phones/{number}/"+name, control(func(r *http.Request, in phoneBody) (any, error) {
			p, err := s.phoneOf(r)
			if err != nil {
				return nil, err
			}
			to, err := s.phoneNamed(in.To)
			if err != nil {
				return nil, err
			}
			return do(r.Context(), p, to, in)
		}))
	}
	mux.HandleFunc("POST /phones/{number}/capping", control(onPhone(s, func(p *Phone, c Capping) error { return p.CapNewChats(c) })))
	mux.HandleFunc("POST /phones/{number}/past", control(onPhone(s, func(p *Phone, chats []HistoryChat) error {
		p.KeepHistory(chats...)
		return nil
	})))
	mux.HandleFunc("POST /phones/{number}/onlink", control(onPhone(s, func(p *Phone, list []HistoryOptions) error {
		p.HistoryOnLink(list...)
		return nil
	})))
	mux.HandleFunc("POST /phones/{number}/history", control(func(r *http.Request, o HistoryOptions) (any, error) {
		p, err := s.phoneOf(r)
		if err != nil {
			return nil, err
		}
		return nothing, p.SendHistory(r.Context(), o)
	}))
}

// pairRoutes are the routes about two phones: path number and body "to".
func pairRoutes() map[string]func(ctx context.Context, p, to *Phone, in phoneBody) (any, error) {
	id := func(id string, err error) (any, error) { return map[string]string{"id": id}, err }
	return map[string]func(ctx context.Context, p, to *Phone, in phoneBody) (any, error){
		"token": func(_ context.Context, p, to *Phone, in phoneBody) (any, error) {
			p.GiveToken(to, in.Data)
			return nothing, nil
		},
		"readself": func(ctx context.Context, p, to *Phone, in phoneBody) (any, error) {
			return nothing, p.ReadSelf(ctx, to, in.IDs...)
		},
		"typing": func(_ context.Context, p, to *Phone, in phoneBody) (any, error) {
			return map[string]int{"reached": p.SetTyping(to, in.State)}, nil
		},
		"contact": func(ctx context.Context, p, to *Phone, in phoneBody) (any, error) {
			return nothing, p.SetContact(ctx, to, in.First, in.Name)
		},
		"media": func(ctx context.Context, p, to *Phone, in phoneBody) (any, error) {
			return id(p.SendMedia(ctx, to, Media{Kind: in.Kind, Data: in.Data, Mime: in.Mime, Caption: in.Text, Name: in.Name}))
		},
		"garbled": func(ctx context.Context, p, to *Phone, in phoneBody) (any, error) {
			return id(p.SendGarbled(ctx, to, in.Text))
		},
		"unavailable": func(ctx context.Context, p, to *Phone, in phoneBody) (any, error) {
			return id(p.SendUnavailable(ctx, to, in.Text, in.Kind))
		},
		"ring": func(_ context.Context, p, to *Phone, in phoneBody) (any, error) {
			return p.Ring(to, in.Kind == "video"), nil
		},
		"hangup": func(_ context.Context, p, to *Phone, in phoneBody) (any, error) {
			p.HangUp(to, in.Call, in.Reason)
			return nothing, nil
		},
	}
}

// postChange makes a change of application state, named by "kind".
func postChange(ctx context.Context, p *Phone, in phoneBody) (any, error) {
	chat, err := types.ParseJID(in.Chat)
	if err != nil && in.Kind != "label" && in.Kind != "name" {
		return nil, fmt.Errorf("%w: chat: %w", errMalformed, err)
	}
	key := &waCommon.MessageKey{RemoteJID: &in.Chat, ID: &in.ID, FromMe: &in.FromMe, Participant: orNil(in.Sender)}
	do, ok := map[string]func() error{
		"name":         func() error { return p.SetName(ctx, in.Name) },
		"archive":      func() error { return p.Archive(ctx, chat, in.On) },
		"pin":          func() error { return p.Pin(ctx, chat, in.On) },
		"mute":         func() error { return p.Mute(ctx, chat, in.On, untilTime(in.Until)) },
		"read":         func() error { return p.MarkChat(ctx, chat, in.On) },
		"deletechat":   func() error { return p.DeleteChat(ctx, chat, in.On) },
		"clearchat":    func() error { return p.ClearChat(ctx, chat, in.On) },
		"star":         func() error { return p.Star(ctx, key, in.On) },
		"deleteforme":  func() error { return p.DeleteForMe(ctx, key) },
		"label":        func() error { return p.EditLabel(ctx, in.ID, in.Name, in.Colour, in.On) },
		"labelchat":    func() error { return p.LabelChat(ctx, chat, in.Name, in.On) },
		"labelmessage": func() error { return p.LabelMessage(ctx, chat, in.ID, in.Name, in.On) },
	}[in.Kind]
	if !ok {
		return nil, fmt.Errorf("%w: unknown kind %q", errMalformed, in.Kind)
	}
	return nothing, do()
}

// untilTime is the time left until t, 0 for the zero time.
func untilTime(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return time.Until(t)
}
