package web

// SessionCookie is the name of the session cookie on plain http. The demo sets
// it to sign its owner in.
const SessionCookie = cookieSession
