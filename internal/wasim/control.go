package wasim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.mau.fi/whatsmeow/types"
)

const (
	// controlLimit bounds the body of a control request, in bytes.
	controlLimit = 1 << 20
	// controlTime bounds control requests that wait for a client.
	controlTime = 30 * time.Second
)

// State is what GET /state of [Server.Control] answers.
type State struct {
	URL         string       `json:"url"`         // base address of the server
	Connections int          `json:"connections"` // websockets accepted so far
	Dials       int          `json:"dials"`       // TCP connections so far
	Phones      []PhoneState `json:"phones"`
	UnknownIQs  []string     `json:"unknownIQs"`
	Faults      Faults       `json:"faults"`
}

// PhoneState is one account in [State].
type PhoneState struct {
	Number  string        `json:"number"`
	Name    string        `json:"name"`
	JID     types.JID     `json:"jid"`
	LID     types.JID     `json:"lid"`
	Devices []DeviceState `json:"devices"`
	Inbox   []Received    `json:"inbox"`
	Copies  []Received    `json:"copies"`
}

// DeviceState is one linked companion in [PhoneState].
type DeviceState struct {
	JID     types.JID `json:"jid"`
	Version string    `json:"version"`
	Online  bool      `json:"online"`
	Pending int       `json:"pending"`
}

// Control returns a handler by which another process can drive the server. It
// has no access control of its own and belongs on a loopback address. Bodies and
// answers are JSON; an error is {"error": "…"} with status 400 (malformed), 404
// (no such phone or device), 409 (refused) or 504 (a client stayed silent).
// Durations are nanoseconds, addresses strings like 5511900000001:1@s.whatsapp.net.
//
//	POST /phones                  {"number","name"}  → {"number","jid","lid"}
//	POST /phones/{number}/scan    {"qr","wait"}      → {"device"}  wait in seconds, for a passkey step
//	POST /phones/{number}/code    {"code","wait"}    → {"device"}  a typed code
//	POST /phones/{number}/passkey PasskeyOptions     → {}       DELETE ends it, GET → {"code"}
//	POST /phones/{number}/passkeyanswer  a request   → the answer to it
//	POST /phones/{number}/spoil   {"what"}           → {}       "hmac" or "signature": links fail
//	POST /phones/{number}/refresh {"on","child"}     → {}       companion_reg_refresh
//	POST /phones/{number}/text    {"to","text"}      → {"id"}   from this phone to the number "to"
//	POST /phones/{number}/text    {"from","text"}    → {"id"}   from the phone "from" to this number
//	POST /phones/{number}/read    {"id"}             → {}
//	POST /phones/{number}/remove  {"device"}         → {}
//	POST /phones/{number}/oldscan {"text"}           → {}       scanned with an app too old to link
//	POST /phones/{number}/timelock {"until","kind","on"}, /capping a Capping value → {}
//	POST /phones/{number}/token   {"to","data"}      → {}       a token for that account
//	POST /phones/{number}/mark    {"kind","ids"}     → {}       "", "read" or "played"
//	POST /phones/{number}/readself {"to","ids"}, /holdreceipts {"on"} → {}
//	POST /phones/{number}/presence {"on","last"}     → {}
//	POST /phones/{number}/typing  {"to","state"}     → {"reached"}
//	POST /phones/{number}/picture {"data"}           → {"id"}   no data: removed
//	POST /phones/{number}/media   {"to","kind","data","mime","text","name"} → {"id"}
//	POST /phones/{number}/garbled {"to","text"}, /unavailable {"to","text","kind"} → {"id"}
//	POST /phones/{number}/identity (no body)         → {}       security code changed
//	POST /phones/{number}/ring    {"to","kind"}      → a Call; /hangup {"to","call","reason"} → {}
//	POST /phones/{number}/contact {"to","first","name"} → {}
//	POST /phones/{number}/change  {"kind","chat","on",…} → {}   name, archive, pin, mute, read, deletechat, clearchat, star, deleteforme, label, labelchat, labelmessage
//	POST /phones/{number}/history HistoryOptions, /onlink a list of them, /past a list of HistoryChat → {}
//	POST /groups                  {"by","text","whom"} → a GroupState; GET → all of them
//	POST /groups/{group}/{what}   {"by","text","whom","on"} → a GroupState   add, remove, promote, demote, subject, description, announce, locked, delete
//	POST /groups/{group}/text     {"by","text"}      → {"id"}
//	POST /malformed               {"device","kind","size"} → {}  without device: all that are not linked
//	POST /front                   a FrontPage value  → {}
//	POST /expiremedia             (no body)          → {}
//	POST /drop                    {"device"}         → {"dropped"}  without device: all
//	POST /conflict                {"device"}         → {"sent"}
//	POST /streamerror             {"device","code"}  → {"sent"}
//	POST /ban                     {"device","code","expire"} → {}   expire in seconds
//	POST /stop, POST /resume      (no body)          → {}       the network goes and comes back
//	POST /faults                  a Faults value     → {}       replaces all faults
//	GET  /acks/{id}                                  → {"acks"} answers to a message so far
//	GET  /state                                      → a State value
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /phones", control(s.postPhone))
	mux.HandleFunc("POST /phones/{number}/scan", control(s.postScan))
	mux.HandleFunc("POST /phones/{number}/text", control(s.postText))
	mux.HandleFunc("POST /phones/{number}/read", control(s.postRead))
	mux.HandleFunc("POST /phones/{number}/remove", control(s.postRemove))
	mux.HandleFunc("POST /drop", control(s.postDrop))
	mux.HandleFunc("POST /conflict", control(func(_ *http.Request, in controlBody) (any, error) {
		return map[string]bool{"sent": s.Conflict(in.Device)}, nil
	}))
	mux.HandleFunc("POST /streamerror", control(func(_ *http.Request, in controlBody) (any, error) {
		var code string
		if err := json.Unmarshal(in.Code, &code); err != nil {
			return nil, fmt.Errorf("%w: code: %w", errMalformed, err)
		}
		return map[string]bool{"sent": s.StreamError(in.Device, code)}, nil
	}))
	mux.HandleFunc("POST /ban", control(s.postBan))
	mux.HandleFunc("POST /stop", control(func(*http.Request, controlBody) (any, error) { return nothing, s.Stop() }))
	mux.HandleFunc("POST /resume", control(func(*http.Request, controlBody) (any, error) { return nothing, s.Resume() }))
	mux.HandleFunc("POST /faults", control(func(_ *http.Request, f Faults) (any, error) {
		s.SetFaults(f)
		return nothing, nil
	}))
	s.controlLinking(mux)
	s.controlPhones(mux)
	s.controlGroups(mux)
	s.controlNetwork(mux)
	mux.HandleFunc("GET /acks/{id}", func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, http.StatusOK, map[string]int{"acks": s.Acks(r.PathValue("id"))})
	})
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, http.StatusOK, s.State()) })
	return mux
}

