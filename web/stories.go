package web

import (
	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/locale"
	"pombal/views"
)

// demoRoutes show every component in every state, and guide through the pages.
// They exist in the demo alone.
func (s *Server) demoRoutes() []route {
	if s.Config.Demo == nil {
		return nil
	}
	return []route{
		{fiber.MethodGet, "/_stories", rightViewer, s.listStories, 0},
		{fiber.MethodGet, "/_stories/:name", rightViewer, s.showStory, 0},
		{fiber.MethodGet, "/tour/:part", rightViewer, s.showTour, byMachine},
		{fiber.MethodPost, "/tour", rightViewer, s.setTour, 0},
	}
}

func (s *Server) listStories(r *request) error {
	page := views.StoryIndexPage{}
	var err error
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	for _, story := range views.Stories() {
		page.Names = append(page.Names, story.Name)
	}
	return s.render(r, fiber.StatusOK, views.StoryIndex(page))
}

// showStory draws one, in the language and theme that are asked for. The
// pseudo-locale is one of them.
func (s *Server) showStory(r *request) error {
	t, err := locale.New(r.Query("lang"))
	if r.Query("lang") == locale.PseudoTag {
		t, err = locale.Pseudo()
	}
	if err != nil {
		return err
	}
	page := views.StoryPage(t, r.Query("theme"))
	for _, story := range views.Stories() {
		if story.Name == r.Params("name") {
			return s.render(r, fiber.StatusOK, story.Page(page))
		}
	}
	return auth.ErrNoSuch
}
