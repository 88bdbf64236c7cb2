package web

import (
	"context"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/upkeep"
	"pombal/views"
)

// backupLimit bounds how long making or checking a backup may take.
const backupLimit = 10 * time.Minute

// showBackup lists the backups and says how to restore one.
func (s *Server) showBackup(r *request) error {
	var page views.BackupPage
	var err error
	if page.File, err = s.Upkeep.File(); err != nil {
		return err
	}
	if page.Backups, err = s.Upkeep.Backups(); err != nil {
		return err
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Backup(page))
}

// makeBackup writes a copy of the data file beside it.
func (s *Server) makeBackup(r *request) error {
	ctx, cancel := context.WithTimeout(r.UserContext(), backupLimit)
	defer cancel()
	b, err := s.Upkeep.MakeBackup(ctx)
	if err != nil {
		return err
	}
	s.record(r, "backup.make", "backup:"+b.Name, map[string]string{"bytes": strconv.FormatInt(b.Size, 10)})
	return s.redirectWith(r, "/settings/backup", ok("done.backup", "name", b.Name))
}

// checkBackup looks for damage to a backup.
func (s *Server) checkBackup(r *request) error {
	ctx, cancel := context.WithTimeout(r.UserContext(), backupLimit)
	defer cancel()
	b, err := s.Upkeep.CheckBackup(ctx, r.Params("name"))
	if err != nil {
		return err
	}
	if b.Damage != "" {
		return s.redirectWith(r, "/settings/backup", notice{Kind: "bad", Key: "done.backup_damaged", Args: []string{"name", b.Name}})
	}
	return s.redirectWith(r, "/settings/backup", ok("done.backup_good", "name", b.Name))
}

// downloadBackup sends a backup. It holds everything that Pombal knows, so
// nothing is sent that was not recorded first.
func (s *Server) downloadBackup(r *request) error {
	name := r.Params("name")
	content, size, err := s.Upkeep.OpenBackup(name)
	if err != nil {
		return err
	}
	if err := s.mustRecord(r, "backup.download", "backup:"+name, nil); err != nil {
		_ = content.Close() // nothing was written to it
		return err
	}
	r.Set(fiber.HeaderContentType, fiber.MIMEOctetStream)
	r.Set(fiber.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	r.Context().SetBodyStream(&patientReader{content, r.Context().Conn()}, int(size))
	return nil
}

// patientReader gives each piece of a long answer a write deadline of its own:
// the server's is for a whole answer.
type patientReader struct {
	io.ReadCloser
	conn net.Conn
}

// Read reads a piece and allows for the time to send it.
func (p *patientReader) Read(b []byte) (int, error) {
	if err := p.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return p.ReadCloser.Read(b)
}

// askDeleteBackup asks before a backup is deleted.
func (s *Server) askDeleteBackup(r *request) error {
	all, err := s.Upkeep.Backups()
	if err != nil {
		return err
	}
	page := views.BackupPage{}
	for _, b := range all {
		if b.Name == r.Params("name") {
			page.Backups = append(page.Backups, b)
		}
	}
	if len(page.Backups) == 0 {
		return upkeep.ErrNoBackup
	}
	if r.wantsFragment() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		return s.render(r, fiber.StatusOK, views.BackupDeleteDialog(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.BackupDelete(page))
}

func (s *Server) deleteBackup(r *request) error {
	name := r.Params("name")
	if err := s.Upkeep.DeleteBackup(name); err != nil {
		return err
	}
	s.record(r, "backup.delete", "backup:"+name, nil)
	return s.redirectWith(r, "/settings/backup", ok("done.backup_deleted", "name", name))
}
