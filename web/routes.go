package web

import (
	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
)

// right says who may use a route.
type right string

// The rights. The last three are proved by a door in its own way; the roles need
// a signed-in user of at least that role.
const (
	rightAnyone   right = "anyone"   // changes nothing, shows nothing
	rightVisitor  right = "visitor"  // anyone with a browser; forms carry a token of their own
	rightLink     right = "link"     // as a visitor, with a signed pairing link in the address
	rightViewer   right = "viewer"   // look
	rightOperator right = "operator" // connect, log out, toggles
	rightAdmin    right = "admin"    // make, rename, delete; keys and secrets
	rightToken    right = "token"    // instance token or global key
	rightKey      right = "key"      // InSPRL client key
	rightPath     right = "path"     // an address that cannot be guessed
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
	// followed: the page fetches a part of itself again from its own address.
	// What htmx asks for there is byMachine.
	followed
	// oneTime: a form that is sent twice acts once.
	oneTime
	// secret: shows a secret, so the password must have been given lately.
	secret
)

func (rt *route) is(m mark) bool { return rt != nil && rt.mark&m != 0 }

// byMachine says whether a page asks, and nobody who sits at it.
func (r *request) byMachine() bool {
	return r.route.is(byMachine) || r.route.is(followed) && r.isHX()
}

