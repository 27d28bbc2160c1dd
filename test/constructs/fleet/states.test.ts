/** One tenant's child of the map, state by state: how often its function is called again after it died. */
import { expect, test } from 'vitest';
import type { TenantAnswer } from '../../../lambda/contract/fleet';
import { readTenantResults } from '../../../lambda/fleet-run/results';
import { buildFleetStates, MAX_CRASH_RETRIES } from '../../../lib/constructs/fleet/states';

type Json = Record<string, unknown>;
interface State {
  readonly Type: string;
  readonly [field: string]: unknown;
}

const server = { name: 'main', functionArn: 'arn:main' };
const machine = buildFleetStates({ bucket: 'b', servers: [server], tallyArn: 'arn:tally', concurrency: 1 });
const map = (machine.States as { Wave: { Branches: { States: Record<string, State> }[] } }).Wave.Branches[0]!
  .States['Tenants of main']!;
const { StartAt, States } = map.ItemProcessor as { StartAt: string; States: Record<string, State> };

const at = (data: unknown, path: string): unknown =>
  path
    .split('.')
    .slice(1)
    .reduce((value, key) => (value as Json | undefined)?.[key], data);
const put = (data: Json, path: string, value: unknown): Json => ({ ...data, [path.slice(2)]: value });
function filled(template: Json, data: Json): Json {
  const entries = Object.entries(template).map(([key, value]) => {
    if (!key.endsWith('.$')) return [key, value];
    const [, sum, add] = /^States\.MathAdd\((.*), (\d+)\)$/.exec(String(value)) ?? [];
    return [key.slice(0, -2), sum ? Number(at(data, sum)) + Number(add) : at(data, String(value))];
  });
  return Object.fromEntries(entries);
}
function holds(rule: Json, data: Json): boolean {
  if (rule.And) return (rule.And as Json[]).every((each) => holds(each, data));
  const value = at(data, rule.Variable as string);
  if ('IsPresent' in rule) return (value !== undefined) === rule.IsPresent;
  if ('NumericLessThanEquals' in rule) return Number(value) <= Number(rule.NumericLessThanEquals);
  return value === rule.StringEquals;
}

/** As Step Functions runs them. Only what this machine uses; anything else ends the test. */
function child(call: (payload: Json) => Json): { readonly output: unknown; readonly pausedS: number } {
  const selector = map.ItemSelector as Json;
  let data: Json = {
    ...filled(selector, {}),
    work: 'apply',
    request: {},
    tenant: { name: 'acme', database: 'acme' },
  };
  let pausedS = 0;
  for (let name = StartAt; ; ) {
    const state = States[name]!;
    let next = state.Next as string;
    if (state.Type === 'Task') {
      try {
        data = put(data, state.ResultPath as string, { answer: call(data) });
      } catch (error) {
        const [caught] = state.Catch as Json[];
        expect(caught!.ErrorEquals).toEqual(['States.ALL']);
        data = put(data, caught!.ResultPath as string, { Error: (error as Error).message, Cause: '{}' });
        next = caught!.Next as string;
      }
    } else if (state.Type === 'Pass') {
      const result = filled(state.Parameters as Json, data);
      if (state.End) return { output: result, pausedS };
      data = put(data, state.ResultPath as string, result);
    } else if (state.Type === 'Wait') pausedS += state.Seconds as number;
    else if (state.Type === 'Choice')
      next = ((state.Choices as Json[]).find((each) => holds(each, data))?.Next ?? state.Default) as string;
    else if (state.Type === 'Succeed') return { output: at(data, state.OutputPath as string), pausedS };
    else throw new Error(`a state of type ${state.Type}`);
    name = next;
  }
}

const answered = (state: TenantAnswer['state']): Json => ({
  action: 'tenant',
  tenant: { name: 'acme', state },
});
/** What each call comes to; a text is how the function dies. */
function calls(...ends: (Json | string)[]) {
  const payloads: Json[] = [];
  const run = child((payload) => {
    payloads.push(payload);
    const end = ends[payloads.length - 1]!;
    if (typeof end === 'string') throw new Error(end);
    return end;
  });
  return { ...run, payloads };
}

test('a function that dies twice is called again, and goes on from its last answer', () => {
  const { output, payloads, pausedS } = calls(
    answered('continue'),
    'Runtime.ExitError',
    'Sandbox.Timedout',
    answered('up to date'),
  );
  expect(output).toEqual(answered('up to date'));
  expect(payloads).toHaveLength(4);
  expect(payloads[3]).toMatchObject({
    action: 'tenant',
    work: 'apply',
    tenant: { name: 'acme' },
    last: { answer: answered('continue') },
  });
  expect(pausedS).toBe(2 + 5 + 5);
});

test(`${MAX_CRASH_RETRIES} times a tenant, over all of its slices; then it is told as dead, and of what`, async () => {
  const deaths = Array<string>(MAX_CRASH_RETRIES).fill('Runtime.ExitError');
  expect(calls(...deaths, answered('up to date')).output).toEqual(answered('up to date'));
  const { output, payloads } = calls(
    'Runtime.ExitError',
    answered('continue'),
    'Runtime.ExitError',
    answered('continue'),
    'Runtime.ExitError',
    'Sandbox.Timedout',
  );
  expect(payloads).toHaveLength(6);
  expect(output).toEqual({ action: 'died', times: MAX_CRASH_RETRIES + 1, error: 'Sandbox.Timedout' });

  const objects: Record<string, unknown> = {
    manifest: { ResultFiles: { SUCCEEDED: [{ Key: 'file' }] } },
    file: [{ Input: JSON.stringify({ tenant: { name: 'acme' } }), Output: JSON.stringify(output) }],
  };
  const members = [{ name: 'acme', database: 'acme', server: 'main' }];
  const bucket = { get: async (key: string) => JSON.stringify(objects[key]) };
  const [told] = await readTenantResults(members, [{ server: 'main', results: { Key: 'manifest' } }], bucket);
  expect(told!.row).toMatchObject({
    state: 'no answer',
    why: 'its function failed 4 times (Sandbox.Timedout); see its log',
  });
});
