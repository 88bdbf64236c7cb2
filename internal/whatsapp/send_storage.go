package whatsapp

import (
	"context"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
)

// sendMessage is the library's SendMessage, but that it ends when the data file
// fails meanwhile. The library by itself leaves out the devices that it could
// not encrypt for and reports success, even when none is left.
func (s *session) sendMessage(ctx context.Context, to types.JID, msg *waE2E.Message, extra whatsmeow.SendRequestExtra) (whatsmeow.SendResponse, error) {
	ctx, release := s.engine.cfg.Devices.FailFast(ctx)
	defer release()
	return s.client.SendMessage(ctx, to, msg, extra)
}
