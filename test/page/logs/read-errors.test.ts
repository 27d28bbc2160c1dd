/** What is read of log groups for one signature, within a window, with a search that is played. */
import { describe, expect, test } from 'vitest';
import { findSignature } from '../../../lambda/defects/signatures';
import type { LogEvent } from '../../../lambda/page/logs/error-reader';
import { type ReadLimits, type ReadRequest, readErrors } from '../../../lambda/page/logs/read-errors';
import type { WatchedLogGroup } from '../../../lambda/page/page-settings';
import { ABORTED, at, notNull } from '../lines';

const DATABASE: WatchedLogGroup = { name: 'rds', lines: { format: 'postgresql' } };
const TEXT: WatchedLogGroup = { name: 'app', lines: { format: 'text' } };
const REQUEST: ReadRequest = { signature: 'not-null', fromMs: 1_000, untilIngestedMs: 5_000 };
const FOREVER: ReadLimits = { events: 100, deadline: Number.POSITIVE_INFINITY };

const event = (message: string, ingestedMs = 2_000): LogEvent => ({
  message,
  ingestedMs,
  timestampMs: ingestedMs,
  stream: 's',
});
const failure = (pid: number, table: string, ingestedMs?: number): LogEvent =>
  event(at(pid, notNull(table)), ingestedMs);

interface Played {
  readonly groups?: readonly WatchedLogGroup[];
  readonly ignore?: readonly string[];
  readonly excludedRoles?: readonly string[];
  readonly request?: Partial<ReadRequest>;
  readonly limits?: Partial<ReadLimits>;
}

/** @param pages by log group */
async function read(pages: Readonly<Record<string, readonly LogEvent[][]>>, played: Played = {}) {
  const { groups = [DATABASE], ignore = [], excludedRoles = [], request = {}, limits = {} } = played;
  const searches: unknown[] = [];
  let given = 0;
  const out = {
    async *searchLogs(search: { logGroup: string }) {
      searches.push(search);
      for (const page of pages[search.logGroup] ?? []) {
        given++;
        yield page;
      }
    },
  };
  const found = await readErrors(
    out,
    { logGroups: groups, ignore, excludedRoles },
    { ...REQUEST, ...request },
    { ...FOREVER, ...limits },
  );
  const tables = found.groups.map(({ table, count }) => `${table} ${count}`).sort();
  return { ...found, tables, searches, given };
}

test('a database is searched for lines of reports, an application for the words themselves', async () => {
  const { searches } = await read({}, { groups: [DATABASE, TEXT] });
  const words = findSignature('not-null')!.messages.map(({ begins }) => `?"${begins}"`);
  expect(words.length).toBeGreaterThan(0);
  expect(searches).toEqual([
    {
      logGroup: 'rds',
      fromMs: 1_000,
      toMs: 5_000,
      pattern: '?"ERROR:  " ?"STATEMENT:  " ?"CONTEXT:  " ?"QUERY:  "',
    },
    { logGroup: 'app', fromMs: 1_000, toMs: 5_000, pattern: words.join(' ') },
  ]);
  const several = await read({}, { groups: [TEXT], request: { signature: 'on-conflict' } });
  expect((several.searches[0] as { pattern: string }).pattern).toMatch(/^\?"[^"]+"( \?"[^"]+")+$/);
  const unknown = await read({}, { groups: [TEXT], request: { signature: 'nothing' } });
  expect(unknown.searches).toMatchObject([{ pattern: '' }]);
});

describe('what counts', () => {
  test('errors of the signature, of all groups and pages', async () => {
    const found = await read(
      {
        rds: [
          [failure(1, 'a'), event(at(1, 'STATEMENT:  INSERT INTO a DEFAULT VALUES'))],
          [
            failure(1, 'a'),
            failure(2, 'b'),
            event(at(3, 'ERROR:  function uuid_generate_v4() does not exist')),
          ],
        ],
        app: [
          [event('null value in column "id" of relation "c" violates not-null constraint'), event('other')],
        ],
      },
      { groups: [DATABASE, TEXT] },
    );
    expect(found).toMatchObject({ tables: ['a 2', 'b 1', 'c 1'], overflow: 0, complete: true });
    expect(found.groups.find(({ table }) => table === 'a')!.statement).toBe('INSERT INTO a DEFAULT VALUES');
  });

  test('what came in within the window', async () => {
    const lines = [
      failure(1, 'late', 5_001),
      failure(2, 'last', 5_000),
      failure(3, 'new', 3_001),
      failure(4, 'old', 3_000),
    ];
    expect((await read({ rds: [lines] })).tables).toEqual(['last 1', 'new 1', 'old 1']);
    const request = { afterIngestedMs: 3_000 };
    expect((await read({ rds: [lines] }, { request })).tables).toEqual(['last 1', 'new 1']);
  });

  test('not those of roles that are left out, nor lines with words that are', async () => {
    const text = 'null value in column "id" of relation "c" violates not-null constraint';
    const pages = {
      rds: [[failure(1, 'a'), failure(2, 'skipped')]],
      app: [[event(text), event(`${text} skipped`)]],
    };
    const groups = [DATABASE, TEXT];
    expect((await read(pages, { groups, ignore: ['skipped'] })).tables).toEqual(['a 1', 'c 1']);
    expect((await read(pages, { groups, ignore: ['nobody', 'violates'] })).tables).toEqual([]);
    expect((await read(pages, { groups, excludedRoles: ['app'] })).tables).toEqual(['c 2']);
  });

  test('commands that were refused afterwards', async () => {
    const { groups } = await read({ rds: [[failure(1, 'a'), event(at(1, ABORTED))]] });
    expect(groups).toMatchObject([{ table: 'a', aborted: 1 }]);
  });
});

describe('where it ends', () => {
  const PAGES = { rds: [[failure(1, 'a'), failure(2, 'b')], [failure(3, 'c')], [failure(4, 'd')]] };

  test('after so many lines', async () => {
    expect(await read(PAGES, { limits: { events: 3 } })).toMatchObject({
      tables: ['a 1', 'b 1', 'c 1'],
      complete: false,
      given: 2,
    });
    expect(await read(PAGES, { limits: { events: 5 } })).toMatchObject({ complete: true, given: 3 });
  });

  test('at the deadline', async () => {
    expect(await read(PAGES, { limits: { deadline: Date.now() } })).toMatchObject({
      complete: false,
      given: 1,
    });
  });

  test('when it is enough, which is no lack', async () => {
    // An error is known when its backend writes the next line.
    const pages = { rds: [[failure(1, 'a'), failure(1, 'b')], [failure(1, 'c')], [failure(1, 'd')]] };
    const request: Partial<ReadRequest> = { enough: (collection) => [...collection.keys()].length >= 2 };
    expect(await read(pages, { request })).toMatchObject({ complete: true, given: 2 });
  });
});
