/** Who logs in to a server, and with whose rights role and database are made. */
import { Token } from 'aws-cdk-lib';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { refuse } from '../validation/check';
import { loginRole } from '../validation/names';
import type { DatabaseLogin } from './access';
import type { ServerOptions } from './options';

/** What a server has to log in with. */
export interface ServerLogin {
  readonly databaseName: string;
  readonly secret: secretsmanager.ISecret | undefined;
  /** Asked for IAM authentication only. */
  readonly resourceId: () => string | undefined;
}

export interface Login {
  readonly login: DatabaseLogin;
  /** Whose rights make the role and the database, where the first run is to make them. */
  readonly admin: secretsmanager.ISecret | undefined;
  /** That are read. */
  readonly secrets: readonly secretsmanager.ISecret[];
}

/** @throws {Error} with the place and what is missing */
export function loginFor(where: string, options: ServerOptions, server: ServerLogin): Login {
  const auth = options.auth ?? 'secret';
  const secret = options.secret ?? server.secret;
  const needsAdmin = options.createDatabase || (auth === 'iam' && options.createUser !== false);
  if ((auth === 'secret' || needsAdmin) && !secret) {
    refuse(
      where,
      "it has no secret to log in with. Give `secret`, or `auth: 'iam'` with `createUser: false`",
    );
  }
  if (auth === 'secret' && (options.user !== undefined || options.createUser !== undefined)) {
    refuse(where, "user and createUser go with auth: 'iam'; with a secret, the secret says who logs in");
  }
  const admin = needsAdmin ? secret : undefined;
  if (auth === 'secret') return { login: { auth, secret: secret! }, admin, secrets: [secret!] };
  const user = options.user ?? migratorOf(where, server.databaseName);
  const resourceId = server.resourceId() ?? refuseResourceId(where);
  return { login: { auth, user, resourceId }, admin, secrets: admin ? [admin] : [] };
}

function migratorOf(where: string, databaseName: string): string {
  if (Token.isUnresolved(databaseName)) {
    refuse(where, "auth: 'iam' names its role after the database, whose name is a token here. Give `user`");
  }
  const name = `${databaseName}_migrator`;
  const problem = loginRole(name, 'user, which is made of databaseName,');
  return problem === undefined ? name : refuse(where, `${problem}. Give \`user\``);
}

function refuseResourceId(where: string): never {
  refuse(where, "auth: 'iam' needs its resourceId, which the permission rds-db:connect names");
}
