/** What leaves the fleet's function, through the real SDK, and answers that are broken: one clear error each, and no stack that is stuck. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { quiet } from '../support/quiet';
import { Endpoint, type Faults, overHttp } from './endpoint';
import { membersOf, StandIn } from './stand-in';

quiet();

let aws: StandIn;
const endpoint = new Endpoint(() => aws);
beforeAll(async () => {
  vi.stubEnv('AWS_ENDPOINT_URL', await endpoint.listen());
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
});
afterAll(() => {
  endpoint.close();
  vi.unstubAllEnvs();
});
beforeEach(() => {
  aws = new StandIn();
  aws.members = membersOf('a', 'b', 'c', 'd');
  aws.outbound = overHttp(aws);
  endpoint.faults = () => undefined;
  endpoint.calls.length = 0;
});

const NOT_YET = { IsComplete: false };
const BACK = { properties: { ManifestHash: 'old' }, old: { ManifestHash: 'new' } };
const DENIED = { status: 403, code: 'AccessDenied' };
/** Polls as the framework does. */
async function answered(id: string, options: Parameters<StandIn['poll']>[1] = {}) {
  for (;;) {
    const answer = await aws.poll(id, options);
    if (answer.IsComplete) return answer;
    aws.ms += 5_000;
  }
}
const at =
  (pattern: RegExp, fault: ReturnType<Faults>): Faults =>
  (call) =>
    pattern.test(call) ? fault : undefined;

test('a deployment, its rollback and a Delete, each call of AWS through the SDK', async () => {
  expect(await aws.poll('r')).toEqual(NOT_YET);
  await aws.toEnd('r');
  expect(await aws.poll('r')).toMatchObject({ Data: { Tenants: '4 tenants: 4 up to date' } });
  for (const name of ['x', 'y', 'z']) await aws.inside.executions.start(name, {});
  aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
  expect(await aws.poll('u', BACK)).toEqual(NOT_YET);
  expect(['x', 'y', 'z'].map((name) => aws.runs.get(name)!.status)).toEqual(Array(3).fill('ABORTED'));
  await aws.toEnd('u');
  expect(await aws.poll('u', BACK)).toMatchObject({ Data: { Tenants: '4 tenants: 4 unchanged' } });
  aws.status = 'DELETE_IN_PROGRESS';
  expect(await aws.poll('d', { type: 'Delete' })).toMatchObject({ IsComplete: true });
});

const BEFORE = [
  [
    'a run may not be started',
    /^StartExecution/,
    { status: 400, code: 'AccessDeniedException' },
    "AWS does not let the fleet's function start the run r (AccessDeniedException). A policy above the role that the stack created forbids it.",
  ],
  [
    'the machine is gone',
    /^StartExecution/,
    { status: 400, code: 'StateMachineDoesNotExist' },
    'AWS did not start the run r (StateMachineDoesNotExist).',
  ],
  [
    'runs may not be listed',
    /^ListExecutions/,
    { status: 400, code: 'AccessDeniedException' },
    'list the runs (AccessDeniedException)',
  ],
  [
    'a run may not be looked at',
    /^DescribeExecution/,
    { status: 400, code: 'AccessDeniedException' },
    'describe the run r',
  ],
  [
    'the bucket may not be written',
    /^PutObject .*members/,
    DENIED,
    'write s3://lists/runs/r/members.json (AccessDenied)',
  ],
  [
    'the bucket is gone',
    /^(Get|Put)Object/,
    { status: 404, code: 'NoSuchBucket' },
    's3://lists/runs/r/members.json (NoSuchBucket)',
  ],
  [
    'a page of tenants without its rest',
    /list-tenants$/,
    { body: '{"action":"list-tenants","page":{"tenants":[{"name":"a","database":"a"}]}}' },
    'server main returned an incomplete page of tenants',
  ],
  [
    'a page without tenants',
    /list-tenants$/,
    { body: '{"action":"list-tenants"}' },
    'server main returned an incomplete page of tenants',
  ],
  [
    'an answer that ends in the middle',
    /list-tenants$/,
    { body: '{"action":"list-tenants","page":{"tar' },
    'server main did not return a response: its answer does not have the expected form. See its log.',
  ],
  [
    'a function that is gone',
    /^Invoke f-main/,
    { status: 404, code: 'ResourceNotFoundException' },
    'server main did not return a response: ResourceNotFoundException',
  ],
  [
    'a function that may not be invoked',
    /^Invoke f-main/,
    { status: 403, code: 'AccessDeniedException' },
    'server main did not return a response: AccessDeniedException',
  ],
  [
    'too many invocations',
    /^Invoke f-main/,
    { status: 429, code: 'TooManyRequestsException' },
    'server main did not return a response: TooManyRequestsException',
  ],
  [
    "the login's secret is gone",
    /list-tenants$/,
    {
      body: JSON.stringify({
        action: 'error',
        error: {
          code: 'connection',
          message: "the secret with the database's password could not be read (ResourceNotFoundException)",
          remedy: 'Check that the secret exists in this region and has a current version.',
        },
      }),
    },
    "Server main: The secret with the database's password could not be read (ResourceNotFoundException). Check that the secret exists",
  ],
  [
    'the function of another version',
    /list-tenants$/,
    { body: '{"action":"status"}' },
    'server main answered `status` to a different request',
  ],
] as const;

