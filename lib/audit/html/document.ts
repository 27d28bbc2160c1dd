/**
 * Builds the frame of the page. Its content security policy forbids loading anything, and allows only this style and
 * this script.
 */
import { createHash } from 'node:crypto';
import { SCRIPT } from './script';
import { STYLE } from './style';
import { type Html, html, raw } from './tag';

const hashSource = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src ${hashSource(STYLE)}`,
  `script-src ${hashSource(SCRIPT)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/**
 * Wraps `body` in a complete HTML document. STYLE and SCRIPT are constants and contain nothing from the database, so
 * they are inserted unescaped.
 */
export const renderDocument = (title: string, body: Html): Html => html`<!doctype html>
<html lang="en" dir="ltr"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${CONTENT_SECURITY_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${raw(STYLE)}</style></head>
<body>${body}
<p id="status" role="status" class="aside"></p>
<script>${raw(SCRIPT)}</script></body></html>
`;
