package wasim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// stateStore is an account's application state: the key, the patch log and what
// the phone's own processor remembers. Phone.stateMu guards it.
type stateStore struct {
	keyID, key []byte
	since      time.Time
	patches    map[string][][]byte // by collection; patch i has version i+1
	heads      map[string]appstate.HashState
	macs       map[string]map[string][]byte // by collection and index MAC
}

var (
	_ store.AppStateStore        = (*stateStore)(nil)
	_ store.AppStateSyncKeyStore = (*stateStore)(nil)
)

func newStateStore(seed []byte) *stateStore {
	key := sha256.Sum256(append([]byte("wasim state key "), seed...))
	return &stateStore{
		keyID: []byte{0, 0, 0, 0, 0, 1}, key: key[:], since: time.Now(),
		patches: map[string][][]byte{}, heads: map[string]appstate.HashState{}, macs: map[string]map[string][]byte{},
	}
}

func (v *stateStore) PutAppStateVersion(_ context.Context, name string, version uint64, hash [128]byte) error {
	v.heads[name] = appstate.HashState{Version: version, Hash: hash}
	return nil
}

func (v *stateStore) GetAppStateVersion(_ context.Context, name string) (uint64, [128]byte, error) {
	return v.heads[name].Version, v.heads[name].Hash, nil
}

func (v *stateStore) DeleteAppStateVersion(_ context.Context, name string) error {
	delete(v.heads, name)
	return nil
}

func (v *stateStore) PutAppStateMutationMACs(_ context.Context, name string, _ uint64, macs []store.AppStateMutationMAC) error {
	if v.macs[name] == nil {
		v.macs[name] = map[string][]byte{}
	}
	for _, m := range macs {
		v.macs[name][string(m.IndexMAC)] = m.ValueMAC
	}
	return nil
}

func (v *stateStore) DeleteAppStateMutationMACs(_ context.Context, name string, indexMACs [][]byte) error {
	for _, m := range indexMACs {
		delete(v.macs[name], string(m))
	}
	return nil
}

func (v *stateStore) GetAppStateMutationMAC(_ context.Context, name string, indexMAC []byte) ([]byte, error) {
	return v.macs[name][string(indexMAC)], nil
}

func (v *stateStore) PutAppStateSyncKey(context.Context, []byte, store.AppStateSyncKey) error {
	return errors.New("the stand-in has one state key")
}

func (v *stateStore) GetAppStateSyncKey(_ context.Context, id []byte) (*store.AppStateSyncKey, error) {
	if !bytes.Equal(id, v.keyID) {
		return nil, nil // unknown, which the processor reports by its own error
	}
	return &store.AppStateSyncKey{Data: v.key, Timestamp: v.since.UnixMilli()}, nil
}

func (v *stateStore) GetLatestAppStateSyncKeyID(context.Context) ([]byte, error) { return v.keyID, nil }

func (v *stateStore) GetAllAppStateSyncKeys(context.Context) ([]*store.AppStateSyncKey, error) {
	return []*store.AppStateSyncKey{{Data: v.key, Timestamp: v.since.UnixMilli()}}, nil
}

// provision is what the phone sends to a companion after its first login: the
// keys of the application state, which make the client fetch all collections.
func (p *Phone) provision(ctx context.Context, d *device) error {
	if err := p.firstState(ctx); err != nil {
		return err
	}
	if err := p.shareKeys(ctx, d); err != nil {
		return err
	}
	if err := p.sendOnLink(ctx, d); err != nil {
		return err
	}
	if !p.s.cfg.History {
		return nil
	}
	for _, h := range []*waHistorySync.HistorySync{
		{SyncType: waHistorySync.HistorySync_INITIAL_BOOTSTRAP.Enum(), ChunkOrder: proto.Uint32(1), Progress: proto.Uint32(100)},
		{SyncType: waHistorySync.HistorySync_PUSH_NAME.Enum(), ChunkOrder: proto.Uint32(1), Progress: proto.Uint32(100), Pushnames: p.s.pushNames()},
	} {
		if err := p.sendHistory(ctx, d, h); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) pushNames() []*waHistorySync.Pushname {
	var out []*waHistorySync.Pushname
	for _, p := range s.Phones() {
		out = append(out, &waHistorySync.Pushname{ID: proto.String(p.pn.String()), Pushname: proto.String(p.Name())})
	}
	return out
}

// sendHistory sends a history chunk inside the message itself, which the client
// asks for in its device properties and which needs no media host.
func (p *Phone) sendHistory(ctx context.Context, d *device, h *waHistorySync.HistorySync) error {
	raw, err := proto.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode history: %w", err)
	}
	packed, err := deflate(raw, 0)
	if err != nil {
		return err
	}
	kind := waE2E.HistorySyncType(h.GetSyncType())
	return p.sendPeer(ctx, d, &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION.Enum(),
		HistorySyncNotification: &waE2E.HistorySyncNotification{
			SyncType: &kind, ChunkOrder: h.ChunkOrder, Progress: h.Progress, InitialHistBootstrapInlinePayload: packed,
		},
	})
}

