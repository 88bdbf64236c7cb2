package wasim

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/util/cbcutil"
)

const (
	// mediaHost is the host that clients are told to use; it leads here.
	mediaHost = "mmg.whatsapp.net"
	// mediaAuth is the password of the media host.
	mediaAuth = "sim"
	// mediaLimit bounds an upload, in bytes.
	mediaLimit = 128 << 20
	// mediaMAC is the length of the seal behind encrypted media.
	mediaMAC = 10
)

// errNoMedia says that a path holds nothing (any more).
var errNoMedia = errors.New("no such media")

// mediaFile is a file on the media host. Guarded by Server.mu.
type mediaFile struct {
	data    []byte
	expires time.Time // zero: never
}

// sealed is encrypted media with what a recipient has to know.
type sealed struct {
	key, sha, encSHA []byte
	length           uint64
	path             string // with a query, as clients demand
}

// putSealed encrypts data for a purpose ("WhatsApp Image Keys", …) and puts it on
// the media host. A negative lifetime makes a link that is dead from the start; 0
// is for ever.
func (s *Server) putSealed(purpose string, data []byte, life time.Duration) (sealed, error) {
	out := sealed{key: make([]byte, 32), length: uint64(len(data))}
	_, _ = rand.Read(out.key) // never returns an error
	keys, err := hkdf.Key(sha256.New, out.key, nil, purpose, 112)
	if err != nil {
		return out, fmt.Errorf("media keys: %w", err)
	}
	box, err := cbcutil.Encrypt(keys[16:48], keys[:16], data)
	if err != nil {
		return out, fmt.Errorf("encrypt media: %w", err)
	}
	mac := hmac.New(sha256.New, keys[48:80])
	mac.Write(keys[:16])
	mac.Write(box)
	box = append(box, mac.Sum(nil)[:mediaMAC]...)
	sum, encSum := sha256.Sum256(data), sha256.Sum256(box)
	out.sha, out.encSHA = sum[:], encSum[:]
	out.path = s.putMedia(box, life)
	return out, nil
}

// putMedia puts bytes on the media host and returns their direct path.
func (s *Server) putMedia(data []byte, life time.Duration) string {
	f := &mediaFile{data: data}
	if life != 0 {
		f.expires = time.Now().Add(life)
	}
	name := "/v/t62.7118-24/" + newID() + newID()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.media[name] = f
	return name + "?oh=1"
}

// fetch returns media by direct path, while it lives.
func (s *Server) fetch(direct string) ([]byte, int, error) {
	u, err := url.Parse(direct)
	if err != nil {
		return nil, http.StatusNotFound, errNoMedia
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.media[u.Path]
	switch {
	case f == nil:
		return nil, http.StatusNotFound, errNoMedia
	case !f.expires.IsZero() && time.Now().After(f.expires):
		return nil, http.StatusGone, errNoMedia
	}
	return f.data, http.StatusOK, nil
}

// openSealed fetches and decrypts media.
func (s *Server) openSealed(purpose, direct string, key, sha []byte) ([]byte, error) {
	box, _, err := s.fetch(direct)
	if err != nil {
		return nil, err
	}
	keys, err := hkdf.Key(sha256.New, key, nil, purpose, 112)
	if err != nil || len(box) <= mediaMAC {
		return nil, fmt.Errorf("%w: key or length", errNoMedia)
	}
	mac := hmac.New(sha256.New, keys[48:80])
	mac.Write(keys[:16])
	mac.Write(box[:len(box)-mediaMAC])
	if !hmac.Equal(mac.Sum(nil)[:mediaMAC], box[len(box)-mediaMAC:]) {
		return nil, errors.New("the seal of the media is wrong")
	}
	plain, err := cbcutil.Decrypt(keys[16:48], keys[:16], slices.Clone(box[:len(box)-mediaMAC]))
	if err != nil {
		return nil, fmt.Errorf("decrypt media: %w", err)
	}
	if sum := sha256.Sum256(plain); string(sum[:]) != string(sha) {
		return nil, errors.New("the hash of the media is wrong")
	}
	return plain, nil
}

// ExpireMedia makes every file that is now on the media host unavailable: later
// downloads are answered with status 410.
func (s *Server) ExpireMedia() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.media {
		f.expires = time.Now().Add(-time.Second)
	}
}

// DeletedMedia returns how many files clients have deleted on the media host,
// which they do with a history they have fetched.
func (s *Server) DeletedMedia() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deletedMedia
}

// WaitDeletedMedia waits until clients have deleted n files.
func (s *Server) WaitDeletedMedia(ctx context.Context, n int) error {
	return s.until(ctx, func() (bool, error) { return s.deletedMedia >= n, nil })
}

// serveMedia is the media host: GET below /v/, POST and DELETE below /mms/.
func (s *Server) serveMedia(w http.ResponseWriter, r *http.Request) {
	if status := s.Faults().MediaStatus; status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	switch r.Method {
	case http.MethodGet:
		data, status, err := s.fetch(r.URL.Path)
		if err != nil {
			http.Error(w, err.Error(), status)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(data) // a reader that has gone is no matter of ours
	case http.MethodPost:
		s.takeUpload(w, r)
	case http.MethodDelete:
		s.forgetMedia(w, r)
	}
}

func (s *Server) takeUpload(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mediaLimit))
	sum := sha256.Sum256(data)
	switch {
	case err != nil:
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	case r.URL.Query().Get("auth") != mediaAuth:
		http.Error(w, "who are you", http.StatusUnauthorized)
		return
	case path.Base(r.URL.Path) != base64.URLEncoding.EncodeToString(sum[:]):
		http.Error(w, "the token is not the hash of the file", http.StatusBadRequest)
		return
	}
	direct := s.putMedia(data, 0)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"url": "https://" + mediaHost + direct, "direct_path": direct})
}

func (s *Server) forgetMedia(w http.ResponseWriter, r *http.Request) {
	name, err := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("d_md"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || s.media[string(name)] == nil {
		http.Error(w, errNoMedia.Error(), http.StatusNotFound)
		return
	}
	delete(s.media, string(name))
	s.deletedMedia++
	s.announce()
}
