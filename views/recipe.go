package views

import "pombal/internal/event"

// recipe checks the signature of a webhook call; it is the same for every
// language, so it is not in the catalogues.
const recipe = `import base64, hashlib, hmac

def genuine(secret, headers, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    good = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(good, given) for given in headers["webhook-signature"].split())`

// toggleNames are the 19 toggles.
func toggleNames() []event.Info { return event.All() }
