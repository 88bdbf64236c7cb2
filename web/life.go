package web

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/crash"
	"pombal/internal/instance"
	"pombal/views"
)

// Versions is what the pages need of the numbers of WhatsApp Web that we claim
// to be; whatsapp.Engine is the real one.
type Versions interface {
	Versions() instance.VersionInfo
	// CheckVersion reads WhatsApp's page now; it ends within 10 s.
	CheckVersion(ctx context.Context) (instance.VersionInfo, error)
	// ChooseVersion overrides the number; empty ends that. problem.Invalid
	// names "version".
	ChooseVersion(ctx context.Context, text string) (instance.VersionInfo, error)
	// NameDevice chooses what phones call new links; empty goes back to the
	// default. problem.Invalid names "name".
	NameDevice(ctx context.Context, text string) (instance.VersionInfo, error)
}

// Crashes is what the pages need of how earlier runs ended; crash.Log is the
// real one.
type Crashes interface {
	Report() crash.Report
	Dismiss() error
}

// showWhatsApp is the settings page about the engine.
func (s *Server) showWhatsApp(r *request) error {
	return s.sendWhatsApp(r, fiber.StatusOK, views.WhatsAppPage{})
}

func (s *Server) sendWhatsApp(r *request, status int, page views.WhatsAppPage) error {
	var err error
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	page.Versions = s.Versions.Versions()
	if page.Errors["version"] == "" {
		page.Number = page.Versions.Override
	}
	if page.Errors["name"] == "" {
		page.DeviceName = page.Versions.DeviceName
	}
	return s.render(r, status, views.WhatsApp(page))
}

// How often WhatsApp's page is read by hand, by everybody together: it is
// WhatsApp that would be asked too often.
const (
	checkBurst = 3
	checkEvery = time.Minute
)

// checkVersion reads WhatsApp's page now. That it cannot be read is no error of
// ours: the page says so.
func (s *Server) checkVersion(r *request) error {
	if err := s.checks.allow("", s.Now()); err != nil {
		return err
	}
	info, err := s.Versions.CheckVersion(r.UserContext())
	s.record(r, "whatsapp.version.check", "whatsapp", map[string]string{"active": info.Active})
	if err != nil {
		return s.redirectWith(r, "/settings/whatsapp", warn("done.version_unread"))
	}
	return s.redirectWith(r, "/settings/whatsapp", ok("done.version_read", "version", info.Active))
}

// chooseVersion sets the number by hand, or goes back to choosing it by itself.
func (s *Server) chooseVersion(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	text := f.text("version")
	if f.text("do") == "auto" {
		text = ""
	}
	info, err := s.Versions.ChooseVersion(r.UserContext(), text)
	if err != nil {
		messages, err := s.formErrors(r, err)
		if err != nil {
			return err
		}
		return s.sendWhatsApp(r, fiber.StatusUnprocessableEntity, views.WhatsAppPage{Number: text, Errors: messages})
	}
	s.record(r, "whatsapp.version", "whatsapp", map[string]string{"override": info.Override, "active": info.Active})
	return s.redirectWith(r, "/settings/whatsapp", ok("done.version", "version", info.Active))
}

// nameDevice chooses what phones call the devices that are linked from now on.
func (s *Server) nameDevice(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	text := f.text("name")
	info, err := s.Versions.NameDevice(r.UserContext(), text)
	if err != nil {
		messages, err := s.formErrors(r, err)
		if err != nil {
			return err
		}
		return s.sendWhatsApp(r, fiber.StatusUnprocessableEntity, views.WhatsAppPage{DeviceName: text, Errors: messages})
	}
	s.record(r, "whatsapp.name", "whatsapp", map[string]string{"name": info.DeviceName})
	return s.redirectWith(r, "/settings/whatsapp", ok("done.device_name", "name", info.DeviceName))
}

// showCrashes says how earlier runs ended.
func (s *Server) showCrashes(r *request) error {
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Crashes(views.CrashesPage{Page: frame, Report: s.Crashes.Report()}))
}

// dismissCrash takes the banner away.
func (s *Server) dismissCrash(r *request) error {
	if err := s.Crashes.Dismiss(); err != nil {
		return err
	}
	s.record(r, "crash.dismiss", "crash", nil)
	return s.redirectWith(r, "/settings/crashes", ok("done.crash_dismissed"))
}

// alarms are what every page says at its top: that the last run crashed, to
// those who can do something about it, and that WhatsApp refuses our version.
func (s *Server) alarms(r *request, p *views.Page) {
	if v := s.Versions.Versions(); v.Refused {
		p.Outdated = v.Active
	}
	if report := s.Crashes.Report(); report.Unseen && r.may(auth.RoleAdmin) {
		p.Crash = &views.CrashNote{At: report.StartedAt, Count: report.Crashes + report.Kills, Killed: report.Killed}
	}
}
