package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/webhook"
	"pombal/views"
)

// Limits of what is done to many instances at once: how many there may be, how
// many at the same time, and how long it may take in all. WhatsApp gets ten
// seconds for each logout.
const (
	bulkMax      = 100
	bulkParallel = 8
	bulkLimit    = 45 * time.Second
)

// Refusals of the list's form.
var (
	errNothingPicked = problem.New(problem.Invalid, "error.nothing_picked")
	errTooManyPicked = problem.New(problem.Invalid, "error.too_many_picked", "max", bulkMax)
	errUnknownAct    = problem.InvalidField("do", "error.unknown_act")
)

// askBulk asks before something is done to the instances that were ticked: as
// a dialog, or as a page for browsers without scripts.
func (s *Server) askBulk(r *request) error {
	var ids []string
	for _, id := range r.Context().QueryArgs().PeekMulti("id") {
		ids = append(ids, string(id))
	}
	page, err := s.bulkPage(r, r.Query("do"), ids, r.Query("back"))
	if len(ids) == 0 && !r.isHX() {
		return s.redirectWith(r, page.Back, warn(errNothingPicked.Text.Key))
	}
	if err != nil {
		return err
	}
	return s.sendBulk(r, fiber.StatusOK, page)
}

func (s *Server) sendBulk(r *request, status int, page views.BulkPage) error {
	var err error
	if r.wantsFragment() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		return s.render(r, status, views.BulkDialog(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, status, views.Bulk(page))
}

// bulkPage finds the instances that were chosen. Some may have been deleted
// meanwhile.
func (s *Server) bulkPage(r *request, act string, ids []string, back string) (views.BulkPage, error) {
	page := views.BulkPage{Act: act, Back: backToList(back)}
	if !slices.Contains(views.BulkActs(), act) {
		return page, errUnknownAct
	}
	all, err := s.Instances.List(r.UserContext())
	if err != nil {
		return page, err
	}
	chosen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if id != "" {
			chosen[id] = true
		}
	}
	var found []string
	for _, in := range all {
		for _, tag := range in.Tags {
			if !instance.HasTag(page.Known, tag) {
				page.Known = append(page.Known, tag)
			}
		}
		if chosen[in.ID] {
			page.Instances = append(page.Instances, in)
			found = append(found, in.ID)
		}
	}
	slices.Sort(page.Known)
	page.Gone, page.IDs = len(chosen)-len(found), strings.Join(found, ",")
	switch {
	case len(found) == 0:
		return page, errNothingPicked
	case len(chosen) > bulkMax:
		return page, errTooManyPicked
	}
	return page, nil
}

// backToList is the address of the list that somebody came from.
func backToList(back string) string {
	if next := safeNext(back); next == "/instances" || strings.HasPrefix(next, "/instances?") {
		return next
	}
	return "/instances"
}

// doBulk does it, and says for each instance what came of it.
func (s *Server) doBulk(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	page, err := s.bulkPage(r, f.text("do"), strings.Split(f.text("ids"), ","), f.raw("back"))
	if err != nil {
		return err
	}
	t, err := s.printerFor(r)
	if err != nil {
		return err
	}
	page.Tag = f.text("tag")
	act, err := s.bulkAct(page.Act, page.Tag)
	if err != nil {
		messages, isForm := fieldErrors(t, err)
		if !isForm {
			return err
		}
		page.Errors = messages
		return s.sendBulk(r, fiber.StatusUnprocessableEntity, page)
	}
	results := s.eachOf(r, page.Instances, act)
	for i, in := range page.Instances {
		page.Results = append(page.Results, views.BulkResult{Instance: in, Kind: results[i].Kind, Text: results[i].text(t)})
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.BulkDone(page))
}

// bulkDo does one thing to one instance and says what came of it; what goes
// into the audit comes with it.
type bulkDo func(ctx context.Context, in instance.Instance) (notice, []auditNote, error)

// auditNote is an entry of the audit that a handler still has to write.
type auditNote struct {
	action, object string
	detail         map[string]string
}

// eachOf does something to each instance, a few at a time. The order of what
// came of it is that of the instances.
func (s *Server) eachOf(r *request, list []instance.Instance, do bulkDo) []notice {
	ctx, cancel := context.WithTimeout(r.UserContext(), bulkLimit)
	defer cancel()
	results, notes := make([]notice, len(list)), make([][]auditNote, len(list))
	slots := make(chan struct{}, bulkParallel)
	var all sync.WaitGroup
	for i, in := range list {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			results[i], notes[i] = s.doOne(ctx, r.id, in, do)
		})
	}
	all.Wait()
	for _, of := range notes { // the request is not to be touched by two at once
		for _, n := range of {
			s.record(r, n.action, n.object, n.detail)
		}
	}
	return results
}

