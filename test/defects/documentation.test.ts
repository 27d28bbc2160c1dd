/**
 * docs/defects: one page a kind, written from what the kind says of itself and from what a real server does with its
 * example.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeManifest } from '../../lambda/contract/manifest';
import { DEFECT_KINDS, listKindsOfSignature } from '../../lambda/defects';
import type { CatalogRow, DefectKind } from '../../lambda/defects/defect';
import { diagnose } from '../../lambda/defects/diagnose';
import { renderPage } from '../../lambda/page/document/render';
import { ErrorCollection } from '../../lambda/page/logs/collect';
import { ErrorReader } from '../../lambda/page/logs/error-reader';
import { readEventsOfFile } from '../../lambda/page/logs/log-lines';
import { connectPg } from '../../lambda/postgres/pg';
import { expectGenerated, replaceBlock } from '../support/generated';
import { INSTALL_SQL } from '../support/installed';
import { failing, type LogServer, startLogServer } from '../support/log-server';
import { auditSection } from './audit/section';

const FOLDER = join(__dirname, '../../docs/defects');
const ON_CALL = join(__dirname, '../../docs/on-call.md');
const MANIFEST = { manifest: makeManifest([]), status: null };

let server: LogServer;
beforeAll(async () => {
  server = await startLogServer(18, { log_error_verbosity: 'terse' });
});

const block = (language: string, text: string): string => `\`\`\`${language}\n${text.trim()}\n\`\`\``;

/** The same on every machine and every day. */
const settled = (text: string): string =>
  text
    .replace(
      /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC:127\.0\.0\.1\(\d+\):postgres@postgres:\[\d+\]/g,
      '2026-11-21 09:01:22 UTC:10.0.1.7(53124):app@shop:[4711]',
    )
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, '2026-11-21 09:01:22 UTC')
    .replace(/^ {9}Database postgres\.$/m, '         Database shop.')
    .replace(/x as postgres: /g, 'x as app: ')
    .replace(/of postgres \(postgres, public\)/g, 'of app (app, public)');

async function pageOf(kind: DefectKind): Promise<{ page: string; message: string | null }> {
  const { example } = kind;
  const client = new Client({ connectionString: server.server.url() });
  await client.connect();
  try {
    await client.query('DROP SCHEMA IF EXISTS public, trueup CASCADE; CREATE SCHEMA public');
    await client.query(INSTALL_SQL);
    for (const statement of example.schema.split(/;(?:\s*--[^\n]*)?\s*(?:\n|$)/).filter(Boolean))
      await client
        .query(statement)
        .catch((error) => expect(statement, error.message).toMatch(/CONCURRENTLY/));
    const lines =
      example.statement === null ? [] : await server.logged((app) => failing(app, [example.statement!]));
    const { rows } = await client.query<CatalogRow>(kind.catalog.sql, [
      null,
      kind.catalog.rows === 'defect' ? (example.object.column ?? null) : null,
    ]);
    const before = await client.query<Record<string, string>>(kind.verification(example.object));
    const message = await messageOf(kind, lines);
    return {
      page: settled(render(kind, lines, rows, Object.values(before.rows[0] ?? {}), message)),
      message: message && settled(message),
    };
  } finally {
    await client.end();
  }
}

/** The page that somebody gets; null where no error leads to one. */
async function messageOf(kind: DefectKind, lines: readonly string[]): Promise<string | null> {
  if (lines.length === 0) return null;
  const collection = new ErrorCollection();
  const reader = new ErrorReader(collection);
  for await (const message of readEventsOfFile(lines)) reader.push({ message });
  reader.end();
  const [group] = collection.result();
  if (group === undefined) return null;
  const db = await connectPg({ url: server.server.url(), readOnly: true });
  try {
    const diagnosis = await diagnose(db, group!, MANIFEST);
    expect(diagnosis.kind).toBe(kind.id);
    const shown = {
      ...diagnosis,
      notChecked: diagnosis.notChecked.filter((each) => !each.startsWith('The ledger')),
    };
    const { subject, text } = renderPage({
      alarm: null,
      signature: group!.signature,
      followUp: false,
      findings: [{ group: group!, diagnosis: shown }],
      others: [],
      overflow: 0,
      complete: true,
      logGroups: [],
      fromMs: 0,
      toMs: 0,
      runbookUrl: null,
    });
    return `${subject.replace('postgres:', 'shop:')}\n\n${text}`;
  } finally {
    await db.close();
  }
}

function render(
  kind: DefectKind,
  lines: readonly string[],
  rows: readonly CatalogRow[],
  before: readonly string[],
  message: string | null,
): string {
  const { words, sql } = kind.repair(kind.example.object);
  const sharing = kind.log === null ? [] : listKindsOfSignature(kind.log).filter((each) => each !== kind);
  const parts = [
    `# ${kind.title}`,
    kind.impact,
    '## Problem',
    kind.origin,
    ...(kind.example.schema === '' ? [] : ['For example:', block('sql', kind.example.schema)]),
    '## In the log',
    ...(kind.log === null
      ? ['The server logs no error that names it.']
      : [
          block('text', lines.join('\n')),
          `SQLSTATE ${kind.sqlstates.join(', ')}. ` +
            `The alarm \`${kind.log.id}\` counts these errors.` +
            (kind.log.pagedWhen === 'diagnosed'
              ? ' Most of them have another cause, so a page is sent only if the catalog shows this one. The drift check finds it too.'
              : '') +
            (sharing.length === 0
              ? ''
              : ` The same words are logged for ${sharing.map((each) => `[${lowerFirst(each.title)}](${each.id}.md)`).join(' and ')}; the page says which it is.`),
          ...(message === null ? [] : ['## The page', block('text', message)]),
        ]),
    '## In the catalog',
    kind.catalog.rows === 'defect'
      ? 'Each row is a problem. `$1` is the name of a table, `$2` of a column; null matches all.'
      : 'The rows are what exists; the failed statement shows what is missing. `$1` is the name of a table, `$2` of a column or function; null matches all.',
    block('sql', kind.catalog.sql),
    ...(rows.length === 0
      ? []
      : ['In the example it says:', block('text', rows.map((row) => row.sentence).join('\n'))]),
    ...(kind.catalog.blind === null ? [] : [kind.catalog.blind]),
    '## Repair',
    words,
    ...(sql.length === 0 ? [] : [block('sql', sql.join('\n'))]),
    '## Verification',
    'In the `verify` section of the migration. No rows: it is repaired.',
    block('sql', `${kind.verification(kind.example.object)};`),
    ...(before.length === 0 ? [] : ['Before the repair it says:', block('text', before.join('\n'))]),
    ...auditSection(kind),
  ];
  return `${parts.join('\n\n')}\n`;
}

const lowerFirst = (text: string): string =>
  /^[A-Z] |^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;

describe('docs/defects', () => {
  it.each(DEFECT_KINDS.map((kind) => [kind.id, kind] as const))(
    '%s.md is what the kind says',
    async (id, kind) => {
      const { page, message } = await pageOf(kind);
      expectGenerated(join(FOLDER, `${id}.md`), () => page);
      if (id === 'missing-id-default')
        expectGenerated(ON_CALL, (text) => replaceBlock(text, 'error-page', message!));
    },
  );
  it('has no page of a kind that is gone', () => {
    expect(readdirSync(FOLDER).sort()).toEqual([...DEFECT_KINDS.map(({ id }) => `${id}.md`)].sort());
  });
});
