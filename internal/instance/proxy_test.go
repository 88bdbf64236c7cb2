package instance_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"

	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/problem"
)

// proxy is an http proxy that asks for a password and leads everything to the
// stand-in network.
type proxy struct {
	ln     net.Listener
	target string
	asked  atomic.Int64
	opened atomic.Int64
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, target: target}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	t.Cleanup(func() { _ = ln.Close() })
	return p
}

func (p *proxy) serve(c net.Conn) {
	defer c.Close()
	p.asked.Add(1)
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", req.Header.Get("Proxy-Authorization"))
	if user, password, _ := req.BasicAuth(); user != "ana" || password != "right" {
		_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	to, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer to.Close()
	p.opened.Add(1)
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(to, c); _ = to.Close() }()
	_, _ = io.Copy(c, to)
}

func (p *proxy) url(password string) *instance.Proxy {
	return &instance.Proxy{URL: "http://ana:" + password + "@" + p.ln.Addr().String()}
}

func TestProxyIsTheOnlyWay(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	network, err := url.Parse(h.Network.URL())
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, network.Host)
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	ctx := context.Background()
	set := func(proxy *instance.Proxy) {
		t.Helper()
		if _, err := h.Manager.SetProxy(ctx, in.ID, proxy); err != nil {
			t.Fatal(err)
		}
	}
	set(p.url("right"))
	h.Pair(in.ID, phone)
	if p.opened.Load() == 0 {
		t.Fatal("the connection went around the proxy")
	}
	sockets, asked := h.Network.Connections(), p.asked.Load()
	set(p.url("wrong"))
	got := h.Phase(in.ID, instance.PhaseBlocked)
	if got.Status.Reason != instance.ReasonProxyRefused || !got.Status.NextAt.IsZero() || !got.Linked() {
		t.Errorf("status = %+v", got.Status)
	}
	if n := h.Network.Connections() - sockets; n != 0 || p.asked.Load()-asked != 1 {
		t.Errorf("%d connections around the proxy, %d questions to it", n, p.asked.Load()-asked)
	}
	if err := h.Manager.TestProxy(ctx, p.url("wrong")); problem.KindOf(err) != problem.Invalid {
		t.Errorf("test of a wrong password: %v", err)
	}
	if err := h.Manager.TestProxy(ctx, p.url("right")); err != nil {
		t.Errorf("test of the right one: %v", err)
	}
	set(p.url("right"))
	h.Phase(in.ID, instance.PhaseConnected)
	_ = p.ln.Close()
	set(&instance.Proxy{URL: "socks5://" + p.ln.Addr().String()})
	h.Until("the reason", func() bool { return h.Get(in.ID).Status.Reason == instance.ReasonProxyDown })
}
