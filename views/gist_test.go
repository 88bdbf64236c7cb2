package views

import (
	"strings"
	"testing"

	"pombal/internal/event"
)

// A line of the log says what an event is about, and nothing that only some may
// read.
func TestGistOfAnEvent(t *testing.T) {
	t.Parallel()
	const nina = "5521998880002@s.whatsapp.net"
	for data, want := range map[string]gist{
		`{"keyRemoteJid":"` + nina + `","keyFromMe":false,"contentType":"conversation","content":{"text":"secret"},"pushName":"Nina"}`: {Direction: "in", Words: "conversation", Who: "55••••002"},
		`{"keyRemoteJid":"` + nina + `","keyFromMe":true,"contentType":"imageMessage"}`:                                                {Direction: "out", Words: "imageMessage", Who: "55••••002"},
		`{"status":"READ","keyRemoteJid":"` + nina + `"}`:                                                                              {Words: "READ", Who: "55••••002"},
		`{"status":"PENDING","reason":"undecryptable","keyRemoteJid":"` + nina + `"}`:                                                  {Waiting: true, Who: "55••••002"},
		`{"state":"open","statusReason":200}`:                                                                                          {Words: "open 200"},
		`{"state":"on"}`:                                                                                                               {Words: "on"},
		`{"id":"120363041234567890@g.us","participants":["` + nina + `"],"action":"add"}`:                                              {Words: "add", Who: "12••••890"},
		`{"id":"` + nina + `","presences":{"jid":"` + nina + `","type":"composing"}}`:                                                  {Words: "composing", Who: "55••••002"},
		`{"id":"120363041234567890@g.us","subject":"Crew","participants":[{"id":"` + nina + `"}]}`:                                     {Who: "12••••890"},
		`[{"remoteJid":"` + nina + `","pushName":"Nina"}]`:                                                                             {Count: 1, Who: "55••••002"},
		`["` + nina + `"]`: {Count: 1, Who: "55••••002"},
		`[{"remoteJid":"` + nina + `"},{"remoteJid":"` + nina + `"}]`:                              {Count: 2},
		`{"code":"https://wa.me/settings/linked_devices#2@x","base64":"data:image/png;base64,AA"}`: {},
		`{"authId":"a1","createdAt":"2026-03-02T12:00:00.000Z"}`:                                   {},
		`{"id":"<b>not an address</b>"}`:                                                           {},
		`null`:                                                                                     {}, `"x"`: {}, `{`: {}, `[]`: {},
	} {
		got := gistOf(event.Event{Body: []byte(`{"data":` + data + `}`)})
		if got != want {
			t.Errorf("%s\ngot  %+v\nwant %+v", data, got, want)
		}
		if strings.Contains(got.Words+got.Who, "99888") {
			t.Errorf("the number can be read: %+v", got)
		}
	}
}
