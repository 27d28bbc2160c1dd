/** What the command line asks of a fleet, with a stand-in for Step Functions' client. */
import { expect, test } from 'vitest';
import type { FleetAnswer, FleetQuestion, TenantRow } from '../../lambda/contract/fleet-run';
import { ask } from '../../lambda/fleet-run/ask';
import { membersOf, PLAN, StandIn } from './stand-in';

function fleet(...names: string[]) {
  const aws = new StandIn();
  aws.members = membersOf(...names);
  const context = {
    plan: PLAN,
    fleet: {
      bucket: 'lists',
      stateMachine: 'arn',
      functions: { main: 'f-main', eu: 'f-eu' },
      stackId: 'arn:aws:cloudformation:us-east-1:111122223333:stack/shop/1',
      owner: '',
    },
    outbound: aws.outbound,
  };
  const question = (asked: FleetQuestion): Promise<FleetAnswer> => ask(asked, context);
  const started = async (asked: FleetQuestion): Promise<string> => {
    const answer = await question(asked);
    if (answer.action !== 'started') throw new Error(JSON.stringify(answer));
    return answer.run;
  };
  return { aws, question, started };
}

test('status looks at all tenants and changes none', async () => {
  const { aws, question, started } = fleet('a', 'b', 'c');
  const run = await started({ action: 'status' });
  expect(await question({ action: 'progress', run })).toMatchObject({ done: false, report: null });
  const works: string[] = [];
  aws.onTenant = (_, { work }) => {
    works.push(work);
    return { state: 'behind', pending: 2 };
  };
  await aws.toEnd(run);
  expect(works).toEqual(['prove', 'prove', 'prove']);
  expect(await question({ action: 'progress', run })).toMatchObject({
    done: true,
    error: null,
    report: { targets: 3, states: { behind: 3 } },
  });
  expect(await question({ action: 'tenants', run, from: 0 })).toMatchObject({
    tenants: [{ name: 'a', server: 'main', pending: 2 }, { name: 'c' }, { name: 'b', server: 'eu' }],
    next: null,
  });
});

test('up brings up those that are named, as the stack that owns them', async () => {
  const { aws, started } = fleet('a', 'b', 'c');
  const run = await started({ action: 'up', targets: ['b'] });
  await aws.toEnd(run);
  expect(aws.runs.get(run)!.state).toMatchObject({
    request: {
      direction: 'forward',
      manifestHash: 'new',
      owner: { account: '111122223333', stackName: 'shop' },
    },
    report: { targets: 1, states: { 'at version': 1 } },
  });
});

test('a thousand tenants and more, page by page, each once', async () => {
  const names = Array.from({ length: 4_500 }, (_, i) => `tenant_${i}`);
  const { aws, question, started } = fleet(...names);
  const run = await started({ action: 'status' });
  await aws.toEnd(run);
  const seen: TenantRow[] = [];
  for (let from: number | null = 0; from !== null; ) {
    const page: FleetAnswer = await question({ action: 'tenants', run, from });
    if (page.action !== 'tenants') throw new Error(page.action);
    seen.push(...page.tenants);
    from = page.next;
  }
  expect(new Set(seen.map(({ name }) => name)).size).toBe(4_500);
  expect(seen).toHaveLength(4_500);
});

test.each([
  [{ action: 'up', targets: ['z'] }, 'z is not in the list of 1 targets'],
  [{ action: 'up', targets: [] }, 'No target is named.'],
  [{ action: 'progress', run: '../latest/new' }, 'There is no such run.'],
  [{ action: 'progress', run: 'status-00000000-0000-0000-0000-000000000000' }, 'There is no such run.'],
  [{ action: 'drop' } as never, 'does not know "drop"'],
] as const)('%j is refused in a sentence', async (asked, message) => {
  const { aws, question } = fleet('a');
  expect(await question(asked)).toEqual({ action: 'refused', message: expect.stringContaining(message) });
  expect(aws.starts).toEqual([]);
});
