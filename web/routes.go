package web

import (
	"pombal/internal/auth"
)

// right says who may use a route.
type right string

// The rights. The last two are proved by a door in its own way; the roles need
// a signed-in user of at least that role.
const (
	rightAnyone   right = "anyone"   // changes nothing, shows nothing
	rightVisitor  right = "visitor"  // anyone with a browser; forms carry a token of their own
	rightViewer   right = "viewer"   // look
	rightOperator right = "operator" // connect, log out, toggles
	rightAdmin    right = "admin"    // make, rename, delete; keys and secrets
	rightToken    right = "token"    // instance token or global key
	rightKey      right = "key"      // InSPRL client key
)

// role is the least role that a right asks for; "" when it asks for none.
func (rt right) role() auth.Role {
	switch rt {
	case rightViewer:
		return auth.RoleViewer
	case rightOperator:
		return auth.RoleOperator
	case rightAdmin:
		return auth.RoleAdmin
	default:
		return ""
	}
}

// route is one thing that can be asked for.
type route struct {
	method, path string
	right        right
	handle       func(*request) error
	mark         mark
}

// mark says what is special about a route.
type mark int

const (
	// byMachine: pages ask for it by themselves, so it does not count as
	// somebody being there, and a refusal is not shown to anybody.
	byMachine mark = 1 << iota
	// bare: refusals have no body; no person reads them.
	bare
	// stream: the answer goes on for minutes.
	stream
)

func (rt *route) is(m mark) bool { return rt != nil && rt.mark&m != 0 }

// routes is everything that can be asked for, and by whom. There is no other
// list: what is not here is answered with 404 or 405.
func (s *Server) routes() []route {
	const get, post, del = "GET", "POST", "DELETE"
	return []route{
		{get, "/healthz", rightAnyone, s.health, bare},
		{get, "/readyz", rightAnyone, s.ready, bare},
		{get, "/static/:hash/*", rightAnyone, s.asset, bare},

		{get, "/setup", rightVisitor, s.showSetup, 0},
		{post, "/setup", rightVisitor, s.setup, 0},
		{get, "/login", rightVisitor, s.showLogin, 0},
		{post, "/login", rightVisitor, s.login, 0},
		{post, "/language", rightVisitor, s.setLanguage, 0},
		{post, "/theme", rightVisitor, s.setTheme, 0},
		{get, "/", rightVisitor, s.home, 0},
		{post, "/logout", rightViewer, s.signOut, 0},

		{get, "/live", rightViewer, s.live, byMachine | bare | stream},

		{get, "/instances", rightViewer, s.listInstances, 0},
		{get, "/instances/new", rightAdmin, s.newInstance, 0},
		{post, "/instances/new", rightAdmin, s.createInstance, 0},
		{get, "/instances/:id", rightViewer, s.showInstance, 0},
		{get, "/instances/:id/row", rightViewer, s.instanceRow, byMachine},
		{get, "/instances/:id/status", rightViewer, s.instanceStatus, byMachine},

		{get, "/instances/:id/pair", rightOperator, s.pairingPanel, byMachine},
		{get, "/instances/:id/qr.png", rightOperator, s.qrPicture, byMachine | bare},
		{post, "/instances/:id/connect", rightOperator, s.connectInstance, 0},
		{post, "/instances/:id/cancel", rightOperator, s.cancelPairing, 0},
		{post, "/instances/:id/on", rightOperator, s.switchOn, 0},
		{post, "/instances/:id/off", rightOperator, s.switchOff, 0},
		{get, "/instances/:id/logout", rightOperator, s.askLogout, 0},
		{post, "/instances/:id/logout", rightOperator, s.logoutInstance, 0},

		{get, "/instances/:id/settings", rightViewer, s.showSettings, 0},
		{post, "/instances/:id/settings", rightAdmin, s.renameInstance, 0},
		{post, "/instances/:id/token", rightAdmin, s.revealToken, 0},
		{post, "/instances/:id/keys", rightAdmin, s.createKey, 0},
		{post, "/instances/:id/keys/:kid/revoke", rightAdmin, s.revokeKey, 0},
		{get, "/instances/:id/delete", rightAdmin, s.askDelete, 0},
		{post, "/instances/:id/delete", rightAdmin, s.deleteInstance, 0},

		{get, "/instances/:id/webhooks", rightViewer, s.listWebhooks, 0},
		{get, "/instances/:id/webhooks/new", rightAdmin, s.newWebhook, 0},
		{post, "/instances/:id/webhooks/new", rightAdmin, s.createWebhook, 0},
		{get, "/instances/:id/webhooks/:wid", rightViewer, s.showWebhook, 0},
		{post, "/instances/:id/webhooks/:wid", rightOperator, s.saveWebhook, 0},
		{post, "/instances/:id/webhooks/:wid/enabled", rightOperator, s.enableWebhook, 0},
		{post, "/instances/:id/webhooks/:wid/secret", rightAdmin, s.revealSecret, 0},
		{get, "/instances/:id/webhooks/:wid/deliveries", rightViewer, s.listDeliveries, byMachine},
		{get, "/instances/:id/webhooks/:wid/delete", rightAdmin, s.askDeleteWebhook, 0},
		{post, "/instances/:id/webhooks/:wid/delete", rightAdmin, s.deleteWebhook, 0},

		{get, "/api/v2/instance/:instanceId", rightToken, door(s.codes.Find), 0},
		{del, "/api/v2/instance/:instanceId/logout", rightToken, door(s.codes.Logout), 0},
		{post, "/api/whatsapp/instance/logout", rightKey, door(s.sprl.Logout), 0},
	}
}
