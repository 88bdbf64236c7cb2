package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pombal/internal/webhook"
)

// Each ready-made check of the page does what it says, where there is a program
// to run it: it takes genuine calls, also with two signatures, and no others.
func TestRecipes(t *testing.T) {
	harness := map[string]struct{ program, file, script string }{
		"Python": {"python3", "verify.py", `
import json, sys
args = json.load(open(sys.argv[1]))
print("yes" if genuine(args["secret"], args["headers"], args["body"].encode()) else "no")`},
		"Node.js": {"node", "verify.js", `
const args = JSON.parse(require('node:fs').readFileSync(process.argv[2]));
console.log(genuine(args.secret, args.headers, Buffer.from(args.body)) ? 'yes' : 'no');`},
		"PHP": {"php", "verify.php", `
$args = json_decode(file_get_contents($argv[1]), true);
echo genuine($args['secret'], $args['headers'], $args['body']) ? "yes\n" : "no\n";`},
		"Go": {"go", "verify.go.txt", `
func main() {
	raw, _ := os.ReadFile(os.Args[1])
	var args struct{ Secret, Body string; Headers map[string]string }
	if err := json.Unmarshal(raw, &args); err != nil { panic(err) }
	h := http.Header{}
	for k, v := range args.Headers { h.Set(k, v) }
	if genuine(args.Secret, h, []byte(args.Body)) { fmt.Println("yes") } else { fmt.Println("no") }
}`},
	}
	for name, h := range harness {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program, err := exec.LookPath(h.program)
			if err != nil {
				t.Skipf("%s is not installed", h.program)
			}
			code, err := os.ReadFile(filepath.Join("views", "recipes", h.file))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			file, text := filepath.Join(dir, strings.TrimSuffix(h.file, ".txt")), string(code)+h.script
			run := []string{file}
			if name == "Go" {
				text = "package main\n\nimport (\n\t\"crypto/hmac\"\n\t\"crypto/sha256\"\n\t\"encoding/base64\"\n\t\"encoding/json\"\n\t\"fmt\"\n" +
					"\t\"net/http\"\n\t\"os\"\n\t\"strconv\"\n\t\"strings\"\n\t\"time\"\n)\n\n" + text
				run = []string{"run", file}
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for what, c := range calls(t) {
				args := filepath.Join(dir, "args.json")
				if err := os.WriteFile(args, []byte(c.json), 0o600); err != nil {
					t.Fatal(err)
				}
				out, err := exec.Command(program, append(run, args)...).CombinedOutput()
				if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
					t.Errorf("%s: %q, %v; want %s", what, got, err, c.want)
				}
			}
		})
	}
}

type recipeCall struct{ json, want string }

// calls are genuine and forged calls.
func calls(t *testing.T) map[string]recipeCall {
	t.Helper()
	const secret, other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	make := func(signed string, at time.Time, body, sent, before string) string {
		s, err := webhook.Sign(signed, "msg_1", at, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"secret":%q,"body":%q,"headers":{"webhook-id":"msg_1","webhook-timestamp":"%d","webhook-signature":%q}}`,
			secret, sent, at.Unix(), before+s)
	}
	now, body := time.Now(), `{"text":"olá — नमस्ते"}`
	return map[string]recipeCall{
		"genuine":        {make(secret, now, body, body, ""), "yes"},
		"two signatures": {make(secret, now, body, body, "v1,AAAA "), "yes"},
		"other secret":   {make(other, now, body, body, ""), "no"},
		"changed body":   {make(secret, now, body, body+" ", ""), "no"},
		"too old":        {make(secret, now.Add(-10*time.Minute), body, body, ""), "no"},
	}
}

// The shell recipe sends a call that the catcher verifies.
func TestShellRecipe(t *testing.T) {
	for _, program := range []string{"sh", "curl", "openssl", "od"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	raw, err := os.ReadFile(filepath.Join("views", "recipes", "send.sh"))
	if err != nil {
		t.Fatal(err)
	}
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	hooks := startReceiver(t)
	script := strings.NewReplacer("whsec_…", secret, "https://your.receiver.example/hook", hooks.URL).Replace(string(raw))
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), "no_proxy=127.0.0.1", "NO_PROXY=127.0.0.1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	calls := hooks.until(t, "the call", func(c []received) bool { return len(c) == 1 })
	h := calls[0].Header
	if got, want := h.Get("webhook-signature"), signatureOf(t, secret, h, calls[0].Body); got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
}

func signatureOf(t *testing.T, secret string, h http.Header, body []byte) string {
	t.Helper()
	seconds, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s, err := webhook.Sign(secret, h.Get("webhook-id"), time.Unix(seconds, 0), body)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
