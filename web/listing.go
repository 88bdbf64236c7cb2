package web

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"pombal/internal/instance"
	"pombal/views"
)

// maxQuery is how much of a search counts, in bytes.
const maxQuery = 200

// listChoice reads from the address which instances are to be shown. What it
// does not know is as if it were not there.
func listChoice(r *request) views.ListChoice {
	query := strings.TrimSpace(r.Query("q"))
	c := views.ListChoice{
		Query: strings.ToValidUTF8(query[:min(len(query), maxQuery)], ""), Filter: filterName(r.Query("status")),
		Sort: views.ListSorts()[0], Per: views.PageSizes()[0], Page: 1,
	}
	if tags, err := instance.ParseTags(r.Query("tag")); err == nil && len(tags) == 1 {
		c.Tag = tags[0]
	}
	by, back := strings.CutPrefix(r.Query("sort"), "-")
	if slices.Contains(views.ListSorts(), by) {
		c.Sort, c.Back = by, back
	}
	if n, err := strconv.Atoi(r.Query("per")); err == nil && slices.Contains(views.PageSizes(), n) {
		c.Per = n
	}
	if n, err := strconv.Atoi(r.Query("page")); err == nil && n > 1 {
		c.Page = n
	}
	return c
}

// choose counts all instances and gives those of the page that was asked for;
// a page past the last is the last.
func choose(page *views.InstancesPage, all []instance.Instance) []instance.Instance {
	found := make([]instance.Instance, 0, len(all))
	for _, in := range all {
		count(&page.Counts, in)
		for _, tag := range in.Tags {
			if !instance.HasTag(page.Tags, tag) {
				page.Tags = append(page.Tags, tag)
			}
		}
		if matches(in, page.Query, page.Filter) && (page.Tag == "" || instance.HasTag(in.Tags, page.Tag)) {
			found = append(found, in)
		}
	}
	slices.Sort(page.Tags)
	order(found, page.Sort, page.Back)
	page.Found = len(found)
	page.ListChoice.Page = min(page.ListChoice.Page, max(1, (len(found)+page.Per-1)/page.Per))
	from := (page.ListChoice.Page - 1) * page.Per
	return found[from:min(from+page.Per, len(found))]
}

// order sorts instances that are sorted by name already.
func order(list []instance.Instance, by string, back bool) {
	switch by {
	case "status":
		slices.SortStableFunc(list, func(a, b instance.Instance) int { return cmp.Compare(urgency(a), urgency(b)) })
	case "last":
		slices.SortStableFunc(list, func(a, b instance.Instance) int { return lastOf(b).Compare(lastOf(a)) })
	}
	if back {
		slices.Reverse(list)
	}
}

// urgency orders instances by how much they need somebody.
func urgency(in instance.Instance) int {
	switch p := in.Status.Phase; {
	case in.State == instance.Inactive:
		return 5
	case needsAttention(in):
		return 0
	case p.Pairing():
		return 1
	case p.Online():
		return 4
	case p == instance.PhaseNew, p == instance.PhaseLinkExpired, p == instance.PhaseLoggedOut:
		return 3
	default:
		return 2 // on its way
	}
}

func lastOf(in instance.Instance) time.Time { return views.InstanceRow{Instance: in}.Last() }

// eventCounts keeps how many events instances had in the last day: the store
// has to add up the hours, and a list shows many.
type eventCounts struct {
	mu   sync.Mutex
	seen map[string]eventCount
}

type eventCount struct {
	n  int
	at time.Time
}

// countsFor is how long a count is good enough.
const countsFor = 20 * time.Second

// events counts the events of an instance in the last day, wanted or not.
func (s *Server) eventsOf(ctx context.Context, id string) (int, error) {
	now := s.Now()
	if n, ok := s.counts.get(id, now); ok {
		return n, nil
	}
	byType, err := s.Events.EventsSeen(ctx, id, now.Add(-24*time.Hour))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, of := range byType {
		n += of
	}
	s.counts.put(id, n, now)
	return n, nil
}

func (c *eventCounts) get(id string, now time.Time) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.seen[id]
	return e.n, ok && now.Sub(e.at) < countsFor
}

func (c *eventCounts) put(id string, n int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = make(map[string]eventCount)
	}
	// What nobody looks at any more goes when there is much of it.
	if len(c.seen) > 1000 {
		for id, e := range c.seen {
			if now.Sub(e.at) >= countsFor {
				delete(c.seen, id)
			}
		}
	}
	c.seen[id] = eventCount{n, now}
}