// doOne does it to one instance; a panic is that of one instance too.
func (s *Server) doOne(ctx context.Context, request string, in instance.Instance, do bulkDo) (result notice, notes []auditNote) {
	err := s.safely(func() (err error) {
		result, notes, err = do(ctx, in)
		return err
	})
	if err == nil {
		return result, notes
	}
	p := refusal(err)
	if ctx.Err() != nil {
		p = problem.New(problem.Unavailable, "error.ran_out_of_time")
	} else if p.Kind == problem.Internal {
		s.Log.Error("bulk", "request", request, "instance", in.ID, "error", err.Error())
	}
	text := p.Text
	if len(p.Fields) > 0 {
		text = p.Fields[0].Text
	}
	result = notice{Kind: "bad", Key: text.Key}
	for _, a := range text.Args {
		result.Args = append(result.Args, fmt.Sprint(a))
	}
	return result, notes
}

// bulkAct finds what an act of the list's menu does. tag is as typed;
// problem.Invalid names "tags".
func (s *Server) bulkAct(act, tag string) (bulkDo, error) {
	switch act {
	case "reconnect":
		return s.bulkReconnect, nil
	case "on":
		return s.bulkPower("instance.on", "result.on", s.Instances.SwitchOn), nil
	case "off":
		return s.bulkPower("instance.off", "result.off", s.Instances.SwitchOff), nil
	case "hooks_on":
		return s.bulkHooks(true), nil
	case "hooks_off":
		return s.bulkHooks(false), nil
	case "logout":
		return s.bulkLogout, nil
	case "tag", "untag":
		return s.bulkTag(act, tag)
	default:
		return nil, errUnknownAct
	}
}

func noteOf(action string, in instance.Instance) []auditNote {
	return []auditNote{{action: action, object: "instance:" + in.ID}}
}

// bulkReconnect renews connections. Nobody would see the code of one that is
// not linked.
func (s *Server) bulkReconnect(ctx context.Context, in instance.Instance) (notice, []auditNote, error) {
	if !in.Linked() {
		return warn("result.not_linked"), nil, nil
	}
	_, err := s.Instances.Reload(ctx, in.ID)
	if err != nil {
		return notice{}, nil, err
	}
	return ok("result.reconnect"), noteOf("instance.reconnect", in), nil
}

func (s *Server) bulkPower(action, key string, do func(context.Context, string) (instance.Instance, error)) bulkDo {
	return func(ctx context.Context, in instance.Instance) (notice, []auditNote, error) {
		if _, err := do(ctx, in.ID); err != nil {
			return notice{}, nil, err
		}
		return ok(key), noteOf(action, in), nil
	}
}

func (s *Server) bulkLogout(ctx context.Context, in instance.Instance) (notice, []auditNote, error) {
	res, err := s.Instances.Logout(ctx, in.ID, instance.LogoutParams{Wait: true})
	if err != nil {
		return notice{}, nil, err
	}
	return logoutNotice(res), []auditNote{{"instance.logout", "instance:" + in.ID, logoutDetail(res)}}, nil
}

// bulkHooks switches all webhooks of an instance on or off.
func (s *Server) bulkHooks(on bool) bulkDo {
	state, key := "off", "result.hooks_off"
	if on {
		state, key = "on", "result.hooks_on"
	}
	return func(ctx context.Context, in instance.Instance) (notice, []auditNote, error) {
		hooks, err := s.Webhooks.List(ctx, in.ID)
		if err != nil {
			return notice{}, nil, err
		}
		var notes []auditNote
		for _, h := range hooks {
			if h.Enabled == on {
				continue
			}
			if _, err := s.Webhooks.Update(ctx, in.ID, h.ID, webhook.UpdateParams{Enabled: &on}); err != nil {
				return notice{}, notes, err
			}
			notes = append(notes, auditNote{"webhook.enabled", "webhook:" + h.ID, map[string]string{"enabled": state}})
		}
		if len(hooks) == 0 {
			return info("result.no_hooks"), nil, nil
		}
		return ok(key), notes, nil
	}
}

// bulkTag adds the tags that were typed, or takes them away.
func (s *Server) bulkTag(act, typed string) (bulkDo, error) {
	tags, err := instance.ParseTags(typed)
	if err != nil {
		return nil, err
	}
	if len(tags) == 0 {
		return nil, problem.InvalidField("tags", "error.required")
	}
	return func(ctx context.Context, in instance.Instance) (notice, []auditNote, error) {
		add, remove, key := tags, []string(nil), "result.tag"
		if act == "untag" {
			add, remove, key = nil, tags, "result.untag"
		}
		if _, err := s.Instances.Retag(ctx, in.ID, add, remove); err != nil {
			return notice{}, nil, err
		}
		detail := map[string]string{act: strings.Join(tags, ", ")}
		return ok(key), []auditNote{{"instance.tags", "instance:" + in.ID, detail}}, nil
	}, nil
}
