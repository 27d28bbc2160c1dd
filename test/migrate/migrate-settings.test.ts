import { describe, expect, it } from 'vitest';
import { TrueupError } from '../../lambda/contract/errors';
import {
  buildMigrateVariables,
  type MigrateVariables,
  readMigrateSettings,
} from '../../lambda/migrate/migrate-settings';

const PG: MigrateVariables = {
  namespace: 'courses',
  transport: 'pg',
  host: 'db.internal',
  port: '5432',
  database: 'courses',
  auth: 'secret',
  secretArn: 'arn:secret',
};
const read = (variables: MigrateVariables) =>
  readMigrateSettings(buildMigrateVariables(variables), '/var/task');

describe('settings of migrate', () => {
  it('come back as they were written', () => {
    expect(read(PG)).toEqual({
      namespace: 'courses',
      ownerRole: null,
      connection: {
        transport: 'pg',
        host: 'db.internal',
        port: 5432,
        database: 'courses',
        login: { auth: 'secret', secretArn: 'arn:secret' },
        rootsFile: null,
      },
      adminSecretArn: null,
      createDatabase: false,
      manifestFile: '/var/task/manifest.json',
    });
    expect(
      read({
        ...PG,
        auth: 'iam',
        user: 'trueup_migrator',
        secretArn: undefined,
        adminSecretArn: 'arn:admin',
        createDatabase: 'true',
        ownerRole: 'app',
        rootsFile: 'roots.pem',
        manifestFile: '/elsewhere/manifest.json',
      }),
    ).toEqual({
      namespace: 'courses',
      ownerRole: 'app',
      connection: {
        transport: 'pg',
        host: 'db.internal',
        port: 5432,
        database: 'courses',
        login: { auth: 'iam', user: 'trueup_migrator' },
        rootsFile: '/var/task/roots.pem',
      },
      adminSecretArn: 'arn:admin',
      createDatabase: true,
      manifestFile: '/elsewhere/manifest.json',
    });
    expect(
      read({
        namespace: 'courses',
        transport: 'data-api',
        clusterArn: 'arn:cluster',
        secretArn: 'arn:secret',
        database: 'courses',
      }).connection,
    ).toEqual({
      transport: 'data-api',
      clusterArn: 'arn:cluster',
      secretArn: 'arn:secret',
      database: 'courses',
    });
  });

  it('may only ask where it is told so', () => {
    expect(read({ ...PG, queryOnly: 'true' }).queryOnly).toBe(true);
    expect(read(PG)).not.toHaveProperty('queryOnly');
    expect(read({ ...PG, metricsOf: 'migrate' }).metricsOf).toBe('migrate');
  });

  it('how many days live statements are guarded for', () => {
    expect(read({ ...PG, workloadDays: '31' }).workloadDays).toBe(31);
    expect(read(PG)).not.toHaveProperty('workloadDays');
  });

  it.each([
    ['own', false],
    ['own-unless-deployed', true],
  ])('a login of its own: %s', (login, keepDeployed) => {
    expect(read({ ...PG, login, user: 'me' }).ownLogin).toEqual({ user: 'me', keepDeployed });
    expect(read(PG)).not.toHaveProperty('ownLogin');
  });

  it.each<[string, MigrateVariables, string]>([
    ['no namespace', { ...PG, namespace: undefined }, 'TRUEUP_NAMESPACE is not set'],
    ['an empty host', { ...PG, host: '' }, 'TRUEUP_HOST is not set'],
    ['a port that is a name', { ...PG, port: 'postgresql' }, 'TRUEUP_PORT is not a port'],
    ['a part of a day', { ...PG, workloadDays: '1.5' }, 'TRUEUP_WORKLOAD_DAYS is not a number of days'],
    ['a port out of range', { ...PG, port: '65536' }, 'TRUEUP_PORT is not a port'],
    ['another transport', { ...PG, transport: 'http' }, 'TRUEUP_TRANSPORT must be pg or data-api'],
    ['another way to log in', { ...PG, auth: 'password' }, 'TRUEUP_AUTH must be secret or iam'],
    ['a secret that is missing', { ...PG, secretArn: undefined }, 'TRUEUP_SECRET_ARN is not set'],
    [
      'another login',
      { ...PG, user: 'me', login: 'mine' },
      'TRUEUP_LOGIN must be own or own-unless-deployed',
    ],
    ['a login without its user', { ...PG, login: 'own' }, 'TRUEUP_USER is not set'],
    ['a user that is missing', { ...PG, auth: 'iam' }, 'TRUEUP_USER is not set'],
    ['a cluster that is missing', { ...PG, transport: 'data-api' }, 'TRUEUP_CLUSTER_ARN is not set'],
  ])('refuse %s by its name', (_, variables, message) => {
    expect(() => read(variables)).toThrow(TrueupError);
    expect(() => read(variables)).toThrow(message);
  });
});
