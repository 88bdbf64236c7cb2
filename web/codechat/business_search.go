package codechat

import (
	"encoding/json"
	"slices"
	"strings"

	"pombal/internal/instance"
)

// search is POST /business/:businessId/instance/search?page=1. It answers 200
// (documented).
func (c *call) search() error {
	page, _, err := readPage(c.Ctx)
	if err != nil {
		return err
	}
	wanted, err := c.readSearch()
	if err != nil {
		return err
	}
	list, err := c.instancesWhere(wanted)
	if err != nil {
		return err
	}
	answer, err := c.businessAnswer(c.business)
	if err != nil {
		return err
	}
	return c.sendSearch(answer, pageOf(list, page))
}

// sendSearch answers with the tenant and a page of its instances.
func (c *call) sendSearch(b businessJSON, found pageJSON[instance.Instance]) error {
	records, err := c.instanceList(found.Records)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(searchJSON{businessJSON: b, BusinessPage: pageJSON[instanceJSON]{
		TotalRecords: found.TotalRecords, TotalPages: found.TotalPages, CurrentPage: found.CurrentPage,
		Records: []instanceJSON{},
	}})
	if err != nil {
		return err
	}
	const end = "[]}}" // of the page's empty list
	text := append(jsonText(raw[:len(raw)-len(end)]), records...)
	return c.sendJSON(append(text, "}}"...))
}

// readSearch reads what to look for. Each property narrows the result; the name
// is looked for inside names.
func (c *call) readSearch() (func(instance.Instance) bool, error) {
	b, err := readBody(c.Ctx)
	if err != nil {
		return nil, err
	}
	in := b.object("search")
	id, name := in.text("instanceId", maxID), in.text("name", maxText)
	state := in.choice("state", "active", "inactive")
	// The page's prose says "closed" where its schema says "close".
	connection := in.choice("connection", "open", "close", "refused", "closed")
	if connection == "closed" {
		connection = "close"
	}
	in.only()
	b.only()
	return func(in instance.Instance) bool {
		return (id == nil || *id == "" || in.ID == *id) &&
			(name == nil || strings.Contains(strings.ToLower(in.Name), strings.ToLower(*name))) &&
			(state == "" || string(in.State) == state) && (connection == "" || in.Connection() == connection)
	}, b.err()
}

// choice takes one of a few words; "" when it is absent.
func (b *body) choice(name string, words ...string) string {
	text := b.text(name, maxText)
	if text == nil || *text == "" {
		return ""
	}
	if !slices.Contains(words, *text) {
		b.fault(name, "must be one of the following values: "+strings.Join(words, ", "))
	}
	return *text
}

// instancesWhere lists the instances of the tenant that are wanted, by name.
func (c *call) instancesWhere(wanted func(instance.Instance) bool) ([]instance.Instance, error) {
	list, err := c.door.Instances.List(c.ctx())
	return slices.DeleteFunc(list, func(in instance.Instance) bool {
		return in.BusinessID != c.business.ID || !wanted(in)
	}), err
}

// instanceList is instanceAnswer for many, with one look at the webhooks.
func (c *call) instanceList(list []instance.Instance) (jsonText, error) {
	hooks, err := c.door.Webhooks.ListAll(c.ctx())
	if err != nil {
		return nil, err
	}
	text := newList(len(list))
	for _, in := range list {
		b, err := c.businessOf(in)
		if err != nil {
			return nil, err
		}
		jwt, err := c.jwt(in)
		if err != nil {
			return nil, err
		}
		text = text.comma().instance(newInstance(in, jwt, hooks[in.ID], b))
	}
	return append(text, ']'), nil
}

// connected is GET /business/:businessId/instance/connected.
func (c *call) connected() error {
	list, err := c.instancesWhere(func(in instance.Instance) bool { return in.Connection() == "open" })
	if err != nil {
		return err
	}
	answer, err := c.instanceList(list)
	if err != nil {
		return err
	}
	return c.sendJSON(answer)
}
