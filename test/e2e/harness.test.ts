/** What the other tests rely on: the events that a custom resource gets, and from which code. */

import { describe, expect, test } from 'vitest';
import { reason, testApp } from './support/cdk';
import { available, cdk, logLines, physicalId, stackStatus } from './support/scenario';

const app = testApp('events');

describe.runIf(available())('the local AWS', () => {
  const deploy = (version: string, fails = 'nothing', flags: string[] = []) =>
    cdk().deploy(['events'], { app, context: { version, fails }, flags });

  /** `code type now<-before` of each event so far. */
  async function received(): Promise<string[]> {
    const functionName = await physicalId('events', 'AWS::Lambda::Function');
    return (await logLines(`/aws/lambda/${functionName}`))
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
      .map(({ code, type, now, before }) => `${code}: ${type} ${now}${before ? ` from ${before}` : ''}`);
  }

  test('sends what CloudFormation sends, a rollback from the old code', async () => {
    const created = await deploy('1');
    expect(created.exitCode, reason(created)).toBe(0);
    expect(await received()).toEqual(['1: Create 1']);

    const unchanged = await deploy('1');
    expect(unchanged.exitCode).toBe(0);
    expect(unchanged.output).toContain('no changes');

    const failed = await deploy('2', 'Update');
    expect(failed.exitCode).toBe(1);
    expect(await stackStatus('events')).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await received()).toEqual(['1: Create 1', '2: Update 2 from 1', '1: Update 1 from 2']);

    const destroyed = await cdk().destroy(['events'], { app: created.assembly });
    expect(destroyed.exitCode, reason(destroyed)).toBe(0);
    expect(await stackStatus('events')).toBeUndefined();
  });
});
