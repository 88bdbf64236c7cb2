package views

import (
	"net/url"
	"strconv"
	"time"

	"pombal/internal/instance"
)

// ListChoice says which instances the list shows and in which order. All of it
// is in the address of the page.
type ListChoice struct {
	Query  string
	Filter string // all, connected, attention or off
	Tag    string // empty: any
	Sort   string // name, status or last
	Back   bool   // in the opposite order
	Per    int    // lines a page: one of PageSizes
	Page   int    // from 1
}

// PageSizes are how many lines a page may have; the first is the default.
func PageSizes() []int { return []int{25, 50, 100} }

// ListSorts are the orders of the list; the first is the default.
func ListSorts() []string { return []string{"name", "status", "last"} }

// URL is the address of the list with this choice.
func (c ListChoice) URL() string {
	v := url.Values{}
	set := func(name, value, usual string) {
		if value != "" && value != usual {
			v.Set(name, value)
		}
	}
	set("q", c.Query, "")
	set("status", c.Filter, "all")
	set("tag", c.Tag, "")
	set("sort", c.order(), ListSorts()[0])
	if c.Per > 0 {
		set("per", strconv.Itoa(c.Per), strconv.Itoa(PageSizes()[0]))
	}
	if c.Page > 1 {
		v.Set("page", strconv.Itoa(c.Page))
	}
	if len(v) == 0 {
		return "/instances"
	}
	return "/instances?" + v.Encode()
}

// order is the value of "sort": a minus means the opposite order.
func (c ListChoice) order() string {
	if c.Back {
		return "-" + c.Sort
	}
	return c.Sort
}

// filter is the filter of the list; anything unknown is all.
func (c ListChoice) filter() string {
	switch c.Filter {
	case "connected", "attention", "off":
		return c.Filter
	default:
		return "all"
	}
}

// with gives the choice with another filter, from its first page.
func (c ListChoice) with(filter string) ListChoice {
	c.Filter, c.Page = filter, 1
	return c
}

// sorted gives the choice in another order; the same order turns around.
func (c ListChoice) sorted(by string) ListChoice {
	c.Back, c.Sort, c.Page = c.Sort == by && !c.Back, by, 1
	return c
}

// at gives another page of the choice.
func (c ListChoice) at(page int) ListChoice { c.Page = page; return c }

// per gives the choice with another number of lines a page.
func (c ListChoice) per(n int) ListChoice { c.Per, c.Page = n, 1; return c }

// ariaSort says how a column is sorted; "" when it is not.
func (c ListChoice) ariaSort(by string) string {
	switch {
	case c.Sort != by:
		return ""
	case c.Back:
		return "descending"
	default:
		return "ascending"
	}
}

// InstanceRow is one line of the list.
type InstanceRow struct {
	Instance        instance.Instance
	Webhooks        int
	WebhooksEnabled int
	WebhooksFailing int
	Events          int // of the last day
}

// InstancesPage is the list.
type InstancesPage struct {
	Page
	ListChoice
	Rows   []InstanceRow // those of the page, in their order
	Found  int           // on all pages
	Tags   []string      // all there are
	Counts FilterCounts
}

// FilterCounts are the numbers on the chips above the list.
type FilterCounts struct{ All, Connected, Attention, Off int }

// pages is how many pages the list has.
func (p InstancesPage) pages() int { return max(1, (p.Found+p.Per-1)/max(1, p.Per)) }

// first and last number the lines of the page among all found.
func (p InstancesPage) first() int { return (p.ListChoice.Page-1)*p.Per + 1 }
func (p InstancesPage) last() int  { return p.first() + len(p.Rows) - 1 }

// numbers are the pages that the pager names: the first, the last and those
// around this one. 0 is a gap.
func (p InstancesPage) numbers() []int {
	var list []int
	for n := 1; n <= p.pages(); n++ {
		near := n >= p.ListChoice.Page-1 && n <= p.ListChoice.Page+1
		if n == 1 || n == p.pages() || near {
			list = append(list, n)
		} else if list[len(list)-1] != 0 {
			list = append(list, 0)
		}
	}
	return list
}

// BulkActs are what can be done to many instances at once, in the order of the
// menu.
func BulkActs() []string {
	return []string{"reconnect", "on", "off", "hooks_on", "hooks_off", "tag", "untag", "logout"}
}

// needsTag says whether an act asks for a tag.
func needsTag(act string) bool { return act == "tag" || act == "untag" }

// risky says whether an act cannot simply be undone.
func risky(act string) bool { return act == "logout" }

// BulkPage asks before something is done to many instances, and says then what
// came of it.
type BulkPage struct {
	Page
	Act       string
	Instances []instance.Instance
	Gone      int // that were chosen and are no longer there
	IDs       string
	Back      string // address of the list
	Tag       string // as typed
	Known     []string
	Errors    FieldErrors
	Results   []BulkResult // nil before it is done
}

// BulkResult is what came of an act for one instance.
type BulkResult struct {
	Instance instance.Instance
	Kind     string // ok, info, warn or bad
	Text     string // already translated
}

// good counts the results that nobody has to look at again.
func (p BulkPage) good() int {
	n := 0
	for _, r := range p.Results {
		if r.Kind == "ok" || r.Kind == "info" {
			n++
		}
	}
	return n
}

// Last is when anything came from WhatsApp last; before that, since when the
// instance has been in its state.
func (row InstanceRow) Last() time.Time {
	if row.Instance.SeenAt.IsZero() {
		return row.Instance.Status.Since
	}
	return row.Instance.SeenAt
}
