package web

import (
	"bufio"
	"context"
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/event"
)

// The limits of an export: how many events it has at most, and how many are
// held in memory at a time.
const (
	exportMost = 100_000
	exportStep = 500
)

// exportEvents sends the events of the filter, newest first, as lines of JSON
// or as CSV.
func (s *Server) exportEvents(r *request) error {
	page, err := s.eventsPage(r) // the instance must exist
	if err != nil {
		return err
	}
	q, format := s.logQuery(r), "ndjson"
	q.Limit, q.Deep = exportStep, true
	r.Set(fiber.HeaderContentType, "application/x-ndjson; charset=utf-8")
	if r.Query("format") == "csv" {
		format = "csv"
		r.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	}
	r.Set(fiber.HeaderContentDisposition, `attachment; filename="events.`+format+`"`)
	s.record(r, "events.export", "events", map[string]string{"format": format})
	names := make(map[string]string)
	for _, in := range page.Instances {
		names[in.ID] = in.Name
	}
	conn, id := r.Context().Conn(), r.id
	// The writer runs after this handler has returned, so it must not touch r.
	r.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		err := s.safely(func() error {
			return s.export(q, newRowWriter(w, format, names), func() error {
				if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
					return err
				}
				return w.Flush()
			})
		})
		if err != nil {
			s.Log.Warn("export ended early", "request", id, "error", err.Error())
		}
	})
	return nil
}

func (s *Server) export(q event.LogQuery, write func(event.Event) error, flush func() error) error {
	for sent := 0; sent < exportMost; {
		list, err := s.Events.EventLog(context.Background(), q)
		if err != nil {
			return err
		}
		for _, ev := range list {
			if err := write(ev); err != nil {
				return err
			}
		}
		if err := flush(); err != nil {
			return err
		}
		if len(list) < q.Limit {
			return nil
		}
		sent += len(list)
		q.Before = list[len(list)-1].ID
	}
	return nil
}

// newRowWriter writes events in a format.
func newRowWriter(w *bufio.Writer, format string, names map[string]string) func(event.Event) error {
	if format != "csv" {
		return func(ev event.Event) error {
			if _, err := w.Write(ev.Body); err != nil {
				return err
			}
			return w.WriteByte('\n')
		}
	}
	table := csv.NewWriter(w)
	first := true
	return func(ev event.Event) error {
		if first {
			first = false
			if err := table.Write([]string{"id", "instance", "seq", "type", "at", "bytes", "body"}); err != nil {
				return err
			}
		}
		err := table.Write([]string{
			ev.ID, cell(names[ev.InstanceID]), strconv.FormatUint(ev.Seq, 10), string(ev.Type),
			ev.At.UTC().Format(time.RFC3339Nano), strconv.Itoa(len(ev.Body)), string(ev.Body),
		})
		table.Flush()
		return err
	}
}

// cell keeps a spreadsheet from taking a text for a formula.
func cell(text string) string {
	if strings.ContainsAny(text[:min(len(text), 1)], "=+-@\t\r") {
		return "'" + text
	}
	return text
}
