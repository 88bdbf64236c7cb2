package web

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/instance"
)

// Tagger gives instances the words that they are found by; instance.Manager is
// the real one.
type Tagger interface {
	// SetTags replaces the tags if rev is 0 or still the stored one; ErrChanged.
	SetTags(ctx context.Context, id string, tags []string, rev uint64) (instance.Instance, error)
	// Retag adds tags and takes others away; problem.Invalid names "tags".
	Retag(ctx context.Context, id string, add, remove []string) (instance.Instance, error)
}

// setTags replaces the tags of an instance.
func (s *Server) setTags(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	based, err := revision(f)
	if err != nil {
		return err
	}
	tags, err := instance.ParseTags(f.text("tags"))
	var in instance.Instance
	if err == nil {
		in, err = s.Instances.SetTags(r.UserContext(), r.Params("id"), tags, based)
	}
	if err != nil {
		return s.setTagsAgain(r, f.text("tags"), err)
	}
	s.record(r, "instance.tags", "instance:"+in.ID, map[string]string{"tags": strings.Join(in.Tags, ", ")})
	return s.redirectWith(r, path("instances", in.ID, "settings"), ok("done.saved"))
}

// setTagsAgain shows what is wrong with what was typed.
func (s *Server) setTagsAgain(r *request, typed string, cause error) error {
	page, status, err := s.refusedEdit(r, "tags", cause)
	if err != nil {
		return err
	}
	page.Tags = typed
	if status == fiber.StatusConflict {
		page.Changed = "tags"
	}
	return s.sendSettings(r, status, page)
}
