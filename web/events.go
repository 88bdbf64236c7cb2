package web

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/views"
)

// eventsShown is how many events a page lists.
const eventsShown = 50

// listEvents is the event log of all instances or, with an id in the address,
// of one.
func (s *Server) listEvents(r *request) error {
	page, err := s.eventsPage(r)
	if err != nil {
		return err
	}
	q := s.logQuery(r)
	q.Before, q.UpTo, q.Limit = r.Query("before"), r.Query("upto"), eventsShown+1
	if page.Rows, err = s.Events.EventLog(r.UserContext(), q); err != nil {
		return err
	}
	if page.More = len(page.Rows) > eventsShown; page.More {
		page.Rows = page.Rows[:eventsShown]
	}
	page.Before, page.UpTo = q.Before, q.UpTo
	if page.Outcomes, err = s.Events.EventOutcomes(r.UserContext(), page.Rows); err != nil {
		return err
	}
	if q.UpTo != "" {
		if page.New, err = s.newEvents(r, q); err != nil {
			return err
		}
	}
	if r.isHX() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		return s.render(r, fiber.StatusOK, views.EventTable(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Events(page))
}

func (s *Server) eventsPage(r *request) (page views.EventsPage, err error) {
	if id := r.Params("id"); id != "" {
		in, err := s.Instances.Get(r.UserContext(), id)
		if err != nil {
			return page, err
		}
		page.Instance, page.Instances = &in, []instance.Instance{in}
	} else if page.Instances, err = s.Instances.List(r.UserContext()); err != nil {
		return page, err
	}
	q := s.logQuery(r)
	page.Type, page.Text = string(q.Type), q.Text
	return page, nil
}

// logQuery reads what a list of events is asked for. Who may not read bodies
// may not search them either.
func (s *Server) logQuery(r *request) event.LogQuery {
	q := event.LogQuery{InstanceID: r.Params("id"), Text: queryText(r), Bodies: r.may(auth.RoleOperator)}
	if info, known := event.Lookup(r.Query("type")); known {
		q.Type = info.Type
	}
	return q
}

// countedNew is how far new events are counted on a page that is paused.
const countedNew = 999

func (s *Server) newEvents(r *request, q event.LogQuery) (int, error) {
	q.After, q.UpTo, q.Before, q.Limit = q.UpTo, "", "", countedNew
	list, err := s.Events.EventLog(r.UserContext(), q)
	return len(list), err
}

// showEvent is one event. What it says is shown when somebody asks for it who
// may read it.
func (s *Server) showEvent(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	seq, err := strconv.ParseUint(r.Params("seq"), 10, 64)
	if err != nil || seq == 0 {
		return fiber.ErrNotFound
	}
	list, err := s.Events.Events(r.UserContext(), in.ID, seq-1, 1)
	if err != nil {
		return err
	}
	if len(list) == 0 || list[0].Seq != seq {
		return fiber.ErrNotFound
	}
	page := views.EventPage{Instance: in, Event: list[0]}
	if r.Query("body") != "" && r.may(auth.RoleOperator) {
		page.Body = indented(list[0].Body)
		r.private = true
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Event(page))
}
