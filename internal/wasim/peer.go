package wasim

import (
	"context"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	waBinary "go.mau.fi/whatsmeow/binary"
)

// peerMessage is a message from a companion to its own phone.
func (p *Phone) peerMessage(ctx context.Context, d *device, id string, enc waBinary.Node) {
	msg, err := p.decrypt(ctx, d.lid(), enc)
	if err != nil {
		p.s.log.Warn("phone cannot decrypt a peer message", "phone", p.number, "id", id, "error", err)
		return
	}
	request := msg.GetProtocolMessage().GetPeerDataOperationRequestMessage()
	switch {
	case msg.GetProtocolMessage().GetType() == waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_REQUEST:
		err = p.shareKeys(ctx, d)
	case request.GetHistorySyncOnDemandRequest() != nil:
		err = p.answerPast(ctx, d, id, request.GetHistorySyncOnDemandRequest())
	case len(request.GetPlaceholderMessageResendRequest()) > 0:
		err = p.answerMissing(ctx, d, id, request.GetPlaceholderMessageResendRequest())
	}
	if err != nil {
		p.s.log.Warn("answer a companion", "phone", p.number, "id", id, "error", err)
	}
}

// answerPast sends the messages before one that the companion has. The field for
// milliseconds holds seconds, as clients send it.
func (p *Phone) answerPast(ctx context.Context, d *device, id string, ask *waE2E.PeerDataOperationRequestMessage_HistorySyncOnDemandRequest) error {
	jid, err := types.ParseJID(ask.GetChatJID())
	if err != nil {
		return fmt.Errorf("chat of the request: %w", err)
	}
	p.s.mu.Lock()
	var older []HistoryMessage
	for _, m := range p.past[jid.String()] {
		if m.ID == ask.GetOldestMsgID() {
			break
		}
		if m.Time.Unix() <= ask.GetOldestMsgTimestampMS() {
			older = append(older, m)
		}
	}
	p.s.mu.Unlock()
	if n := int(ask.GetOnDemandMsgCount()); n > 0 && len(older) > n {
		older = older[len(older)-n:]
	}
	return p.sendBlob(ctx, d, &waHistorySync.HistorySync{
		SyncType: waHistorySync.HistorySync_ON_DEMAND.Enum(), ChunkOrder: proto.Uint32(1), Progress: proto.Uint32(100),
		Conversations: []*waHistorySync.Conversation{HistoryChat{JID: jid, Messages: older}.proto()},
	}, HistoryOptions{}, id)
}

// answerMissing sends messages that the companion could not read itself.
func (p *Phone) answerMissing(ctx context.Context, d *device, id string, asks []*waE2E.PeerDataOperationRequestMessage_PlaceholderMessageResendRequest) error {
	kind := waE2E.PeerDataOperationRequestType_PLACEHOLDER_MESSAGE_RESEND
	answer := &waE2E.PeerDataOperationRequestResponseMessage{PeerDataOperationRequestType: &kind, StanzaID: &id}
	for _, ask := range asks {
		web := p.found(ask.GetMessageKey())
		if web == nil {
			continue
		}
		raw, err := proto.Marshal(web)
		if err != nil {
			return fmt.Errorf("encode message: %w", err)
		}
		answer.PeerDataOperationResult = append(answer.PeerDataOperationResult, &waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult{
			PlaceholderMessageResendResponse: &waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult_PlaceholderMessageResendResponse{
				WebMessageInfoBytes: raw,
			},
		})
	}
	return p.sendPeer(ctx, d, &waE2E.ProtocolMessage{
		Type:                                    waE2E.ProtocolMessage_PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE.Enum(),
		PeerDataOperationRequestResponseMessage: answer,
	})
}

// found returns a message that the phone has received, nil when it has none.
func (p *Phone) found(key *waCommon.MessageKey) *waWeb.WebMessageInfo {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	in, msg := p.received(key.GetID()), p.kept[key.GetID()]
	if in == nil || msg == nil {
		return nil
	}
	out := &waWeb.WebMessageInfo{Key: key, Message: msg, MessageTimestamp: proto.Uint64(uint64(in.Time.Unix()))}
	if from := p.s.account(in.From); from != nil {
		out.PushName = orNil(from.name)
		if !in.Group.IsEmpty() {
			out.Participant = proto.String(from.lid.String())
		}
	}
	return out
}
