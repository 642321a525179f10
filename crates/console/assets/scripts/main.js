// What pages gain where scripts run. Every module works by events on the document, so that parts that arrive later need nothing.
import './copy.js'
import './live.js'
import './preview.js'
import './shortcuts.js'
import './slider.js'
import './sort.js'
import './theme.js'
import './fragment.js'
