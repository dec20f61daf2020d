/** The page that a browser gets at `GET /`: what runs here, and the routes. No script, nothing from elsewhere. */
import type { NodeStatus } from '../base/index.js'
import type { Route } from './route.js'

/** What the page may load: its own style and nothing else. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"

export function landingPage(status: NodeStatus, routes: readonly Route[]): string {
  const rows = routes.map(
    route =>
      `<tr><td>${route.method}</td><td><code>${escapeHtml(route.path)}</code></td><td>${escapeHtml(route.summary)}</td></tr>`
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>natter: ${escapeHtml(status.name)}</title>
<style>body{font:16px/1.5 system-ui;margin:2rem;max-width:60rem}td{padding:.1rem 1rem .1rem 0;vertical-align:top}</style>
</head><body><h1>natter</h1>
<p>Node <b>${escapeHtml(status.name)}</b> of the network <b>${escapeHtml(status.network)}</b>: keys: ${status.keys}, ops: ${status.ops}.
<br>Peer id <code>${escapeHtml(status.peerId)}</code>, version ${escapeHtml(status.version)}.</p>
<table>${rows.join('\n')}</table>
<p>Everything about them stands in <a href="/openapi.json">/openapi.json</a>.</p>
</body></html>
`
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
