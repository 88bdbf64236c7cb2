package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Whatever Pombal writes, nobody else on the machine can read; a data file that
// others can read is refused in one sentence, until somebody says that it is
// meant to be.
func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the rights of files are others there")
	}
	dir, err := os.MkdirTemp("", "p") // short: a socket must fit beside the file
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	network, home := startNetwork(t), filepath.Join(dir, "home")
	data := filepath.Join(home, "pombal.db")
	args := settings(t, dir, network, "--data", data)

	g := startChild(t, args, ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	if _, err := network.NewPhone("5511987650001", "Shop").Scan(context.Background(), o.code(id)); err != nil {
		t.Fatal(err)
	}
	o.untilPhase(id, "connected")
	if code, _, problems := runCommand(t, "backup", filepath.Join(home, "copy.db"), "--data", data); code != exitOK {
		t.Fatalf("backup: %s", problems)
	}
	wantPrivate(t, home)
	if err := g.stop(); err != nil {
		t.Fatalf("stop: %v\n%s", err, g.log)
	}
	if code, _, problems := runCommand(t, "compact", "--data", data); code != exitOK {
		t.Fatalf("compact: %s", problems)
	}
	wantPrivate(t, home)

	refused := func(what string) {
		t.Helper()
		code, _, problems := runCommand(t, append([]string{"serve"}, args...)...)
		if code != exitUsage || strings.Count(problems, "\n") != 1 || !strings.Contains(problems, "--insecure-perms") {
			t.Errorf("%s: code %d, %q", what, code, problems)
		}
	}
	chmod := func(path string, mode fs.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o660} {
		chmod(data, mode)
		refused(mode.String())
	}
	g = startChild(t, append(args[:len(args):len(args)], "--insecure-perms"), ownerEnv())
	await(t, "a word of it in the log", func() bool { return strings.Contains(g.log.String(), "others on this machine") })
	g.kill()
	chmod(data, 0o600)
	chmod(home, 0o777)
	refused("a folder that everybody may write to")
	chmod(home, 0o755)
	g = startChild(t, args, ownerEnv())
	if err := g.stop(); err != nil {
		t.Errorf("stop: %v\n%s", err, g.log)
	}
}

// wantPrivate looks at the rights of a folder and all in it.
func wantPrivate(t *testing.T, dir string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		seen++
		return nil
	})
	if err != nil || seen < 3 {
		t.Errorf("%d files, %v", seen, err)
	}
}
