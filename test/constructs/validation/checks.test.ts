import { Duration } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import * as names from '../../../lib/constructs/validation/name-checks';
import { phraseCheck, runbookUrlCheck } from '../../../lib/constructs/validation/patterns';
import type { PropCheck } from '../../../lib/constructs/validation/prop-checks';
import { formatValue } from '../../../lib/constructs/validation/prop-checks';
import { logGroupNameCheck } from '../../../lib/constructs/validation/resources';
import { trustedRootsCheck } from '../../../lib/constructs/validation/trusted-roots';
import { durationCheck, integerCheck, list, text, urlCheck } from '../../../lib/constructs/validation/values';
import { makeCertificates } from '../../support/certificates';
import { folderOf } from '../../support/synth';

const arn = (rest: string, partition = 'aws') => `arn:${partition}:rds:${rest}`;

const CASES: Record<string, { check: PropCheck; takes: readonly unknown[]; refuses: readonly unknown[] }> = {
  'the name of a database': {
    check: names.databaseNameCheck,
    takes: ['app', 'my-db', 'my db', 'ü'.repeat(31), 'postgres'],
    refuses: ['ü'.repeat(32), 'x'.repeat(64), 'rdsadmin', 'template0', 'a\tb', 'pg://a'],
  },
  'the initial database of a server': {
    check: names.initialDatabaseNameCheck,
    takes: ['app', 'App_1'],
    refuses: ['my-db', '1app', '_app', 'a'.repeat(64), 'rdsadmin'],
  },
  'the role of an owner': {
    check: names.roleNameCheck,
    takes: ['app', 'a b'],
    refuses: ['é'.repeat(32), ''],
  },
  'the role that logs in': {
    check: names.loginRoleCheck,
    takes: ['app_migrator', 'me@example.com'],
    refuses: ['*', 'a/b', 'pg_me', 'x'.repeat(64), 'a b'],
  },
  'the id of a resource': {
    check: names.resourceIdCheck,
    takes: ['db-ABCDEFGHIJKL01234', 'cluster-ABC'],
    refuses: ['prod', 'prx-0123', 'db-', 'db-abc', '*', 'arn:aws:rds:eu-west-1:111122223333:db:prod'],
  },
  'the ARN of a cluster': {
    check: names.clusterArnCheck,
    takes: [
      arn('eu-central-1:123456789012:cluster:prod'),
      arn('cn-north-1:123456789012:cluster:prod', 'aws-cn'),
      arn('us-gov-west-1:123456789012:cluster:prod', 'aws-us-gov'),
      arn('xx-new-9:123456789012:cluster:prod'),
    ],
    refuses: [
      'prod',
      arn('eu-central-1:123456789012:db:prod'),
      arn('eu-central-1:123456789012:cluster-snapshot:prod'),
      arn('eu-central-1:1234:cluster:prod'),
      arn(':123456789012:cluster:prod'),
      arn('eu-central-1:123456789012:cluster:*'),
      arn('cn-north-1:123456789012:cluster:prod'),
      arn('eu-central-1:123456789012:cluster:prod', 'aws-cn'),
      'arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod',
    ],
  },
  'the identifier of a server': {
    check: names.identifierCheck,
    takes: ['shop', 'shop-1', 'x'.repeat(63)],
    refuses: ['Shop', 'shop-', 'a--b', '1shop', `a${'-b'.repeat(32)}`],
  },
  'a version': {
    check: names.versionCheck,
    takes: ['13', '17.9', '18.3', '13.20-rds.20260101'],
    refuses: ['abc', '12.1', '9.6.1', '1x', '17.', 'v17', 'latest'],
  },
  'the name of a log group': {
    check: logGroupNameCheck,
    takes: ['/aws/rds/instance/shop/postgresql'],
    refuses: ['arn:aws:logs:eu-west-1:111122223333:log-group:x', 'a b', 'x'.repeat(513)],
  },
  'a phrase to ignore': {
    check: phraseCheck,
    takes: ['audit_log', 'relation "x"'.replaceAll('"', '')],
    refuses: [
      'e',
      'ERROR',
      'ERROR:  ',
      'null value',
      'violates not-null constraint',
      'ON CONFLICT',
      '"x"',
      'é',
    ],
  },
  'a URL of pages': {
    check: runbookUrlCheck,
    takes: ['https://wiki.example.com/x', 'http://wiki/'],
    refuses: ['docs', 'ftp://x', 'https://me:hunter2@wiki', 'https://a b', 'javascript:alert(1)', 'https://'],
  },
  'an endpoint': {
    check: urlCheck('must be an HTTPS endpoint', ['https']),
    takes: ['https://events.example.com/integration/hunter2/enqueue'],
    refuses: [
      'http://events.example.com/hunter2',
      'events.example.com/hunter2',
      'hunter2',
      'https:hunter2 x',
    ],
  },
  'a number': { check: integerCheck(1, 10), takes: [1, 10], refuses: [0, 11, 1.5, Number.NaN, '5', 5n] },
  'a time': {
    check: durationCheck('minutes', 1, 60),
    takes: [Duration.minutes(1), Duration.seconds(120), Duration.hours(1)],
    refuses: [Duration.seconds(90), Duration.minutes(61), Duration.days(10), 5, '5 minutes'],
  },
  'a list': {
    check: list(text({ must: 'must be a text' }), { notEmpty: 'must not be empty' }),
    takes: [['a', 'b']],
    refuses: [[], 'a', ['a', 'a'], ['a', ''], [undefined], { 0: 'a', length: 1 }],
  },
};

