/**
 * Shows the migrations that repair findings. Each appears once on the page, and other findings that it repairs link to
 * it.
 */
import { formatCount } from '../../../lambda/audit/names';
import type { AuditFinding } from '../../../lambda/defects/findings';
import { renderExact, renderExactLine } from './exact';
import { formatForPrompt } from './prompt';
import { type Html, html } from './tag';

export interface Repairs {
  /** Text of each migration file, by file name. */
  readonly files: ReadonlyMap<string, string>;
  /** Whether the files were written; if `false`, they show what `--write` would write. */
  readonly written: boolean;
  /** Returns the file that repairs a finding; `null` if none does. */
  findFile(finding: AuditFinding): string | null;
  /** Returns why no file repairs a finding, as a clause; `null` if no reason is shown. */
  whyNot(finding: AuditFinding): string | null;
}

export const NO_REPAIRS: Repairs = {
  files: new Map(),
  written: false,
  findFile: () => null,
  whyNot: () => null,
};

/** Longer SQL is collapsed. */
const MAX_SQL_LINES = 12;

export function createRepairRenderer({
  files,
  findFile,
  whyNot,
}: Repairs): (finding: AuditFinding) => Html | null {
  const shown = new Map<string, string>();
  return (finding) => {
    const file = findFile(finding);
    const text = file === null ? undefined : files.get(file);
    if (file === null || text === undefined) {
      const why = whyNot(finding);
      return why === null
        ? null
        : html`<p class="repair">No migration repairs this: ${renderExactLine(why)}.</p>`;
    }
    const before = shown.get(file);
    if (before !== undefined)
      return html`<p class="repair">Repaired by <a href="#${before}">${renderExactLine(file)}</a>, which this page already shows.</p>`;
    const id = `repair-${shown.size + 1}`;
    shown.set(file, id);
    return renderSql(id, file, formatForPrompt(text));
  };
}

function renderSql(id: string, file: string, sql: string): Html {
  const lines = sql.split('\n').length - 1;
  const code = html`<pre><code>${renderExact(sql)}</code></pre>`;
  return html`<figure class="sql" id="${id}"><figcaption><span>Repaired by ${renderExactLine(file)}${describeDecisions(sql)}</span>
<button type="button" class="copy" hidden aria-label="Copy the SQL of ${renderExactLine(file)}">Copy</button></figcaption>
${lines <= MAX_SQL_LINES ? code : html`<details><summary>SQL, ${lines} lines</summary>${code}</details>`}</figure>`;
}

function describeDecisions(text: string): string {
  const open = text.match(/^-- migrate:decide /gm)?.length ?? 0;
  return open === 0 ? '' : `; you have ${formatCount(open, 'decision')} to make in it`;
}

/** Explains the SQL on the page. */
export const renderRepairsNote = ({ files, written }: Repairs): Html | null =>
  files.size === 0
    ? null
    : html`<p class="quiet">The SQL can be pasted at a psql prompt: the verify and down sections of its file are left out.
${written ? 'Deploy the files in the order of their numbers.' : html`The files are not written yet: write them with <code>--write FOLDER</code>, and deploy them in the order of their numbers.`}</p>`;
