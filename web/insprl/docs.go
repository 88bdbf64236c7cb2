package insprl

// Operation is a call as the documentation shows it.
type Operation struct {
	Path    string
	Global  bool // opened by the operator's key
	Ours    bool // not in InSPRL's known pages
	Summary string
	Fields  map[string]string // an example of the form
	Answer  any
}

// Operations are all calls of this door with examples. A route without a line
// here is left out, which a test forbids.
func (d *Door) Operations() []Operation {
	done := func(result any) any { return reply{Code: codeDone, Message: "success", Result: result} }
	with := func(more ...string) map[string]string {
		fields := map[string]string{"client_id": "cl_CLIENT", "instance_id": "INSTANCE"}
		for i := 0; i+1 < len(more); i += 2 {
			fields[more[i]] = more[i+1]
		}
		return fields
	}
	all := map[string]Operation{
		"/instance/logout":    {Summary: "Logout from WhatsApp Web to get new QR code", Fields: with(), Answer: done("Logout request sent to WhatsApp")},
		"/instance/create":    {Ours: true, Summary: "Create an instance and a client key for it; needs the operator's key", Fields: map[string]string{"instance_name": "till-2"}, Answer: done(createdResult{"INSTANCE", "cl_CLIENT", "pik_KEY"})},
		"/instance/qr":        {Ours: true, Summary: "Start linking; each call gives the QR code of the moment", Fields: with(), Answer: done(qrResult{"connecting", "data:image/png;base64,iVBORw0K", "https://wa.me/settings/linked_devices#2@Vx8"})},
		"/instance/status":    {Ours: true, Summary: "State of the instance", Fields: with(), Answer: done(statusResult{"connected", "5511987650001", "till"})},
		"/instance/reconnect": {Ours: true, Summary: "Renew the connection", Fields: with(), Answer: done("Reconnect request sent to WhatsApp")},
		"/message/send":       {Ours: true, Summary: "Send a text", Fields: with("number", "5521998880002", "message", "order ready"), Answer: done(sentResult{"3EB0A9C4D2E1F0B7A6C5D4", "5521998880002", 1772442900})},
		"/webhook/set":        {Ours: true, Summary: "Set the webhook; it gets every event", Fields: with("webhook_url", "https://erp.example.com/hook", "enabled", "false"), Answer: done("Webhook saved")},
	}
	var list []Operation
	for _, rt := range d.Routes() {
		op, ok := all[rt.Path[len(Prefix):]]
		if ok {
			op.Path, op.Global = rt.Path, rt.Global
			list = append(list, op)
		}
	}
	return list
}
