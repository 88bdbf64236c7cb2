package wastore

import (
	"context"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

const mutedForever = -1

// chatRow is the stored form of a chat's settings; muted is in whole seconds,
// 0 when not muted, negative for ever.
type chatRow struct {
	muted    int64
	pinned   bool
	archived bool
}

func parseChat(raw []byte) (chatRow, error) {
	f := parse(raw)
	row := chatRow{muted: f.int(), pinned: f.flag(), archived: f.flag()}
	return row, f.err
}

func (s *deviceStore) changeChat(ctx context.Context, chat types.JID, change func(*chatRow)) error {
	return s.update(ctx, rides, func(d *deviceTx) error {
		key := []byte(chat.String())
		var row chatRow
		if raw := d.get(flat(bucketChat), key); raw != nil {
			old, err := parseChat(raw)
			if err != nil {
				return err
			}
			row = old
		}
		change(&row)
		return d.put(flat(bucketChat), key, newRecord(16).int(row.muted).flag(row.pinned).flag(row.archived))
	})
}

// PutMutedUntil stores until when a chat is muted; the zero time unmutes it.
func (s *deviceStore) PutMutedUntil(ctx context.Context, chat types.JID, mutedUntil time.Time) (err error) {
	defer guard("PutMutedUntil", &err)
	var muted int64
	if mutedUntil == wmstore.MutedForever {
		muted = mutedForever
	} else if !mutedUntil.IsZero() {
		muted = mutedUntil.Unix()
	}
	return s.changeChat(ctx, chat, func(row *chatRow) { row.muted = muted })
}

// PutPinned stores whether a chat is pinned.
func (s *deviceStore) PutPinned(ctx context.Context, chat types.JID, pinned bool) (err error) {
	defer guard("PutPinned", &err)
	return s.changeChat(ctx, chat, func(row *chatRow) { row.pinned = pinned })
}

// PutArchived stores whether a chat is archived.
func (s *deviceStore) PutArchived(ctx context.Context, chat types.JID, archived bool) (err error) {
	defer guard("PutArchived", &err)
	return s.changeChat(ctx, chat, func(row *chatRow) { row.archived = archived })
}

// GetChatSettings returns a chat's settings; Found is false when none were
// ever stored.
func (s *deviceStore) GetChatSettings(ctx context.Context, chat types.JID) (settings types.LocalChatSettings, err error) {
	defer guard("GetChatSettings", &err)
	err = s.view(ctx, func(d *deviceTx) error {
		raw := d.get(flat(bucketChat), []byte(chat.String()))
		if raw == nil {
			return nil
		}
		row, err := parseChat(raw)
		if err != nil {
			return err
		}
		settings = types.LocalChatSettings{Found: true, Pinned: row.pinned, Archived: row.archived}
		if row.muted < 0 {
			// This very value: the engine compares with ==.
			settings.MutedUntil = wmstore.MutedForever
		} else if row.muted > 0 {
			settings.MutedUntil = time.Unix(row.muted, 0)
		}
		return nil
	})
	return settings, err
}
