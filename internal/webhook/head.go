package webhook

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"pombal/internal/safehttp"
)

// maxHead is how much of a head the ledger keeps.
const maxHead = 4 << 10

// requestHead is the head of a call as the ledger keeps it: the values of the
// webhook's own headers are masked, since they are credentials as often as not.
func requestHead(req *http.Request, own Headers) string {
	lines := make([]string, 0, len(req.Header))
	for name, values := range req.Header {
		for _, v := range values {
			if own.get(name) != "" {
				v = Masked
			}
			lines = append(lines, name+": "+v)
		}
	}
	slices.Sort(lines)
	return head("POST "+req.URL.RequestURI()+" HTTP/1.1\nHost: "+req.URL.Host, lines)
}

// answerHead is the head of an answer as the ledger keeps it.
func answerHead(res safehttp.Result) string {
	lines := make([]string, 0, len(res.Header))
	for name, values := range res.Header {
		for _, v := range values {
			if name == "Set-Cookie" {
				v = Masked
			}
			lines = append(lines, name+": "+v)
		}
	}
	slices.Sort(lines)
	return head(strconv.Itoa(res.StatusCode)+" "+http.StatusText(res.StatusCode), lines)
}

func head(first string, lines []string) string {
	text := strings.ToValidUTF8(first+"\n"+strings.Join(lines, "\n"), "\uFFFD")
	if len(text) > maxHead {
		text = strings.ToValidUTF8(text[:maxHead], "") + "…"
	}
	return text
}