func (p *Phone) shareKeys(ctx context.Context, d *device) error {
	return p.sendPeer(ctx, d, &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE.Enum(),
		AppStateSyncKeyShare: &waE2E.AppStateSyncKeyShare{Keys: []*waE2E.AppStateSyncKey{{
			KeyID: &waE2E.AppStateSyncKeyId{KeyID: p.state.keyID},
			KeyData: &waE2E.AppStateSyncKeyData{
				KeyData: p.state.key, Timestamp: proto.Int64(p.state.since.UnixMilli()),
				Fingerprint: &waE2E.AppStateSyncKeyFingerprint{RawID: &p.rawID, CurrentIndex: proto.Uint32(0), DeviceIndexes: []uint32{0}},
			},
		}}},
	})
}

// firstState puts something into every collection. Whatever a client fetches
// from version 0 counts as a full sync and emits no events; with an empty
// collection the first real change of an account would be swallowed.
func (p *Phone) firstState(ctx context.Context) error {
	p.stateMu.Lock()
	defer p.stateMu.Unlock()
	for _, name := range appstate.AllPatchNames {
		if len(p.state.patches[string(name)]) > 0 {
			continue
		}
		mutations := []appstate.MutationInfo{{
			Index: []string{appstate.IndexSentinel}, Version: 1,
			Value: &waSyncAction.SyncActionValue{KeyExpiration: &waSyncAction.KeyExpiration{ExpiredKeyEpoch: proto.Int32(0)}},
		}}
		if name == appstate.WAPatchCriticalBlock {
			mutations = append(mutations, pushNameMutation(p.Name()))
		}
		if err := p.patch(ctx, appstate.PatchInfo{Type: name, Mutations: mutations}); err != nil {
			return err
		}
	}
	return nil
}

func pushNameMutation(name string) appstate.MutationInfo {
	return appstate.MutationInfo{
		Index: []string{appstate.IndexSettingPushName}, Version: 1,
		Value: &waSyncAction.SyncActionValue{PushNameSetting: &waSyncAction.PushNameSetting{Name: &name}},
	}
}

// patch makes and stores a patch of the phone. stateMu must be held.
func (p *Phone) patch(ctx context.Context, info appstate.PatchInfo) error {
	raw, err := p.proc.EncodePatch(ctx, p.state.keyID, p.state.heads[string(info.Type)], info)
	if err != nil {
		return fmt.Errorf("encode state patch: %w", err)
	}
	return p.accept(ctx, info.Type, raw)
}

// accept checks a patch, gives it its version (the server's part) and stores it.
// stateMu must be held.
func (p *Phone) accept(ctx context.Context, name appstate.WAPatchName, raw []byte) error {
	var patch waServerSync.SyncdPatch
	if err := proto.Unmarshal(raw, &patch); err != nil {
		return fmt.Errorf("decode state patch: %w", err)
	}
	head := p.state.heads[string(name)]
	patch.Version = &waServerSync.SyncdVersion{Version: proto.Uint64(head.Version + 1)}
	// Encoded before it is decoded, because decoding may work in place.
	stored, err := proto.Marshal(&patch)
	if err != nil {
		return fmt.Errorf("encode state patch: %w", err)
	}
	list := &appstate.PatchList{Name: name, Patches: []*waServerSync.SyncdPatch{&patch}}
	if _, _, err := p.proc.DecodePatches(ctx, list, head, true); err != nil {
		return fmt.Errorf("check state patch: %w", err)
	}
	p.state.patches[string(name)] = append(p.state.patches[string(name)], stored)
	return nil
}

