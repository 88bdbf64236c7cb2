package views

import (
	"fmt"
	"path/filepath"
	"strings"

	"pombal/internal/upkeep"
)

// RetentionPage chooses how long what is kept.
type RetentionPage struct {
	Page
	Days map[upkeep.Kind]string // as typed; "0" is for ever
	// NoMessages is the choice to keep no messages, chats and contacts.
	NoMessages bool

	Usage  []upkeep.Usage
	Doomed map[upkeep.Kind]int // what the choice deletes, before it is agreed to
	Agreed string              // the seal of the choice that is asked about
	Errors FieldErrors
}

// RetentionSeal stands for a policy in the form that agrees to it.
func RetentionSeal(p upkeep.Policy) string {
	var parts []string
	for _, kind := range upkeep.Choices() {
		parts = append(parts, fmt.Sprintf("%s=%d", kind, p[kind]))
	}
	if !p.KeepsMessages() {
		parts = append(parts, "messages=off")
	}
	return strings.Join(parts, " ")
}

// forever says whether a kind is kept for ever.
func (p RetentionPage) forever(kind upkeep.Kind) bool { return p.Days[kind] == "0" }

// days is what the field of a kind holds.
func (p RetentionPage) days(kind upkeep.Kind) string {
	if p.forever(kind) {
		return fmt.Sprint(upkeep.Default()[kind])
	}
	return p.Days[kind]
}

// BackupPage lists the backups beside the data file.
type BackupPage struct {
	Page
	File    upkeep.File
	Backups []upkeep.Backup
}

// size tells a number of bytes in the unit that people would choose.
func (p Page) size(bytes int64) string {
	const kilo = 1 << 10
	switch {
	case bytes <= kilo*(kilo-1):
		return p.T.Number(int((bytes+kilo-1)/kilo)) + "\u00a0KB"
	case bytes < kilo*kilo*kilo-kilo*kilo/2:
		return p.T.Decimal(float64(bytes)/kilo/kilo) + "\u00a0MB"
	default:
		return p.T.Decimal(float64(bytes)/kilo/kilo/kilo) + "\u00a0GB"
	}
}

func backupURL(name string, parts ...string) string {
	return "/settings/backup/" + strings.Join(append([]string{name}, parts...), "/")
}

// restoreCommand is what to type to restore the newest backup.
func (p BackupPage) restoreCommand() string {
	file := "FILE"
	if len(p.Backups) > 0 {
		dir, _ := filepath.Split(p.File.Name)
		file = quoted(dir + p.Backups[0].Name)
	}
	return "pombal restore " + file + " --data " + quoted(p.File.Name)
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
