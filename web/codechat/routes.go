package codechat

import (
	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
)

// Route is one call of the contract.
type Route struct {
	Method, Path string // the path as fiber has it, below the host
	Who          Who
	Scope        auth.Scope // what a key needs; with WhoInstance
	Handle       fiber.Handler
}

// entry is a line of the lists below.
type entry struct {
	method, path string
	who          Who
	scope        auth.Scope
	handle       func(*call) error
}

const (
	get   = fiber.MethodGet
	post  = fiber.MethodPost
	put   = fiber.MethodPut
	patch = fiber.MethodPatch
	del   = fiber.MethodDelete
)

// Routes is everything that this door answers.
func (d *Door) Routes() []Route {
	var list []Route
	for _, part := range []struct {
		prefix  string
		entries []entry
	}{
		{"/api/v2/instance/:instanceId", instanceRoutes()}, {"/api/v2/business/:businessId", businessRoutes()},
		{"/api/v2/admin/business", adminRoutes()}, {Prefix13, routes13()},
	} {
		for _, e := range part.entries {
			list = append(list, Route{
				Method: e.method, Path: part.prefix + e.path, Who: e.who, Scope: e.scope,
				Handle: d.let(e.who, e.scope, e.handle),
			})
		}
	}
	return list
}

func instanceRoutes() []entry {
	const who = WhoInstance
	return []entry{
		{get, "", who, auth.ScopeRead, (*call).find},
		{del, "", who, auth.ScopeAdmin, (*call).delete},
		{del, "/logout", who, auth.ScopeControl, (*call).logout},
		{get, "/connect", who, auth.ScopeControl, (*call).connect},
		{post, "/connect/code", who, auth.ScopeControl, (*call).pairingCode},
		{get, "/connection-state", who, auth.ScopeRead, (*call).state},
		{get, "/qrcode", who, auth.ScopeControl, (*call).qrcode},
		{patch, "/reload", who, auth.ScopeControl, (*call).reload},
		{put, "/restart", who, auth.ScopeControl, (*call).reload},
		{patch, "/proxy", who, auth.ScopeSettings, (*call).proxy},

		{post, "/webhook", who, auth.ScopeSettings, (*call).createWebhook},
		{get, "/webhook", who, auth.ScopeRead, (*call).listWebhooks},
		{get, "/webhook/:webhookId", who, auth.ScopeRead, (*call).findWebhook},
		{put, "/webhook/:webhookId", who, auth.ScopeSettings, (*call).updateWebhook},
		{del, "/webhook/:webhookId", who, auth.ScopeSettings, (*call).deleteWebhook},
		{patch, "/webhook/:webhookId/events", who, auth.ScopeSettings, (*call).setEvents},

		{post, "/send/text", who, auth.ScopeSend, (*call).sendText},
		{post, "/send/media", who, auth.ScopeSend, (*call).sendMedia},
		{post, "/send/media-file", who, auth.ScopeSend, (*call).sendMediaFile},
		{post, "/send/audio", who, auth.ScopeSend, (*call).sendAudio},
		{post, "/send/location", who, auth.ScopeSend, (*call).sendLocation},
		{post, "/send/contact", who, auth.ScopeSend, (*call).sendContact},
		{post, "/send/link-preview", who, auth.ScopeSend, (*call).sendLinkPreview},
		{patch, "/send/reaction", who, auth.ScopeSend, (*call).sendReaction},
		{post, "/send/forward", who, auth.ScopeSend, (*call).sendForward},
		{post, "/send/buttons", who, auth.ScopeSend, unsupported("Sending buttons")},
		{post, "/send/list", who, auth.ScopeSend, unsupported("Sending lists")},
		{patch, "/send/edit-message", who, auth.ScopeSend, (*call).editMessage},

		{get, "/chat/search/chats", who, auth.ScopeRead, (*call).searchChats},
		{get, "/chat/search/contacts", who, auth.ScopeRead, (*call).searchContacts},
		{post, "/chat/search/messages", who, auth.ScopeRead, (*call).searchMessages},
		{post, "/chat/validate-numbers", who, auth.ScopeRead, (*call).validateNumbers},
		{patch, "/chat/mark-as-read", who, auth.ScopeSend, (*call).markAsRead},
		{del, "/chat/delete/message/:messageId", who, auth.ScopeSend, (*call).deleteMessage},
	}
}

func businessRoutes() []entry {
	const who = WhoBusiness
	return []entry{
		{get, "", who, "", (*call).findBusiness},
		{put, "", who, "", (*call).updateBusiness},
		{post, "/instance", who, "", (*call).createInstance},
		{del, "/instance", who, "", (*call).deleteOwn},
		{post, "/instance/search", who, "", (*call).search},
		{get, "/instance/connected", who, "", (*call).connected},
		{patch, "/instance/move-whatsapp", who, "", (*call).moveWhatsApp},
		{patch, "/move-whatsapp", who, "", (*call).moveWhatsApp},
		{patch, "/instance/:instanceId/refresh-token", who, "", (*call).refreshToken},
		{patch, "/instance/:instanceId/toggle-activate", who, "", (*call).toggleActivate},
		{post, "/webhook", who, "", (*call).createBusinessWebhook},
		{get, "/webhook", who, "", (*call).findBusinessWebhook},
		{put, "/webhook", who, "", (*call).updateBusinessWebhook},
	}
}

func adminRoutes() []entry {
	const who = WhoAdmin
	return []entry{
		{post, "", who, "", (*call).createBusiness},
		{get, "", who, "", (*call).listBusinesses},
		{patch, "/move-instance", who, "", (*call).moveInstance},
		{del, "/:businessId", who, "", (*call).deleteBusiness},
		{patch, "/:businessId/refresh-token", who, "", (*call).refreshBusinessToken},
	}
}

// unsupported answers calls of the contract that this version cannot carry
// out: saying so is better than a 404, which reads as a wrong address, and
// than success, which would be a lie.
func unsupported(what string) func(*call) error {
	return func(*call) error { return bad(what + " is not supported by this version") }
}
