package webtest

import (
	"context"
	"strings"
	"sync"

	"pombal/internal/crash"
	"pombal/internal/instance"
	"pombal/internal/problem"
)

// Versions keeps what is said of versions in memory.
type Versions struct {
	mu   sync.Mutex
	Info instance.VersionInfo
	// Err is what a check ends with.
	Err error
}

// Versions gives what is known.
func (v *Versions) Versions() instance.VersionInfo {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.Info
}

// CheckVersion finds what is known.
func (v *Versions) CheckVersion(context.Context) (instance.VersionInfo, error) {
	return v.Versions(), v.Err
}

// ChooseVersion takes numbers that begin as those of today.
func (v *Versions) ChooseVersion(_ context.Context, text string) (instance.VersionInfo, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if text != "" && !strings.HasPrefix(text, "2.3000.") {
		return v.Info, problem.InvalidField("version", "error.version", "example", "2.3000.1")
	}
	v.Info.Override = text
	return v.Info, nil
}

// NameDevice takes any name that an instance may have.
func (v *Versions) NameDevice(_ context.Context, text string) (instance.VersionInfo, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	name, err := instance.CleanName(text)
	if err == nil {
		v.Info.DeviceName = name
	}
	return v.Info, err
}

// Crashes keeps what is said of earlier runs in memory.
type Crashes struct {
	mu    sync.Mutex
	Known crash.Report
}

// Report gives it.
func (c *Crashes) Report() crash.Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Known
}

// Dismiss notes that it was seen.
func (c *Crashes) Dismiss() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Known.Unseen = false
	return nil
}
