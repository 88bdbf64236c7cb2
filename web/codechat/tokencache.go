package codechat

import (
	"context"
	"sync"

	"pombal/internal/auth"
)

// tokenCache keeps the texts of tokens: equal claims give equal text, and
// signing two hundred for a list would take longer than all the rest of it.
type tokenCache struct {
	mu    sync.RWMutex
	texts map[auth.InstanceClaims]string
}

// maxCachedTokens bounds the memory; a node serves a few hundred instances.
const maxCachedTokens = 2048

func newTokenCache() *tokenCache {
	return &tokenCache{texts: make(map[auth.InstanceClaims]string)}
}

func (t *tokenCache) text(ctx context.Context, c auth.InstanceClaims, make func(context.Context, auth.InstanceClaims) (string, error)) (string, error) {
	t.mu.RLock()
	text, ok := t.texts[c]
	t.mu.RUnlock()
	if ok {
		return text, nil
	}
	text, err := make(ctx, c)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.texts) >= maxCachedTokens {
		clear(t.texts)
	}
	t.texts[c] = text
	return text, nil
}
