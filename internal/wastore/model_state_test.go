package wastore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	wmstore "go.mau.fi/whatsmeow/store"
)

func stateOps() []func(gen) op {
	names := []string{"regular", "regular_low"}
	return []func(gen) op{
		func(g gen) op {
			id, at, v := g.pick(messageID, "id"), g.number(3, "at"), g.value()
			return op{"PutSyncKey", func(ctx context.Context, d *wmstore.Device) string {
				return result(d.AppStateKeys.PutAppStateSyncKey(ctx, []byte(id), syncKey(int64(at), v)), "ok")
			}, func(d dev) string {
				if d.get("synckey", id) != "none" && d.get("synckey", id)[:1] >= fmt.Sprint(at) {
					return "ok"
				}
				return d.put(fmt.Sprint(at, v), "synckey", id)
			}}
		},
		func(gen) op {
			return op{"AllSyncKeys", func(ctx context.Context, d *wmstore.Device) string {
				list, err := d.AppStateKeys.GetAllAppStateSyncKeys(ctx)
				latest, err2 := d.AppStateKeys.GetLatestAppStateSyncKeyID(ctx)
				out := text(latest)
				for _, k := range list {
					out += fmt.Sprint(" ", k.Timestamp, string(k.Data))
				}
				return result(errors.Join(err, err2), out)
			}, func(d dev) string {
				ids := d.each("synckey", "")
				slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(d.get("synckey", b)[0], d.get("synckey", a)[0]) })
				out := "none"
				for i, id := range ids {
					if i == 0 {
						out = id
					}
					out += " " + d.get("synckey", id)
				}
				return out
			}}
		},
		func(g gen) op {
			n, v := g.pick(names, "name"), g.number(3, "version")
			return op{"PutVersion " + n, func(ctx context.Context, d *wmstore.Device) string {
				return result(d.AppState.PutAppStateVersion(ctx, n, uint64(v), [128]byte{byte(v)}), "ok")
			}, func(d dev) string {
				if v == 0 {
					return "error"
				}
				return d.put(fmt.Sprint(v), "version", n)
			}}
		},
		func(g gen) op {
			n := g.pick(names, "name")
			return op{"GetVersion " + n, func(ctx context.Context, d *wmstore.Device) string {
				v, hash, err := d.AppState.GetAppStateVersion(ctx, n)
				return result(err, fmt.Sprint(v, hash[0]))
			}, func(d dev) string {
				v := strings.Replace(d.get("version", n), "none", "0", 1)
				return v + " " + v
			}}
		},
		func(g gen) op {
			n := g.pick(names, "name")
			return op{"DeleteVersion " + n, func(ctx context.Context, d *wmstore.Device) string {
				return result(d.AppState.DeleteAppStateVersion(ctx, n), "ok")
			}, func(d dev) string {
				for _, k := range d.each("mac", n+"|") {
					d.del("mac", k)
				}
				return d.del("version", n)
			}}
		},
		func(g gen) op {
			n, v, a, b, x := g.pick(names, "name"), g.number(3, "version"), g.number(2, "a"), g.number(2, "b"), g.number(3, "x")
			return op{"PutMACs " + n, func(ctx context.Context, d *wmstore.Device) string {
				list := []wmstore.AppStateMutationMAC{mac(byte(a), byte(x)), mac(byte(b), byte(x+1))}
				return result(d.AppState.PutAppStateMutationMACs(ctx, n, uint64(v), list), "ok")
			}, func(d dev) string {
				ka, kb := []string{n, fmt.Sprint(a), fmt.Sprint(v)}, []string{n, fmt.Sprint(b), fmt.Sprint(v)}
				switch {
				case d.gone[d.name]:
					return "gone"
				case d.get("version", n) == "none" || d.get("mac", ka...) != "none" || d.get("mac", kb...) != "none":
					return "error"
				}
				d.put(fmt.Sprint(x), "mac", ka...)
				return d.put(fmt.Sprint(x+1), "mac", kb...)
			}}
		},
		func(g gen) op {
			n, a := g.pick(names, "name"), g.number(2, "a")
			return op{"DeleteMACs " + n, func(ctx context.Context, d *wmstore.Device) string {
				return result(d.AppState.DeleteAppStateMutationMACs(ctx, n, [][]byte{mac(byte(a), 0).IndexMAC}), "ok")
			}, func(d dev) string {
				for _, k := range d.each("mac", fmt.Sprint(n, "|", a, "|")) {
					d.del("mac", k)
				}
				return "ok"
			}}
		},
		func(g gen) op {
			n, a := g.pick(names, "name"), g.number(2, "a")
			return op{"GetMAC " + n, func(ctx context.Context, d *wmstore.Device) string {
				got, err := d.AppState.GetAppStateMutationMAC(ctx, n, mac(byte(a), 0).IndexMAC)
				if got == nil {
					return result(err, "none")
				}
				return result(err, fmt.Sprint(got[0]))
			}, func(d dev) string {
				versions := d.each("mac", fmt.Sprint(n, "|", a, "|"))
				if len(versions) == 0 {
					return "none"
				}
				return d.get("mac", versions[len(versions)-1])
			}}
		},
	}
}
