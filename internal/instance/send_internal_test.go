package instance

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pombal/internal/problem"
)

func TestCleanText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", maxText)
	cases := []struct {
		name  string
		in    SendTextParams
		to    string
		wrong []string
	}{
		{"digits", SendTextParams{To: "5521998880002", Text: "x"}, "5521998880002@s.whatsapp.net", nil},
		{"written for people", SendTextParams{To: " +55 (21) 99888-0002", Text: " x "}, "5521998880002@s.whatsapp.net", nil},
		{"address", SendTextParams{To: "5521998880002@s.whatsapp.net", Text: "x"}, "5521998880002@s.whatsapp.net", nil},
		{"old address", SendTextParams{To: "5521998880002@c.us", Text: "x"}, "5521998880002@s.whatsapp.net", nil},
		{"lid", SendTextParams{To: "123456789012345@lid", Text: "x"}, "123456789012345@lid", nil},
		{"group", SendTextParams{To: "120363041234567890@g.us", Text: long}, "120363041234567890@g.us", nil},
		{"old group", SendTextParams{To: "5511987650001-1400000000@g.us", Text: "x"}, "5511987650001-1400000000@g.us", nil},
		{"nothing", SendTextParams{}, "", []string{"recipient", "text"}},
		{"blank", SendTextParams{To: "5521998880002", Text: " \n\t"}, "", []string{"text"}},
		{"too long", SendTextParams{To: "5521998880002", Text: long + "e"}, "", []string{"text"}},
		{"no text", SendTextParams{To: "5521998880002", Text: "a\xffb"}, "", []string{"text"}},
		{"zero byte", SendTextParams{To: "5521998880002", Text: "a\x00b"}, "", []string{"text"}},
		{"national number", SendTextParams{To: "021998880002", Text: "x"}, "", []string{"recipient"}},
		{"too few digits", SendTextParams{To: "123456", Text: "x"}, "", []string{"recipient"}},
		{"too many digits", SendTextParams{To: "1234567890123456", Text: "x"}, "", []string{"recipient"}},
		{"letters", SendTextParams{To: "55a1998880002", Text: "x"}, "", []string{"recipient"}},
		{"other digits", SendTextParams{To: "٥٥٢١٩٩٨٨٨٠٠٠٢", Text: "x"}, "", []string{"recipient"}},
		{"device", SendTextParams{To: "5521998880002:3@s.whatsapp.net", Text: "x"}, "", []string{"recipient"}},
		{"status", SendTextParams{To: "status@broadcast", Text: "x"}, "", []string{"recipient"}},
		{"channel", SendTextParams{To: "120363041234567890@newsletter", Text: "x"}, "", []string{"recipient"}},
		{"two servers", SendTextParams{To: "5521998880002@lid@g.us", Text: "x"}, "", []string{"recipient"}},
		{"id", SendTextParams{To: "5521998880002", Text: "x", ID: "a b"}, "", []string{"id"}},
		{"short id", SendTextParams{To: "5521998880002", Text: "x", ID: "1234567"}, "", []string{"id"}},
		{"quote", SendTextParams{To: "5521998880002", Text: "x", Quote: &Quote{KeyID: "<"}}, "", []string{"quoted"}},
		{"author", SendTextParams{To: "5521998880002", Text: "x", Quote: &Quote{KeyID: "3EB0", Author: "nobody"}}, "", []string{"quoted"}},
		{"attributes", SendTextParams{To: "5521998880002", Text: "x", ExternalAttributes: strings.Repeat("x", maxExternal+1)}, "", []string{"externalAttributes"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := SendParams{
				To: tc.in.To, Content: Text(tc.in.Text), ID: tc.in.ID, Quote: tc.in.Quote, ExternalAttributes: tc.in.ExternalAttributes,
			}.Clean()
			if tc.wrong == nil {
				if err != nil || got.To != tc.to || got.Content != Text(strings.TrimSpace(tc.in.Text)) {
					t.Errorf("got %q %q, %v; want %q", got.To, got.Content, err, tc.to)
				}
				return
			}
			p := problem.As(err)
			if p == nil || p.Kind != problem.Invalid {
				t.Fatalf("error = %v, want Invalid", err)
			}
			var names []string
			for _, f := range p.Fields {
				names = append(names, f.Name)
			}
			if strings.Join(names, " ") != strings.Join(tc.wrong, " ") {
				t.Errorf("fields %v, want %v", names, tc.wrong)
			}
		})
	}
}

// Over an hour the bucket lets through its burst and then one message each
// step, whenever it is asked.
func TestBucket(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	b := bucket{every: 3 * time.Second, burst: 5}
	sent := 0
	for range 3600 {
		for b.wait(now) == 0 {
			b.take(now)
			sent++
		}
		if w := b.wait(now); w <= 0 || w > 3*time.Second {
			t.Fatalf("wait = %v", w)
		}
		now = now.Add(time.Second)
	}
	if want := 5 + 3599/3; sent != want {
		t.Errorf("%d messages in an hour, want %d", sent, want)
	}
	now = now.Add(24 * time.Hour)
	for range 5 {
		if w := b.wait(now); w != 0 {
			t.Errorf("after a pause the burst has to wait %v", w)
		}
		b.take(now)
	}
	if b.wait(now) == 0 {
		t.Error("the burst is larger than 5")
	}
}

func TestSenderRefusesWhatWouldWaitTooLong(t *testing.T) {
	t.Parallel()
	s := newSender(Pace{Every: time.Hour, Burst: 2, NewEvery: time.Hour, NewBurst: 1, Queue: 2, Limit: time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	now := func() time.Time { return time.Unix(1000, 0) }
	if err := s.wait(ctx, true, now); err != nil {
		t.Fatal(err)
	}
	err := problem.As(s.wait(ctx, true, now))
	if err == nil || err.Kind != problem.TooMany || err.RetryAfter != time.Hour {
		t.Fatalf("a second message to somebody new: %+v, want TooMany after an hour", err)
	}
	if err := s.wait(ctx, false, now); err != nil {
		t.Errorf("a refusal used up the pace of the others: %v", err)
	}
}

func TestSenderQueueAndOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSender(Pace{Every: time.Nanosecond, Burst: 1, Queue: 3, Limit: time.Second, Grace: 10 * time.Millisecond})
		if err := s.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		order := make(chan int, 3)
		for i := range 3 {
			go func() {
				if err := s.enter(context.Background()); err != nil {
					order <- -1
					return
				}
				order <- i
				s.leave()
			}()
			synctest.Wait() // it stands in the queue
		}
		if err := problem.As(s.enter(t.Context())); err == nil || err.Kind != problem.TooMany {
			t.Errorf("a fourth in the queue: %v, want TooMany", err)
		}
		s.leave()
		for want := range 3 {
			if got := <-order; got != want {
				t.Errorf("turn %d went to %d", want, got)
			}
		}
		s.close()
		if err := s.enter(t.Context()); err != ErrShuttingDown {
			t.Errorf("after close: %v", err)
		}
	})
}
