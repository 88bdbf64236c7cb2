package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exampleWorld is what an example of the documentation is run against: a
// linked instance with a chat, a spare one, keys.
type exampleWorld struct {
	admin    compat
	business compat
	tenant   string
	env      map[string]string
	in       compatInstance
	oldBiz   string
	files    string // where the files of examples are
	mine     string // a message that the instance has sent
	theirs   string // one that it got
}

func startExamples(t *testing.T) exampleWorld {
	admin, g, network, hooks := startDoors(t)
	w := exampleWorld{admin: admin, files: hooks.URL}
	var tenants []struct {
		BusinessID    string `json:"businessId"`
		BusinessToken string `json:"businessToken"`
	}
	// The last tenant cannot be deleted, so there are two.
	admin.call(http.MethodPost, "/admin/business", map[string]any{"name": "Other"}, nil)
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	w.tenant, w.oldBiz = tenants[0].BusinessID, tenants[0].BusinessToken
	w.business = admin.as(w.oldBiz)
	o := newOperator(t, g.Home)
	o.logIn()
	at := "/business/" + w.tenant
	var spare compatInstance
	admin.call(http.MethodPost, at+"/instance", map[string]any{"instanceName": "shop-front"}, &w.in)
	admin.call(http.MethodPost, at+"/instance", map[string]any{"instanceName": "spare"}, &spare)
	phone := network.NewPhone("5511987650001", "Shop Front")
	nina := network.NewPhone("5521998880002", "Nina")
	admin.link(w.in.InstanceID, phone)
	w.mine = admin.sendText(w.in.InstanceID, nina.Number(), "order reddy").MessageID
	w.theirs = admin.receive(w.in.InstanceID, nina, phone, "thanks").MessageID
	admin.call(http.MethodGet, "/instance/"+w.in.InstanceID, nil, &w.in)
	var hook compatWebhook
	admin.call(http.MethodPost, "/instance/"+w.in.InstanceID+"/webhook", map[string]any{"name": "crm", "url": "https://crm.example.com"}, &hook)
	key, client := o.inSPRLKey(w.in.InstanceID)
	w.env = map[string]string{
		"POMBAL": g.Home, "TOKEN": globalKey, "KEY": key, "CLIENT": client, "INSTANCE": w.in.InstanceID, "NAME": "shop-front",
		"BUSINESS": w.tenant, "WEBHOOK": hook.WebhookID, "PHONE": "5511987650001", "SPARE": spare.InstanceID,
		"OTHER": tenants[1].BusinessID, "MESSAGE": w.mine,
	}
	return w
}

// ours puts what only this house knows into an example: its ids, its tokens.
func (w exampleWorld) ours(body string, operation string) string {
	old := w.in.Auth.JWT
	if strings.Contains(operation, "admin") {
		old = w.oldBiz
	}
	return strings.NewReplacer("eyJhbGciOiJIUzI1NiJ9.e30.sig", old, "01jr", w.in.WhatsApp.WhatsAppID, "01js", w.env["SPARE"],
		`"sourceInstanceId":"01jz"`, `"sourceInstanceId":"`+w.env["INSTANCE"]+`"`, `"01jb"`, `"`+w.env["OTHER"]+`"`,
		"https://files.example.com", w.files, "01jm", w.mine, "01jn", w.theirs, "instanceId=01jz", "instanceId="+w.env["INSTANCE"]).Replace(body)
}

// Every example of the documentation gets the answer that stands there, in a
// world of its own, with the command of the page where curl is installed.
func TestDocumentedExamples(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	if testing.Short() {
		t.Skip("starts a gateway for each example")
	}
	probe := newOperator(t, startExamples(t).env["POMBAL"])
	commands := make(map[string]string)
	status := make(map[string]string)
	var order []string
	page := probe.get("/api/docs")
	for i := range page.Find("article").Length() {
		article := page.Find("article").Eq(i)
		name := article.Find("h3").Text()
		order = append(order, name)
		commands[name], status[name] = article.Find("pre").First().Text(), strings.TrimPrefix(article.Find("summary").Text(), "Answer ")
	}
	if len(order) < 60 {
		t.Fatalf("only %d examples", len(order))
	}
	quoted := regexp.MustCompile(`\$[A-Z]+`)
	changes := regexp.MustCompile(`^(DELETE|PATCH|PUT|POST) `)
	upload := t.TempDir()
	if err := os.WriteFile(filepath.Join(upload, "receipt.pdf"), []byte("%PDF-1.7 receipt"), 0o600); err != nil {
		t.Fatal(err)
	}
	shared := startExamples(t)
	for _, name := range order {
		t.Run(name, func(t *testing.T) {
			w := shared
			if changes.MatchString(name) && mayBreakTheWorld(name) {
				w = startExamples(t)
			}
			w.admin.t, probe.t = t, t
			// An example before this one may have started the connection anew.
			probe.until("the instance is connected", func() bool { return w.admin.opened(w.in.InstanceID) })
			command := w.ours(commands[name], name)
			for _, variable := range quoted.FindAllString(command, -1) {
				if _, ok := w.env[variable[1:]]; !ok {
					t.Fatalf("the command uses %s", variable)
				}
			}
			if strings.Contains(name, "/api/whatsapp/instance/create") {
				command = strings.ReplaceAll(command, "$KEY", "$TOKEN")
			}
			cmd := exec.CommandContext(context.Background(), "sh", "-c", strings.Replace(command, "curl ", curl+" -s -w '\\n%{http_code}' ", 1))
			cmd.Dir = upload
			for k, v := range w.env {
				cmd.Env = append(cmd.Env, k+"="+v)
			}
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v", command, err)
			}
			cut := bytes.LastIndexByte(out, '\n')
			body, code := out[:cut], string(out[cut+1:])
			if strings.Contains(name, "connect/code") || strings.Contains(name, "/code/") {
				if code != "400" && code != "409" { // the instance is connected, or the engine cannot
					t.Errorf("%s: %s", code, body)
				}
				return
			}
			if strings.Contains(name, "v1/instance/connect/") && code == "400" {
				return // connected already
			}
			if code != status[name] || strings.Contains(name, "whatsapp/") && !strings.Contains(name, "move-") && !bytes.HasPrefix(body, []byte(`{"code":"100"`)) {
				t.Errorf("status %s, documented %s\n%s\n%s", code, status[name], command, body)
			}
		})
	}
}

// mayBreakTheWorld says of a call that the examples after it would miss what
// it takes away.
func mayBreakTheWorld(name string) bool {
	for _, part := range []string{"DELETE", "logout", "refresh", "move", "delete", "connect", "toggle"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}
