package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"

	"pombal/internal/instance"
)

// Upload puts a file on the media host; see instance.Session. The library
// encrypts it into the same file, piece by piece.
func (s *session) Upload(ctx context.Context, m instance.Media) (instance.Upload, error) {
	resp, err := s.client.UploadReader(ctx, m.File, m.File, mediaType(m.Kind))
	if err != nil {
		return instance.Upload{}, s.lookupError(err)
	}
	return instance.Upload{
		URL: resp.URL, DirectPath: resp.DirectPath, Key: resp.MediaKey, SHA256: resp.FileSHA256,
		EncSHA256: resp.FileEncSHA256, Length: resp.FileLength,
	}, nil
}

// Numbers looks up phone numbers; see instance.Session. WhatsApp names the
// numbers as they were asked for beside its own spelling.
func (s *session) Numbers(ctx context.Context, jids []string) ([]instance.Number, error) {
	list := make([]instance.Number, len(jids))
	places := make(map[string][]int, len(jids))
	queries := make([]string, 0, len(jids))
	for i, jid := range jids {
		user, _, _ := strings.Cut(jid, "@")
		query := "+" + user
		if places[query] == nil {
			queries = append(queries, query)
		}
		places[query] = append(places[query], i)
		list[i] = instance.Number{JID: jid}
	}
	answers, err := s.client.IsOnWhatsApp(ctx, queries)
	if err != nil {
		return nil, s.lookupError(err)
	}
	for _, a := range answers {
		for _, i := range places["+"+strings.TrimPrefix(a.Query, "+")] {
			list[i] = number(a, list[i])
		}
	}
	return list, nil
}

// number reads an answer over what is known so far.
func number(a types.IsOnWhatsAppResponse, n instance.Number) instance.Number {
	if !a.IsIn {
		return n
	}
	n.Exists = true
	for _, jid := range []types.JID{a.JID, a.PhoneNumber} {
		switch jid = plain(jid); jid.Server {
		case types.DefaultUserServer:
			n.JID = jid.String()
		case types.HiddenUserServer:
			n.LID = jid.String()
		}
	}
	if a.VerifiedName != nil {
		n.Name = shortName(a.VerifiedName.Details.GetVerifiedName())
	}
	return n
}

// MarkRead sends read receipts; see instance.Session.
func (s *session) MarkRead(ctx context.Context, r instance.Read) error {
	chat, err := types.ParseJID(r.Chat)
	if err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	author := types.EmptyJID
	if r.Author != "" {
		if author, err = types.ParseJID(r.Author); err != nil {
			return fmt.Errorf("author of a message: %w", err)
		}
	}
	err = s.client.MarkRead(ctx, r.KeyIDs, s.engine.cfg.Now(), chat, author)
	if errors.Is(err, whatsmeow.ErrNotConnected) {
		return instance.ErrNotConnected
	}
	return err
}
