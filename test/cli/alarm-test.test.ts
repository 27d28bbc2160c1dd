import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { undiagnosed } from '../../lambda/defects/diagnose';
import { SIGNATURES } from '../../lambda/defects/signatures';
import { renderPage } from '../../lambda/page/document/render';
import { ErrorCollection } from '../../lambda/page/logs/collect';
import { ErrorReader } from '../../lambda/page/logs/error-reader';
import { eventsOfFile } from '../../lambda/page/logs/log-lines';
import { connectPg } from '../../lambda/postgres/pg';
import { alarmTestLines, raiseErrors, writeErrors } from '../../lib/cli/commands/alarm-test';
import { databasePatterns } from '../../lib/constructs/alarms/log-patterns';
import { compileFilterPattern } from '../support/filter-pattern';
import { startLogServer } from '../support/log-server';

async function counts(lines: Iterable<string>): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for await (const event of eventsOfFile(lines)) {
    for (const signature of SIGNATURES) {
      const hits = databasePatterns(signature)
        .map(compileFilterPattern)
        .filter((matches) => matches(event)).length;
      if (hits > 0) found[signature.id] = (found[signature.id] ?? 0) + hits;
    }
  }
  return found;
}
const once = Object.fromEntries(SIGNATURES.map(({ id }) => [id, 1]));

describe.each([13, 18])('trueup alarm-test on PostgreSQL %i', (major) => {
  it('raises one error of each signature, and leaves nothing behind', async () => {
    const server = await startLogServer(major);
    const admin = new Client({ connectionString: server.server.url() });
    await admin.connect();
    await admin.query(`CREATE ROLE app LOGIN PASSWORD 'a'; CREATE ROLE poor LOGIN PASSWORD 'p'`);
    const url = (user: string) => server.server.url('postgres', user, user[0]);
    const before = (await admin.query('SELECT count(*) FROM pg_class')).rows;
    const lines = await server.logged(async () => {
      const db = await connectPg({ url: url('app') });
      expect(await raiseErrors(db)).toEqual(
        SIGNATURES.map(({ id }) => ({ signature: id, raised: true, problem: null })),
      );
      await db.close();
    });
    expect(await counts(lines)).toEqual(once);
    await expect.poll(async () => (await admin.query('SELECT count(*) FROM pg_class')).rows).toEqual(before);

    await admin.query('REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC');
    const db = await connectPg({ url: url('poor') });
    const results = await raiseErrors(db);
    await db.close();
    expect(results.find(({ signature }) => signature === 'not-null')).toMatchObject({
      raised: false,
      problem: expect.stringMatching(/the right TEMPORARY/),
    });
    await admin.end();
  });
});

describe('without the server', () => {
  it('writes lines that are counted once each, and pages say that they are a test', async () => {
    const written: string[] = [];
    await writeErrors({ write: async (lines) => void written.push(...lines) });
    expect(await counts(written)).toEqual(once);
    const collection = new ErrorCollection();
    const reader = new ErrorReader(collection);
    for (const message of alarmTestLines(new Date(), 7)) reader.push({ message });
    reader.end();
    for (const group of collection.result()) {
      const { subject, text } = renderPage({
        alarm: null,
        signature: group.signature,
        followUp: false,
        findings: [{ group, diagnosis: undiagnosed(group, []) }],
        others: [],
        overflow: 0,
        complete: true,
        logGroups: [],
        fromMs: 0,
        toMs: 0,
        runbookUrl: null,
      });
      expect(subject).toMatch(/^\[Trueup test\] /);
      expect(text).toMatch(/^This is a test/);
    }
  });
});
