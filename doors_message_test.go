package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pombal/internal/wasim"
)

// sampleFiles are the files that a receiver has to fetch.
func sampleFiles() map[string][]byte {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 30, 20))); err != nil {
		panic(err) // into memory
	}
	last := binary.LittleEndian.AppendUint64([]byte("OggS\x00\x04"), 4*48000)
	speech := "OggS" + strings.Repeat("\x00", 24) + "OpusHead" + string(last) + strings.Repeat("\x00", 14)
	return map[string][]byte{
		"/receipt.png": picture.Bytes(), "/note.ogg": []byte(speech), "/login.png": []byte("<!doctype html><title>Log in</title>"),
	}
}

// serveSample answers with a file; /moved leads to the picture.
func serveSample(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/moved" {
		http.Redirect(w, req, "/receipt.png", http.StatusFound)
		return
	}
	file, ok := sampleFiles()[req.URL.Path]
	if !ok {
		http.NotFound(w, req)
		return
	}
	_, _ = w.Write(file) // a reader that has gone is no matter of ours
}

// compatSent is a sent message as the known client reads it.
type compatSent struct {
	MessageID          string `json:"messageId"`
	KeyID              string `json:"keyId"`
	KeyFromMe          bool   `json:"keyFromMe"`
	KeyRemoteJID       string `json:"keyRemoteJid"`
	ContentType        string
	Content            json.RawMessage
	MessageTimestamp   int64
	InstanceInstanceID string `json:"instanceInstanceId"`
	ExternalAttributes string
}

// send makes a call that sends something.
func (c compat) send(method, path string, in any) compatSent {
	c.t.Helper()
	var sent compatSent
	c.call(method, path, in, &sent)
	if sent.MessageID == "" || sent.KeyID == "" || !sent.KeyFromMe || sent.MessageTimestamp == 0 || len(sent.Content) == 0 {
		c.t.Fatalf("%s: %+v", path, sent)
	}
	return sent
}

func (c compat) sendText(id, to, text string) compatSent {
	c.t.Helper()
	return c.send(http.MethodPost, "/instance/"+id+"/send/text", map[string]any{"recipient": to, "textMessage": map[string]any{"text": text}})
}

