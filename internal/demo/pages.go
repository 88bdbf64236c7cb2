package demo

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"

	"pombal/internal/locale"
	"pombal/internal/wasim"
)

//go:embed pages
var pages embed.FS

// page is what the templates draw.
type page struct {
	T         *locale.Printer
	Dashboard string
	Note      string // what the last action did
	Bad       bool
	Network   bool // whether the stand-in network can be reached
	Phones    []phoneView
	Screens   []Screen
	Groups    []provocations
	Request   string // a passkey request that was pasted
	Answer    string // its answer
	Calls     []call
	Total     int
}

type phoneView struct {
	Number, Name string
	Devices      []deviceView
	Inbox        []wasim.Received
}

type deviceView struct {
	JID    string
	Online bool
}

// routes is the list of the demo's pages. Everything that acts refuses calls
// from other sites' pages; the webhook receiver alone takes calls from
// programs.
func (d *Demo) routes() (http.Handler, error) {
	assets, err := fs.Sub(pages, "pages")
	if err != nil {
		return nil, err
	}
	tmpl, err := template.ParseFS(assets, "*.html")
	if err != nil {
		return nil, fmt.Errorf("read the demo's pages: %w", err)
	}
	acts := http.NewServeMux()
	acts.HandleFunc("POST /phone/scan", d.act(d.scan))
	acts.HandleFunc("POST /phone/send", d.act(d.send))
	acts.HandleFunc("POST /phone/remove", d.act(d.remove))
	acts.HandleFunc("POST /phone/drop", d.act(d.drop))
	acts.HandleFunc("POST /phone/network", d.act(d.network))
	acts.HandleFunc("POST /phone/act", d.act(d.provoke))
	acts.HandleFunc("POST /phone/heal", d.act(d.heal))
	acts.HandleFunc("POST /phone/code", d.act(d.enterCode))
	acts.HandleFunc("POST /phone/passkey", d.show(tmpl, "phone.html"))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /enter/{key}", d.enter)
	mux.HandleFunc("GET /phone", d.show(tmpl, "phone.html"))
	mux.HandleFunc("GET /phone/live", d.show(tmpl, "phone-live"))
	mux.HandleFunc("GET /hook", d.show(tmpl, "hook.html"))
	mux.HandleFunc("GET /hook/live", d.show(tmpl, "hook-live"))
	mux.HandleFunc("POST /hook", d.receiver.take)
	mux.Handle("GET /demo.css", http.FileServerFS(assets))
	mux.Handle("GET /demo.js", http.FileServerFS(assets))
	mux.Handle("GET /{$}", http.RedirectHandler("/phone", http.StatusSeeOther))
	mux.Handle("POST /phone/", http.NewCrossOriginProtection().Handler(acts))
	return guard(mux), nil
}

// guard answers only calls that name a loopback address, so that no foreign
// name can be pointed at these pages, and sets the headers of a page that runs
// no foreign script.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if ip := net.ParseIP(host); err != nil || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
			http.Error(w, "wrong host", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (d *Demo) show(tmpl *template.Template, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := d.page(r)
		var body bytes.Buffer
		if err == nil {
			err = tmpl.ExecuteTemplate(&body, name, p)
		}
		if err != nil {
			d.log.Error("draw a page of the demo", "page", name, "error", err)
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = body.WriteTo(w) // the reader has gone; nobody is left to tell
	}
}

func (d *Demo) page(r *http.Request) (page, error) {
	printer, err := locale.New(locale.Match(r.Header.Get("Accept-Language")))
	if err != nil {
		return page{}, err
	}
	d.mu.Lock()
	target := d.entry.target
	d.mu.Unlock()
	p := page{
		T: printer, Dashboard: target, Network: !d.Network.Faults().Down, Screens: d.onScreen(), Groups: allProvocations(),
	}
	if key := r.URL.Query().Get("done"); key != "" {
		p.Note, p.Bad = printer.T("demo.done."+key), key == "failed"
	}
	if r.Method == http.MethodPost {
		d.answerPasskey(r, &p)
	}
	for _, phone := range d.Network.Phones() {
		p.Phones = append(p.Phones, d.view(phone))
	}
	p.Calls, p.Total = d.receiver.list()
	return p, nil
}

func (d *Demo) view(phone *wasim.Phone) phoneView {
	v := phoneView{Number: phone.Number(), Name: phone.Name(), Inbox: phone.Inbox()}
	for _, jid := range phone.Devices() {
		v.Devices = append(v.Devices, deviceView{JID: jid.String(), Online: d.Network.Online(jid)})
	}
	return v
}

// act runs an action of the phone page and goes back to it.
func (d *Demo) act(fn func(r *http.Request) (done string, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		done, err := fn(r)
		if err != nil {
			d.log.Warn("an action of the demo's phone", "error", err)
			done = "failed"
		}
		http.Redirect(w, r, "/phone?done="+url.QueryEscape(done), http.StatusSeeOther)
	}
}

func (d *Demo) scan(r *http.Request) (string, error) {
	phone := d.Network.Phone(r.FormValue("number"))
	if phone == nil {
		return "", errNoPhone
	}
	code := r.FormValue("code")
	for _, s := range d.onScreen() {
		if s.ID == r.FormValue("instance") {
			code = s.Code
		}
	}
	return d.patiently(func(ctx context.Context) error {
		_, err := phone.Scan(ctx, code)
		return err
	})
}

// answerPasskey answers a pasted request as the account's own browser would on
// WhatsApp's page. The dashboard's snippet is taken whole.
func (d *Demo) answerPasskey(r *http.Request, p *page) {
	phone := d.Network.Phone(r.FormValue("number"))
	p.Request = r.FormValue("request")
	request := strings.ReplaceAll(p.Request, "\r\n", "\n")
	if first, last := strings.Index(request, "(\n{"), strings.LastIndex(request, "}\n)"); first >= 0 && last > first {
		request = request[first+2 : last+1]
	}
	p.Note, p.Bad = p.T.T("demo.done.failed"), true
	if phone == nil {
		return
	}
	answer, err := phone.PasskeyAnswer([]byte(request))
	if err != nil {
		d.log.Warn("answer a passkey request", "error", err)
		return
	}
	p.Note, p.Bad, p.Answer = p.T.T("demo.done.answered"), false, string(answer)
}

func (d *Demo) send(r *http.Request) (string, error) {
	from, to := d.Network.Phone(r.FormValue("from")), d.Network.Phone(r.FormValue("to"))
	if from == nil || to == nil {
		return "", errNoPhone
	}
	_, err := from.SendText(r.Context(), to, r.FormValue("text"))
	return "sent", err
}

func (d *Demo) remove(r *http.Request) (string, error) {
	phone := d.Network.Phone(r.FormValue("number"))
	if phone == nil {
		return "", errNoPhone
	}
	for _, jid := range phone.Devices() {
		if jid.String() == r.FormValue("device") {
			return "removed", phone.RemoveDevice(r.Context(), jid)
		}
	}
	return "", errNoDevice
}

func (d *Demo) drop(*http.Request) (string, error) {
	d.Network.DropAll()
	return "dropped", nil
}

func (d *Demo) network(r *http.Request) (string, error) {
	faults := d.Network.Faults()
	faults.Down = r.FormValue("up") != "1"
	d.Network.SetFaults(faults)
	if faults.Down {
		d.Network.DropAll()
		return "network_down", nil
	}
	return "network_up", nil
}
