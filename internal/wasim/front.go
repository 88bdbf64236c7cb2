package wasim

import (
	"io"
	"net/http"
	"strconv"
)

// FrontPage is how the page with the newest client revision behaves. The zero
// value announces [Config.Revision].
type FrontPage struct {
	// Revision is announced instead of Config.Revision when it is not "". It is text
	// so that absurd numbers can be given.
	Revision string `json:"revision,omitempty"`
	// NoNumber leaves the revision out.
	NoNumber bool `json:"noNumber,omitempty"`
	// Size pads the page to that many bytes, in front of the revision.
	Size int64 `json:"size,omitempty"`
	// Status is the HTTP status, 200 when 0.
	Status int `json:"status,omitempty"`
	// Hang takes the request and never answers.
	Hang bool `json:"hang,omitempty"`
}

// SetFrontPage changes the front page.
func (s *Server) SetFrontPage(f FrontPage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.front = f
	s.announce()
}

// FrontPageRequests returns how often the front page was asked for.
func (s *Server) FrontPageRequests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frontAsked
}

// serveFront announces the newest client revision in the form that
// whatsmeow.GetLatestVersion looks for.
func (s *Server) serveFront(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed || s.stopped {
		s.mu.Unlock()
		return
	}
	s.wg.Add(1)
	f := s.front
	s.frontAsked++
	s.announce()
	s.mu.Unlock()
	defer s.wg.Done()
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if f.Status != 0 {
		w.WriteHeader(f.Status)
	}
	// Whoever stops reading is no matter of ours.
	_, _ = io.WriteString(w, "<!doctype html><title>stand-in</title><p>")
	_, _ = io.CopyN(w, spaces{}, f.Size)
	if f.NoNumber {
		return
	}
	revision := f.Revision
	if revision == "" {
		revision = strconv.FormatUint(uint64(s.cfg.Revision), 10)
	}
	_, _ = io.WriteString(w, `<script>{"client_revision":`+revision+`,"x":0}</script>`)
}

// spaces reads blanks without end.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
