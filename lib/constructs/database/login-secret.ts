/** Creates the password with which Trueup's dedicated login uses the Data API, which does not accept IAM tokens. */
import { Stack } from 'aws-cdk-lib';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledgeNagRule } from '../functions/acknowledge';
import type { SchemaDatabase } from './schema-database';

const loginSecrets = new WeakMap<object, Map<string, secretsmanager.ISecret>>();

/**
 * Returns the login's secret, which all constructs on one database share. If each had its own, they would overwrite
 * each other's password of the role.
 */
export function getLoginSecret(
  scope: Construct,
  { _access: access, _own: own, _server: server, databaseName }: SchemaDatabase,
): secretsmanager.ISecret | undefined {
  if (access.transport !== 'data-api' || own === undefined) return undefined;
  const inApp = loginSecrets.get(scope.node.root) ?? new Map<string, secretsmanager.ISecret>();
  loginSecrets.set(scope.node.root, inApp);
  const { account, region } = Stack.of(scope);
  const key = [account, region, server, databaseName, own.user].join(' ');
  const known = inApp.get(key);
  if (known) return known;
  const secret = new secretsmanager.Secret(scope, 'Login', {
    description: `Trueup: login ${own.user} of database ${databaseName}`,
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ username: own.user }),
      generateStringKey: 'password',
      passwordLength: 40,
      excludePunctuation: true,
    },
  });
  acknowledgeNagRule(
    secret,
    'AwsSolutions-SMG4',
    'Another value is set in the database by the next deployment.',
  );
  inApp.set(key, secret);
  return secret;
}
