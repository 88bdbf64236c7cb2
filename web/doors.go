package web

import (
	"encoding/base64"
	"fmt"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"pombal/internal/locale"
	"pombal/web/codechat"
	"pombal/web/insprl"
)

// openDoors makes the doors for other programs.
func (s *Server) openDoors() error {
	english, err := locale.New(locale.Fallback)
	if err != nil {
		return fmt.Errorf("texts of the doors: %w", err)
	}
	s.codes = codechat.New(codechat.Deps{
		Instances: s.Instances, Businesses: s.Instances, Webhooks: s.Webhooks, History: s.History, Files: s.Files,
		Credentials: s.Auth,
		Audit:       s.auditCall, Address: s.address, Picture: s.dataURL, Text: english.Text, Now: s.Now,
	})
	s.sprl = insprl.New(insprl.Deps{
		Instances: s.Instances, Webhooks: s.Webhooks, Credentials: s.Auth, Audit: s.auditCall, Address: s.address, Picture: s.dataURL,
		Text: english.Text,
	})
	return nil
}

// dataURL draws a text as the value of an img's src.
func (s *Server) dataURL(text string) (string, error) {
	png, err := s.QRPNG(text)
	if err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(png), nil
}

// refuseMethod answers a method that no route can have. The doors say so in
// their own shape, nobody else looks.
func (s *Server) refuseMethod(ctx *fasthttp.RequestCtx) {
	bareHeaders(&ctx.Response.Header)
	ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
	if !isAPI(string(ctx.Path())) {
		return
	}
	c := s.app.AcquireCtx(ctx)
	defer s.app.ReleaseCtx(c)
	if err := s.failEarly(c, fiber.ErrMethodNotAllowed); err != nil {
		s.Log.Error("answer a failure", "error", err.Error())
	}
}