describe.each(BEFORE)('%s', (_, call, fault, sentence) => {
  test('a deployment waits for as long as for a database, then fails in a sentence, before anything is begun', async () => {
    endpoint.faults = at(call, fault);
    expect(await aws.poll('r')).toEqual(NOT_YET);
    const began = aws.ms;
    const failed = await answered('r').catch((error: Error) => error.message);
    expect(failed).toContain(sentence);
    expect(failed).toMatch(/Nothing was changed\.|describe the run r/);
    expect(String(failed).length).toBeLessThan(300);
    expect(aws.ms - began).toBeGreaterThanOrEqual(20_000);
    expect(aws.runs.size).toBe(0);
  });

  test('while a run is under way it costs nothing, once it is over', async () => {
    await aws.poll('r');
    await aws.toEnd('r');
    aws.ms += 1_000_000;
    endpoint.faults = at(call, fault);
    await aws.poll('r').catch(() => expect.unreachable('it waits'));
    endpoint.faults = () => undefined;
    expect(await answered('r')).toMatchObject({ Data: { Tenants: '4 tenants: 4 up to date' } });
  });

  test.each(['Update', 'Delete'] as const)('a rollback, %s: never FAILED', async (type) => {
    await aws.poll('r');
    aws.status = type === 'Update' ? 'UPDATE_ROLLBACK_IN_PROGRESS' : 'DELETE_IN_PROGRESS';
    endpoint.faults = at(call, fault);
    let seen = false;
    for (let poll = 0; poll < 20 && !seen; poll++) {
      seen = (await aws.poll('u', { type, ...BACK })).IsComplete;
      if (aws.runs.get('u')?.status === 'RUNNING') await aws.toEnd('u');
      aws.ms += 5_000;
    }
    expect(seen).toBe(true);
  });
});

describe("a list of the owner's own in S3", () => {
  const plan = { lists: [{ kind: 's3', bucket: 'lists', key: 'tenants.jsonl' }] } as const;
  const line = (fields: object): string =>
    `${JSON.stringify({ database: 'app', server: 'main', ...fields })}\n`;
  const good = line({ name: 'a', schema: 'a' });
  const [place, read] = ['s3://lists/tenants.jsonl', /^GetObject tenants/];

  test.each([
    [
      'it is not there',
      { status: 404, code: 'NoSuchKey' },
      `${place} cannot be read (NoSuchKey). Put it there`,
    ],
    [
      'its bucket is not there',
      { status: 404, code: 'NoSuchBucket' },
      `${place} cannot be read (NoSuchBucket)`,
    ],
    [
      'it may not be read',
      { status: 403, code: 'AccessDenied' },
      `${place} cannot be read (AccessDenied). Put it there, and let the function read it.`,
    ],
    ['its connection ends in the middle', { body: good, as: 'cut' }, `${place} cannot be read (`],
    [
      '300 MB',
      { body: good, as: 'stalls', bytes: 300 * 1024 * 1024 },
      'it has 300 MB; the maximum for a list of tenants is 32 MB',
    ],
    ['empty', { body: '' }, 'has no tenants. If it may be empty, give it `allowEmpty: true`.'],
    ['empty lines', { body: '\n\n \n' }, 'has no tenants. If it may be empty, give it `allowEmpty: true`.'],
    ['a wrong line', { body: `${good}{"name": "b", \n${line({ name: 'c', schema: 'c' })}` }, 'line 2: '],
    ['a line that is no object', { body: `${good}["b"]\n` }, 'line 2: '],
    [
      'duplicates',
      { body: `${good}${line({ name: 'b', schema: 'a' })}${line({ name: 'a', schema: 'c' })}` },
      'line 2: schema "a" of database "app" on server main is already in line 1; line 3: the name "a" is already in line 1',
    ],
    [
      'a newline in a name',
      { body: good + line({ name: 'b\nc', schema: 'b' }) },
      'line 2: the name "b\\nc" contains a control character',
    ],
    [
      'a server of its own',
      { body: line({ name: 'b', schema: 'b', server: 'evil.example' }) },
      'line 1: server "evil.example" is not in this fleet; the servers are main, eu',
    ],
    [
      'a host of its own',
      { body: line({ name: 'b', schema: 'b', host: 'evil.example' }) },
      'line 1: "host" is not a field of a tenant',
    ],
    ['another encoding', { body: Buffer.from(good, 'utf16le').toString('latin1') }, 'line 1: '],
  ] as const)('%s: one error, and nothing is begun', async (_, fault, sentence) => {
    endpoint.faults = at(read, fault);
    const failed = await answered('r', { plan }).catch((error: Error) => error.message);
    expect(failed).toContain(sentence);
    expect(failed).toMatch(/ Nothing was changed\.$/);
    expect(aws.runs.size).toBe(0);
    aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
    expect(await answered('u', { plan, ...BACK })).toMatchObject({ Data: { Undone: '0' } });
  });

  test('names with quotes, as they are', async () => {
    const [name, schema] = ['o\'neil "x"; --', 'a"b\'c $1 \\'];
    endpoint.faults = at(read, { body: line({ name, schema }) });
    await aws.poll('r', { plan });
    const seen: unknown[] = [];
    aws.onTenant = (member) => {
      seen.push(member);
      return { state: 'up to date' };
    };
    await aws.toEnd('r');
    expect(seen).toEqual([{ name, schema, database: 'app', server: 'main' }]);
    expect(await aws.poll('r', { plan })).toMatchObject({ IsComplete: true });
  });

  test('wrong only when it is read again: it says that the tenants of before are migrated', async () => {
    endpoint.faults = at(read, { body: good });
    await aws.poll('r', { plan });
    await aws.toEnd('r');
    endpoint.faults = at(read, { body: good + good });
    await expect(answered('r', { plan })).rejects.toThrow(
      /line 2: .*is already in line 1\. The list was read again before reporting success; all tenants that it had before are migrated\.$/,
    );
  });
});

