/* Tastemaker: shows the in-app messages of this visitor, and reports what became of them. Beside analytics.js or alone.
   Texts become text nodes, and HTML goes into frames without scripts. Styles are constructed sheets in shadow roots: the
   page's policies and styles stay as they are. */
;(function (window, document) {
  'use strict'
  if (window.Tastemaker && window.Tastemaker.load) return
  var script = document.currentScript
  var KEYS = { anonymous: 'ajs_anonymous_id', user: 'ajs_user_id' }
  var WAIT_MAX_MS = 300000, FAILURES_MAX = 20, SENDS_MAX = 4, POLL_MS = 30000
  var LABELS = { close: 'Close', dismiss: 'Dismiss', inbox: 'Messages', unread: 'unread', empty: 'No messages', message: 'Message' }
  var CSS =
    ':host{all:initial;display:block;color-scheme:light dark}' +
    '*{box-sizing:border-box}' +
    '.box,.list{--ink:var(--tastemaker-ink,light-dark(#1b1d22,#f2f3f5));--paper:var(--tastemaker-paper,light-dark(#fff,#202329));' +
    '--line:light-dark(#d4d7dd,#444a55);--accent:var(--tastemaker-accent,light-dark(#1f4fd0,#a9c1ff));' +
    '--on-accent:var(--tastemaker-on-accent,light-dark(#fff,#10131a));' +
    'font:16px/1.45 var(--tastemaker-font,system-ui,sans-serif);color:var(--ink);background:var(--paper);margin:0;overflow-wrap:anywhere}' +
    '.box{position:relative;border:1px solid var(--line);border-radius:12px;padding:20px}' +
    '.banner{position:fixed;z-index:2147483000;inset:auto 12px 12px;max-width:640px;max-height:70vh;overflow:auto;margin:0 auto;' +
    'box-shadow:0 8px 32px #0005}' +
    'dialog{overflow:auto}dialog::backdrop{background:#0009}' +
    'dialog.modal{margin:auto;width:min(480px,calc(100vw - 24px));max-height:calc(100dvh - 24px)}' +
    'dialog.fullscreen{inset:0;width:100vw;height:100dvh;max-width:none;max-height:none;border:0;border-radius:0;padding:max(24px,6vw)}' +
    '.fullscreen>*{max-width:720px;margin-inline:auto}.fullscreen>.close{margin:0}' +
    'h2{font-size:1.25em;line-height:1.25;margin:0 40px 8px 0}p{margin:0 0 12px;white-space:pre-line}' +
    'h2 a{color:inherit}h2:focus{outline:0}' +
    '.picture{display:block;width:100%;aspect-ratio:16/9;max-height:min(40vh,360px);object-fit:cover;border-radius:8px;margin-block:0 12px;background:var(--line)}' +
    '.close+.picture{margin-top:28px}' +
    'iframe{display:block;width:100%;height:8em;border:0;margin-block:0 12px}' +
    'ul{list-style:none;margin:0;padding:0}.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(100px,1fr));gap:12px;margin:0 0 12px}' +
    '.card{display:block;color:inherit;text-decoration:none;border:1px solid var(--line);border-radius:8px;padding:8px;height:100%}' +
    '.card img{display:block;width:100%;aspect-ratio:1;object-fit:cover;border-radius:4px;margin:0 0 6px;background:var(--line)}' +
    '.card b{display:block;font-weight:600}a.card b{text-decoration:underline}' +
    '.actions{display:flex;flex-wrap:wrap;gap:8px}' +
    '.button{font:inherit;font-weight:600;display:inline-block;min-height:44px;padding:9px 16px;border-radius:8px;border:1px solid var(--accent);' +
    'color:var(--accent);background:none;text-decoration:none;cursor:pointer}' +
    '.button:first-child{color:var(--on-accent);background:var(--accent)}' +
    '.close{position:absolute;inset:8px 8px auto auto;width:44px;height:44px;font:24px/1 system-ui,sans-serif;border:0;border-radius:8px;' +
    'color:var(--ink);background:none;cursor:pointer}' +
    ':focus-visible{outline:3px solid var(--accent);outline-offset:2px}' +
    '.list{padding:4px}.list li{margin:0 0 12px}.new{border-inline-start:4px solid var(--accent)}' +
    '@media (prefers-reduced-motion:no-preference){.banner,dialog[open]{animation:in .18s ease-out}' +
    '@keyframes in{from{opacity:0;transform:translateY(12px)}}}'

  var config, sheet, source, retryTimer, failures = 0, messages = [], over = {}, viewed = {}, fresh = {}, open = null, inboxes = [], slots = []
  var nativeCalls = [], unreadCalls = [], watcher, toldNative = {}

  function isText(value) { return typeof value === 'string' && value !== '' }
  function attempt(work) { try { return work() } catch (error) { return undefined } }
  function makeId() {
    if (window.crypto && crypto.randomUUID) return crypto.randomUUID()
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), function (byte) { return (byte + 256).toString(16).slice(1) }).join('')
  }
  function label(word) { return (config.labels && config.labels[word]) || LABELS[word] }

  /* Who this is: as analytics.js says, as the page says, or as this browser remembers. */
  var memory = {}
  function recall(key) {
    var text = attempt(function () { return localStorage.getItem(key) })
    if (!isText(text)) {
      var cookie = document.cookie.split('; ').find(function (pair) { return pair.indexOf(key + '=') === 0 })
      text = cookie ? attempt(function () { return decodeURIComponent(cookie.slice(key.length + 1)) }) : memory[key]
    }
    if (!isText(text)) return undefined
    var value = attempt(function () { return JSON.parse(text) })
    return isText(value) ? value : value === null ? undefined : text
  }
  function remember(key, value) {
    memory[key] = value
    attempt(function () {
      if (value === undefined) localStorage.removeItem(key)
      else localStorage.setItem(key, JSON.stringify(value))
    })
  }
  function library() {
    var one = config.analytics === undefined ? window.analytics : config.analytics
    var user = one && attempt(function () { return one.user() })
    return user && typeof user.anonymousId === 'function' ? { calls: one, user: user } : null
  }
  function who() {
    var beside = library()
    if (beside) return { anonymousId: beside.user.anonymousId(), userId: beside.user.id() || undefined }
    var anonymousId = config.anonymousId || recall(KEYS.anonymous)
    if (!anonymousId) remember(KEYS.anonymous, (anonymousId = makeId()))
    return { anonymousId: anonymousId, userId: config.userId || recall(KEYS.user) }
  }

  /* Sends, and again after a while where the server is away. A page that is left sends nevertheless. */
  function send(path, body, tries) {
    var again = function () {
      if (tries + 1 < SENDS_MAX) setTimeout(send, 1000 * Math.pow(4, tries), path, body, tries + 1)
    }
    // Plain text: JSON of another host would cost a request that asks whether it may be sent.
    var request = { method: 'POST', keepalive: true, credentials: 'omit', headers: { 'Content-Type': 'text/plain' }, body: JSON.stringify(body) }
    return fetch(config.host + path, request).then(function (answer) {
      if (answer.status === 429 || answer.status >= 500) again()
    }, again)
  }
  function call(type, more) {
    if (!config) return Promise.resolve()
    var beside = library()
    if (beside) {
      return Promise.resolve(type === 'identify' ? beside.calls.identify(more.userId, more.traits)
        : type === 'page' ? beside.calls.page(more.name, more.properties) : beside.calls.track(more.event, more.properties))
    }
    var person = who(), now = new Date().toISOString()
    var body = { writeKey: config.writeKey, type: type, messageId: makeId(), anonymousId: person.anonymousId, timestamp: now, sentAt: now,
      context: { page: { path: location.pathname, url: location.href, title: document.title, referrer: document.referrer },
        library: { name: 'tastemaker-messages' } } }
    if (person.userId) body.userId = person.userId
    Object.keys(more).forEach(function (key) { if (more[key] !== undefined) body[key] = more[key] })
    return send('/v1/' + type[0], body, 0).then(nudge)
  }
  function report(message, event, more) {
    if (event === 'viewed') {
      if (viewed[message.id]) return
      viewed[message.id] = true
      message.n_views += 1
    }
    if (!message.token) return
    var body = { writeKey: config.writeKey, token: message.token, event: event, id: makeId() }
    Object.keys(more || {}).forEach(function (key) { if (isText(more[key])) body[key] = more[key] })
    send('/v1/in_app/events', body, 0)
  }

  /* What is due: told by a stream while somebody looks at the page, else asked for. */
  function address(path) {
    var person = who(), query = new URLSearchParams({ write_key: config.writeKey, anonymous_id: person.anonymousId })
    if (person.userId) query.set('user_id', person.userId)
    if (person.userId && isText(config.userHash)) query.set('user_hash', config.userHash)
    return config.host + '/v1/in_app/' + path + '?' + query
  }
  function ask() {
    return fetch(address('messages'), { credentials: 'omit' }).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status)
      return answer.json()
    }).then(function (list) { failures = 0; take(list) })
  }
  function connect() {
    disconnect()
    if (!config || document.visibilityState === 'hidden' || failures >= FAILURES_MAX) return
    if (!window.EventSource) return void ask().then(function () { retryTimer = setTimeout(connect, POLL_MS) }, retry)
    source = attempt(function () { return new EventSource(address('stream')) })
    if (!source) return retry()
    source.addEventListener('messages', function (event) {
      failures = 0
      var list = attempt(function () { return JSON.parse(event.data) })
      if (list) take(list)
    })
    source.onerror = retry
  }
  function disconnect() {
    clearTimeout(retryTimer)
    if (source) source.close()
    source = null
  }
  function retry() {
    disconnect()
    failures += 1
    var wait = Math.min(WAIT_MAX_MS, 500 * Math.pow(2, failures))
    retryTimer = setTimeout(connect, wait / 2 + (Math.random() * wait) / 2)
  }
  function reconnect() { failures = 0; connect() }
  function nudge() {
    if (!config || (source && source.readyState === 1)) return
    failures = Math.min(failures, FAILURES_MAX - 1)
    setTimeout(function () { ask().catch(function () {}) }, 150)
  }
  function take(list) {
    if (!list || !Array.isArray(list.messages)) return
    messages = list.messages.filter(function (message) { return message && message.content && !over[message.id] })
    messages.forEach(function (message) { if (viewed[message.id]) message.n_views = message.n_views || 1 })
    attempt(render)
  }

  /* Parts of messages. */
  function make(name, properties, children) {
    var element = Object.assign(document.createElement(name), properties)
    ;(children || []).forEach(function (child) { if (child) element.append(child) })
    return element
  }
  function shadow(host) {
    var root = host.shadowRoot || host.attachShadow({ mode: 'open' })
    root.adoptedStyleSheets = [sheet]
    if (config && config.theme) host.style.colorScheme = config.theme
    return root
  }
  function safe(url) {
    if (!isText(url)) return undefined
    var parsed = attempt(function () { return new URL(url, location.href) })
    return parsed && ['https:', 'http:', 'mailto:', 'tel:'].indexOf(parsed.protocol) >= 0 ? parsed.href : undefined
  }
  function end(message) {
    over[message.id] = true
    messages = messages.filter(function (other) { return other.id !== message.id })
  }
  function dismiss(message, done) {
    report(message, 'dismissed')
    end(message)
    done()
  }
  function clicked(message, more, done) {
    report(message, 'clicked', more)
    var display = message.content.display
    if (display !== 'inbox' && display !== 'native') end(message)
    // The browser follows the link first.
    setTimeout(done, 0)
  }
  function frame(message, done) {
    var element = make('iframe', { title: message.content.title || label('message') })
    element.setAttribute('sandbox', 'allow-same-origin allow-popups allow-popups-to-escape-sandbox')
    element.addEventListener('load', function () {
      var inside = element.contentDocument
      if (!inside) return
      inside.body.style.margin = 0
      inside.body.style.font = getComputedStyle(element).font
      // A document is never lower than its frame.
      element.style.height = 0
      element.style.height = inside.documentElement.scrollHeight + 'px'
      inside.addEventListener('click', function (event) {
        var link = event.target.closest && event.target.closest('a[href]')
        if (link) clicked(message, { url: link.href }, done)
      })
    })
    element.srcdoc = '<!doctype html><meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width">' + message.content.html
    return element
  }
  function picture(url, className) {
    return safe(url) && make('img', { src: safe(url), alt: '', className: className })
  }
  function card(message, item, done) {
    var url = safe(item.url), price = item.price === undefined || item.price === null ? '' : String(item.price)
    var inside = [picture(item.image, ''), make('b', { textContent: String(item.title || item.name || item.id) }), price && make('span', { textContent: price })]
    var element = make(url ? 'a' : 'div', { className: 'card' }, inside)
    if (url) {
      element.href = url
      element.addEventListener('click', function () { clicked(message, { url: url, item_id: String(item.id) }, done) })
    }
    return make('li', {}, [element])
  }
  function button(message, one, done) {
    var url = safe(one.url), element = make(url ? 'a' : 'button', { className: 'button', textContent: one.label })
    if (url) element.href = url
    else element.type = 'button'
    element.addEventListener('click', function () {
      if (url) clicked(message, { url: url }, done)
      else dismiss(message, done)
    })
    return element
  }
  function body(message, done, closeWord) {
    var content = message.content, url = safe(content.url)
    var close = make('button', { type: 'button', className: 'close', textContent: '\u00d7' })
    close.setAttribute('aria-label', label(closeWord) + (closeWord === 'dismiss' && content.title ? ': ' + content.title : ''))
    close.addEventListener('click', function () { dismiss(message, done) })
    var title = isText(content.title) && make('h2', { id: 'title', tabIndex: -1 })
    if (title && url) {
      var link = make('a', { href: url, textContent: content.title })
      link.addEventListener('click', function () { clicked(message, { url: url }, done) })
      title.append(link)
    } else if (title) title.textContent = content.title
    var buttons = (content.buttons || []).slice()
    if (url && !title) buttons.unshift({ label: url.replace(/^https?:\/\//, ''), url: url })
    return [
      close,
      picture(content.image, 'picture'),
      title,
      isText(content.text) && make('p', { textContent: content.text }),
      isText(content.html) && frame(message, done),
      content.items && make('ul', { className: 'cards' }, content.items.map(function (item) { return card(message, item, done) })),
      buttons.length > 0 && make('div', { className: 'actions' }, buttons.map(function (one) { return button(message, one, done) })),
    ]
  }
  function name(element, message) {
    if (isText(message.content.title)) element.setAttribute('aria-labelledby', 'title')
    else element.setAttribute('aria-label', label('message'))
  }

  /* Forms of display. */
  function isHere(message) {
    var paths = message.content.pages
    return !paths || paths.some(function (path) {
      var parts = path.split('*').map(function (part) { return part.replace(/[.+?^${}()|[\]\\]/g, '\\$&') })
      return new RegExp('^' + parts.join('.*') + '$').test(location.pathname)
    })
  }
  function of(display) {
    return messages.filter(function (message) { return message.content.display === display && isHere(message) })
  }
  function showNext() {
    if (open) return
    var next = messages.find(function (message) {
      return ['banner', 'modal', 'fullscreen'].indexOf(message.content.display) >= 0 && !viewed[message.id] && isHere(message)
    })
    if (next) show(next)
  }
  function show(message) {
    var before = document.activeElement, isBanner = message.content.display === 'banner'
    var host = make('div'), root = shadow(host)
    var close = function () {
      if (!open) return
      open = null
      if (!isBanner && element.open) element.close()
      host.remove()
      if (!isBanner && before && before.isConnected && before.focus) before.focus()
      setTimeout(showNext, 300)
    }
    var element = make(isBanner ? 'section' : 'dialog', { className: 'box ' + message.content.display }, body(message, close, 'close'))
    name(element, message)
    root.append(element)
    document.body.append(host)
    open = { id: message.id, close: close }
    if (!isBanner) {
      element.addEventListener('cancel', function (event) {
        event.preventDefault()
        dismiss(message, close)
      })
      element.showModal()
      ;(element.querySelector('h2') || element.querySelector('.close')).focus()
    }
    report(message, 'viewed')
  }
  function look(element, message) {
    if (viewed[message.id]) return
    if (!watcher) {
      watcher = new IntersectionObserver(function (entries) {
        entries.forEach(function (entry) {
          if (!entry.isIntersecting) return
          watcher.unobserve(entry.target)
          report(entry.target.tastemakerMessage, 'viewed')
          attempt(render)
        })
      })
    }
    element.tastemakerMessage = message
    watcher.observe(element)
  }
  function drawInbox(root) {
    var list = of('inbox'), n = unread(), hadFocus = root.activeElement
    var drawn = JSON.stringify([n, list.map(function (message) { return message.id })])
    if (root.tastemakerDrawn === drawn) return
    root.tastemakerDrawn = drawn
    var title = make('h2', { id: 'inbox', textContent: label('inbox') + (n ? ' (' + n + ' ' + label('unread') + ')' : '') })
    var rows = list.map(function (message) {
      // What was new stays marked until the page is left.
      if (!message.n_views) fresh[message.id] = true
      var row = make('article', { className: 'box' + (fresh[message.id] ? ' new' : '') }, body(message, render, 'dismiss'))
      row.querySelectorAll('#title').forEach(function (one) { one.removeAttribute('id') })
      look(row, message)
      return make('li', {}, [row])
    })
    var inside = make('section', { className: 'list' }, [title, list.length ? make('ul', {}, rows) : make('p', { textContent: label('empty') })])
    inside.setAttribute('aria-labelledby', 'inbox')
    root.replaceChildren(inside)
    if (hadFocus) {
      title.tabIndex = -1
      title.focus()
    }
  }
  function unread() {
    return of('inbox').filter(function (message) { return !message.n_views }).length
  }
  function tellUnread() {
    var n = unread()
    unreadCalls.forEach(function (told) { attempt(function () { told(n) }) })
  }
  function drawNative() {
    var list = of('native'), taken = {}
    list.forEach(function (message) {
      var slot = message.content.slot
      if (taken[slot]) return
      taken[slot] = true
      var isDone = nativeCalls.map(function (told) {
        if (toldNative[message.id]) return true
        return attempt(function () { return told(message.content, handle(message)) })
      }).some(Boolean)
      if (isDone) return void (toldNative[message.id] = true)
      document.querySelectorAll('[data-tastemaker-slot]').forEach(function (element) {
        if (element.dataset.tastemakerSlot !== slot || element.tastemakerShows === message.id) return
        var host = make('div')
        var box = make('section', { className: 'box' }, body(message, render, 'dismiss'))
        name(box, message)
        shadow(host).append(box)
        element.replaceChildren(host)
        element.tastemakerShows = message.id
        if (slots.indexOf(element) < 0) slots.push(element)
        look(box, message)
      })
    })
    slots.forEach(function (element) {
      var shows = element.tastemakerShows
      if (shows && !list.some(function (message) { return message.id === shows })) {
        element.replaceChildren()
        element.tastemakerShows = undefined
      }
    })
  }
  /* What a page that draws by itself reports with. */
  function handle(message) {
    return {
      id: message.id,
      viewed: function () { report(message, 'viewed') },
      clicked: function (more) { clicked(message, more, render) },
      dismissed: function () { dismiss(message, render) },
    }
  }
  function render() {
    if (!config || !document.body) return
    inboxes.forEach(drawInbox)
    tellUnread()
    drawNative()
    showNext()
  }

  function listen() {
    var beside = window.analytics
    if (config.analytics !== undefined) beside = config.analytics
    if (!beside || !beside.ready || !beside.on) return
    attempt(function () {
      beside.ready(function () {
        ;['track', 'page'].forEach(function (event) { beside.on(event, function () { nudge(); attempt(render) }) })
        ;['identify', 'reset', 'alias'].forEach(function (event) { beside.on(event, function () { setTimeout(reconnect, 0) }) })
        reconnect()
      })
    })
  }
  var api = {
    load: function (settings) {
      if (config || !settings || !isText(settings.writeKey)) return api
      var base = script && script.src ? new URL(script.src).origin : location.origin
      config = Object.assign({}, settings, { host: String(settings.host || base).replace(/\/+$/, '') })
      if (settings.onNative) nativeCalls.push(settings.onNative)
      if (settings.onUnread) unreadCalls.push(settings.onUnread)
      attempt(function () {
        sheet = new CSSStyleSheet()
        sheet.replaceSync(CSS)
        document.addEventListener('visibilitychange', function () {
          if (document.visibilityState === 'hidden') disconnect()
          else reconnect()
        })
        window.addEventListener('popstate', function () { attempt(render) })
        if (window.navigation && navigation.addEventListener) navigation.addEventListener('navigatesuccess', function () { attempt(render) })
        listen()
        connect()
      })
      return api
    },
    track: function (event, properties) { return call('track', { event: event, properties: properties || {} }) },
    page: function (name, properties) { return call('page', { name: name, properties: properties || {} }) },
    identify: function (userId, traits) {
      if (!config) return Promise.resolve()
      if (!library()) {
        var before = who().userId
        // Another person begins with another browser id, so that nobody sees what is for somebody else.
        if (before && before !== userId) api.reset()
        config.userId = undefined
        remember(KEYS.user, userId)
      }
      return call('identify', { userId: userId, traits: traits || {} }).then(reconnect)
    },
    reset: function () {
      if (config) config.userId = config.anonymousId = config.userHash = undefined
      remember(KEYS.user, undefined)
      remember(KEYS.anonymous, makeId())
      messages = []
      if (open) open.close()
      attempt(render)
      reconnect()
    },
    setUserHash: function (hash) { if (config) { config.userHash = hash; reconnect() } },
    refresh: function () { return config ? ask().catch(function () {}) : Promise.resolve() },
    inbox: {
      mount: function (element) {
        var host = make('div')
        element.append(host)
        if (!sheet) attempt(function () { sheet = new CSSStyleSheet(); sheet.replaceSync(CSS) })
        var root = shadow(host)
        inboxes.push(root)
        attempt(render)
        return function () {
          inboxes = inboxes.filter(function (other) { return other !== root })
          host.remove()
        }
      },
      unread: function () { return config ? unread() : 0 },
    },
  }
  window.Tastemaker = api
  if (script && script.dataset.writeKey) {
    api.load({ writeKey: script.dataset.writeKey, host: script.dataset.host, userId: script.dataset.userId, userHash: script.dataset.userHash })
  }
})(window, document)
