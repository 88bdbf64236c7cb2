package whatsapp

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"pombal/internal/instance"
	"pombal/internal/problem"
)

// oldestChoice is the smallest number that can be chosen by hand: those with
// fewer digits are years old.
const oldestChoice = 1_000_000_000

// ChooseVersion overrides the number for new connections by hand and keeps that
// over a restart; an empty text ends it. problem.Invalid names the field
// "version": the text is not a number as 2.3000.1045649367 or its last part, it
// is far off, or WhatsApp has refused it.
func (e *Engine) ChooseVersion(_ context.Context, text string) (instance.VersionInfo, error) {
	v := e.versions
	revision := uint32(0)
	if text = strings.TrimSpace(text); text != "" {
		var err error
		if revision, err = v.readChoice(text); err != nil {
			return e.Versions(), err
		}
	}
	v.mu.Lock()
	v.state.Override = revision
	v.mu.Unlock()
	v.save()
	e.SetVersion(revision)
	return e.Versions(), nil
}

func (v *versions) readChoice(text string) (uint32, error) {
	prefix := strconv.Itoa(int(v.compiled[0])) + "." + strconv.Itoa(int(v.compiled[1])) + "."
	n, err := strconv.ParseUint(strings.TrimPrefix(text, prefix), 10, 32)
	if err != nil || n < oldestChoice || (n > uint64(v.compiled[2]) && !v.believable(uint32(n))) {
		return 0, problem.InvalidField("version", "error.version", "example", v.compiled.String())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, refused := v.state.Refused[uint32(n)]; refused {
		return 0, problem.InvalidField("version", "error.version_refused")
	}
	return uint32(n), nil
}

// refusedBefore lists the refused numbers, the latest first. mu must be held.
func (v *versions) refusedBefore() []instance.RefusedVersion {
	var all []instance.RefusedVersion
	for n, at := range v.state.Refused {
		all = append(all, instance.RefusedVersion{Number: v.full(n).String(), At: at})
	}
	slices.SortFunc(all, func(a, b instance.RefusedVersion) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(b.Number, a.Number))
	})
	return all
}

// describe is what people are told. mu must be held.
func (v *versions) describe() instance.VersionInfo {
	active := v.current()
	_, refused := v.state.Refused[active]
	info := instance.VersionInfo{
		Engine: v.engine, EngineDate: v.built, Compiled: v.compiled.String(), Active: v.full(active).String(),
		Refused: refused, CheckedAt: v.state.CheckedAt, CheckError: v.failure, RefusedBefore: v.refusedBefore(),
		DeviceName: v.name(),
	}
	if v.state.Good != 0 {
		info.Fetched = v.full(v.state.Good).String()
	}
	if v.override != 0 {
		info.Override = v.full(v.override).String()
	}
	return info
}
