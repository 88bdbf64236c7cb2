package wasim

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// What somebody changes on the phone and its companions learn by application
// state. A companion reports changes only after it has fetched all five
// collections once; earlier ones it files silently.

// SetContact files another account in the phone's address book.
func (p *Phone) SetContact(ctx context.Context, who *Phone, first, full string) error {
	return p.ChangeState(ctx, one(appstate.WAPatchCriticalUnblockLow, 2, &waSyncAction.SyncActionValue{
		ContactAction: &waSyncAction.ContactAction{
			FirstName: &first, FullName: &full, LidJID: proto.String(who.lid.String()), SaveOnPrimaryAddressbook: proto.Bool(true),
		},
	}, appstate.IndexContact, who.pn.String()))
}

// one makes a patch with a single mutation.
func one(collection appstate.WAPatchName, version int32, value *waSyncAction.SyncActionValue, index ...string) appstate.PatchInfo {
	return appstate.PatchInfo{Type: collection, Mutations: []appstate.MutationInfo{{Index: index, Version: version, Value: value}}}
}

// Archive puts a chat away or takes it back; a chat put away is unpinned too.
func (p *Phone) Archive(ctx context.Context, chat types.JID, on bool) error {
	return p.ChangeState(ctx, appstate.BuildArchive(chat, on, time.Time{}, nil))
}

// Pin keeps a chat at the top of the list, or no longer.
func (p *Phone) Pin(ctx context.Context, chat types.JID, on bool) error {
	return p.ChangeState(ctx, appstate.BuildPin(chat, on))
}

// Mute silences a chat for some time (0: for ever), or no longer.
func (p *Phone) Mute(ctx context.Context, chat types.JID, on bool, d time.Duration) error {
	return p.ChangeState(ctx, appstate.BuildMute(chat, on, d))
}

// MarkChat marks a chat as read or unread.
func (p *Phone) MarkChat(ctx context.Context, chat types.JID, read bool) error {
	return p.ChangeState(ctx, appstate.BuildMarkChatAsRead(chat, read, time.Time{}, nil))
}

// DeleteChat deletes a chat, with its files or without.
func (p *Phone) DeleteChat(ctx context.Context, chat types.JID, media bool) error {
	return p.ChangeState(ctx, appstate.BuildDeleteChat(chat, time.Time{}, nil, media))
}

// ClearChat deletes the messages of a chat, with their files or without.
func (p *Phone) ClearChat(ctx context.Context, chat types.JID, media bool) error {
	return p.ChangeState(ctx, one(appstate.WAPatchRegularHigh, 6, &waSyncAction.SyncActionValue{
		ClearChatAction: &waSyncAction.ClearChatAction{MessageRange: &waSyncAction.SyncActionMessageRange{
			LastMessageTimestamp: proto.Int64(time.Now().Unix()),
		}},
	}, appstate.IndexClearChat, chat.String(), "1", digit(media)))
}

func digit(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// Star marks a message with a star, or no longer. The key names the message:
// chat, id, whether it is the account's own and, in groups, who sent it.
func (p *Phone) Star(ctx context.Context, key *waCommon.MessageKey, on bool) error {
	chat, sender, err := partiesOf(key)
	if err != nil {
		return err
	}
	return p.ChangeState(ctx, appstate.BuildStar(chat, sender, key.GetID(), key.GetFromMe(), on))
}

// DeleteForMe deletes a message on the account's own devices only.
func (p *Phone) DeleteForMe(ctx context.Context, key *waCommon.MessageKey) error {
	chat, sender, err := partiesOf(key)
	if err != nil {
		return err
	}
	from := "0"
	if sender.User != chat.User {
		from = sender.String()
	}
	return p.ChangeState(ctx, one(appstate.WAPatchRegularHigh, 3, &waSyncAction.SyncActionValue{
		DeleteMessageForMeAction: &waSyncAction.DeleteMessageForMeAction{
			DeleteMedia: proto.Bool(false), MessageTimestamp: proto.Int64(time.Now().Unix()),
		},
	}, appstate.IndexDeleteMessageForMe, chat.String(), key.GetID(), digit(key.GetFromMe()), from))
}

// partiesOf reads chat and sender from a key; without a participant the sender is
// the chat.
func partiesOf(key *waCommon.MessageKey) (chat, sender types.JID, err error) {
	if chat, err = types.ParseJID(key.GetRemoteJID()); err != nil {
		return chat, sender, err
	}
	sender = chat
	if key.GetParticipant() != "" {
		sender, err = types.ParseJID(key.GetParticipant())
	}
	return chat, sender, err
}

// EditLabel makes, changes or deletes a label. Colours are numbers from 0 on.
func (p *Phone) EditLabel(ctx context.Context, id, name string, colour int32, deleted bool) error {
	return p.ChangeState(ctx, appstate.BuildLabelEdit(id, name, colour, deleted))
}

// LabelChat puts a label on a chat or takes it off.
func (p *Phone) LabelChat(ctx context.Context, chat types.JID, id string, on bool) error {
	return p.ChangeState(ctx, appstate.BuildLabelChat(chat, id, on))
}

// LabelMessage puts a label on a message or takes it off.
func (p *Phone) LabelMessage(ctx context.Context, chat types.JID, message, id string, on bool) error {
	return p.ChangeState(ctx, appstate.BuildLabelMessage(chat, id, message, on))
}
