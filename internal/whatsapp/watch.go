package whatsapp

import (
	"context"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/event"
)

// Limits of watching who is online.
const (
	maxWatched  = 500 // people watched on one connection
	maxToWatch  = 100 // people waiting to be
	watchAnswer = 10 * time.Second
)

// watcher follows who is online, for the people the account has to do with, and
// only while a webhook wants presence.update. WhatsApp tells only those who are
// online themselves, and an account that is online on a linked device gets no
// notifications on its phone: so nothing here happens unasked.
type watcher struct {
	mu      sync.Mutex
	queue   []types.JID
	busy    bool
	online  bool
	watched map[types.JID]bool
}

// observe starts what an event causes besides signals and events of its own.
func (s *session) observe(evt any) {
	switch e := evt.(type) {
	case *events.Connected:
		s.watch.reset()
		s.resumeHistories()
	case *events.Message:
		s.observeMessage(e)
	case *events.AppStateSyncComplete:
		s.observeSync(e)
	case *events.NotifyAccountReachoutTimelock:
		s.observeLock(e)
	}
}

// reset forgets what was told on an earlier connection.
func (w *watcher) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.online, w.watched, w.queue = false, nil, nil
}

// add queues somebody, watched or not: it may be time to stop. It says whether a
// worker has to be started.
func (w *watcher) add(jid types.JID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) >= maxToWatch {
		return false
	}
	w.queue = append(w.queue, jid)
	start := !w.busy
	w.busy = true
	return start
}

// next takes somebody to watch; ok is false when the worker is done.
func (w *watcher) next() (jid types.JID, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.busy = false
		return types.EmptyJID, false
	}
	jid = w.queue[0]
	w.queue = w.queue[1:]
	return jid, true
}

// follow begins to watch somebody, if a webhook wants that.
func (s *session) follow(jid types.JID) {
	jid = plain(jid)
	if jid.Server != types.DefaultUserServer && jid.Server != types.HiddenUserServer {
		return
	}
	if !s.watch.add(jid) {
		return
	}
	s.bg.run(func(ctx context.Context) {
		for {
			jid, ok := s.watch.next()
			if !ok {
				return
			}
			s.guarded("watch who is online", func() { s.followOne(ctx, jid) })
		}
	})
}

func (s *session) followOne(ctx context.Context, jid types.JID) {
	w := &s.watch
	wanted := s.params.Sink.Wants(event.PresenceUpdate)
	w.mu.Lock()
	online, known, many := w.online, w.watched[jid], len(w.watched) >= maxWatched
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, watchAnswer)
	defer cancel()
	switch {
	case !wanted && online:
		// The last webhook that wanted it is gone: let the phone ring again.
		if err := s.client.SendPresence(ctx, types.PresenceUnavailable); err == nil {
			w.reset()
		}
		return
	case !wanted, known, many:
		return
	case !online:
		if err := s.client.SendPresence(ctx, types.PresenceAvailable); err != nil {
			s.log().Warn("go online to see who is", "error", err)
			return
		}
	}
	if err := s.client.SubscribePresence(ctx, jid); err != nil {
		s.log().Warn("watch who is online", "error", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.online = true
	if w.watched == nil {
		w.watched = make(map[types.JID]bool)
	}
	w.watched[jid] = true
}
