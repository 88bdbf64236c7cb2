package codechat

import "pombal/internal/auth"

// routes13 are the calls of version 1.3 that live clients still make. Each is
// the same operation as in version 2, in the older words.
func routes13() []entry {
	const who = WhoInstance
	return []entry{
		{post, "/instance/create", WhoAdmin, "", (*call).create13},
		{get, "/instance/fetchInstances", WhoAdmin, "", (*call).fetchAll13},
		{get, "/instance/fetchInstance/:instanceName", who, auth.ScopeRead, (*call).fetch13},
		{get, "/instance/connect/:instanceName", who, auth.ScopeControl, (*call).connect13},
		{get, "/instance/connect/:instanceName/code/:phoneNumber", who, auth.ScopeControl, (*call).pairingCode13},
		{get, "/instance/connectionState/:instanceName", who, auth.ScopeRead, (*call).state13},
		{get, "/instance/qrcode/:instanceName", who, auth.ScopeControl, (*call).qrcode13},
		{patch, "/instance/reload/:instanceName", who, auth.ScopeControl, (*call).reload13},
		{patch, "/instance/update/:instanceName", who, auth.ScopeSettings, (*call).update13},
		{del, "/instance/logout/:instanceName", who, auth.ScopeControl, (*call).logout13},
		{del, "/instance/delete/:instanceName", who, auth.ScopeAdmin, (*call).delete13},
		{put, "/instance/refreshToken/:instanceName", who, auth.ScopeAdmin, (*call).refreshToken13},
		{put, "/webhook/set/:instanceName", who, auth.ScopeSettings, (*call).setWebhook13},
		{get, "/webhook/find/:instanceName", who, auth.ScopeRead, (*call).findWebhook13},
		{post, "/message/sendText/:instanceName", who, auth.ScopeSend, (*call).sendText13},
	}
}