// receive lets somebody write to the instance and waits until the message is
// kept.
func (c compat) receive(id string, from, to *wasim.Phone, text string) compatSent {
	c.t.Helper()
	key, err := from.SendText(context.Background(), to, text)
	if err != nil {
		c.t.Fatal(err)
	}
	deadline := time.Now().Add(limit)
	for {
		var found struct {
			MessagesPage struct{ Records []compatSent }
		}
		c.call(http.MethodPost, "/instance/"+id+"/chat/search/messages", map[string]any{"keyId": key}, &found)
		if r := found.MessagesPage.Records; len(r) == 1 {
			return r[0]
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("message %s is not kept", key)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// upload sends a file as a form, as browsers do.
func (c compat) upload(id string, fields map[string]string, name string, content []byte) (int, compatSent) {
	c.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for field, value := range fields {
		if err := w.WriteField(field, value); err != nil {
			c.t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("attachment", name)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := part.Write(content); err != nil {
		c.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		c.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, c.base+"/api/v2/instance/"+id+"/send/media-file", &body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var sent compatSent
	if err := json.Unmarshal(raw, &sent); err != nil {
		c.t.Fatalf("upload: %d %s", resp.StatusCode, raw)
	}
	return resp.StatusCode, sent
}

// Every kind of message that the door sends arrives on the other phone as it
// was meant, bytes included, and is told to the webhook by both events.
func TestCodeChatMessages(t *testing.T) {
	network, hooks := startNetwork(t), startReceiver(t)
	dir := t.TempDir()
	g := startGateway(t, settings(t, dir, network, "--webhook-allow", hooks.host()), append(ownerEnv(), "POMBAL_API_KEY="+globalKey))
	admin := compat{t: t, base: g.Home, token: globalKey}
	phone, nina := network.NewPhone("5511987650001", "Shop Front"), network.NewPhone("5521998880002", "Nina")
	var tenants []struct {
		BusinessID string `json:"businessId"`
	}
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	var made compatInstance
	admin.call(http.MethodPost, "/business/"+tenants[0].BusinessID+"/instance", map[string]any{"instanceName": "shop-front"}, &made)
	id, own := made.InstanceID, admin.as(made.Auth.JWT)
	at := "/instance/" + id
	own.call(http.MethodPost, at+"/webhook", map[string]any{"name": "crm", "url": hooks.URL, "enabled": true}, nil)
	own.link(id, phone)

	to := nina.Number()
	files := sampleFiles()
	media := func(kind, url, caption string) map[string]any {
		return map[string]any{"recipient": to, "mediaMessage": map[string]any{"mediaType": kind, "url": url, "caption": caption},
			"options": map[string]any{"externalAttributes": "order-551"}}
	}
	var all []compatSent
	holds := func(sent compatSent, kind string, want []byte) {
		t.Helper()
		got, err := nina.File(sent.KeyID)
		if err != nil || !bytes.Equal(got, want) || sent.ContentType != kind {
			t.Errorf("%s: the phone has %d bytes, %v; want %d", sent.ContentType, len(got), err, len(want))
		}
		all = append(all, sent)
	}
	sent := own.send(http.MethodPost, at+"/send/media", media("image", hooks.URL+"/receipt.png", "receipt"))
	holds(sent, "imageMessage", files["/receipt.png"])
	if m := nina.Message(sent.KeyID).GetImageMessage(); m.GetCaption() != "receipt" || m.GetMimetype() != "image/png" || m.GetWidth() != 30 || m.GetHeight() != 20 {
		t.Errorf("image = %v", m)
	}
	if sent.ExternalAttributes != "order-551" || sent.InstanceInstanceID != id {
		t.Errorf("sent = %+v", sent)
	}
	holds(own.send(http.MethodPost, at+"/send/media", media("image", hooks.URL+"/moved", "")), "imageMessage", files["/receipt.png"])
	sent = own.send(http.MethodPost, at+"/send/audio", map[string]any{"recipient": to, "audioMessage": map[string]any{"url": hooks.URL + "/note.ogg"}})
	holds(sent, "audioMessage", files["/note.ogg"])
	if m := nina.Message(sent.KeyID).GetAudioMessage(); !m.GetPTT() || m.GetSeconds() != 4 {
		t.Errorf("voice = %v", m)
	}
	// Larger than what other calls may send, and than what is kept in memory.
	large := bytes.Repeat([]byte("a line of a long list\n"), 900_000)
	status, sent := own.upload(id, map[string]string{"recipient": to, "mediatype": "document", "caption": "the list"}, "../list 7.txt", large)
	if status != 201 {
		t.Fatalf("upload: %d %+v", status, sent)
	}
	holds(sent, "documentMessage", large)

	for url, want := range map[string]string{
		hooks.URL + "/login.png": "text/html", hooks.URL + "/nothing": "404", "http://127.0.0.1:9/x": "--webhook-allow",
		"http://192.168.1.1/x": "local network", "http://169.254.169.254/latest": "never allowed", g.Home + "/healthz": "Pombal itself",
	} {
		status, refused := own.try(http.MethodPost, at+"/send/media", media("image", url, ""), nil)
		if status != 400 || refused == nil || len(refused.Message) != 1 || !strings.HasPrefix(refused.Message[0], "mediaMessage.url: ") ||
			!strings.Contains(refused.Message[0], want) {
			t.Errorf("%s: %d %+v", url, status, refused)
		}
	}

	theirs := own.receive(id, nina, phone, "where is it?")
	mine := own.sendText(id, to, "order reddy")
	sent = own.send(http.MethodPatch, at+"/send/reaction", map[string]any{"messageId": theirs.MessageID, "reaction": "👍"})
	if r := nina.Message(sent.KeyID).GetReactionMessage(); r.GetText() != "👍" || r.GetKey().GetID() != theirs.KeyID || r.GetKey().GetFromMe() {
		t.Errorf("reaction = %v", r)
	}
	all = append(all, sent)
	sent = own.send(http.MethodPatch, at+"/send/edit-message", map[string]any{"messageId": mine.MessageID, "newText": "order ready"})
	if p := nina.Message(sent.KeyID).GetEditedMessage().GetMessage().GetProtocolMessage(); p.GetKey().GetID() != mine.KeyID ||
		p.GetEditedMessage().GetConversation() != "order ready" {
		t.Errorf("edit = %v", p)
	}
	all = append(all, sent)
	var gone compatSent
	own.call(http.MethodDelete, at+"/chat/delete/message/"+mine.KeyID, nil, &gone)
	last := nina.Inbox()[len(nina.Inbox())-1]
	if p := nina.Message(last.ID).GetProtocolMessage(); gone.MessageID != mine.MessageID || p.GetType().String() != "REVOKE" || p.GetKey().GetID() != mine.KeyID {
		t.Errorf("delete answered %+v, the phone got %v", gone, p)
	}

	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	own.call(http.MethodPatch, at+"/chat/mark-as-read", map[string]any{"messageIds": []string{theirs.MessageID}}, nil)
	read := func(r wasim.Receipt) bool { return r.Type == "read" && r.ID == theirs.KeyID }
	for n := 1; !slices.ContainsFunc(nina.Receipts(), read); n++ {
		if _, err := nina.WaitReceipts(ctx, n); err != nil {
			t.Fatalf("read receipt: %v; %+v", err, nina.Receipts())
		}
	}
	var numbers []struct {
		JID    string `json:"jid"`
		Exists bool
	}
	own.call(http.MethodPost, at+"/chat/validate-numbers", map[string]any{"numbers": []string{"5521900000000", "+55 (21) 99888-0002"}}, &numbers)
	if len(numbers) != 2 || numbers[0].Exists || !numbers[1].Exists || numbers[1].JID != nina.JID().String() || numbers[0].JID != "5521900000000@s.whatsapp.net" {
		t.Errorf("numbers = %+v", numbers)
	}

	for _, sent := range all {
		hooks.until(t, "both events of "+sent.ContentType, func(calls []received) bool {
			return hasKey(calls, "send.message", sent.KeyID) && hasKey(calls, "messages.upsert", sent.KeyID)
		})
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.media", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
	folders, err := filepath.Glob(filepath.Join(dir, "*.media"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("folders for media: %v, %v", folders, err)
	}
	if info, err := os.Stat(folders[0]); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder for media: %v, %v", info, err)
	}
}