// ChangeState changes the account's settings as the phone does, for instance
// with appstate.BuildMute, and tells the companions to fetch the change.
func (p *Phone) ChangeState(ctx context.Context, change appstate.PatchInfo) error {
	if err := p.firstState(ctx); err != nil {
		return err
	}
	p.stateMu.Lock()
	err := p.patch(ctx, change)
	version := p.state.heads[string(change.Type)].Version
	p.stateMu.Unlock()
	if err != nil {
		return err
	}
	p.tellState(string(change.Type), version, nil)
	return nil
}

// SetName changes the push name on the phone.
func (p *Phone) SetName(ctx context.Context, name string) error {
	p.s.mu.Lock()
	p.name = name
	p.s.mu.Unlock()
	return p.ChangeState(ctx, appstate.PatchInfo{
		Type: appstate.WAPatchCriticalBlock, Mutations: []appstate.MutationInfo{pushNameMutation(name)},
	})
}

// tellState tells the companions, except the one that made the change.
func (p *Phone) tellState(name string, version uint64, except *device) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, d := range p.companions() {
		if d != except {
			p.s.enqueue(d, notification("server_sync", types.ServerJID, waBinary.Node{
				Tag: "collection", Attrs: waBinary.Attrs{"name": name, "version": strconv.FormatUint(version, 10)},
			}))
		}
	}
}

// iqAppState answers fetches and takes a client's own patches.
func (s *Server) iqAppState(ctx context.Context, c *conn, n *waBinary.Node) iqAnswer {
	s.mu.Lock()
	d := c.device
	s.mu.Unlock()
	if d == nil {
		return iqAnswer{fail: 403}
	}
	if err := d.phone.firstState(ctx); err != nil {
		s.log.Error("first state", "error", err)
		return iqAnswer{fail: 500}
	}
	list := n.GetChildByTag("sync")
	var out []waBinary.Node
	for _, asked := range list.GetChildrenByTag("collection") {
		out = append(out, d.phone.collection(ctx, d, asked))
	}
	return iqAnswer{content: []waBinary.Node{{Tag: "sync", Content: out}}}
}

func (p *Phone) collection(ctx context.Context, d *device, asked waBinary.Node) waBinary.Node {
	name := stringAttr(&asked, "name")
	// No version means "from the beginning"; snapshots would need a media host,
	// and patches from version 0 serve as well.
	from, _ := strconv.ParseUint(stringAttr(&asked, "version"), 10, 64)
	p.stateMu.Lock()
	head := p.state.heads[name].Version
	out := waBinary.Node{Tag: "collection", Attrs: waBinary.Attrs{"name": name}}
	change, isChange := asked.GetOptionalChildByTag("patch")
	changed := false
	if isChange {
		raw, _ := change.Content.([]byte)
		switch {
		case from != head:
			out.Attrs["type"] = "error"
			out.Content = []waBinary.Node{errorNode(409)}
		default:
			if err := p.accept(ctx, appstate.WAPatchName(name), raw); err != nil {
				p.s.log.Warn("state patch of a companion", "device", d.pn(), "error", err)
				out.Attrs["type"] = "error"
				out.Content = []waBinary.Node{errorNode(400)}
				break
			}
			changed = true
			head = p.state.heads[name].Version
		}
	}
	out.Attrs["version"] = strconv.FormatUint(head, 10)
	if from < head && !changed {
		var patches []waBinary.Node
		for _, raw := range p.state.patches[name][from:] {
			patches = append(patches, waBinary.Node{Tag: "patch", Content: raw})
		}
		rest, _ := out.Content.([]waBinary.Node)
		out.Content = append(rest, waBinary.Node{Tag: "patches", Content: patches})
	}
	p.stateMu.Unlock()
	if changed {
		p.tellState(name, head, d)
	}
	return out
}
