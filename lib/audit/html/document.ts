/** The frame of the page: nothing may be loaded, and only this style and this script are allowed. */
import { createHash } from 'node:crypto';
import { SCRIPT } from './script';
import { STYLE } from './style';
import { type Html, html, raw } from './tag';

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** What they hold is no text of HTML, and is constant. */
export const documentOf = (title: string, body: Html): Html => html`<!doctype html>
<html lang="en" dir="ltr"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${raw(STYLE)}</style></head>
<body>${body}
<p id="status" role="status" class="aside"></p>
<script>${raw(SCRIPT)}</script></body></html>
`;
