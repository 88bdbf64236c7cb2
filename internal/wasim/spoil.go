package wasim

// Spoil is what is wrong with a phone's proof of a link.
type Spoil string

// Values of [Phone.SpoilProof].
const (
	NotSpoiled       Spoil = ""
	SpoiledHMAC      Spoil = "hmac"
	SpoiledSignature Spoil = "signature"
)

// SpoilProof makes the phone's later links fail: the client finds the proof wrong,
// refuses (Scan returns [ErrRejected]) and reports a pairing error.
func (p *Phone) SpoilProof(what Spoil) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.spoil = what
}
