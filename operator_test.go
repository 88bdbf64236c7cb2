package main

import (
	"bytes"
	"context"
	"errors"
	"image"
	_ "image/png"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// operator is a person with a browser that runs no scripts: it follows links,
// fills in forms and looks at pictures.
type operator struct {
	t    testing.TB
	home string
	http *http.Client
}

func newOperator(t testing.TB, home string) *operator {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &operator{t: t, home: home, http: &http.Client{Jar: jar, Timeout: limit}}
}

// page is what the browser shows.
type page struct {
	*goquery.Document
	URL    *url.URL
	Status int
}

// says is what a person would read first, for failure messages.
func (p *page) says() string {
	text := strings.Join(strings.Fields(p.Find("main").Text()), " ")
	return text[:min(len(text), 400)]
}

func (o *operator) get(path string) *page {
	o.t.Helper()
	req, err := http.NewRequest(http.MethodGet, o.absolute(path), nil)
	if err != nil {
		o.t.Fatal(err)
	}
	return o.do(req)
}

func (o *operator) absolute(path string) string {
	if strings.HasPrefix(path, "http") {
		return path
	}
	return o.home + path
}

func (o *operator) do(req *http.Request) *page {
	o.t.Helper()
	req.Header.Set("Accept-Language", "en")
	resp, err := o.http.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	doc, err := goquery.NewDocumentFromReader(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return &page{Document: doc, URL: resp.Request.URL, Status: resp.StatusCode}
}

// submit fills in the form that posts to action and sends it, as a browser
// would: with the values that stand in it, changed by fill. A value of "" for a
// checkbox name unticks it.
func (o *operator) submit(p *page, action string, fill url.Values) *page {
	o.t.Helper()
	form := p.Find("form").FilterFunction(func(_ int, f *goquery.Selection) bool {
		return strings.EqualFold(f.AttrOr("method", "get"), "post") && f.AttrOr("action", "") == action
	}).First()
	if form.Length() == 0 {
		o.t.Fatalf("no form posts to %s on %s (status %d):\n%s", action, p.URL, p.Status, p.says())
	}
	values := formValues(form)
	for name, v := range fill {
		values.Del(name)
		for _, value := range v {
			if value != "" || form.Find(`[type=checkbox][name="`+name+`"]`).Length() == 0 {
				values.Add(name, value)
			}
		}
	}
	req, err := http.NewRequest(http.MethodPost, o.absolute(action), strings.NewReader(values.Encode()))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", o.home)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return o.do(req)
}

func formValues(form *goquery.Selection) url.Values {
	values := url.Values{}
	form.Find("input[name], textarea[name], select[name]").Each(func(_ int, field *goquery.Selection) {
		name, kind := field.AttrOr("name", ""), field.AttrOr("type", "text")
		switch {
		case goquery.NodeName(field) == "select":
			values.Add(name, field.Find("option[selected]").AttrOr("value", field.Find("option").First().AttrOr("value", "")))
		case goquery.NodeName(field) == "textarea":
			values.Add(name, field.Text())
		case kind == "submit" || kind == "button":
		case kind == "checkbox" || kind == "radio":
			if _, on := field.Attr("checked"); on {
				values.Add(name, field.AttrOr("value", "on"))
			}
		default:
			values.Add(name, field.AttrOr("value", ""))
		}
	})
	return values
}

// logIn signs the owner in.
func (o *operator) logIn() {
	o.t.Helper()
	p := o.submit(o.get("/login"), "/login", url.Values{"email": {ownerEmail}, "password": {ownerPassword}})
	if !strings.HasPrefix(p.URL.Path, "/instances") {
		o.t.Fatalf("after signing in: %s (status %d)\n%s", p.URL, p.Status, p.says())
	}
}

// create makes an instance and returns its id.
func (o *operator) create(name string) string {
	o.t.Helper()
	p := o.submit(o.get("/instances/new"), "/instances/new", url.Values{"name": {name}})
	id := strings.TrimPrefix(p.URL.Path, "/instances/")
	if id == "" || strings.Contains(id, "/") || id == "new" {
		o.t.Fatalf("after creating: %s (status %d)\n%s", p.URL, p.Status, p.says())
	}
	return id
}

// code asks for a QR code, looks at the picture and reads it with a decoder
// that is not ours.
func (o *operator) code(id string) string {
	o.t.Helper()
	at := "/instances/" + id
	p := o.get(at)
	if p.Find("img[src*='qr.png']").Length() == 0 && p.Find("form[action='"+at+"/connect']").Length() > 0 {
		p = o.submit(p, at+"/connect", nil)
	}
	var text string
	o.until("a QR code on the page", func() bool {
		if src := p.Find("img[src*='qr.png']").AttrOr("src", ""); src != "" {
			text = o.read(src)
		}
		if text == "" {
			p = o.get(at)
		}
		return text != ""
	})
	return text
}

// read decodes the QR code of a picture; "" when another code has taken the
// place of this one since the page was asked for.
func (o *operator) read(src string) string {
	o.t.Helper()
	resp, err := o.http.Get(o.absolute(src))
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone {
		return ""
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		o.t.Fatalf("picture %s: status %d, %v", src, resp.StatusCode, err)
	}
	text, err := decodeQR(raw)
	if err != nil {
		o.t.Fatalf("read the QR code: %v", err)
	}
	return text
}

// decodeQR reads a QR code from a picture.
func decodeQR(raw []byte) (string, error) {
	img, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return "", err
	}
	source := gozxing.NewLuminanceSourceFromImage(img)
	var failed error
	// The decoder misses a pattern now and then; a camera would take another
	// picture, so it gets a second look with another threshold.
	for _, binarizer := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(source), gozxing.NewGlobalHistgramBinarizer(source)} {
		for _, hint := range []gozxing.DecodeHintType{gozxing.DecodeHintType_TRY_HARDER, gozxing.DecodeHintType_PURE_BARCODE} {
			bitmap, err := gozxing.NewBinaryBitmap(binarizer)
			if err != nil {
				return "", err
			}
			result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{hint: true})
			if err == nil {
				return result.GetText(), nil
			}
			failed = errors.Join(failed, err)
		}
	}
	return "", failed
}

// until looks again and again, as a person at a page without scripts does.
func (o *operator) until(what string, cond func() bool) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			o.t.Fatalf("waited %s for %s", limit, what)
		case <-pace.C:
		}
	}
}

// untilPhase waits until the page of an instance shows a phase.
func (o *operator) untilPhase(id, phase string) *page {
	o.t.Helper()
	var p *page
	o.until("phase "+phase, func() bool {
		p = o.get("/instances/" + id)
		return p.Find("#pair-"+id+"[data-phase='"+phase+"']").Length() > 0
	})
	return p
}

// turn switches an instance "on" or "off", which is an event.
func (o *operator) turn(id, to string) {
	o.t.Helper()
	at := "/instances/" + id
	o.submit(o.get(at+"/settings"), at+"/"+to, nil)
}

// addWebhook makes an enabled webhook with all toggles and returns its id.
func (o *operator) addWebhook(id, name, target string) string {
	o.t.Helper()
	at := "/instances/" + id + "/webhooks/new"
	p := o.submit(o.get(at), at, url.Values{"name": {name}, "url": {target}, "enabled": {"1"}})
	hook := strings.TrimPrefix(p.URL.Path, "/instances/"+id+"/webhooks/")
	if p.Status != http.StatusOK || strings.Contains(hook, "/") || hook == "new" {
		o.t.Fatalf("after adding a webhook: %s (status %d)\n%s", p.URL, p.Status, p.says())
	}
	return hook
}
