import { describe, expect, it } from 'vitest';
import {
  buildDeployEnvironment,
  buildPhysicalResourceId,
  type DeployProperties,
  readDeploySettings,
  readOldProperties,
  readProperties,
} from '../../lambda/contract/custom-resource';

/** All of them: a new one does not compile here, and so comes to be read below. */
const EVERY: Required<DeployProperties> = {
  ManifestHash: 'a1',
  Migrations: ['0001_x 00000000'],
  Target: 'pg:db:5432/app',
  Login: 'iam:trueup_migrator',
  Namespace: 'people',
  OwnerRole: '',
  Adopt: 'false',
  Baseline: '',
  RollbackAfterSuccess: 'true',
  ForceRunToken: '',
  Owner: 'shop/Schema',
  OtherNamespaces: ['a', 'b'],
  Workload: 'w1',
  RemoveWorkload: 'true',
  Fleet: 'f1',
};
const { Owner, OtherNamespaces, ...PROPERTIES } = EVERY;
/** CloudFormation adds its own. */
const received = (change: Record<string, unknown> = {}) => ({
  ServiceToken: 'arn',
  ServiceTimeout: '3200',
  ...PROPERTIES,
  ...change,
});

describe('properties of the custom resource', () => {
  it('are read from strings', () => {
    expect(readProperties(received())).toEqual({
      manifestHash: 'a1',
      target: 'pg:db:5432/app',
      namespace: 'people',
      ownerRole: null,
      adopt: false,
      baseline: null,
      rollbackAfterSuccess: true,
      owner: null,
      otherNamespaces: [],
      workload: 'w1',
    });
    expect(readProperties(received({ Workload: undefined })).workload).toBeNull();
    expect(readProperties(received({ Owner })).owner).toBe('shop/Schema');
    expect(readProperties(received({ OtherNamespaces })).otherNamespaces).toEqual(['a', 'b']);
    expect(readProperties(received({ OwnerRole: 'app', Adopt: 'true', Baseline: '0001_x' }))).toMatchObject({
      ownerRole: 'app',
      adopt: true,
      baseline: '0001_x',
    });
  });

  it('are missed by name', () => {
    expect(() => readProperties(received({ Target: undefined }))).toThrow('no property Target');
    expect(() => readProperties(received({ ManifestHash: '' }))).toThrow('property ManifestHash is empty');
  });

  it('of another version are read as far as they go', () => {
    expect(readOldProperties(received({ Renamed: 'x', OwnerRole: undefined }))).toEqual({
      manifestHash: 'a1',
      target: 'pg:db:5432/app',
      namespace: 'people',
    });
    expect(readOldProperties({ ServiceToken: 'arn' })).toBeNull();
    expect(readOldProperties(undefined)).toBeNull();
  });

  it('give one physical id a namespace', () => {
    expect(buildPhysicalResourceId('people')).toBe('trueup:people');
  });
});

describe('settings of deploy', () => {
  const settings = {
    migrateFunction: 'migrate',
    sliceMs: 90_000,
    timeoutMs: 3_000_000,
    rollbackWaitMs: 300_000,
    answerTimeoutMs: 130_000,
    queryIntervalMs: 5_000,
    logGroup: '/trueup/shop',
  };

  it('come back as they were written', () => {
    expect(readDeploySettings(buildDeployEnvironment(settings))).toEqual(settings);
    expect(
      readDeploySettings(buildDeployEnvironment({ ...settings, answerTimeoutMs: undefined })).answerTimeoutMs,
    ).toBe(150_000);
    const { queryIntervalMs, logGroup, ...least } = settings;
    expect(readDeploySettings(buildDeployEnvironment(least))).toEqual({
      ...least,
      queryIntervalMs,
      logGroup: '',
    });
  });

  it.each([
    ['TRUEUP_MIGRATE_FUNCTION', undefined, 'TRUEUP_MIGRATE_FUNCTION is not set'],
    ['TRUEUP_SLICE_MS', 'soon', 'TRUEUP_SLICE_MS is not a number of milliseconds'],
    ['TRUEUP_TIMEOUT_MS', '0', 'TRUEUP_TIMEOUT_MS is not a number of milliseconds'],
  ])('refuse a wrong %s', (name, value, message) => {
    expect(() => readDeploySettings({ ...buildDeployEnvironment(settings), [name]: value })).toThrow(message);
  });
});
