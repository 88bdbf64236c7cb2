package instance

import (
	"context"
	"time"

	"pombal/internal/problem"
)

// uploadLimit is how long a file may take to WhatsApp's media host.
const uploadLimit = 2 * time.Minute

// upload puts a file on WhatsApp's media host. It happens outside the queue, so
// that other messages do not wait for a slow line; nothing is sent yet.
func (r *runner) upload(ctx context.Context, p SendParams) (SendParams, error) {
	media, ok := p.Content.(Media)
	if !ok {
		return p, nil
	}
	if _, err := r.maySend(ctx, p); err != nil {
		return p, err
	}
	err := r.withSession(ctx, uploadLimit, func(ctx context.Context, sess Session) error {
		up, err := sess.Upload(ctx, media)
		media.Upload = up
		return err
	})
	if err != nil && problem.As(err) == nil {
		r.log.Warn("upload a file", "kind", media.Kind, "bytes", media.Size, "error", err)
		err = problem.Wrap(err, problem.Unavailable, "error.media_upload")
	}
	media.File = nil // closed soon
	p.Content = media
	return p, err
}

// withSession runs fn on the caller's goroutine with the session of an instance
// that is connected. fn's context ends with ctx, after the limit, and when the
// instance closes, which waits for fn.
func (r *runner) withSession(ctx context.Context, limit time.Duration, fn func(context.Context, Session) error) error {
	if err := r.sends.begin(); err != nil {
		return err
	}
	defer r.sends.running.Done()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer context.AfterFunc(r.sends.ctx, cancel)()
	sess, err := r.online(ctx)
	if err != nil {
		return err
	}
	return fn(ctx, sess)
}

// begin counts work that closing waits for; running.Done must follow.
func (s *sender) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrShuttingDown
	}
	s.running.Add(1)
	return nil
}
