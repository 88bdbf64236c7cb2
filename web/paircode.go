package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/audit"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/views"
)

// requestCode asks for a code that is typed on the phone.
func (s *Server) requestCode(r *request) error {
	panel, err := s.panel(r)
	if err != nil {
		return err
	}
	return s.askCode(r, panel, r.entry("", "", nil))
}

// askCode asks for the code and shows the card with it, or with what was wrong
// with the number.
func (s *Server) askCode(r *request, panel views.InstancePanel, who audit.Entry) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	id := panel.Instance.ID
	panel.Ask = views.CodeForm{Country: f.text("country"), Phone: f.text("phone")}
	if f.ticked("replace") && panel.Guest == "" {
		_, err = s.Instances.ConnectWith(r.UserContext(), id, instance.ConnectParams{ReplaceNumber: true})
	}
	if err == nil {
		err = whole(panel.Ask)
	}
	if err == nil {
		_, err = s.Instances.RequestCode(r.UserContext(), id, fullNumber(panel.Ask))
	}
	if views.KnownCountry(panel.Ask.Country) { // also of a refused one: the card may be drawn anew while it is corrected
		r.setCookie(cookieCountry, panel.Ask.Country, yearLong)
	}
	if err != nil {
		return s.panelAgain(r, panel, "phone", err)
	}
	who.Action, who.Object = "instance.code", "instance:"+id
	s.auditCall(r.Ctx, who)
	return s.panelDone(r, panel, "done.code")
}

// whole refuses a number without its country: what it begins with would be
// taken for one.
func whole(ask views.CodeForm) error {
	if ask.Country == "" && !international(ask.Phone) {
		return problem.InvalidField("phone", "error.country")
	}
	return nil
}

// international says whether a number names its country itself.
func international(phone string) bool {
	return strings.HasPrefix(phone, "+") || strings.HasPrefix(phone, "00")
}

// fullNumber joins country and number. Leading zeros are for dialling inside a
// country.
func fullNumber(ask views.CodeForm) string {
	if international(ask.Phone) {
		return strings.TrimPrefix(ask.Phone, "00")
	}
	return ask.Country + strings.TrimLeft(ask.Phone, "0 ")
}

// answerPasskey sends what the browser with the passkey said.
func (s *Server) answerPasskey(r *request) error {
	panel, err := s.panel(r)
	if err != nil {
		return err
	}
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	panel.Ask = views.CodeForm{Answer: f.text("answer")}
	if err := s.Instances.AnswerPasskey(r.UserContext(), panel.Instance.ID, []byte(panel.Ask.Answer)); err != nil {
		return s.panelAgain(r, panel, "answer", err)
	}
	s.record(r, "instance.passkey", "instance:"+panel.Instance.ID, nil)
	return s.panelDone(r, panel, "done.passkey")
}

// confirmPasskey says that the phone shows the same code.
func (s *Server) confirmPasskey(r *request) error {
	panel, err := s.panel(r)
	if err != nil {
		return err
	}
	if err := s.Instances.ConfirmPasskey(r.UserContext(), panel.Instance.ID); err != nil {
		return err
	}
	s.record(r, "instance.passkey.confirm", "instance:"+panel.Instance.ID, nil)
	return s.panelDone(r, panel, "done.passkey")
}

// panelDone shows the card as it is afterwards.
func (s *Server) panelDone(r *request, panel views.InstancePanel, done string) error {
	if !r.isHX() {
		if panel.Guest != "" {
			return r.Redirect(path("link", panel.Guest), fiber.StatusSeeOther)
		}
		return s.redirectWith(r, path("instances", panel.Instance.ID), ok(done))
	}
	in, err := s.Instances.Get(r.UserContext(), panel.Instance.ID)
	if err != nil {
		return err
	}
	panel.Instance, panel.Ask = in, views.CodeForm{}
	panel.Pairing, panel.Typed, panel.Passkey = nil, nil, nil
	s.onScreen(&panel)
	return s.render(r, fiber.StatusOK, views.QRPanel(panel))
}

// panelAgain shows the card with what was wrong, in the page around it where no
// script asked. What is wrong with no field is said at the one that was used.
func (s *Server) panelAgain(r *request, panel views.InstancePanel, field string, cause error) error {
	messages, isForm := fieldErrors(panel.T, cause)
	if p := problem.As(cause); !isForm {
		if p == nil || p.Kind == problem.Internal || p.Kind == problem.NotFound {
			return cause
		}
		messages = views.FieldErrors{field: panel.T.Text(p.Text)}
	}
	status := fiber.StatusUnprocessableEntity
	if wait, slow := tooMany(cause); slow {
		status = fiber.StatusTooManyRequests
		r.Set(fiber.HeaderRetryAfter, retrySeconds(seconds(wait)))
	}
	panel.Ask.Errors = messages
	if r.isHX() {
		return s.render(r, status, views.QRPanel(panel))
	}
	if panel.Guest != "" {
		return s.render(r, status, views.Guest(views.GuestPage{Page: panel.Page, Panel: panel}))
	}
	return s.sendInstance(r, status, panel)
}

// replaceOrConnect starts pairing; another number than before may be linked
// when that was ticked.
func (s *Server) replaceOrConnect(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	if !f.ticked("replace") {
		return s.connectInstance(r)
	}
	in, err := s.Instances.ConnectWith(r.UserContext(), r.Params("id"), instance.ConnectParams{ReplaceNumber: true})
	if err != nil {
		return err
	}
	s.record(r, "instance.replace_number", "instance:"+in.ID, nil)
	if r.isHX() {
		return s.sendPanel(r, views.QRPanel)
	}
	return s.redirectWith(r, path("instances", in.ID), ok("done.connecting", "name", in.Name))
}
