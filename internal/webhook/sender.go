package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pombal/internal/safehttp"
)

// Caller makes one HTTP call; *safehttp.Client is the real one.
type Caller interface {
	Call(ctx context.Context, req *http.Request, opts safehttp.Options) (safehttp.Result, error)
}

// Reply is what came of one attempt.
type Reply struct {
	Attempt Attempt
	// RetryAfter is how long the receiver asked to be left alone; 0 when it did
	// not ask.
	RetryAfter time.Duration
}

// HTTPSender makes the calls of a Dispatcher. No credential leaves with them
// but where a webhook asked for one; see WithTokens.
type HTTPSender struct {
	caller  Caller
	version string
	now     func() time.Time
	tokens  TokenText // nil: no tokens are sent
}

// NewSender makes an HTTPSender that calls itself Pombal/version. caller must
// not be nil; a nil now means time.Now.
func NewSender(caller Caller, version string, now func() time.Time) *HTTPSender {
	if now == nil {
		now = time.Now
	}
	return &HTTPSender{caller: caller, version: version, now: now}
}

// Send makes one attempt of a job.
func (s *HTTPSender) Send(ctx context.Context, job Job) Reply {
	at := s.now().UTC().Round(0)
	req, token, err := s.request(ctx, job, at)
	if err != nil {
		return Reply{Attempt: Attempt{At: at, Error: string(FailureRequest)}}
	}
	res, err := s.caller.Call(ctx, req, safehttp.Options{
		Timeout: job.Webhook.timeout(), SkipVerify: job.Webhook.SkipVerify,
	})
	attempt := Attempt{
		At: at, Took: res.Took, StatusCode: res.StatusCode, Split: res.Split, Address: res.Address, TLS: res.TLS,
		Request: requestHead(req, job.Webhook.Headers),
	}
	if err != nil {
		attempt.Error = string(failureOf(err))
		return Reply{Attempt: attempt}
	}
	attempt.Response = strings.ToValidUTF8(string(res.Head), "\uFFFD")
	attempt.Answer = answerHead(res)
	if token != "" { // a receiver may say what it heard
		attempt.Response = strings.ReplaceAll(attempt.Response, token, Masked)
		attempt.Answer = strings.ReplaceAll(attempt.Answer, token, Masked)
	}
	reply := Reply{Attempt: attempt}
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable {
		reply.RetryAfter = retryAfter(res.Header.Get("Retry-After"), s.now())
	}
	return reply
}

// The headers that say why a call comes although its event is not new.
const (
	headerReplayed = "replayed"     // a person had it sent again
	headerTest     = "webhook-test" // a person tries the receiver out
)

// request makes the call of a job. token is the credential in its body, "" for
// none.
func (s *HTTPSender) request(ctx context.Context, job Job, at time.Time) (req *http.Request, token string, err error) {
	body, token, err := s.bodyOf(ctx, job)
	if err != nil {
		return nil, "", err
	}
	req, err = s.signed(ctx, job, at, body)
	return req, token, err
}

// signed makes the call of a job with a body.
func (s *HTTPSender) signed(ctx context.Context, job Job, at time.Time, body []byte) (*http.Request, error) {
	signature, err := signAll(job.Webhook.secrets(at), job.Event.ID, at, body)
	if err != nil {
		return nil, err
	}
	from, err := origin(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, job.Webhook.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("webhook request: %w", err)
	}
	for _, h := range job.Webhook.Headers.List() {
		req.Header.Set(h.Name, h.Value)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Pombal/"+s.version)
	// Set by hand and not by Set, which would change the case: receivers exist
	// that compare these names letter by letter.
	for name, value := range map[string]string{
		"webhook-id":        job.Event.ID,
		"webhook-timestamp": strconv.FormatInt(at.Unix(), 10),
		"webhook-signature": signature,
		"x-businessId":      from.Business.BusinessID,
		"x-instanceId":      from.InstanceID,
		"x-whatsappId":      from.WhatsApp.WhatsAppID,
	} {
		req.Header[name] = []string{value}
	}
	if job.Delivery.Replay {
		req.Header[headerReplayed] = []string{"true"}
	}
	if job.Test {
		req.Header[headerTest] = []string{"true"}
	}
	return req, nil
}

// wireOrigin is the part of the body's instance that goes into headers.
type wireOrigin struct {
	InstanceID string `json:"instanceId"`
	WhatsApp   struct {
		WhatsAppID string `json:"whatsappId"`
	} `json:"WhatsApp"`
	Business struct {
		BusinessID string `json:"businessId"`
	} `json:"Business"`
}

// origin reads who an event is about out of its body, because that is what was
// true when it was recorded. Before the first pairing there is no WhatsApp id.
func origin(body []byte) (wireOrigin, error) {
	var envelope struct {
		Instance wireOrigin `json:"instance"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return wireOrigin{}, fmt.Errorf("event body: %w", err)
	}
	return envelope.Instance, nil
}
