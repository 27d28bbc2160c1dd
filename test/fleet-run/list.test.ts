/** A fleet's tenants, from all the places that its owner named, and room for them. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../lambda/contract/errors';
import type { FleetPlan, TenantListing } from '../../lambda/contract/fleet-run';
import type { MigrateRequest, MigrateResponse } from '../../lambda/contract/migrate';
import { MAX_TENANTS } from '../../lambda/fleet/entries';
import { FleetError } from '../../lambda/fleet-run/error';
import { checkHeadroom, queryServer, readMembers } from '../../lambda/fleet-run/list';
import { membersOf, PLAN } from './stand-in';

const FUNCTIONS = { main: 'f-main', eu: 'f-eu' };
const MAIN: TenantListing = { kind: 'server', server: 'main', source: 0 };
const EU: TenantListing = { kind: 'server', server: 'eu', source: 3 };
const S3: TenantListing = { kind: 's3', bucket: 'lists', key: 'tenants.jsonl' };

type Target = { name?: string; database?: string; schema?: string | null; server?: string };
/** By function: its pages, in turn. */
let pages: Record<string, readonly (readonly Target[])[]>;
let text: string;
let asked: [string, MigrateRequest][];
let answer: ((request: MigrateRequest) => unknown) | null;

const outbound = {
  list: async () => text,
  invokeMigrate: async (name: string, request: MigrateRequest) => {
    asked.push([name, request]);
    if (answer) return { kind: 'answered', response: answer(request) as MigrateResponse } as const;
    const { after } = request as { after: string | null };
    const at = Number(after ?? 0);
    const next = at + 1 < pages[name]!.length ? String(at + 1) : null;
    return {
      kind: 'answered',
      response: { action: 'list-tenants', page: { tenants: pages[name]![at], next } } as MigrateResponse,
    } as const;
  },
} as never as Parameters<typeof readMembers>[2];

beforeEach(() => {
  pages = { 'f-main': [[]], 'f-eu': [[]] };
  text = '';
  asked = [];
  answer = null;
});

const read = (...lists: TenantListing[]) => readMembers({ ...PLAN, lists }, FUNCTIONS, outbound);
const caught = async (work: Promise<unknown>): Promise<FleetError> => {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof FleetError) return error;
  throw error ?? new Error('it succeeded');
};

test('all lists, page by page, each tenant on the server that answers, or that its query names', async () => {
  pages['f-main'] = [
    [{ name: 'a', database: 'x', schema: null }],
    [{ name: 'b', database: 'y', server: 'eu' }],
  ];
  pages['f-eu'] = [[{ name: 'c', database: 'z', schema: 'c' }]];
  expect(await read(EU, MAIN)).toEqual([
    { name: 'c', database: 'z', schema: 'c', server: 'eu' },
    { name: 'a', database: 'x', server: 'main' },
    { name: 'b', database: 'y', server: 'eu' },
  ]);
  expect(asked).toEqual([
    ['f-eu', { action: 'list-tenants', source: 3, after: null, limit: 1_000 }],
    ['f-main', { action: 'list-tenants', source: 0, after: null, limit: 1_000 }],
    ['f-main', { action: 'list-tenants', source: 0, after: '1', limit: 1_000 }],
  ]);
});

