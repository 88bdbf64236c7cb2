package web

import (
	"runtime"
	"runtime/debug"

	"github.com/gofiber/fiber/v2"

	"pombal/views"
)

// showAbout says what this program is made of.
func (s *Server) showAbout(r *request) error {
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	page := views.AboutPage{Page: frame, Engine: "–", Go: runtime.Version()}
	versions := make(map[string]string)
	if info, found := debug.ReadBuildInfo(); found {
		for _, dep := range info.Deps {
			versions[dep.Path] = dep.Version
		}
	}
	for _, m := range madeByOthers() {
		if v := versions[m.Name]; v != "" {
			m.Version = v
		}
		if m.Name == engineModule {
			page.Engine = "whatsmeow " + m.Version
		}
		page.Modules = append(page.Modules, m)
	}
	return s.render(r, fiber.StatusOK, views.About(page))
}

const engineModule = "go.mau.fi/whatsmeow"

// madeByOthers are the parts that are linked into the program or sent to
// browsers. Versions of Go modules are read from the build.
func madeByOthers() []views.Module {
	return []views.Module{
		{Name: engineModule, Licence: "MPL-2.0"},
		{Name: "go.mau.fi/libsignal", Licence: "GPL-3.0"},
		{Name: "go.mau.fi/util", Licence: "MPL-2.0"},
		{Name: "github.com/gofiber/fiber/v2", Licence: "MIT"},
		{Name: "github.com/valyala/fasthttp", Licence: "MIT"},
		{Name: "github.com/a-h/templ", Licence: "MIT"},
		{Name: "go.etcd.io/bbolt", Licence: "MIT"},
		{Name: "github.com/skip2/go-qrcode", Licence: "MIT"},
		{Name: "github.com/coder/websocket", Licence: "ISC"},
		{Name: "github.com/golang-jwt/jwt/v5", Licence: "MIT"},
		{Name: "github.com/google/uuid", Licence: "BSD-3-Clause"},
		{Name: "github.com/klauspost/compress", Licence: "BSD-3-Clause, Apache-2.0, MIT"},
		{Name: "github.com/rs/zerolog", Licence: "MIT"},
		{Name: "google.golang.org/protobuf", Licence: "BSD-3-Clause"},
		{Name: "golang.org/x/crypto", Licence: "BSD-3-Clause"},
		{Name: "golang.org/x/net", Licence: "BSD-3-Clause"},
		{Name: "golang.org/x/text", Licence: "BSD-3-Clause"},
		{Name: "htmx, hx-sse, hx-csp", Version: "4.0.1", Licence: "0BSD"},
	}
}