describe.each(Object.entries(CASES))('%s', (_, { check, takes, refuses }) => {
  it.each(takes.map((each) => [formatValue(each), each] as const))('takes %s', (_label, value) =>
    expect(check(value, 'it')).toBeUndefined(),
  );
  it.each(refuses.map((each) => [formatValue(each), each] as const))('refuses %s', (_label, value) => {
    const problem = check(value, 'it');
    expect(problem).toMatch(/^it\b.*\bmust\b/);
    expect(problem).not.toMatch(/hunter2/);
  });
});

it('shows a value on one line, short, and without the password of a URL', () => {
  expect(formatValue('a\nb')).toBe('"a\\nb"');
  expect(formatValue('x'.repeat(100))).toBe(`"${'x'.repeat(80)}"… (100 characters)`);
  expect(formatValue('postgres://me:hunter2@h/db')).toBe('"…@h/db"');
  for (const text of [
    'postgres://me:hunter2/@h/db',
    'me:hunter2@h',
    "host=h password='hunter2 x' user=me",
    `postgres://me:hunter2${'x'.repeat(80)}@h`,
  ])
    expect(formatValue(text)).not.toContain('hunter2');
  expect([
    formatValue(null),
    formatValue([]),
    formatValue([1]),
    formatValue({}),
    formatValue(Number.NaN),
  ]).toEqual(['null', '[]', 'a list of 1', 'a value of type Object', 'NaN']);
});

it('trusts files of certificates only', async () => {
  const { ca, key } = await makeCertificates();
  const files = folderOf({
    'ca.pem': `# ours\n${ca}\n${ca}`,
    'with-key.pem': ca + key,
    'text.pem': 'PEM',
    'broken.pem': ca.replace(/[A-Za-z0-9]{20}/, ''),
  });
  expect(trustedRootsCheck(`${files}/ca.pem`, 'it')).toBeUndefined();
  for (const [path, why] of [
    [`${files}/with-key.pem`, 'private key'],
    [`${files}/text.pem`, 'and has none'],
    [`${files}/broken.pem`, 'number 1'],
    [`${files}/no.pem`, 'ENOENT'],
    [files, 'EISDIR'],
    [ca, 'it must be the path of the file'],
    [key, 'it must be the path of the file'],
  ] as const) {
    const problem = trustedRootsCheck(path, 'it');
    expect(problem).toContain(why);
    expect(problem).not.toMatch(/BEGIN RSA|MII/);
  }
});
