/** Decides which role logs in to a server, and which role's privileges create the login role and the database. */
import { Annotations, Token } from 'aws-cdk-lib';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { loginRoleCheck } from '../validation/name-checks';
import { throwProblems } from '../validation/prop-checks';
import type { DatabaseLogin, MigratorLogin } from './access';
import type { DatabaseOptions, ServerOptions } from './options';

/** The credentials that a server offers. */
export interface ServerLogin {
  readonly databaseName: string;
  /** Secret of the master user, if this app creates the server. */
  readonly secret: secretsmanager.ISecret | undefined;
  /** Returns the server's resource ID; called only for IAM authentication. */
  readonly resourceId: () => string | undefined;
  /** Whether IAM authentication is enabled, as far as it is known at synth. */
  readonly takesTokens: () => boolean;
}

/** Knowledge of the caller that creates a `SchemaDatabase`, which is no option of it. */
export interface DatabaseOrigin {
  /** Whether Trueup creates the server, and with it the initial database. */
  readonly madeHere: boolean;
}

export interface ResolvedLogin {
  readonly login: DatabaseLogin;
  readonly own: MigratorLogin | undefined;
  /** Secret of the role that creates the login role and the database, if the first run is to create either. */
  readonly admin: secretsmanager.ISecret | undefined;
  /** The secrets that the functions read. */
  readonly secrets: readonly secretsmanager.ISecret[];
}

/** Decides the login of a server. @throws {Error} with the place and what is missing */
export function resolveLogin(
  where: string,
  options: ServerOptions,
  server: ServerLogin,
  origin: DatabaseOrigin = { madeHere: false },
): ResolvedLogin {
  const secret = options.secret ?? server.secret;
  const own = resolveMigratorLogin(where, options, server.databaseName, {
    byDefault: isCreatedByTrueup(options, origin) && options.auth === undefined && server.takesTokens(),
  });
  if (own && options.auth === 'secret') {
    throwProblems(where, "login: 'own' logs in with IAM authentication; take auth: 'secret' out");
  }
  const auth = own ? 'iam' : (options.auth ?? 'secret');
  const needsAdmin = own
    ? options.createUser !== false
    : options.createDatabase || (auth === 'iam' && options.createUser !== false);
  if ((auth === 'secret' || needsAdmin) && !secret) {
    throwProblems(
      where,
      "it has no secret to log in with. Give `secret`, or `auth: 'iam'` with `createUser: false`",
    );
  }
  if (auth === 'secret' && (options.user !== undefined || options.createUser !== undefined)) {
    throwProblems(
      where,
      "user and createUser go with login: 'own' or auth: 'iam'; with a secret, the secret says who logs in",
    );
  }
  const admin = needsAdmin ? secret : undefined;
  if (auth === 'secret')
    return { login: { auth, secret: secret! }, own: undefined, admin, secrets: [secret!] };
  const user = own?.user ?? options.user ?? requireMigratorName(where, server.databaseName, "auth: 'iam'");
  const resourceId = server.resourceId() ?? refuseResourceId(where);
  return { login: { auth, user, resourceId }, own, admin, secrets: admin ? [admin] : [] };
}

/** Returns whether Trueup creates the database and no secret was given to log in with. */
export const isCreatedByTrueup = (options: DatabaseOptions, { madeHere }: DatabaseOrigin): boolean =>
  ((madeHere && options.databaseName === undefined) || options.createDatabase === true) &&
  options.secret === undefined;

/**
 * Returns Trueup's dedicated login, or undefined if the login is that of a secret.
 * @param byDefault whether a dedicated login is used if `login` is not set. A database whose name does not give a valid
 * role name then keeps the secret's login.
 * @throws {Error} if `user` has to be given
 */
export function resolveMigratorLogin(
  where: string,
  options: DatabaseOptions,
  databaseName: string,
  { byDefault }: { readonly byDefault: boolean },
): MigratorLogin | undefined {
  if (options.login === 'own')
    return {
      user: options.user ?? requireMigratorName(where, databaseName, "login: 'own'"),
      keepDeployed: false,
    };
  if (options.login !== undefined || !byDefault) return undefined;
  const user = options.user ?? buildMigratorName(databaseName);
  if (user === undefined) return undefined;
  // Without permission to read the server's secret, the functions could not use a login that was kept.
  return { user, keepDeployed: options.createUser !== false };
}

function requireMigratorName(where: string, databaseName: string, what: string): string {
  if (Token.isUnresolved(databaseName)) {
    throwProblems(
      where,
      `${what} names its role after the database, whose name is a token here. Give \`user\``,
    );
  }
  const problem = loginRoleCheck(`${databaseName}_migrator`, 'user, which is made of databaseName,');
  return buildMigratorName(databaseName) ?? throwProblems(where, `${problem}. Give \`user\``);
}

function buildMigratorName(databaseName: string): string | undefined {
  const name = `${databaseName}_migrator`;
  return Token.isUnresolved(databaseName) || loginRoleCheck(name, 'user') !== undefined ? undefined : name;
}

function refuseResourceId(where: string): never {
  throwProblems(where, 'IAM authentication needs its resourceId, which the permission rds-db:connect names');
}

/**
 * Warns about the master user's login: code in the application's tables would run with the master user's wide
 * privileges.
 */
export function warnAboutMasterLogin(
  scope: Construct,
  { _asMaster: asMaster, databaseName }: { readonly _asMaster: boolean; readonly databaseName: string },
): void {
  if (!asMaster) return;
  Annotations.of(scope).addWarningV2(
    'trueup:masterLogin',
    `Trueup logs in to the database ${databaseName} as the server's master user. With login: 'own' it gets a dedicated role: ` +
      'docs/deploying.md, "A role for the migrations".',
  );
}
