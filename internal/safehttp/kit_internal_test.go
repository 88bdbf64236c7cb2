package safehttp

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// newTestClient makes a client with a short time limit that may call the given
// "host:port" targets.
func newTestClient(t *testing.T, timeout time.Duration, targets ...string) *Client {
	t.Helper()
	c := New(Policy{AllowHostPorts: targets})
	c.timeout = timeout
	t.Cleanup(c.Close)
	return c
}

func call(t *testing.T, c *Client, target string) (Result, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(t.Context(), req)
}

// serve answers each connection to a raw TCP server with handle, which ends
// when its connection does.
func serve(t *testing.T, handle func(net.Conn)) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			handle(conn)
			conn.Close()
			stop()
		}
	}()
	t.Cleanup(func() { cancel(); ln.Close(); <-ended })
	return ln.Addr().String()
}

// readRequest reads a request as far as a server must before it answers.
func readRequest(conn net.Conn) {
	buf := make([]byte, 4096)
	_, _ = conn.Read(buf)
}

// drain holds a connection until the other side ends it.
func drain(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
