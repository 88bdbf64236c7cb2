// What the pages do beyond htmx. Every page works without this file.
(() => {
  'use strict';
  const doc = document, root = doc.documentElement, body = doc.body;
  const byId = id => doc.getElementById(id);
  const all = (selector, from = doc) => [...from.querySelectorAll(selector)];
  const on = (type, handler, target = doc) => target.addEventListener(type, handler);
  const lang = root.lang || 'en';
  const live = byId('live'), dialog = byId('dialog'), offline = byId('offline');
  let lost = () => {};

  // --- Notices. Text only ever goes in as text.
  function toast(kind, text) {
    if (!text) return;
    const bad = kind === 'bad';
    const box = doc.createElement('div');
    box.className = 'toast ' + (/^(ok|info|warn|bad)$/.test(kind) ? kind : 'info');
    const words = doc.createElement('span');
    words.textContent = text;
    const close = doc.createElement('button');
    close.type = 'button';
    close.textContent = '×';
    close.setAttribute('aria-label', body.dataset.close);
    close.onclick = () => box.remove();
    box.append(words, close);
    const shelf = byId(bad ? 'alerts' : 'toasts');
    while (shelf.children.length > 2) shelf.firstChild.remove();
    // An open dialog makes the rest of the page inert, notices included.
    if (dialog.open) dialog.append(shelf);
    shelf.append(box);
    let timer;
    const start = () => { if (!bad) timer = setTimeout(() => box.remove(), 6000); };
    const stop = () => clearTimeout(timer);
    box.onmouseenter = box.onfocus = stop;
    box.onmouseleave = start;
    start();
    remember(box.className, text);
  }
  // Every notice stays readable after it went.
  function remember(kind, text) {
    const list = byId('notices')?.querySelector('ol');
    if (!list) return;
    const item = doc.createElement('li');
    item.className = kind.replace('toast ', '');
    item.textContent = text;
    list.prepend(item);
    if (list.children.length > 10) list.lastChild.remove();
    byId('notices').hidden = false;
  }
  const flash = byId('flash');
  if (flash) remember(flash.dataset.kind, flash.textContent);
  on('toast', e => toast(e.detail.kind, e.detail.text));
  on('keydown', e => {
    if (e.key !== 'Escape') return;
    for (const menu of all('details.menu[open]')) { menu.open = false; menu.firstElementChild.focus(); }
    all('.toast').pop()?.remove();
  });
  on('click', e => all('details.menu[open]').forEach(menu => { if (!menu.contains(e.target)) menu.open = false; }));

  // --- Copying. The clipboard is there on https and localhost alone.
  on('click', async e => {
    const button = e.target.closest('[data-copy]');
    if (!button) return;
    const from = byId(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(from.textContent);
    } catch {
      const range = doc.createRange();
      range.selectNodeContents(from);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      if (!doc.execCommand('copy')) return;
    }
    toast('ok', body.dataset.copied);
  });

  // --- The dialog. It holds what a link would have opened as a page.
  let opener;
  const shelve = () => body.append(byId('toasts'), byId('alerts'));
  on('click', e => {
    if (e.target.closest('[data-close-dialog]') && dialog.open) { e.preventDefault(); dialog.close(); }
    if (e.target === dialog) dialog.close();
  });
  on('htmx:before:swap', e => {
    const { ctx } = e.detail, asks = ctx.sourceElement?.matches?.('[data-tail]') && ctx.sourceElement.getAttribute('hx-get');
    if (asks && asks !== ctx.request.action) return e.preventDefault(); // what it showed before it was paused or resumed
    if (ctx.target === dialog) shelve();
  });
  on('close', () => {
    shelve();
    dialog.replaceChildren();
    if (opener) byId(opener)?.focus();
    if (opener && doc.activeElement === body) byId('main').focus();
    opener = null;
  }, dialog);
  function fill(source) {
    if (dialog.open || !dialog.firstElementChild) return;
    opener = source?.id;
    dialog.showModal();
    byId('dialog-cancel')?.focus();
  }

  // --- Countdowns. The server says how long is left, so that a wrong clock in
  // the browser does no harm.
  const ends = new WeakMap();
  function scan() {
    for (const box of all('[data-left]')) {
      const key = box.dataset.key + '/' + box.dataset.left;
      if (ends.get(box)?.key !== key) ends.set(box, {key, at: performance.now() + Number(box.dataset.left)});
    }
    tick();
  }
  function clock(n) {
    const two = x => String(Math.floor(x) % 60).padStart(2, '0'), h = Math.floor(n / 3600);
    return h ? `${h}:${two(n / 60)}:${two(n)}` : `${Math.floor(n / 60)}:${two(n)}`;
  }
  function tick() {
    for (const box of all('[data-left]')) {
      const end = ends.get(box);
      if (!end) continue;
      const left = end.at - performance.now();
      const words = box.querySelector('b'), n = Math.max(0, Math.ceil(left / 1000));
      const text = 'clock' in box.dataset ? clock(n) : n.toLocaleString(lang);
      if (words.textContent !== text) words.textContent = text;
      const bar = box.querySelector('progress');
      if (bar) bar.value = Math.max(0, left / 1000);
      if (left < 10000 && left > 0 && !end.soon && box.dataset.soon) {
        end.soon = true;
        byId('say').textContent = box.dataset.soon;
      }
      // A dead code must not be scanned: it goes at its very moment, and does not
      // come back while the picture of the next one loads, although browsers go
      // on showing what they have.
      box.closest('.scan')?.classList.toggle('dead', left <= 0 || byId('qr')?.complete === false);
      if (left > 0 || end.over) continue;
      // What comes next is asked for in case the signal got lost.
      end.over = true;
      const region = box.closest('[hx-get]');
      if (region) setTimeout(() => { if (box.isConnected && ends.get(box) === end) htmx.trigger(region, 'refresh', {}, false); }, 700);
    }
  }
  setInterval(tick, 200);

  // --- Times in the zone that was chosen, or that of the browser.
  // The day before the month and 24 hours, as the server writes them.
  const form = {day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: body.dataset.zone};
  const order = lang === 'en' ? 'en-GB' : lang;
  const near = new Intl.DateTimeFormat(order, form), far = new Intl.DateTimeFormat(order, {...form, year: 'numeric'});
  const ago = (body.dataset.ago || '').split('|');
  function times() {
    const now = Date.now();
    for (const el of all('time')) {
      const at = Date.parse(el.dateTime), s = (now - at) / 1000;
      const exact = (new Date(at).getFullYear() === new Date().getFullYear() ? near : far).format(at);
      let text = exact;
      if (!('exact' in el.dataset) && s > -3600 && s < 604800) {
        const i = s < 5 ? 0 : s < 60 ? 1 : s < 3600 ? 2 : s < 86400 ? 3 : 4;
        text = ago[i].replace('{n}', Math.floor(s / [1, 1, 60, 3600, 86400][i]));
      }
      if (el.title !== exact && text !== exact) el.title = exact;
      if (el.textContent !== text) el.textContent = text;
    }
  }
  setInterval(times, 15000);

  // --- Times that are typed: in the zone of the browser where nobody chose one.
  function typedTimes() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const field of all('[data-when-zone]')) {
      if (field.value || !zone) continue;
      field.value = zone;
      for (const el of field.form.querySelectorAll('[data-when-label]')) el.textContent = zone;
      for (const el of field.form.querySelectorAll('[data-when]')) {
        const at = new Date(el.value + 'Z');
        if (el.value && !isNaN(at)) el.value = new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
      }
    }
  }

  // --- How many instances need somebody, in the title and the icon of the tab.
  function attention() {
    const box = byId('attention'), icon = byId('favicon');
    if (!box) return;
    const n = Number(box.dataset.n), title = doc.title.replace(/^\(!.*?\) /, '');
    doc.title = n ? `(!${n.toLocaleString(lang)}) ${title}` : title;
    const href = n ? icon.dataset.attention : icon.dataset.ok;
    if (icon.getAttribute('href') !== href) icon.href = href;
  }

  // --- After every swap.
  on('htmx:after:swap', e => {
    const source = e.detail.ctx.sourceElement;
    if (e.detail.ctx.target === dialog) fill(source);
    scan();
    times();
    typedTimes();
    attention();
    if (e.detail.ctx.request.method !== 'GET') doc.querySelector('#dialog [aria-invalid], form [aria-invalid]')?.focus();
    // The number is linked: the card with the code is gone, and so may be what
    // had the focus.
    const pair = doc.querySelector('.pair[hidden]');
    if (pair && pairing && doc.activeElement === body) byId('status-title')?.focus();
    pairing = !!doc.querySelector('.pair:not([hidden])');
  });
  let pairing = !!doc.querySelector('.pair:not([hidden])');

  // --- Requests that went wrong. The server says why where it can.
  on('htmx:response:error', e => {
    const {ctx} = e.detail, status = ctx.response.status;
    if (ctx.sourceElement === live) return lost(status);
    if (status === 401 && !ctx.hx.redirect) return signIn();
    if (status === 404 && ctx.request.method === 'GET' && ctx.sourceElement.matches('section')) return location.reload();
    if (ctx.request.method !== 'GET' && !ctx.hx.trigger && !ctx.text) toast('bad', body.dataset.failed);
  });
  on('htmx:error', e => {
    const ctx = e.detail.ctx;
    if (!ctx || ctx.sourceElement === live) return lost();
    if (ctx.request.method !== 'GET') toast('bad', body.dataset.failed);
  });
  function signIn() {
    location.assign('/login?next=' + encodeURIComponent(location.pathname + location.search));
  }

  // --- The live stream. htmx reconnects a stream that was open; one that never
  // opened is up to us. While there is none, regions ask by the clock.
  if (live) {
    let open = false, wait = 1000, retry, fails = 0;
    const poll = name => { if (!open && !doc.hidden) htmx.trigger(live, name, {}, false); };
    setInterval(() => poll('poll'), 10000);
    setInterval(() => poll('poll-qr'), 3000);
    on('htmx:sse:after:connection', e => {
      // The library looks only at changes: a page that was opened in the
      // background, or left while it connected, would keep a connection of the
      // few that a browser has.
      if (doc.hidden) setTimeout(() => e.detail.connection.visibilityHandler?.());
      if (fails) htmx.trigger(live, 'resync', {}, false);
      open = true;
      fails = 0;
      wait = 1000;
      clearTimeout(retry);
      offline.hidden = true;
    }, live);
    on('htmx:sse:before:connection', () => { open = false; }, live);
    on('htmx:sse:error', e => { open = false; lost(e.detail.status); }, live);
    on('htmx:sse:close', () => { open = false; again(); }, live);
    on('session-expired', signIn, live);
    // A newer page has the place of this one. To take it back at once would go
    // on for ever.
    on('replaced', () => { wait = 30000; }, live);
    // One line of the list changed.
    on('htmx:sse:before:message', e => {
      const id = /^inst-(?!list$)(.+)/.exec(e.detail.message.event)?.[1];
      if (!id) return;
      const row = byId('row-' + id);
      // Each line waits for itself alone: of requests with one source, the
      // library drops all but the one under way and the next.
      if (row) htmx.ajax('GET', row.querySelector('a').href + '/row', {source: row, target: row, swap: 'outerMorph'});
      counts ??= setTimeout(() => { counts = null; htmx.trigger(live, 'inst-any', {}, false); }, row ? 1500 : 0);
    }, live);
    let counts;
    function again() {
      clearTimeout(retry);
      retry = setTimeout(() => { if (!live._htmx?.sse) htmx.trigger(live, 'live-retry', {}, false); }, wait);
      wait = Math.min(wait * 2, 30000);
    }
    lost = status => {
      if (status === 401) return signIn();
      if (++fails > 1 && !doc.hidden && status !== 429) offline.hidden = false;
      if (!live._htmx?.sse) again();
    };
  }
  on('offline', () => { offline.hidden = false; }, window);
  on('online', () => { offline.hidden = true; live && htmx.trigger(live, 'resync', {}, false); }, window);

  // --- Single keys, where they are switched on. An element says which key it
  // answers to; "g" waits for the second key.
  let went = -9999;
  on('keydown', e => {
    if (!('keys' in body.dataset) || e.ctrlKey || e.metaKey || e.altKey || dialog.open ||
        e.target.closest('input, select, textarea')) return;
    const now = performance.now(), key = (now - went < 1500 ? 'g' : '') + e.key;
    went = key === 'g' ? now : -9999;
    const rows = all('#list tbody th a');
    let el = doc.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (key === 'j' || key === 'k') el = rows[Math.max(0, rows.indexOf(doc.activeElement) + (key === 'j' ? 1 : -1))];
    if (!el) return;
    e.preventDefault();
    if (el.matches('input') || rows.includes(el)) el.focus(); else el.click();
  });

  // --- One box ticks all lines of the list.
  on('change', e => {
    const picks = all('#list [name=id]');
    if (e.target.id === 'pick-all') for (const pick of picks) pick.checked = e.target.checked;
    else if (picks.includes(e.target)) byId('pick-all').checked = picks.every(pick => pick.checked);
  });

  // --- A form that is sent is sent once, and shows that it works.
  on('submit', e => {
    if (e.target.ariaBusy && !e.target.matches('[hx-get], [hx-post]')) return e.preventDefault();
    e.target.ariaBusy = true;
  });
  on('htmx:finally:request', e => { e.detail.ctx.sourceElement.ariaBusy = null; });
  on('pageshow', () => all('[aria-busy]').forEach(form => { form.ariaBusy = null; }), window);

  // --- A log that follows stands still while somebody reads it.
  function hold() {
    const pause = doc.querySelector('[data-tail] #events-pause:not([data-sent])');
    if (!pause) return;
    pause.dataset.sent = '1';
    pause.click();
  }
  on('scroll', () => scrollY > 80 && hold(), window);
  on('focusin', e => e.target.closest('[data-tail] tbody') && hold());
  on('selectionchange', () => {
    const chosen = doc.getSelection();
    if (!chosen.isCollapsed && chosen.anchorNode.parentElement?.closest('[data-tail]')) hold();
  });

  scan();
  times();
  typedTimes();
})();
