/** The SQL that mends findings: each file once on the page, and a link to it wherever else it mends something. */
import type { AuditFinding } from '../findings';
import { exact, line } from './exact';
import { type Html, html } from './tag';

/** @param files the text of each, by {@link AuditFinding.fix} */
export function repairs(files: ReadonlyMap<string, string>): (finding: AuditFinding) => Html | null {
  const shown = new Map<string, string>();
  return ({ fix }) => {
    const text = fix === null ? undefined : files.get(fix);
    if (fix === null || text === undefined) return null;
    const before = shown.get(fix);
    if (before !== undefined)
      return html`<p class="repair">Mended by <a href="#${before}">${line(fix)}</a>, which is on this page already.</p>`;
    const id = `repair-${shown.size + 1}`;
    shown.set(fix, id);
    return html`<figure class="sql" id="${id}"><figcaption><span>Mended by ${line(fix)}</span>
<button type="button" class="copy" hidden aria-label="Copy ${line(fix)}">Copy</button></figcaption>
<pre tabindex="0"><code>${exact(text)}</code></pre></figure>`;
  };
}
