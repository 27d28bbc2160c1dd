import { expect, test } from 'vitest';
import { readProperties } from '../../lambda/contract/custom-resource';
import { buildConvergeRequest, parseStackOwner } from '../../lambda/deploy/converge-request';
import type { IsCompleteRequest } from '../../lambda/deploy/events';

const properties = (change: Record<string, string> = {}) => ({
  ManifestHash: 'new',
  Migrations: [],
  Target: 'pg:db:5432/shop',
  Login: 'secret:x',
  Namespace: 'shop',
  OwnerRole: '',
  Adopt: 'false',
  Baseline: '',
  RollbackAfterSuccess: 'false',
  ForceRunToken: '',
  ...change,
});
const StackId = 'arn:aws:cloudformation:eu-central-1:111122223333:stack/shop-schema/0a1b';

const event = (change: Partial<IsCompleteRequest> = {}): IsCompleteRequest => ({
  RequestType: 'Update',
  RequestId: 'r-1',
  StackId,
  LogicalResourceId: 'Schema',
  PhysicalResourceId: 'trueup:shop',
  StartedAt: '2026-01-01T00:00:00.000Z',
  ResourceProperties: properties({ ManifestHash: 'old' }),
  OldResourceProperties: properties(),
  ...change,
});
const failed = { reportedSuccess: false, since: '2026-01-01T00:00:00.000Z' } as const;
const back = { direction: 'rollback', failed } as const;
const ask = (
  change: Partial<IsCompleteRequest>,
  situation: Parameters<typeof buildConvergeRequest>[2] = back,
) => {
  const asked = event(change);
  return buildConvergeRequest(asked, readProperties(asked.ResourceProperties), situation);
};

test('the owner is account, region and name, whatever id the stack has', () => {
  expect(parseStackOwner(StackId)).toEqual({
    account: '111122223333',
    region: 'eu-central-1',
    stackName: 'shop-schema',
  });
});

test('a nested stack has the name that was fixed at synth; a construct that sets none has the one of the ARN', () => {
  const nested = (id: string, Owner?: string) =>
    ask({
      StackId: `arn:aws:cloudformation:eu-central-1:111122223333:stack/shop-SchemaNested-${id}/0a1b`,
      ResourceProperties: properties(Owner === undefined ? {} : { Owner }),
    }).owner;
  expect(nested('1ABC', 'shop/Schema')).toMatchObject({ stackName: 'shop/Schema' });
  expect(nested('9XYZ', 'shop/Schema')).toEqual(nested('1ABC', 'shop/Schema'));
  expect(nested('9XYZ')).toMatchObject({ stackName: 'shop-SchemaNested-9XYZ' });
});

test('what the application promises is part of what is asked; so is that it promises nothing', () => {
  expect(ask({ ResourceProperties: properties({ Workload: 'w1' }) }).workload).toBe('w1');
  expect(ask({}).workload).toBeNull();
});

test('what failed is what CloudFormation hands back', () => {
  expect(ask({})).toMatchObject({
    id: 'r-1',
    startedAt: '2026-01-01T00:00:00.000Z',
    direction: 'rollback',
    manifestHash: 'old',
    failed: { manifestHash: 'new', reportedSuccess: false, since: '2026-01-01T00:00:00.000Z' },
    remove: false,
  });
  expect(ask({ RequestType: 'Delete', OldResourceProperties: undefined })).toMatchObject({
    failed: { manifestHash: 'old', reportedSuccess: false, since: '2026-01-01T00:00:00.000Z' },
    remove: true,
  });
  expect(ask({}, { direction: 'forward', failed: null }).failed).toBeNull();
});

test.each([
  ['another database', properties({ Target: 'pg:other:5432/shop' })],
  ['another namespace', properties({ Namespace: 'other' })],
  ['properties of another construct', { Something: 'else' }],
  ['no properties', undefined],
])('%s: nothing that failed is in reach', (_, OldResourceProperties) => {
  expect(ask({ OldResourceProperties }).failed).toBeNull();
});

test('the namespace that the resource had before goes along', () => {
  expect(ask({ OldResourceProperties: properties({ Namespace: 'before' }) }).formerNamespace).toBe('before');
  expect(ask({ OldResourceProperties: undefined }).formerNamespace).toBeNull();
});
