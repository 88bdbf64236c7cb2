package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"

	"pombal/internal/store"
)

// errNoServer says that nobody listens on the socket of a data file.
var errNoServer = errors.New("no server is running on the data file")

// longestAnswer bounds the text of an error.
const longestAnswer = 4096

// Check looks for damage to the data file, through the server that has it open
// or, without one, in the file itself.
func Check(ctx context.Context, data string) error {
	body, err := ask(ctx, data, "/check")
	if errors.Is(err, errNoServer) {
		return store.Verify(ctx, data)
	}
	if err != nil {
		return err
	}
	return body.Close()
}

// fetch writes the copy that a running server makes.
func fetch(ctx context.Context, data string, w io.Writer) error {
	body, err := ask(ctx, data, "/backup")
	if err != nil {
		return err
	}
	// A copy that ends early is an error: its length was told before.
	_, err = io.Copy(w, body)
	return errors.Join(err, body.Close())
}

func ask(ctx context.Context, data, path string) (io.ReadCloser, error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", SocketPath(data))
	}
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://pombal"+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EINVAL):
		// A server that was killed leaves its socket; one whose path is too
		// long for a socket has none.
		return nil, errNoServer
	case err != nil:
		return nil, fmt.Errorf("ask the running server: %w", err)
	case answer.StatusCode/100 != 2:
		text, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
		return nil, errors.Join(fmt.Errorf("the running server says: %s", strings.TrimSpace(string(text))), err, answer.Body.Close())
	default:
		return answer.Body, nil
	}
}