// controlBody holds every field that a control request may have.
type controlBody struct {
	Number string          `json:"number"`
	Name   string          `json:"name"`
	QR     string          `json:"qr"`
	To     string          `json:"to"`
	From   string          `json:"from"`
	Text   string          `json:"text"`
	ID     string          `json:"id"`
	Device types.JID       `json:"device"`
	Code   json.RawMessage `json:"code"`   // a string for stream errors, a number for bans
	Expire int             `json:"expire"` // seconds
	waitBody
}

var (
	errMalformed = errors.New("malformed request")
	errNoPhone   = errors.New("no such phone")
	nothing      = struct{}{}
)

func control[T any](do func(*http.Request, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, controlLimit))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&in); err != nil && !errors.Is(err, io.EOF) {
			answerError(w, fmt.Errorf("%w: %w", errMalformed, err))
			return
		}
		limit := controlTime
		if own, ok := any(in).(interface{ limit() time.Duration }); ok {
			limit = own.limit()
		}
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		out, err := do(r.WithContext(ctx), in)
		if err != nil {
			answerError(w, err)
			return
		}
		answerJSON(w, http.StatusOK, out)
	}
}

func answerError(w http.ResponseWriter, err error) {
	status := http.StatusConflict
	switch {
	case errors.Is(err, errMalformed), errors.Is(err, ErrBadCode), errors.Is(err, ErrNotForPasskey), errors.Is(err, ErrUnknownMalformation):
		status = http.StatusBadRequest
	case errors.Is(err, errNoPhone), errors.Is(err, ErrUnknownDevice), errors.Is(err, ErrUnknownMessage), errors.Is(err, ErrUnknownGroup):
		status = http.StatusNotFound
	case errors.Is(err, context.DeadlineExceeded):
		status = http.StatusGatewayTimeout
	}
	answerJSON(w, status, map[string]string{"error": err.Error()})
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a reader that has gone is no matter of ours
}

