/** Tenants that go away during a deployment are no failure; those that are renamed, or cannot be reached, are. */
import { beforeEach, describe, expect, test } from 'vitest';
import { runObjectKeys } from '../../lambda/contract/fleet-run';
import { quiet } from '../support/quiet';
import { membersOf, StandIn } from './stand-in';

quiet();

let aws: StandIn;
beforeEach(() => {
  aws = new StandIn();
  aws.members = membersOf('a', 'b', 'c', 'd');
});
const NOT_YET = { IsComplete: false };
const error = (sqlstate: string) => ({
  code: 'connection' as const,
  sqlstate,
  message: `database "c" does not exist`,
  remedy: 'Create the database, or correct its name.',
});
/** From this piece of work on. @param leaves from the list too */
function goes(name: string, from: 'inspect' | 'apply', sqlstate = '3D000', leaves = true) {
  aws.onTenant = (member, { work }) => {
    const is = member.name === name && (from === 'inspect' || work === 'apply');
    if (is && leaves) aws.members = aws.members.filter((each) => each.name !== name);
    if (is) return { state: work === 'inspect' ? 'unreachable' : 'failed', error: error(sqlstate) };
    return { state: work === 'inspect' ? 'behind' : 'up to date' };
  };
}
async function deploys(plan = {}) {
  for (let polls = 0; polls < 10; polls++) {
    const answer = await aws.poll('r', { plan });
    if (answer.IsComplete) return answer;
    for (const name of aws.runs.keys()) if (aws.runs.get(name)!.status === 'RUNNING') await aws.toEnd(name);
  }
  throw new Error('no end');
}

describe.each(['3D000', '3F000'])('the server says %s', (sqlstate) => {
  test('during a wave, and the list lacks it: the waves go on, and it is no failure', async () => {
    goes('c', 'apply', sqlstate);
    expect(await deploys({ canaries: ['c'] })).toMatchObject({ Data: { Failed: 'none' } });
    aws = new StandIn();
    aws.members = membersOf('a', 'b', 'c', 'd');
    goes('c', 'apply', sqlstate);
    expect(await deploys({ canaries: ['a'] })).toMatchObject({
      Data: { Tenants: '4 tenants: 3 up to date, 1 missing', Failed: 'none', Warnings: 'none' },
    });
  });

  test('during the look: the others are begun anew, and nothing is counted twice', async () => {
    goes('c', 'inspect', sqlstate);
    expect(await deploys()).toMatchObject({
      Data: { Tenants: '3 tenants: 3 up to date', Failed: 'none', Warnings: 'none' },
    });
    expect(aws.starts).toEqual(['r', 'r-2']);
    expect(JSON.parse(aws.objects.get(runObjectKeys.tenants('r'))!)).toContainEqual(
      expect.objectContaining({ name: 'c', state: 'missing' }),
    );
  });

  test('the list has it still, renamed or mistyped: a failure', async () => {
    goes('c', 'apply', sqlstate, false);
    await expect(deploys()).rejects.toThrow(
      /^All waves are done: 1 tenant failed, and none may fail\. c on main \(failed\): .*4 tenants: 3 up to date, 1 failed\. A rollback undoes/,
    );
    aws = new StandIn();
    aws.members = membersOf('a', 'b', 'c', 'd');
    goes('c', 'inspect', sqlstate, false);
    await expect(deploys()).rejects.toThrow(/^Nothing was changed: 1 tenant cannot be migrated/);
    expect(aws.starts).toEqual(['r']);
  });

  test('the same name at another place, or another name at the same place, has not gone', async () => {
    for (const moved of [
      { name: 'c', database: 'c_new', server: 'main' },
      { name: 'c_new', database: 'c', server: 'main' },
    ]) {
      aws = new StandIn();
      aws.members = membersOf('a', 'b', 'c', 'd');
      goes('c', 'apply', sqlstate);
      const { onTenant } = aws;
      aws.onTenant = (member, asked) => {
        const told = onTenant(member, asked);
        if (asked.work === 'apply' && !aws.members.includes(moved)) aws.members = [...aws.members, moved];
        return told;
      };
      await expect(deploys()).rejects.toThrow(/1 tenant failed, and none may fail\. c on main/);
    }
  });
});

test.each(['inspect', 'apply'] as const)(
  'a canary goes during the %s, and a tenant comes: no failure',
  async (from) => {
    goes('c', from);
    const { onTenant } = aws;
    aws.onTenant = (member, asked) => {
      const told = onTenant(member, asked);
      if (aws.members.every(({ name }) => name !== 'e')) aws.members = [...aws.members, ...membersOf('e')];
      return told;
    };
    expect(await deploys({ canaries: ['c'] })).toMatchObject({
      Data: { Tenants: expect.stringContaining('4 up to date'), Failed: 'none' },
    });
  },
);

test.each(['08006', '28P01', '57P03', '42P01'])(
  '%s and not on the list any more: a failure',
  async (sqlstate) => {
    goes('c', 'apply', sqlstate);
    await expect(deploys()).rejects.toThrow(/1 tenant failed, and none may fail/);
  },
);

test('gone and tolerated are counted apart', async () => {
  goes('c', 'apply');
  const { onTenant } = aws;
  aws.onTenant = (member, asked) =>
    member.name === 'b' && asked.work === 'apply' ? { state: 'failed' } : onTenant(member, asked);
  expect(await deploys({ maxFailures: 1 })).toMatchObject({
    Data: {
      Tenants: expect.stringMatching(/1 missing/),
      Failed: 'b on eu (failed)',
      Warnings: '1 tenant within the failure limit and behind: b on eu (failed).',
    },
  });
});

test('the list cannot be read for the moment: it is read again', async () => {
  goes('c', 'apply');
  expect(await aws.poll('r')).toEqual(NOT_YET);
  await aws.toEnd('r');
  const { invokeMigrate } = aws.inside;
  aws.outbound = { ...aws.inside, invokeMigrate: async () => ({ kind: 'died', message: 'missing' }) };
  expect(await aws.poll('r')).toEqual(NOT_YET);
  aws.outbound = { ...aws.inside, invokeMigrate };
  expect(await aws.poll('r')).toMatchObject({ Data: { Tenants: '4 tenants: 3 up to date, 1 missing' } });
});

describe('a fleet that may be without a tenant', () => {
  const lists = [{ kind: 'server', server: 'main', source: 0, allowEmpty: true }] as const;

  test('is deployed, and again with its first tenant', async () => {
    aws.members = [];
    expect(await deploys({ lists, canaries: ['first'] })).toMatchObject({
      Data: { Tenants: '0 tenants: none inspected', Failed: 'none', Warnings: 'none' },
    });
    aws = new StandIn();
    aws.members = membersOf('first');
    expect(await deploys({ lists, canaries: ['first'] })).toMatchObject({
      Data: { Tenants: '1 tenant: 1 up to date' },
    });
  });

  test('the last tenant goes during the deployment', async () => {
    aws.members = membersOf('c');
    goes('c', 'apply');
    expect(await deploys({ lists })).toMatchObject({
      Data: { Tenants: '1 tenant: 1 missing', Failed: 'none' },
    });
    aws = new StandIn();
    aws.members = membersOf('c');
    goes('c', 'inspect');
    expect(await deploys({ lists })).toMatchObject({ Data: { Tenants: '0 tenants: none inspected' } });
  });

  test('one source may be empty, and another may not', async () => {
    aws.members = [];
    const both = [...lists, { kind: 'server', server: 'eu', source: 0 }] as const;
    await expect(deploys({ lists: both })).rejects.toThrow('it has no tenants');
  });
});
