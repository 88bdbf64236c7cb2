package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/cdp"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"pombal/internal/locale"
	"pombal/views"
)

// Every component in every state, in both themes: nothing keeps people out.
func TestUIStoriesAreAccessible(t *testing.T) {
	if raceEnabled {
		t.Skip("what is looked at is the pages")
	}
	t.Parallel() // beside tests that mostly wait
	b := openStories(t)
	b.size(1280, 900)
	b.media("", "prefers-reduced-motion", "reduce") // colours on their way to others are no colours to measure
	for _, s := range views.Stories() {
		b.show(s, "en")
		b.checkAccess(s.Name + ", light")
		if strings.HasPrefix(s.Name, "instance-why-") {
			continue // they differ in a sentence
		}
		b.theme("dark")
		b.checkAccess(s.Name + ", dark")
	}
}

// Every component in every state and language: nothing is wider than the
// narrowest phone. With texts a third longer than English, nothing is wider than
// a tablet or a desk's screen either.
func TestUIStoriesFit(t *testing.T) {
	if raceEnabled {
		t.Skip("what is looked at is the pages")
	}
	t.Parallel() // beside tests that mostly wait
	b := openStories(t)
	for _, s := range views.Stories() {
		b.show(s, locale.PseudoTag)
		for _, width := range []int64{768, 1280} {
			b.size(width, 700)
			b.checkWidth(fmt.Sprintf("%s, %d wide", s.Name, width))
		}
	}
	b.size(320, 700)
	tags := []string{locale.PseudoTag}
	for _, l := range locale.Languages() {
		tags = append(tags, l.Tag)
	}
	for _, s := range views.Stories() {
		for _, tag := range tags {
			b.show(s, tag)
			b.checkWidth(s.Name + ", " + tag)
		}
	}
}

// Pictures of every story for people to look at, where BROWSER_SHOTS says: two
// widths, two themes, four languages. The stories that BROWSER_STORIES names and
// the languages that BROWSER_LANGUAGES names are enough when they are set.
func TestUIPictures(t *testing.T) {
	if os.Getenv("BROWSER_SHOTS") == "" {
		t.Skip("nobody asked for pictures")
	}
	b := openStories(t)
	b.media("", "prefers-reduced-motion", "reduce")
	var stories, languages []string
	for _, s := range views.Stories() {
		stories = append(stories, s.Name)
	}
	for _, l := range locale.Languages() {
		languages = append(languages, l.Tag)
	}
	stories, languages = narrowed(t, "BROWSER_STORIES", stories), narrowed(t, "BROWSER_LANGUAGES", languages)
	for _, s := range views.Stories() {
		for _, tag := range languages {
			if slices.Contains(stories, s.Name) {
				b.drawStory(s, tag)
			}
		}
	}
	t.Logf("drew %d of %d stories in %v", len(stories), len(views.Stories()), languages)
}

// narrowed are those of all that a variable names; all when it names none. A
// name that is not among them is a mistake: its pictures would be missed later.
func narrowed(t *testing.T, variable string, all []string) []string {
	t.Helper()
	only := strings.Fields(os.Getenv(variable))
	for _, name := range only {
		if !slices.Contains(all, name) {
			t.Fatalf("%s: there is no %q", variable, name)
		}
	}
	if len(only) == 0 {
		return all
	}
	return only
}

// drawStory keeps the pictures of a story in a language, and of it on paper and
// with the colours of somebody's system.
func (b *browser) drawStory(s views.Story, tag string) {
	b.t.Helper()
	b.show(s, tag)
	for _, width := range []int64{390, 1280} {
		b.size(width, 800)
		for _, theme := range []string{"light", "dark"} {
			b.theme(theme)
			b.size(width, eval[int64](b, `document.documentElement.scrollHeight`)) // what stands below stands below all
			b.shot(fmt.Sprintf("%s-%s-%d-%s", s.Name, tag, width, theme))
		}
	}
	if tag != "en" {
		return
	}
	for name, set := range map[string]func(){
		"paper":  func() { b.media("print") },
		"forced": func() { b.media("", "forced-colors", "active") },
	} {
		set()
		b.shot(fmt.Sprintf("%s-%s-%s", s.Name, tag, name))
	}
	b.media("", "prefers-reduced-motion", "reduce")
}

// The demo shows the stories, and nothing else does.
func TestUIStoriesAreInTheDemo(t *testing.T) {
	b := openStories(t)
	b.follow("main a[href='/_stories/list']")
	b.see("#list")
	o := newOperator(t, startGateway(t, settings(t, t.TempDir(), startNetwork(t)), ownerEnv()).Home)
	o.logIn()
	if p := o.get("/_stories"); p.Status != 404 {
		t.Errorf("outside the demo the stories answer %d", p.Status)
	}
}

// openStories opens the demo's list of stories.
func openStories(t *testing.T) *browser {
	t.Helper()
	enter, _, _ := startDemo(t)
	b := startBrowser(t, "")
	b.expect("cannot be parsed, or is out of range") // nonsense in a field for numbers, as some stories show it
	b.open(enter)
	b.home = strings.TrimSuffix(eval[string](b, `location.href`), "/instances")
	b.open("/_stories")
	// The page's clock would go on in the stories, and they have a time of their own.
	eval[bool](b, `(() => { for (let id = setTimeout(() => {}); id > 0; id--) clearTimeout(id); return true })()`)
	return b
}

// show puts a story in the place of the page that is open. That is many times
// faster than to open it, and its styles and pictures come from the same place.
func (b *browser) show(s views.Story, tag string) {
	b.t.Helper()
	printer, err := locale.New(tag)
	if tag == locale.PseudoTag {
		printer, err = locale.Pseudo()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	var html strings.Builder
	ctx := templ.WithNonce(context.Background(), "nonce")
	if err := s.Page(views.StoryPage(printer, "light")).Render(ctx, &html); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		tree, err := cdp.Call(ctx, t, cdpage.GetFrameTree, cdp.Empty{})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, cdpage.SetDocumentContent, cdpage.SetDocumentContentParams{
			FrameID: tree.FrameTree.Frame.ID, HTML: html.String(),
		})
		return err
	}))
	b.until(`document.readyState === "complete" && getComputedStyle(document.body).display === "flex"`)
}