// routes is everything that can be asked for, and by whom. There is no other
// list: what is not here is answered with 404 or 405.
func (s *Server) routes() []route {
	const get, post = "GET", "POST"
	list := []route{
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
		{get, "/reauth", rightViewer, s.showReauth, 0},
		{post, "/reauth", rightViewer, s.reauth, 0},

		{get, "/link/:token", rightLink, s.showGuest, 0},
		{get, "/link/:token/pair", rightLink, s.guestPair, byMachine},
		{get, "/link/:token/qr.png", rightLink, s.guestPicture, byMachine | bare},
		{post, "/link/:token/connect", rightLink, s.guestConnect, 0},
		{post, "/link/:token/pair-code", rightLink, s.guestCode, 0},

		{get, "/settings", rightViewer, s.showAccount, 0},
		{get, "/settings/general", rightViewer, s.showGeneral, 0},
		{post, "/settings/zone", rightViewer, s.setZone, 0},
		{get, "/settings/whatsapp", rightViewer, s.showWhatsApp, 0},
		{post, "/settings/whatsapp/check", rightAdmin, s.checkVersion, 0},
		{post, "/settings/whatsapp/version", rightAdmin, s.chooseVersion, 0},
		{post, "/settings/whatsapp/name", rightAdmin, s.nameDevice, 0},
		{get, "/settings/crashes", rightAdmin, s.showCrashes, 0},
		{post, "/settings/crashes/dismiss", rightAdmin, s.dismissCrash, 0},
		{get, "/settings/retention", rightAdmin, s.showRetention, 0},
		{post, "/settings/retention", rightAdmin, s.setRetention, 0},
		{get, "/settings/backup", rightAdmin, s.showBackup, 0},
		{post, "/settings/backup", rightAdmin, s.makeBackup, oneTime},
		{post, "/settings/backup/:name/check", rightAdmin, s.checkBackup, 0},
		{get, "/settings/backup/:name/download", rightAdmin, s.downloadBackup, secret},
		{get, "/settings/backup/:name/delete", rightAdmin, s.askDeleteBackup, 0},
		{post, "/settings/backup/:name/delete", rightAdmin, s.deleteBackup, oneTime},
		{get, "/settings/security", rightViewer, s.showSecurity, 0},
		{post, "/settings/password", rightViewer, s.changePassword, oneTime},
		{post, "/settings/sessions/end-others", rightViewer, s.endOtherSessions, 0},
		{post, "/settings/sessions/:sid/end", rightViewer, s.endSession, 0},
		{get, "/settings/appearance", rightViewer, s.showAppearance, 0},
		{post, "/settings/shortcuts", rightViewer, s.setShortcuts, 0},
		{get, "/settings/about", rightViewer, s.showAbout, 0},
		{get, "/shortcuts", rightViewer, s.showShortcuts, 0},
		{get, "/attention", rightViewer, s.attention, byMachine},

		{get, "/live", rightViewer, s.live, byMachine | bare | stream},

		{get, "/instances", rightViewer, s.listInstances, 0},
		{get, "/instances/new", rightAdmin, s.newInstance, 0},
		{post, "/instances/new", rightAdmin, s.createInstance, oneTime},
		{get, "/instances/bulk", rightOperator, s.askBulk, 0},
		{post, "/instances/bulk", rightOperator, s.doBulk, oneTime},
		{get, "/instances/:id", rightViewer, s.showInstance, 0},
		{get, "/instances/:id/row", rightViewer, s.instanceRow, byMachine},
		{get, "/instances/:id/status", rightViewer, s.instanceStatus, byMachine},

		{get, "/instances/:id/pair", rightOperator, s.pairingPanel, byMachine},
		{get, "/instances/:id/qr.png", rightOperator, s.qrPicture, byMachine | bare},
		{post, "/instances/:id/connect", rightOperator, s.replaceOrConnect, 0},
		{post, "/instances/:id/cancel", rightOperator, s.cancelPairing, 0},
		{post, "/instances/:id/on", rightOperator, s.switchOn, 0},
		{post, "/instances/:id/off", rightOperator, s.switchOff, 0},
		{get, "/instances/:id/history", rightViewer, s.instanceHistory, byMachine},
		{get, "/instances/:id/steps", rightViewer, s.instanceSteps, byMachine},
		{post, "/instances/:id/pair-code", rightOperator, s.requestCode, 0},
		{post, "/instances/:id/passkey", rightOperator, s.answerPasskey, 0},
		{post, "/instances/:id/passkey-confirm", rightOperator, s.confirmPasskey, 0},
		{get, "/instances/:id/test", rightOperator, s.showTest, 0},
		{post, "/instances/:id/test", rightOperator, s.sendTestMessage, oneTime},
		{get, "/instances/:id/link", rightOperator, s.askLink, 0},
		{post, "/instances/:id/link", rightOperator, s.makeLink, 0},
		{get, "/instances/:id/logout", rightOperator, s.askLogout, 0},
		{post, "/instances/:id/logout", rightOperator, s.logoutInstance, 0},

		{get, "/instances/:id/settings", rightViewer, s.showSettings, 0},
		{post, "/instances/:id/settings", rightAdmin, s.renameInstance, oneTime},
		{post, "/instances/:id/tags", rightOperator, s.setTags, oneTime},
		{post, "/instances/:id/proxy", rightAdmin, s.setProxy, 0},
		{post, "/instances/:id/token", rightAdmin, s.revealToken, secret},
		{post, "/instances/:id/keys", rightAdmin, s.createKey, oneTime | secret},
		{post, "/instances/:id/keys/:kid/revoke", rightAdmin, s.revokeKey, oneTime},
		{get, "/instances/:id/delete", rightAdmin, s.askDelete, 0},
		{post, "/instances/:id/delete", rightAdmin, s.deleteInstance, oneTime},

		{get, "/keys", rightAdmin, s.listKeys, 0},
		{get, "/keys/new", rightAdmin, s.newKey, secret},
		{post, "/keys/new", rightAdmin, s.makeKey, oneTime | secret},
		{get, "/keys/:kid/rotate", rightAdmin, s.askRotateKey, secret},
		{post, "/keys/:kid/rotate", rightAdmin, s.rotateKey, oneTime | secret},
		{get, "/keys/:kid/revoke", rightAdmin, s.askRevokeKey, 0},
		{post, "/keys/:kid/revoke", rightAdmin, s.dropKey, oneTime},

		{get, "/instances/:id/webhooks", rightViewer, s.listWebhooks, 0},
		{get, "/instances/:id/webhooks/new", rightAdmin, s.newWebhook, 0},
		{post, "/instances/:id/webhooks/new", rightAdmin, s.createWebhook, oneTime},
		{get, "/instances/:id/webhooks/:wid", rightViewer, s.showWebhook, 0},
		{post, "/instances/:id/webhooks/:wid", rightOperator, s.saveWebhook, oneTime},
		{post, "/instances/:id/webhooks/:wid/enabled", rightOperator, s.enableWebhook, 0},
		{post, "/instances/:id/webhooks/:wid/secret", rightAdmin, s.revealSecret, secret},
		{get, "/instances/:id/webhooks/:wid/deliveries", rightViewer, s.listDeliveries, followed},
		{get, "/instances/:id/webhooks/:wid/deliveries/:did", rightViewer, s.showDelivery, 0},
		{post, "/instances/:id/webhooks/:wid/deliveries/:did/retry", rightOperator, s.retryDelivery, 0},
		{post, "/instances/:id/webhooks/:wid/deliveries/:did/replay", rightOperator, s.replayDelivery, oneTime},
		{get, "/instances/:id/webhooks/:wid/replay", rightOperator, s.askReplay, 0},
		{post, "/instances/:id/webhooks/:wid/replay", rightOperator, s.replayWindow, oneTime},
		{post, "/instances/:id/webhooks/:wid/replay/dead", rightOperator, s.replayDead, oneTime},
		{get, "/instances/:id/webhooks/:wid/preset/:preset", rightOperator, s.askPreset, 0},
		{get, "/instances/:id/webhooks/:wid/sample/:type", rightViewer, s.showSample, 0},
		{get, "/instances/:id/webhooks/:wid/verify", rightViewer, s.showVerify, 0},
		{post, "/instances/:id/webhooks/:wid/try", rightOperator, s.tryWebhook, 0},
		{post, "/instances/:id/webhooks/:wid/resume", rightOperator, s.resumeWebhook, 0},
		{get, "/instances/:id/webhooks/:wid/rotate", rightAdmin, s.askRotate, 0},
		{post, "/instances/:id/webhooks/:wid/rotate", rightAdmin, s.rotateSecret, oneTime},
		{get, "/instances/:id/catch", rightViewer, s.showCatch, followed},
		{get, "/instances/:id/catch/:cid", rightViewer, s.showCaught, 0},
		{post, "/instances/:id/catch/webhook", rightAdmin, s.addCatch, oneTime},
		{post, "/instances/:id/catch/clear", rightOperator, s.clearCatch, 0},
		{post, "/catch/:id/:secretpath", rightPath, s.takeCaught, bare},
		{get, "/events", rightViewer, s.listEvents, followed},
		{get, "/events/export", rightOperator, s.exportEvents, 0},
		{get, "/instances/:id/events", rightViewer, s.listEvents, followed},
		{get, "/instances/:id/events/export", rightOperator, s.exportEvents, 0},
		{get, "/instances/:id/events/:seq", rightViewer, s.showEvent, 0},
		{get, "/instances/:id/webhooks/:wid/delete", rightAdmin, s.askDeleteWebhook, 0},
		{post, "/instances/:id/webhooks/:wid/delete", rightAdmin, s.deleteWebhook, oneTime},
	}
	return append(append(list, s.demoRoutes()...), s.doorRoutes()...)
}

// doorRoutes are the calls that other programs make. Each door says itself
// which of its credentials open which of them.
func (s *Server) doorRoutes() []route {
	list := []route{
		{fiber.MethodGet, "/api/openapi.json", rightAnyone, s.openAPI, bare},
		{fiber.MethodGet, "/api/docs", rightAnyone, s.apiDocs, 0},
	}
	for _, rt := range s.codes.Routes() {
		list = append(list, route{rt.Method, rt.Path, rightToken, door(rt.Handle), 0})
	}
	for _, rt := range s.sprl.Routes() {
		list = append(list, route{fiber.MethodPost, rt.Path, rightKey, door(rt.Handle), 0})
	}
	return list
}