test('busy for a moment: the SDK asks again, and nobody notices', async () => {
  const times = new Map<string, number>();
  endpoint.faults = (call) => {
    const before = times.get(call) ?? 0;
    times.set(call, before + 1);
    if (before > 0 || call.startsWith('Invoke')) return undefined;
    return call.includes('Object')
      ? { status: 503, code: 'SlowDown' }
      : { status: 400, code: 'ThrottlingException' };
  };
  expect(await aws.poll('r')).toEqual(NOT_YET);
  expect(aws.runs.get('r')!.status).toBe('RUNNING');
});

test('an object that ends in the middle: asked for again, for as long as for a database', async () => {
  await aws.poll('r');
  await aws.toEnd('r');
  aws.ms += 1_000_000;
  endpoint.faults = at(/^GetObject .*state/, { body: '{"run":', as: 'cut' });
  expect(await aws.poll('r')).toEqual(NOT_YET);
  aws.ms += 21_000;
  await expect(aws.poll('r')).rejects.toThrow('AWS did not read s3://lists/runs/r/state.json');
});

test('an object that never ends: the function does not wait for ever', async () => {
  const bucket = overHttp(aws, 300).bucket;
  endpoint.faults = at(/^GetObject/, { body: '{"run":', as: 'stalls' });
  await expect(bucket.get('x')).rejects.toThrow('AWS did not read s3://lists/x');
});

test('a tenant that another stack owns: it is named, and nothing is changed', async () => {
  aws.onTenant = ({ name }) =>
    name === 'c'
      ? {
          state: 'foreign',
          error: {
            code: 'owner',
            message: 'stack other owns it',
            remedy: 'Take it out of the list.',
          } as never,
        }
      : { state: 'behind' };
  await aws.poll('r');
  await aws.toEnd('r');
  await expect(aws.poll('r')).rejects.toThrow(
    'Nothing was changed: 1 tenant cannot be migrated, and none may fail. c on main (foreign): Stack other owns it. Take it out',
  );
});

describe('a run that vanished', () => {
  test('not shown yet, while the list has changed: it keeps the lists that it began with', async () => {
    await aws.poll('r');
    const began = new Map(aws.objects);
    aws.members = membersOf('z');
    endpoint.faults = at(/^DescribeExecution/, { status: 400, code: 'ExecutionDoesNotExist' });
    for (let poll = 0; poll < 3; poll++) expect(await aws.poll('r')).toEqual(NOT_YET);
    expect(aws.objects).toEqual(began);
    expect(aws.runs.size).toBe(1);
    endpoint.faults = () => undefined;
    await aws.toEnd('r');
    expect(aws.runs.get('r')!.state.report.states).toEqual({ 'up to date': 4 });
  });

  test('for good: it ends at the deadline, and says so', async () => {
    await aws.poll('r');
    endpoint.faults = at(/^DescribeExecution/, { status: 400, code: 'ExecutionDoesNotExist' });
    aws.ms += 2_996_000;
    await expect(aws.poll('r')).rejects.toThrow(
      /^Not finished within 50 minutes: not all tenants had been inspected/,
    );
    expect(aws.runs.get('r')!.status).toBe('ABORTED');
  });
});
