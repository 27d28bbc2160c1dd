import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { EXIT, parseOptions, Refusal } from './options';

const STEPS = ['filter-patterns', 'late-failure'];
const ACCOUNT = ['--account', '123456789012', '--region', 'eu-west-1'];
const parse = (...args: string[]) => parseOptions(args, STEPS);

describe('refused, with one sentence', () => {
  it.each([
    [[], /Give --account and --region/],
    [['--account', '123456789012'], /Give --account and --region/],
    [['--region', 'eu-west-1'], /Give --account and --region/],
    [['--account', '12345', '--region', 'eu-west-1'], /12 digits/],
    [['--account', '123456789012', '--region', 'Ireland'], /eu-west-1/],
    [[...ACCOUNT, '--only', 'late'], /no step "late".*filter-patterns, late-failure/],
    [[...ACCOUNT, '--reads-only', '--instance'], /Give one/],
    [[...ACCOUNT, '--run', 'shop'], /eight letters and digits/],
    [[...ACCOUNT, '--sweep', '--run', '../x'], /eight letters and digits/],
    [[...ACCOUNT, '--everything'], /--everything.*--help/s],
  ])('%j', (args, words) => {
    expect(() => parse(...args)).toThrow(Refusal);
    expect(() => parse(...args)).toThrow(words);
  });

  const program = (args: readonly string[], env: NodeJS.ProcessEnv) => () =>
    execFileSync(
      process.execPath,
      ['--import', require.resolve('tsx'), join(__dirname, 'main.ts'), ...args],
      {
        encoding: 'utf8',
        stdio: 'pipe',
        // Whatever is asked goes nowhere.
        env: { ...process.env, AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:9', ...env },
      },
    );
  const refused = (words: RegExp) =>
    expect.objectContaining({ status: EXIT.refused, stderr: expect.stringMatching(words) });

  test('by the program, before anything is asked of AWS', () => {
    expect(program([], {})).toThrow(refused(/^Give --account and --region.*\n$/m));
  });
  test('in CI', () => {
    expect(program(ACCOUNT, { CI: 'true', AWS_ENDPOINT_URL: '' })).toThrow(
      refused(/^This is never run in CI: .*\n$/m),
    );
  });
});

describe('understood', () => {
  it('makes the small stack unless told otherwise', () => {
    expect(parse(...ACCOUNT)).toMatchObject({ mode: 'run', parts: ['reads', 'stack'], yes: false });
    expect(parse(...ACCOUNT, '--reads-only')).toMatchObject({ parts: ['reads'] });
    expect(parse(...ACCOUNT, '--aurora', '--yes')).toMatchObject({
      parts: ['reads', 'stack', 'aurora'],
      yes: true,
    });
    expect(parse(...ACCOUNT, '--only', 'late-failure, filter-patterns')).toMatchObject({
      only: ['late-failure', 'filter-patterns'],
    });
  });
  it('prints the policy without an account', () => {
    expect(parse('--print-policy')).toEqual({ mode: 'policy', target: {}, parts: ['reads', 'stack'] });
  });
  it('sweeps all runs, or one', () => {
    expect(parse(...ACCOUNT, '--sweep')).toMatchObject({ mode: 'sweep', run: undefined });
    expect(parse(...ACCOUNT, '--sweep', '--run', 'rab12cd3')).toMatchObject({
      mode: 'sweep',
      run: 'rab12cd3',
    });
  });
});
