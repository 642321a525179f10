/* Calls that a page makes before the library is ready wait in a list, which the library takes over.
   It asks the host of this script for its settings. */
;(function () {
  var tag = document.querySelector('script[data-global-segment-analytics-key]')
  var name = (tag && tag.dataset.globalSegmentAnalyticsKey) || 'analytics'
  var queue = (window[name] = window[name] || [])
  var script = document.currentScript
  var host = script && script.src && script.src.split('/analytics.js/v1/')[0]
  if (host && !queue._cdn) queue._cdn = host
  if (!Array.isArray(queue) || queue.invoked) return
  queue.invoked = true
  var about = ['track', 'identify', 'page', 'screen', 'group', 'alias']
  var others = ['ready', 'on', 'once', 'off', 'user', 'reset', 'debug', 'register', 'deregister', 'setAnonymousId']
  var hooks = ['trackLink', 'trackForm', 'trackClick', 'trackSubmit', 'pageview', 'addSourceMiddleware',
    'addDestinationMiddleware']
  /* The page on which the call is made: it may be another one by then. */
  function describePage() {
    var link = document.querySelector("link[rel='canonical']")
    return {
      __t: 'bpc',
      c: (link && link.getAttribute('href')) || undefined,
      p: location.pathname,
      u: location.href,
      s: location.search,
      t: document.title,
      r: document.referrer,
    }
  }
  about.concat(others, hooks).forEach(function (method) {
    queue[method] = function () {
      var now = window[name]
      if (now !== queue && now[method]) return now[method].apply(now, arguments)
      var call = [method].concat(Array.prototype.slice.call(arguments))
      if (about.indexOf(method) >= 0) call.push(describePage())
      queue.push(call)
      return queue
    }
  })
})();
