package wasim

import (
	"fmt"
	"net/http"

	"go.mau.fi/whatsmeow/types"
)

// groupBody holds the fields of control requests about groups.
type groupBody struct {
	By   string   `json:"by"`   // a number
	Whom []string `json:"whom"` // numbers
	Text string   `json:"text"`
	On   bool     `json:"on"`
}

// controlGroups adds the routes about groups.
func (s *Server) controlGroups(mux *http.ServeMux) {
	mux.HandleFunc("POST /groups", control(func(_ *http.Request, in groupBody) (any, error) {
		by, whom, err := s.people(in)
		if err != nil {
			return nil, err
		}
		return by.NewGroup(in.Text, whom...).State(), nil
	}))
	mux.HandleFunc("GET /groups", func(w http.ResponseWriter, _ *http.Request) {
		out := []GroupState{}
		for _, g := range s.Groups() {
			out = append(out, g.State())
		}
		answerJSON(w, http.StatusOK, out)
	})
	mux.HandleFunc("POST /groups/{group}/{what}", control(s.postGroup))
}

func (s *Server) people(in groupBody) (by *Phone, whom []*Phone, err error) {
	if by, err = s.phoneNamed(in.By); err != nil {
		return nil, nil, err
	}
	for _, number := range in.Whom {
		p, err := s.phoneNamed(number)
		if err != nil {
			return nil, nil, err
		}
		whom = append(whom, p)
	}
	return by, whom, nil
}

func (s *Server) postGroup(r *http.Request, in groupBody) (any, error) {
	jid, err := types.ParseJID(r.PathValue("group"))
	if err != nil || jid.User == "" {
		// The bare number serves too.
		jid = types.NewJID(r.PathValue("group"), types.GroupServer)
	}
	g := s.Group(jid)
	if g == nil {
		return nil, ErrUnknownGroup
	}
	by, whom, err := s.people(in)
	if err != nil {
		return nil, err
	}
	what := r.PathValue("what")
	if what == "text" {
		id, err := by.SendGroupText(r.Context(), g, in.Text)
		return map[string]string{"id": id}, err
	}
	do, ok := map[string]func() error{
		"add":         func() error { return g.Add(by, whom...) },
		"remove":      func() error { return g.Remove(by, whom...) },
		"promote":     func() error { return g.Promote(by, whom...) },
		"demote":      func() error { return g.Demote(by, whom...) },
		"subject":     func() error { return g.SetSubject(by, in.Text) },
		"description": func() error { return g.SetDescription(by, in.Text) },
		"announce":    func() error { return g.SetAnnounce(by, in.On) },
		"locked":      func() error { return g.SetLocked(by, in.On) },
		"delete":      func() error { return g.Delete(by, in.Text) },
	}[what]
	if !ok {
		return nil, fmt.Errorf("%w: unknown change %q", errMalformed, what)
	}
	if err := do(); err != nil {
		return nil, err
	}
	return g.State(), nil
}

// controlNetwork adds the routes about the network as a whole.
func (s *Server) controlNetwork(mux *http.ServeMux) {
	mux.HandleFunc("POST /front", control(func(_ *http.Request, f FrontPage) (any, error) {
		s.SetFrontPage(f)
		return nothing, nil
	}))
	mux.HandleFunc("POST /expiremedia", control(func(*http.Request, controlBody) (any, error) {
		s.ExpireMedia()
		return nothing, nil
	}))
	mux.HandleFunc("POST /malformed", control(func(_ *http.Request, in struct {
		Device types.JID    `json:"device"`
		Kind   Malformation `json:"kind"`
		Size   int          `json:"size"`
	}) (any, error) {
		return nothing, s.Malformed(in.Device, in.Kind, in.Size)
	}))
}
