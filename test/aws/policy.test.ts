import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { costsOf, costTable, totalUsd } from './cost';
import { PARTS } from './options';
import { policyFor, policyText } from './policy';

const SERVICES: Readonly<Record<string, string>> = {
  'client-cloudformation': 'cloudformation',
  'client-cloudwatch-logs': 'logs',
  'client-lambda': 'lambda',
  'client-sfn': 'states',
};
/** The action has another name than the call. */
const NAMED: Readonly<Record<string, string>> = { 'lambda:Invoke': 'lambda:InvokeFunction' };

/** What the program's own sources send, as actions; what runs inside the account has roles of its own. */
function sent(): string[] {
  const files = ['.', 'steps'].flatMap((folder) =>
    readdirSync(join(__dirname, folder))
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(__dirname, folder, name), 'utf8')),
  );
  const actions = files.flatMap((source) => [
    ...[...source.matchAll(/import \{([^}]*)\} from '@aws-sdk\/([\w-]+)'/g)].flatMap(([, names, client]) =>
      [...names!.matchAll(/\b(\w+)Command\b/g)].map(([, call]) => `${SERVICES[client!]}:${call}`),
    ),
    ...[...source.matchAll(/'(DescribeEngineDefault\w+)'/g)].map(([, call]) => `rds:${call}`),
    // GetCallerIdentity needs no permission.
    ...[...source.matchAll(/query\(\s*'(rds|ec2)',[^,]+,\s*'(\w+)'/g)].map(
      ([, service, call]) => `${service}:${call}`,
    ),
  ]);
  return [...new Set(actions.map((action) => NAMED[action] ?? action))].sort();
}

const allowed = policyFor({}, PARTS).Statement.flatMap(({ Action }) => Action);

test('the policy allows what the program sends', () => {
  expect(sent().length).toBeGreaterThan(12);
  expect(sent().filter((action) => !allowed.includes(action))).toEqual([]);
});

test('the policy allows nothing that the program does not send', () => {
  // The command line takes the roles of the bootstrap.
  expect(allowed.filter((action) => !sent().includes(action) && action !== 'sts:AssumeRole')).toEqual([]);
});

test('only reading without a stack, and everything else only on what a run makes', () => {
  const { Statement } = policyFor({ account: '123456789012', region: 'eu-west-1' }, ['reads']);
  expect(Statement.map(({ Sid }) => Sid)).toEqual(['Reads']);
  const all = policyFor({ account: '123456789012', region: 'eu-west-1' }, PARTS).Statement;
  const open = all.filter(({ Resource }) => Resource.includes('*')).flatMap(({ Action }) => Action);
  expect(open.filter((action) => !/:(Test|Describe)\w+$/.test(action))).toEqual([]);
  for (const { Resource, Sid } of all) {
    for (const resource of Resource.filter((each) => each !== '*'))
      expect(resource, Sid).toMatch(
        /^arn:aws:[a-z]+:(eu-west-1)?:123456789012:.*(trueup-live-\*|role\/cdk-\*)/,
      );
  }
});

test('in China and GovCloud under their own names', () => {
  for (const [region, partition] of [
    ['cn-north-1', 'arn:aws-cn:'],
    ['us-gov-west-1', 'arn:aws-us-gov:'],
  ] as const) {
    const named = policyFor({ account: '123456789012', region }, PARTS)
      .Statement.flatMap(({ Resource }) => Resource)
      .filter((each) => each !== '*');
    expect(named.every((each) => each.startsWith(partition))).toBe(true);
  }
});

test('the cost is the sum of its lines, and named before anything is made', () => {
  const usd = totalUsd(costsOf(['reads', 'stack']));
  expect(usd).toBeGreaterThan(0);
  expect(usd).toBeLessThan(0.1);
  // Upwards to a cent: 0.0070 is said as 0.01.
  expect(costTable(['reads', 'stack'])).toMatch(/together, at most about +0\.01$/);
  expect(totalUsd(costsOf(PARTS))).toBeGreaterThan(totalUsd(costsOf(['stack', 'instance'])));
  for (const part of PARTS) expect(costsOf([part]).length).toBeGreaterThan(0);
});

test('the policy is printed as the JSON that it is', () => {
  const policy = policyFor({ account: '123456789012', region: 'eu-west-1' }, PARTS);
  expect(JSON.parse(policyText(policy))).toEqual(policy);
});
