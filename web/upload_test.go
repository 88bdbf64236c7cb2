package web_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pombal/internal/instance"
	"pombal/web/webtest"
)

const uploadPath = "/api/v2/instance/up/send/media-file"

func uploadKit(t *testing.T) *webtest.Kit {
	t.Helper()
	k := webtest.NewServer(t)
	k.Instances.Put(instance.Instance{ID: "up", Name: "up", Status: webtest.Connected(), WhatsApp: webtest.Linked("5511987650001")})
	return k
}

// form is an upload with a file of so many bytes.
func form(t *testing.T, size int) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = new(bytes.Buffer)
	w := multipart.NewWriter(body)
	for name, value := range map[string]string{"recipient": "5521998880002", "mediatype": "document"} {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("attachment", "large.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(bytes.Repeat([]byte{7}, size)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

func postUpload(t *testing.T, k *webtest.Kit, path, token, contentType string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, k.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// A body above the limit of the doors is read on one path alone, as a form of
// known length, from somebody who is known.
func TestLargeUploads(t *testing.T) {
	t.Parallel()
	k := uploadKit(t)
	// More than is kept in memory, then more than may be under way at once:
	// places are given back.
	for _, size := range []int{17 << 20, 2 << 20, 2 << 20, 2 << 20, 2 << 20} {
		body, kind := form(t, size)
		status, answer := postUpload(t, k, uploadPath, webtest.GlobalKey, kind, body)
		if status != 201 || !strings.Contains(answer, fmt.Sprintf(`"fileLength":"%d"`, size)) {
			t.Fatalf("%d %s", status, answer)
		}
	}
	for _, tc := range []struct {
		name, path, token string
		status            int
	}{
		{"nobody known", uploadPath, "nonsense", 401},
		{"another path", "/api/v2/instance/up/send/media", webtest.GlobalKey, 413},
		{"the dashboard", "/login", webtest.GlobalKey, 413},
	} {
		body, kind := form(t, 2<<20)
		if status, answer := postUpload(t, k, tc.path, tc.token, kind, body); status != tc.status {
			t.Errorf("%s: %d %.200s, want %d", tc.name, status, answer, tc.status)
		}
	}
	body, kind := form(t, 2<<20)
	if status, answer := postUpload(t, k, uploadPath, webtest.GlobalKey, kind, io.MultiReader(body)); status != 413 { // in chunks
		t.Errorf("of unknown length: %d %s", status, answer)
	}
	if status, answer := postUpload(t, k, uploadPath, webtest.GlobalKey, "application/json", bytes.NewReader(make([]byte, 2<<20))); status != 413 {
		t.Errorf("no form: %d %s", status, answer)
	}
	if status, answer := postUpload(t, k, uploadPath, webtest.GlobalKey, kind, strings.NewReader("no form at all")); status != 400 {
		t.Errorf("a broken form: %d %s", status, answer)
	}
}

// begun sends the head of an upload and waits until the server has read it.
func begun(t *testing.T, k *webtest.Kit, kind string, length int) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", k.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		uploadPath, k.Addr, webtest.GlobalKey, kind, length)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if status, _ := answered(t, r); status != http.StatusContinue {
		t.Fatalf("the head of an upload: %d", status)
	}
	return c, r
}

// answered reads an answer.
func answered(t *testing.T, r *bufio.Reader) (int, http.Header) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header
}

// Few uploads are read at a time; who comes later hears so at once, and a
// length that is too much is refused before anything is read.
func TestUploadsAtOnce(t *testing.T) {
	t.Parallel()
	k := uploadKit(t)
	body, kind := form(t, 2<<20)
	if _, r := begun(t, k, kind, 200<<20); true {
		if status, _ := answered(t, r); status != 413 {
			t.Errorf("200 MiB: %d, want 413", status)
		}
	}
	const places = 4
	var conns [places]net.Conn
	var readers [places]*bufio.Reader
	for i := range places {
		conns[i], readers[i] = begun(t, k, kind, body.Len())
	}
	if _, r := begun(t, k, kind, body.Len()); true {
		if status, header := answered(t, r); status != 429 || header.Get("Retry-After") == "" {
			t.Errorf("one more: %d %v", status, header)
		}
	}
	for i := range places - 1 {
		if _, err := conns[i].Write(body.Bytes()); err != nil {
			t.Fatal(err)
		}
		if status, _ := answered(t, readers[i]); status != 201 {
			t.Errorf("upload %d: %d", i, status)
		}
	}
	// One that breaks off gives its place back.
	if err := conns[places-1].Close(); err != nil {
		t.Fatal(err)
	}
	for range places - 1 {
		begun(t, k, kind, body.Len()) // the other places are taken again
	}
	deadline := time.Now().Add(patience)
	for {
		status, answer := postUpload(t, k, uploadPath, webtest.GlobalKey, kind, bytes.NewReader(body.Bytes()))
		if status == 201 {
			return
		}
		if status != 429 || time.Now().After(deadline) {
			t.Fatalf("the place of one that broke off: %d %s", status, answer)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
