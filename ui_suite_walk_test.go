package main

import "testing"

// What the list shows is in its address: back, forward and a reload show it
// again, and so does the link that somebody else is sent.
func TestUIFilterBackAndForward(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	h.turn(h.sales, "on")
	desk, both := `!document.querySelector("#row-`+h.sales+`") && !!document.querySelector("#row-`+h.desk+`")`,
		`!!document.querySelector("#row-`+h.sales+`") && !!document.querySelector("#row-`+h.desk+`")`
	const found = ` && new URLSearchParams(location.search).get("q") === "des" && new URLSearchParams(location.search).get("status") === "off"`
	h.open("/instances")
	h.until(both)
	h.follow("#chip-off")
	h.until(desk + ` && location.search === "?status=off"`)
	h.fill("#q", "des")
	h.until(desk + found)
	h.follow("#row-" + h.desk + " a")
	back := desk + found + ` && document.querySelector("#q").value === "des"`
	eval[bool](h.browser, `history.back(), true`)
	h.until(back)
	eval[bool](h.browser, `history.back(), true`)
	h.until(both + ` && location.search === ""`)
	eval[bool](h.browser, `history.forward(), true`)
	h.until(back)
	eval[bool](h.browser, `location.reload(), true`)
	h.until(back)
	other := h.newTab()
	other.open("/instances?q=des&status=off")
	other.until(back)
}

// The sign-in leads to the page that was asked for; a wrong password is said in
// the form, and after some of them the door stays shut for a while.
func TestUILogin(t *testing.T) {
	g := startGateway(t, settings(t, t.TempDir(), startNetwork(t)), ownerEnv())
	b := startBrowser(t, g.Home)
	b.expect("status of 422", "status of 429")
	b.open("/settings/about")
	b.see("#login")
	b.fill("#login [name=email]", ownerEmail)
	b.fill("#login [name=password]", "not the password")
	b.follow("#login button[type=submit]")
	b.see("#login-error")
	if got := eval[string](b, `document.querySelector("#login [name=email]").value`); got != ownerEmail {
		t.Errorf("of the address %q is left", got)
	}
	b.until(`document.activeElement.name === "password" && document.activeElement.value === ""`)
	b.fill("#login [name=password]", ownerPassword)
	b.follow("#login button[type=submit]")
	b.until(`location.pathname === "/settings/about"`)

	stranger := startBrowser(t, g.Home)
	stranger.expect("status of 422", "status of 429")
	stranger.open("/login")
	for range 12 {
		stranger.fill("#login [name=email]", ownerEmail)
		stranger.fill("#login [name=password]", "not the password")
		stranger.follow("#login button[type=submit]")
		stranger.see("#login-error, main .failure")
		if eval[int](stranger, `performance.getEntriesByType("navigation")[0].responseStatus`) == 429 {
			stranger.checkAccess("sign-in, too often")
			return
		}
	}
	t.Error("twelve wrong passwords in a row are let through")
}
