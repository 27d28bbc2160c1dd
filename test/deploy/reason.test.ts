import { expect, test } from 'vitest';
import type { ConvergeReport } from '../../lambda/contract/converge';
import { DEPLOY_ATTRIBUTES } from '../../lambda/contract/custom-resource';
import { buildAttributes, DeployError, shortenToBytes } from '../../lambda/deploy/reason';
import { fc } from '../support/property';
import { report as empty } from './polling';

/** What the framework sends for a failure, and CloudFormation's limit for it. */
const answerBytes = (reason: string, data: object = {}): number =>
  Buffer.byteLength(
    JSON.stringify({
      Status: 'FAILED',
      Reason: `${reason}\n\nLogs: /aws/lambda/${'n'.repeat(64)}\n`,
      StackId: `arn:aws:cloudformation:ap-southeast-2:111122223333:stack/${'s'.repeat(128)}/00000000-0000-0000-0000-000000000000`,
      RequestId: '00000000-0000-0000-0000-000000000000',
      PhysicalResourceId: `trueup:${'n'.repeat(200)}`,
      LogicalResourceId: 'l'.repeat(255),
      Data: data,
    }),
  );

test('any text becomes one short line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (text) => {
      const { message, stack } = new DeployError(text.repeat(3));
      expect(stack).toBe(message);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what must not be there
      expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      expect(answerBytes(message)).toBeLessThan(4096);
    }),
  );
});

test('a short text stays as it is', () => {
  expect(shortenToBytes('relation "a" does not exist', 100)).toBe('relation "a" does not exist');
  expect(shortenToBytes('a\n  b\tc ', 100)).toBe('a b c');
  expect(shortenToBytes('0123456789 0123456789', 16)).toBe('0123456789 0 …');
});

test('a text that just fits is not cut, and what is cut leaves room for the log group', () => {
  expect(shortenToBytes('0123456789', 10)).toBe('0123456789');
  expect(shortenToBytes('0123456789', 9)).toBe('01234 …');
  const long = new DeployError('x'.repeat(3_000), '/trueup/shop').message;
  expect(long).toMatch(/^x+ … Log group: \/trueup\/shop \(the one named below does not exist\)\.$/);
  expect(Buffer.byteLength(long)).toBeLessThanOrEqual(1_300);
  expect(Buffer.byteLength(long)).toBeGreaterThan(1_290);
  expect(new DeployError('It failed.').message).toBe('It failed.');
  expect(new DeployError('It failed.')).toMatchObject({ name: 'TrueupError', stack: 'It failed.' });
});

test('as many names as fit, and the number of the others', () => {
  const names = (count: number, length: number) => Array.from({ length: count }, () => 'n'.repeat(length));
  const told = (items: string[]) => buildAttributes({ ...empty, applied: items }, null).Applied;
  // 450 bytes: the last one fits only where nothing is said of others.
  expect(told(names(3, 140))).toBe(names(3, 140).join(', '));
  expect(told(names(4, 140))).toBe(`${names(3, 140).join(', ')} and 1 more`);
  expect(told(names(9, 200))).toBe(`${names(2, 200).join(', ')} and 7 more`);
  expect(told(['n'.repeat(421)])).toBe(`${'n'.repeat(416)} …`);
});

test('attributes: every one, never empty, never too long', () => {
  const names = fc.array(fc.string({ maxLength: 600 }));
  const reports = fc.record({
    ...Object.fromEntries(Object.keys(empty).map((key) => [key, fc.constant([])])),
    applied: names,
    undone: names,
    kept: fc.array(fc.record({ name: fc.string(), reason: fc.string({ maxLength: 300 }) })),
    position: fc.string({ maxLength: 900 }),
    warnings: names,
  }) as unknown as fc.Arbitrary<ConvergeReport>;
  fc.assert(
    fc.property(fc.option(reports), fc.option(fc.string({ maxLength: 2_000 })), (report, note) => {
      const data = buildAttributes(report, note);
      expect(Object.keys(data).sort()).toEqual(Object.values(DEPLOY_ATTRIBUTES).sort());
      expect(answerBytes('SUCCESS', data)).toBeLessThan(4096);
    }),
  );
});

test('attributes read well', () => {
  expect(buildAttributes(empty, null)).toEqual({
    Position: 'none',
    Applied: 'none',
    Undone: 'none',
    Kept: 'none',
    Warnings: 'none',
  });
  const many = Array.from({ length: 40 }, (_, i) => `${String(i).padStart(4, '0')}_a_long_name`);
  expect(buildAttributes({ ...empty, applied: many }, null).Applied).toMatch(
    /^0000_a_long_name, .*, 00\d\d_a_long_name and \d+ more$/,
  );
  expect(buildAttributes({ ...empty, applied: ['x'.repeat(900)] }, null).Applied).toMatch(/^x+ …$/);
  expect(buildAttributes(null, 'It was down.')).toEqual({
    Position: 'unknown',
    Applied: 'none',
    Undone: 'none',
    Kept: 'unknown',
    Warnings: 'It was down.',
  });
  const kept = [
    { name: '0001_a', reason: 'it has no down section' },
    { name: '0002_b', reason: 'its down section runs only when a person names it' },
  ];
  expect(buildAttributes({ ...empty, kept, warnings: ['One.', 'Two.'] }, 'It was down.')).toMatchObject({
    Kept: '0001_a (it has no down section), 0002_b (its down section runs only when a person names it)',
    Warnings: 'It was down.; One.; Two.',
  });
});
