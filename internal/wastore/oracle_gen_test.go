package wastore_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// generator makes up histories in a small universe, so that ids collide. Its
// names are prefixes of each other, contain wildcards of SQL and differ by case
// alone.
type generator struct {
	*rand.Rand
	names []string // of all calls, in order
	hot   []string // the same, each as often as a real client makes it
}

const oracleDevices = 3

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 42)), names: slices.Sorted(maps.Keys(calls))}
	for _, name := range g.names {
		for range calls[name].hot {
			g.hot = append(g.hot, name)
		}
	}
	return g
}

func (g *generator) chance(oneIn int) bool { return g.IntN(oneIn) == 0 }

// n is a number from 0 to limit.
func (g *generator) n(limit int) int64 { return int64(g.IntN(limit + 1)) }

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *generator) user() string {
	return g.pick("777", "7771", "77", "777", "a_b", "axb", "A%", "AXB", "0", "3")
}

func (g *generator) signalUser() string { return g.user() + g.pick("", "", "_1") }

func (g *generator) address() string {
	if g.chance(200) {
		return g.pick("", "777", "_:3", "%")
	}
	return g.signalUser() + ":" + g.pick("0", "3", "12")
}

// addressIn is an address for the i-th place of a batch; large batches have
// many different ones.
func (g *generator) addressIn(i int) string {
	if i > 10 {
		return fmt.Sprintf("9%d:%d", i, i%3)
	}
	return g.address()
}

func (g *generator) group() string { return g.pick("1@g.us", "12@g.us", "12-3@g.us") }

func (g *generator) jid() string {
	user := g.pick("777", "7771", "77", "a_b", "777", "axb")
	device := g.pick("", "", "", ":3")
	if g.chance(60) {
		return g.group()
	}
	return user + device + g.pick("@s.whatsapp.net", "@lid")
}

// near is one of few JIDs, so that both forms of a user are in use at once.
func (g *generator) near() string {
	if g.chance(6) {
		return g.jid()
	}
	return g.pick("777", "77") + g.pick("", "", ":3") + g.pick("@s.whatsapp.net", "@lid")
}

func (g *generator) chat() string {
	if g.chance(4) {
		return g.group()
	}
	return g.near()
}

func (g *generator) contact() string {
	if g.chance(150) {
		return "1.2.3@s.whatsapp.net" // cannot be read back
	}
	return g.jid()
}

func (g *generator) contactIn(i int) string {
	if i > 10 {
		return fmt.Sprintf("9%d@s.whatsapp.net", i)
	}
	return g.jid()
}

// userIn is like contactIn, but near.
func (g *generator) userIn(i int) string {
	if i > 10 {
		return g.contactIn(i)
	}
	return g.near()
}

// pair is a LID and a phone number, now and then something else.
func (g *generator) pair() (lid, pn string) {
	lid = g.pick("777", "77", "L1", "a_b", "777:3") + "@lid"
	pn = g.pick("777", "7771", "77", "axb", "77:3") + "@s.whatsapp.net"
	switch g.IntN(60) {
	case 0:
		lid = pn
	case 1:
		pn = lid
	case 2:
		lid = "@lid"
	case 3:
		pn = "@s.whatsapp.net"
	}
	return lid, pn
}

func (g *generator) name() string { return g.pick("", "Zé", "ZÉ", "x", "x ", "Ana|Lu\n") }

func (g *generator) messageID() string {
	if g.chance(3) {
		return g.pick("AB", "a", "1\x00", "1", "", "A%")
	}
	return "A"
}

func (g *generator) messageIDIn(i int) string {
	if i > 10 {
		return fmt.Sprint("id", i)
	}
	return g.messageID()
}

func (g *generator) keyID() string { return g.pick("k", "k1", "K", "", "\x00\xff") }

func (g *generator) stateName() string {
	return g.pick("regular", "regular", "regular_low", "regular_high")
}

func (g *generator) version() int64 {
	if g.chance(30) {
		return math.MaxInt64
	}
	return int64([]int{0, 1, 2, 3, 255, 256}[g.IntN(6)])
}

func (g *generator) indexIn(i int) int64 {
	if i > 10 {
		return int64(i)
	}
	if g.chance(80) {
		return []int64{-1, -31, -33}[g.IntN(3)] // a wrong length
	}
	return g.n(3)
}

func (g *generator) hash() int64 { return g.n(15) }