func (s *Server) phoneOf(r *http.Request) (*Phone, error) { return s.phoneNamed(r.PathValue("number")) }

func (s *Server) phoneNamed(number string) (*Phone, error) {
	if p := s.Phone(number); p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%w: %q", errNoPhone, number)
}

func (s *Server) postPhone(_ *http.Request, in controlBody) (any, error) {
	if digits(in.Number) == "" {
		return nil, fmt.Errorf("%w: the number has no digits", errMalformed)
	}
	p := s.NewPhone(in.Number, in.Name)
	return map[string]any{"number": p.Number(), "jid": p.JID(), "lid": p.LID()}, nil
}

func (s *Server) postScan(r *http.Request, in controlBody) (any, error) {
	p, err := s.phoneOf(r)
	if err != nil {
		return nil, err
	}
	device, err := p.Scan(r.Context(), in.QR)
	return map[string]types.JID{"device": device}, err
}

func (s *Server) postText(r *http.Request, in controlBody) (any, error) {
	p, err := s.phoneOf(r)
	if err != nil {
		return nil, err
	}
	from, to := p, p
	switch {
	case in.To != "" && in.From == "":
		to, err = s.phoneNamed(in.To)
	case in.From != "" && in.To == "":
		from, err = s.phoneNamed(in.From)
	default:
		err = fmt.Errorf("%w: one of to and from is needed", errMalformed)
	}
	if err != nil {
		return nil, err
	}
	id, err := from.SendText(r.Context(), to, in.Text)
	return map[string]string{"id": id}, err
}

func (s *Server) postRead(r *http.Request, in controlBody) (any, error) {
	p, err := s.phoneOf(r)
	if err != nil {
		return nil, err
	}
	return nothing, p.Read(r.Context(), in.ID)
}

func (s *Server) postRemove(r *http.Request, in controlBody) (any, error) {
	p, err := s.phoneOf(r)
	if err != nil {
		return nil, err
	}
	return nothing, p.RemoveDevice(r.Context(), in.Device)
}

func (s *Server) postDrop(_ *http.Request, in controlBody) (any, error) {
	n := 0
	if in.Device.IsEmpty() {
		n = s.DropAll()
	} else if s.Drop(in.Device) {
		n = 1
	}
	return map[string]int{"dropped": n}, nil
}

func (s *Server) postBan(_ *http.Request, in controlBody) (any, error) {
	var code int
	if err := json.Unmarshal(in.Code, &code); err != nil {
		return nil, fmt.Errorf("%w: code: %w", errMalformed, err)
	}
	if !s.Ban(in.Device, code, time.Duration(in.Expire)*time.Second) {
		return nil, ErrUnknownDevice
	}
	return nothing, nil
}

// State returns a snapshot of the server, as GET /state of Control shows it.
func (s *Server) State() State {
	out := State{
		URL: s.URL(), Connections: s.Connections(), Dials: s.Dials(), Phones: []PhoneState{},
		UnknownIQs: append([]string{}, s.UnknownIQs()...), Faults: s.Faults(),
	}
	for _, p := range s.Phones() {
		ps := PhoneState{
			Number: p.number, Name: p.Name(), JID: p.pn, LID: p.lid, Devices: []DeviceState{},
			Inbox: append([]Received{}, p.Inbox()...), Copies: append([]Received{}, p.Copies()...),
		}
		for _, d := range p.DeviceInfos() {
			ps.Devices = append(ps.Devices, DeviceState{JID: d.JID, Version: d.Version, Online: d.Online, Pending: d.Pending})
		}
		out.Phones = append(out.Phones, ps)
	}
	return out
}
