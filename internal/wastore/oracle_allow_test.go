package wastore_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// exemption is one deliberate difference between the engine's own store and
// ours.
type exemption struct {
	name   string
	reason string
}

// exemptions are all of them. Each has its predicate where it is applied: in
// the corrected reference (oracle_ref_*_test.go), which then does what ours
// should, or in excused, when only the answers differ.
var exemptions = []exemption{
	{"wildcard delete", "deleting addresses compares bytes; LIKE takes _ and % for wildcards and folds case"},
	{"wildcard migration", "a move to a LID touches only addresses of that very number, and replaces only the beginning"},
	{"migration onto itself", "a move from a user to the same user does nothing; the reference deletes what it moved"},
	{"failed migration", "a move that failed or was rolled back is tried again; the reference strands the sessions until restart"},
	{"move again", "a move counts as done at the commit: repeated in the same transaction it moves what came since"},
	{"pre-key ids", "ids go on after the highest ever given out; the reference reuses those of removed keys"},
	{"version 0", "version 0 is refused when stored; the reference stores it and then fails to read it"},
	{"index twice", "of one index twice in a batch of MACs the last counts; the reference refuses the batch"},
	{"half a call", "a failing call inside a transaction leaves nothing of itself"},
	{"secret order", "of several secrets the one under the exact chat and sender; the reference's choice is undefined"},
	{"secret retention", "secrets are kept for 12 months and the current one; the reference keeps them for ever"},
	{"no tokens", "storing no tokens is no error; the reference makes an invalid statement of it"},
	{"sender time", "a sender time at or before the epoch means none"},
	{"token ties", "of equally new tokens the one sent last, then the one under the JID asked for"},
	{"tokens of the deleted", "tokens die with their device and cannot be written for a deleted one"},
	{"buffer by day", "buffered events go by whole day, by the sweeper"},
	{"outgoing by day", "outgoing events go by whole day, by the sweeper"},
	{"sweeper's work", "DeleteOld… do nothing, the sweeper does it for all devices"},
	{"outgoing order", "an outgoing event is looked for under the chat before its other form"},
	{"unreadable contact", "one JID that cannot be read back does not hide all other contacts"},
	{"contact cache", "a contact stored with an empty number is found; the reference's cache goes on denying it"},
	{"contact rollback", "a rolled-back name is not answered; the reference's cache keeps it"},
	{"lid rollback", "a rolled-back pair is not answered; the reference's cache keeps it"},
	{"lid without user", "pairs with an empty user are refused or skipped"},
	{"lid contradiction", "pairs of one batch count in their order; the reference drops repeats and what its cache has before it begins"},
	{"panic in fn", "a panic rolls back; the reference would never give its connection back"},
	{"stale device", "a Device of an earlier pairing reads nothing and writes nothing, and saving it does not bring it back"},
	{"delete sentinel", "DeleteDevice erases and then answers ErrDeviceGone, so that the engine leaves the Device alone"},
	{"cached answer", "a cancelled context is noticed by every call; the reference answers from its caches"},
	{"nothing to do", "an empty call does not look at the context"},
	{"two faults", "of several reasons to refuse a call, which one is named is not defined"},
}

// allowance counts how often each exemption was needed.
type allowance struct {
	mu    sync.Mutex
	fired map[string]int
}

func newAllowance() *allowance { return &allowance{fired: map[string]int{}} }

func (a *allowance) hit(name string) {
	if !slices.ContainsFunc(exemptions, func(e exemption) bool { return e.name == name }) {
		panic("no such exemption: " + name)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fired[name]++
}

// report shows the counters, and which exemptions were never needed.
func (a *allowance) report() (table string, dead []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	for _, e := range exemptions {
		fmt.Fprintf(&b, "%8d  %-22s %s\n", a.fired[e.name], e.name, e.reason)
		if a.fired[e.name] == 0 {
			dead = append(dead, e.name)
		}
	}
	return b.String(), dead
}

// answersFromCache are the calls of the reference that may not look at the
// context.
var answersFromCache = []string{
	"GetContact", "PutPushName", "PutBusinessName", "PutContactName", "MigratePNToLID",
	"PutLIDMapping", "PutManyLIDMappings", "GetLIDForPN", "GetPNForLID", "GetManyLIDsForPNs",
}

// excused tells whether the answers to one step may differ, and why.
func excused(s *step, ours, ref outcome) (name string, ok bool) {
	refused := func(o outcome) bool { return o.class == "constraint" || o.class == "gone" || o.class == "cancelled" }
	switch {
	case s.Call == "delete" && ours.class == "gone" && ref.class == "ok":
		return "delete sentinel", true
	case s.Dead && ours.class == "cancelled" && ref.class == "ok" && slices.Contains(answersFromCache, s.Call):
		return "cached answer", true
	case s.Dead && ours.class == "ok" && ref.class == "cancelled" && isEmptyCall(s):
		return "nothing to do", true
	case ours.class != ref.class && refused(ours) && refused(ref) && (s.Dead || ours.device == "gone"):
		return "two faults", true
	}
	return "", false
}

func isEmptyCall(s *step) bool {
	switch s.Call {
	case "GetOrGenPreKeys":
		return s.N == 0
	case "GetAppStateMutationMAC":
		return s.N < 0
	case "MigratePNToLID":
		return true
	}
	return calls[s.Call].gen != nil && len(s.List) == 0
}
