/** The migrations that mend findings: each once on the page, and a link to it wherever else it mends something. */
import { plural } from '../../../lambda/audit/names';
import type { AuditFinding } from '../../../lambda/defects/findings';
import { exact, line } from './exact';
import { forPrompt } from './prompt';
import { type Html, html } from './tag';

export interface Repairs {
  /** The text of each file, by its name. */
  readonly files: ReadonlyMap<string, string>;
  /** The files are there; otherwise they are as they would be written. */
  readonly written: boolean;
  /** Null where none mends it. */
  fileOf(finding: AuditFinding): string | null;
  /** Why none does, half a sentence. @default - nothing is said */
  whyNot(finding: AuditFinding): string | null;
}

export const NO_REPAIRS: Repairs = {
  files: new Map(),
  written: false,
  fileOf: () => null,
  whyNot: () => null,
};

/** Longer ones are folded. */
const LINES = 12;

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
    return figure(id, file, forPrompt(text));
  };
}

function figure(id: string, file: string, sql: string): Html {
  const lines = sql.split('\n').length - 1;
  const code = html`<pre><code>${exact(sql)}</code></pre>`;
  return html`<figure class="sql" id="${id}"><figcaption><span>Mended by ${line(file)}${decisions(sql)}</span>
<button type="button" class="copy" hidden aria-label="Copy the SQL of ${line(file)}">Copy</button></figcaption>
${lines <= LINES ? code : html`<details><summary>SQL, ${lines} lines</summary>${code}</details>`}</figure>`;
}

function decisions(text: string): string {
  const open = text.match(/^-- migrate:decide /gm)?.length ?? 0;
  return open === 0
    ? ''
    : `; ${plural(open, 'decision')} of a person ${open === 1 ? 'is' : 'are'} open in it`;
}

/** What the SQL on the page is, and is not. */
export const aboutRepairs = ({ files, written }: Repairs): Html | null =>
  files.size === 0
    ? null
    : html`<p class="quiet">SQL is shown as it can be pasted at a prompt, without the sections of its file that prove it and undo it.
${written ? 'The files are to be deployed in the order of their numbers.' : html`Its files are not written yet: <code>--write DIR</code> writes them, to be deployed in the order of their numbers.`}</p>`;
