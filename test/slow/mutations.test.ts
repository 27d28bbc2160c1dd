/** Each kind of object is dropped, changed and renamed: an audit with its source names it, and finds nothing else. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Catalog, OBJECT_KINDS } from '../../lambda/audit/catalog';
import { connectPg } from '../../lambda/postgres/pg';
import { type AuditWithComparison, audit } from '../../lib/audit/audit';
import { type Snapshot, takeSnapshot } from '../../lib/audit/snapshot';
import { loadParser } from '../../lib/compiler/read/parser';
import { dropRest, everyKind } from '../audit/every-kind';
import { ALONE, mutations } from '../audit/mutations';
import { withClient } from '../support/client';
import { asSuperuser, createDatabase, outerMajors, serverUrl, urlOf } from '../support/database';

beforeAll(() => loadParser());

/** No connection is left: a template must have none. */
const run = (url: string, sql: string) => withClient(url, (client) => client.query(sql));

const nameOf = (url: string): string => new URL(url).pathname.slice(1);
const said = ({ findings }: AuditWithComparison): string[] =>
  findings.map(({ id, object }) => `${id} ${object}`).sort();

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  const role = `kinds_${major}_${process.pid}`;
  let template: string;
  let source: Snapshot;
  /** Of a target that is as the source. */
  let before: AuditWithComparison;

  /** What a template does not hold: what belongs to the server. */
  const perDatabase = (name: string): string => `ALTER DATABASE ${name} SET search_path = shop, public;
    ALTER ROLE "${role}" IN DATABASE ${name} SET TimeZone = 'Europe/Berlin';
    REVOKE TEMPORARY ON DATABASE ${name} FROM public;`;

  async function audited(sql: string): Promise<{ result: AuditWithComparison; name: string }> {
    const name = `t_${randomBytes(6).toString('hex')}`;
    await asSuperuser(major, `CREATE DATABASE ${name} TEMPLATE ${nameOf(template)}`);
    try {
      const url = urlOf(serverUrl(major), { database: name });
      await run(url, `${perDatabase(name)} SET search_path = public; ${sql.replaceAll('@TARGET@', name)}`);
      const db = await connectPg({ url, readOnly: true });
      const result = await audit(db, { version: '0', source, workload: [] }).finally(() => db.close());
      return { result, name };
    } finally {
      await asSuperuser(major, `DROP DATABASE ${name} WITH (FORCE)`);
    }
  }

  beforeAll(async () => {
    template = await createDatabase(major);
    await run(template, everyKind(major, role) + ALONE);
    const db = await connectPg({ url: template, readOnly: true });
    source = await takeSnapshot(db, { version: '0', count: true }).finally(() => db.close());
    ({ result: before } = await audited(''));
  });
  afterAll(async () => {
    await run(template, dropRest(role));
    await asSuperuser(major, `DROP ROLE "${role}"`);
  });

  test('a copy lacks nothing', () => expect(before.compared.differences).toEqual([]));

  const all = mutations(role);
  // Roles are the server's: no database differs in them.
  const kinds = (Object.keys(OBJECT_KINDS) as (keyof Catalog)[]).filter((kind) => kind !== 'roles');
  describe.each(kinds)('%s', (kind) => {
    const changes = all[kind];
    if ('notChecked' in changes) {
      test('it is said that they are not compared', () =>
        expect(before.notChecked.map(({ what }) => what)).toContain(changes.notChecked));
      return;
    }
    const { dropped, changed, renamed } = changes;
    const each = [
      ...(dropped ? [['dropped', dropped] as const] : []),
      ...changed.map((mutation) => ['changed', mutation] as const),
      ...(renamed ? [['constraint-renamed', renamed] as const] : []),
    ].filter(([, { since = 0 }]) => major >= since);
    test.each(
      each.map(([how, { sql, finds, findsFrom18 = [] }]) => ({
        how,
        sql,
        finds: [...finds, ...(major >= 18 ? findsFrom18 : [])],
      })),
    )('$how: $sql', async ({ sql, finds }) => {
      const { result, name } = await audited(sql);
      const standing = new Set(before.findings.map(({ message }) => message));
      const now = { ...result, findings: result.findings.filter(({ message }) => !standing.has(message)) };
      expect(said(now)).toEqual(finds.map((find) => find.replaceAll('@TARGET@', name)));
    });
  });
});