describe('what is wrong is named', () => {
  const message = async (...lists: TenantListing[]) => (await caught(read(...lists))).message;

  const line = (database: string): string => `${JSON.stringify({ name: 'a', database, server: 'main' })}\n`;

  test('a list in another format, by its place', async () => {
    text = 'name,database,server\na,x,main\n';
    expect(await message(MAIN, S3)).toBe(
      'The list of tenants s3://lists/tenants.jsonl is not valid: it is CSV; a list has one tenant per line, as JSON, the first line would be {"name":"a","database":"x","server":"main"}.',
    );
  });

  test('by its line, in the only list', async () => {
    text = `${line('x')}\n${line('y')}`;
    expect(await message(S3)).toBe(
      'The list of tenants is not valid: line 3: the name "a" is already in line 1.',
    );
  });

  test('by its row, in several', async () => {
    text = line('x');
    pages['f-main'] = [
      [
        { name: 'b', database: 'y' },
        { name: 'a', database: 'z' },
      ],
    ];
    expect(await message(MAIN, S3)).toBe(
      'The list of tenants is not valid: row 3: the name "a" is already in row 2.',
    );
    pages['f-main'] = [[{ name: 'a', database: 'z' }]];
    expect(await message(S3, MAIN)).toBe(
      'The list of tenants is not valid: row 2: the name "a" is already in row 1.',
    );
    expect(await message()).toBe('The list of tenants is not valid: it has no tenants.');
    pages['f-main'] = [[]];
    expect(await message(MAIN)).toBe('The list of tenants is not valid: it has no tenants.');
  });

  test.each([
    [5, ''],
    [6, '; and 1 more'],
    [9, '; and 4 more'],
  ])('the first five of %i', async (count, more) => {
    pages['f-main'] = [Array.from({ length: count }, () => ({ database: 'x' }))];
    const rows = Array.from({ length: 5 }, (_, i) => `row ${i + 1}: the tenant has no name`);
    expect(await message(MAIN)).toBe(`The list of tenants is not valid: ${rows.join('; ')}${more}.`);
  });

  test('a server that names too many: the next page is not asked for', async () => {
    answer = ({ after }: { after?: string | null } & MigrateRequest) => ({
      action: 'list-tenants',
      page: {
        tenants: Array.from({ length: MAX_TENANTS / 2 }, (_, i) => ({
          name: `t${after}_${i}`,
          database: 'd',
        })),
        next: `${after}+`,
      },
    });
    expect(await message(MAIN)).toBe(`Server main names more than ${MAX_TENANTS} tenants.`);
    expect(asked).toHaveLength(3);
  });

  test.each([
    ['no list', { tenants: null, next: null }],
    ['no end', { tenants: [] }],
    ['no place to go on from', { tenants: [], next: 7 }],
  ])('a page with %s may be whole in a minute', async (_, page) => {
    answer = () => ({ action: 'list-tenants', page });
    expect(await caught(read(MAIN))).toMatchObject({
      message: 'The function of server main returned an incomplete page of tenants.',
      passing: true,
    });
  });

  test('a page that leads to itself, and an answer to another question', async () => {
    answer = () => ({ action: 'list-tenants', page: { tenants: [], next: 'x' } });
    expect((await caught(read(MAIN))).message).toContain('returned an incomplete page');
    expect(asked).toHaveLength(2);
    answer = () => ({ action: 'status', page: { tenants: [], next: null } });
    expect((await caught(read(MAIN))).message).toContain('answered `status` to a different request');
  });

  test('what is no sentence of ours goes through', async () => {
    answer = () => {
      throw new TypeError('broken');
    };
    await expect(read(MAIN)).rejects.toThrow(new TypeError('broken'));
  });
});

describe('a server is asked', () => {
  const ask = (server = 'main') => queryServer(server, { action: 'server' }, FUNCTIONS, outbound);

  test('one that is not there', async () => {
    const error = await caught(ask('x'));
    expect(error).toMatchObject({
      name: 'FleetError',
      message: 'The fleet has no server x.',
      passing: false,
    });
    expect(asked).toEqual([]);
  });

  test.each<[ErrorCode, boolean]>([
    ['connection', true],
    ['unsupported', true],
    ['busy', true],
    ['privilege', false],
  ])('%s: may be different in a minute: %s', async (code, passing) => {
    answer = () => ({ action: 'error', error: { code, message: 'it cannot', remedy: 'Let it.' } });
    expect(await caught(ask())).toMatchObject({ message: 'Server main: It cannot. Let it.', passing });
  });

  test('no answer', async () => {
    const died = { invokeMigrate: async () => ({ kind: 'died', message: 'missing' }) as const };
    expect(await caught(queryServer('main', { action: 'server' }, FUNCTIONS, died))).toMatchObject({
      message: 'The function of server main did not return a response: missing. See its log.',
      passing: true,
    });
  });
});

describe('room for a tenth of the free connections', () => {
  const plan = (concurrency: number): FleetPlan => ({
    ...PLAN,
    servers: { main: { concurrency }, eu: { concurrency } },
  });
  const check = (concurrency: number, free: number, names: string[]) => {
    answer = () => ({
      action: 'server',
      server: { freeConnections: free, inFlight: { count: 0, first: [] } },
    });
    return checkHeadroom(plan(concurrency), membersOf(...names), FUNCTIONS, outbound);
  };
  const of = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`);

  test.each([
    ['as many as fit', 10, 100, 40],
    ['few tenants, whatever may be at once', 50, 20, 4],
    ['one, even on a full server', 50, 0, 2],
  ])('%s', async (_, concurrency, free, tenants) => {
    await check(concurrency, free, of(tenants));
    expect(asked.map(([name]) => name)).toEqual(['f-main', 'f-eu']);
  });

  test('a server without tenants is not asked', async () => {
    await check(8, 0, of(1));
    expect(asked.map(([name]) => name)).toEqual(['f-main']);
  });

  test('too many on each', async () => {
    const wrong = (server: string) =>
      `Server ${server} has 99 free connections, and 10 tenants at once would take more than a tenth of them; set maxConcurrency to 9, or raise max_connections.`;
    expect((await caught(check(10, 99, of(20)))).message).toBe(`${wrong('main')} ${wrong('eu')}`);
  });

  test('an answer to another question', async () => {
    answer = () => ({ action: 'status' });
    expect(await caught(checkHeadroom(plan(1), membersOf('a'), FUNCTIONS, outbound))).toMatchObject({
      message: 'The function of server main answered `status` to a different request.',
      passing: true,
    });
  });
});
