/** The migrations that mend findings: each once on the page, and a link to it wherever else it mends something. */
import { plural } from '../../../lambda/audit/names';
import type { AuditFinding } from '../findings';
import { exact, line } from './exact';
import { type Html, html } from './tag';

export interface Repairs {
  /** The text of each file, by its name. */
  readonly files: ReadonlyMap<string, string>;
  /** Null where none mends it. */
  fileOf(finding: AuditFinding): string | null;
  /** Why none does, half a sentence. @default - nothing is said */
  whyNot(finding: AuditFinding): string | null;
}

export const NO_REPAIRS: Repairs = { files: new Map(), fileOf: () => null, whyNot: () => null };

export function repairOf({ files, fileOf, whyNot }: Repairs): (finding: AuditFinding) => Html | null {
  const shown = new Map<string, string>();
  return (finding) => {
    const file = fileOf(finding);
    const text = file === null ? undefined : files.get(file);
    if (file === null || text === undefined) {
      const why = whyNot(finding);
      return why === null ? null : html`<p class="repair">No migration is written for it: ${line(why)}.</p>`;
    }
    const before = shown.get(file);
    if (before !== undefined)
      return html`<p class="repair">Mended by <a href="#${before}">${line(file)}</a>, which is on this page already.</p>`;
    const id = `repair-${shown.size + 1}`;
    shown.set(file, id);
    return html`<figure class="sql" id="${id}"><figcaption><span>Mended by ${line(file)}${decisions(text)}</span>
<button type="button" class="copy" hidden aria-label="Copy ${line(file)}">Copy</button></figcaption>
<pre tabindex="0"><code>${exact(text)}</code></pre></figure>`;
  };
}

function decisions(text: string): string {
  const open = text.match(/^-- migrate:decide /gm)?.length ?? 0;
  return open === 0
    ? ''
    : `; ${plural(open, 'decision')} of a person ${open === 1 ? 'is' : 'are'} open in it`;
}
