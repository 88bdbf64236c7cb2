package wasim

import (
	"encoding/json"
	"net/http"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// linkBody is the body of control requests about linking.
type linkBody struct {
	Code string `json:"code"`
	waitBody
}

// waitBody is the part of a body that says how long to wait for a client.
type waitBody struct {
	Wait int `json:"wait"` // seconds, 0 for the usual limit
}

func (w waitBody) limit() time.Duration {
	if w.Wait <= 0 {
		return controlTime
	}
	return min(time.Duration(w.Wait)*time.Second, linkLimit)
}

// linkLimit bounds how long a control request waits for a passkey step.
const linkLimit = 10 * time.Minute

// controlLinking adds the routes about linking by other ways than a picture.
func (s *Server) controlLinking(mux *http.ServeMux) {
	mux.HandleFunc("POST /phones/{number}/code", control(s.postCode))
	mux.HandleFunc("POST /phones/{number}/passkey", control(onPhone(s, func(p *Phone, opts PasskeyOptions) error {
		return p.RequirePasskey(opts)
	})))
	mux.HandleFunc("DELETE /phones/{number}/passkey", control(onPhone(s, func(p *Phone, _ struct{}) error {
		p.DropPasskey()
		return nil
	})))
	mux.HandleFunc("GET /phones/{number}/passkey", control(func(r *http.Request, _ struct{}) (any, error) {
		p, err := s.phoneOf(r)
		if err != nil {
			return nil, err
		}
		return map[string]string{"code": p.PasskeyCode()}, nil
	}))
	mux.HandleFunc("POST /phones/{number}/passkeyanswer", control(func(r *http.Request, in anyJSON) (any, error) {
		p, err := s.phoneOf(r)
		if err != nil {
			return nil, err
		}
		answer, err := p.PasskeyAnswer(in.raw)
		return json.RawMessage(answer), err
	}))
	mux.HandleFunc("POST /phones/{number}/spoil", control(onPhone(s, func(p *Phone, in struct {
		What Spoil `json:"what"`
	}) error {
		p.SpoilProof(in.What)
		return nil
	})))
	mux.HandleFunc("POST /phones/{number}/refresh", control(onPhone(s, func(p *Phone, in struct {
		On    bool         `json:"on"`
		Child RefreshChild `json:"child"`
	}) error {
		switch {
		case !in.On:
			p.DemandRefresh(false)
		case in.Child == "":
			p.DemandRefresh(true)
		default:
			p.DemandRefreshAs(in.Child)
		}
		return nil
	})))
}

// anyJSON takes a body as it is.
type anyJSON struct{ raw []byte }

// UnmarshalJSON keeps the bytes.
func (a *anyJSON) UnmarshalJSON(raw []byte) error {
	a.raw = append([]byte(nil), raw...)
	return nil
}

// onPhone makes a control handler of something a phone does and that answers {}.
func onPhone[T any](s *Server, do func(*Phone, T) error) func(*http.Request, T) (any, error) {
	return func(r *http.Request, in T) (any, error) {
		p, err := s.phoneOf(r)
		if err != nil {
			return nil, err
		}
		return nothing, do(p, in)
	}
}

func (s *Server) postCode(r *http.Request, in linkBody) (any, error) {
	p, err := s.phoneOf(r)
	if err != nil {
		return nil, err
	}
	device, err := p.EnterCode(r.Context(), in.Code)
	return map[string]types.JID{"device": device}, err
}
