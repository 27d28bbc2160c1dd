import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { writeRecording } from './recording';
import { leaks, scrubber } from './scrub';

const ACCOUNT = '210987654321';
const RUN = 'rcanary1';
const KNOWN = { words: { [ACCOUNT]: '<account>', [RUN]: '<run>' } };
const UUID = '3f2b8c1e-9a4d-4c7b-8e21-0d9f6a5b4c3d';

/** What must not come through, as AWS writes it. */
const CANARIES: Readonly<Record<string, string>> = {
  account: `User ${ACCOUNT} is not authorized`,
  'another account': 'shared with 998877665544.',
  arn: `arn:aws:cloudformation:eu-west-1:${ACCOUNT}:stack/trueup-live-${RUN}-stack/${UUID}`,
  'arn without a region': `arn:aws:iam::${ACCOUNT}:role/cdk-hnb659fds-deploy-role-${ACCOUNT}-eu-west-1`,
  'arn of China': `arn:aws-cn:sns:cn-north-1:${ACCOUNT}:topic`,
  'arn of S3': 'arn:aws:s3:::cdk-assets-of-somebody',
  request: `(Service: Lambda, Status Code: 400, Request ID: ${UUID}) (SDK Attempt Count: 1)`,
  'long request id': 'RequestId: SecretLookingToken/Of+Base64==',
  'request token': '"requestToken":"canary-token-1234"',
  host: 'canary.c1a2b3c4d5e6.eu-west-1.rds.amazonaws.com:5432',
  'host in China': 'canary.rds.cn-north-1.amazonaws.com.cn',
  'host of a function': 'abcdef.lambda-url.eu-west-1.on.aws',
  'host inside': 'ip-10-1-2-3.eu-west-1.compute.internal',
  'local endpoint': 'http://127.0.0.1:24633/?X-Amz-Signature=canary',
  url: 'https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com/x?X-Amz-Credential=canary',
  address: 'connection from 10.20.30.40(5432)',
  'address of six': 'from 2001:db8:85a3:0:0:8a2e:370:7334 it came',
  mail: 'on-call@example.com',
  key: 'AKIAIOSFODNN7EXAMPLE',
  role: 'AROAIOSFODNN7EXAMPLE:session',
  network: 'eni-0a1b2c3d4e5f67890 in subnet-0a1b2c3d, sg-0a1b2c3d4e5f67890',
  server: 'db-ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  run: `trueup-live-${RUN}-stack`,
};

/** The texts above that name something: anything of eight and more characters that no dictionary has. */
const SECRETS =
  /210987654321|998877665544|rcanary1|3f2b8c1e|SecretLooking|canary-token|c1a2b3c4d5e6|lambda-url|ip-10-1|24633|X-Amz|10\.20\.30|85a3|on-call|AKIA|AROA|0a1b2c3d|ABCDEFGHIJ|cdk-assets|hnb659fds/;

describe('what names an account, a host or a request', () => {
  it.each(Object.entries(CANARIES))('%s', (_, text) => {
    const clean = scrubber(KNOWN)({ [text]: [text], deep: { text } });
    expect(JSON.stringify(clean)).not.toMatch(SECRETS);
    expect(leaks(JSON.stringify(clean), KNOWN)).toEqual([]);
  });

  it.each(Object.entries(CANARIES).filter(([name]) => !/request/.test(name) || name === 'request'))(
    '%s would be noticed',
    (_, text) => expect(leaks(text, KNOWN)).not.toEqual([]),
  );
});

describe('what stays', () => {
  it('what was equal, and what was different', () => {
    const scrub = scrubber(KNOWN);
    const [one, other] = [UUID, UUID.replace('3f', '4f')];
    expect(scrub([one, other, one])).toEqual(['<uuid-1>', '<uuid-2>', '<uuid-1>']);
    expect(scrub({ again: one })).toEqual({ again: '<uuid-1>' });
  });
  it('times, numbers, statuses, reasons', () => {
    const data = {
      at: 1795382499632,
      text: 'at 1795382499632: UPDATE_FAILED, Resource update cancelled (0.25 s)',
      patterns: '"ERROR:  null value" -":  a" -":  20"',
      none: null,
      yes: true,
    };
    expect(scrubber(KNOWN)(data)).toEqual(data);
  });
});

describe('a recording', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-recording-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const frame = {
    step: 'late-failure',
    source: 'aws',
    recordedOn: '2026-11-22',
    region: 'eu-west-1',
  } as const;

  test('is written scrubbed', () => {
    const file = writeRecording(folder, { ...frame, data: CANARIES }, KNOWN);
    expect(readFileSync(file, 'utf8')).not.toMatch(SECRETS);
  });
  test('is not written where something would be left', () => {
    const before = readdirSync(folder);
    // The frame is not scrubbed, so what is in it is left.
    const write = () => writeRecording(folder, { ...frame, step: 'other', region: ACCOUNT, data: 1 }, KNOWN);
    expect(write).toThrow(/would still hold: account, <account>.*not written/);
    expect(readdirSync(folder)).toEqual(before);
  });
});