// time is in seconds: mostly small ones, which collide.
func (g *generator) time() int64 {
	switch g.IntN(20) {
	case 0:
		return zeroTime
	case 1:
		return 0
	case 2:
		return -5
	case 3:
		return 1 << 40
	}
	return 1 + g.n(5)
}

func (g *generator) value() value {
	seed := g.IntN(3)
	switch n := g.IntN(300); {
	case n < 8:
		return noValue
	case n < 16:
		return "0"
	case n < 17:
		return sized(82_000, seed)
	case n < 20:
		return sized(34_000, seed)
	case n < 80:
		return sized(1_700, seed)
	case n < 200:
		return sized(200, seed)
	}
	return sized(1, seed)
}

func (g *generator) smallValue() value {
	switch g.IntN(40) {
	case 0:
		return noValue
	case 1:
		return "0"
	}
	return sized(1+31*g.IntN(2), g.IntN(3))
}

// batch is mostly short; sometimes around the sizes at which the engine's own
// store splits its statements.
func (g *generator) batch(fill func(e *entry, i int)) []entry {
	size := g.IntN(4)
	if g.chance(150) {
		size = []int{299, 300, 301, 400, 801}[g.IntN(5)]
	}
	list := make([]entry, size)
	for i := range list {
		fill(&list[i], i)
	}
	return list
}

// call is one call of a store method: half of them as a client makes them,
// half all alike.
func (g *generator) call(dev int) step {
	from := g.names
	if g.chance(2) {
		from = g.hot
	}
	s := step{Call: from[g.IntN(len(from))], Dev: dev, Dead: g.chance(80)}
	calls[s.Call].gen(g, &s)
	return s
}

func (g *generator) txn(dev, depth int) step {
	s := step{Call: "txn", Dev: dev, End: "commit"}
	switch g.IntN(10) {
	case 0:
		s.End = "error"
	case 1:
		s.End = "panic"
	case 2:
		s.End = "cancel"
	}
	for range 1 + g.IntN(10) {
		switch {
		case depth < 2 && g.chance(25):
			s.Ops = append(s.Ops, g.txn(dev, depth+1))
		case g.chance(15):
			s.Ops = append(s.Ops, g.call(g.IntN(oracleDevices)))
		default:
			s.Ops = append(s.Ops, g.call(dev))
		}
	}
	if depth > 0 && s.End != "error" {
		s.End = "commit" // a panic or cancelled context would end the outer one too
	}
	return s
}

// parallel runs a list per device at once. Calls that touch what devices share
// are left out, so that the order between the lists does not matter.
func (g *generator) parallel() step {
	s := step{Call: "parallel"}
	for dev := range oracleDevices {
		var list []step
		for range 2 + g.IntN(6) {
			c := g.call(dev)
			for isShared(c.Call) {
				c = g.call(dev)
			}
			list = append(list, c)
		}
		s.Lists = append(s.Lists, list)
	}
	return s
}

func isShared(name string) bool { return name == "PutLIDMapping" || name == "PutManyLIDMappings" }

// history makes up steps until they contain that many calls.
func (g *generator) history(length int) (steps []step) {
	for n := 0; n < length; {
		s := g.step()
		n += s.count()
		steps = append(steps, s)
	}
	return steps
}

func (g *generator) step() step {
	dev := g.IntN(oracleDevices)
	switch n := g.IntN(1000); {
	case n < 4:
		return step{Call: "reopen"}
	case n < 10:
		return step{Call: "advance", N: []int64{1, 40_000, 86_400, 7 * 86_400, 14 * 86_400, 16 * 86_400}[g.IntN(6)]}
	case n < 11:
		return step{Call: "advance", N: 200 * 86_400}
	case n < 21:
		return step{Call: "sweep", N: 1 + g.n(200)}
	case n < 26:
		return step{Call: g.pick("delete", "erase"), Dev: dev, Stale: g.chance(4), Dead: g.chance(9)}
	case n < 40:
		return step{Call: "pair", Dev: dev, N: g.n(3), Dead: g.chance(9), End: g.pick("", "", "", "", "bad")}
	case n < 48:
		return step{Call: "save", Dev: dev, Stale: g.chance(4), N: g.n(3), Dead: g.chance(9)}
	case n < 52:
		return step{Call: "load", Dev: dev}
	case n < 54:
		return step{Call: "devices"}
	case n < 200:
		return g.txn(dev, 0)
	case n < 215:
		return g.parallel()
	}
	s := g.call(dev)
	s.Stale = g.chance(40)
	return s
}
